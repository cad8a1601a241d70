//! Events that an operator makes, sends again or sends as a test; never those of a request.

use std::collections::HashMap;

use super::roster::{Roster, Target, add_targets};
use super::rows::{self, Hash, add_fields};
use super::settle::unsteady;
use super::shard::{Shard, find};
use crate::base::audit::Change;
use crate::base::ceilings::REVISION_TRIES;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::store::redis::Store;
use crate::store::redis::change::{self, Announced, is_refusal};
use crate::store::redis::link::{Call, Patience};
use crate::store::redis::script::script;
use crate::webhooks::model::{Delivery, EndpointStatus, Event, EventState};

script!(
    PUBLISH,
    "events/next.lua",
    "events/position.lua",
    "events/queue.lua",
    "change.lua",
    "events/publish.lua"
);
script!(
    REPLAY,
    "events/next.lua",
    "events/queue.lua",
    "change.lua",
    "events/replay.lua"
);

/// The event, and the first of its deliveries that were chosen by id and hash.
type Published = (Hash, String, Hash);

/// The roster of an account and the deliveries that an event has, by endpoint.
async fn look(
    store: &Store,
    shard: &Shard,
    account_id: &str,
    event_id: &str,
) -> Result<(Roster, HashMap<String, String>), StoreError> {
    let mut pipe = redis::pipe();
    pipe.cmd("HGETALL").arg(shard.roster(account_id));
    pipe.cmd("HGETALL").arg(shard.targets(event_id));
    let (roster, targets): (Hash, Hash) = store.link.pipe(Patience::Calm, &pipe).await?;
    Ok((Roster::read(roster)?, targets))
}

/// Takes the announcement of a change back that was refused.
async fn unless_refused<T>(
    store: &Store,
    why: &Announced,
    done: Result<T, StoreError>,
) -> Result<T, StoreError> {
    if is_refusal(&done) {
        why.withdraw(store).await;
    }
    done
}

fn the_event(id: &str, hash: Hash) -> Result<Event, StoreError> {
    rows::event(id, hash)?.ok_or(StoreError::NotFound)
}

/// Refuses an id that an account of another shard has. Of two accounts that publish it in the same instant both may get
/// it; within a shard the script decides.
async fn refuse_foreign(store: &Store, event: &Event) -> Result<(), StoreError> {
    let found = find(store, |shard| async move {
        let cmd = redis::cmd("HGET")
            .arg(shard.event(&event.id))
            .arg("account")
            .take();
        let owner: Option<String> = store.link.run(Patience::Calm, &cmd).await?;
        Ok(owner.filter(|o| *o != event.account_id))
    });
    match found.await? {
        Some(_) => Err(StoreError::Conflict(
            "the event's id belongs to another account".to_owned(),
        )),
        None => Ok(()),
    }
}

fn publishing(
    shard: &Shard,
    event: &Event,
    roster: &Roster,
    targets: &[Target],
    again: bool,
    now: Timestamp,
) -> Call {
    let call = Call::new(&PUBLISH)
        .key(shard.erasing(&event.account_id))
        .key(shard.roster(&event.account_id))
        .key(shard.sequence(&event.account_id))
        .key(shard.position())
        .key(shard.event(&event.id))
        .key(shard.targets(&event.id))
        .key(shard.events())
        .key(shard.events_of(&event.account_id))
        .key(shard.events_like(&event.event_type))
        .key(shard.due())
        .key(shard.queued())
        .key(shard.deliveries())
        .key(shard.claims())
        .key(shard.finished())
        .key(shard.released(&event.account_id))
        .arg(&event.account_id)
        .arg(&roster.revision)
        .arg(now.millis())
        .arg(&event.id)
        .arg(&event.event_type)
        .arg(u8::from(again));
    let call = add_fields(call, &rows::event_fields(event, EventState::Released));
    add_targets(call, shard, targets)
}

/// Records and releases an event at once; the one that is there already when its id is known.
pub(super) async fn publish(
    store: &Store,
    event: &Event,
    now: Timestamp,
    change: &Change,
) -> Result<Event, StoreError> {
    refuse_foreign(store, event).await?;
    let shard = Shard::of(store, &event.account_id);
    let why = change::announce(store, shard.slot(), change).await?;
    let done = published(store, &shard, event, now, &why).await;
    unless_refused(store, &why, done).await
}

