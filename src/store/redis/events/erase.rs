//! Erasure of an account's endpoints, events and deliveries in steps that may stop at any point; never who may ask for it.
//!
//! The mark comes first, so that nothing new comes in; endpoints go before events, so that no event gets a delivery
//! meanwhile; an event goes after its deliveries, since it leads to them.

use redis::Value;

use super::roster::{self, ids_among};
use super::rows::{Hash, parsed};
use super::shard::{Shard, fetch};
use super::{inboxes, mails, portal_sessions, replays};
use crate::base::ceilings::{ERASED_TIME, REDIS_STEP};
use crate::base::error::StoreError;
use crate::store::redis::Store;
use crate::store::redis::link::{Call, Patience};
use crate::store::redis::script::script;

script!(
    ERASE_ENDPOINTS,
    "events/next.lua",
    "events/erase_endpoints.lua"
);
script!(
    ERASE_EVENTS,
    "events/next.lua",
    "events/queue.lua",
    "events/erase_events.lua"
);
script!(ERASE_END, "events/next.lua", "events/erase_end.lua");
script!(READMIT, "events/next.lua", "events/readmit.lua");

/// Whether the account has anything here: one that never had a key may have.
pub(in crate::store::redis) async fn has_data(
    store: &Store,
    account_id: &str,
) -> Result<bool, StoreError> {
    let shard = Shard::of(store, account_id);
    let mut pipe = redis::pipe();
    pipe.cmd("HKEYS").arg(shard.roster(account_id));
    pipe.cmd("EXISTS")
        .arg(shard.events_of(account_id))
        .arg(shard.sequence(account_id))
        .arg(shard.inboxes(account_id))
        .arg(shard.sessions(account_id));
    pipe.cmd("HEXISTS").arg(shard.alerts()).arg(account_id);
    let (fields, others, is_told): (Vec<String>, u8, bool) =
        store.link.pipe(Patience::Calm, &pipe).await?;
    Ok(others > 0 || is_told || !ids_among(fields).is_empty())
}

/// Marks the account: from then on its events are left out, and what would be made for it is refused.
pub(in crate::store::redis) async fn begin_erasure(
    store: &Store,
    account_id: &str,
) -> Result<(), StoreError> {
    let shard = Shard::of(store, account_id);
    let cmd = redis::cmd("SET")
        .arg(shard.erasing(account_id))
        .arg("erasing")
        .take();
    store.link.run(Patience::Calm, &cmd).await
}

/// Takes the mark of an erasure that has ended off those of these accounts that were made anew since: such an account has
/// no mark in its own slot, where marks come first and stay longest. True when any was.
pub(super) async fn readmit(store: &Store, accounts: &[&str]) -> Result<bool, StoreError> {
    let mut is_any = false;
    for account in accounts {
        let cmd = redis::cmd("EXISTS")
            .arg(store.names.erasing(account))
            .take();
        let is_marked: bool = store.link.run(Patience::Hot, &cmd).await?;
        if !is_marked {
            let mark = Shard::of(store, account).erasing(account);
            let call = Call::new(&READMIT).key(mark);
            is_any |= store.link.script::<bool>(Patience::Hot, &call).await?;
        }
    }
    Ok(is_any)
}

/// Erases some of what an account has. True when nothing is left.
pub(in crate::store::redis) async fn erase_some(
    store: &Store,
    account_id: &str,
) -> Result<bool, StoreError> {
    let shard = Shard::of(store, account_id);
    // A process may have died between marking the account and marking it here.
    let mut pipe = redis::pipe();
    pipe.cmd("SET")
        .arg(shard.erasing(account_id))
        .arg("erasing")
        .arg("NX");
    pipe.cmd("HKEYS").arg(shard.roster(account_id));
    pipe.cmd("ZRANGE")
        .arg(shard.events_of(account_id))
        .arg(0)
        .arg(REDIS_STEP - 1);
    let (_, fields, events): (Value, Vec<String>, Vec<String>) =
        store.link.pipe(Patience::Calm, &pipe).await?;
    let endpoints = ids_among(fields);
    if !endpoints.is_empty() {
        erase_endpoints(store, &shard, account_id, &endpoints).await?;
        return Ok(false);
    }
    if !events.is_empty() {
        erase_events(store, &shard, account_id, &events).await?;
        return Ok(false);
    }
    if inboxes::erase(store, &shard, account_id).await?
        || portal_sessions::erase(store, &shard, account_id).await?
        || mails::erase(store, &shard, account_id).await?
    {
        return Ok(false);
    }
    replays::erase(store, account_id).await?;
    erase_notices(store, &shard, account_id).await?;
    let call = Call::new(&ERASE_END)
        .key(shard.events_of(account_id))
        .key(shard.roster(account_id))
        .key(shard.sequence(account_id))
        .key(shard.erasing(account_id))
        .arg(ERASED_TIME.as_secs());
    store.link.script(Patience::Calm, &call).await
}

