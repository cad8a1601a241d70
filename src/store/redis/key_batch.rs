//! Changing many keys at once: imports and the revocation of all keys of an account; never a single key.
//!
//! Both are cut into pieces of [`STORE_SCRIPT_KEYS`] keys, since Redis does nothing else while a script runs. A piece is
//! all or nothing. The first carries the change, so that nothing is done without its audit entry; where a later piece
//! fails, the call fails and what was done stays, and doing it again goes on from there: an import counts what is there
//! as existing, a revocation finds fewer keys to revoke. Up to that many keys of one account a call is one piece, and so
//! all or nothing as a whole. An import that is refused is refused before its first piece, except where an erasure of one
//! of its accounts begins, or another import of the same digests comes, between its pieces.

use std::collections::{HashMap, HashSet};

use super::Store;
use super::accounts;
use super::change::{Announced, announce, is_refusal};
use super::digests;
use super::each::each;
use super::key_names::{COMMON, expect_ids};
use super::key_read::member;
use super::key_text::{expiry_score, to_text};
use super::key_write::marks;
use super::link::{Call, Patience};
use super::lists::KEYS;
use super::script::script;
use crate::base::audit::Change;
use crate::base::ceilings::{REVISION_TRIES, STORE_SCRIPT_KEYS};
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::ids::is_account_id;
use crate::keys::model::{Digest, KeyRecord};
use crate::keys::port::Imported;

script!(
    IMPORT_FIRST,
    "change.lua",
    "import_change.lua",
    "key_import.lua"
);
script!(IMPORT_MORE, "import_plain.lua", "key_import.lua");
script!(REVOKE, "change.lua", "key_text.lua", "key_revoke.lua");

/// Makes those keys whose digest is not there yet.
pub(super) async fn import(
    store: &Store,
    keys: &[KeyRecord],
    default_plan: &str,
    change: &Change,
) -> Result<Imported, StoreError> {
    for key in keys {
        expect_ids(&key.account_id, Some(&key.id))?;
    }
    let missing = missing(store, keys).await?;
    let mut accounts: Vec<&str> = missing.iter().map(|k| k.account_id.as_str()).collect();
    let mut seen = HashSet::new();
    accounts.retain(|a| seen.insert(*a));
    // Which accounts may be made: the others are there.
    let mut may_make = HashSet::new();
    for account in &accounts {
        let standing = accounts::standing(store, account).await?;
        standing.refuse_erasing()?;
        if !standing.is_known {
            accounts::index(store, account, default_plan).await?;
            may_make.insert(*account);
        }
    }
    let import = Import {
        store,
        default_plan,
        change,
    };
    let done = import.run(&missing, &accounts, &mut may_make).await;
    done.map(|()| Imported {
        created: missing.len() as u64,
        existing: (keys.len() - missing.len()) as u64,
    })
}

/// Those keys none of whose digests is known. One that is known in another account refuses all.
async fn missing<'a>(
    store: &Store,
    keys: &'a [KeyRecord],
) -> Result<Vec<&'a KeyRecord>, StoreError> {
    let digests: Vec<Digest> = keys.iter().flat_map(digests::of).collect();
    let owners = digests.into_iter().map(|digest| async move {
        let entry = digests::look(store, Patience::Calm, &digest).await?;
        Ok(match entry {
            Some(e) if digests::is_true(store, &e, &digest).await? => Some((digest, e.account_id)),
            _ => None,
        })
    });
    let mut owners: HashMap<Digest, String> = each(owners).await?.into_iter().flatten().collect();
    let mut missing = Vec::new();
    for key in keys {
        let known = key.secrets.iter().find_map(|s| owners.get(&s.digest));
        match known {
            Some(owner) if *owner != key.account_id => {
                let why = "a digest belongs to another account";
                return Err(StoreError::Conflict(why.into()));
            }
            Some(_) => {}
            None => {
                let theirs = key
                    .secrets
                    .iter()
                    .map(|s| (s.digest, key.account_id.clone()));
                owners.extend(theirs);
                missing.push(key);
            }
        }
    }
    Ok(missing)
}

struct Import<'a> {
    store: &'a Store,
    default_plan: &'a str,
    change: &'a Change,
}

