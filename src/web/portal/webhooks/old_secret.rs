//! `GET` and `POST /webhooks/{webhook}/old-secret`: asks first, then ends the secret before the present one; never the present one.

use axum::extract::Path;
use maud::html;

use super::styles;
use crate::web::portal::answer::{PageAnswer, PageResult};
use crate::web::portal::form::FormData;
use crate::web::portal::own::Own;
use crate::web::portal::shell::{self, Place};
use crate::web::portal::ui::{self, Kind};

pub(super) async fn ask(own: Own, Path(id): Path<String>) -> PageResult {
    let webhook = own.webhook(&id).await?;
    let path = format!("/webhooks/{id}");
    let title = "End the old signing secret now?";
    let question = match webhook.previous_secret_valid_until {
        Some(until) => ui::confirm(&ui::Confirm {
            csrf: &own.visit.csrf,
            title,
            text: html! {
                p { "The old secret signs as well until " (ui::time(until)) ". If somebody else knows it, end it now: from then on messages carry one signature, of the new secret." }
                p { strong { "Put the new secret into your endpoint first." } " An endpoint that knows only the old one refuses everything from now on; such deliveries count as failed and are retried." }
                p { "Ending it here does not change your endpoint. Take the old secret out of it as well: whoever knows that secret can sign messages that your endpoint takes for ours." }
                p.muted { "It takes two seconds: an attempt that has begun may end first. This cannot be undone." }
            },
            fields: html! {},
            action: &format!("{path}/old-secret"),
            button: "End the old secret",
            is_final: true,
            back: &path,
        }),
        None => html! {
            (ui::head("There is no old secret", None, None))
            (ui::card(None, &html! {
                p { "Only the present signing secret signs." }
                p.actions { (ui::link_button(Kind::Primary, &path, "Open the webhook")) }
            }))
        },
    };
    let body = html! {
        (styles())
        (ui::crumbs(&[("/webhooks", "Webhooks"), (&path, &webhook.url)]))
        (question)
    };
    Ok(shell::page(
        &own,
        "Old signing secret",
        Place::Webhooks,
        body,
    ))
}

pub(super) async fn end(own: Own, Path(id): Path<String>, _: FormData) -> PageResult {
    own.revoke_previous_secrets(&id).await?;
    let place = format!("/webhooks/{id}?done=old-secret-ended");
    Ok(PageAnswer::see_other(&place))
}
