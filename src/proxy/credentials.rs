//! Reads the one credential of a request out of its fields (RFC 6750 section 2.1); never whether it is good.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use percent_encoding::percent_decode_str;

use crate::base::byte_set::ByteSet;
use crate::base::ceilings::AUTHORIZATION_BYTES;

/// What the `Authorization` fields of a request hold.
#[derive(Debug, PartialEq, Eq)]
pub enum Presented<'a> {
    /// Nothing, or credentials of another scheme.
    Nothing,
    /// One bearer token, well-formed.
    Bearer(&'a str),
    /// More than one credential, or one with bad syntax.
    Malformed,
    /// One that is longer than any key: not worth hashing.
    TooLong,
}

/// Reads the `Authorization` fields.
pub fn presented(headers: &HeaderMap) -> Presented<'_> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Presented::Nothing;
    };
    if values.next().is_some() {
        return Presented::Malformed;
    }
    let value = value.as_bytes();
    let scheme_end = value
        .iter()
        .position(|b| !SCHEME.has(*b))
        .unwrap_or(value.len());
    let (scheme, rest) = value.split_at(scheme_end);
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Presented::Nothing;
    }
    if value.len() > AUTHORIZATION_BYTES {
        return Presented::TooLong;
    }
    // One or more spaces and nothing else between scheme and token (RFC 9110 section 11.4).
    let token_start = rest.iter().position(|b| *b != b' ').unwrap_or(rest.len());
    let token = &rest[token_start..];
    if token_start == 0 || !is_b64token(token) {
        return Presented::Malformed;
    }
    std::str::from_utf8(token).map_or(Presented::Malformed, Presented::Bearer)
}

/// Characters of an authentication scheme: a token (RFC 9110 section 5.6.2).
static SCHEME: ByteSet = ByteSet::ALPHANUMERIC.with(b"!#$%&'*+-.^_`|~");
/// Characters of a `b64token` before its padding.
static B64TOKEN: ByteSet = ByteSet::ALPHANUMERIC.with(b"-._~+/");

/// `b64token` of RFC 6750 section 2.1: at least one character, padding only at the end.
fn is_b64token(token: &[u8]) -> bool {
    let end = token
        .iter()
        .rposition(|b| *b != b'=')
        .map_or(0, |last| last + 1);
    end > 0 && B64TOKEN.has_all(&token[..end])
}

/// Whether a value in `query` is of a key's form, whatever its name: the form decides, so that an API's own `token`
/// parameter goes through.
pub fn query_has_credential(query: &str, is_key_like: impl Fn(&str) -> bool) -> bool {
    query.split(['&', ';']).any(|pair| {
        let value = pair.split_once('=').map_or(pair, |(_, v)| v);
        if value.contains(['%', '+']) {
            let decoded = percent_decode_str(value).decode_utf8_lossy();
            is_key_like(decoded.trim())
        } else {
            is_key_like(value)
        }
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn with(values: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for v in values {
            headers.append(AUTHORIZATION, HeaderValue::from_bytes(v).unwrap());
        }
        headers
    }

    #[test]
    fn no_field_an_empty_one_and_other_schemes_are_no_credential() {
        for values in [&[][..], &[b"".as_slice()], &[b"Basic abc"], &[b"Bearerx y"]] {
            assert_eq!(presented(&with(values)), Presented::Nothing, "{values:?}");
        }
    }

    #[test]
    fn the_scheme_has_no_case_and_any_number_of_spaces_follow() {
        for value in [&b"bEaReR lf_live_k"[..], b"Bearer  lf_live_k"] {
            let headers = with(&[value]);
            assert_eq!(presented(&headers), Presented::Bearer("lf_live_k"));
        }
    }

    #[test]
    fn bad_syntax_and_two_credentials_are_malformed() {
        for values in [
            &[&b"Bearer"[..]][..],
            &[b"Bearer\tk"],
            &[b"Bearer k\tk"],
            &[b"Bearer a, Bearer b"],
            &[b"Bearer k\xff"],
            &[b"Bearer \"k\""],
            &[b"Bearer =="],
            &[b"Bearer a=b"],
            &[b"Bearer a", b"Bearer a"],
            &[b"Bearer a", b"Basic b"],
        ] {
            assert_eq!(presented(&with(values)), Presented::Malformed, "{values:?}");
        }
    }

    #[test]
    fn a_token_longer_than_any_key_is_not_looked_at() {
        let long = [b"Bearer ".to_vec(), vec![b'a'; AUTHORIZATION_BYTES]].concat();
        assert_eq!(presented(&with(&[&long])), Presented::TooLong);
    }

    #[test]
    fn in_a_query_only_the_form_of_a_value_counts() {
        let like = |v: &str| v == "lf_live_key";
        for q in [
            "a=1&api_key=lf_live_key",
            "lf_live_key",
            "x=lf%5flive%5Fkey",
        ] {
            assert!(query_has_credential(q, like), "{q}");
        }
        for q in ["", "api_key=other", "access_token=", "lf_live_key=1"] {
            assert!(!query_has_credential(q, like), "{q}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(32_u8..=255, 0..64)) {
            if let Ok(v) = HeaderValue::from_bytes(&bytes) {
                let mut headers = HeaderMap::new();
                headers.append(AUTHORIZATION, v);
                let _ = presented(&headers);
            }
        }
    }
}
