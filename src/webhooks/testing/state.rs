//! What the store in memory holds, and what is in line; never a call.

use std::collections::BTreeMap;

use crate::base::audit::Change;
use crate::base::clock::Timestamp;
use crate::base::ids;
use crate::webhooks::health::EndpointHealth;
use crate::webhooks::model::*;
use crate::webhooks::port::*;
use crate::webhooks::types;

#[derive(Default)]
pub(super) struct Claims {
    pub(super) claim: Option<(String, Timestamp)>,
    pub(super) attempts: Vec<Attempt>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) events: BTreeMap<String, Event>,
    pub(super) sequences: BTreeMap<String, u64>,
    pub(super) endpoints: BTreeMap<String, Endpoint>,
    pub(super) healths: BTreeMap<String, EndpointHealth>,
    pub(super) deliveries: BTreeMap<String, (Delivery, Claims)>,
    pub(super) actions: Vec<String>,
}

impl State {
    pub(super) fn note(&mut self, change: &Change) {
        self.actions.push(change.audit.action.clone());
    }

    pub(super) fn add_delivery(
        &mut self,
        event: &Event,
        endpoint: &Endpoint,
        now: Timestamp,
    ) -> Delivery {
        let delivery = Delivery {
            id: ids::new(ids::DELIVERY),
            event_id: event.id.clone(),
            endpoint_id: endpoint.id.clone(),
            account_id: event.account_id.clone(),
            event_type: event.event_type.clone(),
            state: DeliveryState::Pending,
            attempts: 0,
            next_attempt_at: Some(now),
            created_at: now,
            finished_at: None,
        };
        let row = (delivery.clone(), Claims::default());
        self.deliveries.insert(delivery.id.clone(), row);
        delivery
    }

    pub(super) fn health(&self, endpoint: &str) -> EndpointHealth {
        self.healths.get(endpoint).cloned().unwrap_or_default()
    }

    /// What may be taken now, for each endpoint.
    pub(super) fn in_line(&self, terms: &ClaimTerms) -> Vec<(String, Vec<String>)> {
        let now = terms.now;
        let active = self
            .endpoints
            .values()
            .filter(|e| e.status == EndpointStatus::Active);
        active
            .filter(|e| self.health(&e.id).hold_until.is_none_or(|t| t <= now))
            .map(|e| {
                let of = self
                    .deliveries
                    .values()
                    .filter(|(d, _)| d.endpoint_id == e.id);
                let (free, busy): (Vec<_>, Vec<_>) =
                    of.partition(|(_, c)| c.claim.as_ref().is_none_or(|(_, until)| *until <= now));
                let can = self.health(&e.id).concurrency(&terms.allowance) as usize;
                let due = free
                    .into_iter()
                    .filter(|(d, _)| d.next_attempt_at.is_some_and(|t| t <= now))
                    .map(|(d, _)| d.id.clone());
                let due = due.take(can.saturating_sub(busy.len())).collect();
                (e.id.clone(), due)
            })
            .collect()
    }

    pub(super) fn release(&mut self, id: &str, now: Timestamp) {
        let Some(mut event) = self.events.get(id).cloned() else {
            return;
        };
        let n = self.sequences.entry(event.account_id.clone()).or_default();
        *n += 1;
        event.sequence = Some(*n);
        event.state = EventState::Released;
        self.fan_out(&event, now);
        self.events.insert(event.id.clone(), event);
    }

    pub(super) fn fan_out(&mut self, event: &Event, now: Timestamp) {
        let wanting: Vec<Endpoint> = self
            .endpoints
            .values()
            .filter(|e| {
                e.account_id == event.account_id
                    && e.status != EndpointStatus::Disabled
                    && types::wants_any(&e.event_types, &event.event_type)
            })
            .cloned()
            .collect();
        for endpoint in wanting {
            self.add_delivery(event, &endpoint, now);
        }
    }
}
