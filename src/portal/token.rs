//! What a one-time link and a cookie hold: session, account and a secret; never readable by who only has the store.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

use super::model::{Digest, SESSION};
use crate::base::ceilings::portal::PORTAL_TICKET_CHARS;
use crate::base::ids;
use crate::base::secret::Secret;

/// Random bytes of a secret.
const SECRET_BYTES: usize = 32;
/// Characters that they are as base64url.
const SECRET_CHARS: usize = 43;

/// The digest of a secret. It has 256 random bits, so that nothing slower is needed.
pub fn digest(secret: &Secret) -> Digest {
    Sha256::digest(secret.expose().as_bytes()).into()
}

/// Whether a digest is that of `secret`; takes the same time either way.
pub fn matches(kept: &Digest, secret: &Secret) -> bool {
    kept.ct_eq(&digest(secret)).into()
}

/// A link's or a cookie's text, read: `<session>.<secret>.<account as base64url>`. The account is in it so that one look finds
/// the session where the account's things lie; it proves nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The session.
    pub id: String,
    /// Its account, as whoever shows it says.
    pub account_id: String,
    /// What proves it.
    pub secret: Secret,
}

impl Ticket {
    /// A ticket for a session, with a new secret.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn new(id: &str, account_id: &str) -> Result<Self, getrandom::Error> {
        let mut bytes = [0u8; SECRET_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self {
            id: id.to_owned(),
            account_id: account_id.to_owned(),
            secret: Secret::new(URL_SAFE_NO_PAD.encode(bytes)),
        })
    }

    /// Its text, for the one who may have it.
    pub fn text(&self) -> Secret {
        let account = URL_SAFE_NO_PAD.encode(&self.account_id);
        Secret::new(format!("{}.{}.{account}", self.id, self.secret.expose()))
    }

    /// Reads one; `None` for what cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > PORTAL_TICKET_CHARS {
            return None;
        }
        let (id, rest) = text.split_once('.')?;
        let (secret, account) = rest.split_once('.')?;
        let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if !ids::is_valid(SESSION, id)
            || secret.len() != SECRET_CHARS
            || !secret.bytes().all(is_word)
        {
            return None;
        }
        let account_id = String::from_utf8(URL_SAFE_NO_PAD.decode(account).ok()?).ok()?;
        ids::is_account_id(&account_id).then(|| Self {
            id: id.to_owned(),
            account_id,
            secret: Secret::new(secret),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_read_as_it_was_written() {
        let ticket = Ticket::new(&ids::new(SESSION), "acct.with:dots@x").unwrap();
        let text = ticket.text();
        assert_eq!(Ticket::parse(text.expose()), Some(ticket.clone()));
        assert!(!format!("{ticket:?}").contains(ticket.secret.expose()));
        let longest = Ticket::new(&ids::new(SESSION), &"a".repeat(128)).unwrap();
        assert!(Ticket::parse(longest.text().expose()).is_some());
    }

    #[test]
    fn what_is_no_ticket_is_refused_without_a_look_into_the_store() {
        let good = Ticket::new(&ids::new(SESSION), "acct_1").unwrap().text();
        let good = good.expose();
        let (head, account) = good.rsplit_once('.').unwrap();
        for bad in [
            "",
            ".",
            "..",
            head,
            &good[1..],
            &format!("{good}."),
            &format!("{head}."),
            &format!("{head}.YQ=="),
            &format!("{head}.IA"),
            &format!("{head}.{}", "YWFh".repeat(200)),
            &good.replacen("ps_", "key_", 1),
            &good.replacen('.', "./", 1),
            &format!("{account}.{head}"),
        ] {
            assert_eq!(Ticket::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_digest_matches_its_own_secret_only() {
        let secret = Secret::new("s");
        let kept = digest(&secret);
        assert!(matches(&kept, &secret) && !matches(&kept, &Secret::new("t")));
    }
}
