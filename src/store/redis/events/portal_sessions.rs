//! Sessions of the portal in Redis, in their account's shard; never what a cookie or a link holds.
//!
//! | key | holds |
//! | --- | --- |
//! | `ps:<session>` | text: revision, line feed, JSON |
//! | `pss:<A>` | sorted set: the account's sessions by when each ends |
//!
//! All of them expire by themselves.

use async_trait::async_trait;

use super::members;
use super::shard::Shard;
use crate::base::audit::Change;
use crate::base::ceilings::REDIS_STEP;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::portal::model::Session;
use crate::portal::port::SessionStore;
use crate::store::redis::Store;
use crate::store::redis::change::carry_out;
use crate::store::redis::link::{Call, Patience};
use crate::store::redis::script::script;
use crate::store::session_text::{from_text, to_text};

script!(
    CREATE,
    "events/next.lua",
    "change.lua",
    "events/session_create.lua"
);
script!(PUT, "events/next.lua", "events/session_put.lua");
script!(DELETE, "events/next.lua", "events/session_delete.lua");

/// What both scripts are told of a session: id, revision, text, now, when it ends, ms until then.
fn described(call: Call, session: &Session, now: Timestamp) -> Result<Call, StoreError> {
    let life = session.ends_at.since(now).as_millis().max(1);
    Ok(call
        .arg(&session.id)
        .arg(session.revision)
        .arg(to_text(session)?)
        .arg(now.millis())
        .arg(session.ends_at.millis())
        .arg(life.to_string()))
}

/// Deletes some sessions of an account that is being erased; true when there were any.
pub(super) async fn erase(
    store: &Store,
    shard: &Shard,
    account_id: &str,
) -> Result<bool, StoreError> {
    members::erase(store, &shard.sessions(account_id), |pipe, id| {
        pipe.cmd("DEL").arg(shard.session(id));
    })
    .await
}

#[async_trait]
impl SessionStore for Store {
    async fn create_session(
        &self,
        session: &Session,
        max: usize,
        now: Timestamp,
        change: &Change,
    ) -> Result<(), StoreError> {
        let shard = Shard::of(self, &session.account_id);
        let call = Call::new(&CREATE)
            .key(shard.erasing(&session.account_id))
            .key(shard.session(&session.id))
            .key(shard.sessions(&session.account_id));
        let call = described(call, session, now)?.arg(REDIS_STEP).arg(max);
        carry_out(self, shard.slot(), change, call).await
    }

    async fn session(
        &self,
        account_id: &str,
        id: &str,
        now: Timestamp,
    ) -> Result<Option<Session>, StoreError> {
        let shard = Shard::of(self, account_id);
        let mut pipe = redis::pipe();
        pipe.cmd("GET").arg(shard.erasing(account_id));
        pipe.cmd("GET").arg(shard.session(id));
        let (mark, kept): (Option<String>, Option<String>) =
            self.link.pipe(Patience::Calm, &pipe).await?;
        let Some(kept) = kept.filter(|_| mark.as_deref() != Some("erasing")) else {
            return Ok(None);
        };
        let text = kept.split_once('\n').map_or("", |(_, text)| text);
        let session = from_text(id, text)?;
        // Accounts of one shard share its names.
        let is_there = session.account_id == account_id && session.ends_at > now;
        Ok(is_there.then_some(session))
    }

    async fn update_session(&self, session: &Session, now: Timestamp) -> Result<(), StoreError> {
        let shard = Shard::of(self, &session.account_id);
        let call = Call::new(&PUT)
            .key(shard.erasing(&session.account_id))
            .key(shard.session(&session.id))
            .key(shard.sessions(&session.account_id));
        let call = described(call, session, now)?;
        self.link.script(Patience::Calm, &call).await
    }

    async fn delete_session(&self, account_id: &str, id: &str) -> Result<(), StoreError> {
        let shard = Shard::of(self, account_id);
        let call = Call::new(&DELETE)
            .key(shard.session(id))
            .key(shard.sessions(account_id))
            .arg(id);
        self.link.script(Patience::Calm, &call).await
    }

    /// Keys expire by themselves.
    async fn prune_sessions(&self, _: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }
}
