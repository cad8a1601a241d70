//! Verifies a webhook as a receiver does (Standard Webhooks 1.0), and says why one does not verify; never signs or sends.

use http::HeaderMap;

use super::sign::SigningKey;
use crate::base::ceilings::simulator::WEBHOOK_TOLERANCE;
use crate::base::clock::Timestamp;

/// Name of the field with the webhook's id.
pub const ID: &str = "webhook-id";
/// Name of the field with the time of the attempt.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// Name of the field with the signatures.
pub const SIGNATURE: &str = "webhook-signature";

/// Why a webhook does not verify; the texts are public.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// A field is not there.
    #[error("there is no {0}")]
    Missing(&'static str),
    /// A field is there more than once, or is no text.
    #[error("{0} is there more than once or is not ASCII")]
    Ambiguous(&'static str),
    /// The time is no number.
    #[error("webhook-timestamp is not a number of seconds")]
    BadTimestamp,
    /// The time is too long ago.
    #[error(
        "webhook-timestamp is {0} s old: {max} s are tolerated",
        max = WEBHOOK_TOLERANCE.as_secs()
    )]
    TooOld(u64),
    /// The time is too far ahead.
    #[error(
        "webhook-timestamp is {0} s ahead: {max} s are tolerated",
        max = WEBHOOK_TOLERANCE.as_secs()
    )]
    TooNew(u64),
    /// Bodies of webhooks are UTF-8.
    #[error("the body is not UTF-8")]
    NotUtf8,
    /// There is no signature of a kind that is known.
    #[error("webhook-signature has no signature that begins with v1,")]
    NoSignature,
    /// No signature fits.
    #[error("no signature fits: another secret, or the id, the time or the body was changed")]
    NoMatch,
}

/// Checks a webhook that came at `now`, and tells which of the keys (by index) it was signed with. The time is looked at
/// last, so that whoever hears that it is old knows that everything else fits.
///
/// # Errors
/// Why it does not verify.
pub fn verify(
    keys: &[SigningKey],
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Result<usize, Unverified> {
    let id = field(headers, ID)?;
    let timestamp = field(headers, TIMESTAMP)?;
    let given = field(headers, SIGNATURE)?;
    // A sign, a space or a leading zero would be another text than the one that was signed.
    let seconds = timestamp
        .parse::<i64>()
        .ok()
        .filter(|s| s.to_string() == timestamp)
        .ok_or(Unverified::BadTimestamp)?;
    let body = std::str::from_utf8(body).map_err(|_| Unverified::NotUtf8)?;
    if !given.split(' ').any(|s| s.starts_with("v1,")) {
        return Err(Unverified::NoSignature);
    }
    let signer = keys
        .iter()
        .position(|key| given.split(' ').any(|s| key.made(s, id, timestamp, body)))
        .ok_or(Unverified::NoMatch)?;
    let off = i128::from(now.secs()) - i128::from(seconds);
    let seconds_off = u64::try_from(off.unsigned_abs()).unwrap_or(u64::MAX);
    match (seconds_off > WEBHOOK_TOLERANCE.as_secs(), off > 0) {
        (false, _) => Ok(signer),
        (true, true) => Err(Unverified::TooOld(seconds_off)),
        (true, false) => Err(Unverified::TooNew(seconds_off)),
    }
}

fn field<'h>(headers: &'h HeaderMap, name: &'static str) -> Result<&'h str, Unverified> {
    let mut fields = headers.get_all(name).iter();
    let value = fields.next().ok_or(Unverified::Missing(name))?;
    match (value.to_str(), fields.next()) {
        (Ok(text), None) => Ok(text),
        _ => Err(Unverified::Ambiguous(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::Secret;
    use crate::webhooks::sign::signatures;

    const BODY: &str = "{\"test\": 2432232314}";
    const AT: i64 = 1_614_265_330;

    fn key(secret: &str) -> SigningKey {
        SigningKey::new(&Secret::new(secret)).unwrap()
    }

    fn ours() -> SigningKey {
        key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    }

    fn other() -> SigningKey {
        key("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")
    }

    fn headers(signature: &str) -> HeaderMap {
        let mut h = HeaderMap::new();
        h.insert(ID, "msg_p5jXN8AQM9LWM0D4loKWxJek".parse().unwrap());
        h.insert(TIMESTAMP, AT.into());
        h.insert(SIGNATURE, signature.parse().unwrap());
        h
    }

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    const VECTOR: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    #[test]
    fn the_published_vector_verifies_and_names_its_key() {
        let keys = [other(), ours()];
        let found = verify(&keys, &headers(VECTOR), BODY.as_bytes(), at(AT));
        assert_eq!(found, Ok(1));
        let among = format!("v1a,AAAA v1,AAAA {VECTOR}");
        let found = verify(&keys, &headers(&among), BODY.as_bytes(), at(AT));
        assert_eq!(found, Ok(1));
    }

    #[test]
    fn each_kind_of_damage_has_its_reason() {
        let check = |h: &HeaderMap, body: &str, now: i64| {
            verify(&[ours()], h, body.as_bytes(), at(now)).unwrap_err()
        };
        let good = headers(VECTOR);
        assert_eq!(check(&good, "{}", AT), Unverified::NoMatch);
        assert_eq!(check(&good, BODY, AT + 301), Unverified::TooOld(301));
        assert_eq!(check(&good, BODY, AT - 301), Unverified::TooNew(301));
        for name in [ID, TIMESTAMP, SIGNATURE] {
            let mut h = good.clone();
            h.append(name, "x".parse().unwrap());
            assert_eq!(check(&h, BODY, AT), Unverified::Ambiguous(name));
            h.remove(name);
            assert_eq!(check(&h, BODY, AT), Unverified::Missing(name));
        }
        for bad in ["", "x", "+1614265330", "01614265330", "1614265330.0"] {
            let mut h = good.clone();
            h.insert(TIMESTAMP, bad.parse().unwrap());
            assert_eq!(check(&h, BODY, AT), Unverified::BadTimestamp, "{bad}");
        }
        for bad in ["", "v1", "v2,AAAA", "g0hM9SsE"] {
            let h = headers(bad);
            assert_eq!(check(&h, BODY, AT), Unverified::NoSignature, "{bad}");
        }
        for bad in ["v1,", "v1,!!!", "v1,AAAA", "v1, AAAA"] {
            assert_eq!(check(&headers(bad), BODY, AT), Unverified::NoMatch, "{bad}");
        }
        let stranger = signatures(&[other()], "msg_p5jXN8AQM9LWM0D4loKWxJek", AT, BODY);
        assert_eq!(check(&headers(&stranger), BODY, AT), Unverified::NoMatch);
        let found = verify(&[ours()], &good, b"\xff", at(AT));
        assert_eq!(found, Err(Unverified::NotUtf8));
    }

    #[test]
    fn the_tolerance_is_five_minutes_either_way() {
        for off in [-300, 0, 300] {
            let found = verify(&[ours()], &headers(VECTOR), BODY.as_bytes(), at(AT + off));
            assert_eq!(found, Ok(0), "{off}");
        }
    }
}
