//! The one form of a request path that is matched and forwarded alike; what two programs could read differently is refused, never repaired.
//!
//! A gateway that decides on one reading of a path while the backend acts on another lets callers past its scopes. So
//! there is exactly one path per request: [`canonical`] makes it, the router matches it, the upstream gets it.
//! Refused are dot segments and empty segments however they are spelt, an encoded or turned slash, control characters,
//! broken escapes and escapes that are not UTF-8. Everything else is left as it came, except that escapes of unreserved
//! characters are undone (RFC 3986 section 6.2.2.2: `%61` and `a` are the same). Nothing is decoded twice.

use std::borrow::Cow;

use crate::base::byte_set::ByteSet;

/// Why a path is refused, with 400 `bad_request`. The texts are fit for clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It does not begin with a slash: `*` and authority forms.
    #[error("The path does not begin with a slash.")]
    NotAbsolute,
    /// A raw character that has no place in a path: space, control, `\`, `?` or `#`.
    #[error("The path has a character that must be percent-encoded, or a backslash.")]
    BadCharacter,
    /// A `%` without two hex digits.
    #[error("The path has a percent sign without two hex digits.")]
    BadEscape,
    /// An escaped control character, slash or backslash.
    #[error("The path has an encoded slash, backslash or control character.")]
    ForbiddenEscape,
    /// Escapes that do not make UTF-8, overlong forms included.
    #[error("The path's escapes are not UTF-8.")]
    NotUtf8,
    /// A segment that means this or the parent folder.
    #[error("The path has a dot segment.")]
    DotSegment,
    /// Two slashes in a row.
    #[error("The path has an empty segment.")]
    EmptySegment,
}

/// The canonical form of a request's path (without query): what is matched and what is forwarded. Borrowed unless an
/// escape had to be undone. Applying it again changes nothing.
///
/// # Errors
/// What makes the path ambiguous; answer 400 `bad_request`.
pub fn canonical(raw: &str) -> Result<Cow<'_, str>, PathError> {
    if is_plain(raw.as_bytes()) {
        Ok(Cow::Borrowed(raw))
    } else {
        looked_at_closely(raw)
    }
}

fn looked_at_closely(raw: &str) -> Result<Cow<'_, str>, PathError> {
    if !raw.starts_with('/') {
        return Err(PathError::NotAbsolute);
    }
    let mut escaped = false;
    for &b in raw.as_bytes() {
        match b {
            b'%' => escaped = true,
            0..=b' ' | 0x7f | b'\\' | b'?' | b'#' => return Err(PathError::BadCharacter),
            _ => {}
        }
    }
    let path = if escaped {
        undo_unreserved(raw)?
    } else {
        Cow::Borrowed(raw)
    };
    check_segments(&path)?;
    Ok(path)
}

/// Bytes that are looked at more closely wherever they stand.
static SPECIAL: ByteSet = ByteSet::CONTROLS.with(b" %?#\\");
/// Bytes that are looked at more closely at the beginning of a segment.
static OPENING: ByteSet = ByteSet::EMPTY.with(b"/.;");

/// Whether there is nothing in a path that one program could read and another not: one look at each byte, which is all that
/// most paths take.
fn is_plain(path: &[u8]) -> bool {
    let mut opens = false;
    let mut all = path.first() == Some(&b'/');
    for &b in path {
        all &= !(SPECIAL.has(b) | (opens & OPENING.has(b)));
        opens = b == b'/';
    }
    all
}

fn undo_unreserved(raw: &str) -> Result<Cow<'_, str>, PathError> {
    let bytes = raw.as_bytes();
    let mut kept = Vec::with_capacity(bytes.len());
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while let Some(&b) = bytes.get(i) {
        if b != b'%' {
            kept.push(b);
            decoded.push(b);
            i += 1;
            continue;
        }
        let value = escape_at(bytes, i).ok_or(PathError::BadEscape)?;
        match value {
            0..0x20 | 0x7f | b'/' | b'\\' => return Err(PathError::ForbiddenEscape),
            _ if is_unreserved(value) => kept.push(value),
            _ => kept.extend_from_slice(&bytes[i..i + 3]),
        }
        decoded.push(value);
        i += 3;
    }
    if std::str::from_utf8(&decoded).is_err() {
        return Err(PathError::NotUtf8);
    }
    if kept.len() == bytes.len() {
        return Ok(Cow::Borrowed(raw));
    }
    String::from_utf8(kept)
        .map(Cow::Owned)
        .map_err(|_| PathError::NotUtf8)
}

fn check_segments(path: &str) -> Result<(), PathError> {
    let mut segments = path[1..].split('/').peekable();
    while let Some(s) = segments.next() {
        if s.is_empty() && segments.peek().is_some() {
            return Err(PathError::EmptySegment);
        }
        if s.starts_with(['.', ';', '%']) {
            check_dots(s)?;
        }
    }
    Ok(())
}

