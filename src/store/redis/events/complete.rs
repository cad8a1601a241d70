//! What came of an attempt: its delivery ends or is put off, its endpoint may be disabled; never the attempt itself.

use super::backlog;
use super::roster;
use super::shard::Shard;
use crate::base::ceilings::WEBHOOK_ATTEMPTS_KEPT;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::store::redis::Store;
use crate::store::redis::link::{Call, Patience};
use crate::store::redis::script::script;
use crate::webhooks::model::{Attempt, Outcome};

script!(
    COMPLETE,
    "events/next.lua",
    "events/queue.lua",
    "events/complete.lua"
);

/// A claim's name: its token, and what leads to the delivery's keys.
pub(super) struct ClaimName<'a> {
    token: &'a str,
    endpoint: &'a str,
    account: &'a str,
}

impl<'a> ClaimName<'a> {
    /// A claim as completing needs it.
    pub(super) fn text(token: &str, endpoint: &str, account: &str) -> String {
        format!("{token}.{endpoint}.{account}")
    }

    // Account ids may have dots, so theirs comes last.
    fn parse(claim: &'a str) -> Option<Self> {
        let mut parts = claim.splitn(3, '.');
        Some(Self {
            token: parts.next()?,
            endpoint: parts.next()?,
            account: parts.next()?,
        })
    }
}

/// Logs an attempt and ends or reschedules its delivery.
pub(super) async fn complete(
    store: &Store,
    id: &str,
    claim: &str,
    attempt: &Attempt,
    outcome: &Outcome,
    now: Timestamp,
) -> Result<(), StoreError> {
    // Nobody has a claim that no call made.
    let Some(name) = ClaimName::parse(claim) else {
        return Ok(());
    };
    let shard = Shard::of(store, name.account);
    let (what, again_at, reason) = match outcome {
        Outcome::Succeeded => ("succeeded", now, ""),
        Outcome::Exhausted => ("failed", now, ""),
        Outcome::Retry(at) => ("retry", *at, ""),
        Outcome::DisableEndpoint(reason) => ("disable", now, reason.as_str()),
    };
    let attempt = serde_json::to_string(attempt).map_err(|e| StoreError::Corrupt(e.to_string()))?;
    let call = Call::new(&COMPLETE)
        .key(shard.delivery(id))
        .key(shard.attempts(id))
        .key(shard.queue(name.endpoint))
        .key(shard.endpoint(name.endpoint))
        .key(shard.roster(name.account))
        .key(shard.due())
        .key(shard.queued())
        .key(shard.claims())
        .key(shard.finished())
        .key(shard.gone())
        .arg(id)
        .arg(name.endpoint)
        .arg(name.token)
        .arg(attempt)
        .arg(WEBHOOK_ATTEMPTS_KEPT)
        .arg(what)
        .arg(again_at.millis())
        .arg(now.millis())
        .arg(reason)
        .arg(roster::new_revision());
    let done: u8 = store.link.script(Patience::Calm, &call).await?;
    if done == 1 && what == "disable" {
        backlog::cancel(store, &shard, name.endpoint, now).await;
    }
    Ok(())
}
