//! What is left pending: by a queue without room, by a crash, and for how long.

use super::*;
use crate::base::ceilings::{PENDING_EVENT_AGE, SWEEP_BATCH, SWEEP_INTERVAL};

#[tokio::test]
async fn what_finds_no_room_stays_pending_for_the_sweeper() {
    let b = bench();
    let rules = RouteRules::of(CREATED);
    // Nobody takes anything out of the queue: it fills up.
    for _ in 0..RELEASE_QUEUE {
        let exchange = b.record(&rules, &create()).await.unwrap();
        b.events.release(exchange, captured("", "{}")).await;
    }
    let exchange = b.record(&rules, &create()).await.unwrap();
    b.events.release(exchange, captured("", "{}")).await;
    assert_eq!(b.events.counters().deferred.get(), 1);
    assert_eq!(b.events.held().len(), RELEASE_QUEUE);
    b.clock.advance(PENDING_EVENT_AGE + Duration::from_secs(1));
    let sweeper = b.sweeper();
    let before = b.clock.now().minus(PENDING_EVENT_AGE);
    // The queued ones are in hand and older than the sweeper's page: they must not be taken for lost.
    let swept = sweeper.sweep(before).await.unwrap();
    assert!(swept <= 1);
    assert_eq!(b.events.held().len(), RELEASE_QUEUE);
}

#[tokio::test]
async fn a_sweep_releases_what_a_crash_left_and_keeps_what_nobody_can_know() {
    let b = bench();
    drop(b.record(&RouteRules::of(CREATED), &create()).await.unwrap());
    drop(b.record(&RouteRules::of(WON), &update()).await.unwrap());
    let in_hand = b.record(&RouteRules::of(CREATED), &create()).await.unwrap();
    let sweeper = b.sweeper();
    assert_eq!(
        sweeper.sweep(b.clock.now()).await.unwrap(),
        0,
        "none is older than now"
    );
    b.clock.advance(Duration::from_secs(1));
    assert_eq!(sweeper.sweep(b.clock.now()).await.unwrap(), 2);
    for event in b.store.all_events() {
        if event.id == in_hand.events[0].0 {
            assert_eq!(event.state, EventState::Pending);
        } else if event.event_type == "deal.won" {
            assert_eq!(event.state, EventState::Unresolved);
        } else {
            assert_eq!(event.state, EventState::Released);
            assert_eq!(event.data.as_deref(), Some("{\"id\":\"c_9\"}"));
            assert!(event.truncated);
        }
    }
    let counters = b.events.counters();
    assert_eq!((counters.released.get(), counters.unresolved.get()), (1, 1));
    drop(in_hand);
    assert_eq!(sweeper.sweep(b.clock.now()).await.unwrap(), 1);
    let woken = tokio::time::timeout(Duration::ZERO, b.wake.notified());
    assert!(woken.await.is_ok(), "what was released is delivered now");
}

#[tokio::test(start_paused = true)]
async fn a_running_sweeper_comes_again_for_what_grew_too_old_since() {
    let b = bench();
    let (rules, call) = (RouteRules::of(CREATED), create());
    let record = || b.record(&rules, &call);
    drop(record().await.unwrap());
    b.clock.advance(Duration::from_secs(1));
    let sweeper = b.sweeper();
    let (_keep, stop) = watch::channel(false);
    b.store.set_down(true);
    tokio::spawn(sweeper.run(b.clock.now(), stop));
    let swept = || b.events.counters().swept.get();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(swept(), 0);
    // What an earlier process left goes as soon as the store is there, however young it is.
    b.store.set_down(false);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(swept(), 1);
    // What this process left, once nobody can have it in hand any more.
    drop(record().await.unwrap());
    b.clock.advance(PENDING_EVENT_AGE);
    tokio::time::sleep(SWEEP_INTERVAL).await;
    assert_eq!(swept(), 1, "it is young");
    for turn in 2..5 {
        b.clock.advance(PENDING_EVENT_AGE + Duration::from_secs(1));
        tokio::time::sleep(SWEEP_INTERVAL).await;
        assert_eq!(swept(), turn);
        drop(record().await.unwrap());
    }
}

#[tokio::test]
async fn one_sweep_takes_more_than_one_read_of_the_store_gives() {
    let b = bench();
    let old = |_| Event::blank("acct_1", "contact.created");
    let events: Vec<_> = (0..=SWEEP_BATCH).map(old).collect();
    b.store.record_pending(&events).await.unwrap();
    let sweeper = b.sweeper();
    assert_eq!(sweeper.sweep(b.clock.now()).await.unwrap(), events.len());
}

#[tokio::test]
async fn an_event_that_the_store_refuses_keeps_no_other_from_being_swept() {
    let b = bench();
    let old = |_| Event::blank("acct_1", "contact.created");
    let events: Vec<_> = (0..=SWEEP_BATCH).map(old).collect();
    b.store.record_pending(&events).await.unwrap();
    let now = b.clock.now();
    let refused = b.store.stale_pending(now, 1).await.unwrap().remove(0).id;
    b.store.refuse(&refused);
    let sweeper = b.sweeper();
    for swept in [events.len() - 1, 0] {
        assert_eq!(sweeper.sweep(now).await.unwrap(), swept);
        let left = b.store.stale_pending(now, SWEEP_BATCH).await.unwrap();
        let left: Vec<_> = left.into_iter().map(|e| e.id).collect();
        assert_eq!(left, std::slice::from_ref(&refused));
    }
    let swept = b.events.counters().swept.get();
    assert_eq!(swept, u64::from(SWEEP_BATCH));
}

#[tokio::test]
async fn what_is_settled_one_by_one_waits_for_a_store_that_is_away() {
    let mut b = bench();
    let rules = RouteRules::of(&[
        ("contact.created", &[201], None),
        ("contact.added", &[201], None),
    ]);
    let exchange = b.record(&rules, &create()).await.unwrap();
    let refused = exchange.events[0].0.clone();
    b.store.refuse(&refused);
    // The batch is refused, and then the store is away.
    b.store.fall_with_a_refusal();
    let store = Arc::clone(&b.store);
    let counters = Arc::clone(b.events.counters());
    tokio::spawn(async move {
        eventually("a retry", || counters.settle_retries.get() > 0).await;
        store.set_down(false);
    });
    b.settle(exchange, captured("", "{\"id\": 7}")).await;
    assert_eq!(b.store.all_events().len(), 2);
    for event in b.store.all_events() {
        if event.id == refused {
            assert_eq!(event.state, EventState::Pending);
        } else {
            assert_eq!(event.state, EventState::Released);
            assert_eq!(event.data.as_deref(), Some("{\"id\": 7}"));
        }
    }
    assert_eq!(b.events.counters().released.get(), 1);
}
