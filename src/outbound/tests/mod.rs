//! Tests of delivery end to end: the worker, the HTTP client and receivers on loopback, over a store in memory.

mod bench;
mod targets;

use std::sync::Arc;
use std::time::Duration;

use self::bench::*;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use crate::base::clock::Clock;
use crate::base::testing::eventually;
use crate::webhooks::delivery::Worker;
use crate::webhooks::model::{DeliveryState, EndpointStatus, OutgoingRequest, Reply};
use crate::webhooks::port::{ClaimTerms, EventStore, WebhookTransport};

const TIMEOUT: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_delivery_is_signed_verified_and_done() {
    let b = Bench::new(TIMEOUT).await;
    let (_, secret) = b.publish_to("/good").await;
    let (delivery, attempts) = b.after_attempts(1).await;
    assert_eq!(delivery.state, DeliveryState::Succeeded);
    assert_eq!(attempts[0].status, Some(200));
    assert_eq!(attempts[0].error, None);
    assert_eq!(attempts[0].reply_excerpt.as_deref(), Some("thank you"));
    let (headers, body) = b.inbox.0.lock()[0].clone();
    standardwebhooks::Webhook::new(secret.expose())
        .unwrap()
        .verify(body.as_bytes(), &headers)
        .unwrap();
    assert_eq!(headers["webhook-id"], delivery.event_id.as_str());
    assert_eq!(headers["content-type"], "application/json");
    assert!(
        headers["user-agent"]
            .to_str()
            .unwrap()
            .starts_with("fuelgate/")
    );
    let v: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(v["data"]["name"], "Zoë");
    assert_eq!(
        (v["sequence"].as_u64(), v["account_id"].as_str()),
        (Some(1), Some("acct_1"))
    );
    assert_eq!(b.worker.counters().succeeded.get(), 1);
}

#[tokio::test]
async fn a_failure_is_tried_again_on_schedule_with_the_same_body_and_id() {
    let b = Bench::new(TIMEOUT).await;
    b.publish_to("/flaky").await;
    for (n, delay) in [(1, 5), (2, 300)] {
        let (delivery, attempts) = b.after_attempts(n).await;
        assert_eq!(delivery.state, DeliveryState::Pending);
        assert_eq!(
            attempts[n - 1].error.as_deref(),
            Some("the receiver answered 500")
        );
        let next = delivery.next_attempt_at.unwrap();
        let wait = next.since(b.clock.now()).as_secs_f64();
        assert!(
            wait >= f64::from(delay) && wait <= f64::from(delay) * 1.11,
            "{wait}"
        );
        assert_eq!(b.inbox.len(), n, "not before it is due");
        b.skip_to(next);
    }
    let (delivery, _) = b.after_attempts(3).await;
    assert_eq!(delivery.state, DeliveryState::Succeeded);
    let got = b.inbox.0.lock().clone();
    assert!(
        got.iter()
            .all(|(h, body)| *body == got[0].1 && h["webhook-id"] == got[0].0["webhook-id"])
    );
    assert_ne!(got[0].0["webhook-timestamp"], got[2].0["webhook-timestamp"]);
}

#[tokio::test]
async fn receivers_that_failed_together_are_not_tried_again_together() {
    let b = Bench::new(TIMEOUT).await;
    for _ in 0..11 {
        b.make_endpoint("/moved").await;
    }
    b.publish_to("/moved").await;
    let tried = || {
        let all = b.store.all_deliveries();
        all.len() == 12 && all.iter().all(|(_, attempts)| attempts.len() == 1)
    };
    eventually("each is tried once", tried).await;
    let now = b.clock.now();
    let waits: std::collections::BTreeSet<_> = b
        .store
        .all_deliveries()
        .iter()
        .map(|(d, _)| d.next_attempt_at.unwrap().since(now).as_millis())
        .collect();
    assert!(
        waits.iter().all(|w| (5_000..=5_500).contains(w)),
        "{waits:?}"
    );
    assert!(waits.len() > 3, "{waits:?}");
}

#[tokio::test]
async fn after_the_last_retry_it_has_failed() {
    let b = Bench::new(TIMEOUT).await;
    b.publish_to("/status/500").await;
    for n in 1..=3 {
        let (delivery, _) = b.after_attempts(n).await;
        b.skip_to(delivery.next_attempt_at.unwrap());
    }
    let (delivery, attempts) = b.after_attempts(4).await;
    assert_eq!((delivery.state, attempts.len()), (DeliveryState::Failed, 4));
    assert_eq!(b.worker.counters().exhausted.get(), 1);
}

#[tokio::test]
async fn retry_after_is_honoured() {
    let b = Bench::new(TIMEOUT).await;
    b.publish_to("/status/503").await;
    let (delivery, _) = b.after_attempts(1).await;
    assert_eq!(
        delivery.next_attempt_at,
        Some(b.clock.now().plus(Duration::from_secs(120)))
    );
}