/// Deletes what was to be told of the account. A shard has no more notices than one look takes.
async fn erase_notices(store: &Store, shard: &Shard, account_id: &str) -> Result<(), StoreError> {
    let cmd = redis::cmd("ZRANGE")
        .arg(shard.notices())
        .arg(0)
        .arg(-1)
        .take();
    let ids: Vec<String> = store.link.run(Patience::Calm, &cmd).await?;
    let places: Vec<(u32, &str)> = ids.iter().map(|id| (shard.number, id.as_str())).collect();
    let accounts: Vec<Option<String>> = fetch(store, &places, |shard, id| {
        let mut cmd = redis::cmd("HGET");
        cmd.arg(shard.notice(id)).arg("account");
        cmd
    })
    .await?;
    // One without its hash was being deleted when a process ended.
    let ours = ids.iter().zip(accounts);
    let ours: Vec<&String> = ours
        .filter(|(_, account)| account.as_deref().is_none_or(|a| a == account_id))
        .map(|(id, _)| id)
        .collect();
    for some in ours.chunks(REDIS_STEP) {
        let mut pipe = redis::pipe();
        for id in some {
            pipe.cmd("DEL").arg(shard.notice(id));
            pipe.cmd("ZREM").arg(shard.notices()).arg(*id);
        }
        store.link.pipe::<Value>(Patience::Calm, &pipe).await?;
    }
    Ok(())
}

async fn erase_endpoints(
    store: &Store,
    shard: &Shard,
    account_id: &str,
    ids: &[String],
) -> Result<(), StoreError> {
    let call = Call::new(&ERASE_ENDPOINTS)
        .key(shard.roster(account_id))
        .key(shard.endpoints())
        .key(shard.due())
        .key(shard.gone())
        .arg(roster::new_revision())
        .arg(ids.len());
    let call = ids.iter().fold(call, |call, id| {
        call.key(shard.endpoint(id))
            .key(shard.health(id))
            .key(shard.claimed(id))
            .arg(id)
    });
    store.link.script(Patience::Calm, &call).await
}

/// Deletes some of these events, the first of them at least in part.
async fn erase_events(
    store: &Store,
    shard: &Shard,
    account_id: &str,
    ids: &[String],
) -> Result<(), StoreError> {
    let mut pipe = redis::pipe();
    for id in ids {
        pipe.cmd("HGET").arg(shard.event(id)).arg("type");
        pipe.cmd("HGETALL").arg(shard.targets(id));
    }
    let mut replies = store
        .link
        .pipe::<Vec<Value>>(Patience::Calm, &pipe)
        .await?
        .into_iter();
    let mut events = Vec::new();
    let mut deliveries = Vec::new();
    for id in ids {
        let kind: Option<String> = parsed(replies.next().unwrap_or(Value::Nil))?;
        let targets: Hash = parsed(replies.next().unwrap_or(Value::Nil))?;
        events.push((id, kind.unwrap_or_default()));
        let room = REDIS_STEP - deliveries.len();
        deliveries.extend(targets.into_iter().take(room).map(|t| (id, t)));
        // An event whose deliveries do not all have room stays until the next step.
        if deliveries.len() == REDIS_STEP {
            break;
        }
    }
    let call = Call::new(&ERASE_EVENTS)
        .key(shard.events())
        .key(shard.events_of(account_id))
        .key(shard.released(account_id))
        .key(shard.pending())
        .key(shard.pending_since())
        .key(shard.unresolved())
        .key(shard.deliveries())
        .key(shard.queued())
        .key(shard.claims())
        .key(shard.finished())
        .arg(deliveries.len());
    let call = deliveries
        .iter()
        .fold(call, |call, (event, (endpoint, id))| {
            call.key(shard.delivery(id))
                .key(shard.attempts(id))
                .key(shard.queue(endpoint))
                .key(shard.sent(endpoint))
                .key(shard.targets(event))
                .arg(id)
                .arg(endpoint)
        });
    let call = events
        .iter()
        .fold(call.arg(events.len()), |call, (id, kind)| {
            call.key(shard.event(id))
                .key(shard.targets(id))
                .key(shard.events_like(kind))
                .arg(*id)
        });
    store.link.script(Patience::Calm, &call).await
}
