//! Erasure of an account in small steps that may stop at any point and go on later, on any node; never who may ask for it.
//!
//! The mark `P:{A}:erasing` holds the pseudonym from the first step to the last, and `erased` for a day after it; scripts in
//! the account's slot look for it. What is found by way of something is deleted before that: a key's digests and its
//! entry in the list of keys go before its record, and the account goes last, so that a step that is done again finds what is
//! left. How far the long parts came is in `P:{A}:erasure`.

use super::Store;
use super::accounts::{index, standing};
use super::change::carry_out;
use super::each::each;
use super::key_read::{member, records};
use super::link::{Call, Patience};
use super::lists::{ACCOUNTS, KEYS};
use super::script::script;
use super::{answers, digests, erase_log, parts, plans, previous_uses};
use crate::accounts::port::ErasureStep;
use crate::base::audit::Change;
use crate::base::ceilings::{ERASED_TIME, KEY_SECRETS, STORE_DELETE_ROWS};
use crate::base::error::StoreError;
use crate::base::ids::{self, is_account_id};
use crate::limits::port::LeaseStore;

script!(BEGIN, "change.lua", "account_begin_erasure.lua");
script!(END, "account_end_erasure.lua");
script!(ERASE_KEYS, "key_erase.lua");
script!(PROGRESS, "erasure_progress.lua");

/// Keys that one step erases: each has digests, and a place in a list.
const KEYS_AT_ONCE: usize = STORE_DELETE_ROWS as usize / (KEY_SECRETS + 1);

/// Accounts whose erasure began. Advisory, as every index.
fn under_way_key(store: &Store) -> String {
    store.names.index("e", "accounts")
}

async fn note_under_way(store: &Store, command: &str, id: &str) -> Result<(), StoreError> {
    let mut cmd = redis::cmd(command);
    cmd.arg(under_way_key(store)).arg(id);
    store.link.run(Patience::Calm, &cmd).await
}

/// Accounts whose erasure began and did not end, by id.
pub(super) async fn under_way(store: &Store) -> Result<Vec<String>, StoreError> {
    let mut cmd = redis::cmd("SMEMBERS");
    cmd.arg(under_way_key(store));
    let mut ids: Vec<String> = store.link.run(Patience::Calm, &cmd).await?;
    ids.sort_unstable();
    let found = each(ids.iter().map(|id| standing(store, id))).await?;
    let found = ids.iter().zip(found);
    Ok(found
        .filter(|(_, s)| s.pseudonym.is_some())
        .map(|(id, _)| id.clone())
        .collect())
}

/// Marks an account for erasure. One that never had a key has no record, but may have endpoints or events.
pub(super) async fn begin(store: &Store, id: &str, change: &Change) -> Result<(), StoreError> {
    if !is_account_id(id) {
        return Err(StoreError::NotFound);
    }
    let known = standing(store, id).await?;
    let is_known = known.is_known || known.pseudonym.is_some();
    if !is_known {
        if !parts::has_any(store, id).await? {
            return Err(StoreError::NotFound);
        }
        index(store, id, "").await?;
    }
    note_under_way(store, "SADD", id).await?;
    let call = Call::new(&BEGIN)
        .key(store.names.of_account(id))
        .key(store.names.erasing(id))
        .key(store.names.erasure(id))
        .arg(id)
        .arg(format!("erased_{}", ids::request_id()))
        .arg(u8::from(!is_known))
        .arg(change.audit.at.millis())
        .arg(store.names.changes());
    carry_out::<()>(store, &store.names.slot(id), change, call).await?;
    // Whoever was just told that there is nothing to erase took the note away.
    note_under_way(store, "SADD", id).await?;
    parts::begin(store, id).await
}

/// One step: some data, or when none is left some of the audit log, or when that is done the account itself.
pub(super) async fn step(store: &Store, id: &str) -> Result<ErasureStep, StoreError> {
    if !is_account_id(id) {
        return Ok(ErasureStep::Done);
    }
    let found = standing(store, id).await?;
    let Some(pseudonym) = found.pseudonym else {
        if found.is_known {
            let why = "the account's erasure has not begun";
            return Err(StoreError::Conflict(why.into()));
        }
        note_under_way(store, "SREM", id).await?;
        return Ok(ErasureStep::Done);
    };
    let done = begun_parts(store, id).await?
        && keys(store, id).await?
        && previous_uses::erase(store, id).await?
        && parts::erase_some(store, id).await?
        && erase_answers(store, id).await?
        && erase_log::some(store, id, &pseudonym).await?
        && end(store, id).await?;
    Ok(match done {
        true => ErasureStep::Done,
        false => ErasureStep::More,
    })
}

