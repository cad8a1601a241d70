//! Rows that are damaged or missing: they keep nothing else from its end.

use super::super::shard::Shard;
use super::{around, run};
use crate::store::contract::at;
use crate::store::contract::deliveries::{claim, endpoint, make_endpoint};
use crate::store::contract::events::{event, happen};
use crate::store::redis::testing;
use crate::webhooks::model::DeliveryState;

#[tokio::test]
async fn a_delivery_whose_event_is_gone_is_cancelled_and_others_are_made() {
    let (s, store) = around(testing::settings()).await;
    make_endpoint(&s, endpoint("a", &["x"])).await;
    let lost = happen(&s, &event("a", "x")).await;
    let kept = happen(&s, &event("a", "x")).await;
    let name = Shard::of(&store, "a").event(&lost.id);
    run::<()>(&store, redis::cmd("DEL").arg(name)).await;
    let due = claim(&s, at(1)).await;
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].event, kept);
    assert_eq!(s.events.next_due(true).await.unwrap(), Some(at(61)));
    let stats = s.events.queue_stats().await.unwrap();
    assert_eq!(stats.pending_deliveries, 1);
}

#[tokio::test]
async fn a_delivery_that_cannot_be_read_is_put_off_and_others_are_made() {
    let (s, store) = around(testing::settings()).await;
    make_endpoint(&s, endpoint("a", &["x"])).await;
    let damaged = happen(&s, &event("a", "x")).await;
    let first = claim(&s, at(0)).await.remove(0);
    happen(&s, &event("a", "x")).await;
    let name = Shard::of(&store, "a").delivery(&first.delivery.id);
    let damage = |value: &'static str| {
        redis::cmd("HSET")
            .arg(&name)
            .arg("created_at")
            .arg(value)
            .take()
    };
    run::<()>(&store, &damage("yesterday")).await;
    let due = claim(&s, at(60)).await;
    assert_eq!(due.len(), 1);
    assert_ne!(due[0].event.id, damaged.id);
    run::<()>(&store, &damage("1")).await;
    let due = claim(&s, at(120)).await;
    assert_eq!(due.len(), 2);
    assert_eq!(due[0].delivery.state, DeliveryState::Pending);
}

#[tokio::test]
async fn a_pending_event_that_cannot_be_read_keeps_no_other_from_its_end() {
    let (s, store) = around(testing::settings()).await;
    let (damaged, other) = (event("a", "x"), event("a", "x"));
    s.events
        .record_pending(&[damaged.clone(), other.clone()])
        .await
        .unwrap();
    let name = Shard::of(&store, "a").event(&damaged.id);
    run::<()>(&store, redis::cmd("HDEL").arg(name).arg("occurred_at")).await;
    let stale = s.events.stale_pending(at(9), 9).await.unwrap();
    assert_eq!(stale, [other]);
}
