//! What lies in a shard and how its keys are called, which no other place spells; and how all shards are asked.

use std::collections::BTreeMap;

use futures_util::future::{join_all, try_join_all};
use redis::{Cmd, FromRedisValue};

use crate::base::ceilings::REDIS_STEP;
use crate::base::error::StoreError;
use crate::store::redis::Store;
use crate::store::redis::link::Patience;
use crate::store::redis::names::{Names, SHARDS};

/// How far behind all others lie endpoints whose last attempt failed among those that are due; `queue.lua` says the same.
pub(super) const SUSPECT: i64 = 1_000_000_000_000_000;

/// One shard. Its keys lie in one slot.
#[derive(Debug, Clone)]
pub(super) struct Shard {
    /// Its number.
    pub(super) number: u32,
    prefix: String,
}

impl Shard {
    /// The shard of this number.
    pub(super) fn new(store: &Store, number: u32) -> Self {
        Self {
            number,
            prefix: store.names.shard(number, ""),
        }
    }

    /// The shard of an account.
    pub(super) fn of(store: &Store, account_id: &str) -> Self {
        Self::new(store, Names::shard_of(account_id))
    }

    /// What changes name it by.
    pub(super) fn slot(&self) -> &str {
        self.prefix.trim_end_matches(':')
    }

    fn name(&self, kind: &str, id: &str) -> String {
        format!("{}{kind}:{id}", self.prefix)
    }

    /// Hash: an event.
    pub(super) fn event(&self, id: &str) -> String {
        self.name("e", id)
    }

    /// Hash: endpoint → delivery of an event.
    pub(super) fn targets(&self, event_id: &str) -> String {
        self.name("ed", event_id)
    }

    /// Empty: an event was dropped, or got another id, a moment ago.
    pub(super) fn dropped(&self, event_id: &str) -> String {
        self.name("ex", event_id)
    }

    /// Hash: a delivery.
    pub(super) fn delivery(&self, id: &str) -> String {
        self.name("d", id)
    }

    /// List: a delivery's attempts as JSON, oldest first.
    pub(super) fn attempts(&self, delivery_id: &str) -> String {
        self.name("at", delivery_id)
    }

    /// Hash: an endpoint.
    pub(super) fn endpoint(&self, id: &str) -> String {
        self.name("ep", id)
    }

    /// Sorted set: an endpoint's unfinished deliveries by when each may be taken next.
    pub(super) fn queue(&self, endpoint_id: &str) -> String {
        self.name("q", endpoint_id)
    }

    /// Hash: how an endpoint fares.
    pub(super) fn health(&self, endpoint_id: &str) -> String {
        self.name("eh", endpoint_id)
    }

    /// Sorted set: `<delivery>.<token>` of each attempt to an endpoint that is under way by when its claim ends.
    pub(super) fn claimed(&self, endpoint_id: &str) -> String {
        self.name("ec", endpoint_id)
    }

    /// Sorted set: all of an endpoint's deliveries by id.
    pub(super) fn sent(&self, endpoint_id: &str) -> String {
        self.name("dl", endpoint_id)
    }

    /// Hash: an account's endpoints, what each wants, and the revision of it all; see `roster`.
    pub(super) fn roster(&self, account_id: &str) -> String {
        self.name("eps", account_id)
    }

    /// Number: the last sequence number of an account's events.
    pub(super) fn sequence(&self, account_id: &str) -> String {
        self.name("seq", account_id)
    }

    /// Hash: an inbox.
    pub(super) fn inbox(&self, id: &str) -> String {
        self.name("ib", id)
    }

    /// Hash: message → JSON of what an inbox caught.
    pub(super) fn inbox_messages(&self, id: &str) -> String {
        self.name("im", id)
    }

    /// Hash: an account's inboxes → when each expires.
    pub(super) fn inboxes(&self, account_id: &str) -> String {
        self.name("ibs", account_id)
    }

    /// Text: a session of the portal.
    pub(super) fn session(&self, id: &str) -> String {
        self.name("ps", id)
    }

    /// Sorted set: an account's sessions of the portal by when each ends.
    pub(super) fn sessions(&self, account_id: &str) -> String {
        self.name("pss", account_id)
    }

    /// Hash: account → its settings of alerts.
    pub(super) fn alerts(&self) -> String {
        self.name("alerts", "all")
    }

    /// Hash: a message of an alert.
    pub(super) fn mail(&self, id: &str) -> String {
        self.name("ml", id)
    }

    /// Sorted set: messages of alerts that wait by when each may be taken.
    pub(super) fn mails(&self) -> String {
        self.name("mls", "all")
    }

    /// Sorted set: an account's messages of alerts by how long each is kept.
    pub(super) fn mails_of(&self, account_id: &str) -> String {
        self.name("mlo", account_id)
    }

    /// Text: `erasing`, or `erased` for a day, where an account is or was erased.
    pub(super) fn erasing(&self, account_id: &str) -> String {
        self.name("erasing", account_id)
    }

    /// Sorted set: events by position.
    pub(super) fn events(&self) -> String {
        self.name("events", "all")
    }

    /// Sorted set: events of an account by position.
    pub(super) fn events_of(&self, account_id: &str) -> String {
        self.name("events", &format!("account:{account_id}"))
    }

    /// Sorted set: events of a type by position.
    pub(super) fn events_like(&self, event_type: &str) -> String {
        self.name("events", &format!("type:{event_type}"))
    }

