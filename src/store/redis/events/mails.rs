//! Messages of alerts in Redis, in their account's shard; never what one says.
//!
//! | key | holds |
//! | --- | --- |
//! | `ml:<message>` | hash: JSON, attempts, the claim on it, who made it |
//! | `mls:all` | sorted set: messages that wait by when each may be taken |
//! | `mlo:<A>` | sorted set: the account's messages by how long each is kept |
//!
//! A message expires by itself: until then it is the mark that it was made.

use async_trait::async_trait;

use super::members;
use super::shard::{Shard, on_some};
use crate::alerts::model::{ClaimedMail, Mail, MailOutcome};
use crate::alerts::port::MailStore;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::ids;
use crate::store::redis::Store;
use crate::store::redis::link::{Call, Patience};
use crate::store::redis::script::script;

script!(PUT, "events/next.lua", "events/mail_put.lua");
script!(CLAIM, "events/next.lua", "events/mail_claim.lua");
script!(FINISH, "events/next.lua", "events/mail_finish.lua");

fn damaged(what: &str) -> StoreError {
    StoreError::Corrupt(format!("the message {what}"))
}

async fn put(store: &Store, mail: &Mail, now: Timestamp) -> Result<bool, StoreError> {
    let shard = Shard::of(store, &mail.account_id);
    let life = mail.kept_until.since(now).as_millis().max(1);
    let text = serde_json::to_string(mail).map_err(|e| StoreError::Corrupt(e.to_string()))?;
    let call = Call::new(&PUT)
        .key(shard.alerts())
        .key(shard.mail(&mail.id))
        .key(shard.mails())
        .key(shard.mails_of(&mail.account_id))
        .arg(&mail.account_id)
        .arg(&mail.id)
        .arg(text)
        .arg(now.millis())
        .arg(life.to_string())
        .arg(mail.kept_until.millis())
        .arg(ids::request_id());
    store.link.script(Patience::Calm, &call).await
}

/// What is due in a shard, by when.
async fn due(
    store: &Store,
    shard: Shard,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<(f64, u32, String)>, StoreError> {
    let cmd = redis::cmd("ZRANGEBYSCORE")
        .arg(shard.mails())
        .arg("-inf")
        .arg(now.millis())
        .arg("WITHSCORES")
        .arg("LIMIT")
        .arg(0)
        .arg(limit)
        .take();
    let found: Vec<(String, f64)> = store.link.run(Patience::Calm, &cmd).await?;
    let place = |(id, due)| (due, shard.number, id);
    Ok(found.into_iter().map(place).collect())
}

async fn claim(
    store: &Store,
    shard: &Shard,
    id: &str,
    times: (Timestamp, Timestamp),
) -> Result<Option<ClaimedMail>, StoreError> {
    let claim = ids::request_id();
    let call = Call::new(&CLAIM)
        .key(shard.mail(id))
        .key(shard.mails())
        .arg(id)
        .arg(times.0.millis())
        .arg(times.1.millis())
        .arg(&claim);
    let taken: Option<(String, u32)> = store.link.script(Patience::Calm, &call).await?;
    let Some((text, attempts)) = taken else {
        return Ok(None);
    };
    Ok(Some(ClaimedMail {
        mail: serde_json::from_str(&text).map_err(|_| damaged(id))?,
        attempts,
        claim,
    }))
}

/// Deletes some messages of an account that is being erased, and first of all its settings; true when there were any.
pub(super) async fn erase(
    store: &Store,
    shard: &Shard,
    account_id: &str,
) -> Result<bool, StoreError> {
    let cmd = redis::cmd("HDEL")
        .arg(shard.alerts())
        .arg(account_id)
        .take();
    store.link.run::<u8>(Patience::Calm, &cmd).await?;
    members::erase(store, &shard.mails_of(account_id), |pipe, id| {
        pipe.cmd("DEL").arg(shard.mail(id));
        pipe.cmd("ZREM").arg(shard.mails()).arg(id);
    })
    .await
}

#[async_trait]
impl MailStore for Store {
    async fn put_mails(&self, mails: &[Mail], now: Timestamp) -> Result<Vec<bool>, StoreError> {
        let mut put_now = Vec::with_capacity(mails.len());
        for mail in mails {
            put_now.push(put(self, mail, now).await?);
        }
        Ok(put_now)
    }

    async fn claim_mails(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<ClaimedMail>, StoreError> {
        let parts = on_some(self, |shard| due(self, shard, now, limit)).await?;
        let mut all: Vec<_> = parts.into_iter().flatten().collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.2.cmp(&b.2)));
        let mut claimed = Vec::new();
        for (_, number, id) in all {
            if claimed.len() >= limit as usize {
                break;
            }
            let shard = Shard::new(self, number);
            match claim(self, &shard, &id, (now, until)).await {
                Ok(mail) => claimed.extend(mail),
                // What was claimed so far is in this node's hands.
                Err(e) if !claimed.is_empty() => {
                    tracing::debug!(error = %e, "a message cannot be claimed now");
                    break;
                }
                Err(e) => return Err(e),
            }
        }
        Ok(claimed)
    }

    async fn finish_mail(
        &self,
        mail: &ClaimedMail,
        outcome: &MailOutcome,
        _: Timestamp,
    ) -> Result<(), StoreError> {
        let shard = Shard::of(self, &mail.mail.account_id);
        let again_at = match outcome {
            MailOutcome::Retry(at) => at.millis().to_string(),
            MailOutcome::Sent | MailOutcome::Failed => String::new(),
        };
        let call = Call::new(&FINISH)
            .key(shard.mail(&mail.mail.id))
            .key(shard.mails())
            .arg(&mail.mail.id)
            .arg(&mail.claim)
            .arg(again_at);
        self.link.script::<u8>(Patience::Calm, &call).await?;
        Ok(())
    }

    async fn mails_waiting(&self) -> Result<u64, StoreError> {
        let counts = on_some(self, |shard| async move {
            let cmd = redis::cmd("ZCARD").arg(shard.mails()).take();
            self.link.run::<u64>(Patience::Calm, &cmd).await
        });
        Ok(counts.await?.into_iter().sum())
    }

    /// Messages expire by themselves; what is left of one in the line goes when it is its turn.
    async fn prune_mails(&self, _: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }
}
