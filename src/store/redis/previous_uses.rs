//! When old secrets of keys were last used, in Redis beside the keys; never which secrets are old.
//!
//! `P:{A}:pu:<key>` is the instant in milliseconds and the address, and ends with the longest grace of a rotation;
//! `P:{A}:pus` is the set of keys that have one, by which an erasure finds them.

use std::collections::HashMap;

use async_trait::async_trait;
use redis::Value;

use super::Store;
use super::each::each;
use super::key_names::is_id;
use super::key_read::accounts_of;
use super::link::{Call, Patience};
use super::script::script;
use crate::base::ceilings::{REDIS_STEP, ROTATION_GRACE, STORE_SCRIPT_KEYS};
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::ids::is_account_id;
use crate::keys::model::KeyRecord;
use crate::keys::port::{LastUse, SecretUses};

script!(NOTE, "previous_uses.lua");

fn to_text(used: &LastUse) -> String {
    let ip = used.ip.map(|ip| ip.to_string()).unwrap_or_default();
    format!("{} {ip}", used.at.millis())
}

fn from_text(key_id: &str, text: &str) -> Option<LastUse> {
    let (at, ip) = text.split_once(' ')?;
    let ip = match ip {
        "" => None,
        ip => Some(ip.parse().ok()?),
    };
    Some(LastUse {
        key_id: key_id.to_owned(),
        at: Timestamp::from_millis(at.parse().ok()?),
        ip,
    })
}

impl Store {
    fn previous_use_key(&self, account_id: &str, key_id: &str) -> String {
        self.names.account(account_id, &format!("pu:{key_id}"))
    }

    fn previous_uses(&self, account_id: &str) -> String {
        self.names.account(account_id, "pus")
    }

    async fn forget_uses(&self, account_id: &str, key_ids: &[String]) -> Result<(), StoreError> {
        let mut pipe = redis::pipe();
        for id in key_ids {
            pipe.cmd("DEL").arg(self.previous_use_key(account_id, id));
            pipe.cmd("SREM").arg(self.previous_uses(account_id)).arg(id);
        }
        self.link.pipe::<Value>(Patience::Calm, &pipe).await?;
        Ok(())
    }
}

impl Store {
    /// Writes those of these uses that are not there as they are, each with its key and account, deletes what is there
    /// otherwise, and tells how many were written.
    ///
    /// # Errors
    /// When one cannot be written; then others may be.
    pub async fn copy_previous_uses(
        &self,
        all: &[(&KeyRecord, Option<LastUse>)],
    ) -> Result<u64, StoreError> {
        let written = all.iter().map(|(key, used)| async move {
            let (account, id) = (key.account_id.as_str(), key.id.as_str());
            if self.previous_use(account, id).await? == *used {
                return Ok(0);
            }
            let Some(used) = used else {
                self.forget_previous_use(account, id).await?;
                return Ok(0);
            };
            let mut pipe = redis::pipe();
            pipe.cmd("SET")
                .arg(self.previous_use_key(account, id))
                .arg(to_text(used))
                .arg("PX")
                .arg(ROTATION_GRACE.as_millis().to_string());
            pipe.cmd("SADD").arg(self.previous_uses(account)).arg(id);
            pipe.cmd("PEXPIRE")
                .arg(self.previous_uses(account))
                .arg(ROTATION_GRACE.as_millis().to_string());
            self.link.pipe::<Value>(Patience::Calm, &pipe).await?;
            Ok(1)
        });
        Ok(each(written).await?.into_iter().sum())
    }
}

/// Deletes some of those of an account whose keys are erased. True when none is left.
pub(super) async fn erase(store: &Store, account_id: &str) -> Result<bool, StoreError> {
    let mut cmd = redis::cmd("SRANDMEMBER");
    cmd.arg(store.previous_uses(account_id)).arg(REDIS_STEP);
    let ids: Vec<String> = store.link.run(Patience::Calm, &cmd).await?;
    if ids.is_empty() {
        return Ok(true);
    }
    store.forget_uses(account_id, &ids).await?;
    Ok(false)
}

#[async_trait]
impl SecretUses for Store {
    async fn note_previous_uses(&self, uses: &[LastUse]) -> Result<(), StoreError> {
        let ids: Vec<_> = uses.iter().map(|u| u.key_id.as_str()).collect();
        let accounts = accounts_of(self, &ids).await?;
        let mut by_account: HashMap<&str, Vec<&LastUse>> = HashMap::new();
        for noted in uses {
            if let Some(account) = accounts.get(&noted.key_id) {
                by_account.entry(account).or_default().push(noted);
            }
        }
        let mut calls = Vec::new();
        for (account, uses) in by_account {
            for piece in uses.chunks(STORE_SCRIPT_KEYS) {
                let call = Call::new(&NOTE)
                    .key(self.previous_uses(account))
                    .arg(ROTATION_GRACE.as_millis().to_string());
                calls.push(piece.iter().fold(call, |call, used| {
                    call.key(self.names.key(account, &used.key_id))
                        .key(self.previous_use_key(account, &used.key_id))
                        .arg(&used.key_id)
                        .arg(to_text(used))
                }));
            }
        }
        let noted = calls
            .iter()
            .map(|call| self.link.script::<()>(Patience::Calm, call));
        each(noted).await?;
        Ok(())
    }

    async fn previous_use(
        &self,
        account_id: &str,
        key_id: &str,
    ) -> Result<Option<LastUse>, StoreError> {
        if !is_account_id(account_id) || !is_id(key_id) {
            return Ok(None);
        }
        let mut cmd = redis::cmd("GET");
        cmd.arg(self.previous_use_key(account_id, key_id));
        let text: Option<String> = self.link.run(Patience::Calm, &cmd).await?;
        let Some(text) = text else { return Ok(None) };
        let found = from_text(key_id, &text);
        found
            .ok_or_else(|| StoreError::Corrupt(format!("the use of old secrets of {key_id}")))
            .map(Some)
    }

    async fn forget_previous_use(&self, account_id: &str, key_id: &str) -> Result<(), StoreError> {
        if !is_account_id(account_id) || !is_id(key_id) {
            return Ok(());
        }
        self.forget_uses(account_id, &[key_id.to_owned()]).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_read_as_it_was_written() {
        let at = Timestamp::from_millis(1_794_916_800_123);
        for ip in [
            None,
            Some("203.0.113.7".parse().unwrap()),
            Some("2001:db8::1".parse().unwrap()),
        ] {
            let key_id = "key_1".to_owned();
            let used = LastUse { key_id, at, ip };
            assert_eq!(from_text("key_1", &to_text(&used)), Some(used));
        }
        for bad in ["", "1", "x 203.0.113.7", "1 nowhere"] {
            assert_eq!(from_text("key_1", bad), None, "{bad}");
        }
    }
}
