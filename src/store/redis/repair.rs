//! Finds, and mends where asked, what a crash or a lost replica left between indexes and records; never a record.
//!
//! *Stray* is an entry of an index that leads nowhere, *missing* one that a record ought to have. Entries that are younger than
//! [`INDEX_GRACE`] are left: their record may be on its way. What is looked at is found through the lists and indexes themselves,
//! in bounded steps; a record that nothing leads to any more at all is not found.

use std::collections::HashSet;

use super::Store;
use super::accounts::{self, index};
use super::audit::Mention;
use super::digests::{self, BUCKETS, Entry, bucket};
use super::each::each;
use super::key_read::{member, records, split};
use super::link::Patience;
use super::lists::{ACCOUNTS, KEYS, LOG, List, Order};
use super::names::{Names, SHARDS};
use super::plans;
use crate::accounts::model::Account;
use crate::base::ceilings::{INDEX_GRACE, STORE_SCRIPT_KEYS};
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::keys::model::{Digest, KeyRecord};

/// What was found of one index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Found {
    /// Entries that were looked at.
    pub entries: u64,
    /// Entries that lead nowhere.
    pub stray: u64,
    /// Entries that are not there and ought to be.
    pub missing: u64,
}

/// What was found of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// The list of keys.
    pub keys: Found,
    /// The index of digests.
    pub digests: Found,
    /// The list of accounts, and the accounts of each plan.
    pub accounts: Found,
    /// The audit log's index.
    pub log: Found,
}

impl Report {
    /// Whether nothing is amiss.
    pub fn is_clean(&self) -> bool {
        let all = [self.keys, self.digests, self.accounts, self.log];
        all.iter().all(|f| f.stray == 0 && f.missing == 0)
    }
}

/// When an id of our own making was made, in milliseconds (RFC 9562 section 5.7).
fn made_at(id: &str) -> Option<Timestamp> {
    let digits = id.split_once('_')?.1.get(..12)?;
    let ms = i64::from_str_radix(digits, 16).ok()?;
    Some(Timestamp::from_millis(ms))
}

struct Repair<'a> {
    store: &'a Store,
    /// Whether to mend what is found.
    mend: bool,
    /// Entries made after this are left.
    before: Timestamp,
}

impl Store {
    /// Looks at every index of accounts, keys and the audit log, and mends what is amiss where `mend` says so.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn repair(&self, mend: bool, now: Timestamp) -> Result<Report, StoreError> {
        let repair = Repair {
            store: self,
            mend,
            before: now.minus(INDEX_GRACE),
        };
        let mut report = Report::default();
        for shard in 0..SHARDS {
            repair.key_list(shard, &mut report).await?;
        }
        for shard in 0..SHARDS {
            repair.account_list(shard, &mut report).await?;
            repair.log(shard, &mut report.log).await?;
        }
        for bucket in 0..BUCKETS {
            repair.digests(bucket, &mut report.digests).await?;
        }
        Ok(report)
    }
}

