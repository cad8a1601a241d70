//! Hosted inboxes and what they caught, in their account's shard; never how a message is verified.
//!
//! | key | holds |
//! | --- | --- |
//! | `ib:<inbox>` | hash: an inbox |
//! | `im:<inbox>` | hash: message → JSON |
//! | `ibs:<A>` | hash: the account's inboxes and when each expires |
//!
//! All of them expire by themselves. Elsewhere, `P:inbox:<digest>` leads from a token to account and inbox; it is
//! written before the inbox and decides nothing.

use async_trait::async_trait;

use super::rows::{Hash, add_fields};
use super::shard::{Shard, find};
use crate::base::audit::Change;
use crate::base::ceilings::simulator::INBOX_LIFE;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::hex;
use crate::store::redis::Store;
use crate::store::redis::change::carry_out;
use crate::store::redis::link::{Call, Patience};
use crate::store::redis::script::script;
use crate::webhooks::port::inboxes::InboxStore;
use crate::webhooks::simulator::inbox::{Bounds, Inbox, InboxMessage};

script!(
    CREATE,
    "events/next.lua",
    "change.lua",
    "events/inbox_create.lua"
);
script!(
    DELETE,
    "events/next.lua",
    "change.lua",
    "events/inbox_delete.lua"
);
script!(PUT, "events/next.lua", "events/inbox_put.lua");

/// Kind of the index from a token's digest.
const INDEX: &str = "inbox";

fn ms_until(end: Timestamp, now: Timestamp) -> u128 {
    end.since(now).as_millis().max(1)
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|e| StoreError::Corrupt(e.to_string()))
}

/// Reads an inbox; `None` where there is none or it has expired at `now`.
fn parse(id: &str, mut hash: Hash, now: Timestamp) -> Result<Option<Inbox>, StoreError> {
    if hash.is_empty() {
        return Ok(None);
    }
    let damaged = || StoreError::Corrupt(format!("the inbox {id}"));
    let mut text = |field: &str| hash.remove(field).ok_or_else(damaged);
    let token_digest = hex::decode(&text("token")?).ok_or_else(damaged)?;
    let inbox = Inbox {
        id: id.to_owned(),
        account_id: text("account")?,
        token_digest,
        sealed: serde_json::from_str(&text("secret")?).map_err(|_| damaged())?,
        expires_at: Timestamp::from_millis(text("expires")?.parse().map_err(|_| damaged())?),
    };
    Ok((inbox.expires_at > now).then_some(inbox))
}

impl Store {
    async fn read_inbox(
        &self,
        shard: &Shard,
        id: &str,
        now: Timestamp,
    ) -> Result<Option<Inbox>, StoreError> {
        let cmd = redis::cmd("HGETALL").arg(shard.inbox(id)).take();
        parse(id, self.link.run(Patience::Calm, &cmd).await?, now)
    }

    async fn forget_token(&self, digest: &str) -> Result<(), StoreError> {
        let cmd = redis::cmd("DEL")
            .arg(self.names.spread(INDEX, digest))
            .take();
        self.link.run(Patience::Calm, &cmd).await
    }
}

/// Deletes the inboxes of an account that is being erased; true when there were any.
pub(super) async fn erase(
    store: &Store,
    shard: &Shard,
    account_id: &str,
) -> Result<bool, StoreError> {
    let cmd = redis::cmd("HKEYS").arg(shard.inboxes(account_id)).take();
    let ids: Vec<String> = store.link.run(Patience::Calm, &cmd).await?;
    for id in &ids {
        let cmd = redis::cmd("HGET").arg(shard.inbox(id)).arg("token").take();
        let token: Option<String> = store.link.run(Patience::Calm, &cmd).await?;
        if let Some(digest) = token {
            store.forget_token(&digest).await?;
        }
        let cmd = redis::cmd("DEL")
            .arg(shard.inbox(id))
            .arg(shard.inbox_messages(id))
            .take();
        store.link.run::<()>(Patience::Calm, &cmd).await?;
    }
    let cmd = redis::cmd("DEL").arg(shard.inboxes(account_id)).take();
    store.link.run::<bool>(Patience::Calm, &cmd).await
}

