//! Hosted inboxes: an address that catches webhooks, and what one caught; never where they are kept.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::base::ceilings::simulator::{
    INBOX_BYTES, INBOX_HEADER_BYTES, INBOX_HEADERS, INBOX_MESSAGES,
};
use crate::base::clock::Timestamp;
use crate::base::secret::Secret;
pub use crate::webhooks::model::HeaderField;
use crate::webhooks::model::SealedSecret;
use crate::webhooks::verify::Unverified;

/// Prefix of an inbox's id.
pub const INBOX: &str = "ibx_";
/// Prefix of a message's id; messages sort by it.
pub const MESSAGE: &str = "inm_";
/// Path that inboxes are under.
pub const PATH: &str = "/inbox/";
/// Random bytes of a token: 43 characters of base64url.
const TOKEN_BYTES: usize = 32;
/// Characters of a token.
const TOKEN_CHARS: usize = 43;
/// Fields whose values are credentials and are not kept.
const CREDENTIALS: &[&str] = &["authorization", "cookie", "proxy-authorization"];

/// The random part of an inbox's address. Whoever knows it can post there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token(Secret);

impl Token {
    /// A new one.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0u8; TOKEN_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(Secret::new(URL_SAFE_NO_PAD.encode(bytes))))
    }

    /// Reads one; `None` for what cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let is_good = text.len() == TOKEN_CHARS
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        is_good.then(|| Self(Secret::new(text)))
    }

    /// The token of an address under `base`, exactly as it was given out.
    pub fn in_url(base: &str, url: &str) -> Option<Self> {
        Self::parse(url.strip_prefix(base)?)
    }

    /// What the store finds an inbox by: the token itself is not at rest.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.0.expose().as_bytes()).into()
    }

    /// The inbox's address, for whoever may post there.
    pub fn url(&self, base: &str) -> String {
        format!("{base}{}", self.0.expose())
    }
}

/// An inbox.
#[derive(Debug, Clone, PartialEq)]
pub struct Inbox {
    /// `ibx_…`.
    pub id: String,
    /// Its account.
    pub account_id: String,
    /// Digest of its token.
    pub token_digest: [u8; 32],
    /// Token and signing secret, sealed as one.
    pub sealed: SealedSecret,
    /// When it goes, with what it caught.
    pub expires_at: Timestamp,
}

/// What an inbox keeps sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// The random part of its address.
    pub token: Token,
    /// Its own signing secret, for whoever has no webhook to sign with.
    pub secret: Secret,
}

impl Keys {
    /// As one text, to be sealed.
    pub fn to_secret(&self) -> Secret {
        Secret::new(format!(
            "{} {}",
            self.token.0.expose(),
            self.secret.expose()
        ))
    }

    /// Reads that text.
    pub fn parse(text: &Secret) -> Option<Self> {
        let (token, secret) = text.expose().split_once(' ')?;
        Some(Self {
            token: Token::parse(token)?,
            secret: Secret::new(secret),
        })
    }
}

/// How much an inbox keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Messages at most.
    pub messages: usize,
    /// Bytes of all messages at most, as they are at rest.
    pub bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            messages: INBOX_MESSAGES,
            bytes: INBOX_BYTES,
        }
    }
}

/// A body as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InboxBody {
    /// UTF-8.
    Text(String),
    /// Anything else.
    Base64(String),
}

impl InboxBody {
    fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Base64(STANDARD.encode(bytes)),
        }
    }
}

/// What an inbox caught.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct InboxMessage {
    /// `inm_…`.
    pub id: String,
    /// When it came.
    #[schema(value_type = String, format = DateTime)]
    pub received_at: Timestamp,
    /// Its header fields. Values of credentials are left out.
    pub headers: Vec<HeaderField>,
    /// Its body.
    pub body: InboxBody,
    /// Whether it verified when it came.
    pub verified: bool,
    /// Why it did not.
    pub why_not: Option<String>,
    /// Whose secret signed it: `inbox`, or the id of the webhook that has this inbox's address.
    pub signed_by: Option<String>,
}

