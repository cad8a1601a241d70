//! The worker that makes deliveries: claims what is due, signs, sends, notes what came of it; never decides when again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::counters::DeliveryCounters;
use super::envelope;
use super::model::{Attempt, ClaimedDelivery, Outcome, OutgoingRequest, Reply};
use super::port::{EventStore, WebhookTransport};
use super::schedule;
use super::settings::{Settings, SharedSettings};
use super::sign::{self, SigningKey};
use crate::base::ceilings::{
    CLAIM_MARGIN, DELIVERIES_IN_FLIGHT, DELIVERY_POLL, DELIVERY_POLL_FLOOR,
};
use crate::base::clock::{Clock, Timestamp};
use crate::base::error::StoreError;

/// First wait before a result that the store did not take is written again.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);

/// Makes deliveries; one for each node.
pub struct Worker {
    store: Arc<dyn EventStore>,
    transport: Arc<dyn WebhookTransport>,
    settings: SharedSettings,
    clock: Clock,
    wake: Arc<Notify>,
    counters: Arc<DeliveryCounters>,
}

impl Worker {
    /// A worker that looks at the store when `wake` is notified, when the next delivery is due and now and then.
    pub fn new(
        store: Arc<dyn EventStore>,
        transport: Arc<dyn WebhookTransport>,
        settings: SharedSettings,
        clock: Clock,
        wake: Arc<Notify>,
    ) -> Self {
        Self {
            store,
            transport,
            settings,
            clock,
            wake,
            counters: Arc::new(DeliveryCounters::default()),
        }
    }

    /// What this node counts.
    pub fn counters(&self) -> &Arc<DeliveryCounters> {
        &self.counters
    }

