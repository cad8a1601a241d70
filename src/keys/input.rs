//! What callers give to make or change a key, and its validation field by field; never a change itself.

use std::net::IpAddr;

use ipnet::IpNet;

use super::digest::Digester;
use super::model::{DigestKind, StoredSecret};
use super::verify::canonical_net;
use crate::base::ceilings::{ALLOWED_IPS, NAME_CHARS};
use crate::base::clock::{DAY, Timestamp};
use crate::base::error::FieldError;
use crate::base::hex;
use crate::base::ids::{is_account_id, is_reserved_account};
use crate::config::model::{Config, LegacyHash};

/// Days after which a key may end.
pub const EXPIRY_DAYS: [u32; 3] = [30, 90, 180];

/// When a key is to end. It must be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// Never.
    Never,
    /// After one of [`EXPIRY_DAYS`].
    Days(u32),
    /// At an instant that is yet to come.
    At(Timestamp),
}

impl Expiry {
    /// What `expires_in_days` and `expires_at` say together: exactly one must be there, null in either means never.
    ///
    /// # Errors
    /// When neither or both are there.
    pub fn said(
        in_days: Option<Option<u32>>,
        at: Option<Option<Timestamp>>,
    ) -> Result<Self, FieldError> {
        match (in_days, at) {
            (Some(days), None) => Ok(days.map_or(Self::Never, Self::Days)),
            (None, Some(at)) => Ok(at.map_or(Self::Never, Self::At)),
            (None, None) => Err(FieldError::new(
                "expires_in_days",
                "an expiry must be said: 30, 90, 180, null for none, or expires_at",
            )),
            (Some(_), Some(_)) => Err(FieldError::new(
                "expires_in_days",
                "expected expires_in_days or expires_at, not both",
            )),
        }
    }

    /// The instant it means for a key made or changed at `now`.
    ///
    /// # Errors
    /// For other days than [`EXPIRY_DAYS`] and for an instant that is past.
    pub fn instant(self, now: Timestamp) -> Result<Option<Timestamp>, FieldError> {
        match self {
            Self::Never => Ok(None),
            Self::Days(d) if EXPIRY_DAYS.contains(&d) => Ok(Some(now.plus(DAY * d))),
            Self::Days(_) => Err(FieldError::new(
                "expires_in_days",
                "expected 30, 90, 180 or null",
            )),
            Self::At(at) if at > now => Ok(Some(at)),
            Self::At(_) => Err(FieldError::new(
                "expires_at",
                "expected an instant that is yet to come",
            )),
        }
    }
}

/// A key to be made.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Its account; an unknown one is made with the default plan.
    pub account_id: String,
    /// What its owner calls it.
    pub name: String,
    /// What it may do: known scopes, each once, at least one.
    pub scopes: Vec<String>,
    /// When it ends.
    pub expiry: Expiry,
    /// CIDRs or addresses that it may be used from; empty for everywhere.
    pub allowed_ips: Vec<String>,
}

/// A change of a key; a missing member stays as it is.
#[derive(Debug, Clone, Default)]
pub struct KeyPatch {
    /// Another name.
    pub name: Option<String>,
    /// Other scopes.
    pub scopes: Option<Vec<String>>,
    /// Other addresses.
    pub allowed_ips: Option<Vec<String>>,
    /// Switched off or on.
    pub disabled: Option<bool>,
    /// Another end.
    pub expiry: Option<Expiry>,
}

/// How an imported digest was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportHash {
    /// SHA-256 of a key of a `keys.legacy` format.
    Sha256,
    /// HMAC-SHA-256 of a key of our own format under the configured pepper of this id.
    HmacSha256 {
        /// The pepper's id.
        pepper: String,
    },
}

/// A key of another system, or of another gateway, whose digest is known and whose secret is not.
#[derive(Debug, Clone)]
pub struct ImportKey {
    /// Its account, name, scopes, end and addresses.
    pub key: NewKey,
    /// The digest as 64 hex digits.
    pub digest: String,
    /// How it was made.
    pub hash: ImportHash,
    /// What the secret begins with, for listings.
    pub prefix: String,
    /// The last four characters of the secret, for listings; may be empty.
    pub last_four: String,
}

/// The checked part of a [`NewKey`].
#[derive(Debug, Clone)]
pub(super) struct Checked {
    pub(super) name: String,
    pub(super) scopes: Vec<String>,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) allowed_ips: Vec<IpNet>,
}

/// Collects what is wrong, so that a caller hears of everything at once. `at` is put before each field's name.
pub(super) struct Errors {
    at: String,
    found: Vec<FieldError>,
}

impl Errors {
    pub(super) fn under(at: &str) -> Self {
        Self {
            at: at.to_owned(),
            found: Vec::new(),
        }
    }

    fn add(&mut self, field: &str, message: impl Into<String>) {
        let field = format!("{}{field}", self.at);
        self.found.push(FieldError::new(field, message));
    }

