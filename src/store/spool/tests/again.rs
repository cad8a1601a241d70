//! A failover that loses what was acknowledged: the node sends it again, in order and without what did not happen.

use super::*;
use crate::store::contract::events::event;
use crate::store::contract::identity::release_as;
use crate::webhooks::model::EventState;
use crate::webhooks::port::EventStore;

/// A rig with a replica that has all that the store has, so far.
async fn with_replica() -> (Rig, Arc<EmbeddedStore>) {
    let rig = Rig::new().await;
    let replica = store(&rig.dir.path().join("replica.db"));
    rig.flaky.use_only(vec![rig.store.clone(), replica.clone()]);
    (rig, replica)
}

async fn record(rig: &Rig, e: &Event) {
    rig.events
        .record_pending(std::slice::from_ref(e))
        .await
        .unwrap();
}

async fn state(store: &EmbeddedStore, e: &Event) -> Option<EventState> {
    store.event(&e.id).await.unwrap().map(|e| e.state)
}

#[tokio::test]
async fn a_failover_loses_nothing_that_the_node_wrote_in_the_last_seconds() {
    let (rig, replica) = with_replica().await;
    let [safe, settled, pending, dropped, late] = std::array::from_fn(|_| event("a", "x"));
    record(&rig, &safe).await;
    rig.usage.apply(&batch("boot", 1, "a", 1)).await.unwrap();
    // From here on the replica lags.
    rig.flaky.use_only(vec![rig.store.clone()]);
    rig.events.settle(&[release(&safe)], at(1)).await.unwrap();
    for e in [&settled, &pending, &dropped, &late] {
        record(&rig, e).await;
    }
    let both = [release(&settled), drop_it(&dropped)];
    rig.events.settle(&both, at(2)).await.unwrap();
    rig.usage.apply(&batch("boot", 2, "a", 10)).await.unwrap();
    rig.usage.apply(&batch("boot", 3, "a", 100)).await.unwrap();
    // It becomes master. A settlement gets there before the node notices, and finds no event.
    rig.flaky.use_only(vec![replica.clone()]);
    rig.events.settle(&[release(&late)], at(3)).await.unwrap();
    assert_eq!(state(&replica, &late).await, None);
    rig.spool.resend();
    let running = rig.run();
    // Behind all that is sent again.
    rig.usage
        .apply(&batch("boot", 4, "a", 1_000))
        .await
        .unwrap();
    rig.events
        .settle(&[release(&pending)], at(4))
        .await
        .unwrap();
    eventually("the end of it", || {
        rig.spool.pending().is_empty() && rig.events.lane.front().is_free_now()
    })
    .await;
    for e in [&safe, &settled, &pending, &late] {
        assert_eq!(state(&replica, e).await, Some(EventState::Released));
    }
    assert_eq!(state(&replica, &dropped).await, None);
    let now = at(0);
    let used = replica.used("a", now.hour_start(), now.month_start()).await;
    assert_eq!(used.unwrap().0, 1_111);
    running.end().await;
}

#[tokio::test]
async fn sending_again_changes_nothing_where_nothing_was_lost() {
    let rig = Rig::new().await;
    let (one, two) = (event("a", "x"), event("a", "x"));
    for e in [&one, &two] {
        record(&rig, e).await;
    }
    let all = [release(&one), drop_it(&two)];
    rig.events.settle(&all, at(1)).await.unwrap();
    rig.usage.apply(&batch("boot", 1, "a", 5)).await.unwrap();
    let before = rig.store.event(&one.id).await.unwrap();
    rig.flaky.calls();
    rig.spool.resend();
    let running = rig.run();
    eventually("the end of it", || {
        rig.events.lane.front().is_free_now() && rig.usage.lane.front().is_free_now()
    })
    .await;
    let mut calls = rig.flaky.calls();
    calls.sort();
    let expected = [
        "apply boot/1".to_owned(),
        format!("record {}", one.id),
        format!("settle {} {}", one.id, two.id),
    ];
    assert_eq!(calls, expected, "no record of what was dropped");
    assert_eq!(rig.store.event(&one.id).await.unwrap(), before);
    assert_eq!(state(&rig.store, &two).await, None);
    assert_eq!(rig.used("a").await, 5);
    running.end().await;
}

#[tokio::test]
async fn last_ids_are_the_same_whatever_a_failover_lost() {
    let (rig, replica) = with_replica().await;
    let [whole, half, told_again] = std::array::from_fn(|_| event("a", "x"));
    let ends = [
        release_as(&whole, "evt_whole"),
        release_as(&half, "evt_half"),
        release_as(&told_again, "evt_half"),
    ];
    record(&rig, &whole).await;
    rig.events.settle(&ends[..1], at(1)).await.unwrap();
    record(&rig, &half).await;
    // From here on the replica lags: it has one event whole, of one the record, and of one nothing.
    rig.flaky.use_only(vec![rig.store.clone()]);
    record(&rig, &told_again).await;
    rig.events.settle(&ends[1..], at(2)).await.unwrap();
    let whole_before = replica.event("evt_whole").await.unwrap();
    rig.flaky.use_only(vec![replica.clone()]);
    rig.spool.resend();
    let running = rig.run();
    eventually("the end of it", || rig.events.lane.front().is_free_now()).await;
    for e in [&whole, &half, &told_again] {
        assert_eq!(state(&replica, e).await, None);
    }
    assert_eq!(replica.event("evt_whole").await.unwrap(), whole_before);
    let half = replica.event("evt_half").await.unwrap().unwrap();
    assert_eq!((half.state, half.sequence), (EventState::Released, Some(2)));
    running.end().await;
}

#[tokio::test]
async fn nothing_goes_straight_until_all_is_sent_again() {
    let rig = Rig::new().await;
    let (one, two) = (event("a", "x"), event("a", "x"));
    record(&rig, &one).await;
    rig.spool.resend();
    rig.flaky.calls();
    // Nobody sends again yet.
    record(&rig, &two).await;
    assert_eq!(rig.spool.pending().events, 1);
    assert!(rig.flaky.calls().is_empty());
    // The store goes away in between: it is tried again until it is done.
    rig.flaky.set(Mode::Down);
    let running = rig.run();
    eventually("a try", || !rig.flaky.calls().is_empty()).await;
    rig.flaky.set(Mode::Up);
    eventually("the end of it", || rig.events.lane.front().is_free_now()).await;
    let calls = rig.flaky.calls();
    let at = |e: &Event| calls.iter().position(|c| c.contains(&e.id));
    assert!(at(&one) < at(&two), "{calls:?}");
    assert_eq!(state(&rig.store, &two).await, Some(EventState::Pending));
    running.end().await;
}

#[tokio::test]
async fn what_failed_is_not_sent_again() {
    // Too small for the entry: neither store nor spool take it, and its client was told so.
    let rig = Rig::with(1 << 20, HASTY).await;
    let e = Event {
        data: Some("x".repeat(2 << 20)),
        ..event("a", "x")
    };
    rig.flaky.set(Mode::Down);
    assert!(rig.events.record_pending(&[e]).await.is_err());
    rig.flaky.set(Mode::Up);
    rig.flaky.calls();
    rig.spool.resend();
    let running = rig.run();
    eventually("the end of it", || rig.events.lane.front().is_free_now()).await;
    assert!(rig.flaky.calls().is_empty());
    running.end().await;
}
