//! Where leases meet their store: calls, bounded and in the background, looks at what lies idle, the node's beat; never a decision.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::lease::{Answer, Look, Revision, Terms, Tick, Who};
use super::leased::LeasedKey;
use super::port::{Beat, LeaseStore};
use crate::base::ceilings::{
    LEASE_CALLS, LEASE_CALM_CALLS, LEASE_DRAIN, LEASE_QUEUE, NODE_BEAT, NODE_LIVE,
};
use crate::base::clock::{Ticks, Timestamp};
use crate::base::error::StoreError;
use crate::config::model::Plan;

/// What the desk did so far, for the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeskStats {
    /// Calls for grants.
    pub calls: u64,
    /// Calls that failed.
    pub failures: u64,
    /// Nodes that live.
    pub live: u64,
    /// Whether limits are, or were within seconds, enforced without the store.
    pub degraded: bool,
}

/// The configuration that a node has, by its hash, and whether it moved to it from another since the last beat.
#[derive(Debug, Clone, Default)]
struct Configuration {
    hash: String,
    moved: bool,
}

/// The desk of one node.
pub struct Desk {
    store: Arc<dyn LeaseStore>,
    boot: Arc<str>,
    strict: bool,
    ticks: Ticks,
    sequence: AtomicU64,
    live: AtomicU64,
    /// The number of the node's configuration among all nodes'.
    config: AtomicU64,
    configuration: Mutex<Configuration>,
    beat_now: Notify,
    queue: mpsc::Sender<Arc<LeasedKey>>,
    // Taken once, by the task that serves the queue.
    waiting: Mutex<Option<mpsc::Receiver<Arc<LeasedKey>>>>,
    calls: AtomicU64,
    failures: AtomicU64,
    /// The tick after the last failure; 0 for none.
    failed_at: AtomicU64,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk")
            .field("boot", &self.boot)
            .finish_non_exhaustive()
    }
}

/// Keys that are looked at in one go.
const LOOKS: usize = 256;

/// A key to be looked at.
struct Watched {
    at: Tick,
    key: Arc<LeasedKey>,
}

impl PartialEq for Watched {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Watched {}

impl PartialOrd for Watched {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Watched {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

impl Desk {
    /// The desk of node `boot`, anew with each start, under the configuration of this hash.
    pub fn new(
        store: Arc<dyn LeaseStore>,
        boot: &str,
        config_hash: &str,
        strict: bool,
        ticks: Ticks,
    ) -> Arc<Self> {
        let (queue, waiting) = mpsc::channel(LEASE_QUEUE);
        Arc::new(Self {
            store,
            boot: boot.into(),
            strict,
            ticks,
            sequence: AtomicU64::new(0),
            live: AtomicU64::new(1),
            config: AtomicU64::new(0),
            configuration: Mutex::new(Configuration {
                hash: config_hash.to_owned(),
                moved: false,
            }),
            beat_now: Notify::new(),
            queue,
            waiting: Mutex::new(Some(waiting)),
            calls: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            failed_at: AtomicU64::new(0),
        })
    }

    pub(super) fn tick(&self) -> Tick {
        self.ticks.now()
    }

    /// Nodes that live, by the last beat.
    pub(super) fn live(&self) -> u64 {
        self.live.load(Ordering::Relaxed)
    }

    /// A plan as terms of this node's configuration.
    pub(super) fn terms(&self, plan: &Plan, as_of: Timestamp) -> Terms {
        let revision = Revision {
            config: self.config.load(Ordering::Relaxed),
            account: as_of.millis().unsigned_abs(),
        };
        Terms::new(plan, self.strict, revision)
    }

    /// Another configuration is in force here, with all its plans. The next beat, which is due now, says so.
    pub fn set_config(&self, hash: &str) {
        let mut known = self.configuration.lock();
        if known.hash != hash {
            *known = Configuration {
                hash: hash.to_owned(),
                moved: true,
            };
            self.beat_now.notify_one();
        }
    }