async fn published(
    store: &Store,
    shard: &Shard,
    event: &Event,
    now: Timestamp,
    why: &Announced,
) -> Result<Event, StoreError> {
    for _ in 0..REVISION_TRIES {
        let (roster, known) = look(store, shard, &event.account_id, &event.id).await?;
        let targets = roster.targets(&event.event_type, &known, now);
        let call = publishing(shard, event, &roster, &targets, false, now);
        let done: Option<Published> = store.link.script(Patience::Calm, &why.add(call)).await?;
        if let Some((hash, _, _)) = done {
            return the_event(&event.id, hash);
        }
    }
    Err(unsteady())
}

/// A test: one delivery to one endpoint, whatever it wants.
pub(super) async fn deliver_to(
    store: &Store,
    event: &Event,
    endpoint_id: &str,
    now: Timestamp,
    change: &Change,
) -> Result<Delivery, StoreError> {
    let shard = Shard::of(store, &event.account_id);
    let why = change::announce(store, shard.slot(), change).await?;
    let done = delivered_to(store, &shard, event, endpoint_id, now, &why).await;
    unless_refused(store, &why, done).await
}

async fn delivered_to(
    store: &Store,
    shard: &Shard,
    event: &Event,
    endpoint_id: &str,
    now: Timestamp,
    why: &Announced,
) -> Result<Delivery, StoreError> {
    for _ in 0..REVISION_TRIES {
        let (roster, known) = look(store, shard, &event.account_id, &event.id).await?;
        let member = roster.member(endpoint_id).ok_or(StoreError::NotFound)?;
        if member.status == EndpointStatus::Disabled {
            return Err(StoreError::Conflict("the endpoint is disabled".to_owned()));
        }
        let targets = [member.target(&known, now)];
        let call = publishing(shard, event, &roster, &targets, true, now);
        let done: Option<Published> = store.link.script(Patience::Calm, &why.add(call)).await?;
        if let Some((_, id, hash)) = done {
            return rows::delivery(&id, hash)?.ok_or(StoreError::NotFound);
        }
    }
    Err(unsteady())
}

/// Delivers an event again to all endpoints that want it now, and releases an unresolved one.
pub(super) async fn replay(
    store: &Store,
    event_id: &str,
    data: &str,
    now: Timestamp,
    change: &Change,
) -> Result<Event, StoreError> {
    let found = find(store, |shard| async move {
        let cmd = redis::cmd("HMGET")
            .arg(shard.event(event_id))
            .arg(&["account", "type"])
            .take();
        let (account, kind): (Option<String>, Option<String>) =
            store.link.run(Patience::Calm, &cmd).await?;
        Ok(account.zip(kind).map(|(account_id, event_type)| There {
            shard,
            account_id,
            event_type,
        }))
    });
    let there = found.await?.ok_or(StoreError::NotFound)?;
    let why = change::announce(store, there.shard.slot(), change).await?;
    let done = replayed(store, &there, event_id, data, now, &why).await;
    unless_refused(store, &why, done).await
}

/// Where an event is, and what its deliveries are chosen by.
struct There {
    shard: Shard,
    account_id: String,
    event_type: String,
}

async fn replayed(
    store: &Store,
    there: &There,
    event_id: &str,
    data: &str,
    now: Timestamp,
    why: &Announced,
) -> Result<Event, StoreError> {
    let There {
        shard,
        account_id,
        event_type,
    } = there;
    for _ in 0..REVISION_TRIES {
        let (roster, known) = look(store, shard, account_id, event_id).await?;
        let targets = roster.targets(event_type, &known, now);
        let call = Call::new(&REPLAY)
            .key(shard.erasing(account_id))
            .key(shard.roster(account_id))
            .key(shard.sequence(account_id))
            .key(shard.event(event_id))
            .key(shard.targets(event_id))
            .key(shard.unresolved())
            .key(shard.due())
            .key(shard.queued())
            .key(shard.deliveries())
            .key(shard.claims())
            .key(shard.finished())
            .key(shard.released(account_id))
            .arg(account_id)
            .arg(&roster.revision)
            .arg(now.millis())
            .arg(event_id)
            .arg(data);
        let call = why.add(add_targets(call, shard, &targets));
        let done: Option<Hash> = store.link.script(Patience::Calm, &call).await?;
        if let Some(hash) = done {
            return the_event(event_id, hash);
        }
    }
    Err(unsteady())
}
