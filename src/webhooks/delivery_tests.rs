//! One attempt at a time: begun too late, never answered, not signed, or with a result that nobody takes.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use super::*;
use crate::base::audit::Change;
use crate::base::secret::Secret;
use crate::config::model::Pepper;
use crate::webhooks::health::Allowance;
use crate::webhooks::seal::Sealer;
use crate::webhooks::service::{NewEndpoint, NewEvent, WebhookService};
use crate::webhooks::testing::{MemoryStore, context};

const TIMEOUT: Duration = Duration::from_secs(3);

/// Answers with this status, or never.
struct Receiver {
    status: Option<u16>,
    sent: AtomicUsize,
}

#[async_trait]
impl WebhookTransport for Receiver {
    async fn send(&self, _: &OutgoingRequest) -> Result<Reply, String> {
        self.sent.fetch_add(1, Ordering::SeqCst);
        let Some(status) = self.status else {
            return std::future::pending().await;
        };
        Ok(reply(status))
    }

    fn check_url(&self, _: &str) -> Result<(), String> {
        Ok(())
    }
}

fn reply(status: u16) -> Reply {
    Reply {
        status,
        retry_after: None,
        headers: Vec::new(),
        excerpt: String::new(),
    }
}

fn settings(pepper: &str) -> SharedSettings {
    let pepper = Pepper {
        id: "p1".to_owned(),
        secret: Secret::new(pepper),
    };
    Settings {
        sealer: Sealer::new(&[pepper]),
        event_types: vec!["contact.created".into()],
        retry_delays: vec![Duration::from_secs(5)],
        timeout: TIMEOUT,
        inbox_base: "http://inbox.test/inbox/".to_owned(),
        allowance: Allowance {
            most: 8,
            untried: 1,
            spacing: Duration::ZERO,
        },
        disable_after: None,
        retention: Duration::from_secs(30 * 86_400),
    }
    .shared()
}

fn event() -> NewEvent {
    NewEvent {
        account_id: "acct_1".to_owned(),
        event_type: "contact.created".to_owned(),
        data: "{}".to_owned(),
        id: None,
    }
}

struct Bench {
    service: WebhookService,
    store: Arc<MemoryStore>,
    clock: Clock,
    receiver: Arc<Receiver>,
    worker: Arc<Worker>,
}

/// A worker with one delivery due, to a receiver that answers so; it opens secrets with `pepper`.
async fn bench(status: Option<u16>, pepper: &str) -> Bench {
    let store = Arc::new(MemoryStore::default());
    let clock = Clock::manual(Timestamp::from_secs(1_800_000_000));
    let receiver = Arc::new(Receiver {
        status,
        sent: AtomicUsize::new(0),
    });
    let wake = Arc::new(Notify::new());
    let service = WebhookService::new(
        store.clone(),
        receiver.clone(),
        settings("pepper"),
        Arc::clone(&wake),
    );
    let endpoint = NewEndpoint {
        account_id: "acct_1".to_owned(),
        url: "https://receiver.test/".to_owned(),
        event_types: vec!["contact.created".to_owned()],
        description: None,
    };
    let ctx = context(clock.now());
    service.create_endpoint(endpoint, &ctx).await.unwrap();
    service.publish(event(), &ctx).await.unwrap();
    let worker = Worker::new(
        store.clone(),
        receiver.clone(),
        settings(pepper),
        clock.clone(),
        wake,
    );
    Bench {
        service,
        store,
        clock,
        receiver,
        worker: Arc::new(worker),
    }
}

impl Bench {
    async fn claim(&self) -> ClaimedDelivery {
        let mut claimed = self.worker.claim(self.worker.places.room()).await.unwrap();
        assert_eq!(claimed.len(), 1);
        claimed.remove(0)
    }

    /// Makes the attempt of the delivery that is due, whose claim was asked for at `asked`.
    async fn attempt(&self, asked: Instant) {
        let claimed = self.claim().await;
        let place = self.worker.places.take(&claimed);
        Arc::clone(&self.worker)
            .attempt(claimed, place, asked)
            .await;
    }

    fn sent(&self) -> usize {
        self.receiver.sent.load(Ordering::SeqCst)
    }

    fn attempts(&self) -> Vec<Attempt> {
        self.store.all_deliveries().remove(0).1
    }
}