    /// What was done so far.
    pub fn stats(&self) -> DeskStats {
        let failed_at = self.failed_at.load(Ordering::Relaxed);
        let since = self.tick().saturating_sub(failed_at);
        DeskStats {
            calls: self.calls.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            live: self.live(),
            degraded: failed_at > 0 && since < super::lease::ms(NODE_LIVE),
        }
    }

    /// Takes a key into the queue for a call; false where it has no room.
    pub(super) fn enqueue(&self, key: Arc<LeasedKey>) -> bool {
        self.queue.try_send(key).is_ok()
    }

    /// Says that this node lives. At a start it is called before requests are served, so that the node knows its number.
    ///
    /// # Errors
    /// The store's.
    pub async fn beat(&self) -> Result<Beat, StoreError> {
        let said = self.configuration.lock().clone();
        let beat = self.store.beat(&self.boot, &said.hash, said.moved).await?;
        self.live.store(beat.live.max(1), Ordering::Relaxed);
        self.config.fetch_max(beat.config, Ordering::Relaxed);
        let mut known = self.configuration.lock();
        if known.hash == said.hash {
            known.moved = false;
        }
        Ok(beat)
    }

    /// Serves leases until `stop`; then gives back what is in hand, and leaves.
    pub async fn run(self: Arc<Self>, stop: impl Future<Output = ()>) {
        let Some(mut queue) = self.waiting.lock().take() else {
            tracing::error!("leases are served already");
            return;
        };
        let mut watched = BinaryHeap::new();
        // Those that requests wait for, and those that nobody does.
        let (mut calls, mut calm) = (JoinSet::new(), JoinSet::new());
        let mut beats = interval(NODE_BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut beating = JoinSet::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            let next_look = watched
                .peek()
                .map_or(NODE_BEAT, |w: &Reverse<Watched>| self.until(w.0.at));
            tokio::select! {
                () = &mut stop => break,
                Some(done) = calls.join_next(), if !calls.is_empty() => {
                    if let Ok(key) = done {
                        self.watch(&mut watched, key);
                    }
                }
                Some(done) = calm.join_next(), if !calm.is_empty() => {
                    if let Ok(key) = done {
                        self.watch(&mut watched, key);
                    }
                }
                Some(key) = queue.recv(), if calls.len() + calm.len() < LEASE_CALLS => {
                    key.queued.store(false, Ordering::Release);
                    calls.spawn(Arc::clone(&self).call(key));
                }
                () = sleep(next_look), if calm.len() < LEASE_CALM_CALLS => {
                    self.look(&mut watched, &mut calm);
                }
                _ = beats.tick(), if beating.is_empty() => {
                    beating.spawn(Arc::clone(&self).say_it_lives());
                }
                () = self.beat_now.notified(), if beating.is_empty() => {
                    beating.spawn(Arc::clone(&self).say_it_lives());
                }
                _ = beating.join_next(), if !beating.is_empty() => {}
            }
        }
        self.end(watched, [calls, calm]).await;
    }

    fn until(&self, at: Tick) -> Duration {
        Duration::from_millis(at.saturating_sub(self.tick()))
    }

    async fn say_it_lives(self: Arc<Self>) {
        if let Err(error) = self.beat().await {
            tracing::debug!(%error, "this node's beat did not reach the store");
        }
    }

    fn watch(&self, watched: &mut BinaryHeap<Reverse<Watched>>, key: Arc<LeasedKey>) {
        if !key.account.is_gone() && !key.watched.swap(true, Ordering::Relaxed) {
            let at = match key.with(|lease, shared, now| lease.look(shared, now)) {
                Look::Later(at) => at,
                Look::Call => self.tick(),
                Look::Done => {
                    key.watched.store(false, Ordering::Relaxed);
                    return;
                }
            };
            watched.push(Reverse(Watched { at, key }));
        }
    }

