//! `GET` and `POST /webhooks/{webhook}/secret`, and the page that shows a secret once; never a secret a second time.

use axum::extract::Path;
use maud::{Markup, html};

use super::{act, parts, styles};
use crate::base::audit::IdempotentAnswer;
use crate::web::portal::answer::{PageAnswer, PageResult};
use crate::web::portal::form::FormData;
use crate::web::portal::own::Own;
use crate::web::portal::own::once::{self, Once};
use crate::web::portal::shell::{self, Place};
use crate::web::portal::simulator::snippets;
use crate::web::portal::ui::{self, Kind, Tone};
use crate::webhooks::service::Made;

/// Asks whether a new secret is wanted.
pub(super) async fn ask(own: Own, Path(id): Path<String>) -> PageResult {
    let webhook = own.webhook(&id).await?;
    let path = format!("/webhooks/{id}");
    let body = html! {
        (styles())
        (ui::crumbs(&[("/webhooks", "Webhooks"), (&path, &webhook.url)]))
        (ui::confirm(&ui::Confirm {
            csrf: &own.visit.csrf,
            title: "Make a new signing secret",
            text: html! {
                p { "For 24 hours each message carries two signatures, of the old secret and of the new one. Either verifies, so that you can put the new one in whenever it suits you. After that only the new one signs." }
                @if let Some(until) = webhook.previous_secret_valid_until {
                    (ui::notice(Tone::Warn, &html! { "The secret was changed a short while ago. The one before it still signs until " (ui::time(until)) "." }))
                }
            },
            fields: ui::hidden("once", &once::fresh()),
            action: &format!("{path}/secret"),
            button: "Make a new secret",
            is_final: false,
            back: &path,
        }))
    };
    Ok(shell::page(
        &own,
        "New signing secret",
        Place::Webhooks,
        body,
    ))
}

pub(super) async fn rotate(own: Own, Path(id): Path<String>, data: FormData) -> PageResult {
    Ok(match own.rotate_webhook(&id, data.text("once")?).await? {
        Once::Made(made) => page(&own, "Your new signing secret", &made, rotated(&made)),
        Once::Before(before) => self::before(&own, &before),
    })
}

fn rotated(made: &Made) -> Markup {
    html! {
        @if let Some(until) = made.endpoint.previous_secret_valid_until {
            p { "The old secret signs as well until " (ui::time(until)) ". If somebody else knows it, put the new one into your endpoint and then " a href={ "/webhooks/" (made.endpoint.id) "/old-secret" } { "end the old one" } "." }
        }
    }
}

/// The page of a webhook that was made just now.
pub(super) fn made(own: &Own, made: &Made) -> PageAnswer {
    let next = html! {
        p.chips { "Events: " @for one in &made.endpoint.event_types { (parts::type_chip(one)) " " } }
    };
    page(own, "Webhook added", made, next)
}

fn page(own: &Own, title: &str, made: &Made, more: Markup) -> PageAnswer {
    let path = format!("/webhooks/{}", made.endpoint.id);
    let body = html! {
        (styles())
        (ui::crumbs(&[("/webhooks", "Webhooks"), (&path, &made.endpoint.url)]))
        (ui::head(title, None, None))
        (ui::card(None, &html! {
            (ui::secret_once("Signing secret", &made.secret))
            (more)
            div.actions {
                (act(own, &format!("{path}/test"), Kind::Primary, "Send a test"))
                (ui::link_button(Kind::Secondary, &path, "Open the webhook"))
            }
        }))
        (ui::card(Some("Verify what arrives"), &html! {
            p.muted { "Anybody can post to a public address. These are whole endpoints with nothing to install; give them the secret in " code { "WEBHOOK_SECRET" } "." }
            (snippets::samples())
        }))
    };
    shell::page(own, title, Place::Webhooks, body)
}

/// The page of a form that was sent before.
pub(super) fn before(own: &Own, before: &IdempotentAnswer) -> PageAnswer {
    let path = format!("/webhooks/{}", once::made_before(before));
    let body = html! {
        (styles())
        (ui::crumbs(&[("/webhooks", "Webhooks")]))
        (ui::head("This was done already", None, None))
        (ui::card(None, &html! {
            p { "The form was sent before. Its secret was shown then, and is shown once only. If you do not have it, make a new one." }
            p.actions {
                (ui::link_button(Kind::Primary, &path, "Open the webhook"))
                (ui::link_button(Kind::Secondary, &format!("{path}/secret"), "Make a new secret"))
            }
        }))
    };
    shell::page(own, "This was done already", Place::Webhooks, body)
}