impl Repair<'_> {
    fn is_old(&self, id: &str) -> bool {
        made_at(id).is_none_or(|at| at < self.before)
    }

    async fn exists(&self, name: String) -> Result<bool, StoreError> {
        let mut cmd = redis::cmd("EXISTS");
        cmd.arg(name);
        self.store.link.run(Patience::Calm, &cmd).await
    }

    async fn is_listed(&self, list: &List, id: &str, member: &str) -> Result<bool, StoreError> {
        let mut cmd = redis::cmd("ZSCORE");
        cmd.arg(list.at(&self.store.names, Names::shard_of(id)));
        cmd.arg(member);
        let score: Option<f64> = self.store.link.run(Patience::Calm, &cmd).await?;
        Ok(score.is_some())
    }

    async fn next(
        &self,
        list: &'static List,
        shard: u32,
        after: &mut Option<String>,
    ) -> Result<Vec<String>, StoreError> {
        let from = after.as_deref();
        let members = list
            .read(self.store, shard, Order::Ascending, from, STORE_SCRIPT_KEYS)
            .await?;
        *after = members.last().cloned();
        Ok(members)
    }

    /// Every key in the list is there, and its account is in its list.
    async fn key_list(&self, shard: u32, report: &mut Report) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let members = self.next(&KEYS, shard, &mut after).await?;
            if members.is_empty() {
                return Ok(());
            }
            report.keys.entries += members.len() as u64;
            let keys: Vec<_> = members.iter().filter_map(|m| split(m)).collect();
            let names = &self.store.names;
            let there = keys.iter().map(|(id, a)| self.exists(names.key(a, id)));
            let there = each(there).await?;
            let mut accounts = HashSet::new();
            let mut stray = Vec::new();
            for ((id, account), is_there) in keys.iter().zip(there) {
                if is_there {
                    accounts.insert(*account);
                } else if self.is_old(id) {
                    stray.push((*id, member(account, id)));
                }
            }
            report.keys.stray += stray.len() as u64;
            if self.mend && !stray.is_empty() {
                KEYS.remove(self.store, &stray).await?;
            }
            each(accounts.into_iter().map(|a| self.listed_account(a)))
                .await?
                .into_iter()
                .for_each(|is_listed| report.accounts.missing += u64::from(!is_listed));
        }
    }

    async fn listed_account(&self, id: &str) -> Result<bool, StoreError> {
        let is_listed = self.is_listed(&ACCOUNTS, id, id).await?;
        if !is_listed
            && self.mend
            && let Some(account) = accounts::read(self.store, Patience::Calm, id).await?
        {
            index(self.store, id, &account.plan).await?;
        }
        Ok(is_listed)
    }

    /// Every account in the list is there, and what leads to its keys is.
    async fn account_list(&self, shard: u32, report: &mut Report) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let ids = self.next(&ACCOUNTS, shard, &mut after).await?;
            if ids.is_empty() {
                return Ok(());
            }
            report.accounts.entries += ids.len() as u64;
            for id in &ids {
                match accounts::read(self.store, Patience::Calm, id).await? {
                    Some(account) => self.account(&account, report).await?,
                    None => {
                        report.accounts.stray += 1;
                        self.stray_account(id).await?;
                    }
                }
            }
        }
    }

    /// It may be made at this moment: who makes it writes its entries before and after.
    async fn stray_account(&self, id: &str) -> Result<(), StoreError> {
        if !self.mend {
            return Ok(());
        }
        ACCOUNTS.remove(self.store, &[(id, id.to_owned())]).await?;
        match accounts::read(self.store, Patience::Calm, id).await? {
            Some(account) => index(self.store, id, &account.plan).await,
            None => Ok(()),
        }
    }

    async fn account(&self, account: &Account, report: &mut Report) -> Result<(), StoreError> {
        let (store, id) = (self.store, account.id.as_str());
        if !account.plan.is_empty() {
            let mut cmd = redis::cmd("ZSCORE");
            cmd.arg(plans::accounts(
                &store.names,
                Names::shard_of(id),
                &account.plan,
            ));
            cmd.arg(id);
            let since: Option<f64> = store.link.run(Patience::Calm, &cmd).await?;
            if since.is_none() {
                report.accounts.missing += 1;
                if self.mend {
                    index(store, id, &account.plan).await?;
                }
            }
        }
        let mut from = "-".to_owned();
        loop {
            let mut cmd = redis::cmd("ZRANGE");
            cmd.arg(store.names.key_ids(id)).arg(&from).arg("+");
            cmd.arg("BYLEX").arg("LIMIT").arg(0).arg(STORE_SCRIPT_KEYS);
            let ids: Vec<String> = store.link.run(Patience::Calm, &cmd).await?;
            let Some(last) = ids.last() else {
                return Ok(());
            };
            from = format!("({last}");
            let keys = records(store, id, &ids).await?;
            for (unlisted, unknown) in each(keys.iter().map(|k| self.key(k))).await? {
                report.keys.missing += unlisted;
                report.digests.missing += unknown;
            }
        }
    }

    /// How many entries of the list of keys and of the index of digests are missing of a key.
    async fn key(&self, key: &KeyRecord) -> Result<(u64, u64), StoreError> {
        let member = member(&key.account_id, &key.id);
        let is_listed = self.is_listed(&KEYS, &key.id, &member).await?;
        if !is_listed && self.mend {
            KEYS.add(self.store, &[(&key.id, member)]).await?;
        }
        let mut unknown = 0;
        for secret in &key.secrets {
            let entry = digests::look(self.store, Patience::Calm, &secret.digest).await?;
            if entry.is_some_and(|e| e.is_of(&key.account_id, &key.id)) {
                continue;
            }
            unknown += 1;
            if self.mend {
                let (digest, account) = (&secret.digest, &key.account_id);
                match digests::confirm(self.store, digest, account, &key.id).await {
                    // Two keys have it, which only a lost replica can bring about: the one in the index keeps it.
                    Err(StoreError::Conflict(_)) => {}
                    done => done?,
                }
            }
        }
        Ok((u64::from(!is_listed), unknown))
    }

    async fn log(&self, shard: u32, found: &mut Found) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let members = self.next(&LOG, shard, &mut after).await?;
            if members.is_empty() {
                return Ok(());
            }
            found.entries += members.len() as u64;
            let mentions: Vec<_> = members.iter().filter_map(|m| Mention::parse(m)).collect();
            let names = &self.store.names;
            let there = each(mentions.iter().map(|m| self.exists(m.entry_key(names)))).await?;
            let stray = mentions.iter().zip(there);
            for (mention, _) in stray.filter(|(m, there)| !there && self.is_old(&m.id)) {
                found.stray += 1;
                if self.mend {
                    mention.remove(self.store).await?;
                }
            }
        }
    }

    /// Every entry leads to a key that has the digest.
    async fn digests(&self, number: u32, found: &mut Found) -> Result<(), StoreError> {
        let mut cursor = "0".to_owned();
        loop {
            let mut cmd = redis::cmd("HSCAN");
            cmd.arg(bucket(&self.store.names, number)).arg(&cursor);
            cmd.arg("COUNT").arg(STORE_SCRIPT_KEYS);
            let (next, entries): (String, Vec<(Vec<u8>, String)>) =
                self.store.link.run(Patience::Calm, &cmd).await?;
            found.entries += entries.len() as u64;
            let stray = each(entries.iter().map(|(d, e)| self.digest(d, e))).await?;
            found.stray += stray.iter().filter(|s| **s).count() as u64;
            if next == "0" {
                return Ok(());
            }
            cursor = next;
        }
    }

    /// Whether an entry is stray.
    async fn digest(&self, digest: &[u8], text: &str) -> Result<bool, StoreError> {
        let (Ok(digest), Some(entry)) = (Digest::try_from(digest), Entry::parse(text)) else {
            return Ok(true);
        };
        let claimed_ms = i64::try_from(entry.claimed_us / 1000).unwrap_or(i64::MAX);
        if Timestamp::from_millis(claimed_ms) >= self.before
            || digests::is_true(self.store, &entry, &digest).await?
        {
            return Ok(false);
        }
        if self.mend {
            digests::drop_entry(self.store, &digest, &entry).await?;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_when_it_was_made() {
        let at = made_at("key_0190163d8694739b96aea0a5e2aafd9a").unwrap();
        assert_eq!(at.millis(), 0x0190_163d_8694);
        assert!(made_at("key").is_none() && made_at("key_x").is_none());
        assert!(made_at("key_zzzzzzzzzzzzzz").is_none());
    }
}
