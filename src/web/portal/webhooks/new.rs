//! `GET /webhooks/new` and `POST /webhooks`: a webhook is made, and its secret shown; never shown again.

use http::StatusCode;
use maud::html;

use super::edit::{self, Filled};
use super::{secret, styles};
use crate::base::error::FieldError;
use crate::web::portal::answer::{PageAnswer, PageResult};
use crate::web::portal::form::{FormData, Query};
use crate::web::portal::own::Own;
use crate::web::portal::own::once::{self, Once};
use crate::web::portal::refuse::PageError;
use crate::web::portal::shell::{self, Place};
use crate::web::portal::ui::{self, Kind};

/// The form, for an inbox's address (`inbox`) and with types that were chosen elsewhere (`type`).
pub(super) async fn new(own: Own, Query(query): Query) -> PageResult {
    let mut filled = Filled::read(&query)?;
    if let Some(id) = query.one("inbox")? {
        filled.form.url = own.inbox(id).await?.url.unwrap_or_default();
        "Inbox of the simulator".clone_into(&mut filled.form.description);
    }
    Ok(page(&own, &filled, &once::fresh()))
}

pub(super) async fn create(own: Own, data: FormData) -> PageResult {
    let mut filled = Filled::read(&data)?;
    let sent = data.text("once")?;
    match own.create_webhook(&filled.form, sent).await {
        Ok(Once::Made(made)) => Ok(secret::made(&own, &made)),
        Ok(Once::Before(before)) => Ok(secret::before(&own, &before)),
        Err(PageError::Invalid(errors)) => {
            filled.errors = errors;
            Ok(page(&own, &filled, sent).status(StatusCode::UNPROCESSABLE_ENTITY))
        }
        // A new form, since this one has made its webhook.
        Err(PageError::SentBefore) => {
            let said = "The form was sent before with other words, and a webhook was made then. Send it again to add another webhook.";
            filled.errors = vec![FieldError::new("", said)];
            Ok(page(&own, &filled, &once::fresh()).status(StatusCode::CONFLICT))
        }
        Err(e) => Err(e),
    }
}

fn page(own: &Own, filled: &Filled, once: &str) -> PageAnswer {
    let text = "Each event is posted to your endpoint, signed with a secret that you get next.";
    let body = html! {
        (styles())
        (ui::crumbs(&[("/webhooks", "Webhooks")]))
        (ui::head("Add a webhook", Some(text), None))
        (ui::card(None, &ui::form(&own.visit.csrf, "/webhooks", &html! {
            (ui::hidden("once", once))
            (edit::fields(own, filled))
            p.actions {
                (ui::button(Kind::Primary, "Add webhook"))
                (ui::link_button(Kind::Secondary, "/webhooks", "Cancel"))
            }
        })))
        p.muted { "No endpoint yet? " a href="/webhook-simulator#inboxes" { "Catch events in an inbox" } " first." }
        (ui::script("webhooks.mjs"))
    };
    shell::page(own, "Add a webhook", Place::Webhooks, body)
}
