//! The index of digests, and how a digest comes to belong to one key; never what a key may do.
//!
//! The index is a hash in each of 256 slots, by the digest's first byte: digest → `<account> <key id> <µs of the claim>`.
//! It is advisory: a key has the digests that its record names.
//!
//! A key's digest is *claimed* in the index before a script writes it into the record, so that two keys, whose records may
//! lie in different slots, cannot get the same one. Whoever finds a digest claimed by another key asks that key's slot,
//! in one step: either the record has the digest, and the asker is refused, or a mark is left there that keeps the key
//! from getting it (`void:<key>:<digest>`, for [`INDEX_GRACE`]; the scripts that write records look for it), and only then
//! the claim is taken over. The other script may be on its way, or its node may have died: no clock decides, and the mark
//! need only outlive a call that Redis has not carried out yet.
//!
//! Entries are removed after the record gave the digest up, and only as they were before. Should the same key have got the
//! digest back meanwhile (two nodes that sign with different peppers), [`drop_entry`] sees that in the record and writes
//! the entry anew; [`confirm`] does the same for who has just written the record. Whichever of the two comes last, sees it.

use super::Store;
use super::key_text;
use super::link::{Call, Patience};
use super::names::Names;
use super::script::script;
use crate::base::ceilings::{INDEX_GRACE, REVISION_TRIES};
use crate::base::error::StoreError;
use crate::base::hex;
use crate::keys::model::{Digest, KeyRecord};

script!(CLAIM, "digest_claim.lua");
script!(TAKE, "digest_take.lua");
script!(DROP, "digest_drop.lua");
script!(VOID, "key_text.lua", "digest_void.lua");

/// Buckets of the index.
pub(super) const BUCKETS: u32 = 256;

/// An entry of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) account_id: String,
    pub(super) key_id: String,
    /// When it was claimed, in microseconds.
    pub(super) claimed_us: u64,
    /// The whole entry, as which it is removed.
    pub(super) text: String,
}

impl Entry {
    /// Reads an entry.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(' ');
        let (account_id, key_id) = (parts.next()?.to_owned(), parts.next()?.to_owned());
        Some(Self {
            account_id,
            key_id,
            claimed_us: parts.next()?.parse().ok()?,
            text: text.to_owned(),
        })
    }

    pub(super) fn is_of(&self, account_id: &str, key_id: &str) -> bool {
        self.account_id == account_id && self.key_id == key_id
    }
}

/// The hash of a bucket.
pub(super) fn bucket(names: &Names, bucket: u32) -> String {
    names.index(&format!("d{bucket:02x}"), "digests")
}

fn bucket_of(names: &Names, digest: &Digest) -> String {
    bucket(names, u32::from(digest[0]))
}

/// What the index says of a digest.
pub(super) async fn look(
    store: &Store,
    patience: Patience,
    digest: &Digest,
) -> Result<Option<Entry>, StoreError> {
    let mut cmd = redis::cmd("HGET");
    cmd.arg(bucket_of(&store.names, digest)).arg(&digest[..]);
    let text: Option<String> = store.link.run(patience, &cmd).await?;
    Ok(text.as_deref().and_then(Entry::parse))
}

/// Whether the key that an entry leads to has the digest.
pub(super) async fn is_true(
    store: &Store,
    entry: &Entry,
    digest: &Digest,
) -> Result<bool, StoreError> {
    let record = read(store, &entry.account_id, &entry.key_id).await?;
    Ok(record.is_some_and(|r| has(&r, digest)))
}

/// The digests of a key.
pub(super) fn of(record: &KeyRecord) -> Vec<Digest> {
    record.secrets.iter().map(|s| s.digest).collect()
}

/// Whether a key has a digest.
pub(super) fn has(record: &KeyRecord, digest: &Digest) -> bool {
    record.secrets.iter().any(|s| s.digest == *digest)
}

/// A key by its account and id.
pub(super) async fn read(
    store: &Store,
    account_id: &str,
    key_id: &str,
) -> Result<Option<KeyRecord>, StoreError> {
    let mut cmd = redis::cmd("GET");
    cmd.arg(store.names.key(account_id, key_id));
    let text: Option<String> = store.link.run(Patience::Calm, &cmd).await?;
    text.map(|t| key_text::from_text(account_id, key_id, &t))
        .transpose()
}

