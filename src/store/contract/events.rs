//! What events may expect of a store; never how a delivery runs.

use super::accounts::{begin_erasure, erase};
use super::deliveries::{claim, complete, endpoint, make_endpoint};
use super::keys::{key, make};
use super::{Stores, assert_conflict, assert_not_found, at, change};
use crate::base::page::PageRequest;
use crate::webhooks::model::{Event, EventState, Outcome, Settlement};
use crate::webhooks::port::{DeliveryFilter, EventFilter};

pub(crate) fn event(account: &str, event_type: &str) -> Event {
    Event {
        occurred_at: at(0),
        request_id: Some("r1".to_owned()),
        route: Some("/v1/contacts".to_owned()),
        method: Some("POST".to_owned()),
        status: Some(201),
        resource_id: Some("from the path".to_owned()),
        conditional: true,
        ..Event::blank(account, event_type)
    }
}

pub(crate) fn release(e: &Event) -> Settlement {
    Settlement::Release {
        event_id: e.id.clone(),
        account_id: e.account_id.clone(),
        data: "{\"id\":1}".to_owned(),
        truncated: false,
        resource_id: None,
        released_id: None,
    }
}

pub(crate) fn drop_it(e: &Event) -> Settlement {
    Settlement::Drop {
        event_id: e.id.clone(),
        account_id: e.account_id.clone(),
    }
}

pub(crate) fn unresolved(e: &Event) -> Settlement {
    Settlement::Unresolved {
        event_id: e.id.clone(),
        account_id: e.account_id.clone(),
    }
}

/// Records an event and releases it.
pub(crate) async fn happen(s: &Stores, e: &Event) -> Event {
    s.events
        .record_pending(std::slice::from_ref(e))
        .await
        .unwrap();
    s.events.settle(&[release(e)], s.clock.now()).await.unwrap();
    stored(s, e).await
}

async fn stored(s: &Stores, e: &Event) -> Event {
    s.events.event(&e.id).await.unwrap().unwrap()
}

async fn deliveries(s: &Stores, e: &Event) -> usize {
    let filter = DeliveryFilter {
        event_id: Some(e.id.clone()),
        ..DeliveryFilter::default()
    };
    let page = s.events.deliveries(&filter, &PageRequest::default()).await;
    page.unwrap().items.len()
}

pub(crate) async fn a_pending_event_is_recorded_once_and_keeps_all_its_fields(s: &Stores) {
    assert!(s.events.is_healthy());
    let (one, two) = (event("a", "x"), event("b", "x"));
    let both = [one.clone(), two.clone()];
    s.events.record_pending(&both).await.unwrap();
    let again = Event {
        event_type: "other".to_owned(),
        ..one.clone()
    };
    s.events.record_pending(&[again]).await.unwrap();
    assert_eq!(stored(s, &one).await, one);
    assert_eq!(stored(s, &two).await, two);
    assert_eq!(s.events.event("evt_none").await.unwrap(), None);
    assert_eq!(deliveries(s, &one).await, 0);
}

pub(crate) async fn a_release_numbers_the_event_and_makes_deliveries(s: &Stores) {
    let wants = make_endpoint(s, endpoint("a", &["x", "y"])).await;
    make_endpoint(s, endpoint("a", &["y"])).await;
    make_endpoint(s, endpoint("b", &["x"])).await;
    let e = event("a", "x");
    s.events
        .record_pending(std::slice::from_ref(&e))
        .await
        .unwrap();
    let release = Settlement::Release {
        event_id: e.id.clone(),
        account_id: "a".to_owned(),
        data: "{\"id\":7}".to_owned(),
        truncated: true,
        resource_id: Some("7".to_owned()),
        released_id: None,
    };
    s.events.settle(&[release], at(1)).await.unwrap();
    let expected = Event {
        state: EventState::Released,
        sequence: Some(1),
        data: Some("{\"id\":7}".to_owned()),
        truncated: true,
        resource_id: Some("7".to_owned()),
        ..e.clone()
    };
    assert_eq!(stored(s, &e).await, expected);
    let due = claim(s, at(1)).await;
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].endpoint.id, wants.id);
    assert_eq!(due[0].event, expected);
    assert_eq!(due[0].delivery.created_at, at(1));
}

pub(crate) async fn a_wildcard_wants_every_type_below_it(s: &Stores) {
    make_endpoint(s, endpoint("a", &["contact.*", "contact.created"])).await;
    make_endpoint(s, endpoint("a", &["*"])).await;
    for (kind, n) in [
        ("contact.created", 2),
        ("contact.note.added", 2),
        ("contacts.created", 1),
        ("webhook.test", 0),
        ("key.expiring", 0),
    ] {
        let e = happen(s, &event("a", kind)).await;
        assert_eq!(deliveries(s, &e).await, n, "{kind}");
    }
}

