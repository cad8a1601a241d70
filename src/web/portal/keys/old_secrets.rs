//! What pages say of secrets that were rotated away: whether something still uses them, and until when it can; never a secret.

use maud::{Markup, html};

use crate::base::ceilings::portal::OLD_SECRET_RECENT;
use crate::base::clock::Timestamp;
use crate::keys::model::{KeyRecord, KeyStatus};
use crate::keys::previous_uses::{FromAddress, OldSecrets, Tally};
use crate::web::portal::ui::{self, Column, Tone};

const COLUMNS: [Column; 3] = [
    Column::text("Address"),
    Column::text("Last request"),
    Column::number("Requests"),
];

/// What a key's old secret is.
#[derive(Debug, Clone, Copy)]
enum State<'a> {
    /// It works still, and was used, or was not.
    Good(Option<&'a FromAddress>),
    /// It has ended, and something sent it since.
    Refused(&'a FromAddress),
}

/// What there is to say: nothing of a key that does not work, and nothing of a secret that ended and was not sent since.
fn state<'a>(key: &KeyRecord, old: Option<&'a OldSecrets>, now: Timestamp) -> Option<State<'a>> {
    let old = old.filter(|_| key.status(now) == KeyStatus::Active)?;
    if old.ends_at > now {
        return Some(State::Good(old.uses.accepted.last()));
    }
    old.uses.refused.last().map(State::Refused)
}

fn ago(at: Timestamp, now: Timestamp) -> String {
    format!("{} ago", ui::when_left(now.since(at)))
}

/// Whether it was so lately that something has to be done about it.
fn is_recent(at: Timestamp, now: Timestamp) -> bool {
    now.since(at) < OLD_SECRET_RECENT
}

/// A line for the list.
pub(super) fn mark(key: &KeyRecord, old: Option<&OldSecrets>, now: Timestamp) -> Markup {
    let Some((old, state)) = old.zip(state(key, old, now)) else {
        return html! {};
    };
    let left = ui::when_left(old.ends_at.since(now));
    match state {
        State::Good(None) => {
            html! { p.old-secret { "Old secret not used, ends in " (left) } }
        }
        State::Good(Some(last)) => html! {
            p.old-secret.warn[is_recent(last.at, now)] {
                "Old secret " @if is_recent(last.at, now) { "still " } "used " (ago(last.at, now)) ", ends in " (left)
            }
        },
        State::Refused(last) => html! {
            p.old-secret.warn[is_recent(last.at, now)] { "Old secret refused " (ago(last.at, now)) }
        },
    }
}

/// A notice for the first page, where something has to be done.
pub(in crate::web::portal) fn notice(
    key: &KeyRecord,
    old: Option<&OldSecrets>,
    now: Timestamp,
) -> Option<Markup> {
    let (old, state) = old.zip(state(key, old, now))?;
    let name = html! { a href={ "/keys/" (key.id) } { (key.name) } };
    let body = match state {
        State::Good(Some(last)) if is_recent(last.at, now) => html! {
            "The old secret of the key " (name) " is still in use: it was used " (ago(last.at, now))
            ", and ends in " (ui::when_left(old.ends_at.since(now))) "."
        },
        State::Refused(last) if is_recent(last.at, now) => html! {
            "Something still sends the old secret of the key " (name) ": it was refused " (ago(last.at, now)) "."
        },
        _ => return None,
    };
    Some(ui::notice(Tone::Warn, &body))
}

/// The notice on the key's own page.
pub(super) fn told(key: &KeyRecord, old: Option<&OldSecrets>, now: Timestamp) -> Markup {
    let Some((old, state)) = old.zip(state(key, old, now)) else {
        return html! {};
    };
    let ends = html! { "It ends in " (ui::when_left(old.ends_at.since(now))) ", " (ui::time(old.ends_at)) "." };
    let from = |last: &FromAddress| html! { (ago(last.at, now)) " from " code { (last.ip) } };
    let (is_urgent, body) = match state {
        State::Good(None) => (
            false,
            html! { "The old secret was not used since the rotation. " (ends) },
        ),
        State::Good(Some(last)) => (
            is_recent(last.at, now),
            html! {
                @if is_recent(last.at, now) { strong { "The old secret is still in use." } " It was used " }
                @else { "The old secret was last used " }
                (from(last)) ". " (ends)
            },
        ),
        State::Refused(last) => (
            is_recent(last.at, now),
            html! {
                strong { "Something still sends the old secret." } " It ended " (ui::time(old.ends_at))
                " and was last refused " (from(last)) "."
            },
        ),
    };
    ui::notice(if is_urgent { Tone::Warn } else { Tone::Info }, &body)
}

/// How often the old secret was sent, and from where.
pub(super) fn uses(key: &KeyRecord, old: Option<&OldSecrets>, now: Timestamp) -> Markup {
    let Some(old) = old.filter(|_| state(key, old, now).is_some()) else {
        return html! {};
    };
    html! {
        (tally("Requests with the old secret", &old.uses.accepted, "since the rotation", now))
        (tally("Refused requests with the old secret", &old.uses.refused, "since it ended", now))
    }
}