/// Claims a digest for a key that is about to get it, and returns the entry.
///
/// # Errors
/// [`StoreError::Conflict`] where it is another key's.
pub(super) async fn claim(
    store: &Store,
    digest: &Digest,
    account_id: &str,
    key_id: &str,
) -> Result<Entry, StoreError> {
    let call = Call::new(&CLAIM).key(bucket_of(&store.names, digest));
    let owner = format!("{account_id} {key_id}");
    let call = call.arg(&digest[..]).arg(&owner);
    let mut claimed: (bool, String) = store.link.script(Patience::Calm, &call).await?;
    for _ in 0..REVISION_TRIES {
        let (is_ours, text) = claimed;
        let entry = Entry::parse(&text);
        if is_ours {
            return entry.ok_or_else(|| StoreError::Corrupt(format!("digest entry {text}")));
        }
        // What cannot be read leads to no key, and is taken over as it is.
        if let Some(other) = &entry {
            void(store, digest, other).await?;
        }
        let call = Call::new(&TAKE).key(bucket_of(&store.names, digest));
        let call = call.arg(&digest[..]).arg(&text).arg(&owner);
        claimed = store.link.script(Patience::Calm, &call).await?;
    }
    Err(taken())
}

fn taken() -> StoreError {
    StoreError::Conflict("a digest belongs to another key".into())
}

/// Keeps the key of an entry from getting the digest, unless it has it.
async fn void(store: &Store, digest: &Digest, other: &Entry) -> Result<(), StoreError> {
    let (account, key, digest) = (&other.account_id, &other.key_id, hex::encode(digest));
    let call = Call::new(&VOID)
        .key(store.names.key(account, key))
        .key(store.names.void(account, key, &digest));
    let ms = u64::try_from(INDEX_GRACE.as_millis()).unwrap_or(u64::MAX);
    match store
        .link
        .script(Patience::Calm, &call.arg(digest).arg(ms))
        .await?
    {
        true => Ok(()),
        false => Err(taken()),
    }
}

/// Claims digests for a key; gives all back where one is refused.
///
/// # Errors
/// Those of [`claim`].
pub(super) async fn claim_all(
    store: &Store,
    digests: &[Digest],
    account_id: &str,
    key_id: &str,
) -> Result<Vec<(Digest, Entry)>, StoreError> {
    let mut claimed = Vec::new();
    for digest in digests {
        match claim(store, digest, account_id, key_id).await {
            Ok(entry) => claimed.push((*digest, entry)),
            Err(e) => {
                give_back(store, &claimed).await;
                return Err(e);
            }
        }
    }
    Ok(claimed)
}

/// Takes claims back that came to nothing for certain. What fails stays, and leads nowhere until `repair` finds it.
pub(super) async fn give_back(store: &Store, claimed: &[(Digest, Entry)]) {
    for (digest, entry) in claimed {
        let _ = drop_text(store, digest, &entry.text).await;
    }
}

async fn drop_text(store: &Store, digest: &Digest, begins: &str) -> Result<bool, StoreError> {
    let call = Call::new(&DROP).key(bucket_of(&store.names, digest));
    let call = call.arg(&digest[..]).arg(begins);
    store.link.script(Patience::Calm, &call).await
}

/// Removes the entry of a digest that the key's record gave up, as it was before that.
pub(super) async fn drop_entry(
    store: &Store,
    digest: &Digest,
    entry: &Entry,
) -> Result<(), StoreError> {
    if drop_text(store, digest, &entry.text).await? && is_true(store, entry, digest).await? {
        claim(store, digest, &entry.account_id, &entry.key_id).await?;
    }
    Ok(())
}

/// Removes whatever entry leads from a digest to this key, which is being erased.
pub(super) async fn erase(
    store: &Store,
    digest: &Digest,
    account_id: &str,
    key_id: &str,
) -> Result<(), StoreError> {
    drop_text(store, digest, &format!("{account_id} {key_id} ")).await?;
    Ok(())
}

/// Writes the entry of a digest anew that the key has and the index does not know any more.
pub(super) async fn confirm(
    store: &Store,
    digest: &Digest,
    account_id: &str,
    key_id: &str,
) -> Result<(), StoreError> {
    let there = look(store, Patience::Calm, digest).await?;
    if !there.is_some_and(|e| e.is_of(account_id, key_id)) {
        claim(store, digest, account_id, key_id).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_names_account_key_and_time() {
        let entry = Entry::parse("a@b key_1 1794916800000001").unwrap();
        assert!(entry.is_of("a@b", "key_1") && !entry.is_of("a", "key_1"));
        assert_eq!(entry.claimed_us, 1_794_916_800_000_001);
        for bad in ["", "a", "a key_1", "a key_1 soon"] {
            assert_eq!(Entry::parse(bad), None, "{bad}");
        }
    }
}
