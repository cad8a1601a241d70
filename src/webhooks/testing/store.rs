//! An event store in memory for tests, with failures on demand; never part of the product.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use parking_lot::Mutex;

use super::state::{Claims, State};
use crate::base::audit::Change;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::page::{Page, PageRequest};
use crate::webhooks::health::{Effect, EndpointHealth};
use crate::webhooks::model::*;
use crate::webhooks::port::*;
use crate::webhooks::share::{Candidate, Turns};

/// The store.
#[derive(Default)]
pub(crate) struct MemoryStore {
    state: Mutex<State>,
    is_down: AtomicBool,
    refused: Mutex<HashSet<String>>,
    falls: AtomicBool,
    claims: AtomicU64,
}

impl MemoryStore {
    pub(crate) fn set_down(&self, down: bool) {
        self.is_down.store(down, Ordering::SeqCst);
    }

    /// Never settles this event, nor what is to be settled along with it.
    pub(crate) fn refuse(&self, event_id: &str) {
        self.refused.lock().insert(event_id.to_owned());
    }

    /// Is down after the next refusal.
    pub(crate) fn fall_with_a_refusal(&self) {
        self.falls.store(true, Ordering::SeqCst);
    }

    fn open(&self) -> Result<parking_lot::MutexGuard<'_, State>, StoreError> {
        if self.is_down.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("down".to_owned()));
        }
        Ok(self.state.lock())
    }

    pub(crate) fn all_events(&self) -> Vec<Event> {
        self.state.lock().events.values().cloned().collect()
    }

    pub(crate) fn all_deliveries(&self) -> Vec<(Delivery, Vec<Attempt>)> {
        let state = self.state.lock();
        let found = state.deliveries.values();
        found
            .map(|(d, c)| (d.clone(), c.attempts.clone()))
            .collect()
    }

    pub(crate) fn actions(&self) -> Vec<String> {
        self.state.lock().actions.clone()
    }
}

fn page<T>(mut items: Vec<T>, page: &PageRequest, id: impl Fn(&T) -> &str) -> Page<T> {
    items.reverse();
    if let Some(after) = &page.after {
        items.retain(|i| id(i) < after.as_str());
    }
    let more = items.len() > page.limit as usize;
    items.truncate(page.limit as usize);
    let next = more
        .then(|| items.last().map(|i| id(i).to_owned()))
        .flatten();
    Page { items, next }
}

#[async_trait]
impl EventStore for MemoryStore {
    fn is_healthy(&self) -> bool {
        !self.is_down.load(Ordering::SeqCst)
    }

    async fn record_pending(&self, events: &[Event]) -> Result<(), StoreError> {
        let mut s = self.open()?;
        for e in events {
            s.events.entry(e.id.clone()).or_insert_with(|| e.clone());
        }
        Ok(())
    }

    async fn settle(&self, settlements: &[Settlement], now: Timestamp) -> Result<(), StoreError> {
        let mut s = self.open()?;
        let refused = self.refused.lock();
        if settlements.iter().any(|s| refused.contains(s.event_id())) {
            if self.falls.swap(false, Ordering::SeqCst) {
                self.set_down(true);
            }
            return Err(StoreError::Corrupt("refused".to_owned()));
        }
        for settlement in settlements {
            let id = settlement.event_id().to_owned();
            let Some(event) = s.events.get_mut(&id) else {
                continue;
            };
            if event.state != EventState::Pending {
                continue;
            }
            match settlement {
                Settlement::Release {
                    data,
                    truncated,
                    resource_id,
                    released_id,
                    ..
                } => {
                    event.data = Some(data.clone());
                    event.truncated = *truncated;
                    if resource_id.is_some() {
                        event.resource_id.clone_from(resource_id);
                    }
                    let last = released_id.as_ref().unwrap_or(&id);
                    if let Some(mut event) = s.events.remove(&id)
                        && !s.events.contains_key(last)
                    {
                        event.id.clone_from(last);
                        s.events.insert(last.clone(), event);
                        s.release(last, now);
                    }
                }
                Settlement::Drop { .. } => {
                    s.events.remove(&id);
                }
                Settlement::Unresolved { .. } => event.state = EventState::Unresolved,
            }
        }
        Ok(())
    }