fn tally(title: &str, tally: &Tally, since: &str, now: Timestamp) -> Markup {
    if tally.requests == 0 {
        return html! {};
    }
    let row = |from: &FromAddress| {
        vec![
            html! { code { (from.ip) } },
            ui::time(from.at),
            html! { (ui::number(from.requests)) },
        ]
    };
    let rows: Vec<_> = tally.addresses.iter().map(row).collect();
    let text = html! {
        p.card-text {
            strong { (ui::number(tally.requests)) } " " (since) ", "
            (ui::number(tally.recent(now))) " of them in the last 24 hours. The last addresses they came from:"
        }
        (ui::table(title, &COLUMNS, &rows))
    };
    ui::card(Some(title), &text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::model::{DigestKind, StoredSecret};
    use crate::keys::previous_uses::PreviousUses;
    use std::time::Duration;

    const NOW: Timestamp = Timestamp::from_secs(10_000_000);

    fn ago(secs: u64) -> Timestamp {
        NOW.minus(Duration::from_secs(secs))
    }

    fn key() -> KeyRecord {
        KeyRecord {
            id: "key_1".into(),
            account_id: "a".into(),
            name: "<Sync>".into(),
            scopes: vec![],
            created_at: ago(1000),
            expires_at: None,
            last_used_at: None,
            last_used_ip: None,
            disabled: false,
            revoked_at: None,
            allowed_ips: vec![],
            prefix: "lf_live".into(),
            last_four: "abcd".into(),
            secrets: vec![StoredSecret {
                digest: [0; 32],
                kind: DigestKind::Pepper("p1".into()),
                valid_until: None,
            }],
            revision: 1,
        }
    }

    /// Old secrets that end at `ends_at`, used and refused at these instants.
    fn old(ends_at: Timestamp, accepted: &[Timestamp], refused: &[Timestamp]) -> OldSecrets {
        let mut uses = PreviousUses::default();
        let ip = "192.0.2.7".parse().unwrap();
        for at in accepted {
            uses.accepted.add(ip, *at);
        }
        for at in refused {
            uses.refused.add(ip, *at);
        }
        OldSecrets { ends_at, uses }
    }

    #[test]
    fn the_list_and_the_first_page_say_what_still_uses_an_old_secret() {
        let days = |n: u64| NOW.plus(Duration::from_secs(n * 86_400));
        let said = |key: &KeyRecord, old: &OldSecrets| {
            let mark = mark(key, Some(old), NOW).into_string();
            let text = mark
                .split_once('>')
                .map(|(_, rest)| rest.replace("</p>", ""));
            let is_told = notice(key, Some(old), NOW).is_some();
            (text.unwrap_or_default(), mark.contains("warn"), is_told)
        };
        let key = key();
        for (old, text, is_urgent) in [
            (
                old(days(2), &[ago(300)], &[]),
                "Old secret still used 5 minutes ago, ends in 2 days",
                true,
            ),
            (
                old(days(2), &[ago(86_400)], &[]),
                "Old secret used 1 day ago, ends in 2 days",
                false,
            ),
            (
                old(days(2), &[], &[]),
                "Old secret not used, ends in 2 days",
                false,
            ),
            // An older one was refused, and the newer is good still.
            (
                old(days(2), &[], &[ago(5)]),
                "Old secret not used, ends in 2 days",
                false,
            ),
            (
                old(NOW, &[ago(400)], &[ago(300)]),
                "Old secret refused 5 minutes ago",
                true,
            ),
            (
                old(ago(900_000), &[], &[ago(800_000)]),
                "Old secret refused 9 days ago",
                false,
            ),
            (old(NOW, &[ago(300)], &[]), "", false),
        ] {
            assert_eq!(said(&key, &old), (text.to_owned(), is_urgent, is_urgent));
        }
        let ended = KeyRecord {
            revoked_at: Some(NOW),
            ..key
        };
        let used = old(days(2), &[ago(300)], &[]);
        assert_eq!(said(&ended, &used), (String::new(), false, false));
    }

    #[test]
    fn the_keys_own_page_has_counts_and_addresses() {
        let used = old(
            NOW.plus(Duration::from_secs(60)),
            &[ago(300), ago(200_000)],
            &[ago(9)],
        );
        let page = uses(&key(), Some(&used), NOW).into_string();
        let text = "<strong>2</strong> since the rotation, 1 of them in the last 24 hours.";
        assert!(page.contains(text), "{page}");
        assert!(page.contains("<strong>1</strong> since it ended"), "{page}");
        assert!(page.contains("<code>192.0.2.7</code>"));
        let told = told(&key(), Some(&used), NOW).into_string();
        assert!(
            told.contains("used 5 minutes ago from <code>192.0.2.7</code>. It ends in 1 minute"),
            "{told}"
        );
        assert!(uses(&key(), None, NOW).into_string().is_empty());
    }
}
