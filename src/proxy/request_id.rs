//! The id of a request, which its answer, its log line and its upstream get; never where a client's own is believed.

use http::HeaderValue;

use crate::base::hex;

/// Digits of an id that is made here.
const DIGITS: usize = 32;

/// The id of one request.
#[derive(Debug, Clone)]
pub enum RequestId {
    /// Random hex digits, made here. Most ids are these, so they are kept without an allocation.
    Made([u8; DIGITS]),
    /// The id that a trusted proxy gave it.
    Given(HeaderValue),
}

impl RequestId {
    /// A new id.
    pub fn random() -> Self {
        let mut id = [0; DIGITS];
        let (left, right) = id.split_at_mut(DIGITS / 2);
        left.copy_from_slice(&hex::digits(fastrand::u64(..)));
        right.copy_from_slice(&hex::digits(fastrand::u64(..)));
        Self::Made(id)
    }

    /// Its bytes, which are visible ASCII.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Made(id) => id,
            Self::Given(value) => value.as_bytes(),
        }
    }

    /// It as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// It as the value of a field.
    pub fn value(&self) -> HeaderValue {
        match self {
            Self::Made(id) => HeaderValue::from_bytes(id).unwrap_or(HeaderValue::from_static("")),
            Self::Given(value) => value.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_same_wherever_it_is_shown() {
        for id in [
            RequestId::random(),
            RequestId::Given(HeaderValue::from_static("abc-1")),
        ] {
            assert_eq!(id.as_str().as_bytes(), id.as_bytes());
            assert_eq!(id.value(), id.as_str());
        }
    }

    #[test]
    fn ids_that_are_made_here_are_32_hex_digits_and_differ() {
        let ids: std::collections::BTreeSet<_> = (0..1_000)
            .map(|_| RequestId::random().as_str().to_owned())
            .collect();
        assert_eq!(ids.len(), 1_000);
        assert!(ids.iter().all(|id| hex::is_digits(id, DIGITS)));
        assert!(
            ids.iter()
                .all(|id| !id.bytes().any(|b| b.is_ascii_uppercase()))
        );
    }
}