    /// Sorted set: released events of an account by sequence number.
    pub(super) fn released(&self, account_id: &str) -> String {
        self.name("events", &format!("released:{account_id}"))
    }

    /// Sorted set: pending events by position.
    pub(super) fn pending(&self) -> String {
        self.name("events", "pending")
    }

    /// Sorted set: unresolved events by position.
    pub(super) fn unresolved(&self) -> String {
        self.name("events", "unresolved")
    }

    /// Sorted set: pending events by when they were recorded.
    pub(super) fn pending_since(&self) -> String {
        self.name("events", "pending_since")
    }

    /// Number: the position of the newest event.
    pub(super) fn position(&self) -> String {
        self.name("events", "position")
    }

    /// Sorted set: endpoints by id.
    pub(super) fn endpoints(&self) -> String {
        self.name("endpoints", "all")
    }

    /// Set: endpoints that are disabled or deleted and for which something waits that is to be cancelled.
    pub(super) fn gone(&self) -> String {
        self.name("endpoints", "gone")
    }

    /// Sorted set: active endpoints for which something waits by when the first of that may be taken; those whose last
    /// attempt failed by [`SUSPECT`] more.
    pub(super) fn due(&self) -> String {
        self.name("endpoints", "due")
    }

    /// Sorted set: notices by when what they tell of happened.
    pub(super) fn notices(&self) -> String {
        self.name("notices", "all")
    }

    /// Hash: a notice.
    pub(super) fn notice(&self, id: &str) -> String {
        self.name("notice", id)
    }

    /// Sorted set: deliveries by id.
    pub(super) fn deliveries(&self) -> String {
        self.name("deliveries", "all")
    }

    /// Sorted set: unfinished deliveries by when their present schedule began.
    pub(super) fn queued(&self) -> String {
        self.name("deliveries", "queued")
    }

    /// Sorted set: finished deliveries by when they finished.
    pub(super) fn finished(&self) -> String {
        self.name("deliveries", "finished")
    }

    /// Hash: unfinished delivery → token of the last claim on it.
    pub(super) fn claims(&self) -> String {
        self.name("deliveries", "claims")
    }

    /// List: what one call claimed, for a second one like it.
    pub(super) fn claim(&self, token: &str) -> String {
        self.name("claim", token)
    }
}

/// Asks all shards at once.
pub(super) async fn on_all<T, F>(
    store: &Store,
    ask: impl Fn(Shard) -> F,
) -> Result<Vec<T>, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    try_join_all((0..SHARDS).map(|n| ask(Shard::new(store, n)))).await
}

/// Asks all shards at once and is content with those that answer: of a cluster that lost a master the others go on.
pub(super) async fn on_some<T, F>(
    store: &Store,
    ask: impl Fn(Shard) -> F,
) -> Result<Vec<T>, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    answered(join_all((0..SHARDS).map(|n| ask(Shard::new(store, n)))).await)
}

/// The answers among results; an error where there is nothing else.
pub(super) fn answered<T>(results: Vec<Result<T, StoreError>>) -> Result<Vec<T>, StoreError> {
    let mut answers = Vec::with_capacity(results.len());
    let mut failure = None;
    for result in results {
        match result {
            Ok(answer) => answers.push(answer),
            Err(e) => failure = Some(e),
        }
    }
    match failure {
        Some(e) if answers.is_empty() => Err(e),
        Some(e) => {
            tracing::warn!(error = %e, "some shards of the events do not answer");
            Ok(answers)
        }
        None => Ok(answers),
    }
}

/// Looks for something in all shards; of several the one in the first shard.
pub(super) async fn find<T, F>(
    store: &Store,
    look: impl Fn(Shard) -> F,
) -> Result<Option<T>, StoreError>
where
    F: Future<Output = Result<Option<T>, StoreError>>,
{
    let mut failure = None;
    for result in join_all((0..SHARDS).map(|n| look(Shard::new(store, n)))).await {
        match result {
            Ok(Some(found)) => return Ok(Some(found)),
            Ok(None) => {}
            Err(e) => failure = Some(e),
        }
    }
    match failure {
        Some(e) => Err(e),
        None => Ok(None),
    }
}

/// Runs a command for each of some ids, which lie in any shards, and gives the answers in the same order.
pub(super) async fn fetch<T: FromRedisValue>(
    store: &Store,
    ids: &[(u32, &str)],
    cmd: impl Fn(&Shard, &str) -> Cmd,
) -> Result<Vec<T>, StoreError> {
    let mut by_shard: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (place, (shard, _)) in ids.iter().enumerate() {
        by_shard.entry(*shard).or_default().push(place);
    }
    let cmd = &cmd;
    let parts = by_shard.into_iter().map(|(number, places)| async move {
        let shard = Shard::new(store, number);
        let mut found = Vec::with_capacity(places.len());
        for some in places.chunks(REDIS_STEP) {
            let mut pipe = redis::pipe();
            for place in some {
                pipe.add_command(cmd(&shard, ids[*place].1));
            }
            let answers: Vec<T> = store.link.pipe(Patience::Calm, &pipe).await?;
            found.extend(some.iter().copied().zip(answers));
        }
        Ok::<_, StoreError>(found)
    });
    let mut all: Vec<(usize, T)> = try_join_all(parts).await?.into_iter().flatten().collect();
    if all.len() != ids.len() {
        return Err(StoreError::Corrupt(
            "redis left out some of its answers".to_owned(),
        ));
    }
    all.sort_by_key(|(place, _)| *place);
    Ok(all.into_iter().map(|(_, answer)| answer).collect())
}
