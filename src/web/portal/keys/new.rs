//! `GET /keys/new`: the steps to a new key, each a form that carries what was said; never one that makes it.

use http::StatusCode;
use maud::{Markup, html};

use super::draft::{Draft, Step};
use super::parts;
use crate::base::ceilings::NAME_CHARS;
use crate::base::error::FieldError;
use crate::keys::input::EXPIRY_DAYS;
use crate::web::portal::answer::{PageAnswer, PageResult};
use crate::web::portal::form::Query;
use crate::web::portal::own::Own;
use crate::web::portal::own::once;
use crate::web::portal::shell::{self, Place};
use crate::web::portal::ui::{self, Choice, Field, Kind};

pub(super) async fn new(own: Own, Query(query): Query) -> PageResult {
    let draft = Draft::read(&query)?;
    let wanted = Step::of(query.one("step")?);
    let (step, error) = draft.step(wanted, &own.config().scopes);
    let errors: Vec<FieldError> = error.into_iter().collect();
    Ok(page(&own, &draft, step, &errors, &once::fresh()))
}

/// One step with what is wrong; `once` is what the form carries that makes the key.
pub(super) fn page(
    own: &Own,
    draft: &Draft,
    step: Step,
    errors: &[FieldError],
    once: &str,
) -> PageAnswer {
    let known = &own.config().scopes;
    let content = match step {
        Step::Name => name(draft, errors),
        Step::Scopes => scopes(draft, errors, known),
        Step::Expiry => expiry(draft, errors),
        Step::Review => review(own, draft, once),
    };
    let form = match step {
        Step::Review => content,
        _ => onwards(draft, step, &content),
    };
    let body = html! {
        (ui::style("keys.css"))
        (ui::crumbs(&[("/keys", "API keys")]))
        (ui::head("Generate a key", None, None))
        (ui::steps(&steps(draft, step)))
        (ui::error_summary(errors, &parts::NAMES))
        (ui::card(None, &form))
        (ui::script("keys.mjs"))
    };
    let answer = shell::page(own, "Generate a key", Place::Keys, body);
    if errors.is_empty() {
        answer
    } else {
        answer.status(StatusCode::UNPROCESSABLE_ENTITY)
    }
}

fn steps(draft: &Draft, at: Step) -> Vec<ui::Step> {
    let labels = ["Name", "Scopes", "Expiry", "Review"];
    Step::ALL
        .into_iter()
        .zip(labels)
        .map(|(step, label)| ui::Step {
            label,
            href: (step < at).then(|| draft.href(step)),
            is_current: step == at,
            is_done: step < at,
        })
        .collect()
}

/// The form of a step that is not the last: it asks for the next one and carries everything else.
fn onwards(draft: &Draft, step: Step, content: &Markup) -> Markup {
    let back = Step::ALL.into_iter().rev().find(|s| *s < step);
    ui::get_form(
        "/keys/new",
        &html! {
            (ui::hidden("step", step.next().word()))
            @for (name, value) in draft.fields(step) { (ui::hidden(name, &value)) }
            (content)
            p.actions {
                (ui::button(Kind::Primary, "Continue"))
                @match back {
                    Some(step) => (ui::link_button(Kind::Secondary, &draft.href(step), "Back")),
                    None => (ui::link_button(Kind::Secondary, "/keys", "Cancel")),
                }
            }
        },
    )
}

fn name(draft: &Draft, errors: &[FieldError]) -> Markup {
    ui::field(&Field {
        name: "name",
        label: "Name",
        hint: Some(
            "What will use the key, such as “Nightly sync, production”. One key for each program lets you revoke one without the others.",
        ),
        error: ui::error_of(errors, "name"),
        value: &draft.name,
        most: NAME_CHARS,
        is_required: true,
        ..Field::default()
    })
}

fn scopes(draft: &Draft, errors: &[FieldError], known: &[(String, String)]) -> Markup {
    let chosen: Vec<&str> = draft.scopes.iter().map(String::as_str).collect();
    html! {
        h2 { "What may the key do?" }
        p.muted { "Choose as little as the program needs. Write does not include read." }
        (parts::picker(known, &chosen, ui::error_of(errors, "scope")))
    }
}

fn expiry(draft: &Draft, errors: &[FieldError]) -> Markup {
    let days = EXPIRY_DAYS.map(|d| (d.to_string(), format!("In {d} days")));
    let mut choices: Vec<Choice<'_>> = days
        .iter()
        .map(|(value, label)| Choice {
            value,
            label,
            is_chosen: draft.expires == *value,
            ..Choice::default()
        })
        .collect();
    choices.push(Choice {
        value: "never",
        label: "Never",
        hint: Some("Until you revoke it. Rotate such a key from time to time."),
        is_chosen: draft.expires == "never",
    });
    html! {
        (ui::radios(&Field {
            name: "expires",
            label: "When does the key end?",
            hint: Some("After that, requests with it are refused. You will be reminded here."),
            error: ui::error_of(errors, "expires"),
            is_required: true,
            ..Field::default()
        }, &choices))
        (addresses(&draft.allowed_ips.join("\n"), errors))
    }
}

/// Where a key may be used from.
pub(super) fn addresses(value: &str, errors: &[FieldError]) -> Markup {
    let f = Field {
        name: "allowed_ips",
        label: "Addresses it may be used from",
        hint: Some(
            "One address or network a line, such as 203.0.113.0/24. Leave it empty for anywhere.",
        ),
        error: ui::error_of(errors, "allowed_ips"),
        value,
        is_mono: true,
        ..Field::default()
    };
    ui::text_area(&f, 3)
}

fn review(own: &Own, draft: &Draft, once: &str) -> Markup {
    let now = own.visit.now;
    let ends = draft.expiry().and_then(|e| e.instant(now).ok()).flatten();
    let change = |step: Step| html! { a.small href=(draft.href(step)) { "Change" } };
    ui::form(
        &own.visit.csrf,
        "/keys",
        &html! {
            (ui::hidden("once", once))
            @for (name, value) in draft.fields(Step::Review) { (ui::hidden(name, &value)) }
            (ui::key_values(&[
                ("Name", html! { (draft.name) " " (change(Step::Name)) }),
                ("Scopes", html! { (parts::explained(&own.config().scopes, &draft.scopes)) (change(Step::Scopes)) }),
                ("Ends", html! { (parts::ends(ends)) " " (change(Step::Expiry)) }),
                ("Used from", html! { (parts::addresses(&draft.allowed_ips)) " " (change(Step::Expiry)) }),
            ]))
            p.muted { "The key is shown once, on the next page." }
            p.actions {
                (ui::button(Kind::Primary, "Generate key"))
                (ui::link_button(Kind::Secondary, "/keys", "Cancel"))
            }
        },
    )
}
