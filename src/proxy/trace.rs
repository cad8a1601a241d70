//! The W3C trace context of a request: continued where a valid one came, begun otherwise; never an exporter.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::base::hex;

/// `traceparent` (W3C Trace Context section 3.2).
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// `tracestate` (section 3.3): means nothing without a valid `traceparent`.
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

const LENGTH: usize = 55;

/// The `traceparent` for the upstream: it continues the trace of `incoming`, or begins one.
pub fn next(incoming: Option<&HeaderValue>) -> HeaderValue {
    let mut buffer = *b"00-00000000000000000000000000000000-0000000000000000-00";
    if let Some(value) = incoming.map(HeaderValue::as_bytes) {
        buffer[3..35].copy_from_slice(&value[3..35]);
        buffer[53..55].copy_from_slice(&value[53..55]);
    } else {
        buffer[3..19].copy_from_slice(&hex::digits(fastrand::u64(1..)));
        buffer[19..35].copy_from_slice(&hex::digits(fastrand::u64(..)));
    }
    buffer[36..52].copy_from_slice(&hex::digits(fastrand::u64(1..)));
    HeaderValue::from_bytes(&buffer).unwrap_or(HeaderValue::from_static(""))
}

/// The one valid `traceparent` of a request.
pub fn incoming(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let value = values.next()?;
    (values.next().is_none() && is_valid(value.as_bytes())).then_some(value)
}

fn is_valid(v: &[u8]) -> bool {
    let is_hex = |b: &u8| b.is_ascii_digit() || (b'a'..=b'f').contains(b);
    let digits = |from: usize, to: usize| v[from..to].iter().all(is_hex);
    let zero = |from: usize, to: usize| v[from..to].iter().all(|b| *b == b'0');
    // A version other than 00 may be longer, with a dash where ours ends; ff is never valid.
    v.len() >= LENGTH
        && (v.len() == LENGTH || (&v[..2] != b"00" && v[LENGTH] == b'-'))
        && digits(0, 2)
        && &v[..2] != b"ff"
        && v[2] == b'-'
        && digits(3, 35)
        && !zero(3, 35)
        && v[35] == b'-'
        && digits(36, 52)
        && !zero(36, 52)
        && v[52] == b'-'
        && digits(53, 55)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(values: &[&str]) -> (String, bool) {
        let mut headers = HeaderMap::new();
        for v in values {
            headers.append(TRACEPARENT, HeaderValue::from_str(v).unwrap());
        }
        let incoming = incoming(&headers);
        let value = next(incoming);
        (value.to_str().unwrap().to_owned(), incoming.is_some())
    }

    #[test]
    fn a_valid_trace_goes_on_under_a_new_parent() {
        let (v, continued) = after(&["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"]);
        assert!(continued);
        assert!(v.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && v.ends_with("-01"));
        assert!(!v.contains("00f067aa0ba902b7") && is_valid(v.as_bytes()));
    }

    #[test]
    fn anything_else_begins_a_new_trace() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        for values in [
            &[][..],
            &["00-00000000000000000000000000000000-00f067aa0ba902b7-01"],
            &["00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"],
            &["00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"],
            &["ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
            &["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x"],
            &["nonsense"],
            &[good, good],
        ] {
            let (v, continued) = after(values);
            assert!(!continued && is_valid(v.as_bytes()), "{values:?}");
        }
    }
}
