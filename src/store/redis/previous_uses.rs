//! Uses of old secrets of keys, in Redis beside the keys; never which secrets are old.
//!
//! `P:{A}:pu:<key>` is a mark of the call that wrote it and what is known of the key as JSON, and ends when nothing was noted
//! for as long as an old secret is told from one that never was; `P:{A}:pus` is the set of keys that have it, by which an
//! erasure finds them. In layout 3 it was the instant in milliseconds and the address of the last use.

use std::collections::HashMap;

use async_trait::async_trait;
use redis::Value;

use super::Store;
use super::each::each;
use super::key_names::is_id;
use super::link::{Call, Patience};
use super::script::script;
use crate::base::ceilings::old_secrets::OLD_SECRET_MEMORY;
use crate::base::ceilings::{REDIS_STEP, REVISION_TRIES, STORE_SCRIPT_KEYS};
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::ids::is_account_id;
use crate::keys::model::KeyRecord;
use crate::keys::port::SecretUses;
use crate::keys::previous_uses::PreviousUses;

script!(NOTE, "previous_uses.lua");

fn to_text(uses: &PreviousUses) -> Result<String, StoreError> {
    let json = serde_json::to_string(uses).map_err(|e| StoreError::Corrupt(e.to_string()))?;
    Ok(format!("{:016x} {json}", fastrand::u64(..)))
}

fn from_text(text: &str) -> Option<PreviousUses> {
    let (at, ip) = text.split_once(' ')?;
    if ip.starts_with('{') {
        return serde_json::from_str(ip).ok();
    }
    let mut uses = PreviousUses::default();
    let at = Timestamp::from_millis(at.parse().ok()?);
    if !ip.is_empty() {
        uses.accepted.add(ip.parse().ok()?, at);
    }
    Some(uses)
}

fn kept_ms() -> String {
    OLD_SECRET_MEMORY.as_millis().to_string()
}

impl Store {
    fn previous_uses_of(&self, account_id: &str, key_id: &str) -> String {
        self.names.account(account_id, &format!("pu:{key_id}"))
    }

    fn keys_with_previous_uses(&self, account_id: &str) -> String {
        self.names.account(account_id, "pus")
    }

    async fn forget_uses(&self, account_id: &str, key_ids: &[String]) -> Result<(), StoreError> {
        let mut pipe = redis::pipe();
        let all = self.keys_with_previous_uses(account_id);
        for id in key_ids {
            pipe.cmd("DEL").arg(self.previous_uses_of(account_id, id));
            pipe.cmd("SREM").arg(&all).arg(id);
        }
        self.link.pipe::<Value>(Patience::Calm, &pipe).await?;
        Ok(())
    }

    /// The texts of keys of one account, as they lie there.
    async fn texts(&self, account: &str, ids: &[&str]) -> Result<Vec<Option<String>>, StoreError> {
        let mut cmd = redis::cmd("MGET");
        for id in ids {
            cmd.arg(self.previous_uses_of(account, id));
        }
        self.link.run(Patience::Calm, &cmd).await
    }

    /// Writes what `all` makes of the texts of keys of one account, unless one changed meanwhile.
    async fn replace(
        &self,
        account: &str,
        all: &[(&str, Option<String>, PreviousUses)],
    ) -> Result<bool, StoreError> {
        let mut call = Call::new(&NOTE)
            .key(self.keys_with_previous_uses(account))
            .arg(kept_ms());
        for (id, before, after) in all {
            call = call
                .key(self.names.key(account, id))
                .key(self.previous_uses_of(account, id))
                .arg(id)
                .arg(before.as_deref().unwrap_or_default())
                .arg(to_text(after)?);
        }
        self.link.script(Patience::Calm, &call).await
    }

