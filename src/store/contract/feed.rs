//! What a stream of released events may expect of a store; never how events come to be.

use super::events::{drop_it, event, happen, release, unresolved};
use super::{Stores, at, change};
use crate::webhooks::model::Event;

async fn after(s: &Stores, account: &str, sequence: u64, limit: u32) -> Vec<Event> {
    let found = s.feed.released_after(account, sequence, limit).await;
    found.unwrap()
}

pub(crate) async fn released_events_come_in_their_order(s: &Stores) {
    // Recorded in one order and released in the other: it is the release that counts.
    let (first, second) = (event("a", "x"), event("a", "y"));
    let both = [first.clone(), second.clone()];
    s.events.record_pending(&both).await.unwrap();
    let settlements = [release(&second), release(&first)];
    s.events.settle(&settlements, at(1)).await.unwrap();
    happen(s, &event("b", "x")).await;
    let published = Event {
        id: "own-7".to_owned(),
        ..event("a", "x")
    };
    for _ in 0..2 {
        let why = change("event.publish", "a");
        s.events.publish(&published, at(2), &why).await.unwrap();
    }
    let third = event("a", "x");
    let recorded = std::slice::from_ref(&third);
    s.events.record_pending(recorded).await.unwrap();
    s.events.settle(&[unresolved(&third)], at(3)).await.unwrap();
    assert_eq!(after(s, "a", 2, 9).await.len(), 1);
    for _ in 0..2 {
        let why = change("event.replay", "a");
        s.events.replay(&third.id, "{}", at(4), &why).await.unwrap();
    }

    let all = after(s, "a", 0, 9).await;
    let ids: Vec<&str> = all.iter().map(|e| e.id.as_str()).collect();
    assert_eq!(ids, [&second.id, &first.id, "own-7", &third.id]);
    let numbers: Vec<_> = all.iter().filter_map(|e| e.sequence).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    assert_eq!(all[0].data.as_deref(), Some("{\"id\":1}"));
    assert_eq!(after(s, "a", 0, 2).await, all[..2]);
    assert_eq!(after(s, "a", 2, 2).await, all[2..]);
    assert_eq!(after(s, "a", 4, 9).await, []);
    assert_eq!(after(s, "a", u64::MAX, 9).await, []);
    assert_eq!(after(s, "nobody", 0, 9).await, []);
}

pub(crate) async fn what_is_not_released_or_is_gone_is_not_in_the_feed(s: &Stores) {
    let (pending, dropped) = (event("a", "x"), event("a", "x"));
    let both = [pending.clone(), dropped.clone()];
    s.events.record_pending(&both).await.unwrap();
    s.events.settle(&[drop_it(&dropped)], at(0)).await.unwrap();
    assert_eq!(after(s, "a", 0, 9).await, []);
    happen(s, &event("a", "x")).await;
    assert_eq!(after(s, "a", 0, 9).await.len(), 1);
    s.events.prune_events(at(3600), at(3600)).await.unwrap();
    assert_eq!(after(s, "a", 0, 9).await, []);
}

pub(crate) async fn the_last_number_outlives_the_event_that_has_it(s: &Stores) {
    let last = async |account| s.feed.last_sequence(account).await.unwrap();
    assert_eq!(last("a").await, 0);
    for _ in 0..2 {
        happen(s, &event("a", "x")).await;
    }
    happen(s, &event("b", "x")).await;
    assert_eq!((last("a").await, last("b").await), (2, 1));
    s.events.prune_events(at(3600), at(3600)).await.unwrap();
    assert_eq!(after(s, "a", 0, 9).await, []);
    assert_eq!(last("a").await, 2);
    happen(s, &event("a", "x")).await;
    assert_eq!(after(s, "a", 2, 9).await[0].sequence, Some(3));
}
