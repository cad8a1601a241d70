//! Seals endpoint secrets for the store under keys made from the configuration's peppers; never keeps a key in the store.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf;
use zeroize::Zeroizing;

use super::model::SealedSecret;
use crate::base::secret::Secret;
use crate::config::model::Pepper;

/// Keeps these keys apart from everything else that a pepper is used for.
const SALT: &[u8] = b"fuelgate webhook secrets";
const INFO: &[u8] = b"chacha20-poly1305 v1";

/// Why a secret could not be sealed or opened; its text is for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// No pepper has this id.
    #[error("the pepper {0} that sealed a webhook secret is not configured")]
    UnknownPepper(String),
    /// Damaged, or sealed for another endpoint or under another pepper of the same id.
    #[error("a sealed webhook secret cannot be opened")]
    Damaged,
    /// No randomness, or no pepper.
    #[error("a webhook secret cannot be sealed")]
    CannotSeal,
}

/// Seals with the first pepper, opens with any.
pub struct Sealer {
    keys: Vec<(String, LessSafeKey)>,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

impl Sealer {
    /// Derives a key from each pepper (HKDF-SHA-256, RFC 5869).
    pub fn new(peppers: &[Pepper]) -> Self {
        let keys = peppers
            .iter()
            .filter_map(|p| Some((p.id.clone(), derive(&p.secret)?)))
            .collect();
        Self { keys }
    }

    /// Seals `secret` for one endpoint: it opens for no other.
    ///
    /// # Errors
    /// [`SealError::CannotSeal`].
    pub fn seal(&self, endpoint_id: &str, secret: &Secret) -> Result<SealedSecret, SealError> {
        let (pepper_id, key) = self.keys.first().ok_or(SealError::CannotSeal)?;
        let mut nonce = [0u8; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|_| SealError::CannotSeal)?;
        let mut text = Zeroizing::new(secret.expose().as_bytes().to_vec());
        let tag = key
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(endpoint_id.as_bytes()),
                &mut text,
            )
            .map_err(|_| SealError::CannotSeal)?;
        let sealed = [&nonce, text.as_slice(), tag.as_ref()].concat();
        Ok(SealedSecret {
            pepper_id: pepper_id.clone(),
            sealed: STANDARD.encode(sealed),
            valid_until: None,
        })
    }

    /// Opens a secret of this endpoint.
    ///
    /// # Errors
    /// [`SealError::UnknownPepper`] and [`SealError::Damaged`].
    pub fn open(&self, endpoint_id: &str, sealed: &SealedSecret) -> Result<Secret, SealError> {
        let (_, key) = self
            .keys
            .iter()
            .find(|(id, _)| *id == sealed.pepper_id)
            .ok_or_else(|| SealError::UnknownPepper(sealed.pepper_id.clone()))?;
        let mut bytes = STANDARD
            .decode(&sealed.sealed)
            .map_err(|_| SealError::Damaged)?;
        if bytes.len() < NONCE_LEN {
            return Err(SealError::Damaged);
        }
        let mut text = Zeroizing::new(bytes.split_off(NONCE_LEN));
        let nonce = Nonce::try_assume_unique_for_key(&bytes).map_err(|_| SealError::Damaged)?;
        let opened = key
            .open_in_place(nonce, Aad::from(endpoint_id.as_bytes()), &mut text)
            .map_err(|_| SealError::Damaged)?;
        let opened = std::str::from_utf8(opened).map_err(|_| SealError::Damaged)?;
        Ok(Secret::new(opened))
    }

    /// Whether a secret was sealed under a pepper that is no longer the first.
    pub fn is_outdated(&self, sealed: &SealedSecret) -> bool {
        self.keys
            .first()
            .is_some_and(|(id, _)| *id != sealed.pepper_id)
    }
}

fn derive(pepper: &Secret) -> Option<LessSafeKey> {
    let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, SALT).extract(pepper.expose().as_bytes());
    let okm = extracted.expand(&[INFO], &CHACHA20_POLY1305).ok()?;
    Some(LessSafeKey::new(UnboundKey::from(okm)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pepper(id: &str, secret: &str) -> Pepper {
        Pepper {
            id: id.to_owned(),
            secret: Secret::new(secret),
        }
    }

    #[test]
    fn what_is_sealed_opens_for_its_endpoint_only() {
        let sealer = Sealer::new(&[pepper("p1", "one")]);
        let secret = Secret::new("whsec_x");
        let sealed = sealer.seal("whk_1", &secret).unwrap();
        assert!(
            !STANDARD
                .decode(&sealed.sealed)
                .unwrap()
                .windows(5)
                .any(|w| w == b"whsec")
        );
        assert_eq!(sealer.open("whk_1", &sealed), Ok(secret.clone()));
        assert_eq!(sealer.open("whk_2", &sealed), Err(SealError::Damaged));
        assert_ne!(
            sealer.seal("whk_1", &secret).unwrap(),
            sealed,
            "a fresh nonce each time"
        );
        let other = Sealer::new(&[pepper("p1", "another")]);
        assert_eq!(other.open("whk_1", &sealed), Err(SealError::Damaged));
    }

    #[test]
    fn an_older_pepper_opens_and_the_first_seals() {
        let old = Sealer::new(&[pepper("p1", "one")]);
        let sealed = old.seal("whk_1", &Secret::new("s")).unwrap();
        let both = Sealer::new(&[pepper("p2", "two"), pepper("p1", "one")]);
        assert_eq!(both.open("whk_1", &sealed), Ok(Secret::new("s")));
        assert!(both.is_outdated(&sealed) && !old.is_outdated(&sealed));
        assert_eq!(
            both.seal("whk_1", &Secret::new("s")).unwrap().pepper_id,
            "p2"
        );
        let new = Sealer::new(&[pepper("p2", "two")]);
        assert_eq!(
            new.open("whk_1", &sealed),
            Err(SealError::UnknownPepper("p1".to_owned()))
        );
    }

    #[test]
    fn damage_is_told_and_never_panics() {
        let sealer = Sealer::new(&[pepper("p1", "one")]);
        for text in [
            "",
            "!",
            "AAAA",
            "AAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            let s = SealedSecret {
                pepper_id: "p1".to_owned(),
                sealed: text.to_owned(),
                valid_until: None,
            };
            assert_eq!(sealer.open("whk_1", &s), Err(SealError::Damaged));
        }
        assert_eq!(
            Sealer::new(&[]).seal("whk_1", &Secret::new("s")),
            Err(SealError::CannotSeal)
        );
    }
}