    /// Writes those of these uses that are not there as they are, each with its key and account, deletes what is there
    /// otherwise, and tells how many were written.
    ///
    /// # Errors
    /// When one cannot be written; then others may be.
    pub async fn copy_previous_uses(
        &self,
        all: &[(&KeyRecord, Option<PreviousUses>)],
    ) -> Result<u64, StoreError> {
        let written = all.iter().map(|(key, uses)| async move {
            let (account, id) = (key.account_id.as_str(), key.id.as_str());
            let there = self.previous_uses(&[(account, id)]).await?;
            match uses {
                _ if there.get(id) == uses.as_ref() => Ok(0),
                None => self.forget_previous_uses(account, id).await.map(|()| 0),
                Some(uses) => {
                    let before = self.texts(account, &[id]).await?.pop().flatten();
                    let made = self.replace(account, &[(id, before, uses.clone())]).await?;
                    Ok(u64::from(made))
                }
            }
        });
        Ok(each(written).await?.into_iter().sum())
    }
}

/// Deletes some of those of an account whose keys are erased. True when none is left.
pub(super) async fn erase(store: &Store, account_id: &str) -> Result<bool, StoreError> {
    let mut cmd = redis::cmd("SRANDMEMBER");
    cmd.arg(store.keys_with_previous_uses(account_id))
        .arg(REDIS_STEP);
    let ids: Vec<String> = store.link.run(Patience::Calm, &cmd).await?;
    if ids.is_empty() {
        return Ok(true);
    }
    store.forget_uses(account_id, &ids).await?;
    Ok(false)
}

#[async_trait]
impl SecretUses for Store {
    async fn note_previous_uses(
        &self,
        account_id: &str,
        uses: &[(String, PreviousUses)],
    ) -> Result<(), StoreError> {
        let uses: Vec<_> = uses.iter().filter(|(id, _)| is_id(id)).collect();
        if uses.is_empty() || !is_account_id(account_id) {
            return Ok(());
        }
        let ids: Vec<&str> = uses.iter().map(|(id, _)| id.as_str()).collect();
        for _ in 0..REVISION_TRIES {
            let known = self.texts(account_id, &ids).await?.into_iter();
            let merged = known.zip(&uses).map(|(before, (id, more))| {
                // What cannot be read is begun anew: a later count is worth more than none.
                let mut after = before.as_deref().and_then(from_text).unwrap_or_default();
                after.merge(more);
                (id.as_str(), before, after)
            });
            if self
                .replace(account_id, &merged.collect::<Vec<_>>())
                .await?
            {
                return Ok(());
            }
        }
        let why = "uses of old secrets change all the time";
        Err(StoreError::Conflict(why.into()))
    }

    async fn previous_uses(
        &self,
        keys: &[(&str, &str)],
    ) -> Result<HashMap<String, PreviousUses>, StoreError> {
        let mut by_account: HashMap<&str, Vec<&str>> = HashMap::new();
        for (account, id) in keys {
            if is_account_id(account) && is_id(id) {
                by_account.entry(account).or_default().push(id);
            }
        }
        let reads = by_account.iter().flat_map(|(account, ids)| {
            let pieces = ids.chunks(STORE_SCRIPT_KEYS);
            pieces.map(move |ids| async move {
                let texts = self.texts(account, ids).await?;
                let known = ids.iter().zip(texts);
                let known = known.filter_map(|(id, text)| Some((*id, text?)));
                let read = known.map(|(id, text)| match from_text(&text) {
                    Some(uses) => Ok((id.to_owned(), uses)),
                    None => Err(StoreError::Corrupt(format!("uses of old secrets of {id}"))),
                });
                read.collect::<Result<Vec<_>, _>>()
            })
        });
        Ok(each(reads).await?.into_iter().flatten().collect())
    }

    async fn forget_previous_uses(&self, account_id: &str, key_id: &str) -> Result<(), StoreError> {
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
    fn uses_are_read_as_they_were_written_and_as_layout_3_wrote_them() {
        let at = Timestamp::from_millis(1_794_916_800_123);
        let mut uses = PreviousUses::default();
        assert_eq!(from_text("1794916800123 "), Some(uses.clone()));
        uses.accepted.add("2001:db8::1".parse().unwrap(), at);
        let before = from_text("1794916800123 2001:db8::1");
        assert_eq!(before, Some(uses.clone()));
        uses.refused.add("203.0.113.7".parse().unwrap(), at);
        assert_eq!(from_text(&to_text(&uses).unwrap()), Some(uses));
        for bad in ["", "1", "x 203.0.113.7", "1 nowhere", "{}", "a {", "a {}"] {
            assert_eq!(from_text(bad), None, "{bad}");
        }
    }
}
