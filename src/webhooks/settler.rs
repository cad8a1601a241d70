//! The far end of the pipeline: threads that evaluate conditions and the one task that writes settlements; never a rule of its own.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, mpsc, watch};
use tokio::time::Instant;

use super::counters::EventCounters;
use super::model::Settlement;
use super::pipeline::{Events, Grip, Job};
use super::port::EventStore;
use super::settlement::{self, Exchange};
use crate::base::ceilings::{SETTLE_BATCH, SHUTDOWN_EXTRA};
use crate::base::clock::Clock;
use crate::base::error::StoreError;

/// Stack of a thread that evaluates conditions: evaluation recurses with the condition's depth.
const EVALUATOR_STACK_BYTES: usize = 8 * 1024 * 1024;
/// First and longest wait before a failed write is tried again.
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);

/// Settlements of one exchange; holds its place and its memory until they are written.
struct Settled {
    settlements: Vec<Settlement>,
    _grip: Grip,
    _room: OwnedSemaphorePermit,
}

/// The receiving end of [`Events`].
pub struct Settler {
    store: Arc<dyn EventStore>,
    clock: Clock,
    jobs: Arc<Mutex<mpsc::Receiver<Job>>>,
    counters: Arc<EventCounters>,
    held: Arc<super::pipeline::Held>,
    wake: Arc<Notify>,
    threads: usize,
}

/// Makes the pipeline: the way in for the proxy, and the task that a service of the application runs. `wake` is
/// notified when deliveries may have become due.
pub fn pipeline(
    store: Arc<dyn EventStore>,
    clock: Clock,
    wake: Arc<Notify>,
    threads: usize,
) -> (Arc<Events>, Settler) {
    let counters = Arc::new(EventCounters::default());
    let (events, jobs) = Events::new(Arc::clone(&store), clock.clone(), Arc::clone(&counters));
    let settler = Settler {
        store,
        clock,
        jobs: Arc::new(Mutex::new(jobs)),
        counters,
        held: Arc::clone(events.held()),
        wake,
        threads: threads.max(1),
    };
    (Arc::new(events), settler)
}

impl Settler {
    /// Starts the threads and writes settlements until `stop` says true; then it finishes what is in hand, for a
    /// bounded time. Stop it after the proxy has drained.
    ///
    /// # Errors
    /// A thread could not be started.
    pub async fn run(self, mut stop: watch::Receiver<bool>) -> std::io::Result<()> {
        let (out, mut settled) = mpsc::channel::<Settled>(SETTLE_BATCH);
        for n in 0..self.threads {
            self.start_thread(n, out.clone())?;
        }
        drop(out);
        let mut batch = Vec::with_capacity(SETTLE_BATCH);
        loop {
            tokio::select! {
                n = settled.recv_many(&mut batch, SETTLE_BATCH) => {
                    if n == 0 {
                        return Ok(());
                    }
                }
                () = stopped(&mut stop) => break,
            }
            self.write(&mut batch, &mut stop).await;
        }
        self.finish(&mut settled, &mut stop).await;
        Ok(())
    }

    /// Writes what is in hand, until nothing is or time is up; what remains is pending in the store.
    async fn finish(
        &self,
        settled: &mut mpsc::Receiver<Settled>,
        stop: &mut watch::Receiver<bool>,
    ) {
        let end = Instant::now() + SHUTDOWN_EXTRA;
        let mut batch = Vec::with_capacity(SETTLE_BATCH);
        while !self.held.is_empty() {
            match tokio::time::timeout_at(end, settled.recv_many(&mut batch, SETTLE_BATCH)).await {
                Ok(n) if n > 0 => self.write(&mut batch, stop).await,
                _ => break,
            }
        }
        if !self.held.is_empty() {
            tracing::warn!(
                events = self.held.len(),
                "events are left pending; the next start releases them"
            );
        }
    }

    /// The threads end when the way in and this are gone.
    fn start_thread(&self, n: usize, out: mpsc::Sender<Settled>) -> std::io::Result<()> {
        let jobs = Arc::clone(&self.jobs);
        let counters = Arc::clone(&self.counters);
        std::thread::Builder::new()
            .name(format!("conditions-{n}"))
            .stack_size(EVALUATOR_STACK_BYTES)
            .spawn(move || {
                loop {
                    // One thread waits for the queue, the others for the lock; none waits while it evaluates.
                    let Some(job) = jobs.lock().blocking_recv() else {
                        return;
                    };
                    if out.blocking_send(evaluate(job, &counters)).is_err() {
                        return;
                    }
                }
            })
            .map(drop)
    }