    pub(super) fn take<T>(&mut self, result: Result<T, FieldError>) -> Option<T> {
        result.map_err(|e| self.add(&e.field, e.message)).ok()
    }

    pub(super) fn found(self) -> Vec<FieldError> {
        self.found
    }

    pub(super) fn account_id(&mut self, id: &str) {
        if !is_account_id(id) {
            self.add(
                "account_id",
                "expected 1 to 128 characters of A-Z a-z 0-9 _ - . : @",
            );
        } else if is_reserved_account(id) {
            self.add(
                "account_id",
                "expected another account: this one is the gateway's own",
            );
        }
    }

    pub(super) fn name(&mut self, name: &str) -> Option<String> {
        let chars = name.chars().count();
        let good = (1..=NAME_CHARS).contains(&chars)
            && !name.trim().is_empty()
            && !name.chars().any(char::is_control);
        if !good {
            let what =
                format!("expected 1 to {NAME_CHARS} characters, none of them a control character");
            self.add("name", what);
        }
        good.then(|| name.to_owned())
    }

    pub(super) fn scopes(&mut self, config: &Config, scopes: &[String]) -> Option<Vec<String>> {
        let before = self.found.len();
        if scopes.is_empty() {
            self.add("scopes", "expected at least one scope");
        }
        for (i, scope) in scopes.iter().enumerate() {
            if !config.scopes.iter().any(|(known, _)| known == scope) {
                self.add(
                    &format!("scopes[{i}]"),
                    "expected the name of a known scope",
                );
            } else if scopes[..i].contains(scope) {
                self.add(&format!("scopes[{i}]"), "expected each scope once");
            }
        }
        (self.found.len() == before).then(|| scopes.to_vec())
    }

    pub(super) fn allowed_ips(&mut self, texts: &[String]) -> Option<Vec<IpNet>> {
        if texts.len() > ALLOWED_IPS {
            self.add(
                "allowed_ips",
                format!("expected at most {ALLOWED_IPS} entries"),
            );
            return None;
        }
        let before = self.found.len();
        let mut nets = Vec::with_capacity(texts.len());
        for (i, text) in texts.iter().enumerate() {
            match parse_net(text) {
                Some(net) => nets.push(net),
                None => self.add(
                    &format!("allowed_ips[{i}]"),
                    "expected a network such as 203.0.113.0/24 or an address",
                ),
            }
        }
        (self.found.len() == before).then_some(nets)
    }
}

/// A network or a single address, host bits cleared, IPv4 in IPv6 as IPv4.
fn parse_net(text: &str) -> Option<IpNet> {
    let net = text
        .parse::<IpNet>()
        .ok()
        .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
    Some(canonical_net(net.trunc()))
}

impl NewKey {
    pub(super) fn check(
        &self,
        config: &Config,
        now: Timestamp,
        errors: &mut Errors,
    ) -> Option<Checked> {
        errors.account_id(&self.account_id);
        let name = errors.name(&self.name);
        let scopes = errors.scopes(config, &self.scopes);
        let expires_at = errors.take(self.expiry.instant(now));
        let allowed_ips = errors.allowed_ips(&self.allowed_ips);
        if !errors.found.is_empty() {
            return None;
        }
        Some(Checked {
            name: name?,
            scopes: scopes?,
            expires_at: expires_at?,
            allowed_ips: allowed_ips?,
        })
    }
}

impl ImportKey {
    pub(super) fn check_secret(
        &self,
        config: &Config,
        digester: &Digester,
        errors: &mut Errors,
    ) -> Option<StoredSecret> {
        let digest = hex::decode(&self.digest);
        if digest.is_none() {
            errors.add("digest", "expected 64 hex digits");
        }
        let kind = match &self.hash {
            ImportHash::Sha256 => {
                if !config
                    .keys
                    .legacy
                    .iter()
                    .any(|l| l.hash == LegacyHash::Sha256)
                {
                    errors.add(
                        "hash",
                        "sha256 needs a format in keys.legacy of the configuration",
                    );
                }
                DigestKind::Legacy(LegacyHash::Sha256)
            }
            ImportHash::HmacSha256 { pepper } => {
                if !digester.has_pepper(pepper) {
                    errors.add("pepper", "expected the id of a pepper in keys.peppers");
                }
                DigestKind::Pepper(pepper.clone())
            }
        };
        let shown = |text: &str, most: usize| {
            text.len() <= most && text.bytes().all(|b| b.is_ascii_graphic())
        };
        if !shown(&self.prefix, 64) {
            errors.add("prefix", "expected at most 64 visible ASCII characters");
        }
        // More would be a part of the secret worth having.
        if !shown(&self.last_four, 4) {
            errors.add("last_four", "expected at most 4 visible ASCII characters");
        }
        Some(StoredSecret {
            digest: digest?,
            kind,
            valid_until: None,
        })
    }
}