    async fn stale_pending(&self, before: Timestamp, limit: u32) -> Result<Vec<Event>, StoreError> {
        let s = self.open()?;
        let stale = s
            .events
            .values()
            .filter(|e| e.state == EventState::Pending && e.occurred_at < before);
        Ok(stale.take(limit as usize).cloned().collect())
    }

    async fn publish(
        &self,
        event: &Event,
        now: Timestamp,
        change: &Change,
    ) -> Result<Event, StoreError> {
        let mut s = self.open()?;
        if let Some(there) = s.events.get(&event.id) {
            if there.account_id != event.account_id {
                return Err(StoreError::Conflict("another account's".to_owned()));
            }
            return Ok(there.clone());
        }
        s.events.insert(event.id.clone(), event.clone());
        s.release(&event.id, now);
        s.note(change);
        Ok(s.events[&event.id].clone())
    }

    async fn replay(
        &self,
        event_id: &str,
        data: &str,
        now: Timestamp,
        change: &Change,
    ) -> Result<Event, StoreError> {
        let mut s = self.open()?;
        let event = s.events.get_mut(event_id).ok_or(StoreError::NotFound)?;
        match event.state {
            EventState::Released => {
                let event = event.clone();
                s.fan_out(&event, now);
            }
            EventState::Unresolved => {
                event.data = Some(data.to_owned());
                event.truncated = true;
                s.release(event_id, now);
            }
            EventState::Pending => return Err(StoreError::Conflict("pending".to_owned())),
        }
        s.note(change);
        Ok(s.events[event_id].clone())
    }

    async fn event(&self, id: &str) -> Result<Option<Event>, StoreError> {
        Ok(self.open()?.events.get(id).cloned())
    }

    async fn events(&self, f: &EventFilter, p: &PageRequest) -> Result<Page<Event>, StoreError> {
        let s = self.open()?;
        let found = s.events.values().filter(|e| {
            f.account_id.as_ref().is_none_or(|a| *a == e.account_id)
                && f.event_type.as_ref().is_none_or(|t| *t == e.event_type)
                && f.state.is_none_or(|s| s == e.state)
        });
        Ok(page(found.cloned().collect(), p, |e| &e.id))
    }

    async fn create_endpoint(
        &self,
        endpoint: &Endpoint,
        max: usize,
        change: &Change,
    ) -> Result<(), StoreError> {
        let mut s = self.open()?;
        let own = |e: &&Endpoint| e.account_id == endpoint.account_id;
        if s.endpoints.values().filter(own).count() >= max {
            return Err(StoreError::Conflict("too many".to_owned()));
        }
        s.endpoints.insert(endpoint.id.clone(), endpoint.clone());
        s.note(change);
        Ok(())
    }

    async fn update_endpoint(
        &self,
        endpoint: &Endpoint,
        change: &Change,
    ) -> Result<(), StoreError> {
        let mut s = self.open()?;
        let there = s.endpoints.get(&endpoint.id).ok_or(StoreError::NotFound)?;
        if there.revision + 1 != endpoint.revision {
            return Err(StoreError::Conflict("revision".to_owned()));
        }
        s.endpoints.insert(endpoint.id.clone(), endpoint.clone());
        s.note(change);
        Ok(())
    }

    async fn delete_endpoint(
        &self,
        id: &str,
        now: Timestamp,
        change: &Change,
    ) -> Result<bool, StoreError> {
        let mut s = self.open()?;
        s.endpoints.remove(id).ok_or(StoreError::NotFound)?;
        s.healths.remove(id);
        for (d, _) in s.deliveries.values_mut() {
            if d.endpoint_id == id && d.state == DeliveryState::Pending {
                d.state = DeliveryState::Cancelled;
                d.next_attempt_at = None;
                d.finished_at = Some(now);
            }
        }
        s.note(change);
        Ok(false)
    }