    /// Writes a batch, again and again while the store is away; gives up only at a stop that takes too long.
    async fn write(&self, batch: &mut Vec<Settled>, stop: &mut watch::Receiver<bool>) {
        let all: Vec<Settlement> = batch
            .iter_mut()
            .flat_map(|s| std::mem::take(&mut s.settlements))
            .collect();
        if self.write_all(&all, stop).await {
            self.wake.notify_one();
        }
        batch.clear();
    }

    async fn write_all(&self, all: &[Settlement], stop: &mut watch::Receiver<bool>) -> bool {
        let mut give_up = stop.borrow().then(|| Instant::now() + SHUTDOWN_EXTRA);
        match self.settle(all, stop, &mut give_up).await {
            Ok(()) => true,
            Err(StoreError::Unavailable(_)) => false,
            Err(e) => self.write_each(all, &e, stop, &mut give_up).await,
        }
    }

    /// One event that the store cannot take must not hold up the others.
    async fn write_each(
        &self,
        all: &[Settlement],
        error: &StoreError,
        stop: &mut watch::Receiver<bool>,
        give_up: &mut Option<Instant>,
    ) -> bool {
        tracing::warn!(%error, events = all.len(), "a batch of events was refused; trying them one by one");
        for one in all {
            match self.settle(std::slice::from_ref(one), stop, give_up).await {
                Ok(()) => {}
                // Those before it may have been written.
                Err(StoreError::Unavailable(_)) => return true,
                Err(e) => {
                    tracing::error!(error = %e, event = one.event_id(), "an event could not be settled");
                }
            }
        }
        true
    }

    /// Writes some, again and again while the store is away; `Unavailable` only where a stop takes too long by that,
    /// which `give_up` says.
    async fn settle(
        &self,
        some: &[Settlement],
        stop: &mut watch::Receiver<bool>,
        give_up: &mut Option<Instant>,
    ) -> Result<(), StoreError> {
        let mut backoff = FIRST_BACKOFF;
        loop {
            let error = match self.store.settle(some, self.clock.now()).await {
                Ok(()) => {
                    self.count(some);
                    return Ok(());
                }
                Err(e @ StoreError::Unavailable(_)) => e,
                Err(e) => return Err(e),
            };
            tracing::warn!(%error, events = some.len(), "settling events failed");
            self.counters.settle_retries.add(1);
            if give_up.is_some_and(|at| Instant::now() >= at) {
                return Err(error);
            }
            tokio::select! {
                () = tokio::time::sleep(backoff) => {}
                () = stopped(stop), if give_up.is_none() => {
                    *give_up = Some(Instant::now() + SHUTDOWN_EXTRA);
                }
            }
            backoff = (backoff * 2).min(LONGEST_BACKOFF);
        }
    }

    fn count(&self, settlements: &[Settlement]) {
        for s in settlements {
            let counter = match s {
                Settlement::Release { .. } => &self.counters.released,
                Settlement::Drop { .. } => &self.counters.dropped,
                Settlement::Unresolved { .. } => &self.counters.unresolved,
            };
            counter.add(1);
        }
    }
}

/// Comes back when a stop is wanted, or nobody is left who could want one.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|s| *s).await;
}

fn evaluate(job: Job, counters: &EventCounters) -> Settled {
    let Job {
        exchange: mut pending,
        captured,
        room,
    } = job;
    let exchange = Exchange {
        account_id: &pending.account_id,
        route: &pending.route,
        facts: &mut pending.facts,
        request_form: pending.request_form,
        response_form: pending.response_form,
        resource_id: pending.resource_id.as_deref(),
        repeatable: pending.repeatable.as_ref(),
    };
    let events = pending.events.iter().map(|(id, r)| (id.as_str(), &**r));
    let decided = settlement::decide(exchange, events, &captured);
    counters.condition_errors.add(decided.condition_errors);
    counters.shape_errors.add(decided.shape_errors);
    Settled {
        settlements: decided.settlements,
        _grip: pending.grip,
        _room: room,
    }
}
