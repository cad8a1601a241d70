//! Signs webhooks as Standard Webhooks 1.0 says, and makes the secrets for it; never stores or sends them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use zeroize::Zeroizing;

use crate::base::secret::Secret;

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// Random bytes of a secret that is made here.
const SECRET_BYTES: usize = 24;

/// A secret, ready to sign.
#[derive(Clone)]
pub struct SigningKey(hmac::Key);

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

impl SigningKey {
    /// Reads `whsec_` and padded base64 of 24 to 64 bytes; `None` for anything else.
    pub fn new(secret: &Secret) -> Option<Self> {
        let text = secret.expose().strip_prefix(PREFIX)?;
        let bytes = Zeroizing::new(STANDARD.decode(text).ok()?);
        (24..=64)
            .contains(&bytes.len())
            .then(|| Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// One signature: `v1,` and base64 of the HMAC-SHA-256 of `id.timestamp.body`.
    fn sign(&self, id: &str, timestamp: &str, body: &str) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        for part in [id, ".", timestamp, ".", body] {
            context.update(part.as_bytes());
        }
        format!("v1,{}", STANDARD.encode(context.sign()))
    }

    /// Whether `given` is this key's signature; compared in constant time.
    pub(super) fn made(&self, given: &str, id: &str, timestamp: &str, body: &str) -> bool {
        Secret::new(self.sign(id, timestamp, body)) == Secret::new(given)
    }
}

/// The fields that identify and sign a webhook, as every attempt carries them; see [`signatures`].
pub fn fields(
    keys: &[SigningKey],
    id: &str,
    timestamp: i64,
    body: &str,
) -> Vec<(&'static str, String)> {
    vec![
        ("content-type", "application/json".to_owned()),
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", timestamp.to_string()),
        ("webhook-signature", signatures(keys, id, timestamp, body)),
    ]
}

/// The value of `webhook-signature`: a signature for each key, single spaces between. `timestamp` is in seconds
/// since the Unix epoch and the same as `webhook-timestamp`.
pub fn signatures(keys: &[SigningKey], id: &str, timestamp: i64, body: &str) -> String {
    let timestamp = timestamp.to_string();
    let all: Vec<String> = keys.iter().map(|k| k.sign(id, &timestamp, body)).collect();
    all.join(" ")
}

/// Makes a secret: `whsec_` and base64 of 24 random bytes.
///
/// # Errors
/// The system has no randomness.
pub fn generate() -> Result<Secret, getrandom::Error> {
    let mut bytes = Zeroizing::new([0u8; SECRET_BYTES]);
    getrandom::fill(bytes.as_mut())?;
    let text = Zeroizing::new(STANDARD.encode(bytes.as_ref()));
    Ok(Secret::new(format!("{PREFIX}{}", *text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(secret: &str) -> SigningKey {
        SigningKey::new(&Secret::new(secret)).unwrap()
    }

    const A: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const B: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

    #[test]
    fn published_vectors_hold() {
        assert_eq!(
            signatures(
                &[key(A)],
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                "{\"test\": 2432232314}"
            ),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
        assert_eq!(
            signatures(
                &[key(B)],
                "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
                1_649_367_553,
                "{\"email\":\"test@example.com\",\"username\":\"test_user\"}"
            ),
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="
        );
    }

    #[test]
    fn two_secrets_give_two_signatures_that_a_receiver_verifies_with_either() {
        let secrets = [generate().unwrap(), generate().unwrap()];
        let keys: Vec<_> = secrets.iter().map(|s| key(s.expose())).collect();
        let now = crate::base::clock::Clock::system().now().secs();
        let body = "{\"type\":\"a.b\",\"name\":\"Zoë\"}";
        let value = signatures(&keys, "evt_1", now, body);
        assert_eq!(value.split(' ').count(), 2);
        let mut headers = http::HeaderMap::new();
        headers.insert("webhook-id", "evt_1".parse().unwrap());
        headers.insert("webhook-timestamp", now.into());
        headers.insert("webhook-signature", value.parse().unwrap());
        for s in &secrets {
            let receiver = standardwebhooks::Webhook::new(s.expose()).unwrap();
            receiver.verify(body.as_bytes(), &headers).unwrap();
        }
        let stranger = standardwebhooks::Webhook::new(generate().unwrap().expose()).unwrap();
        assert!(stranger.verify(body.as_bytes(), &headers).is_err());
    }

    #[test]
    fn secrets_are_24_random_bytes_and_nothing_else_is_taken() {
        let s = generate().unwrap();
        assert_eq!(STANDARD.decode(&s.expose()[6..]).unwrap().len(), 24);
        assert_ne!(s, generate().unwrap());
        for bad in [
            "",
            "whsec_",
            "whsec_AAAA",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_!!!!",
        ] {
            assert!(SigningKey::new(&Secret::new(bad)).is_none(), "{bad}");
        }
        assert!(!format!("{:?}", key(A)).contains("MfKQ"));
    }
}
