//! The digest of a request with an Idempotency-Key, made as its body goes by: tells a repetition from another request; never kept.

use bytes::Bytes;
use http::{HeaderMap, Method};
use sha2::{Digest as _, Sha256};

use super::reading::lower_case;
use crate::base::idempotency::client_key;
use crate::webhooks::identity::Repeatable;

/// A request's digest in the making.
pub struct RequestDigest {
    key: String,
    hash: Sha256,
    is_whole: bool,
}

impl std::fmt::Debug for RequestDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestDigest")
            .field("is_whole", &self.is_whole)
            .finish_non_exhaustive()
    }
}

impl RequestDigest {
    /// Begins with what the request's header says: to which host, path and query it goes, by which method. `None` without
    /// exactly one Idempotency-Key: what such a request repeats nobody can say.
    pub fn begin(
        headers: &HeaderMap,
        method: &Method,
        host: Option<&[u8]>,
        path: &str,
        query: Option<&str>,
    ) -> Option<Self> {
        let key = client_key(headers).ok().flatten()?;
        let mut hash = Sha256::new();
        let host = lower_case(host.unwrap_or_default());
        let query = query.unwrap_or_default();
        for part in [method.as_str(), &host, path, query] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Some(Self {
            key,
            hash,
            is_whole: false,
        })
    }

    /// A part of its body went by.
    pub fn add(&mut self, part: Option<&Bytes>, is_end: bool) {
        if let Some(part) = part {
            self.hash.update(part);
        }
        self.is_whole |= is_end;
    }

    /// What tells the request from others with its key; `None` where its body did not go through whole.
    pub fn end(self) -> Option<Repeatable> {
        self.is_whole.then(|| Repeatable {
            key: self.key,
            digest: self.hash.finalize().into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn digest(
        key: Option<&'static str>,
        method: Method,
        host: &str,
        target: (&str, Option<&str>),
        body: &[&'static str],
    ) -> Option<Repeatable> {
        let mut headers = HeaderMap::new();
        if let Some(key) = key {
            headers.insert("idempotency-key", HeaderValue::from_static(key));
        }
        let (path, query) = target;
        let mut digest =
            RequestDigest::begin(&headers, &method, Some(host.as_bytes()), path, query)?;
        for part in body {
            digest.add(Some(&Bytes::from_static(part.as_bytes())), false);
        }
        digest.add(None, true);
        digest.end()
    }

    #[test]
    fn the_same_request_has_the_same_digest_however_its_body_is_cut() {
        let one = digest(
            Some("\"k\""),
            Method::POST,
            "A.test",
            ("/c", None),
            &["abc", "d"],
        );
        let other = digest(
            Some("k"),
            Method::POST,
            "a.test",
            ("/c", Some("")),
            &["a", "bcd"],
        );
        assert!(one.is_some());
        assert_eq!(one, other);
    }

    #[test]
    fn whatever_differs_in_a_request_differs_in_its_digest() {
        let of = |method, host, target, body: &[&'static str]| {
            digest(Some("k"), method, host, target, body).map(|r| r.digest)
        };
        let first = of(Method::POST, "a", ("/c", None), &["x"]);
        for other in [
            of(Method::PUT, "a", ("/c", None), &["x"]),
            of(Method::POST, "b", ("/c", None), &["x"]),
            of(Method::POST, "a", ("/d", None), &["x"]),
            of(Method::POST, "a", ("/c", Some("q")), &["x"]),
            of(Method::POST, "a", ("/c", None), &["y"]),
            of(Method::POST, "a", ("/c", None), &[]),
            of(Method::POST, "a", ("/", Some("c")), &["x"]),
        ] {
            assert_ne!(other, first);
        }
    }

    #[test]
    fn without_one_key_or_a_whole_body_there_is_none() {
        assert_eq!(digest(None, Method::POST, "a", ("/c", None), &["x"]), None);
        assert_eq!(
            digest(Some("a b"), Method::POST, "a", ("/c", None), &[]),
            None
        );
        let mut headers = HeaderMap::new();
        headers.append("idempotency-key", HeaderValue::from_static("a"));
        let begin =
            |headers: &HeaderMap| RequestDigest::begin(headers, &Method::POST, None, "/c", None);
        let mut broken = begin(&headers).unwrap();
        broken.add(Some(&Bytes::from_static(b"ab")), false);
        assert_eq!(broken.end(), None);
        headers.append("idempotency-key", HeaderValue::from_static("a"));
        assert!(begin(&headers).is_none());
    }
}
