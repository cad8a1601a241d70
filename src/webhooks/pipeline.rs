//! The way of an event from a response's header to the store: record, hold, release; conditions run on threads of their own.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, header};
use parking_lot::Mutex;
use percent_encoding::percent_decode_str;
use smallvec::SmallVec;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;

use super::counters::EventCounters;
use super::facts::{FactSources, Facts};
use super::identity::{self, Origin, Repeatable, RequestId};
use super::model::{Event, EventState};
use super::port::EventStore;
use super::rules::{RouteRules, Rule};
use super::settlement::{BodyForm, Captured};
use crate::base::ceilings::{RELEASE_BYTES, RELEASE_QUEUE, RELEASE_WAIT};
use crate::base::clock::Clock;
use crate::base::error::StoreError;
use crate::base::ids;

/// First wait before events that could not be recorded are tried again; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(20);

/// Ids of events whose exchange this process still has in hand, so that no sweep takes them for lost.
#[derive(Debug, Default)]
pub struct Held(Mutex<HashSet<String>>);

impl Held {
    /// Whether the event is in hand.
    pub fn has(&self, id: &str) -> bool {
        self.0.lock().contains(id)
    }

    /// How many are in hand.
    pub fn len(&self) -> usize {
        self.0.lock().len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Events of one exchange in hand; dropping it lets go of them.
#[derive(Debug)]
pub(super) struct Grip {
    held: Arc<Held>,
    ids: SmallVec<[String; 1]>,
}

impl Grip {
    fn new(held: &Arc<Held>, ids: impl Iterator<Item = String>) -> Self {
        let ids: SmallVec<[String; 1]> = ids.collect();
        held.0.lock().extend(ids.iter().cloned());
        Self {
            held: Arc::clone(held),
            ids,
        }
    }
}

impl Drop for Grip {
    fn drop(&mut self) {
        let mut held = self.held.0.lock();
        for id in &self.ids {
            held.remove(id);
        }
    }
}

/// An exchange whose response's header is about to go to the client.
#[derive(Debug, Clone, Copy)]
pub struct ExchangeMeta<'a> {
    /// The rules of its route, from the configuration that the request began with.
    pub rules: &'a RouteRules,
    /// Its request id.
    pub request_id: &'a str,
    /// Whether somebody else chose that id (a trusted proxy), so that other requests may have the same.
    pub is_foreign_id: bool,
    /// Everything that conditions may look at.
    pub facts: FactSources<'a>,
}

/// Events that are recorded as pending and wait for the end of their exchange. Dropped without [`Events::release`],
/// they stay pending and the sweeper settles them.
#[derive(Debug)]
pub struct PendingExchange {
    pub(super) account_id: String,
    pub(super) route: String,
    pub(super) facts: Facts,
    pub(super) request_form: BodyForm,
    pub(super) response_form: BodyForm,
    pub(super) resource_id: Option<String>,
    pub(super) repeatable: Option<Repeatable>,
    pub(super) events: SmallVec<[(String, Arc<Rule>); 1]>,
    pub(super) grip: Grip,
}

impl PendingExchange {
    /// How many events wait.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether none does; such an exchange needs no release.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Says that its request had an Idempotency-Key and went through whole, before it is released.
    pub fn repeatable(&mut self, request: Repeatable) {
        self.repeatable = Some(request);
    }
}

/// An exchange on its way to the threads that evaluate conditions.
pub(super) struct Job {
    pub(super) exchange: PendingExchange,
    pub(super) captured: Captured,
    pub(super) room: OwnedSemaphorePermit,
}

/// The way in for the proxy. Cheap to share.
pub struct Events {
    store: Arc<dyn EventStore>,
    clock: Clock,
    queue: mpsc::Sender<Job>,
    room: Arc<Semaphore>,
    held: Arc<Held>,
    counters: Arc<EventCounters>,
}

impl Events {
    /// Makes the pipeline's two ends; the receiving one belongs to [`super::settler::Settler`].
    pub(super) fn new(
        store: Arc<dyn EventStore>,
        clock: Clock,
        counters: Arc<EventCounters>,
    ) -> (Self, mpsc::Receiver<Job>) {
        let (queue, jobs) = mpsc::channel(RELEASE_QUEUE);
        let events = Self {
            store,
            clock,
            queue,
            room: Arc::new(Semaphore::new(RELEASE_BYTES)),
            held: Arc::new(Held::default()),
            counters,
        };
        (events, jobs)
    }

    /// Whether events can be recorded now. Where not, a request that could make one is refused before it is forwarded.
    pub fn is_healthy(&self) -> bool {
        self.store.is_healthy()
    }

    /// What this node counts.
    pub fn counters(&self) -> &Arc<EventCounters> {
        &self.counters
    }

    /// Events in hand.
    pub fn held(&self) -> &Arc<Held> {
        &self.held
    }