pub(crate) async fn settling_twice_changes_nothing(s: &Stores) {
    make_endpoint(s, endpoint("a", &["x"])).await;
    let e = happen(s, &event("a", "x")).await;
    assert_eq!(e.resource_id.as_deref(), Some("from the path"));
    for again in [release(&e), drop_it(&e), unresolved(&e)] {
        s.events.settle(&[again], at(2)).await.unwrap();
        assert_eq!(stored(s, &e).await, e);
    }
    assert_eq!(deliveries(s, &e).await, 1);
    s.events
        .settle(&[release(&event("a", "x"))], at(2))
        .await
        .unwrap();
    assert_eq!(happen(s, &event("a", "x")).await.sequence, Some(2));
}

pub(crate) async fn a_dropped_event_is_gone_and_an_unresolved_one_is_counted(s: &Stores) {
    let (one, two) = (event("a", "x"), event("a", "x"));
    s.events
        .record_pending(&[one.clone(), two.clone()])
        .await
        .unwrap();
    s.events
        .settle(&[drop_it(&one), unresolved(&two)], at(1))
        .await
        .unwrap();
    assert_eq!(s.events.event(&one.id).await.unwrap(), None);
    assert_eq!(stored(s, &two).await.state, EventState::Unresolved);
    let stats = s.events.queue_stats().await.unwrap();
    assert_eq!(stats.unresolved_events, 1);
    assert_eq!((stats.pending_deliveries, stats.oldest_pending), (0, None));
}

pub(crate) async fn stale_events_are_those_recorded_long_ago(s: &Stores) {
    let (old, older, young) = (event("a", "x"), event("a", "x"), event("a", "x"));
    s.events
        .record_pending(std::slice::from_ref(&older))
        .await
        .unwrap();
    s.clock.set(at(5));
    s.events
        .record_pending(std::slice::from_ref(&old))
        .await
        .unwrap();
    s.clock.set(at(10));
    s.events
        .record_pending(std::slice::from_ref(&young))
        .await
        .unwrap();
    let stale = |n| s.events.stale_pending(at(10), n);
    assert_eq!(stale(9).await.unwrap(), [older.clone(), old.clone()]);
    assert_eq!(stale(1).await.unwrap(), std::slice::from_ref(&older));
    s.events.settle(&[release(&older)], at(11)).await.unwrap();
    assert_eq!(stale(9).await.unwrap(), [old]);
}

pub(crate) async fn sequences_grow_per_account(s: &Stores) {
    for (account, expected) in [("a", 1), ("a", 2), ("b", 1), ("a", 3)] {
        let e = happen(s, &event(account, "x")).await;
        assert_eq!(e.sequence, Some(expected));
    }
}

pub(crate) async fn a_published_event_is_idempotent_by_id(s: &Stores) {
    make_endpoint(s, endpoint("a", &["deal.won"])).await;
    let e = Event {
        id: "their-own-id".to_owned(),
        data: Some("{}".to_owned()),
        request_id: None,
        route: None,
        method: None,
        status: None,
        resource_id: None,
        conditional: false,
        ..event("a", "deal.won")
    };
    let publish = |e: Event| async move {
        let why = change("event.publish", &e.account_id);
        s.events.publish(&e, at(1), &why).await
    };
    let first = publish(e.clone()).await.unwrap();
    assert_eq!(first.state, EventState::Released);
    assert_eq!(first.sequence, Some(1));
    let again = Event {
        data: Some("{\"other\":1}".to_owned()),
        ..e.clone()
    };
    assert_eq!(publish(again).await.unwrap(), first);
    assert_eq!(stored(s, &e).await, first);
    assert_eq!(deliveries(s, &e).await, 1);
    let of_another = Event {
        account_id: "b".to_owned(),
        ..e
    };
    assert_conflict(publish(of_another).await);
}

