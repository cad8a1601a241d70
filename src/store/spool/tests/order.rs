//! Events while the store is away: their order, their deadline, and what never waits.

use tokio::time::Instant;

use super::*;
use crate::base::error::StoreError;
use crate::base::page::PageRequest;
use crate::store::contract::change;
use crate::store::contract::deliveries::endpoint;
use crate::store::contract::events::event;
use crate::webhooks::model::EventState;
use crate::webhooks::port::{ClaimTerms, DeliveryFilter, EventFilter, EventStore};

#[tokio::test]
async fn events_wait_while_the_store_is_away_and_end_as_if_it_had_not_been() {
    let rig = Rig::new().await;
    let wants = endpoint("a", &["x"]);
    let why = change("endpoint.create", "a");
    rig.events.create_endpoint(&wants, 9, &why).await.unwrap();
    let all = [event("a", "x"), event("a", "x"), event("b", "x")];
    rig.flaky.set(Mode::Down);
    for e in &all {
        rig.events
            .record_pending(std::slice::from_ref(e))
            .await
            .unwrap();
    }
    let settlements = [release(&all[1]), drop_it(&all[2]), release(&all[0])];
    rig.events.settle(&settlements, at(5)).await.unwrap();
    let waiting = rig.spool.pending();
    assert_eq!((waiting.batches, waiting.events), (0, 6));
    assert!(rig.events.is_healthy());
    rig.flaky.set(Mode::Up);
    rig.drain().await;
    let stored = |e: &Event| {
        let (store, id) = (rig.store.clone(), e.id.clone());
        async move { store.event(&id).await.unwrap() }
    };
    for (e, sequence) in [(&all[1], 1), (&all[0], 2)] {
        let expected = Event {
            state: EventState::Released,
            sequence: Some(sequence),
            data: Some(format!("{{\"of\":\"{}\"}}", e.id)),
            ..e.clone()
        };
        assert_eq!(stored(e).await, Some(expected));
    }
    assert_eq!(stored(&all[2]).await, None);
    let page = PageRequest::default();
    let filter = DeliveryFilter::default();
    let made = rig.store.deliveries(&filter, &page).await.unwrap().items;
    assert_eq!(made.len(), 2);
    assert!(made.iter().all(|(d, _)| d.created_at == at(5)), "{made:?}");
}

#[tokio::test]
async fn a_settlement_never_goes_past_its_record() {
    let rig = Rig::new().await;
    let e = event("a", "x");
    rig.flaky.set(Mode::Down);
    rig.events
        .record_pending(std::slice::from_ref(&e))
        .await
        .unwrap();
    rig.flaky.calls();
    // Nobody drains yet: sent now the settlement would find nothing and be lost.
    rig.flaky.set(Mode::Up);
    rig.events.settle(&[release(&e)], at(1)).await.unwrap();
    assert!(rig.flaky.calls().is_empty());
    assert_eq!(rig.spool.pending().events, 2);
    rig.drain().await;
    assert_eq!(
        rig.flaky.calls(),
        [format!("record {}", e.id), format!("settle {}", e.id)]
    );
    let stored = rig.store.event(&e.id).await.unwrap().unwrap();
    assert_eq!(stored.state, EventState::Released);
}

#[tokio::test]
async fn a_write_waits_its_turn_behind_a_few_and_then_goes_straight() {
    let rig = Rig::with(1 << 30, PATIENT).await;
    rig.flaky.set(Mode::Down);
    let (first, second) = (event("a", "x"), event("a", "x"));
    rig.events
        .record_pending(std::slice::from_ref(&first))
        .await
        .unwrap();
    rig.flaky.set(Mode::Up);
    rig.events.lane.front().back();
    let record = {
        let (events, second) = (rig.events.clone(), second.clone());
        tokio::spawn(async move { events.record_pending(&[second]).await })
    };
    rig.drain().await;
    record.await.unwrap().unwrap();
    assert_eq!(rig.spool.pending().events, 0);
    let calls = rig.flaky.calls();
    let records: Vec<_> = [&first, &first, &second]
        .iter()
        .map(|e| format!("record {}", e.id))
        .collect();
    assert_eq!(calls, records, "the first was tried straight, then drained");
}

