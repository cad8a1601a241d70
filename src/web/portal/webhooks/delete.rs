//! `GET` and `POST /webhooks/{webhook}/delete`: asks first, then deletes; never its log.

use axum::extract::Path;
use maud::html;

use super::styles;
use crate::web::portal::answer::{PageAnswer, PageResult};
use crate::web::portal::form::FormData;
use crate::web::portal::own::Own;
use crate::web::portal::shell::{self, Place};
use crate::web::portal::ui;

pub(super) async fn ask(own: Own, Path(id): Path<String>) -> PageResult {
    let webhook = own.webhook(&id).await?;
    let path = format!("/webhooks/{id}");
    let body = html! {
        (styles())
        (ui::crumbs(&[("/webhooks", "Webhooks"), (&path, &webhook.url)]))
        (ui::confirm(&ui::Confirm {
            csrf: &own.visit.csrf,
            title: "Delete this webhook?",
            text: html! {
                p { "Nothing is sent to " span.address { (webhook.url) } " any more, and what waits for it is cancelled. Its deliveries stay in the log. This cannot be undone." }
                p.muted { "It may take two seconds: an attempt that has begun may end first." }
            },
            fields: html! {},
            action: &format!("{path}/delete"),
            button: "Delete webhook",
            is_final: true,
            back: &path,
        }))
    };
    Ok(shell::page(&own, "Delete webhook", Place::Webhooks, body))
}

pub(super) async fn delete(own: Own, Path(id): Path<String>, _: FormData) -> PageResult {
    own.delete_webhook(&id).await?;
    Ok(PageAnswer::see_other("/webhooks?done=deleted"))
}
