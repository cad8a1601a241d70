//! How pending events end: released with their deliveries, dropped or unresolved; never when a delivery is attempted.

use std::collections::HashMap;

use redis::Value;

use super::roster::{Roster, Target, add_targets};
use super::rows::{Fields, Hash, add_fields, parsed};
use super::shard::Shard;
use crate::base::ceilings::{REDIS_LATE_CALL, REDIS_SETTLE, REVISION_TRIES, WEBHOOKS_PER_ACCOUNT};
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::store::redis::Store;
use crate::store::redis::each::each;
use crate::store::redis::link::{Call, Patience};
use crate::store::redis::script::script;
use crate::webhooks::model::Settlement;

script!(
    SETTLE,
    "events/next.lua",
    "events/queue.lua",
    "events/settle.lua"
);

/// Settles pending events, those of an account in the order in which they are given. Each event is settled wholly or not
/// at all, and a second call settles what a failure left.
pub(super) async fn settle(
    store: &Store,
    settlements: &[Settlement],
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut accounts: Vec<(&str, Vec<&Settlement>)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for s in settlements {
        let account = account_of(s);
        let place = *places.entry(account).or_insert(accounts.len());
        match accounts.get_mut(place) {
            Some((_, all)) => all.push(s),
            None => accounts.push((account, vec![s])),
        }
    }
    each(
        accounts
            .iter()
            .map(|(account, all)| of_account(store, account, all, now)),
    )
    .await?;
    Ok(())
}

fn account_of(s: &Settlement) -> &str {
    match s {
        Settlement::Release { account_id, .. }
        | Settlement::Drop { account_id, .. }
        | Settlement::Unresolved { account_id, .. } => account_id,
    }
}

async fn of_account(
    store: &Store,
    account_id: &str,
    all: &[&Settlement],
    now: Timestamp,
) -> Result<(), StoreError> {
    let shard = Shard::of(store, account_id);
    let mut rest = all;
    let mut tries = 0;
    while !rest.is_empty() {
        match some(store, &shard, account_id, rest, now).await? {
            Some(done) => {
                rest = &rest[done..];
                tries = 0;
            }
            None if tries < REVISION_TRIES => tries += 1,
            None => return Err(unsteady()),
        }
    }
    Ok(())
}

/// The account's endpoints changed each time between reading and writing.
pub(super) fn unsteady() -> StoreError {
    StoreError::Unavailable("the account's endpoints keep changing".to_owned())
}

/// Settles as many as one script may and tells how many these were; `None` when the roster changed meanwhile.
async fn some(
    store: &Store,
    shard: &Shard,
    account_id: &str,
    rest: &[&Settlement],
    now: Timestamp,
) -> Result<Option<usize>, StoreError> {
    let rest = &rest[..rest.len().min(REDIS_SETTLE)];
    let (roster, types) = look(store, shard, account_id, rest).await?;
    let mut steps = Vec::with_capacity(rest.len());
    let (mut seen, mut deliveries) = (0, 0);
    for (settlement, event_type) in rest.iter().zip(types) {
        // What was never recorded, or is gone, has nothing to be settled.
        let Some(event_type) = event_type else {
            seen += 1;
            continue;
        };
        let targets = match settlement {
            Settlement::Release { .. } => roster.targets(&event_type, &HashMap::new(), now),
            Settlement::Drop { .. } | Settlement::Unresolved { .. } => Vec::new(),
        };
        deliveries += targets.len();
        if deliveries > WEBHOOKS_PER_ACCOUNT && !steps.is_empty() {
            break;
        }
        seen += 1;
        steps.push((*settlement, event_type, targets));
    }
    if steps.is_empty() {
        return Ok(Some(seen));
    }
    let call = call(shard, account_id, &roster, &steps, now);
    let done: Option<u8> = store.link.script(Patience::Calm, &call).await?;
    Ok(done.map(|_| seen))
}

/// The account's roster, and the types of those events that are there.
pub(super) async fn look(
    store: &Store,
    shard: &Shard,
    account_id: &str,
    settlements: &[&Settlement],
) -> Result<(Roster, Vec<Option<String>>), StoreError> {
    let mut pipe = redis::pipe();
    pipe.cmd("HGETALL").arg(shard.roster(account_id));
    for s in settlements {
        pipe.cmd("HGET").arg(shard.event(s.event_id())).arg("type");
    }
    let mut replies = store
        .link
        .pipe::<Vec<Value>>(Patience::Calm, &pipe)
        .await?
        .into_iter();
    let roster: Hash = parsed(replies.next().unwrap_or(Value::Nil))?;
    let types = replies.map(parsed).collect::<Result<_, _>>()?;
    Ok((Roster::read(roster)?, types))
}

pub(super) fn call(
    shard: &Shard,
    account_id: &str,
    roster: &Roster,
    steps: &[(&Settlement, String, Vec<Target>)],
    now: Timestamp,
) -> Call {
    let call = Call::new(&SETTLE)
        .key(shard.roster(account_id))
        .key(shard.sequence(account_id))
        .key(shard.events())
        .key(shard.events_of(account_id))
        .key(shard.pending())
        .key(shard.pending_since())
        .key(shard.unresolved())
        .key(shard.due())
        .key(shard.queued())
        .key(shard.deliveries())
        .key(shard.released(account_id))
        .arg(account_id)
        .arg(&roster.revision)
        .arg(now.millis())
        .arg(REDIS_LATE_CALL.as_secs())
        .arg(steps.len());
    steps
        .iter()
        .fold(call, |call, (settlement, event_type, targets)| {
            let id = settlement.event_id();
            let call = call
                .key(shard.event(id))
                .key(shard.dropped(id))
                .key(shard.events_like(event_type))
                .arg(id);
            match settlement {
                Settlement::Release {
                    data,
                    truncated,
                    resource_id,
                    released_id,
                    ..
                } => {
                    let last = released_id.as_deref().unwrap_or(id);
                    let call = call
                        .arg("release")
                        .key(shard.event(last))
                        .key(shard.targets(last))
                        .arg(last);
                    let fields = released(data, *truncated, resource_id.as_deref());
                    add_targets(add_fields(call, &fields), shard, targets)
                }
                Settlement::Drop { .. } => call.arg("drop"),
                Settlement::Unresolved { .. } => call.arg("unresolved"),
            }
        })
}

fn released(data: &str, truncated: bool, resource_id: Option<&str>) -> Fields {
    let mut fields = vec![
        ("data", data.to_owned()),
        ("truncated", u8::from(truncated).to_string()),
    ];
    fields.extend(resource_id.map(|id| ("resource_id", id.to_owned())));
    fields
}
