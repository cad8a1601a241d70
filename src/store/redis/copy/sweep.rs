//! Takes out what a copy brought earlier and its source has no more; never what the source has.

use std::collections::{HashMap, HashSet};

use super::log::mention;
use crate::accounts::port::ErasureStep;
use crate::base::audit::{AuditEntry, ChangeContext};
use crate::base::ceilings::STORE_SCRIPT_KEYS;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::keys::model::Digest;
use crate::keys::port::SecretUses;
use crate::store::redis::audit::Mention;
use crate::store::redis::each::each;
use crate::store::redis::key_read::{member, split};
use crate::store::redis::link::Patience;
use crate::store::redis::lists::{ACCOUNTS, KEYS, LOG, List, Order};
use crate::store::redis::names::SHARDS;
use crate::store::redis::{Store, accounts, digests, erase, events};

/// What a source answers when it is asked for some of what it has.
pub trait Known: Send + Sync {
    /// When those of these accounts that are there were made.
    ///
    /// # Errors
    /// When the source cannot be read, as everywhere below.
    fn made(&self, accounts: &[&str]) -> Result<HashMap<String, Timestamp>, StoreError>;
    /// The accounts of those of these keys that are there.
    ///
    /// # Errors
    /// See [`Self::made`].
    fn owners(&self, keys: &[&str]) -> Result<HashMap<String, String>, StoreError>;
    /// The keys of those of these digests that are there.
    ///
    /// # Errors
    /// See [`Self::made`].
    fn keys_of(&self, digests: &[Digest]) -> Result<HashMap<Digest, String>, StoreError>;
    /// Those of these audit entries that are there.
    ///
    /// # Errors
    /// See [`Self::made`].
    fn entries(&self, ids: &[&str]) -> Result<HashMap<String, AuditEntry>, StoreError>;
    /// Those of these endpoints that are there.
    ///
    /// # Errors
    /// See [`Self::made`].
    fn endpoints(&self, ids: &[&str]) -> Result<HashSet<String>, StoreError>;
    /// Those of these events that are there.
    ///
    /// # Errors
    /// See [`Self::made`].
    fn events(&self, ids: &[&str]) -> Result<HashSet<String>, StoreError>;
    /// Those of these deliveries that are there.
    ///
    /// # Errors
    /// See [`Self::made`].
    fn deliveries(&self, ids: &[&str]) -> Result<HashSet<String>, StoreError>;
    /// Those of these accounts that have settings of alerts.
    ///
    /// # Errors
    /// See [`Self::made`].
    fn alerts(&self, accounts: &[&str]) -> Result<HashSet<String>, StoreError>;
    /// Those of these notices that are there.
    ///
    /// # Errors
    /// See [`Self::made`].
    fn notices(&self, ids: &[&str]) -> Result<HashSet<String>, StoreError>;
    /// Those of these replays that are there.
    ///
    /// # Errors
    /// See [`Self::made`].
    fn replays(&self, ids: &[&str]) -> Result<HashSet<String>, StoreError>;
}

fn refs(all: &[String]) -> Vec<&str> {
    all.iter().map(String::as_str).collect()
}

impl Store {
    /// Deletes all that the source has no more, and tells how much that was.
    ///
    /// # Errors
    /// When source or target cannot be read or written; then some of it may be left.
    pub async fn sweep_copy(&self, known: &dyn Known) -> Result<u64, StoreError> {
        let mut gone = self.sweep_accounts(known).await?;
        gone += self.sweep_keys(known).await?;
        gone += self.sweep_digests(known).await?;
        gone += self.sweep_log(known).await?;
        gone += events::copy_sweep::endpoints(self, &|ids| known.endpoints(ids)).await?;
        gone += events::copy_sweep::deliveries(self, &|ids| known.deliveries(ids)).await?;
        gone += events::copy_sweep::events(self, &|ids| known.events(ids)).await?;
        gone += events::copy_state::sweep_alerts(self, &|ids| known.alerts(ids)).await?;
        gone += events::copy_state::sweep_notices(self, &|ids| known.notices(ids)).await?;
        gone += events::copy_replays::sweep(self, &|ids| known.replays(ids)).await?;
        Ok(gone)
    }

    /// Members of a list after one, in a shard, with the last of them.
    async fn some(
        &self,
        list: &List,
        shard: u32,
        after: Option<&str>,
    ) -> Result<Vec<String>, StoreError> {
        let order = Order::Ascending;
        list.read(self, shard, order, after, STORE_SCRIPT_KEYS)
            .await
    }

    async fn sweep_accounts(&self, known: &dyn Known) -> Result<u64, StoreError> {
        let mut gone = 0;
        // What a run that was killed began.
        let mut old: HashSet<String> = erase::under_way(self).await?.into_iter().collect();
        for shard in 0..SHARDS {
            let mut after = None;
            loop {
                let ids = self.some(&ACCOUNTS, shard, after.as_deref()).await?;
                let made = known.made(&refs(&ids))?;
                let there = ids
                    .iter()
                    .map(|id| accounts::read(self, Patience::Calm, id));
                for (id, there) in ids.iter().zip(each(there).await?) {
                    let is_same = there.is_none_or(|a| made.get(id) == Some(&a.created_at));
                    if !is_same || !made.contains_key(id) {
                        old.insert(id.clone());
                    }
                }
                for id in old.drain() {
                    self.erase_copied(&id).await?;
                    gone += 1;
                }
                let Some(last) = ids.last() else { break };
                after = Some(last.clone());
            }
        }
        if gone > 0 {
            // Rows of these accounts are gone from slices that may look the same in the source.
            self.forget_slices().await?;
        }
        Ok(gone)
    }