pub(crate) async fn a_replay_starts_all_deliveries_anew(s: &Stores) {
    let old = make_endpoint(s, endpoint("a", &["x"])).await;
    let e = happen(s, &event("a", "x")).await;
    let c = claim(s, at(0)).await.remove(0);
    complete(s, &c, Outcome::Succeeded, at(1)).await;
    let new = make_endpoint(s, endpoint("a", &["x"])).await;
    let why = change("event.replay", "a");
    let replayed = s.events.replay(&e.id, "{}", at(5), &why).await.unwrap();
    assert_eq!(replayed, e);
    let due = claim(s, at(5)).await;
    let mut to: Vec<_> = due.iter().map(|c| c.endpoint.id.clone()).collect();
    to.sort();
    assert_eq!(to, [old.id, new.id]);
    assert!(due.iter().all(|c| c.delivery.attempts == 0));
    assert!(due.iter().any(|d| d.delivery.id == c.delivery.id));
    let why = change("event.replay", "a");
    assert_not_found(s.events.replay("evt_none", "{}", at(5), &why).await);
    let pending = event("a", "x");
    s.events
        .record_pending(std::slice::from_ref(&pending))
        .await
        .unwrap();
    assert_conflict(s.events.replay(&pending.id, "{}", at(5), &why).await);
}

pub(crate) async fn a_replay_releases_an_unresolved_event_as_truncated(s: &Stores) {
    make_endpoint(s, endpoint("a", &["x"])).await;
    let e = event("a", "x");
    s.events
        .record_pending(std::slice::from_ref(&e))
        .await
        .unwrap();
    s.events.settle(&[unresolved(&e)], at(1)).await.unwrap();
    let why = change("event.replay", "a");
    let released = s.events.replay(&e.id, "{\"id\":1}", at(2), &why).await;
    let expected = Event {
        state: EventState::Released,
        sequence: Some(1),
        data: Some("{\"id\":1}".to_owned()),
        truncated: true,
        ..e.clone()
    };
    assert_eq!(released.unwrap(), expected);
    assert_eq!(stored(s, &e).await, expected);
    assert_eq!(deliveries(s, &e).await, 1);
    let stats = s.events.queue_stats().await.unwrap();
    assert_eq!(stats.unresolved_events, 0);
}

pub(crate) async fn events_are_listed_newest_first_by_filter(s: &Stores) {
    let mut all = Vec::new();
    for (account, kind) in [("a", "x"), ("a", "y"), ("b", "x"), ("a", "x")] {
        all.push(happen(s, &event(account, kind)).await);
    }
    let pending = event("a", "x");
    s.events
        .record_pending(std::slice::from_ref(&pending))
        .await
        .unwrap();
    all.push(pending);
    let list = |filter: EventFilter, limit, after| async move {
        let page = PageRequest { limit, after };
        s.events.events(&filter, &page).await.unwrap()
    };
    let first = list(EventFilter::default(), 2, None).await;
    assert_eq!(first.items, [all[4].clone(), all[3].clone()]);
    happen(s, &event("c", "z")).await;
    let second = list(EventFilter::default(), 3, first.next).await;
    assert_eq!(
        second.items,
        [all[2].clone(), all[1].clone(), all[0].clone()]
    );
    assert_eq!(second.next, None);
    let by = |account: Option<&str>, kind: Option<&str>, state| EventFilter {
        account_id: account.map(str::to_owned),
        event_type: kind.map(str::to_owned),
        state,
    };
    for (filter, n) in [
        (by(Some("a"), None, None), 4),
        (by(None, Some("x"), None), 4),
        (by(Some("a"), Some("x"), None), 3),
        (by(None, None, Some(EventState::Pending)), 1),
        (by(Some("a"), Some("x"), Some(EventState::Released)), 2),
        (by(None, None, Some(EventState::Unresolved)), 0),
    ] {
        let found = list(filter.clone(), 9, None).await.items;
        assert_eq!(found.len(), n, "{filter:?}");
    }
}

pub(crate) async fn finished_things_are_pruned_and_the_rest_stays(s: &Stores) {
    make_endpoint(s, endpoint("a", &["x"])).await;
    let (done, waiting) = (
        happen(s, &event("a", "x")).await,
        happen(s, &event("a", "x")).await,
    );
    let unwanted = happen(s, &event("a", "y")).await;
    let unknown = event("a", "x");
    s.events
        .record_pending(std::slice::from_ref(&unknown))
        .await
        .unwrap();
    s.events
        .settle(&[unresolved(&unknown)], at(0))
        .await
        .unwrap();
    let due = claim(s, at(0)).await;
    let c = due.iter().find(|c| c.event.id == done.id).unwrap();
    complete(s, c, Outcome::Succeeded, at(10)).await;
    s.clock.set(at(20));
    let young = happen(s, &event("a", "y")).await;

    s.events.prune_events(at(10), at(10)).await.unwrap();
    assert_eq!(stored(s, &done).await, done);
    assert_eq!(s.events.event(&unwanted.id).await.unwrap(), None);
    s.events.prune_events(at(11), at(11)).await.unwrap();
    assert_eq!(s.events.event(&done.id).await.unwrap(), None);
    assert_eq!(s.events.delivery(&c.delivery.id).await.unwrap(), None);
    assert_eq!(stored(s, &waiting).await, waiting);
    assert_eq!(stored(s, &young).await, young);
    assert_eq!(stored(s, &unknown).await.state, EventState::Unresolved);
    assert_eq!(deliveries(s, &waiting).await, 1);
}

