//! The encoder of RateLimit-Policy, RateLimit and Retry-After (draft-ietf-httpapi-ratelimit-headers-11); the only place that knows their syntax.

use http::HeaderValue;

use super::decision::{Policy, Standing, Standings};

/// Name of the field that lists the policies.
pub const RATELIMIT_POLICY: &str = "ratelimit-policy";
/// Name of the field that says where the tightest policy stands.
pub const RATELIMIT: &str = "ratelimit";

/// A policy as `RateLimit-Policy` names it: what it allows in which window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PolicyTerms {
    pub(super) policy: Policy,
    pub(super) quota: u64,
    pub(super) window_seconds: u64,
}

/// The largest integer of a structured field (RFC 9651 section 3.3.1); larger numbers are shown as this one.
const MAX_INTEGER: u64 = 999_999_999_999_999;

/// The value of `RateLimit-Policy`, e.g. `"burst";q=100;w=2, "hour";q=10000;w=3600`. Made once per plan and month.
pub(super) fn policy_field(terms: &[PolicyTerms]) -> HeaderValue {
    let mut text = Text::<ALL_BYTES>::default();
    for (i, t) in terms.iter().enumerate() {
        if i > 0 {
            text.push(b", ");
        }
        text.name(t.policy);
        text.number(b";q=", t.quota);
        text.number(b";w=", t.window_seconds);
    }
    text.value()
}

/// The value of `RateLimit`, e.g. `"burst";r=97;t=1`; `None` where nothing is limited.
pub fn ratelimit(standings: &Standings) -> Option<RateLimit> {
    standings.tightest().map(one)
}

fn one(standing: &Standing) -> RateLimit {
    let mut text = Text::default();
    text.name(standing.policy);
    text.number(b";r=", standing.remaining);
    text.number(b";t=", standing.more_in_seconds());
    RateLimit(text)
}

/// A value of `RateLimit`. Every answer has its own, so it is kept without an allocation.
#[derive(Debug, Clone)]
pub struct RateLimit(Text<ONE_BYTES>);

impl RateLimit {
    /// It as text, in bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// It as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// It as the value of a field.
    pub fn value(&self) -> HeaderValue {
        self.0.value()
    }
}

/// The value of `Retry-After` in seconds (RFC 9110 section 10.2.3).
pub fn retry_after(seconds: u64) -> HeaderValue {
    HeaderValue::from(seconds)
}

/// Bytes of the longest value: all four policies with the largest numbers take fewer.
const ALL_BYTES: usize = 256;

/// Bytes of the longest value of one policy: the longest name with the largest numbers takes fewer.
const ONE_BYTES: usize = 56;

/// Text under construction, on the stack.
#[derive(Debug, Clone)]
struct Text<const MOST: usize> {
    bytes: [u8; MOST],
    length: usize,
}

impl<const MOST: usize> Default for Text<MOST> {
    fn default() -> Self {
        Self {
            bytes: [0; MOST],
            length: 0,
        }
    }
}

impl<const MOST: usize> Text<MOST> {
    fn push(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        if let Some(place) = self.bytes.get_mut(self.length..end) {
            place.copy_from_slice(bytes);
            self.length = end;
        }
    }

    fn name(&mut self, policy: Policy) {
        self.push(match policy {
            Policy::Burst => b"\"burst\"",
            Policy::Account => b"\"account\"",
            Policy::Hour => b"\"hour\"",
            Policy::Month => b"\"month\"",
        });
    }

    fn number(&mut self, key: &[u8], value: u64) {
        self.push(key);
        self.push(
            itoa::Buffer::new()
                .format(value.min(MAX_INTEGER))
                .as_bytes(),
        );
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn value(&self) -> HeaderValue {
        HeaderValue::from_bytes(self.as_bytes()).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_look_as_the_contract_shows_them() {
        let term = |policy, quota, window_seconds| PolicyTerms {
            policy,
            quota,
            window_seconds,
        };
        let field = policy_field(&[
            term(Policy::Burst, 100, 2),
            term(Policy::Hour, 10_000, 3600),
            term(Policy::Month, 1_000_000, 2_592_000),
        ]);
        assert_eq!(
            field,
            r#""burst";q=100;w=2, "hour";q=10000;w=3600, "month";q=1000000;w=2592000"#
        );
        let standing = Standing {
            policy: Policy::Burst,
            quota: 100,
            remaining: 97,
            more_in_ms: 20,
            wait_ms: 0,
        };
        assert_eq!(one(&standing).as_str(), r#""burst";r=97;t=1"#);
        let none = Standing {
            remaining: 0,
            more_in_ms: 0,
            ..standing
        };
        assert_eq!(one(&none).as_str(), r#""burst";r=0;t=0"#);
    }

    #[test]
    fn numbers_stay_within_structured_fields() {
        let field = policy_field(&[PolicyTerms {
            policy: Policy::Account,
            quota: u64::MAX,
            window_seconds: 1,
        }]);
        assert_eq!(field, r#""account";q=999999999999999;w=1"#);
    }

    #[test]
    fn the_longest_value_fits_and_names_are_those_of_the_policies() {
        let terms = Policy::ALL.map(|policy| PolicyTerms {
            policy,
            quota: u64::MAX,
            window_seconds: u64::MAX,
        });
        let field = policy_field(&terms);
        let wanted =
            Policy::ALL.map(|p| format!(r#""{}";q=999999999999999;w=999999999999999"#, p.as_str()));
        assert_eq!(field.to_str().unwrap(), wanted.join(", "));
        for policy in Policy::ALL {
            let largest = Standing {
                policy,
                quota: u64::MAX,
                remaining: u64::MAX,
                more_in_ms: u64::MAX,
                wait_ms: 0,
            };
            let wanted = format!(
                r#""{}";r=999999999999999;t=999999999999999"#,
                policy.as_str()
            );
            assert_eq!(one(&largest).as_str(), wanted);
            assert_eq!(one(&largest).value(), wanted);
        }
    }
}
