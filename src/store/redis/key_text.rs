//! A key's record as text, there and back; never where it lies.
//!
//! Three lines, so that scripts read and change what they decide by without touching the rest:
//!
//! 1. the last use, of a fixed length so that it is overwritten in place: 15 digits of ms and the address padded to 39, or dashes;
//! 2. `<revision> <revoked at|-> <expires at|-> <digest,digest|->`;
//! 3. all else, as JSON that no script reads.
//!
//! What scripts know of this is in `scripts/key_text.lua`, and in those that write the first line.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::hex;
use crate::keys::model::{Digest, DigestKind, KeyRecord, StoredSecret};

/// Length of the first line with its end.
#[cfg(test)]
pub(super) const USE_BYTES: usize = 56;

#[derive(Serialize, Deserialize)]
struct Rest {
    name: String,
    scopes: Vec<String>,
    created: i64,
    disabled: bool,
    ips: Vec<IpNet>,
    prefix: String,
    last_four: String,
    /// In the order of the digests.
    secrets: Vec<Secret>,
}

#[derive(Serialize, Deserialize)]
struct Secret {
    kind: DigestKind,
    until: Option<i64>,
}

fn corrupt(why: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(format!("a key's record: {why}"))
}

/// The first line.
pub(super) fn use_line(at: Option<Timestamp>, ip: Option<IpAddr>) -> String {
    let ip = ip.map_or_else(|| "-".to_owned(), |ip| ip.to_string());
    match at {
        Some(at) => format!("{:015} {ip:<39}\n", at.millis()),
        None => format!("{:-<15} {ip:<39}\n", ""),
    }
}

fn opt_ms(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "-".to_owned(), |t| t.millis().to_string())
}

fn read_ms(text: &str) -> Result<Option<Timestamp>, StoreError> {
    match text {
        "-" => Ok(None),
        ms => ms
            .parse()
            .map(|ms| Some(Timestamp::from_millis(ms)))
            .map_err(corrupt),
    }
}

/// The second and third line.
pub(super) fn state(key: &KeyRecord) -> Result<String, StoreError> {
    let digests: Vec<_> = key.secrets.iter().map(|s| hex::encode(&s.digest)).collect();
    let digests = match digests.is_empty() {
        true => "-".to_owned(),
        false => digests.join(","),
    };
    let secret = |s: &StoredSecret| Secret {
        kind: s.kind.clone(),
        until: s.valid_until.map(Timestamp::millis),
    };
    let rest = Rest {
        name: key.name.clone(),
        scopes: key.scopes.clone(),
        created: key.created_at.millis(),
        disabled: key.disabled,
        ips: key.allowed_ips.clone(),
        prefix: key.prefix.clone(),
        last_four: key.last_four.clone(),
        secrets: key.secrets.iter().map(secret).collect(),
    };
    let rest = serde_json::to_string(&rest).map_err(corrupt)?;
    let (revoked, expires) = (opt_ms(key.revoked_at), opt_ms(key.expires_at));
    Ok(format!(
        "{} {revoked} {expires} {digests}\n{rest}",
        key.revision
    ))
}

/// All lines.
pub(super) fn to_text(key: &KeyRecord) -> Result<String, StoreError> {
    Ok(use_line(key.last_used_at, key.last_used_ip) + &state(key)?)
}

/// When the key counts as expired where live keys are counted: a score.
pub(super) fn expiry_score(key: &KeyRecord) -> String {
    key.expires_at
        .map_or_else(|| "+inf".to_owned(), |t| t.millis().to_string())
}