    async fn endpoint(&self, id: &str) -> Result<Option<Endpoint>, StoreError> {
        Ok(self.open()?.endpoints.get(id).cloned())
    }

    async fn endpoints(
        &self,
        account_id: Option<&str>,
        p: &PageRequest,
    ) -> Result<Page<Endpoint>, StoreError> {
        let s = self.open()?;
        let found = s.endpoints.values();
        let found = found.filter(|e| account_id.is_none_or(|a| a == e.account_id));
        Ok(page(found.cloned().collect(), p, |e| &e.id))
    }

    async fn deliver_to(
        &self,
        event: &Event,
        endpoint_id: &str,
        now: Timestamp,
        change: &Change,
    ) -> Result<Delivery, StoreError> {
        let mut s = self.open()?;
        let endpoint = s
            .endpoints
            .get(endpoint_id)
            .cloned()
            .ok_or(StoreError::NotFound)?;
        let mut event = event.clone();
        let n = s.sequences.entry(event.account_id.clone()).or_default();
        *n += 1;
        event.sequence = Some(*n);
        let delivery = s.add_delivery(&event, &endpoint, now);
        s.events.insert(event.id.clone(), event);
        s.note(change);
        Ok(delivery)
    }

    async fn claim_due(&self, terms: &ClaimTerms) -> Result<Vec<ClaimedDelivery>, StoreError> {
        let mut s = self.open()?;
        let now = terms.now;
        let due: Vec<(String, Vec<String>)> = s.in_line(terms);
        let candidates: Vec<Candidate<'_>> = due
            .iter()
            .map(|(endpoint, _)| Candidate {
                account: &s.endpoints[endpoint].account_id,
                is_suspect: s.health(endpoint).is_suspect(),
            })
            .collect();
        let mut turns = Turns::new(&candidates, &terms.room);
        let mut next = vec![0; due.len()];
        let mut taken = Vec::new();
        let done: Result<(), std::convert::Infallible> = turns.go(|i| {
            let id = due[i].1.get(next[i]);
            taken.extend(id.cloned());
            next[i] += 1;
            Ok(id.is_some())
        });
        done.unwrap();
        let mut claimed = Vec::new();
        for id in taken {
            let n = self.claims.fetch_add(1, Ordering::SeqCst);
            let url = &s.endpoints[&s.deliveries[&id].0.endpoint_id].url;
            let claim = format!("c{n} {url}");
            let (d, c) = s.deliveries.get_mut(&id).unwrap();
            c.claim = Some((claim.clone(), terms.until));
            let delivery = d.clone();
            let health = s.health(&delivery.endpoint_id);
            let hold_until = health.hold_after(1, &terms.allowance, now);
            let held = EndpointHealth {
                hold_until,
                ..health.clone()
            };
            s.healths.insert(delivery.endpoint_id.clone(), held);
            claimed.push(ClaimedDelivery {
                claim,
                claimed_until: terms.until,
                event: s.events[&delivery.event_id].clone(),
                endpoint: s.endpoints[&delivery.endpoint_id].clone(),
                health,
                delivery,
            });
        }
        Ok(claimed)
    }

