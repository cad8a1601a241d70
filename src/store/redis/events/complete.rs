//! What came of an attempt: its delivery ends or is put off, its endpoint fares well or ill; never the attempt itself.

use super::backlog;
use super::roster;
use super::shard::Shard;
use crate::base::ceilings::{
    ENDPOINT_CONCURRENCY, NOTICES_WAITING, PACE_FIRST, WEBHOOK_ATTEMPTS_KEPT,
};
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::store::redis::Store;
use crate::store::redis::link::{Call, Patience};
use crate::store::redis::names::SHARDS;
use crate::store::redis::script::script;
use crate::webhooks::health::Effect;
use crate::webhooks::model::{Attempt, Completed, Outcome};
use crate::webhooks::notice;

script!(
    COMPLETE,
    "events/next.lua",
    "events/queue.lua",
    "events/complete.lua"
);

/// A claim's name: its token, what leads to the delivery's keys, and where its attempt goes.
pub(super) struct ClaimName<'a> {
    token: &'a str,
    endpoint: &'a str,
    account: &'a str,
    url: &'a str,
}

impl<'a> ClaimName<'a> {
    /// A claim as completing needs it.
    pub(super) fn text(token: &str, endpoint: &str, account: &str, url: &str) -> String {
        format!("{token}.{endpoint}.{account} {url}")
    }

    // Account ids may have dots, so theirs is the last of the ids, but no spaces.
    fn parse(claim: &'a str) -> Option<Self> {
        let (ids, url) = claim.split_once(' ')?;
        let mut parts = ids.splitn(3, '.');
        Some(Self {
            token: parts.next()?,
            endpoint: parts.next()?,
            account: parts.next()?,
            url,
        })
    }
}

/// Logs an attempt, ends or reschedules its delivery and notes what it means for its endpoint.
pub(super) async fn complete(
    store: &Store,
    id: &str,
    claim: &str,
    attempt: &Attempt,
    outcome: &Outcome,
    effect: &Effect,
    now: Timestamp,
) -> Result<Completed, StoreError> {
    // Nobody has a claim that no call made.
    let Some(name) = ClaimName::parse(claim) else {
        return Ok(Completed::Lost);
    };
    let shard = Shard::of(store, name.account);
    let (what, again_at, reason) = match outcome {
        Outcome::Succeeded => ("succeeded", now, ""),
        Outcome::Exhausted => ("failed", now, ""),
        Outcome::Retry(at) => ("retry", *at, ""),
        Outcome::DisableEndpoint(reason) => ("disable", now, reason.as_str()),
    };
    let json = serde_json::to_string(attempt).map_err(|e| StoreError::Corrupt(e.to_string()))?;
    let end_id = notice::exhausted_id(id, now);
    let endpoint_id = notice::disabled_id(name.endpoint, now);
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
        .key(shard.health(name.endpoint))
        .key(shard.claimed(name.endpoint))
        .key(shard.notices())
        .key(shard.notice(&end_id))
        .key(shard.notice(&endpoint_id))
        .arg(id)
        .arg(name.endpoint)
        .arg(name.token)
        .arg(json)
        .arg(WEBHOOK_ATTEMPTS_KEPT)
        .arg(what)
        .arg(again_at.millis())
        .arg(now.millis())
        .arg(reason)
        .arg(roster::new_revision());
    let call = add_effect(call, effect)
        .arg(ENDPOINT_CONCURRENCY)
        .arg(PACE_FIRST.as_millis() as u64)
        .arg(NOTICES_WAITING / SHARDS as usize)
        .arg(name.account)
        .arg(if notice::is_told(name.account) {
            &end_id
        } else {
            ""
        })
        .arg(&endpoint_id)
        .arg(notice::failure(attempt))
        .arg(name.url);
    let done: u8 = store.link.script(Patience::Calm, &call).await?;
    let completed = match done {
        0 => Completed::Lost,
        1 => Completed::Noted,
        _ => Completed::Disabled,
    };
    if completed == Completed::Disabled {
        backlog::cancel(store, &shard, name.endpoint, now).await;
    }
    Ok(completed)
}

/// Adds an effect as `complete.lua` takes it.
fn add_effect(call: Call, effect: &Effect) -> Call {
    let time = |t: Option<Timestamp>| t.map_or(String::new(), |t| t.millis().to_string());
    match effect {
        Effect::None => call.arg("none").arg("").arg("").arg("").arg(""),
        Effect::Well => call.arg("well").arg("").arg("").arg("").arg(""),
        Effect::Failed {
            hold_until,
            pace_ms,
            disable_if_failing_since,
        } => {
            let (since, reason) = match disable_if_failing_since {
                Some((since, reason)) => (Some(*since), reason.as_str()),
                None => (None, ""),
            };
            call.arg("failed")
                .arg(time(*hold_until))
                .arg(*pace_ms)
                .arg(time(since))
                .arg(reason)
        }
    }
}