    /// Records an event for each rule that the response can fire; durable when it returns. Call it before the
    /// response's header goes to the client, and once for each exchange. Empty where no rule fires. A store that
    /// fails is tried again for at most `patience`, with the same ids: a write that succeeded unseen is not doubled.
    ///
    /// # Errors
    /// The store did not take them: the client must not see the 2xx.
    pub async fn record(
        &self,
        meta: ExchangeMeta<'_>,
        patience: Duration,
    ) -> Result<PendingExchange, StoreError> {
        let source = meta.facts;
        let facts = Facts::new(source);
        let candidates: SmallVec<[Arc<Rule>; 1]> =
            meta.rules.candidates(source.status).cloned().collect();
        let (facts, candidates) = self.without_the_false(facts, candidates).await;
        let resource_id = resource_id(&source);
        let nonce = meta.is_foreign_id.then(|| ids::new(""));
        let request = RequestId {
            id: meta.request_id,
            nonce: nonce.as_deref(),
        };
        let events: SmallVec<[Event; 1]> = candidates
            .iter()
            .map(|rule| self.pending(&source, request, rule, resource_id.clone()))
            .collect();
        let grip = Grip::new(&self.held, events.iter().map(|e| e.id.clone()));
        if !events.is_empty() {
            self.write(&events, patience)
                .await
                .inspect_err(|_| self.counters.record_failures.add(1))?;
            self.counters.recorded.add(events.len() as u64);
        }
        Ok(PendingExchange {
            account_id: source.account_id.to_owned(),
            route: source.route.to_owned(),
            facts,
            request_form: BodyForm::of(source.request_headers),
            response_form: BodyForm::of(source.response_headers),
            resource_id,
            repeatable: None,
            events: events.into_iter().map(|e| e.id).zip(candidates).collect(),
            grip,
        })
    }

    async fn write(&self, events: &[Event], patience: Duration) -> Result<(), StoreError> {
        let end = Instant::now() + patience;
        let mut wait = FIRST_WAIT;
        loop {
            match self.store.record_pending(events).await {
                Err(StoreError::Unavailable(_)) if Instant::now() + wait < end => {}
                result => return result,
            }
            tokio::time::sleep(wait).await;
            wait = wait.saturating_mul(2);
        }
    }

    /// Drops candidates whose condition is false already: those that look at no body have their answer now.
    async fn without_the_false(
        &self,
        facts: Facts,
        candidates: SmallVec<[Arc<Rule>; 1]>,
    ) -> (Facts, SmallVec<[Arc<Rule>; 1]>) {
        let is_ready = |r: &Rule| r.condition().is_some_and(|c| !c.needs_body());
        if !candidates.iter().any(|r| is_ready(r)) {
            return (facts, candidates);
        }
        let counters = Arc::clone(&self.counters);
        let (kept_facts, kept) = (facts.clone(), candidates.clone());
        let judged = tokio::task::spawn_blocking(move || {
            let mut left = candidates;
            left.retain(|rule| match rule.condition().filter(|c| !c.needs_body()) {
                None => true,
                Some(c) => c.holds(&facts).unwrap_or_else(|why| {
                    counters.condition_errors.add(1);
                    tracing::debug!(event_type = %rule.event_type, why, "a condition failed");
                    false
                }),
            });
            (facts, left)
        })
        .await;
        // Only a runtime that shuts down ends the task early: then rather an event too many than one too few.
        judged.unwrap_or((kept_facts, kept))
    }

    fn pending(
        &self,
        source: &FactSources<'_>,
        request: RequestId<'_>,
        rule: &Rule,
        resource_id: Option<String>,
    ) -> Event {
        let origin = Origin {
            account_id: source.account_id,
            route: source.route,
            rule,
        };
        Event {
            id: identity::recorded(origin, request),
            account_id: source.account_id.to_owned(),
            event_type: rule.event_type.to_string(),
            occurred_at: self.clock.now(),
            state: EventState::Pending,
            sequence: None,
            data: None,
            truncated: false,
            request_id: Some(request.id.to_owned()),
            route: Some(source.route.to_owned()),
            method: Some(source.method.to_string()),
            status: Some(source.status),
            resource_id,
            conditional: rule.is_conditional(),
        }
    }

    /// Hands an exchange that has ended to the threads that evaluate conditions. Waits a bounded time for room;
    /// without it the events stay pending and the sweeper settles them.
    pub async fn release(&self, exchange: PendingExchange, captured: Captured) {
        if exchange.is_empty() {
            return;
        }
        let events = exchange.len();
        let bytes = captured.request.bytes.len() + captured.response.bytes.len() * events;
        let room = u32::try_from(bytes.clamp(1, RELEASE_BYTES)).unwrap_or(u32::MAX);
        let hand_over = async {
            let room = Arc::clone(&self.room).acquire_many_owned(room).await.ok()?;
            let job = Job {
                exchange,
                captured,
                room,
            };
            self.queue.send(job).await.ok()
        };
        if !matches!(
            tokio::time::timeout(RELEASE_WAIT, hand_over).await,
            Ok(Some(()))
        ) {
            self.counters.deferred.add(events as u64);
        }
    }
}

/// The resource's id as far as path and Location tell it: a creation names it in Location (RFC 9110 section
/// 10.2.2), anything else in the path's last parameter.
pub(super) fn resource_id(source: &FactSources<'_>) -> Option<String> {
    let located = || {
        let location = source
            .response_headers
            .get(header::LOCATION)?
            .to_str()
            .ok()?;
        let path = location.split(['?', '#']).next()?;
        let last = path.rsplit('/').find(|s| !s.is_empty())?;
        Some(percent_decode_str(last).decode_utf8().ok()?.into_owned())
    };
    let in_path = || source.params.last().map(|(_, v)| v.clone());
    if source.status != 201 {
        return in_path().or_else(located);
    }
    // The parameter of a creation is often its parent's: it only counts where the path ends with it.
    let ends_with_parameter = source.route.ends_with('}') && *source.method != Method::POST;
    located().or_else(|| ends_with_parameter.then(in_path).flatten())
}

#[cfg(test)]
#[path = "pipeline_tests.rs"]
mod tests;