#[tokio::test(start_paused = true)]
async fn a_claim_outlives_an_attempt_by_a_margin() {
    let b = bench(Some(200), "pepper").await;
    let until = b.clock.now().plus(TIMEOUT + CLAIM_MARGIN);
    assert_eq!(b.claim().await.claimed_until, until);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_would_begin_too_late_after_its_claim_is_left_to_another() {
    let b = bench(Some(200), "pepper").await;
    let asked = Instant::now();
    tokio::time::advance(CLAIM_BEGIN + Duration::from_millis(1)).await;
    b.attempt(asked).await;
    assert_eq!((b.sent(), b.worker.counters().late.get()), (0, 1));
    let b = bench(Some(200), "pepper").await;
    let asked = Instant::now();
    tokio::time::advance(CLAIM_BEGIN).await;
    b.attempt(asked).await;
    assert_eq!((b.sent(), b.worker.counters().late.get()), (1, 0));
    assert_eq!(b.worker.attempts_under_way(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_never_returns_ends_with_its_attempt() {
    let b = bench(None, "pepper").await;
    let began = Instant::now();
    b.attempt(began).await;
    assert_eq!(began.elapsed(), TIMEOUT + CLAIM_MARGIN / 2);
    let error = b.attempts().remove(0).error;
    assert_eq!(error.as_deref(), Some("no answer in time"));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_signed_is_not_sent_and_says_nothing_of_its_receiver() {
    let b = bench(Some(200), "another pepper").await;
    b.attempt(Instant::now()).await;
    assert_eq!((b.sent(), b.attempts().len()), (0, 1));
    let (delivery, _) = b.store.all_deliveries().remove(0);
    b.clock.set(delivery.next_attempt_at.unwrap());
    assert!(!b.claim().await.health.is_suspect());
    let b = bench(Some(500), "pepper").await;
    b.attempt(Instant::now()).await;
    let (delivery, _) = b.store.all_deliveries().remove(0);
    b.clock.set(delivery.next_attempt_at.unwrap());
    assert!(b.claim().await.health.is_suspect());
}

#[tokio::test(start_paused = true)]
async fn receivers_that_are_held_off_together_are_not_asked_again_together() {
    let mut holds = std::collections::HashSet::new();
    for _ in 0..8 {
        let b = bench(Some(500), "pepper").await;
        let mut claimed = b.claim().await;
        claimed.health.failures = 20;
        claimed.health.failing_since = Some(b.clock.now().minus(Duration::from_secs(3600)));
        let (place, to) = (b.worker.places.take(&claimed), [claimed.endpoint.clone()]);
        let worker = Arc::clone(&b.worker);
        worker.attempt(claimed, place, Instant::now()).await;
        assert_eq!(b.worker.counters().holds.get(), 1);
        let health = b.store.endpoint_health(&to).await.unwrap().remove(0);
        holds.insert(health.hold_until.unwrap().millis());
    }
    assert!(holds.len() > 1, "{holds:?}");
}

#[tokio::test(start_paused = true)]
async fn a_gone_receiver_disables_no_endpoint_that_leads_elsewhere_by_now() {
    let b = bench(Some(410), "pepper").await;
    let claimed = b.claim().await;
    let mut endpoint = claimed.endpoint.clone();
    endpoint.url = "https://elsewhere.test/".to_owned();
    endpoint.revision += 1;
    let ctx = context(b.clock.now());
    let change = Change {
        audit: ctx.entry("endpoint.patch", None, None, serde_json::json!({})),
        answer: None,
    };
    b.store.update_endpoint(&endpoint, &change).await.unwrap();
    let place = b.worker.places.take(&claimed);
    let worker = Arc::clone(&b.worker);
    worker.attempt(claimed, place, Instant::now()).await;
    let there = b.store.endpoint(&endpoint.id).await.unwrap();
    assert_eq!(there, Some(endpoint));
    assert_eq!(b.worker.counters().endpoints_disabled.get(), 0);
    let again = b.claim().await;
    assert_eq!(again.delivery.attempts, 1, "it is due at once");
    assert!(!again.health.is_suspect());
}

#[tokio::test(start_paused = true)]
async fn a_running_worker_is_woken_by_what_is_published() {
    let b = bench(Some(200), "pepper").await;
    let (_keep, stop) = watch::channel(false);
    tokio::spawn(Arc::clone(&b.worker).run(stop));
    let soon = || tokio::time::sleep(DELIVERY_POLL / 4);
    soon().await;
    assert_eq!(b.sent(), 1);
    let ctx = context(b.clock.now());
    b.service.publish(event(), &ctx).await.unwrap();
    soon().await;
    assert_eq!(b.sent(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_result_that_no_store_takes_is_given_up_with_its_claim() {
    let b = bench(Some(200), "pepper").await;
    let claimed = b.claim().await;
    let place = b.worker.places.take(&claimed);
    let until = claimed.claimed_until;
    b.store.set_down(true);
    let worker = Arc::clone(&b.worker);
    let attempt = tokio::spawn(worker.attempt(claimed, place, Instant::now()));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(!attempt.is_finished(), "it is written again and again");
    b.clock.set(until);
    tokio::time::timeout(Duration::from_secs(60), attempt)
        .await
        .expect("it ends")
        .unwrap();
    assert_eq!(b.worker.counters().unrecorded.get(), 1);
}

#[test]
fn whatever_is_no_success_has_an_error() {
    let error = |status| {
        let at = Timestamp::from_secs(0);
        attempt_of(at, Duration::ZERO, Ok(reply(status))).error
    };
    assert_eq!((error(200), error(299)), (None, None));
    for status in [199, 300, 302, 404, 500] {
        let said = format!("the receiver answered {status}");
        assert_eq!(error(status), Some(said));
    }
}
