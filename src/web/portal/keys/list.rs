//! `GET /keys`: the account's keys, newest first; never a secret.

use std::collections::HashMap;

use maud::{Markup, html};

use super::{old_secrets, parts};
use crate::base::clock::Timestamp;
use crate::keys::model::{KeyRecord, KeyStatus};
use crate::keys::previous_uses::OldSecrets;
use crate::web::portal::answer::PageResult;
use crate::web::portal::form::Query;
use crate::web::portal::own::Own;
use crate::web::portal::refuse::PageError;
use crate::web::portal::shell::{self, Place};
use crate::web::portal::ui::{self, Column, Kind, Tab};

/// Name of the list in its cursors.
const LIST: &str = "portal_keys";

const COLUMNS: [Column; 7] = [
    Column::text("Name"),
    Column::text("Key"),
    Column::text("Scopes"),
    Column::text("Created"),
    Column::text("Last used"),
    Column::text("Ends"),
    Column::text("Status"),
];

/// Which keys are shown: what the query says, and what it is called.
const STATES: [(&str, &str); 6] = [
    ("", "All"),
    ("active", "Active"),
    ("expiring", "Ending soon"),
    ("disabled", "Disabled"),
    ("expired", "Expired"),
    ("revoked", "Revoked"),
];

pub(super) async fn list(own: Own, query: Query) -> PageResult {
    let wanted = query.0.text("status")?;
    if !STATES.iter().any(|(word, _)| *word == wanted) {
        return Err(PageError::field(
            "status",
            "expected active, expiring, disabled, expired or revoked",
        ));
    }
    let now = own.visit.now;
    let request = query.0.page(LIST)?;
    let found = own
        .keys(&request, !wanted.is_empty(), |key| {
            is_wanted(key, wanted, now)
        })
        .await?;
    let old = own.old_secrets(&found.items).await?;
    let is_first = request.after.is_none();
    let path = href(wanted);
    let actions = own
        .is_developer()
        .then(|| ui::link_button(Kind::Primary, "/keys/new", "Generate key"));
    let is_empty = found.items.is_empty() && found.next.is_none() && is_first;
    let body = html! {
        (ui::style("keys.css"))
        (ui::head("API keys", Some("Each request to the API carries one. A key does what its scopes say, for your account only."), actions.as_ref()))
        (ui::done(&query, &[("revoked", "The key was revoked. Requests with it are refused from now on.")]))
        @if is_empty && wanted.is_empty() {
            (ui::card(None, &ui::empty("No keys yet", "A program that calls the API needs one. It takes a minute.", actions.as_ref())))
        } @else {
            (ui::tabs("Keys by status", &tabs(wanted)))
            (ui::card_flush(None, None, &html! {
                @if found.items.is_empty() && found.next.is_some() {
                    (ui::empty("Not among these", "None of the keys that were looked through is in this state. There are older ones.", None))
                } @else if found.items.is_empty() {
                    (ui::empty("No such keys", "None of your keys is in this state.", None))
                } @else {
                    (ui::table("API keys", &COLUMNS, &rows(&found.items, &old, now)))
                }
                (ui::pager(&path, LIST, &request, found.next.as_deref()))
            }))
        }
    };
    Ok(shell::page(&own, "API keys", Place::Keys, body))
}

fn href(status: &str) -> String {
    if status.is_empty() {
        "/keys".to_owned()
    } else {
        format!("/keys?status={status}")
    }
}

fn tabs(wanted: &str) -> Vec<Tab> {
    STATES
        .iter()
        .map(|(word, label)| Tab {
            href: href(word),
            label: (*label).to_owned(),
            is_current: *word == wanted,
        })
        .collect()
}

fn is_wanted(key: &KeyRecord, wanted: &str, now: Timestamp) -> bool {
    let status = key.status(now);
    match wanted {
        "active" => status == KeyStatus::Active,
        "expiring" => parts::is_expiring(key, now),
        "disabled" => status == KeyStatus::Disabled,
        "expired" => status == KeyStatus::Expired,
        "revoked" => status == KeyStatus::Revoked,
        _ => true,
    }
}

fn rows(keys: &[KeyRecord], old: &HashMap<String, OldSecrets>, now: Timestamp) -> Vec<Vec<Markup>> {
    let row = |key: &KeyRecord| {
        vec![
            html! { a href={ "/keys/" (key.id) } { (key.name) } },
            parts::masked(key),
            parts::scopes(&key.scopes),
            html! { span.nowrap { (ui::day_of(key.created_at)) } },
            last_used(key),
            html! {
                @match key.expires_at {
                    Some(at) => span.nowrap { (ui::day_of(at)) },
                    None => span.muted { "Never" },
                }
            },
            html! { (parts::badge(key, now)) (old_secrets::mark(key, old.get(&key.id), now)) },
        ]
    };
    keys.iter().map(row).collect()
}

fn last_used(key: &KeyRecord) -> Markup {
    match key.last_used_at {
        Some(at) => ui::time(at),
        None => html! { span.muted { "Never" } },
    }
}
