//! What a release under an event's last id may expect of a store; never which id that is.

use super::deliveries::{claim, complete, endpoint, make_endpoint};
use super::events::{event, release};
use super::{Stores, at, change};
use crate::base::page::PageRequest;
use crate::webhooks::model::{Event, EventState, Outcome, Settlement};
use crate::webhooks::port::EventFilter;

/// A release that gives the event the id `last`.
pub(crate) fn release_as(e: &Event, last: &str) -> Settlement {
    match release(e) {
        Settlement::Release {
            event_id,
            account_id,
            data,
            truncated,
            resource_id,
            ..
        } => Settlement::Release {
            event_id,
            account_id,
            data,
            truncated,
            resource_id,
            released_id: Some(last.to_owned()),
        },
        other => other,
    }
}

async fn record(s: &Stores, e: &Event) {
    let events = std::slice::from_ref(e);
    s.events.record_pending(events).await.unwrap();
}

async fn listed(s: &Stores, filter: EventFilter) -> Vec<String> {
    let page = s.events.events(&filter, &PageRequest::default()).await;
    page.unwrap().items.into_iter().map(|e| e.id).collect()
}

pub(crate) async fn a_release_may_give_the_event_its_last_id(s: &Stores) {
    make_endpoint(s, endpoint("a", &["x"])).await;
    let (first, second) = (event("a", "x"), event("a", "x"));
    record(s, &first).await;
    record(s, &second).await;
    let settlement = release_as(&first, "evt_last");
    s.events.settle(&[settlement], at(1)).await.unwrap();
    assert_eq!(s.events.event(&first.id).await.unwrap(), None);
    let expected = Event {
        id: "evt_last".to_owned(),
        state: EventState::Released,
        sequence: Some(1),
        data: Some("{\"id\":1}".to_owned()),
        ..first.clone()
    };
    let stored = s.events.event("evt_last").await.unwrap();
    assert_eq!(stored.as_ref(), Some(&expected));
    // In its own place, in every list.
    for filter in [
        EventFilter::default(),
        EventFilter {
            account_id: Some("a".to_owned()),
            ..EventFilter::default()
        },
        EventFilter {
            event_type: Some("x".to_owned()),
            ..EventFilter::default()
        },
    ] {
        assert_eq!(listed(s, filter).await, [&second.id, "evt_last"]);
    }
    let stale = s.events.stale_pending(at(100), 10).await.unwrap();
    assert_eq!(stale.len(), 1);
    let feed = s.feed.released_after("a", 0, 10).await.unwrap();
    assert_eq!(feed, std::slice::from_ref(&expected));
    let due = claim(s, at(1)).await;
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].event, expected);
    assert_eq!(due[0].delivery.event_id, "evt_last");
}

pub(crate) async fn a_release_under_a_known_id_is_the_same_event_told_again(s: &Stores) {
    make_endpoint(s, endpoint("a", &["x"])).await;
    let (first, again, other) = (event("a", "x"), event("a", "x"), event("a", "x"));
    for e in [&first, &again, &other] {
        record(s, e).await;
    }
    let all = [
        release_as(&first, "evt_last"),
        release_as(&again, "evt_last"),
        release_as(&other, "evt_other"),
    ];
    s.events.settle(&all[..1], at(1)).await.unwrap();
    let released = s.events.event("evt_last").await.unwrap();
    s.events.settle(&all[1..], at(2)).await.unwrap();
    assert_eq!(s.events.event("evt_last").await.unwrap(), released);
    for gone in [&first, &again, &other] {
        assert_eq!(s.events.event(&gone.id).await.unwrap(), None);
    }
    let feed = s.feed.released_after("a", 0, 10).await.unwrap();
    let numbers: Vec<_> = feed.iter().map(|e| (e.id.as_str(), e.sequence)).collect();
    assert_eq!(numbers, [("evt_last", Some(1)), ("evt_other", Some(2))]);
    assert_eq!(claim(s, at(2)).await.len(), 2);
}

pub(crate) async fn a_last_id_is_given_once_however_often_it_is_told(s: &Stores) {
    make_endpoint(s, endpoint("a", &["x"])).await;
    let e = event("a", "x");
    record(s, &e).await;
    let settlement = release_as(&e, "evt_last");
    s.events
        .settle(&[settlement.clone(), settlement.clone()], at(1))
        .await
        .unwrap();
    let released = s.events.event("evt_last").await.unwrap();
    // Sent again after a failover, in order.
    record(s, &e).await;
    s.events.settle(&[settlement], at(2)).await.unwrap();
    assert_eq!(s.events.event("evt_last").await.unwrap(), released);
    assert_eq!(s.events.event(&e.id).await.unwrap(), None);
    assert_eq!(listed(s, EventFilter::default()).await, ["evt_last"]);
    assert_eq!(claim(s, at(2)).await.len(), 1);
    // The id that it was recorded under may be the last one as well.
    let same = event("a", "x");
    record(s, &same).await;
    let settlement = release_as(&same, &same.id);
    s.events.settle(&[settlement], at(3)).await.unwrap();
    let stored = s.events.event(&same.id).await.unwrap().unwrap();
    assert_eq!(stored.sequence, Some(2));
}

pub(crate) async fn an_event_is_replayed_and_pruned_under_its_last_id(s: &Stores) {
    make_endpoint(s, endpoint("a", &["x"])).await;
    let e = event("a", "x");
    record(s, &e).await;
    let settlement = release_as(&e, "evt_last");
    s.events.settle(&[settlement], at(1)).await.unwrap();
    let why = change("event.replay", "a");
    let replayed = s.events.replay("evt_last", "{}", at(2), &why).await;
    assert_eq!(replayed.unwrap().id, "evt_last");
    let due = claim(s, at(2)).await;
    assert_eq!(due.len(), 1);
    complete(s, &due[0], Outcome::Succeeded, at(3)).await;
    s.events.prune_events(at(3600), at(3600)).await.unwrap();
    assert_eq!(s.events.event("evt_last").await.unwrap(), None);
    assert!(listed(s, EventFilter::default()).await.is_empty());
}