/// Refuses a segment of which nothing or only dots remain for a server that drops `;…` parameters before it looks.
fn check_dots(segment: &str) -> Result<(), PathError> {
    let rest = segment.trim_start_matches('.');
    let dots = segment.len() - rest.len();
    let parameters = rest.starts_with(';')
        || (rest.starts_with("%3") && matches!(rest.as_bytes().get(2), Some(b'b' | b'B')));
    match dots {
        0 if parameters => Err(PathError::EmptySegment),
        1 | 2 if parameters || rest.is_empty() => Err(PathError::DotSegment),
        _ => Ok(()),
    }
}

/// The byte that the escape at `i` stands for; `None` when it is none.
pub(super) fn escape_at(bytes: &[u8], i: usize) -> Option<u8> {
    let hex = |b: &u8| char::from(*b).to_digit(16);
    let high = bytes.get(i + 1).and_then(hex)?;
    let low = bytes.get(i + 2).and_then(hex)?;
    u8::try_from(high * 16 + low).ok()
}

/// Unreserved characters (RFC 3986 section 2.3).
const fn is_unreserved(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dot_segments_are_refused_however_they_are_spelt() {
        for p in [
            "/a/../admin",
            "/a/%2e%2e/admin",
            "/a/.%2E/admin",
            "/./admin",
            "/a/..",
            "/a/.",
            "/a/..;/admin",
            "/a/..;x=1",
            "/a/%2e%2e%3b/admin",
        ] {
            assert_eq!(canonical(p), Err(PathError::DotSegment), "{p}");
        }
        for p in ["/...", "/.well-known/x", "/a..b", "/..a", "/a/..%20"] {
            assert_eq!(canonical(p).as_deref(), Ok(p));
        }
    }

    #[test]
    fn slashes_are_one_and_plain() {
        for p in [
            "//admin",
            "/a//b",
            "/a//",
            "//",
            "/;/admin",
            "/a/;x=1",
            "/%3bx/admin",
        ] {
            assert_eq!(canonical(p), Err(PathError::EmptySegment), "{p}");
        }
        for p in [
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/..%2f",
            "/a%00",
            "/a%0d%0ab",
            "/a%7f",
        ] {
            assert_eq!(canonical(p), Err(PathError::ForbiddenEscape), "{p}");
        }
        for p in ["/a\\b", "/a b", "/a\u{1}", "/a#f", "/a?b", "/a\t"] {
            assert_eq!(canonical(p), Err(PathError::BadCharacter), "{p}");
        }
    }

    #[test]
    fn broken_and_overlong_escapes_are_refused() {
        for p in ["/%zz", "/%", "/%4", "/a%", "/%+1"] {
            assert_eq!(canonical(p), Err(PathError::BadEscape), "{p}");
        }
        for p in ["/%c0%ae", "/%e0%80%ae", "/%ff", "/%ed%a0%80", "/%c3"] {
            assert_eq!(canonical(p), Err(PathError::NotUtf8), "{p}");
        }
        for p in ["*", "", "a/b", "http://x/"] {
            assert_eq!(canonical(p), Err(PathError::NotAbsolute), "{p}");
        }
    }

    #[test]
    fn only_escapes_of_unreserved_characters_are_undone_and_once() {
        assert_eq!(canonical("/%61dmin").as_deref(), Ok("/admin"));
        assert_eq!(canonical("/%252e%252e/x").as_deref(), Ok("/%252e%252e/x"));
        assert_eq!(
            canonical("/a%20b%40c%C3%A9").as_deref(),
            Ok("/a%20b%40c%C3%A9")
        );
        assert_eq!(canonical("/a/").as_deref(), Ok("/a/"));
        assert!(matches!(canonical("/v1/x%40y"), Ok(Cow::Borrowed(_))));
    }

    proptest! {
        #[test]
        fn no_text_panics_and_the_canonical_form_stays(raw in "(/|[a-zA-Z0-9.;%\\\\ ]|%[0-9a-fA-F]{2}|\\PC){0,40}") {
            if let Ok(once) = canonical(&raw) {
                let again = canonical(&once);
                prop_assert_eq!(again.as_deref(), Ok(&*once));
            }
        }

        #[test]
        fn a_plain_path_is_one_that_a_closer_look_leaves_as_it_is(raw in r"/?([a-z/.;%\\ ?#~@:\u{7f}é]|\PC){0,12}") {
            if is_plain(raw.as_bytes()) {
                prop_assert_eq!(looked_at_closely(&raw), Ok(Cow::Borrowed(&*raw)));
            }
        }
    }
}