/// Reads a record that lies under this account and id.
///
/// # Errors
/// [`StoreError::Corrupt`] for anything that [`to_text`] did not write.
pub(super) fn from_text(account_id: &str, id: &str, text: &str) -> Result<KeyRecord, StoreError> {
    let mut lines = text.splitn(3, '\n');
    let (Some(used), Some(head), Some(rest)) = (lines.next(), lines.next(), lines.next()) else {
        return Err(corrupt("a line is missing"));
    };
    let (at, ip) = used
        .split_once(' ')
        .ok_or_else(|| corrupt("its last use"))?;
    let head: Vec<_> = head.split(' ').collect();
    let [revision, revoked, expires, digests] = head[..] else {
        return Err(corrupt("its second line"));
    };
    let rest: Rest = serde_json::from_str(rest).map_err(corrupt)?;
    Ok(KeyRecord {
        id: id.to_owned(),
        account_id: account_id.to_owned(),
        name: rest.name,
        scopes: rest.scopes,
        created_at: Timestamp::from_millis(rest.created),
        expires_at: read_ms(expires)?,
        last_used_at: read_ms(if at.starts_with('-') { "-" } else { at })?,
        last_used_ip: match ip.trim_end() {
            "-" => None,
            ip => Some(ip.parse().map_err(corrupt)?),
        },
        disabled: rest.disabled,
        revoked_at: read_ms(revoked)?,
        allowed_ips: rest.ips,
        prefix: rest.prefix,
        last_four: rest.last_four,
        secrets: secrets(digests, rest.secrets)?,
        revision: revision.parse().map_err(corrupt)?,
    })
}

fn secrets(digests: &str, rest: Vec<Secret>) -> Result<Vec<StoredSecret>, StoreError> {
    let digests: Option<Vec<Digest>> = match digests {
        "-" => Some(Vec::new()),
        some => some.split(',').map(hex::decode).collect(),
    };
    let digests = digests.ok_or_else(|| corrupt("a digest"))?;
    if digests.len() != rest.len() {
        return Err(corrupt("its digests"));
    }
    let secret = |(digest, s): (Digest, Secret)| StoredSecret {
        digest,
        kind: s.kind,
        valid_until: s.until.map(Timestamp::from_millis),
    };
    Ok(digests.into_iter().zip(rest).map(secret).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::model::LegacyHash;

    fn key() -> KeyRecord {
        KeyRecord {
            id: "key_1".into(),
            account_id: "a".into(),
            name: "multi\nline \"name\" – é".into(),
            scopes: vec!["contacts:read".into()],
            created_at: Timestamp::from_millis(1_794_916_800_001),
            expires_at: None,
            last_used_at: None,
            last_used_ip: None,
            disabled: true,
            revoked_at: None,
            allowed_ips: vec!["10.0.0.0/8".parse().unwrap()],
            prefix: "lf_live".into(),
            last_four: "abcd".into(),
            secrets: vec![],
            revision: u64::from(u32::MAX),
        }
    }

    #[test]
    fn a_key_is_read_as_it_was_written() {
        let mut k = key();
        for _ in 0..2 {
            let text = to_text(&k).unwrap();
            assert_eq!(text.find('\n'), Some(USE_BYTES - 1));
            assert_eq!(from_text("a", "key_1", &text).unwrap(), k);
            k.expires_at = Some(Timestamp::from_millis(253_402_300_799_999));
            k.revoked_at = Some(Timestamp::from_millis(0));
            k.last_used_at = Some(Timestamp::from_millis(253_402_300_799_999));
            k.last_used_ip = Some(
                "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255"
                    .parse()
                    .unwrap(),
            );
            let secret = |n, kind| StoredSecret {
                digest: [n; 32],
                kind,
                valid_until: Some(Timestamp::from_secs(5)),
            };
            k.secrets = vec![
                secret(1, DigestKind::Pepper("p 1".into())),
                secret(2, DigestKind::Legacy(LegacyHash::Sha256)),
            ];
        }
    }

    #[test]
    fn what_is_no_record_is_named_damage() {
        let text = to_text(&key()).unwrap();
        for cut in [0, 10, USE_BYTES, text.len() - 1] {
            assert!(matches!(
                from_text("a", "key_1", &text[..cut]),
                Err(StoreError::Corrupt(_))
            ));
        }
    }
}