#[async_trait]
impl InboxStore for Store {
    async fn create_inbox(
        &self,
        inbox: &Inbox,
        max: usize,
        now: Timestamp,
        change: &Change,
    ) -> Result<(), StoreError> {
        let shard = Shard::of(self, &inbox.account_id);
        let digest = hex::encode(&inbox.token_digest);
        let life = ms_until(inbox.expires_at, now).to_string();
        let index = redis::cmd("SET")
            .arg(self.names.spread(INDEX, &digest))
            .arg(format!("{}\n{}", inbox.id, inbox.account_id))
            .arg("PX")
            .arg(&life)
            .take();
        self.link.run::<()>(Patience::Calm, &index).await?;
        let expires = inbox.expires_at.millis().to_string();
        let call = Call::new(&CREATE)
            .key(shard.erasing(&inbox.account_id))
            .key(shard.inbox(&inbox.id))
            .key(shard.inboxes(&inbox.account_id))
            .arg(&inbox.id)
            .arg(max)
            .arg(now.millis())
            .arg(&expires)
            .arg(life)
            .arg(INBOX_LIFE.as_millis().to_string());
        let fields = vec![
            ("account", inbox.account_id.clone()),
            ("token", digest.clone()),
            ("secret", json(&inbox.sealed)?),
            ("expires", expires),
        ];
        let call = add_fields(call, &fields);
        let made = carry_out::<()>(self, shard.slot(), change, call).await;
        if matches!(made, Err(StoreError::Conflict(_))) {
            self.forget_token(&digest).await?;
        }
        made
    }

    async fn inbox(&self, id: &str, now: Timestamp) -> Result<Option<Inbox>, StoreError> {
        find(self, |shard| async move {
            self.read_inbox(&shard, id, now).await
        })
        .await
    }

    async fn inbox_of_token(
        &self,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<Inbox>, StoreError> {
        let cmd = redis::cmd("GET")
            .arg(self.names.spread(INDEX, &hex::encode(digest)))
            .take();
        let led: Option<String> = self.link.run(Patience::Calm, &cmd).await?;
        let Some((id, account)) = led.as_deref().and_then(|l| l.split_once('\n')) else {
            return Ok(None);
        };
        let found = self.read_inbox(&Shard::of(self, account), id, now).await?;
        Ok(found.filter(|i| i.token_digest == *digest))
    }

    async fn inboxes(&self, account_id: &str, now: Timestamp) -> Result<Vec<Inbox>, StoreError> {
        let shard = Shard::of(self, account_id);
        let cmd = redis::cmd("HKEYS").arg(shard.inboxes(account_id)).take();
        let mut ids: Vec<String> = self.link.run(Patience::Calm, &cmd).await?;
        ids.sort_unstable_by(|a, b| b.cmp(a));
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            found.extend(self.read_inbox(&shard, &id, now).await?);
        }
        Ok(found)
    }

    async fn delete_inbox(
        &self,
        id: &str,
        now: Timestamp,
        change: &Change,
    ) -> Result<(), StoreError> {
        let inbox = self.inbox(id, now).await?.ok_or(StoreError::NotFound)?;
        let shard = Shard::of(self, &inbox.account_id);
        let call = Call::new(&DELETE)
            .key(shard.inbox(id))
            .key(shard.inbox_messages(id))
            .key(shard.inboxes(&inbox.account_id))
            .arg(id)
            .arg(now.millis());
        carry_out::<()>(self, shard.slot(), change, call).await?;
        // What is left of the index leads nowhere, and goes by itself.
        let _ = self.forget_token(&hex::encode(&inbox.token_digest)).await;
        Ok(())
    }

    async fn put_message(
        &self,
        inbox: &Inbox,
        message: &InboxMessage,
        bounds: Bounds,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let shard = Shard::of(self, &inbox.account_id);
        let call = Call::new(&PUT)
            .key(shard.inbox(&inbox.id))
            .key(shard.inbox_messages(&inbox.id))
            .arg(now.millis())
            .arg(&message.id)
            .arg(json(message)?)
            .arg(bounds.messages)
            .arg(bounds.bytes);
        self.link.script(Patience::Calm, &call).await
    }

    async fn messages(
        &self,
        inbox: &Inbox,
        now: Timestamp,
    ) -> Result<Vec<InboxMessage>, StoreError> {
        if inbox.expires_at <= now {
            return Ok(Vec::new());
        }
        let shard = Shard::of(self, &inbox.account_id);
        let cmd = redis::cmd("HGETALL")
            .arg(shard.inbox_messages(&inbox.id))
            .take();
        let all: Hash = self.link.run(Patience::Calm, &cmd).await?;
        let mut all: Vec<(String, String)> = all.into_iter().collect();
        all.sort_unstable_by(|a, b| b.0.cmp(&a.0));
        all.into_iter()
            .map(|(id, text)| {
                serde_json::from_str(&text)
                    .map_err(|_| StoreError::Corrupt(format!("the message {id}")))
            })
            .collect()
    }

    /// Keys expire by themselves.
    async fn prune_inboxes(&self, _: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }
}
