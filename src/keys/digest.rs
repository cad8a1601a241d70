//! Digests of secrets under peppers and legacy hashes, and what looks like a credential; never a record, never the store.

use ring::hmac;
use sha2::{Digest as _, Sha256};
use smallvec::SmallVec;
use subtle::ConstantTimeEq;

use super::model::{Digest, DigestKind, KeyRecord, StoredSecret};
use super::secret;
use crate::config::model::{Keys, LegacyFormat, LegacyHash};

/// All digests that a secret may have at rest: one for each pepper, one for the legacy hash.
pub type Candidates = SmallVec<[Digest; 2]>;

/// Makes digests as one configuration says. HMAC states are computed once, here.
pub struct Digester {
    prefix: String,
    peppers: Vec<(String, hmac::Key)>,
    legacy: Vec<LegacyFormat>,
    /// What sets the cache keys of these settings apart from those of others.
    mask: Digest,
}

impl std::fmt::Debug for Digester {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Digester")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// A secret as it was shown, in digests only: all that a look-up needs, without the secret.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The digest under which a cache knows it.
    pub cache_key: Digest,
    /// Every digest that it may have at rest; never empty.
    pub candidates: Candidates,
    /// How it is to be at rest: under the first pepper. `None` for a legacy format, whose digest stays.
    first: Option<StoredSecret>,
}

/// A digest that moves to the first pepper, now that its secret was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// The key.
    pub key_id: String,
    /// The digest it has.
    pub old: Digest,
    /// What it gets instead.
    pub new: StoredSecret,
}

impl Digester {
    /// Prepares the peppers and legacy formats of `keys`.
    pub fn new(keys: &Keys) -> Self {
        let hmac_key = |s: &str| hmac::Key::new(hmac::HMAC_SHA256, s.as_bytes());
        let peppers: Vec<_> = keys
            .peppers
            .iter()
            .map(|p| (p.id.clone(), hmac_key(p.secret.expose())))
            .collect();
        Self {
            mask: mask(&keys.prefix, &peppers, &keys.legacy),
            prefix: keys.prefix.clone(),
            peppers,
            legacy: keys.legacy.clone(),
        }
    }

    /// What secrets begin with.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The digest under which a cache knows `text`. `None` for what has neither our prefix and length nor a legacy pattern.
    /// Its characters and checksum are not looked at: whoever finds nothing in the cache asks [`Digester::shown`], and what
    /// is found there was a key when it was put there.
    ///
    /// It is in memory only and every request computes one, so that it is one SHA-256 and no HMAC: a secret of ours has more
    /// random bits than anybody can try. Other peppers, prefixes or legacy formats give other keys, so that what was found
    /// under settings that are no longer in force is never found under those that are.
    pub fn cache_key(&self, text: &str) -> Option<Digest> {
        let may_be_a_key =
            secret::has_shape(&self.prefix, text) || self.legacy_hash(text).is_some();
        may_be_a_key.then(|| self.masked(text))
    }

    fn masked(&self, text: &str) -> Digest {
        let mut key = sha256(text);
        key.iter_mut().zip(&self.mask).for_each(|(k, m)| *k ^= m);
        key
    }

    /// Every digest that `text` may have at rest; empty exactly when [`Digester::shown`] is `None`.
    pub fn candidates(&self, text: &str) -> Candidates {
        let mut all = Candidates::new();
        if secret::check(&self.prefix, text) {
            all.extend(self.peppers.iter().map(|(_, key)| mac(key, text)));
        }
        if let Some(LegacyHash::Sha256) = self.legacy_hash(text) {
            all.push(sha256(text));
        }
        all
    }