    async fn complete(
        &self,
        delivery_id: &str,
        claim: &str,
        attempt: &Attempt,
        outcome: &Outcome,
        effect: &Effect,
        now: Timestamp,
    ) -> Result<Completed, StoreError> {
        let mut guard = self.open()?;
        let s = &mut *guard;
        let Some((d, c)) = s.deliveries.get_mut(delivery_id) else {
            return Ok(Completed::Lost);
        };
        if c.claim.as_ref().is_none_or(|(mine, _)| mine != claim) {
            return Ok(Completed::Lost);
        }
        let asked = claim.split_once(' ').map(|(_, url)| url);
        let there = s.endpoints.get(&d.endpoint_id).map(|e| e.url.as_str());
        let (again, nothing) = (Outcome::Retry(now), Effect::None);
        let (outcome, effect) = match outcome {
            _ if there.is_none() || there == asked => (outcome, effect),
            Outcome::DisableEndpoint(_) => (&again, &nothing),
            _ => (outcome, &nothing),
        };
        c.claim = None;
        c.attempts.push(attempt.clone());
        d.attempts += 1;
        d.next_attempt_at = None;
        d.finished_at = Some(now);
        match outcome {
            Outcome::Succeeded => d.state = DeliveryState::Succeeded,
            Outcome::Exhausted => d.state = DeliveryState::Failed,
            Outcome::Retry(at) => {
                d.next_attempt_at = Some(*at);
                d.finished_at = None;
            }
            Outcome::DisableEndpoint(_) => d.state = DeliveryState::Failed,
        }
        let endpoint = d.endpoint_id.clone();
        let health = s.health(&endpoint).after(effect, now);
        let reason = match outcome {
            Outcome::DisableEndpoint(reason) => Some(reason.as_str()),
            _ => health.disabled_by(effect),
        };
        s.healths.insert(endpoint.clone(), health);
        if let (Some(reason), Some(e)) = (reason, s.endpoints.get_mut(&endpoint)) {
            e.status = EndpointStatus::Disabled;
            e.disabled_reason = Some(reason.to_owned());
            e.revision += 1;
            return Ok(Completed::Disabled);
        }
        Ok(Completed::Noted)
    }

    async fn endpoint_health(
        &self,
        endpoints: &[Endpoint],
    ) -> Result<Vec<EndpointHealth>, StoreError> {
        let s = self.open()?;
        Ok(endpoints.iter().map(|e| s.health(&e.id)).collect())
    }

    async fn retry_delivery(
        &self,
        id: &str,
        now: Timestamp,
        change: &Change,
    ) -> Result<Delivery, StoreError> {
        let mut s = self.open()?;
        let (d, c) = s.deliveries.get_mut(id).ok_or(StoreError::NotFound)?;
        d.state = DeliveryState::Pending;
        d.attempts = 0;
        d.next_attempt_at = Some(now);
        d.finished_at = None;
        c.claim = None;
        let delivery = d.clone();
        s.note(change);
        Ok(delivery)
    }

    async fn delivery(&self, id: &str) -> Result<Option<(Delivery, Vec<Attempt>)>, StoreError> {
        let s = self.open()?;
        let found = s.deliveries.get(id);
        Ok(found.map(|(d, c)| (d.clone(), c.attempts.clone())))
    }

    async fn deliveries(
        &self,
        f: &DeliveryFilter,
        p: &PageRequest,
    ) -> Result<Page<(Delivery, Vec<Attempt>)>, StoreError> {
        let all = self.open().map(drop).map(|()| self.all_deliveries())?;
        let found = all.into_iter().filter(|(d, _)| {
            f.endpoint_id.as_ref().is_none_or(|e| *e == d.endpoint_id)
                && f.event_id.as_ref().is_none_or(|e| *e == d.event_id)
                && f.state.is_none_or(|s| s == d.state)
        });
        Ok(page(found.collect(), p, |(d, _)| &d.id))
    }

    async fn next_due(&self, _: bool) -> Result<Option<Timestamp>, StoreError> {
        let s = self.open()?;
        let due = |(d, c): &(Delivery, Claims)| {
            let active = s.endpoints.get(&d.endpoint_id)?.status == EndpointStatus::Active;
            let due = d.next_attempt_at.filter(|_| active)?;
            Some(c.claim.as_ref().map_or(due, |(_, until)| due.max(*until)))
        };
        Ok(s.deliveries.values().filter_map(due).min())
    }

    async fn queue_stats(&self) -> Result<QueueStats, StoreError> {
        Ok(QueueStats::default())
    }

    async fn prune_events(&self, _: Timestamp, _: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }
}
