//! The worker that makes deliveries: claims what is due, signs, sends, notes what came of it; never decides when again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::counters::DeliveryCounters;
use super::envelope;
use super::health::{self, Effect};
use super::model::{
    Attempt, ClaimedDelivery, Completed, HeaderField, Outcome, OutgoingRequest, Reply,
};
use super::places::{Place, Places};
use super::port::{ClaimTerms, EventStore, WebhookTransport};
use super::schedule;
use super::settings::{Settings, SharedSettings};
use super::share::Room;
use super::sign::{self, SigningKey};
use crate::base::ceilings::{
    CLAIM_BEGIN, CLAIM_MARGIN, DELIVERY_POLL, DELIVERY_POLL_FLOOR, WEBHOOK_REPLY_FIELDS_LOGGED,
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
    places: Arc<Places>,
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
            places: Arc::new(Places::default()),
        }
    }

    /// What this node counts.
    pub fn counters(&self) -> &Arc<DeliveryCounters> {
        &self.counters
    }

    /// How many attempts are under way on this node.
    pub fn attempts_under_way(&self) -> usize {
        self.places.taken()
    }

    /// Makes deliveries until `stop` says true; then waits for attempts under way, no longer than one may take.
    /// What is cut off is made again when its claim has run out.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut under_way = JoinSet::new();
        while !*stop.borrow() {
            while under_way.try_join_next().is_some() {}
            let room = self.places.room();
            let (all, suspects) = (room.all, room.suspects);
            let asked = Instant::now();
            let claimed = match self.claim(room).await {
                Ok(claimed) => claimed,
                Err(error) => {
                    // The store says itself that it is away, and this comes every second.
                    tracing::debug!(%error, "deliveries wait for the store");
                    tokio::select! {
                        () = tokio::time::sleep(DELIVERY_POLL) => continue,
                        _ = stop.wait_for(|s| *s) => break,
                    }
                }
            };
            let was_full = claimed.len() >= all as usize;
            for delivery in claimed {
                let place = self.places.take(&delivery);
                under_way.spawn(Arc::clone(&self).attempt(delivery, place, asked));
            }
            let room = self.places.room();
            if was_full && room.all > 0 {
                continue;
            }
            let is_full = room.all == 0;
            let pause = self.pause(suspects > 0 && room.suspects > 0).await;
            tokio::select! {
                () = self.wake.notified(), if !is_full => {}
                () = tokio::time::sleep(pause), if !is_full => {}
                Some(_) = under_way.join_next() => {}
                _ = stop.wait_for(|s| *s) => break,
            }
        }
        let end = Instant::now() + self.settings.load().timeout + CLAIM_MARGIN / 2;
        while let Ok(Some(_)) = tokio::time::timeout_at(end, under_way.join_next()).await {}
    }

    async fn claim(&self, room: Room) -> Result<Vec<ClaimedDelivery>, StoreError> {
        if room.all == 0 {
            return Ok(Vec::new());
        }
        let now = self.clock.now();
        let settings = self.settings.load();
        let terms = ClaimTerms {
            now,
            until: now.plus(settings.timeout + CLAIM_MARGIN),
            room,
            allowance: settings.allowance,
        };
        drop(settings);
        self.store.claim_due(&terms).await
    }

    /// Until the next delivery is due, within bounds.
    async fn pause(&self, with_suspects: bool) -> Duration {
        match self.store.next_due(with_suspects).await {
            Ok(Some(at)) => at
                .since(self.clock.now())
                .clamp(DELIVERY_POLL_FLOOR, DELIVERY_POLL),
            _ => DELIVERY_POLL,
        }
    }

    /// One attempt, with its place, of a claim that was asked for at `asked`.
    async fn attempt(self: Arc<Self>, claimed: ClaimedDelivery, place: Place, asked: Instant) {
        if asked.elapsed() > CLAIM_BEGIN {
            tracing::debug!(
                delivery = claimed.delivery.id,
                "it took too long to begin an attempt; it is made when its claim has run out"
            );
            return self.counters.late.add(1);
        }
        let settings = self.settings.load_full();
        let at = self.clock.now();
        let due = claimed.delivery.next_attempt_at.unwrap_or(at);
        let began = Instant::now();
        let request = request(&claimed, &settings, self.clock.own());
        let was_asked = request.is_ok();
        let result = match request {
            Ok(request) => self.send(&request).await,
            Err(error) => Err(error),
        };
        let latency = began.elapsed();
        self.counters.attempted(at.since(due), latency);
        let (reply, now) = (result.as_ref().map_err(String::as_str), self.clock.now());
        let outcome = schedule::next(
            reply,
            claimed.delivery.attempts,
            &settings.retry_delays,
            now,
            fastrand::f64(),
        );
        // That this gateway cannot sign says nothing of the receiver.
        let effect = if was_asked {
            let (health, after) = (&claimed.health, settings.disable_after);
            health::effect(reply, health, after, now, fastrand::f64())
        } else {
            Effect::None
        };
        let attempt = attempt_of(at, latency, result);
        self.complete(&claimed, &attempt, &outcome, &effect).await;
        drop(place);
    }

    /// The transport keeps to the request's timeout; this only keeps a broken one from holding a place for ever.
    async fn send(&self, request: &OutgoingRequest) -> Result<Reply, String> {
        let limit = request.timeout + CLAIM_MARGIN / 2;
        tokio::time::timeout(limit, self.transport.send(request))
            .await
            .unwrap_or_else(|_| Err("no answer in time".to_owned()))
    }

    /// Writes the result, again and again until the claim runs out: then another attempt is made anyway.
    async fn complete(
        &self,
        claimed: &ClaimedDelivery,
        attempt: &Attempt,
        outcome: &Outcome,
        effect: &Effect,
    ) {
        let id = &claimed.delivery.id;
        let mut backoff = FIRST_BACKOFF;
        loop {
            let now = self.clock.now();
            match self
                .store
                .complete(id, &claimed.claim, attempt, outcome, effect, now)
                .await
            {
                Ok(completed) => return self.count(outcome, effect, completed),
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

    fn count(&self, outcome: &Outcome, effect: &Effect, completed: Completed) {
        let counter = match outcome {
            Outcome::Succeeded => &self.counters.succeeded,
            Outcome::Retry(_) => &self.counters.retried,
            Outcome::Exhausted => &self.counters.exhausted,
            Outcome::DisableEndpoint(_) => &self.counters.gone,
        };
        counter.add(1);
        if completed == Completed::Disabled {
            self.counters.endpoints_disabled.add(1);
        }
        if matches!(
            effect,
            Effect::Failed {
                hold_until: Some(_),
                ..
            }
        ) {
            self.counters.holds.add(1);
        }
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

/// Header fields of replies that the log keeps; others may hold what only the receiver's own people should see.
const LOGGED: [&str; 5] = ["content-type", "date", "location", "retry-after", "server"];

fn logged(headers: Vec<(String, String)>) -> Vec<HeaderField> {
    let fields = headers.into_iter();
    fields
        .filter(|(name, _)| LOGGED.contains(&name.as_str()))
        .take(WEBHOOK_REPLY_FIELDS_LOGGED)
        .map(|(name, value)| HeaderField::new(name, value))
        .collect()
}

fn attempt_of(at: Timestamp, latency: Duration, result: Result<Reply, String>) -> Attempt {
    let latency_ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
    let (status, error, reply_excerpt, reply_headers) = match result {
        Ok(reply) => {
            let error = (!(200..300).contains(&reply.status))
                .then(|| format!("the receiver answered {}", reply.status));
            let headers = logged(reply.headers);
            (Some(reply.status), error, Some(reply.excerpt), headers)
        }
        Err(error) => (None, Some(error), None, Vec::new()),
    };
    Attempt {
        at,
        status,
        latency_ms,
        error,
        reply_excerpt,
        reply_headers,
    }
}

#[cfg(test)]
#[path = "delivery_tests.rs"]
mod attempts;
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_keeps_harmless_fields_of_a_reply_and_few_of_them() {
        let field = |name: &str| (name.to_owned(), format!("{name} 1"));
        let sent = [
            "server",
            "set-cookie",
            "authorization",
            "x-internal",
            "retry-after",
            "www-authenticate",
            "content-type",
            "location",
            "date",
        ];
        let kept = logged(sent.map(field).to_vec());
        let names: Vec<&str> = kept.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(
            names,
            ["server", "retry-after", "content-type", "location", "date"]
        );
        assert_eq!(kept[0].value, "server 1");
        let many = logged(vec![field("server"); 30]);
        assert_eq!(many.len(), WEBHOOK_REPLY_FIELDS_LOGGED);
    }
}
