//! Event types and patterns of them: which events an endpoint wants; never which types there are.

use super::settings::TEST_TYPE;

pub use crate::config::model::OPERATIONAL;

/// The account whose endpoints are the operator's own: they want [`OPERATIONAL`] types only, and nobody else's may but for
/// [`ACCOUNT_NOTICES`].
pub const OPERATOR_ACCOUNT: &str = "fuelgate:operator";

/// Those of [`OPERATIONAL`] that an account may be told of itself, where it has asked for alerts. Its endpoints want them by
/// name only.
pub const ACCOUNT_NOTICES: [&str; 2] = ["key.expiring", "usage.threshold_reached"];

/// Whether the type is one of [`OPERATIONAL`].
pub fn is_operational(event_type: &str) -> bool {
    OPERATIONAL.contains(&event_type)
}

/// Whether `text` stands for many types: `*`, or words with `.*` after them. Any other text with a `*` is no pattern and
/// no type either.
pub fn is_pattern(text: &str) -> bool {
    match text.strip_suffix('*') {
        Some("") => true,
        Some(words) => words
            .strip_suffix('.')
            .is_some_and(|words| !words.is_empty() && !words.contains('*')),
        None => false,
    }
}

/// Whether whoever asked for `pattern`, a type or a pattern, wants events of `event_type`. `contact.*` wants every type
/// with further words after `contact.`; `*` wants all but tests and operational ones, which are wanted by name only.
pub fn wants(pattern: &str, event_type: &str) -> bool {
    if pattern == event_type {
        return true;
    }
    if !is_pattern(pattern) || event_type == TEST_TYPE || is_operational(event_type) {
        return false;
    }
    // What is left of a pattern ends in a dot, or is nothing.
    pattern
        .strip_suffix('*')
        .and_then(|prefix| event_type.strip_prefix(prefix))
        .is_some_and(|rest| !rest.is_empty())
}

/// Whether any of `patterns` wants the type.
pub fn wants_any(patterns: &[String], event_type: &str) -> bool {
    patterns.iter().any(|pattern| wants(pattern, event_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_wants_every_type_below_it() {
        for (pattern, event_type, wanted) in [
            ("contact.created", "contact.created", true),
            ("contact.created", "contact.created.late", false),
            ("contact.*", "contact.created", true),
            ("contact.*", "contact.note.added", true),
            ("contact.*", "contacts.created", false),
            ("contact.*", "contact.", false),
            ("contact.*", "contact", false),
            ("contact.note.*", "contact.note.added", true),
            ("contact.note.*", "contact.created", false),
            ("*", "deal.won", true),
            ("*", "webhook.test", false),
            ("webhook.*", "webhook.test", false),
            ("*", "key.expiring", false),
            ("key.*", "key.expiring", false),
            ("key.expiring", "key.expiring", true),
            ("*.created", "contact.created", false),
            ("contact*", "contact.created", false),
            ("", "contact.created", false),
        ] {
            assert_eq!(wants(pattern, event_type), wanted, "{pattern} {event_type}");
        }
    }

    #[test]
    fn only_whole_words_before_a_last_star_make_a_pattern() {
        for pattern in ["*", "contact.*", "contact.note.*"] {
            assert!(is_pattern(pattern), "{pattern}");
        }
        for text in [
            "",
            "contact.created",
            "contact*",
            ".*",
            "*.*",
            "*.created",
            "contact.*.x",
            "**",
        ] {
            assert!(!is_pattern(text), "{text}");
        }
    }
}