    /// Erases an account as an operator's erasure would. Its entry in the audit log is none of the source's, and goes with
    /// the sweep of the log.
    async fn erase_copied(&self, id: &str) -> Result<(), StoreError> {
        self.forget_slices().await?;
        let why = ChangeContext::internal(self.clock.now(), "copy");
        let why = why.change("account.erase", Some(id), None, serde_json::Value::Null);
        match erase::begin(self, id, &why).await {
            Ok(()) => while erase::step(self, id).await? != ErasureStep::Done {},
            // An entry of the list that leads to nothing.
            Err(StoreError::NotFound) => {
                ACCOUNTS.remove(self, &[(id, id.to_owned())]).await?;
            }
            Err(e) => return Err(e),
        }
        events::forget_erasure(self, id).await?;
        let mut cmd = redis::cmd("DEL");
        cmd.arg(self.names.erasing(id));
        self.link.run(Patience::Calm, &cmd).await
    }

    async fn sweep_keys(&self, known: &dyn Known) -> Result<u64, StoreError> {
        let mut gone = 0;
        for shard in 0..SHARDS {
            let mut after = None;
            loop {
                let members = self.some(&KEYS, shard, after.as_deref()).await?;
                let keys: Vec<(&str, &str)> = members.iter().filter_map(|m| split(m)).collect();
                let ids: Vec<&str> = keys.iter().map(|(id, _)| *id).collect();
                let owners = known.owners(&ids)?;
                for (id, account) in keys {
                    if owners.get(id).map(String::as_str) == Some(account) {
                        continue;
                    }
                    let mut pipe = redis::pipe();
                    pipe.del(self.names.key(account, id));
                    pipe.zrem(self.names.key_ids(account), id);
                    pipe.zrem(self.names.live_keys(account), id);
                    self.link.pipe::<()>(Patience::Calm, &pipe).await?;
                    self.forget_previous_uses(account, id).await?;
                    KEYS.remove(self, &[(id, member(account, id))]).await?;
                    gone += 1;
                }
                let Some(last) = members.last() else { break };
                after = Some(last.clone());
            }
        }
        Ok(gone)
    }

    /// A digest that a key gave up is no row of its own that is gone.
    async fn sweep_digests(&self, known: &dyn Known) -> Result<u64, StoreError> {
        for number in 0..digests::BUCKETS {
            let bucket = digests::bucket(&self.names, number);
            let mut cursor = 0_u64;
            loop {
                let (next, found) = self.digests_of(&bucket, cursor).await?;
                let all: Vec<Digest> = found.iter().map(|(digest, _)| *digest).collect();
                let keys = known.keys_of(&all)?;
                let old: Vec<Digest> = found
                    .into_iter()
                    .filter(|(digest, key)| keys.get(digest) != Some(key))
                    .map(|(digest, _)| digest)
                    .collect();
                if !old.is_empty() {
                    let mut cmd = redis::cmd("HDEL");
                    cmd.arg(&bucket);
                    for digest in &old {
                        cmd.arg(&digest[..]);
                    }
                    self.link.run::<()>(Patience::Calm, &cmd).await?;
                }
                if next == 0 {
                    break;
                }
                cursor = next;
            }
        }
        Ok(0)
    }

    /// Some digests of a bucket with the key of each, and where to go on; a scan may name one twice.
    pub(super) async fn digests_of(
        &self,
        bucket: &str,
        cursor: u64,
    ) -> Result<(u64, Vec<(Digest, String)>), StoreError> {
        let mut cmd = redis::cmd("HSCAN");
        cmd.arg(bucket).arg(cursor);
        cmd.arg("COUNT").arg(STORE_SCRIPT_KEYS);
        let (next, found): (u64, Vec<(Vec<u8>, String)>) =
            self.link.run(Patience::Calm, &cmd).await?;
        let found = found.into_iter().map(|(digest, text)| {
            let digest = Digest::try_from(digest.as_slice()).ok()?;
            Some((digest, digests::Entry::parse(&text)?.key_id))
        });
        let found: Option<Vec<_>> = found.collect();
        let found = found.ok_or_else(|| StoreError::Corrupt(format!("an entry of {bucket}")))?;
        Ok((next, found))
    }

    async fn sweep_log(&self, known: &dyn Known) -> Result<u64, StoreError> {
        let mut gone = 0;
        for shard in 0..SHARDS {
            let mut after = None;
            loop {
                let members = self.some(&LOG, shard, after.as_deref()).await?;
                let found: Vec<Mention> =
                    members.iter().filter_map(|m| Mention::parse(m)).collect();
                let ids: Vec<&str> = found.iter().map(|m| m.id.as_str()).collect();
                let entries = known.entries(&ids)?;
                for there in &found {
                    if entries.get(&there.id).map(mention).as_ref() == Some(there) {
                        continue;
                    }
                    let mut cmd = redis::cmd("DEL");
                    cmd.arg(there.entry_key(&self.names));
                    self.link.run::<()>(Patience::Calm, &cmd).await?;
                    there.remove(self).await?;
                    gone += 1;
                }
                let Some(last) = members.last() else { break };
                after = Some(last.clone());
            }
        }
        Ok(gone)
    }
}
