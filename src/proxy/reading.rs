//! Small readings of a request that admission decides on: pure, never a refusal.

use std::borrow::Cow;

use http::HeaderMap;
use http::header::CONTENT_LENGTH;

/// A host, which is ASCII, in lower case; nearly every client sends it so.
pub(super) fn lower_case(host: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(host);
    if host.iter().any(u8::is_ascii_uppercase) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        text
    }
}

/// Path and query for the upstream; `None` where they are what came, byte for byte.
pub(super) fn forward_target(raw: &[u8], path: &str, query: Option<&str>) -> Option<String> {
    let same = match query {
        None => raw == path.as_bytes(),
        Some(q) => raw
            .strip_prefix(path.as_bytes())
            .and_then(|rest| rest.strip_prefix(b"?"))
            .is_some_and(|rest| rest == q.as_bytes()),
    };
    (!same).then(|| match query {
        None => path.to_owned(),
        Some(q) => format!("{path}?{q}"),
    })
}

pub(super) fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forwarded_target_is_the_one_that_was_decided_on() {
        assert_eq!(forward_target(b"/a?x=1", "/a", Some("x=1")), None);
        assert_eq!(forward_target(b"/a", "/a", None), None);
        assert_eq!(forward_target(b"/%61", "/a", None).as_deref(), Some("/a"));
        assert_eq!(
            forward_target(b"http://h/a?x=1", "/a", Some("x=1")).as_deref(),
            Some("/a?x=1")
        );
        assert_eq!(forward_target(b"/a?", "/a", Some("")), None);
        assert_eq!(
            forward_target(b"/v1/a?x", "/api/a", Some("x")).as_deref(),
            Some("/api/a?x")
        );
    }
}