#[tokio::test]
async fn gone_disables_the_endpoint() {
    let b = Bench::new(TIMEOUT).await;
    let (id, _) = b.publish_to("/status/410").await;
    b.after_attempts(1).await;
    let endpoint = b.service.endpoint(&id).await.unwrap();
    assert_eq!(endpoint.status, EndpointStatus::Disabled);
    assert!(endpoint.disabled_reason.unwrap().contains("410"));
    b.publish().await;
    assert_eq!(
        b.store.all_deliveries().len(),
        1,
        "nothing is made for it any more"
    );
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_not_followed() {
    let b = Bench::new(TIMEOUT).await;
    b.publish_to("/moved").await;
    let (_, attempts) = b.after_attempts(1).await;
    assert_eq!(attempts[0].status, Some(302));
    assert_eq!(b.inbox.len(), 0);
}

#[tokio::test]
async fn a_receiver_that_never_answers_costs_the_timeout() {
    let b = Bench::new(Duration::from_millis(100)).await;
    b.publish_to("/never").await;
    let (delivery, attempts) = b.after_attempts(1).await;
    assert_eq!(
        attempts[0].error.as_deref(),
        Some("no answer within 100 ms")
    );
    assert!(attempts[0].latency_ms >= 100 && attempts[0].latency_ms < 3000);
    assert_eq!(delivery.state, DeliveryState::Pending);
}

#[tokio::test]
async fn a_huge_reply_is_cut() {
    let b = Bench::new(TIMEOUT).await;
    b.publish_to("/huge").await;
    let (delivery, attempts) = b.after_attempts(1).await;
    assert_eq!(delivery.state, DeliveryState::Succeeded);
    let excerpt = attempts[0].reply_excerpt.as_ref().unwrap();
    assert_eq!(excerpt.len(), crate::base::ceilings::WEBHOOK_EXCERPT_BYTES);
}

#[tokio::test]
async fn during_a_rotation_either_secret_verifies() {
    let b = Bench::new(TIMEOUT).await;
    let (id, old) = b.publish_to("/good").await;
    b.after_attempts(1).await;
    let new = b.service.rotate_secret(&id, &b.ctx()).await.unwrap().secret;
    b.publish().await;
    b.after_attempts(1).await;
    let (headers, body) = b.inbox.0.lock()[1].clone();
    for s in [&old, &new] {
        standardwebhooks::Webhook::new(s.expose())
            .unwrap()
            .verify(body.as_bytes(), &headers)
            .unwrap();
    }
    b.clock.advance(Duration::from_secs(24 * 3600 + 1));
    b.publish().await;
    b.after_attempts(1).await;
    let (headers, _) = b.inbox.0.lock()[2].clone();
    assert!(!headers["webhook-signature"].to_str().unwrap().contains(' '));
}

#[tokio::test]
async fn a_signature_has_the_time_of_the_machine_whatever_the_store_says() {
    let clock = Clock::following();
    clock.follow(-3_600_000);
    let b = Bench::at(clock, TIMEOUT).await;
    let (_, secret) = b.publish_to("/good").await;
    b.after_attempts(1).await;
    let (headers, body) = b.inbox.0.lock()[0].clone();
    // It refuses what was signed more than five minutes ago.
    standardwebhooks::Webhook::new(secret.expose())
        .unwrap()
        .verify(body.as_bytes(), &headers)
        .unwrap();
}

#[tokio::test]
async fn a_store_that_was_away_gets_the_result_late() {
    let b = Bench::new(TIMEOUT).await;
    b.publish_to("/good").await;
    while b.inbox.len() == 0 {
        b.store.set_down(false);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    b.store.set_down(true);
    tokio::time::sleep(Duration::from_millis(20)).await;
    b.store.set_down(false);
    assert_eq!(b.after_attempts(1).await.0.state, DeliveryState::Succeeded);
}

#[tokio::test]
async fn a_stop_waits_for_attempts_under_way() {
    let mut b = Bench::new(Duration::from_millis(300)).await;
    b.publish_to("/never").await;
    let is_under_way = || b.worker.attempts_under_way() > 0;
    eventually("an attempt is under way", is_under_way).await;
    b.stop.send(true).unwrap();
    b.running.take().unwrap().await.unwrap();
    assert_eq!(b.store.all_deliveries()[0].1.len(), 1, "its end was noted");
}

#[tokio::test]
async fn no_more_deliveries_are_under_way_than_allowed() {
    struct Counting(Mutex<(usize, usize)>);
    #[async_trait::async_trait]
    impl WebhookTransport for Counting {
        async fn send(&self, _: &OutgoingRequest) -> Result<Reply, String> {
            {
                let mut n = self.0.lock();
                n.0 += 1;
                n.1 = n.1.max(n.0);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
            self.0.lock().0 -= 1;
            Ok(Reply {
                status: 200,
                retry_after: None,
                headers: Vec::new(),
                excerpt: String::new(),
            })
        }
        fn check_url(&self, _: &str) -> Result<(), String> {
            Ok(())
        }
    }
    let b = Bench::new(TIMEOUT).await;
    b.stop.send(true).unwrap();
    b.publish_to("/good").await;
    for _ in 0..299 {
        b.publish().await;
    }
    let counting = Arc::new(Counting(Mutex::default()));
    let worker = Arc::new(Worker::new(
        b.store.clone(),
        counting.clone(),
        settings(TIMEOUT),
        b.clock.clone(),
        Arc::new(Notify::new()),
    ));
    let (_stop, stopping) = watch::channel(false);
    tokio::spawn(Arc::clone(&worker).run(stopping));
    let is_done = || worker.counters().succeeded.get() >= 300;
    eventually("all are delivered", is_done).await;
    let most = counting.0.lock().1;
    assert!(
        most <= crate::base::ceilings::DELIVERIES_IN_FLIGHT,
        "{most}"
    );
    assert!(most > 1);
    assert!(
        b.store
            .claim_due(&ClaimTerms::any(b.clock.now(), b.clock.now(), 10))
            .await
            .unwrap()
            .is_empty()
    );
}
