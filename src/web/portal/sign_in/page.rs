//! `GET /sign-in`: how to get in; never a form for a password.

use maud::{Markup, html};

use crate::config::model::Config;
use crate::web::portal::answer::{PageAnswer, PageResult};
use crate::web::portal::form::Query;
use crate::web::portal::guard::Guest;
use crate::web::portal::shell::{self, Place};
use crate::web::portal::ui::{self, Kind, Tone};

pub(super) async fn sign_in(guest: Guest, Query(query): Query) -> PageResult {
    let said = match query.one("done")? {
        Some("signed-out") => Some("You are signed out."),
        _ => None,
    };
    if guest.visit.is_some() {
        return Ok(PageAnswer::see_other("/"));
    }
    Ok(PageAnswer::html(markup(&guest.config, said)))
}

/// The page; also what stands in place of every other while nobody is signed in.
pub(in crate::web::portal) fn markup(config: &Config, said: Option<&str>) -> Markup {
    let portal = &config.portal;
    let body = html! {
        div.door {
            (ui::icon(ui::Icon::Mark))
            h1 { "Sign in to " (portal.title) }
            @if let Some(said) = said { (ui::notice(Tone::Ok, &html! { (said) })) }
            @if let Some(url) = &portal.sign_in_url {
                p { "Your keys, usage and webhooks are behind your account." }
                p.actions { a.button.primary href=(url) { "Sign in" } }
            } @else {
                p { "Open this page from the application where your account is: it signs you in with a link that works once." }
            }
            @if portal.demo_account.is_some() {
                (ui::open_form("/sign-in/demo", &html! {
                    p.actions { (ui::button(Kind::Primary, "Open the demo account")) }
                    p.small.muted { "This is a demo: whoever reaches it may look around." }
                }))
            }
            @if crate::web::portal::table::has("/docs") {
                p.small { a href="/docs" { "Read the documentation" } }
            }
        }
    };
    shell::markup(config, None, "Sign in", Place::Nowhere, &body)
}
