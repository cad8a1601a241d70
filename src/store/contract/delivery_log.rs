//! What lists of deliveries may expect of a store; never how one comes about.

use std::time::Duration;

use super::deliveries::{claim, complete, endpoint, make_endpoint};
use super::events::{event, happen};
use super::{Stores, at};
use crate::base::clock::Timestamp;
use crate::base::ids;
use crate::base::page::PageRequest;
use crate::webhooks::model::{Delivery, DeliveryState, Outcome};
use crate::webhooks::port::DeliveryFilter;

pub(crate) async fn deliveries_are_listed_by_filter(s: &Stores) {
    let one = make_endpoint(s, endpoint("a", &["x"])).await;
    make_endpoint(s, endpoint("a", &["x"])).await;
    for _ in 0..3 {
        happen(s, &event("a", "x")).await;
    }
    let c = claim(s, at(0)).await.remove(0);
    complete(s, &c, Outcome::Exhausted, at(1)).await;
    let list = |filter: DeliveryFilter, limit, after| async move {
        let page = PageRequest { limit, after };
        s.events.deliveries(&filter, &page).await.unwrap()
    };
    let of_one = DeliveryFilter {
        endpoint_id: Some(one.id),
        ..DeliveryFilter::default()
    };
    let first = list(of_one.clone(), 2, None).await;
    assert_eq!(first.items.len(), 2);
    assert!(first.items[0].0.id > first.items[1].0.id);
    let second = list(of_one, 2, first.next).await;
    assert_eq!((second.items.len(), second.next), (1, None));
    let by = |event_id, state| DeliveryFilter {
        event_id,
        state,
        ..DeliveryFilter::default()
    };
    let failed = Some(DeliveryState::Failed);
    assert_eq!(list(by(None, failed), 9, None).await.items.len(), 1);
    assert_eq!(list(by(None, None), 9, None).await.items.len(), 6);
    let of_event = by(Some(c.event.id), None);
    let found = list(of_event, 9, None).await.items;
    assert_eq!(found.len(), 2);
    assert!(found.iter().any(|(_, attempts)| attempts.len() == 1));

    make_endpoint(s, endpoint("b", &["x", "y"])).await;
    s.clock.set(at(30));
    happen(s, &event("b", "y")).await;
    let all = DeliveryFilter::default();
    let of = |account: &str| Some(account.to_owned());
    for (filter, n) in [
        (
            DeliveryFilter {
                account_id: of("a"),
                ..all.clone()
            },
            6,
        ),
        (
            DeliveryFilter {
                account_id: of("b"),
                ..all.clone()
            },
            1,
        ),
        (
            DeliveryFilter {
                account_id: of("c"),
                ..all.clone()
            },
            0,
        ),
        (
            DeliveryFilter {
                event_type: of("y"),
                ..all.clone()
            },
            1,
        ),
        (
            DeliveryFilter {
                account_id: of("a"),
                event_type: of("y"),
                ..all.clone()
            },
            0,
        ),
        (
            DeliveryFilter {
                from: Some(at(30)),
                ..all.clone()
            },
            1,
        ),
        (
            DeliveryFilter {
                to: Some(at(30)),
                ..all.clone()
            },
            6,
        ),
        (
            DeliveryFilter {
                from: Some(at(0)),
                to: Some(at(31)),
                state: failed,
                ..all.clone()
            },
            1,
        ),
        (
            DeliveryFilter {
                account_id: of("b"),
                state: failed,
                ..all.clone()
            },
            0,
        ),
    ] {
        assert_eq!(
            list(filter.clone(), 9, None).await.items.len(),
            n,
            "{filter:?}"
        );
    }
}

pub(crate) async fn deliveries_are_listed_by_when_they_were_made(s: &Stores) {
    let ours = make_endpoint(s, endpoint("a", &["x"])).await;
    let theirs = make_endpoint(s, endpoint("b", &["x"])).await;
    const HOUR: i64 = 3_600;
    for _ in 0..6 {
        for account in ["a", "b"] {
            happen(s, &event(account, "x")).await;
        }
        s.clock.advance(Duration::from_secs(3_600));
    }
    let list = async |filter: &DeliveryFilter, limit, after| {
        let page = PageRequest { limit, after };
        let found = s.events.deliveries(filter, &page).await.unwrap();
        let items: Vec<Delivery> = found.items.into_iter().map(|(d, _)| d).collect();
        (items, found.next)
    };
    let hours = |items: &[Delivery]| -> Vec<i64> {
        let since = |t: Timestamp| (t.millis() - at(0).millis()) / 1_000 / HOUR;
        items.iter().map(|d| since(d.created_at)).collect()
    };
    let span = |from: Option<i64>, to: Option<i64>| DeliveryFilter {
        from: from.map(at),
        to: to.map(at),
        ..DeliveryFilter::default()
    };
    let of_a = DeliveryFilter {
        account_id: Some("a".to_owned()),
        ..span(Some(HOUR), Some(4 * HOUR))
    };
    // What is at the beginning is of the span, what is at its end is not.
    assert_eq!(hours(&list(&of_a, 9, None).await.0), [3, 2, 1]);
    let both = span(Some(HOUR), Some(4 * HOUR));
    assert_eq!(hours(&list(&both, 9, None).await.0), [3, 3, 2, 2, 1, 1]);
    for (from, to, found) in [
        (Some(4 * HOUR), None, &[5, 5, 4, 4][..]),
        (None, Some(HOUR), &[0, 0]),
        (Some(HOUR + 1), Some(2 * HOUR), &[]),
        (Some(9 * HOUR), None, &[]),
        (None, Some(0), &[]),
    ] {
        assert_eq!(hours(&list(&span(from, to), 9, None).await.0), found);
    }
    // With other filters, and page by page.
    let to_theirs = DeliveryFilter {
        endpoint_id: Some(theirs.id.clone()),
        ..both.clone()
    };
    assert_eq!(hours(&list(&to_theirs, 9, None).await.0), [3, 2, 1]);
    let nobody = DeliveryFilter {
        endpoint_id: Some(ours.id.clone()),
        state: Some(DeliveryState::Failed),
        ..both.clone()
    };
    assert_eq!(list(&nobody, 9, None).await.0, []);
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let (items, next) = list(&both, 2, after).await;
        all.extend(items);
        after = next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(hours(&all), [3, 3, 2, 2, 1, 1]);
    // Ids say when deliveries were made, by which stores find them without looking at others.
    for d in &all {
        let least = ids::first_at(ids::DELIVERY, d.created_at);
        let next = Timestamp::from_millis(d.created_at.millis() + 1);
        let end = ids::first_at(ids::DELIVERY, next);
        assert!(d.id > least && d.id < end, "{} {}", d.id, d.created_at);
    }
}
