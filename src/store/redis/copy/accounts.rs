//! Accounts and keys of another store, written as they are; never a plan's bound on them.

use crate::accounts::model::Account;
use crate::base::ceilings::REDIS_STEP;
use crate::base::error::StoreError;
use crate::base::hex;
use crate::keys::model::KeyRecord;
use crate::store::redis::each::each;
use crate::store::redis::key_names::expect_ids;
use crate::store::redis::key_read::member;
use crate::store::redis::key_text::{expiry_score, to_text};
use crate::store::redis::link::Patience;
use crate::store::redis::lists::KEYS;
use crate::store::redis::{Store, accounts, digests, events};

/// How many of some are true.
pub(super) fn count(written: Vec<bool>) -> u64 {
    written.into_iter().filter(|is| *is).count() as u64
}

impl Store {
    /// Writes those of these accounts that are not there as they are, and tells how many.
    ///
    /// # Errors
    /// When one cannot be written; then others may be.
    pub async fn copy_accounts(&self, rows: &[Account]) -> Result<u64, StoreError> {
        let written = each(rows.iter().map(|row| self.copy_account(row))).await?;
        Ok(count(written))
    }

    async fn copy_account(&self, row: &Account) -> Result<bool, StoreError> {
        let id = row.id.as_str();
        expect_ids(id, None)?;
        if accounts::read(self, Patience::Calm, id).await?.as_ref() == Some(row) {
            return Ok(false);
        }
        let overrides = serde_json::to_string(&row.overrides)
            .map_err(|e| StoreError::Corrupt(format!("overrides: {e}")))?;
        accounts::index(self, id, &row.plan).await?;
        // One that was erased here and has come back since.
        events::forget_erasure(self, id).await?;
        let mut pipe = redis::pipe();
        pipe.del(self.names.erasing(id));
        pipe.hset_multiple(
            self.names.of_account(id),
            &[
                ("plan", row.plan.as_str()),
                ("overrides", &overrides),
                ("suspended", if row.suspended { "1" } else { "0" }),
                ("created", &row.created_at.millis().to_string()),
            ],
        );
        self.link.pipe::<()>(Patience::Calm, &pipe).await?;
        Ok(true)
    }

    /// Writes those of these keys that are not there as they are, with their digests, and tells how many.
    ///
    /// # Errors
    /// When one cannot be written; then others may be.
    pub async fn copy_keys(&self, rows: &[KeyRecord]) -> Result<u64, StoreError> {
        let mut written = 0;
        for some in rows.chunks(REDIS_STEP) {
            let others = each(some.iter().map(|row| self.other_key(row))).await?;
            let others: Vec<(&KeyRecord, String)> = some
                .iter()
                .zip(others)
                .filter_map(|(row, text)| Some((row, text?)))
                .collect();
            let listed = others.iter();
            let listed: Vec<_> = listed
                .map(|(k, _)| (k.id.as_str(), member(&k.account_id, &k.id)))
                .collect();
            KEYS.add(self, &listed).await?;
            each(others.iter().map(|(row, text)| self.copy_key(row, text))).await?;
            written += others.len() as u64;
        }
        Ok(written)
    }

    /// The record of a key that is not there as it is.
    async fn other_key(&self, row: &KeyRecord) -> Result<Option<String>, StoreError> {
        expect_ids(&row.account_id, Some(&row.id))?;
        let text = to_text(row)?;
        let mut cmd = redis::cmd("GET");
        cmd.arg(self.names.key(&row.account_id, &row.id));
        let there: Option<String> = self.link.run(Patience::Calm, &cmd).await?;
        Ok((there.as_ref() != Some(&text)).then_some(text))
    }

    async fn copy_key(&self, row: &KeyRecord, text: &str) -> Result<(), StoreError> {
        let (account, id) = (row.account_id.as_str(), row.id.as_str());
        for secret in &row.secrets {
            // As if it had been claimed when the key was made.
            let us = row.created_at.millis().max(0).saturating_mul(1000);
            let mut cmd = redis::cmd("HSET");
            cmd.arg(digests::bucket(&self.names, u32::from(secret.digest[0])))
                .arg(&secret.digest[..])
                .arg(format!("{account} {id} {us}"));
            self.link.run::<()>(Patience::Calm, &cmd).await?;
        }
        let mut pipe = redis::pipe();
        for secret in &row.secrets {
            pipe.del(self.names.void(account, id, &hex::encode(&secret.digest)));
        }
        pipe.cmd("ZADD")
            .arg(self.names.key_ids(account))
            .arg(0)
            .arg(id);
        let live = self.names.live_keys(account);
        match row.revoked_at {
            None => pipe.cmd("ZADD").arg(live).arg(expiry_score(row)).arg(id),
            Some(_) => pipe.cmd("ZREM").arg(live).arg(id),
        };
        pipe.set(self.names.key(account, id), text);
        self.link.pipe(Patience::Calm, &pipe).await
    }
}