pub(crate) async fn dead_letters_are_kept_for_their_own_time(s: &Stores) {
    make_endpoint(s, endpoint("a", &["x"])).await;
    let mut of = Vec::new();
    for _ in 0..4 {
        of.push(happen(s, &event("a", "x")).await);
    }
    let due = claim(s, at(0)).await;
    for (n, e) in of.iter().enumerate() {
        let c = due.iter().find(|c| c.event.id == e.id).unwrap();
        let outcome = match n % 2 {
            0 => Outcome::Exhausted,
            _ => Outcome::Succeeded,
        };
        complete(s, c, outcome, at(10 + i64::from(n == 2))).await;
    }
    s.events.prune_events(at(60), at(5)).await.unwrap();
    for (n, e) in of.iter().enumerate() {
        let kept = s.events.event(&e.id).await.unwrap();
        assert_eq!(kept.is_some(), n % 2 == 0, "{n}");
    }
    s.events.prune_events(at(60), at(11)).await.unwrap();
    assert_eq!(s.events.event(&of[0].id).await.unwrap(), None);
    assert_eq!(deliveries(s, &of[2]).await, 1);
    // What is kept for longer than dead letters are keeps them as long.
    s.events.prune_events(at(9), at(60)).await.unwrap();
    assert_eq!(deliveries(s, &of[2]).await, 1);
    s.events.prune_events(at(60), at(60)).await.unwrap();
    assert_eq!(s.events.event(&of[2].id).await.unwrap(), None);
}

pub(crate) async fn an_erasure_takes_events_and_leaves_other_accounts(s: &Stores) {
    for account in ["a", "b"] {
        make(s, &key(account, account.as_bytes()[0])).await;
        make_endpoint(s, endpoint(account, &["x"])).await;
    }
    let mut of_a = Vec::new();
    for _ in 0..3 {
        of_a.push(happen(s, &event("a", "x")).await);
    }
    let kept = happen(s, &event("b", "x")).await;
    let due = claim(s, at(0)).await;
    let c = due.iter().find(|c| c.event.id == of_a[0].id).unwrap();
    begin_erasure(s, "a").await;
    let why = change("endpoint.create", "a");
    assert_conflict(
        s.events
            .create_endpoint(&endpoint("a", &["x"]), 9, &why)
            .await,
    );
    assert_conflict(s.events.publish(&event("a", "x"), at(0), &why).await);
    erase(s, "a").await;
    // The attempt that was under way finds nothing to complete.
    complete(s, c, Outcome::Succeeded, at(1)).await;
    for e in &of_a {
        assert_eq!(s.events.event(&e.id).await.unwrap(), None);
        assert_eq!(deliveries(s, e).await, 0);
    }
    let page = PageRequest::default();
    let left = s.events.endpoints(None, &page).await.unwrap().items;
    assert!(left.iter().all(|e| e.account_id == "b"));
    assert_eq!(stored(s, &kept).await, kept);
    let stats = s.events.queue_stats().await.unwrap();
    assert_eq!(stats.pending_deliveries, 1);
}

pub(crate) async fn what_comes_late_for_an_erased_account_is_left_out(s: &Stores) {
    make(s, &key("a", 1)).await;
    let before = event("a", "x");
    s.events
        .record_pending(std::slice::from_ref(&before))
        .await
        .unwrap();
    begin_erasure(s, "a").await;
    let during = event("a", "x");
    s.events
        .record_pending(std::slice::from_ref(&during))
        .await
        .unwrap();
    erase(s, "a").await;
    let after = event("a", "x");
    s.events
        .record_pending(std::slice::from_ref(&after))
        .await
        .unwrap();
    s.events
        .settle(&[release(&before), release(&after)], at(1))
        .await
        .unwrap();
    for e in [before, during, after] {
        assert_eq!(s.events.event(&e.id).await.unwrap(), None);
    }
    make(s, &key("a", 1)).await;
    assert_eq!(happen(s, &event("a", "x")).await.sequence, Some(1));
    let stats = s.events.queue_stats().await.unwrap();
    assert_eq!(stats.pending_deliveries, 0);
}
