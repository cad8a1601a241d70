//! Puts one name in the place of another in text and JSON: an erased account's pseudonym for its id; never where that stands.

use serde_json::Value;

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
pub(super) fn rename(text: &str, id: &str, name: &str) -> String {
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

/// Replaces `id` in every text inside a JSON value, names of members included.
pub(super) fn rename_in(value: &mut Value, id: &str, name: &str) {
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