    /// Makes deliveries until `stop` says true; then waits for attempts under way, no longer than one may take.
    /// What is cut off is made again when its claim has run out.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut under_way = JoinSet::new();
        while !*stop.borrow() {
            let room = DELIVERIES_IN_FLIGHT.saturating_sub(under_way.len());
            let (claimed, failed) = match self.claim(room).await {
                Ok(claimed) => (claimed, false),
                Err(error) => {
                    // The store says itself that it is away, and this comes every second.
                    tracing::debug!(%error, "deliveries wait for the store");
                    (Vec::new(), true)
                }
            };
            let was_full = !failed && claimed.len() == room;
            for delivery in claimed {
                under_way.spawn(Arc::clone(&self).attempt(delivery));
            }
            let is_full = under_way.len() >= DELIVERIES_IN_FLIGHT;
            if was_full && !is_full {
                continue;
            }
            let pause = if failed {
                DELIVERY_POLL
            } else {
                self.pause().await
            };
            tokio::select! {
                () = self.wake.notified(), if !is_full => {}
                () = tokio::time::sleep(pause), if !is_full => {}
                Some(_) = under_way.join_next() => {}
                _ = stop.wait_for(|s| *s) => break,
            }
            while under_way.try_join_next().is_some() {}
        }
        let end = Instant::now() + self.settings.load().timeout + CLAIM_MARGIN / 2;
        while let Ok(Some(_)) = tokio::time::timeout_at(end, under_way.join_next()).await {}
    }

    async fn claim(&self, room: usize) -> Result<Vec<ClaimedDelivery>, StoreError> {
        if room == 0 {
            return Ok(Vec::new());
        }
        let limit = u32::try_from(room).unwrap_or(u32::MAX);
        let now = self.clock.now();
        let until = now.plus(self.settings.load().timeout + CLAIM_MARGIN);
        self.store.claim_due(now, until, limit).await
    }

    /// Until the next delivery is due, within bounds.
    async fn pause(&self) -> Duration {
        match self.store.next_due().await {
            Ok(Some(at)) => at
                .since(self.clock.now())
                .clamp(DELIVERY_POLL_FLOOR, DELIVERY_POLL),
            _ => DELIVERY_POLL,
        }
    }

    async fn attempt(self: Arc<Self>, claimed: ClaimedDelivery) {
        let settings = self.settings.load_full();
        let at = self.clock.now();
        let due = claimed.delivery.next_attempt_at.unwrap_or(at);
        self.counters.attempts.add(1);
        self.counters
            .delay_ms
            .add(u64::try_from(at.since(due).as_millis()).unwrap_or(u64::MAX));
        let began = Instant::now();
        let result = match request(&claimed, &settings, self.clock.own()) {
            Ok(request) => self.send(&request).await,
            Err(error) => Err(error),
        };
        let latency = began.elapsed();
        let outcome = schedule::next(
            result.as_ref().map_err(String::as_str),
            claimed.delivery.attempts,
            &settings.retry_delays,
            self.clock.now(),
            fastrand::f64(),
        );
        let attempt = attempt_of(at, latency, result);
        self.complete(&claimed, &attempt, &outcome).await;
    }

    /// The transport keeps to the request's timeout; this only keeps a broken one from holding a place for ever.
    async fn send(&self, request: &OutgoingRequest) -> Result<Reply, String> {
        let limit = request.timeout + CLAIM_MARGIN / 2;
        tokio::time::timeout(limit, self.transport.send(request))
            .await
            .unwrap_or_else(|_| Err("no answer in time".to_owned()))
    }

    /// Writes the result, again and again until the claim runs out: then another attempt is made anyway.
    async fn complete(&self, claimed: &ClaimedDelivery, attempt: &Attempt, outcome: &Outcome) {
        let id = &claimed.delivery.id;
        let mut backoff = FIRST_BACKOFF;
        loop {
            let now = self.clock.now();
            match self
                .store
                .complete(id, &claimed.claim, attempt, outcome, now)
                .await
            {
                Ok(()) => return self.count(outcome),
                Err(e @ StoreError::Unavailable(_))
                    if now.plus(backoff) < claimed.claimed_until =>
                {
                    tracing::debug!(error = %e, delivery = id, "noting a delivery failed");
                }
                Err(e) => {
                    tracing::warn!(error = %e, delivery = id, "a delivery's result is lost; it is made again");
                    return self.counters.unrecorded.add(1);
                }
            }
            tokio::time::sleep(backoff).await;
            backoff *= 2;
        }
    }

    fn count(&self, outcome: &Outcome) {
        let counter = match outcome {
            Outcome::Succeeded => &self.counters.succeeded,
            Outcome::Retry(_) => &self.counters.retried,
            Outcome::Exhausted => &self.counters.exhausted,
            Outcome::DisableEndpoint(_) => &self.counters.endpoint_disabled,
        };
        counter.add(1);
    }
}

/// The request of an attempt at `now`: the body is the event's and the same each time, the signature is this attempt's.
fn request(
    claimed: &ClaimedDelivery,
    settings: &Settings,
    now: Timestamp,
) -> Result<OutgoingRequest, String> {
    let endpoint = &claimed.endpoint;
    let keys: Vec<SigningKey> = endpoint
        .secrets
        .iter()
        .filter(|s| s.valid_until.is_none_or(|t| t > now))
        .filter_map(|s| match settings.sealer.open(&endpoint.id, s) {
            Ok(secret) => SigningKey::new(&secret),
            Err(error) => {
                tracing::error!(%error, webhook = endpoint.id, "a webhook cannot be signed");
                None
            }
        })
        .collect();
    if keys.is_empty() {
        return Err("the gateway cannot read the webhook's secret".to_owned());
    }
    let body = envelope::body(&claimed.event);
    let id = &claimed.event.id;
    Ok(OutgoingRequest {
        url: endpoint.url.clone(),
        headers: sign::fields(&keys, id, now.secs(), &body),
        body,
        timeout: settings.timeout,
        pace: None,
    })
}

fn attempt_of(at: Timestamp, latency: Duration, result: Result<Reply, String>) -> Attempt {
    let latency_ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
    let (status, error, reply_excerpt) = match result {
        Ok(reply) => {
            let error = (!(200..300).contains(&reply.status))
                .then(|| format!("the receiver answered {}", reply.status));
            (Some(reply.status), error, Some(reply.excerpt))
        }
        Err(error) => (None, Some(error), None),
    };
    Attempt {
        at,
        status,
        latency_ms,
        error,
        reply_excerpt,
    }
}
