//! Pieces that the pages of keys share: states, prefixes, scopes; never a whole page.

use maud::{Markup, html};

use crate::base::ceilings::portal::{KEY_EXPIRING_NOW, KEY_EXPIRING_SOON};
use crate::base::clock::Timestamp;
use crate::base::error::FieldError;
use crate::keys::model::{KeyRecord, KeyStatus};
use crate::web::portal::ui::{self, Tone};

/// Scopes of a key that a list names; the others are counted.
const SCOPES_NAMED: usize = 2;

/// What forms of keys call their fields, for the list of what is wrong.
pub(super) const NAMES: [(&str, &str); 5] = [
    ("name", "Name"),
    ("scope", "Scopes"),
    ("expires", "Expiry"),
    ("allowed_ips", "Addresses"),
    ("confirm", "Last four characters"),
];

/// What is wrong, with fields as the forms name them.
pub(super) fn named(errors: Vec<FieldError>) -> Vec<FieldError> {
    let rename = |e: FieldError| {
        let field = match e.field.split(['[', '.']).next() {
            Some("scopes") => "scope".to_owned(),
            Some("expires_in_days" | "expires_at") => "expires".to_owned(),
            Some("allowed_ips") => "allowed_ips".to_owned(),
            _ => e.field,
        };
        FieldError::new(field, e.message)
    };
    errors.into_iter().map(rename).collect()
}

/// Whether a key works and ends soon.
pub(super) fn is_expiring(key: &KeyRecord, now: Timestamp) -> bool {
    key.status(now) == KeyStatus::Active
        && key
            .expires_at
            .is_some_and(|at| at.since(now) < KEY_EXPIRING_SOON)
}

/// What a key is, in a word.
pub(super) fn badge(key: &KeyRecord, now: Timestamp) -> Markup {
    match key.status(now) {
        KeyStatus::Active if is_expiring(key, now) => {
            let left = key.expires_at.unwrap_or(now).since(now);
            let tone = if left < KEY_EXPIRING_NOW {
                Tone::Bad
            } else {
                Tone::Warn
            };
            ui::badge(tone, &format!("Ends in {}", ui::when_left(left)))
        }
        KeyStatus::Active => ui::badge(Tone::Ok, "Active"),
        KeyStatus::Disabled => ui::badge(Tone::Neutral, "Disabled"),
        KeyStatus::Expired => ui::badge(Tone::Neutral, "Expired"),
        KeyStatus::Revoked => ui::badge(Tone::Bad, "Revoked"),
    }
}

/// What is known of a key's secret.
pub(super) fn masked(key: &KeyRecord) -> Markup {
    html! { code.nowrap { (key.prefix) "_…" (key.last_four) } }
}

/// The scopes of a key, the first few by name.
pub(super) fn scopes(all: &[String]) -> Markup {
    let (named, others) = all.split_at(all.len().min(SCOPES_NAMED));
    html! {
        span.chips {
            @for scope in named { code.chip { (scope) } " " }
            @if !others.is_empty() {
                span.muted.small title=(others.join(", ")) { "and " (others.len()) " more" }
            }
        }
    }
}

/// The scopes of a key, each with what it allows.
pub(super) fn explained(known: &[(String, String)], all: &[String]) -> Markup {
    html! {
        ul.explained {
            @for scope in all {
                li {
                    code { (scope) }
                    @if let Some((_, text)) = known.iter().find(|(name, _)| name == scope) {
                        span.muted { (text) }
                    } @else {
                        span.muted { "No longer known: it allows nothing." }
                    }
                }
            }
        }
    }
}

/// A scope with its number among all.
type Numbered<'a> = (usize, &'a (String, String));

/// Boxes for scopes: grouped by what they are of, read and write side by side, each with what it allows.
pub(super) fn picker(known: &[(String, String)], chosen: &[&str], error: Option<&str>) -> Markup {
    let mut groups: Vec<(&str, Vec<Numbered<'_>>)> = Vec::new();
    for scope in known.iter().enumerate() {
        let of = scope.1.0.split(':').next().unwrap_or_default();
        match groups.iter_mut().find(|(name, _)| *name == of) {
            Some((_, scopes)) => scopes.push(scope),
            None => groups.push((of, vec![scope])),
        }
    }
    html! {
        div.picker data-scopes {
            @if let Some(error) = error { p.error #e-scope { (error) } }
            div.picker-tools hidden data-scope-tools {
                button.button type="button" data-choose="read" { "All that read" }
                button.button type="button" data-choose="all" { "All" }
                button.button type="button" data-choose="none" { "None" }
                span.muted.small role="status" data-scope-count {}
            }
            @for (name, scopes) in &groups {
                fieldset.scope-group aria-describedby=[error.map(|_| "e-scope")] {
                    legend { (title(name)) }
                    div.scope-row {
                        @for (n, (scope, text)) in scopes {
                            @let id = if *n == 0 { "f-scope".to_owned() } else { format!("f-scope-{n}") };
                            div.choice {
                                input type="checkbox" name="scope" id=(id) value=(scope) checked[chosen.contains(&scope.as_str())]
                                    aria-describedby={ "h-" (id) };
                                div {
                                    label for=(id) { code { (scope) } }
                                    p.hint id={ "h-" (id) } { (text) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn title(name: &str) -> String {
    let mut chars = name.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string());
    format!("{}{}", first.unwrap_or_default(), chars.as_str())
}

/// Where a key may be used from.
pub(super) fn addresses(all: &[impl std::fmt::Display]) -> Markup {
    html! {
        @if all.is_empty() { "Anywhere" }
        @for (n, address) in all.iter().enumerate() {
            @if n > 0 { ", " }
            code { (address) }
        }
    }
}

/// When a key ends.
pub(super) fn ends(at: Option<Timestamp>) -> Markup {
    match at {
        Some(at) => ui::time(at),
        None => html! { "Never" },
    }
}