    /// Everything a look-up of `text` needs, computed at once. `None` for what cannot be a key (neither our form with the
    /// right checksum nor a legacy pattern): it is refused without asking the store.
    pub fn shown(&self, text: &str) -> Option<Shown> {
        let candidates = self.candidates(text);
        if candidates.is_empty() {
            return None;
        }
        Some(Shown {
            cache_key: self.masked(text),
            candidates,
            first: secret::check(&self.prefix, text)
                .then(|| self.at_rest(text))
                .flatten(),
        })
    }

    /// Whether `text` looks like a credential of ours: our form, whatever its checksum, or a legacy pattern.
    pub fn is_credential_like(&self, text: &str) -> bool {
        secret::has_form(&self.prefix, text) || self.legacy_hash(text).is_some()
    }

    /// Whether a pepper has this id.
    pub fn has_pepper(&self, id: &str) -> bool {
        self.peppers.iter().any(|(p, _)| p == id)
    }

    /// `text` as it is stored: under the first pepper. `None` only for a configuration without peppers, which
    /// validation refuses.
    pub fn at_rest(&self, text: &str) -> Option<StoredSecret> {
        self.peppers.first().map(|(id, key)| StoredSecret {
            digest: mac(key, text),
            kind: DigestKind::Pepper(id.clone()),
            valid_until: None,
        })
    }

    fn legacy_hash(&self, text: &str) -> Option<LegacyHash> {
        self.legacy
            .iter()
            .find(|l| l.pattern.is_match(text))
            .map(|l| l.hash)
    }
}

impl Shown {
    /// Which of the record's secrets it is. Every pair is compared, each in constant time.
    pub fn matching<'a>(&self, record: &'a KeyRecord) -> Option<&'a StoredSecret> {
        let same = |s: &StoredSecret| {
            self.candidates.iter().fold(false, |found, c| {
                found | bool::from(c.as_slice().ct_eq(s.digest.as_slice()))
            })
        };
        record.secrets.iter().find(|s| same(s))
    }

    /// What is to be moved to the first pepper, now that it matched `stored`. Legacy digests stay, so that importing
    /// them again finds them.
    pub fn migration(&self, key_id: &str, stored: &StoredSecret) -> Option<Migration> {
        let first = self.first.as_ref()?;
        (matches!(stored.kind, DigestKind::Pepper(_)) && stored.kind != first.kind).then(|| {
            Migration {
                key_id: key_id.to_owned(),
                old: stored.digest,
                new: StoredSecret {
                    valid_until: stored.valid_until,
                    ..first.clone()
                },
            }
        })
    }
}

fn mac(key: &hmac::Key, text: &str) -> Digest {
    let mut out = Digest::default();
    out.copy_from_slice(hmac::sign(key, text.as_bytes()).as_ref());
    out
}

/// One digest of all that decides which digests a secret has at rest.
fn mask(prefix: &str, peppers: &[(String, hmac::Key)], legacy: &[LegacyFormat]) -> Digest {
    let mut all = Sha256::new();
    let mut add = |part: &[u8]| {
        all.update((part.len() as u64).to_le_bytes());
        all.update(part);
    };
    add(prefix.as_bytes());
    for (id, key) in peppers {
        add(id.as_bytes());
        add(&mac(key, "cache"));
    }
    for format in legacy {
        let LegacyHash::Sha256 = format.hash;
        add(format.pattern.as_str().as_bytes());
    }
    all.finalize().into()
}

