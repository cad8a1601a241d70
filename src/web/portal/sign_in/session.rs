//! `GET /session`: who is signed in, for which account, as what, and until when; never a secret.

use maud::{Markup, html};

use crate::config::model::{Plan, Rate};
use crate::portal::model::Role;
use crate::web::portal::answer::PageResult;
use crate::web::portal::own::Own;
use crate::web::portal::shell::{self, Place};
use crate::web::portal::ui::{self, Kind, Tone};

pub(super) async fn show(own: Own) -> PageResult {
    let (name, plan) = own.plan().await?;
    let session = &own.visit.session;
    let role = match session.role {
        Role::Developer => {
            html! { (ui::badge(Tone::Info, "Developer")) " sees and changes everything" }
        }
        Role::Viewer => html! { (ui::badge(Tone::Neutral, "Viewer")) " sees everything" },
    };
    let body = html! {
        (ui::head("Your session", None, None))
        (ui::card(None, &ui::key_values(&[
            ("Signed in as", html! { (session.person.shown()) }),
            ("Account", html! { code { (session.account_id) } }),
            ("Role", role),
            ("Signed in", ui::time(session.made_at)),
            ("Ends", html! { (ui::time(session.ends_at)) ", or after half an hour without use" }),
        ])))
        (ui::card(Some("Plan and limits"), &limits(&name, plan.as_ref())))
        (ui::form(&own.visit.csrf, "/sign-out", &html! {
            p.actions { (ui::button(Kind::Secondary, "Sign out")) }
        }))
    };
    Ok(shell::page(&own, "Your session", Place::Nowhere, body))
}

fn limits(name: &str, plan: Option<&Plan>) -> Markup {
    let Some(plan) = plan else {
        return html! { p { "Plan " code { (name) } " has no limits that are known here." } };
    };
    let number = |n: Option<u64>| match n {
        Some(n) => html! { (ui::number(n)) " requests" },
        None => html! { "unlimited" },
    };
    let mut rows = vec![("Plan", html! { (name) })];
    rows.push(("Rate per key", rate(&plan.rate)));
    if let Some(shared) = &plan.account_rate {
        rows.push(("Rate of all keys", rate(shared)));
    }
    rows.push(("Per hour", number(plan.quotas.hour)));
    rows.push(("Per month", number(plan.quotas.month)));
    rows.push(("Keys", html! { "up to " (ui::number(plan.max_keys)) }));
    ui::key_values(&rows)
}

fn rate(r: &Rate) -> Markup {
    html! {
        (ui::number(r.requests)) " requests per "
        @if r.per_seconds == 1 { "second" } @else { (ui::number(r.per_seconds)) " seconds" }
        ", bursts of " (ui::number(r.burst))
    }
}
