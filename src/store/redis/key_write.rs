//! Changing single keys in Redis: making, replacing, moving a digest, noting last uses; never many keys at once.

use std::collections::HashMap;

use super::Store;
use super::accounts;
use super::change::{announce, carry_out, is_refusal};
use super::digests::{self, has};
use super::each::each;
use super::key_names::expect_ids;
use super::key_read::{self, accounts_of, member};
use super::key_text::{expiry_score, state, to_text, use_line};
use super::link::{Call, Patience};
use super::lists::KEYS;
use super::script::script;
use crate::base::audit::Change;
use crate::base::ceilings::{REVISION_TRIES, STORE_SCRIPT_KEYS};
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::hex;
use crate::keys::model::{Digest, KeyRecord, StoredSecret};
use crate::keys::port::LastUse;

script!(CREATE, "change.lua", "key_create.lua");
script!(UPDATE, "change.lua", "key_text.lua", "key_update.lua");
script!(SWAP, "key_text.lua", "key_swap.lua");
script!(USES, "key_uses.lua");

/// Adds the marks that keep a key from digests.
pub(super) fn marks(store: &Store, call: Call, key: &KeyRecord, digests: &[Digest]) -> Call {
    digests.iter().fold(call, |call, digest| {
        call.key(
            store
                .names
                .void(&key.account_id, &key.id, &hex::encode(digest)),
        )
    })
}

/// Makes a key. What leads to it is written first, and taken back where the script refuses.
pub(super) async fn create(
    store: &Store,
    key: &KeyRecord,
    default_plan: &str,
    max_keys: u64,
    now: Timestamp,
    change: &Change,
) -> Result<(), StoreError> {
    expect_ids(&key.account_id, Some(&key.id))?;
    let standing = accounts::standing(store, &key.account_id).await?;
    standing.refuse_erasing()?;
    // Most that is refused is refused here, before anything is written for nothing. The script decides.
    if key_read::count_live(store, &key.account_id, now).await? >= max_keys {
        let why = "the account has as many keys as its plan allows";
        return Err(StoreError::Conflict(why.into()));
    }
    let claimed = digests::claim_all(store, &digests::of(key), &key.account_id, &key.id).await?;
    let listed = [(key.id.as_str(), member(&key.account_id, &key.id))];
    let made = async {
        KEYS.add(store, &listed).await?;
        let making = Making {
            key,
            default_plan,
            max_keys,
            now,
            change,
        };
        making.call(store, standing.is_known).await
    };
    let made = made.await;
    if is_refusal(&made) {
        digests::give_back(store, &claimed).await;
        // A key of this id that was there before is still in the list.
        if digests::read(store, &key.account_id, &key.id)
            .await?
            .is_none()
        {
            let _ = KEYS.remove(store, &listed).await;
        }
    }
    made
}

struct Making<'a> {
    key: &'a KeyRecord,
    default_plan: &'a str,
    max_keys: u64,
    now: Timestamp,
    change: &'a Change,
}

impl Making<'_> {
    async fn call(&self, store: &Store, is_known: bool) -> Result<(), StoreError> {
        let (key, names) = (self.key, &store.names);
        let account = key.account_id.as_str();
        let announced = announce(store, &names.slot(account), self.change).await?;
        let mut may_make = false;
        if !is_known {
            accounts::index(store, account, self.default_plan).await?;
            may_make = true;
        }
        loop {
            let call = Call::new(&CREATE)
                .key(names.of_account(account))
                .key(names.erasing(account))
                .key(names.key_ids(account))
                .key(names.live_keys(account))
                .key(names.key(account, &key.id));
            let call = marks(store, call, key, &digests::of(key))
                .arg(&key.id)
                .arg(to_text(key)?)
                .arg(expiry_score(key))
                .arg(self.default_plan)
                .arg(key.created_at.millis())
                .arg(self.max_keys)
                .arg(self.now.millis())
                .arg(u8::from(may_make))
                .arg(names.changes())
                .arg(account);
            let done: Result<String, _> = store
                .link
                .script(Patience::Calm, &announced.add(call))
                .await;
            if is_refusal(&done) {
                announced.withdraw(store).await;
            }
            match done?.as_str() {
                // It was erased since it was looked at.
                "AGAIN" if !may_make => {
                    accounts::index(store, account, self.default_plan).await?;
                    may_make = true;
                }
                // An erasure that ended meanwhile may have taken the entries out again.
                "MADE" => return accounts::index(store, account, self.default_plan).await,
                _ => return Ok(()),
            }
        }
    }
}

/// The end of [`create`], with nothing before it.
#[cfg(test)]
pub(super) async fn carry_out_creation(
    store: &Store,
    key: &KeyRecord,
    default_plan: &str,
    change: &Change,
) -> Result<(), StoreError> {
    let making = Making {
        key,
        default_plan,
        max_keys: u64::MAX,
        now: key.created_at,
        change,
    };
    making.call(store, false).await
}

