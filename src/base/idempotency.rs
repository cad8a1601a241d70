//! Idempotency-Key as a client writes it: one Structured Field String; never what a repetition leads to.

use http::HeaderMap;

use super::ceilings::IDEMPOTENCY_KEY_CHARS;

/// The field's name (draft-ietf-httpapi-idempotency-key-header).
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The field is there and is not one key of a length that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected one quoted string of 1 to {IDEMPOTENCY_KEY_CHARS} ASCII characters")]
pub struct Malformed;

/// The client's key: a Structured Field String (RFC 9651 section 3.3.3), or bare text for those who forget the quotes.
///
/// # Errors
/// There is something else in its place.
pub fn client_key(headers: &HeaderMap) -> Result<Option<String>, Malformed> {
    let mut fields = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = fields.next() else {
        return Ok(None);
    };
    let key = value.to_str().ok().and_then(unquote);
    match (key, fields.next()) {
        (Some(key), None) if (1..=IDEMPOTENCY_KEY_CHARS).contains(&key.len()) => Ok(Some(key)),
        _ => Err(Malformed),
    }
}

fn unquote(text: &str) -> Option<String> {
    let text = text.trim_matches(' ');
    let Some(inner) = text.strip_prefix('"') else {
        let bare = text.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
        return bare.then(|| text.to_owned());
    };
    let mut key = String::new();
    let mut chars = inner.strip_suffix('"')?.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => key.push(chars.next().filter(|c| matches!(c, '"' | '\\'))?),
            '"' => return None,
            ' '..='~' => key.push(c),
            _ => return None,
        }
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_key_is_a_quoted_string_or_bare_text() {
        for (text, key) in [
            ("\"8e03978e-40d5\"", Some("8e03978e-40d5")),
            (" \"a b\" ", Some("a b")),
            ("\"a\\\"b\\\\\"", Some("a\"b\\")),
            ("8e03978e-40d5", Some("8e03978e-40d5")),
            ("\"open", None),
            ("\"a\"b\"", None),
            ("\"a\\n\"", None),
            ("a b", None),
            ("\"trailing\\\"", None),
        ] {
            assert_eq!(unquote(text).as_deref(), key, "{text}");
        }
    }

    #[test]
    fn an_empty_long_or_second_key_is_malformed() {
        let with = |values: &[&str]| {
            let mut h = HeaderMap::new();
            for v in values {
                h.append(IDEMPOTENCY_KEY, HeaderValue::from_str(v).unwrap());
            }
            client_key(&h)
        };
        assert_eq!(with(&[]), Ok(None));
        assert_eq!(with(&["\"\""]), Err(Malformed));
        assert_eq!(with(&["a", "a"]), Err(Malformed));
        assert_eq!(
            with(&[&"a".repeat(IDEMPOTENCY_KEY_CHARS + 1)]),
            Err(Malformed)
        );
        let longest = "a".repeat(IDEMPOTENCY_KEY_CHARS);
        assert_eq!(with(&[&longest]), Ok(Some(longest.clone())));
    }
}