impl InboxMessage {
    /// What came at `at`, and what became of its verification.
    pub fn new(
        headers: &HeaderMap,
        body: &[u8],
        verdict: Result<String, Unverified>,
        at: Timestamp,
    ) -> Self {
        let (signed_by, why_not) = match verdict {
            Ok(signer) => (Some(signer), None),
            Err(why) => (None, Some(why.to_string())),
        };
        Self {
            id: crate::base::ids::new(MESSAGE),
            received_at: at,
            headers: kept(headers),
            body: InboxBody::of(body),
            verified: why_not.is_none(),
            why_not,
            signed_by,
        }
    }
}

fn kept(headers: &HeaderMap) -> Vec<HeaderField> {
    let mut room = INBOX_HEADER_BYTES;
    headers
        .iter()
        .take(INBOX_HEADERS)
        .map_while(|(name, value)| {
            let value = if CREDENTIALS.contains(&name.as_str()) {
                "[redacted]".to_owned()
            } else {
                String::from_utf8_lossy(value.as_bytes()).into_owned()
            };
            room = room.checked_sub(name.as_str().len() + value.len())?;
            Some(HeaderField::new(name.as_str(), value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_43_random_characters_and_found_in_its_own_address_only() {
        let base = "https://portal.example.com/inbox/";
        let token = Token::generate().unwrap();
        let url = token.url(base);
        assert_eq!(url.len(), base.len() + TOKEN_CHARS);
        assert_eq!(Token::in_url(base, &url), Some(token.clone()));
        assert_ne!(token, Token::generate().unwrap());
        assert!(!format!("{token:?}").contains(&url[base.len()..]));
        for bad in [
            base.to_owned(),
            format!("{url}/"),
            format!("{url}?a=b"),
            format!("{url}#"),
            format!("{base}../admin"),
            url.replace("https://", "https://x@"),
            url.replace("portal", "PORTAL"),
            url.replacen("com/inbox", "com:1/inbox", 1),
        ] {
            assert_eq!(Token::in_url(base, &bad), None, "{bad}");
        }
    }

    #[test]
    fn token_and_secret_are_sealed_as_one_text() {
        let keys = Keys {
            token: Token::generate().unwrap(),
            secret: Secret::new("whsec_x"),
        };
        assert_eq!(Keys::parse(&keys.to_secret()), Some(keys));
        assert_eq!(Keys::parse(&Secret::new("short whsec_x")), None);
    }

    #[test]
    fn a_message_keeps_no_credential_and_no_more_fields_than_it_may() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", "Bearer k".parse().unwrap());
        headers.insert("webhook-id", "evt_1".parse().unwrap());
        let verdict = Ok("inbox".to_owned());
        let m = InboxMessage::new(&headers, b"{}", verdict, Timestamp::from_secs(1));
        let want = [("authorization", "[redacted]"), ("webhook-id", "evt_1")];
        assert_eq!(m.headers, want.map(|(n, v)| HeaderField::new(n, v)));
        assert!(m.verified && m.signed_by.as_deref() == Some("inbox"));
        for i in 0..100 {
            let name = format!("x-{i}").parse::<http::HeaderName>().unwrap();
            headers.insert(name, "v".repeat(400).parse().unwrap());
        }
        let m = InboxMessage::new(
            &headers,
            b"\xff",
            Err(Unverified::NotUtf8),
            Timestamp::from_secs(1),
        );
        let bytes: usize = m.headers.iter().map(|f| f.name.len() + f.value.len()).sum();
        assert!(m.headers.len() <= INBOX_HEADERS && bytes <= INBOX_HEADER_BYTES);
        assert_eq!(m.body, InboxBody::Base64("/w==".to_owned()));
        assert!(!m.verified && m.why_not.is_some());
    }
}