/// Replaces a key, last use aside.
pub(super) async fn update(
    store: &Store,
    key: &KeyRecord,
    change: &Change,
) -> Result<(), StoreError> {
    expect_ids(&key.account_id, Some(&key.id)).map_err(|_| StoreError::NotFound)?;
    let (account, id) = (key.account_id.as_str(), key.id.as_str());
    let stored = digests::read(store, account, id).await?;
    let stored = stored.ok_or(StoreError::NotFound)?;
    if stored.revision.checked_add(1) != Some(key.revision) {
        return Err(StoreError::Conflict("the key was changed meanwhile".into()));
    }
    let digests_of = |k: &KeyRecord, not_in: &KeyRecord| -> Vec<Digest> {
        let all = digests::of(k).into_iter();
        all.filter(|d| !has(not_in, d)).collect()
    };
    let (added, removed) = (digests_of(key, &stored), digests_of(&stored, key));
    // As they are before the record gives them up.
    let old = each(
        removed
            .iter()
            .map(|d| digests::look(store, Patience::Calm, d)),
    )
    .await?;
    let claimed = digests::claim_all(store, &added, account, id).await?;
    let call = Call::new(&UPDATE)
        .key(store.names.key(account, id))
        .key(store.names.live_keys(account));
    let score = match key.revoked_at {
        Some(_) => String::new(),
        None => expiry_score(key),
    };
    let call = marks(store, call, key, &added)
        .arg(id)
        .arg(stored.revision)
        .arg(state(key)?)
        .arg(score)
        .arg(store.names.changes());
    let done = carry_out::<()>(store, &store.names.slot(account), change, call).await;
    if is_refusal(&done) {
        digests::give_back(store, &claimed).await;
    }
    done?;
    let old = removed
        .iter()
        .zip(&old)
        .filter_map(|(d, e)| Some((d, e.as_ref()?)));
    let old = old.filter(|(_, e)| e.account_id == account && e.key_id == id);
    for (digest, entry) in old {
        // The change is made; an entry that stays leads to a key without the digest, which is passed over.
        let _ = digests::drop_entry(store, digest, entry).await;
    }
    Ok(())
}

/// Moves one secret of a key to a new digest, where it still has the old one.
pub(super) async fn move_digest(
    store: &Store,
    key_id: &str,
    old: &Digest,
    new: &StoredSecret,
) -> Result<(), StoreError> {
    for _ in 0..REVISION_TRIES {
        let Some(record) = key_read::key(store, key_id).await? else {
            return Ok(());
        };
        if !has(&record, old) || has(&record, &new.digest) {
            return Ok(());
        }
        let (account, entry) = (
            record.account_id.as_str(),
            digests::look(store, Patience::Calm, old).await?,
        );
        let claimed = match digests::claim(store, &new.digest, account, key_id).await {
            // Another key has it: it stays as it is.
            Err(StoreError::Conflict(_)) => return Ok(()),
            claimed => claimed?,
        };
        if swap(store, &record, old, new).await? {
            digests::confirm(store, &new.digest, account, key_id).await?;
            if let Some(entry) = entry.filter(|e| e.account_id == account && e.key_id == key_id) {
                digests::drop_entry(store, old, &entry).await?;
            }
            return Ok(());
        }
        digests::drop_entry(store, &new.digest, &claimed).await?;
    }
    // It changes all the time. It moves when it is next used.
    Ok(())
}

/// The stored end of life of the secret stays.
async fn swap(
    store: &Store,
    record: &KeyRecord,
    old: &Digest,
    new: &StoredSecret,
) -> Result<bool, StoreError> {
    let mut moved = record.clone();
    for secret in moved.secrets.iter_mut().filter(|s| s.digest == *old) {
        secret.digest = new.digest;
        secret.kind = new.kind.clone();
    }
    let call = Call::new(&SWAP).key(store.names.key(&record.account_id, &record.id));
    let call = marks(store, call, record, &[new.digest])
        .arg(state(record)?)
        .arg(state(&moved)?);
    store.link.script(Patience::Calm, &call).await
}

/// Notes last uses, a call for each account; noting twice does no harm.
pub(super) async fn note_last_uses(store: &Store, uses: &[LastUse]) -> Result<(), StoreError> {
    let ids: Vec<_> = uses.iter().map(|u| u.key_id.as_str()).collect();
    let accounts = accounts_of(store, &ids).await?;
    let mut by_account: HashMap<&str, Vec<&LastUse>> = HashMap::new();
    for noted in uses {
        if let Some(account) = accounts.get(&noted.key_id) {
            by_account.entry(account).or_default().push(noted);
        }
    }
    let mut calls = Vec::new();
    for (account, uses) in by_account {
        for piece in uses.chunks(STORE_SCRIPT_KEYS) {
            calls.push(piece.iter().fold(Call::new(&USES), |call, u| {
                call.key(store.names.key(account, &u.key_id))
                    .arg(use_line(Some(u.at), u.ip))
            }));
        }
    }
    let noted = calls
        .iter()
        .map(|call| store.link.script::<()>(Patience::Calm, call));
    each(noted).await?;
    Ok(())
}
