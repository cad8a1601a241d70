//! The spool at its ceilings: full, with usage beside events, and with more than one entry takes.

use super::*;
use crate::base::ceilings::SPOOL_ENTRY_BYTES;
use crate::base::error::StoreError;
use crate::store::contract::events::event;
use crate::webhooks::model::EventState;
use crate::webhooks::port::EventStore;

const SMALLEST: u64 = 1 << 20;

fn large() -> Event {
    Event {
        data: Some("x".repeat(8_000)),
        ..event("a", "x")
    }
}

/// Records until it is refused; gives what was taken.
async fn fill(rig: &Rig, is_over: impl Fn() -> bool) -> Vec<Event> {
    let mut taken = Vec::new();
    while !is_over() {
        let e = large();
        match rig.events.record_pending(std::slice::from_ref(&e)).await {
            Ok(()) => taken.push(e),
            Err(StoreError::Unavailable(_)) => return taken,
            Err(e) => panic!("{e}"),
        }
        assert!(taken.len() < 1_000, "it never fills");
    }
    taken
}

#[tokio::test]
async fn a_full_spool_is_told_before_it_refuses_and_takes_again_once_it_is_drained() {
    let rig = Rig::with(SMALLEST, HASTY).await;
    rig.flaky.set(Mode::Down);
    let mut taken = fill(&rig, || !rig.events.is_healthy()).await;
    assert!(!rig.events.is_healthy());
    // Room is left for what is under way by then.
    let one = large();
    rig.events
        .record_pending(std::slice::from_ref(&one))
        .await
        .unwrap();
    taken.push(one);
    taken.extend(fill(&rig, || false).await);
    assert_eq!(rig.spool.pending().events, taken.len() as u64);
    let file = rig.dir.path().join("spool.db");
    assert!(file.metadata().unwrap().len() <= SMALLEST);
    rig.flaky.set(Mode::Up);
    assert!(
        !rig.events.is_healthy(),
        "what waits goes first, and the next has no room"
    );
    rig.drain().await;
    eventually("health", || rig.events.is_healthy()).await;
    let stored = rig.store.stale_pending(at(9), 10_000).await.unwrap();
    assert_eq!(
        stored, taken,
        "all that was taken, in order, and nothing else"
    );
    // As much fits again.
    rig.flaky.set(Mode::Down);
    let again = fill(&rig, || false).await;
    assert!(
        again.len() + 3 >= taken.len(),
        "{} of {}",
        again.len(),
        taken.len()
    );
}

#[tokio::test]
async fn a_store_that_answers_is_health_enough_while_nothing_waits() {
    let rig = Rig::with(SMALLEST, HASTY).await;
    let running = rig.run();
    rig.flaky.set(Mode::Down);
    fill(&rig, || false).await;
    assert!(!rig.events.is_healthy());
    rig.flaky.set(Mode::Up);
    eventually("health", || rig.events.is_healthy()).await;
    running.end().await;
}

#[tokio::test]
async fn usage_leaves_half_of_the_room_to_events() {
    let rig = Rig::with(SMALLEST, HASTY).await;
    rig.flaky.set(Mode::Down);
    let mut taken = 0;
    loop {
        let mut batch = batch("boot", taken + 1, "a", 1);
        batch.keys = vec![batch.keys[0].clone(); 100];
        match rig.usage.apply(&batch).await {
            Ok(()) => taken += 1,
            Err(StoreError::Unavailable(_)) => break,
            Err(e) => panic!("{e}"),
        }
        assert!(taken < 10_000, "usage never has its share");
    }
    assert!(rig.spool.pending().bytes <= SMALLEST / 2);
    assert!(rig.events.is_healthy());
    rig.events.record_pending(&[large()]).await.unwrap();
    rig.flaky.set(Mode::Up);
    rig.drain().await;
    assert_eq!(rig.used("a").await, taken * 100);
}

#[tokio::test]
async fn large_settlements_are_cut_and_keep_their_order() {
    let rig = Rig::new().await;
    let all: Vec<_> = (0..9).map(|_| event("a", "x")).collect();
    rig.events.record_pending(&all).await.unwrap();
    rig.flaky.set(Mode::Down);
    let data = format!("\"{}\"", "x".repeat(SPOOL_ENTRY_BYTES / 3));
    let settlements: Vec<_> = all
        .iter()
        .map(|e| Settlement::Release {
            event_id: e.id.clone(),
            account_id: e.account_id.clone(),
            data: data.clone(),
            truncated: false,
            resource_id: None,
            released_id: None,
        })
        .collect();
    rig.events.settle(&settlements, at(1)).await.unwrap();
    assert_eq!(rig.spool.pending().events, 9);
    rig.flaky.calls();
    rig.flaky.set(Mode::Up);
    rig.drain().await;
    assert_eq!(rig.flaky.calls().len(), 5, "two in each entry");
    for (n, e) in all.iter().enumerate() {
        let stored = rig.store.event(&e.id).await.unwrap().unwrap();
        assert_eq!(stored.state, EventState::Released);
        assert_eq!(stored.sequence, Some(n as u64 + 1));
        assert_eq!(stored.data.as_ref(), Some(&data));
    }
}

#[tokio::test]
async fn records_are_drained_together_in_as_few_calls_as_go_through() {
    let rig = Rig::new().await;
    rig.flaky.set(Mode::Down);
    let all: Vec<_> = (0..400).map(|_| event("a", "x")).collect();
    for e in &all {
        rig.events
            .record_pending(std::slice::from_ref(e))
            .await
            .unwrap();
    }
    rig.flaky.calls();
    // Each failure halves what the next try sends.
    for expected in [256, 128, 64] {
        assert_eq!(
            rig.events.lane.step().await,
            super::super::lane::Step::Blocked
        );
        let calls = rig.flaky.calls();
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0].split(' ').count(), 1 + expected);
    }
    rig.flaky.set(Mode::Up);
    rig.drain().await;
    let sizes: Vec<_> = rig
        .flaky
        .calls()
        .iter()
        .map(|c| c.split(' ').count() - 1)
        .collect();
    assert_eq!(sizes, [32, 64, 128, 176]);
    let stored = rig.store.stale_pending(at(9), 1_000).await.unwrap();
    assert_eq!(stored, all);
}
