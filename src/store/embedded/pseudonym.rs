//! Takes an erased account's name out of the audit log and puts its pseudonym there; never out of anything else.

use rusqlite::Connection;
use serde_json::Value;

use super::fail::{Done, Fail};
use super::rows::{first, run, to_json};

/// An audit entry that named the account, as it is to read.
pub(super) struct Renamed {
    id: String,
    account_id: Option<String>,
    target: Option<String>,
    actor: Option<String>,
    details: String,
}

fn is_id_char(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"_-.:@".contains(&b)
}

/// Whether an id ends where `rest` begins: full stops and colons may also end a sentence.
fn ends_before(rest: &str) -> bool {
    rest.trim_start_matches(['.', ':'])
        .bytes()
        .next()
        .is_none_or(|b| !is_id_char(b))
}

/// Replaces `id` in `text` wherever it stands as a whole id, so that `acct_1` leaves `acct_10` alone.
fn rename(text: &str, id: &str, name: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(id) {
        let (before, found) = rest.split_at(at);
        let after = &found[id.len()..];
        let begins = !before
            .bytes()
            .next_back()
            .or_else(|| out.bytes().next_back())
            .is_some_and(is_id_char);
        out.push_str(before);
        out.push_str(if begins && ends_before(after) {
            name
        } else {
            id
        });
        rest = after;
    }
    out.push_str(rest);
    out
}

fn rename_in(value: &mut Value, id: &str, name: &str) {
    match value {
        Value::String(s) => *s = rename(s, id, name),
        Value::Array(items) => items.iter_mut().for_each(|v| rename_in(v, id, name)),
        Value::Object(members) => {
            let renamed = std::mem::take(members);
            members.extend(renamed.into_iter().map(|(k, mut v)| {
                rename_in(&mut v, id, name);
                (rename(&k, id, name), v)
            }));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Up to `limit` entries that name `id`, renamed. Looks at the whole log.
pub(super) fn find(conn: &Connection, id: &str, name: &str, limit: usize) -> Done<Vec<Renamed>> {
    let mut statement = conn.prepare_cached(
        "SELECT id, account_id, target, actor, details FROM audit
         WHERE account_id = ?1 OR instr(ifnull(target, ''), ?1) OR instr(ifnull(actor, ''), ?1)
            OR instr(details, ?1)",
    )?;
    let mut rows = statement.query([id])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let old = Renamed {
            id: row.get(0)?,
            account_id: row.get(1)?,
            target: row.get(2)?,
            actor: row.get(3)?,
            details: row.get(4)?,
        };
        let again = |text: &Option<String>| text.as_ref().map(|t| rename(t, id, name));
        let mut details: Value =
            serde_json::from_str(&old.details).map_err(|e| Fail::corrupt(e.to_string()))?;
        rename_in(&mut details, id, name);
        let new = Renamed {
            account_id: again(&old.account_id),
            target: again(&old.target),
            actor: again(&old.actor),
            details: to_json(&details)?,
            id: old.id,
        };
        let same = new.account_id == old.account_id
            && new.target == old.target
            && new.actor == old.actor
            && new.details == old.details;
        if !same {
            found.push(new);
            if found.len() >= limit {
                break;
            }
        }
    }
    Ok(found)
}

pub(super) fn replace(conn: &Connection, entries: &[Renamed]) -> Done<()> {
    for e in entries {
        run(
            conn,
            "UPDATE audit SET account_id = ?2, target = ?3, actor = ?4, details = ?5 WHERE id = ?1",
            (&e.id, &e.account_id, &e.target, &e.actor, &e.details),
        )?;
    }
    Ok(())
}

/// Whether an entry is the account's or about it, by the indexes alone.
pub(super) fn is_named(conn: &Connection, id: &str) -> Done<bool> {
    Ok(first(
        conn,
        "SELECT 1 FROM audit WHERE account_id = ?1 UNION ALL SELECT 1 FROM audit WHERE target = ?1",
        [id],
        |_| Ok(()),
    )?
    .is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_replaced_as_a_whole_only() {
        let r = |t| rename(t, "acct_1", "erased_x");
        assert_eq!(r("acct_1"), "erased_x");
        assert_eq!(
            r("of acct_1, acct_10 and acct_1."),
            "of erased_x, acct_10 and erased_x."
        );
        assert_eq!(r("my.acct_1 acct_1.eu"), "my.acct_1 acct_1.eu");
        assert_eq!(r("acct_1acct_1"), "acct_1acct_1");
    }

    #[test]
    fn details_are_renamed_in_depth() {
        let mut v = serde_json::json!({"a": ["acct_1", {"acct_1": 1}], "b": "acct_12"});
        rename_in(&mut v, "acct_1", "e");
        assert_eq!(v, serde_json::json!({"a": ["e", {"e": 1}], "b": "acct_12"}));
    }
}