impl Import<'_> {
    /// Writes what leads to the keys, and then the keys account by account.
    async fn run<'k>(
        &self,
        keys: &[&'k KeyRecord],
        accounts: &[&'k str],
        may_make: &mut HashSet<&'k str>,
    ) -> Result<(), StoreError> {
        let store = self.store;
        let claims = keys.iter().map(|k| async move {
            let claimed = digests::claim_all(store, &digests::of(k), &k.account_id, &k.id).await;
            // A refusal is looked at when all is claimed, so that what was is known and given back.
            Ok(claimed)
        });
        let (mut claimed, mut refused) = (Vec::new(), None);
        for claims in each(claims).await? {
            match claims {
                Ok(claims) => claimed.extend(claims),
                Err(e) => refused = Some(e),
            }
        }
        let listed = keys
            .iter()
            .map(|k| (k.id.as_str(), member(&k.account_id, &k.id)));
        let listed: Vec<_> = listed.collect();
        if let Some(e) = refused {
            digests::give_back(store, &claimed).await;
            return Err(e);
        }
        KEYS.add(store, &listed).await?;
        let tag = accounts.first().copied().unwrap_or(COMMON);
        let announced = announce(store, &store.names.slot(tag), self.change).await;
        let first = match &announced {
            Ok(first) => self.pieces(first, keys, accounts, may_make).await,
            Err(e) => Err((true, e.clone())),
        };
        let Err((is_first, e)) = first else {
            return Ok(());
        };
        // Where a later piece is refused some keys are there, and what leads to the others is left to `repair`.
        if is_first && is_refusal::<()>(&Err(e.clone())) {
            digests::give_back(store, &claimed).await;
            let _ = KEYS.remove(store, &listed).await;
            if let Ok(announced) = announced {
                announced.withdraw(store).await;
            }
        }
        Err(e)
    }

    /// Fails with whether it was the first piece that failed.
    async fn pieces<'k>(
        &self,
        announced: &Announced,
        keys: &[&'k KeyRecord],
        accounts: &[&'k str],
        may_make: &mut HashSet<&'k str>,
    ) -> Result<(), (bool, StoreError)> {
        let mut carries = Some(announced);
        for account in accounts {
            let theirs: Vec<_> = keys.iter().filter(|k| k.account_id == **account).collect();
            // Each key has a record, and marks for its digests.
            for piece in theirs.chunks(STORE_SCRIPT_KEYS / 2) {
                let first = carries.is_some();
                self.piece(carries.take(), account, piece, may_make)
                    .await
                    .map_err(|e| (first, e))?;
            }
        }
        match carries {
            Some(announced) => self.nothing(announced).await.map_err(|e| (true, e)),
            None => Ok(()),
        }
    }

    /// The change of an import of which all was there.
    async fn nothing(&self, announced: &Announced) -> Result<(), StoreError> {
        let call = self.call(Some(announced), COMMON, &[], false)?;
        self.store.link.script(Patience::Calm, &call).await
    }

    async fn piece<'k>(
        &self,
        announced: Option<&Announced>,
        account: &'k str,
        keys: &[&&'k KeyRecord],
        may_make: &mut HashSet<&'k str>,
    ) -> Result<(), StoreError> {
        loop {
            let known_missing = may_make.contains(account);
            let call = self.call(announced, account, keys, known_missing)?;
            let done: String = self.store.link.script(Patience::Calm, &call).await?;
            match done.as_str() {
                "AGAIN" if !known_missing => {
                    accounts::index(self.store, account, self.default_plan).await?;
                    may_make.insert(account);
                }
                // As when a single key is made.
                "MADE" => {
                    return accounts::index(self.store, account, self.default_plan).await;
                }
                _ => return Ok(()),
            }
        }
    }

    fn call(
        &self,
        announced: Option<&Announced>,
        account: &str,
        keys: &[&&KeyRecord],
        may_make: bool,
    ) -> Result<Call, StoreError> {
        let names = &self.store.names;
        let script = match announced {
            Some(_) => &IMPORT_FIRST,
            None => &IMPORT_MORE,
        };
        let mut call = Call::new(script)
            .key(names.of_account(account))
            .key(names.erasing(account))
            .key(names.key_ids(account))
            .key(names.live_keys(account))
            .arg(self.default_plan)
            .arg(u8::from(may_make))
            .arg(names.changes())
            .arg(account)
            .arg(keys.len());
        for key in keys {
            call = call.key(names.key(account, &key.id));
            call = marks(self.store, call, key, &digests::of(key))
                .arg(&key.id)
                .arg(to_text(key)?)
                .arg(expiry_score(key))
                .arg(key.created_at.millis())
                .arg(key.secrets.len());
        }
        Ok(match announced {
            Some(announced) => announced.add(call),
            None => call,
        })
    }
}

/// Revokes all of an account's keys that are not revoked, and names them.
pub(super) async fn revoke_all(
    store: &Store,
    account_id: &str,
    now: Timestamp,
    change: &Change,
) -> Result<Vec<String>, StoreError> {
    if !is_account_id(account_id) {
        super::audit::record(store, change).await?;
        return Ok(Vec::new());
    }
    let announced = announce(store, &store.names.slot(account_id), change).await?;
    let mut revoked = Vec::new();
    // Keys that are made while others are revoked are revoked as well, as far as that ends.
    for round in 0..REVISION_TRIES {
        let mut cmd = redis::cmd("ZRANGE");
        cmd.arg(store.names.live_keys(account_id)).arg(0).arg(-1);
        let live: Vec<String> = store.link.run(Patience::Calm, &cmd).await?;
        if live.is_empty() && round > 0 {
            break;
        }
        let none: [&[String]; 1] = [&[]];
        let pieces: Vec<&[String]> = match live.is_empty() {
            true => none.to_vec(),
            false => live.chunks(STORE_SCRIPT_KEYS).collect(),
        };
        for piece in pieces {
            let done = revoke_piece(store, account_id, now, &announced, piece).await;
            if is_refusal(&done) {
                announced.withdraw(store).await;
            }
            revoked.extend(done?);
        }
    }
    revoked.sort_unstable();
    revoked.dedup();
    Ok(revoked)
}

async fn revoke_piece(
    store: &Store,
    account_id: &str,
    now: Timestamp,
    announced: &Announced,
    ids: &[String],
) -> Result<Vec<String>, StoreError> {
    let names = &store.names;
    let call = Call::new(&REVOKE)
        .key(names.live_keys(account_id))
        .arg(now.millis())
        .arg(names.changes())
        .arg(account_id);
    let call = ids
        .iter()
        .fold(call, |call, id| call.key(names.key(account_id, id)).arg(id));
    store
        .link
        .script(Patience::Calm, &announced.add(call))
        .await
}
