//! `GET` and `POST /keys/{key}/rotate`: a new secret, and how long the old one is still good; never the old one shown.

use std::time::Duration;

use axum::extract::Path;
use maud::html;

use super::create;
use crate::keys::model::KeyRecord;
use crate::web::portal::answer::PageResult;
use crate::web::portal::form::FormData;
use crate::web::portal::own::Own;
use crate::web::portal::own::once::{self, Once};
use crate::web::portal::refuse::PageError;
use crate::web::portal::shell::{self, Place};
use crate::web::portal::ui::{self, Choice, Confirm, Field};

/// How long the old secret may be good still, in seconds.
const GRACES: [(&str, &str); 5] = [
    ("0", "Not at all"),
    ("3600", "One hour"),
    ("86400", "One day"),
    ("604800", "A week"),
    ("2592000", "30 days"),
];
/// The one that is chosen at first: long enough to change over, short enough not to be forgotten.
const USUAL: &str = "86400";

pub(super) async fn ask(own: Own, Path(id): Path<String>) -> PageResult {
    let key = own.key(&id).await?;
    alive(&key)?;
    let path = format!("/keys/{id}");
    let choices = GRACES.map(|(value, label)| Choice {
        value,
        label,
        hint: (value == "0")
            .then_some("The old secret stops working at once: for one that leaked."),
        is_chosen: value == USUAL,
    });
    let body = html! {
        (ui::crumbs(&[("/keys", "API keys"), (&path, &key.name)]))
        (ui::confirm(&Confirm {
            csrf: &own.visit.csrf,
            title: "Rotate the key",
            text: html! {
                p { "“" (key.name) "” gets a new secret, shown once on the next page. Name, scopes and expiry stay. Put the new secret where the old one is before that ends." }
            },
            fields: html! {
                (ui::hidden("once", &once::fresh()))
                (ui::radios(&Field {
                    name: "grace_seconds",
                    label: "How long does the old secret still work?",
                    is_required: true,
                    ..Field::default()
                }, &choices))
            },
            action: &format!("{path}/rotate"),
            button: "Rotate the key",
            is_final: false,
            back: &path,
        }))
    };
    Ok(shell::page(&own, "Rotate the key", Place::Keys, body))
}

pub(super) async fn rotate(own: Own, Path(id): Path<String>, form: FormData) -> PageResult {
    let grace = form.text("grace_seconds")?;
    let is_known = GRACES.iter().any(|(value, _)| *value == grace);
    let seconds = grace.parse::<u64>().ok().filter(|_| is_known);
    let seconds = seconds.ok_or_else(|| {
        PageError::field(
            "grace_seconds",
            "expected 0, 3600, 86400, 604800 or 2592000",
        )
    })?;
    let grace = Duration::from_secs(seconds);
    match own.rotate_key(&id, grace, form.text("once")?).await? {
        Once::Made(made) => {
            let more = html! {
                @if seconds == 0 {
                    p { "The old secret works no longer." }
                } @else {
                    p { "The old secret works for " (ui::when_left(grace)) " more. Its last use is shown on the key's page, so that you see whether anything still has it." }
                }
            };
            Ok(create::shown(&own, "Key rotated", &made, &more))
        }
        Once::Before(before) => Ok(create::before(&own, &before)),
    }
}

/// `Ok` unless the key was revoked.
fn alive(key: &KeyRecord) -> Result<(), PageError> {
    match key.revoked_at {
        None => Ok(()),
        Some(_) => Err(PageError::Conflict(
            "The key was revoked. Generate another one.".to_owned(),
        )),
    }
}