/// A field of how far the erasure came.
pub(super) async fn progress(
    store: &Store,
    id: &str,
    field: &str,
) -> Result<Option<String>, StoreError> {
    let mut cmd = redis::cmd("HGET");
    cmd.arg(store.names.erasure(id)).arg(field);
    store.link.run(Patience::Calm, &cmd).await
}

/// Notes how far a part came. Every node goes on with what it finds at its start, so that another may have ended it.
pub(super) async fn note_progress(
    store: &Store,
    id: &str,
    field: &str,
    value: &str,
) -> Result<(), StoreError> {
    let call = Call::new(&PROGRESS)
        .key(store.names.erasing(id))
        .key(store.names.erasure(id))
        .arg(field)
        .arg(value);
    store.link.script(Patience::Calm, &call).await
}

/// Once more for the parts, since the node that began may have died before it told them.
async fn begun_parts(store: &Store, id: &str) -> Result<bool, StoreError> {
    if progress(store, id, "parts").await?.is_none() {
        parts::begin(store, id).await?;
        note_progress(store, id, "parts", "begun").await?;
    }
    Ok(true)
}

/// Some keys. True when none is left.
async fn keys(store: &Store, id: &str) -> Result<bool, StoreError> {
    let mut cmd = redis::cmd("ZRANGE");
    cmd.arg(store.names.key_ids(id))
        .arg(0)
        .arg(KEYS_AT_ONCE - 1);
    let ids: Vec<String> = store.link.run(Patience::Calm, &cmd).await?;
    if ids.is_empty() {
        return Ok(true);
    }
    let found = records(store, id, &ids).await?;
    let mut digests = Vec::new();
    for key in &found {
        digests.extend(key.secrets.iter().map(|s| (&s.digest, &key.id)));
    }
    each(
        digests
            .iter()
            .map(|(digest, key)| digests::erase(store, digest, id, key)),
    )
    .await?;
    let listed: Vec<_> = ids.iter().map(|k| (k.as_str(), member(id, k))).collect();
    KEYS.remove(store, &listed).await?;
    // Before the records, which lead to them.
    store.forget(id, &ids).await?;
    let call = Call::new(&ERASE_KEYS)
        .key(store.names.key_ids(id))
        .key(store.names.live_keys(id));
    let call = ids
        .iter()
        .fold(call, |call, k| call.key(store.names.key(id, k)).arg(k));
    store.link.script::<()>(Patience::Calm, &call).await?;
    Ok(ids.len() < KEYS_AT_ONCE)
}

/// Some of the list of answers. True when it was all looked at.
async fn erase_answers(store: &Store, id: &str) -> Result<bool, StoreError> {
    let from = progress(store, id, "answers").await?.unwrap_or_default();
    if from == "done" {
        return Ok(true);
    }
    let next = answers::erase_some(store, id, &from).await?;
    note_progress(store, id, "answers", next.as_deref().unwrap_or("done")).await?;
    Ok(next.is_none())
}

/// Ends the erasure unless something came in meanwhile.
async fn end(store: &Store, id: &str) -> Result<bool, StoreError> {
    plans::erase(store, id).await?;
    // Once more, since a node may have reported until it heard of the erasure.
    store.forget(id, &[]).await?;
    ACCOUNTS.remove(store, &[(id, id.to_owned())]).await?;
    let kept = u64::try_from(ERASED_TIME.as_millis()).unwrap_or(u64::MAX);
    let call = Call::new(&END)
        .key(store.names.of_account(id))
        .key(store.names.erasing(id))
        .key(store.names.erasure(id))
        .key(store.names.key_ids(id))
        .key(store.names.live_keys(id))
        .arg(id)
        .arg(kept)
        .arg(store.names.changes());
    let is_gone: bool = store.link.script(Patience::Calm, &call).await?;
    if is_gone {
        note_under_way(store, "SREM", id).await?;
    }
    Ok(is_gone)
}
