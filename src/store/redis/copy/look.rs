//! Reads all of a store by what leads to its rows, to compare it with the store that they came from; never changes it.

use std::collections::BTreeMap;

use crate::base::audit::AuditEntry;
use crate::base::ceilings::STORE_SCRIPT_KEYS;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::keys::port::SecretUses;
use crate::store::redis::answers::{self, Listed};
use crate::store::redis::audit::Mention;
use crate::store::redis::each::each;
use crate::store::redis::key_read::split;
use crate::store::redis::link::Patience;
use crate::store::redis::lists::{ACCOUNTS, KEYS, LOG, Order, Walk};
use crate::store::redis::names::SHARDS;
use crate::store::redis::{Store, accounts, digests, events, usage};
use crate::store::transfer::{self, Sums};

fn missing(what: &str, id: &str) -> StoreError {
    StoreError::Corrupt(format!("{what} {id} is listed and not there"))
}

impl Store {
    /// Sums of all rows but sequence numbers, which nothing leads to. Of answers, those that expire after `answers_after`.
    ///
    /// # Errors
    /// When something cannot be read, or is listed and not there.
    pub async fn look_at_copy(&self, answers_after: Timestamp) -> Result<Sums, StoreError> {
        let mut sums = Sums::default();
        self.look_at_accounts(&mut sums).await?;
        self.look_at_keys(&mut sums).await?;
        self.look_at_digests(&mut sums).await?;
        self.look_at_log(&mut sums).await?;
        self.look_at_answers(answers_after, &mut sums).await?;
        sums.join(&events::look(self).await?);
        sums.join(&usage::copy_look::everyone(self).await?);
        Ok(sums)
    }

    async fn look_at_accounts(&self, sums: &mut Sums) -> Result<(), StoreError> {
        let mut walk = Walk::new(self, &ACCOUNTS, Order::Ascending, None, STORE_SCRIPT_KEYS);
        loop {
            let ids = walk.next(STORE_SCRIPT_KEYS).await?;
            let found = each(
                ids.iter()
                    .map(|id| accounts::read(self, Patience::Calm, id)),
            )
            .await?;
            for (id, account) in ids.iter().zip(found) {
                let account = account.ok_or_else(|| missing("account", id))?;
                sums.add(transfer::ACCOUNTS, &transfer::account_line(&account));
            }
            sums.join(&usage::copy_look::accounts(self, &ids).await?);
            if ids.len() < STORE_SCRIPT_KEYS {
                return Ok(());
            }
        }
    }

    async fn look_at_keys(&self, sums: &mut Sums) -> Result<(), StoreError> {
        let mut walk = Walk::new(self, &KEYS, Order::Ascending, None, STORE_SCRIPT_KEYS);
        loop {
            let members = walk.next(STORE_SCRIPT_KEYS).await?;
            let found = members.iter().filter_map(|m| split(m));
            let found = found.map(|(id, account)| async move {
                let key = digests::read(self, account, id).await?;
                let key = key.ok_or_else(|| missing("key", id))?;
                let mut pipe = redis::pipe();
                pipe.zscore(self.names.live_keys(account), id);
                pipe.zscore(self.names.key_ids(account), id);
                let (live, listed): (Option<f64>, Option<f64>) =
                    self.link.pipe(Patience::Calm, &pipe).await?;
                listed.ok_or_else(|| missing("key of its account", id))?;
                let mut uses = self.previous_uses(&[(account, id)]).await?;
                Ok((key, live, uses.remove(id)))
            });
            for (key, live, previous) in each(found).await? {
                if let Some(uses) = previous {
                    let line = transfer::previous_uses_line(&key.id, &uses);
                    sums.add(transfer::PREVIOUS_USES, &line);
                }
                let live = live.map(|score| match score.is_finite() {
                    true => (score as i64).to_string(),
                    false => "+inf".to_owned(),
                });
                sums.add(transfer::KEYS, &transfer::key_line(&key, live.as_deref()));
            }
            if members.len() < STORE_SCRIPT_KEYS {
                return Ok(());
            }
        }
    }

    async fn look_at_digests(&self, sums: &mut Sums) -> Result<(), StoreError> {
        for number in 0..digests::BUCKETS {
            let bucket = digests::bucket(&self.names, number);
            let (mut cursor, mut all) = (0, BTreeMap::new());
            loop {
                let (next, found) = self.digests_of(&bucket, cursor).await?;
                all.extend(found);
                if next == 0 {
                    break;
                }
                cursor = next;
            }
            for (digest, key) in &all {
                sums.add(transfer::DIGESTS, &transfer::digest_line(digest, key));
            }
        }
        Ok(())
    }

    async fn look_at_log(&self, sums: &mut Sums) -> Result<(), StoreError> {
        let mut walk = Walk::new(self, &LOG, Order::Ascending, None, STORE_SCRIPT_KEYS);
        loop {
            let members = walk.next(STORE_SCRIPT_KEYS).await?;
            let found = members.iter().filter_map(|m| Mention::parse(m));
            let found = found.map(|mention| async move {
                let entry: Option<AuditEntry> = mention.read(self).await?;
                entry.ok_or_else(|| missing("audit entry", &mention.id))
            });
            for entry in each(found).await? {
                sums.add(transfer::AUDIT, &transfer::audit_line(&entry));
            }
            if members.len() < STORE_SCRIPT_KEYS {
                return Ok(());
            }
        }
    }

    async fn look_at_answers(&self, after: Timestamp, sums: &mut Sums) -> Result<(), StoreError> {
        for shard in 0..SHARDS {
            let list = answers::list(&self.names, shard);
            let mut from = 0;
            loop {
                let mut cmd = redis::cmd("ZRANGE");
                cmd.arg(&list).arg(format!("({}", after.millis()));
                cmd.arg("+inf").arg("BYSCORE");
                cmd.arg("LIMIT").arg(from).arg(STORE_SCRIPT_KEYS);
                let members: Vec<String> = self.link.run(Patience::Calm, &cmd).await?;
                let found = members.iter().filter_map(|m| Listed::parse(m));
                let found = found.map(|listed| async move {
                    let mut cmd = redis::cmd("GET");
                    let place = answers::place(&listed.claim);
                    cmd.arg(self.names.account(&listed.tag, &place));
                    let text: Option<String> = self.link.run(Patience::Calm, &cmd).await?;
                    let answer = text.and_then(|text| answers::from_text("", &text));
                    let answer = answer.ok_or_else(|| missing("answer", &listed.index))?;
                    Ok((listed, answer))
                });
                for (listed, answer) in each(found).await? {
                    let line = transfer::answer_line(&listed.index, &answer, &listed.account_id);
                    sums.add(transfer::ANSWERS, &line);
                }
                if members.len() < STORE_SCRIPT_KEYS {
                    break;
                }
                from += STORE_SCRIPT_KEYS;
            }
        }
        Ok(())
    }
}