    /// Looks at the keys whose time has come.
    fn look(
        self: &Arc<Self>,
        watched: &mut BinaryHeap<Reverse<Watched>>,
        calm: &mut JoinSet<Arc<LeasedKey>>,
    ) {
        let now = self.tick();
        // A few at a time: calls and beats come in between.
        for _ in 0..LOOKS {
            if calm.len() >= LEASE_CALM_CALLS {
                return;
            }
            let Some(Reverse(next)) = watched.pop_if_due(now) else {
                return;
            };
            match next.key.with(|lease, shared, now| lease.look(shared, now)) {
                Look::Later(at) => watched.push(Reverse(Watched { at, key: next.key })),
                Look::Call => {
                    next.key.watched.store(false, Ordering::Relaxed);
                    calm.spawn(Arc::clone(self).call(next.key));
                }
                Look::Done => next.key.watched.store(false, Ordering::Relaxed),
            }
        }
    }

    /// One call, if one is due for this key. Whoever waits is woken in any case.
    pub(super) async fn call(self: Arc<Self>, key: Arc<LeasedKey>) -> Arc<LeasedKey> {
        if key.account.is_gone() {
            return key;
        }
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed) + 1;
        let config = self.config.load(Ordering::Relaxed);
        let ask = key.with(|lease, shared, now| {
            shared.set_config(config, now);
            let who = Who {
                account: &key.account.id,
                key: &key.id,
                boot: &self.boot,
            };
            lease.ask(shared, who, sequence, now)
        });
        let Some(ask) = ask else { return key };
        let answer = self.store.grant(&ask).await;
        self.calls.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = &answer {
            self.failures.fetch_add(1, Ordering::Relaxed);
            self.failed_at.fetch_max(self.tick(), Ordering::Relaxed);
            tracing::debug!(%error, key = %key.id, "no lease is granted");
        }
        let live = self.live();
        key.with(|lease, shared, now| match answer {
            Ok(Answer::Granted(grant)) => {
                lease.granted(shared, &grant, now);
            }
            Ok(Answer::Stale) => lease.overtaken(shared),
            Err(_) => {
                lease.failed(shared, live, now);
            }
        });
        key.answered.notify_waiters();
        key
    }

    /// Gives back what is in hand, as far as that takes no longer than [`LEASE_DRAIN`].
    async fn end(
        self: &Arc<Self>,
        watched: BinaryHeap<Reverse<Watched>>,
        begun: [JoinSet<Arc<LeasedKey>>; 2],
    ) {
        let drained = timeout(LEASE_DRAIN, async {
            let mut held: Vec<_> = watched.into_iter().map(|w| w.0.key).collect();
            for mut calls in begun {
                while let Some(done) = calls.join_next().await {
                    held.extend(done.ok());
                }
            }
            let mut calls = JoinSet::new();
            for key in held {
                if !key.with(|lease, shared, now| lease.give_all_back(shared, now)) {
                    continue;
                }
                while calls.len() >= LEASE_CALLS {
                    let _ = calls.join_next().await;
                }
                calls.spawn(Arc::clone(self).call(key));
            }
            while calls.join_next().await.is_some() {}
        });
        if drained.await.is_err() {
            tracing::warn!("not all leases were given back; they end by themselves");
        }
        if let Err(error) = self.store.leave(&self.boot).await {
            tracing::debug!(%error, "the store does not know that this node has ended");
        }
    }
}

/// Takes the first of a heap if its time has come.
trait PopIfDue {
    fn pop_if_due(&mut self, now: Tick) -> Option<Reverse<Watched>>;
}

impl PopIfDue for BinaryHeap<Reverse<Watched>> {
    fn pop_if_due(&mut self, now: Tick) -> Option<Reverse<Watched>> {
        if self.peek()?.0.at <= now {
            self.pop()
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;