#[tokio::test]
async fn while_the_store_hangs_a_record_takes_its_deadline_and_a_commit_and_later_ones_a_commit() {
    for mode in [Mode::Hang, Mode::HangAfter] {
        let rig = Rig::new().await;
        let running = rig.run();
        rig.flaky.set(mode);
        let began = Instant::now();
        let first = event("a", "x");
        rig.events
            .record_pending(std::slice::from_ref(&first))
            .await
            .unwrap();
        let took = began.elapsed();
        assert!(took >= SHORT, "{took:?}");
        // A commit takes milliseconds; the store itself would hang for ever.
        assert!(took < SHORT + Duration::from_secs(5), "{took:?}");
        let later: Vec<_> = (0..20).map(|_| event("a", "x")).collect();
        for e in &later {
            rig.events
                .record_pending(std::slice::from_ref(e))
                .await
                .unwrap();
        }
        // Whoever drains may have tried several with the first; none was tried by itself.
        let tried = rig.flaky.calls();
        for e in &later {
            assert!(!tried.contains(&format!("record {}", e.id)), "{tried:?}");
        }
        rig.flaky.set(Mode::Up);
        eventually("the drain", || rig.spool.pending().is_empty()).await;
        for e in later.iter().chain([&first]) {
            assert_eq!(rig.store.event(&e.id).await.unwrap().as_ref(), Some(e));
        }
        running.end().await;
    }
}

#[tokio::test]
async fn what_operators_do_needs_the_store_and_never_waits() {
    let rig = Rig::new().await;
    rig.flaky.set(Mode::Down);
    let why = change("x", "a");
    let away = |r: Result<(), StoreError>| assert!(matches!(r, Err(StoreError::Unavailable(_))));
    let (e, end) = (event("a", "x"), endpoint("a", &["x"]));
    away(rig.events.publish(&e, at(0), &why).await.map(drop));
    away(rig.events.create_endpoint(&end, 9, &why).await);
    away(rig.events.replay(&e.id, "{}", at(0), &why).await.map(drop));
    away(
        rig.events
            .claim_due(&ClaimTerms::any(at(0), at(1), 9))
            .await
            .map(drop),
    );
    let (filter, page) = (EventFilter::default(), PageRequest::default());
    away(rig.events.events(&filter, &page).await.map(drop));
    assert!(rig.spool.pending().is_empty());
}

#[tokio::test]
async fn pending_events_are_not_taken_for_lost_while_their_settlement_may_wait() {
    let rig = Rig::new().await;
    let e = event("a", "x");
    rig.events
        .record_pending(std::slice::from_ref(&e))
        .await
        .unwrap();
    let stale = || rig.events.stale_pending(at(9), 9);
    assert_eq!(stale().await.unwrap(), std::slice::from_ref(&e));
    rig.flaky.set(Mode::Down);
    rig.events.settle(&[release(&e)], at(1)).await.unwrap();
    rig.flaky.set(Mode::Up);
    assert!(matches!(stale().await, Err(StoreError::Unavailable(_))));
    rig.drain().await;
    assert!(stale().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_the_store_refuses_is_set_aside_and_holds_up_nobody() {
    let rig = Rig::new().await;
    let all: Vec<_> = (0..5).map(|_| event("a", "x")).collect();
    rig.flaky.set(Mode::Down);
    for e in &all {
        rig.events
            .record_pending(std::slice::from_ref(e))
            .await
            .unwrap();
    }
    let settlements: Vec<_> = all.iter().map(release).collect();
    rig.events.settle(&settlements, at(1)).await.unwrap();
    rig.flaky.refuse(Some(&all[2].id));
    rig.flaky.set(Mode::Up);
    let left = rig.spool.drain(LONG).await;
    // The one record, and the settlement of all five of which it is one.
    assert_eq!((left.events, left.refused), (0, 6), "{left}");
    assert!(!left.is_empty());
    for (n, e) in all.iter().enumerate() {
        let stored = rig.store.event(&e.id).await.unwrap();
        assert_eq!(stored.is_some(), n != 2);
    }
    // Straight, it is the caller who learns it.
    let refused = event("a", "x");
    rig.flaky.refuse(Some(&refused.id));
    let said = rig.events.record_pending(&[refused]).await;
    assert!(matches!(said, Err(StoreError::Corrupt(_))), "{said:?}");
    // The next start tries once more.
    rig.flaky.refuse(None);
    rig.spool.close();
    let again = open(rig.dir.path(), 1 << 30, HASTY, &rig.flaky)
        .await
        .unwrap();
    assert_eq!(again.pending().events, 6);
    assert!(again.drain(LONG).await.is_empty());
    let stored = rig.store.event(&all[2].id).await.unwrap().unwrap();
    assert_eq!(stored.state, EventState::Released);
}