fn sha256(text: &str) -> Digest {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hex;
    use crate::keys::testing::{self, settings};

    fn keys(peppers: &[(&str, &str)]) -> Keys {
        settings(peppers, 10)
    }

    const OURS: &str = "lf_live_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17";
    const OLD: &str = "oldkey_0123456789abcdef0123456789abcdef";

    #[test]
    fn digests_are_those_that_other_tools_compute() {
        // printf %s oldkey_… | sha256sum; … | openssl dgst -sha256 -hmac pepper
        let d = Digester::new(&keys(&[("p1", "pepper")]));
        assert_eq!(
            hex::encode(&d.candidates(OLD)[0]),
            "ba32beb54f252133706de742dfeda287676678a9abc6570f2f461e4c087f4bb9"
        );
        assert_eq!(
            hex::encode(&d.candidates(OURS)[0]),
            "0c68adc725aa09da92c8b6844a099130e27f47ef608be54e9828ff09ae6a39af"
        );
    }

    #[test]
    fn what_a_cache_found_under_other_settings_is_not_found_again() {
        let settings = keys(&[("p2", "b"), ("p1", "a")]);
        let one = Digester::new(&settings);
        let mut others = vec![
            keys(&[("p2", "b")]),
            keys(&[("p1", "a"), ("p2", "b")]),
            keys(&[("p2", "b"), ("p1", "c")]),
            keys(&[("p2", "b"), ("p3", "a")]),
        ];
        let mut format = settings.legacy[0].clone();
        format.pattern = regex::Regex::new("^(?:oldkey_[0-9a-f]{32}|x)$").unwrap();
        others.push(Keys {
            legacy: vec![format],
            ..settings.clone()
        });
        for text in [OURS, OLD] {
            let key = one.cache_key(text);
            assert!(key.is_some());
            assert_eq!(Digester::new(&settings).cache_key(text), key);
            assert_eq!(one.shown(text).map(|s| s.cache_key), key);
            for other in &others {
                let other = Digester::new(other).cache_key(text);
                assert!(other.is_some() && other != key, "{text}");
            }
        }
        assert_ne!(one.cache_key(OURS), one.cache_key(OLD));
    }

    #[test]
    fn what_cannot_be_a_key_has_no_digest() {
        let d = Digester::new(&keys(&[("p1", "a")]));
        let bad_sum = OURS.replace("0mLq17", "0mLq18");
        for t in [
            "",
            "lf_live_",
            &bad_sum,
            "lf_test_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17",
        ] {
            assert!(d.candidates(t).is_empty() && d.shown(t).is_none(), "{t}");
            // A checksum is worth looking at only where nothing is found.
            assert_eq!(d.cache_key(t).is_some(), *t == *bad_sum, "{t}");
        }
        assert!(d.is_credential_like(&bad_sum) && d.is_credential_like(OLD));
        assert!(!d.is_credential_like("contacts") && !d.is_credential_like(""));
    }

    fn record(secret: StoredSecret) -> KeyRecord {
        testing::record("key_1", "a", secret)
    }

    #[test]
    fn an_old_pepper_verifies_and_its_digest_moves_to_the_first() {
        let old = Digester::new(&keys(&[("p1", "a")]));
        let new = Digester::new(&keys(&[("p2", "b"), ("p1", "a")]));
        let r = record(old.at_rest(OURS).unwrap());
        let shown = new.shown(OURS).unwrap();
        let stored = shown.matching(&r).unwrap();
        let m = shown.migration(&r.id, stored).unwrap();
        assert_eq!(m.old, r.secrets[0].digest);
        assert_eq!(m.new, new.at_rest(OURS).unwrap());
        assert_eq!(m.new.digest, new.candidates(OURS)[0]);
        let moved = record(m.new.clone());
        assert_eq!(
            shown.migration(&r.id, shown.matching(&moved).unwrap()),
            None
        );
        // Without the old pepper the key is unknown.
        let without = Digester::new(&keys(&[("p2", "b")]));
        assert!(without.shown(OURS).unwrap().matching(&r).is_none());
    }

    #[test]
    fn a_legacy_digest_matches_and_stays() {
        let d = Digester::new(&keys(&[("p1", "a")]));
        let r = record(StoredSecret {
            digest: sha256(OLD),
            kind: DigestKind::Legacy(LegacyHash::Sha256),
            valid_until: None,
        });
        let shown = d.shown(OLD).unwrap();
        let stored = shown.matching(&r).unwrap();
        assert_eq!(shown.migration(&r.id, stored), None);
    }
}
