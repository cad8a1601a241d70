//! `GET /keys/{key}`: one key, what it may do, when it was used, and the form that changes it; never its secret.

use axum::extract::Path;
use http::StatusCode;
use maud::{Markup, html};

use super::{new, old_secrets, parts};
use crate::base::ceilings::NAME_CHARS;
use crate::base::clock::Timestamp;
use crate::base::error::FieldError;
use crate::keys::model::{KeyRecord, KeyStatus};
use crate::web::portal::answer::PageResult;
use crate::web::portal::form::Query;
use crate::web::portal::own::Own;
use crate::web::portal::shell::{self, Place};
use crate::web::portal::ui::{self, Choice, Field, Kind};

pub(super) async fn show(own: Own, Path(id): Path<String>, query: Query) -> PageResult {
    let key = own.key(&id).await?;
    let said = ui::done(
        &query,
        &[
            ("changed", "The key was changed."),
            ("enabled", "The key works again."),
            (
                "disabled",
                "The key is off: requests with it are refused until you switch it on.",
            ),
        ],
    );
    page(&own, &key, &Filled::of(&key), &[], &said).await
}

/// What the form that changes a key has in it.
pub(super) struct Filled {
    pub(super) name: String,
    pub(super) scopes: Vec<String>,
    pub(super) allowed_ips: String,
    pub(super) is_disabled: bool,
}

impl Filled {
    fn of(key: &KeyRecord) -> Self {
        let lines: Vec<_> = key.allowed_ips.iter().map(ToString::to_string).collect();
        Self {
            name: key.name.clone(),
            scopes: key.scopes.clone(),
            allowed_ips: lines.join("\n"),
            is_disabled: key.disabled,
        }
    }
}

/// The page, with what is wrong with the form.
pub(super) async fn page(
    own: &Own,
    key: &KeyRecord,
    filled: &Filled,
    errors: &[FieldError],
    said: &Markup,
) -> PageResult {
    let now = own.visit.now;
    let old = own.old_secrets(std::slice::from_ref(key)).await?;
    let old = old.get(&key.id);
    let is_alive = key.revoked_at.is_none();
    let path = format!("/keys/{}", key.id);
    let actions = (own.is_developer() && is_alive).then(|| {
        html! {
            @if key.status(now) != KeyStatus::Expired {
                (ui::link_button(Kind::Secondary, &format!("{path}/rotate"), "Rotate"))
            }
            (ui::link_button(Kind::Secondary, &format!("{path}/revoke"), "Revoke"))
        }
    });
    let body = html! {
        (ui::style("keys.css"))
        (ui::crumbs(&[("/keys", "API keys")]))
        (ui::head(&key.name, None, actions.as_ref()))
        (said)
        (ui::error_summary(errors, &parts::NAMES))
        (old_secrets::told(key, old, now))
        div.columns {
            (ui::card(Some("Key"), &facts(key, now)))
            (ui::card(Some("What it may do"), &parts::explained(&own.config().scopes, &key.scopes)))
        }
        (old_secrets::uses(key, old, now))
        @if own.is_developer() && is_alive {
            (ui::card(Some("Change it"), &form(own, &path, filled, errors)))
        }
        (ui::script("keys.mjs"))
    };
    let answer = shell::page(own, &key.name, Place::Keys, body);
    Ok(if errors.is_empty() {
        answer
    } else {
        answer.status(StatusCode::UNPROCESSABLE_ENTITY)
    })
}

fn facts(key: &KeyRecord, now: Timestamp) -> Markup {
    let mut rows = vec![
        ("Status", parts::badge(key, now)),
        ("Secret", parts::masked(key)),
        ("Id", html! { code { (key.id) } }),
        ("Created", ui::time(key.created_at)),
        ("Last used", last_used(key)),
        ("Ends", parts::ends(key.expires_at)),
        ("Used from", parts::addresses(&key.allowed_ips)),
    ];
    if let Some(at) = key.revoked_at {
        rows.insert(1, ("Revoked", ui::time(at)));
    }
    ui::key_values(&rows)
}

fn last_used(key: &KeyRecord) -> Markup {
    html! {
        @match key.last_used_at {
            Some(at) => {
                (ui::time(at))
                @if let Some(ip) = key.last_used_ip { " from " code { (ip) } }
            }
            None => "Never",
        }
    }
}

fn form(own: &Own, path: &str, filled: &Filled, errors: &[FieldError]) -> Markup {
    let chosen: Vec<&str> = filled.scopes.iter().map(String::as_str).collect();
    let content = html! {
        (ui::field(&Field {
            name: "name",
            label: "Name",
            error: ui::error_of(errors, "name"),
            value: &filled.name,
            most: NAME_CHARS,
            is_required: true,
            ..Field::default()
        }))
        (parts::picker(&own.config().scopes, &chosen, ui::error_of(errors, "scope")))
        (new::addresses(&filled.allowed_ips, errors))
        (ui::checks(&Field { name: "disabled", label: "Status", is_required: true, ..Field::default() }, &[Choice {
            value: "yes",
            label: "Off for now",
            hint: Some("Requests with the key are refused as if it were revoked, until you switch it on again."),
            is_chosen: filled.is_disabled,
        }]))
        p.actions { (ui::button(Kind::Primary, "Save changes")) }
    };
    ui::form(&own.visit.csrf, path, &content)
}
