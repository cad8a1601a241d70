//! Lists over all shards: complete, in order, and bounded where a filter leaves out nearly everything.

use super::super::shard::Shard;
use super::{around, run, stores};
use crate::base::ceilings::{REDIS_LIST_ROUNDS, REDIS_LOOK};
use crate::base::page::PageRequest;
use crate::store::contract::deliveries::{claim, endpoint, make_endpoint};
use crate::store::contract::events::{event, happen};
use crate::store::contract::{Stores, assert_not_found, at};
use crate::store::redis::testing;
use crate::webhooks::model::{Event, EventState, Settlement};
use crate::webhooks::port::EventFilter;

/// All pages of a list and how many these were.
async fn all(s: &Stores, filter: &EventFilter, limit: u32) -> (Vec<Event>, usize) {
    let mut page = PageRequest { limit, after: None };
    let (mut events, mut pages) = (Vec::new(), 0);
    loop {
        let found = s.events.events(filter, &page).await.unwrap();
        assert!(found.items.len() <= limit as usize);
        events.extend(found.items);
        pages += 1;
        match found.next {
            Some(next) => page.after = Some(next),
            None => return (events, pages),
        }
    }
}

#[tokio::test]
async fn pages_over_all_shards_have_every_event_once_newest_first() {
    let s = stores().await;
    let mut made = Vec::new();
    for i in 0..90 {
        made.push(happen(&s, &event(&format!("acct_{}", i % 23), "x")).await);
    }
    made.reverse();
    let (found, pages) = all(&s, &EventFilter::default(), 7).await;
    assert_eq!(found, made);
    assert_eq!(pages, 13);
}

#[tokio::test]
async fn a_filter_that_leaves_out_much_still_finds_all() {
    let s = stores().await;
    let mut wanted = Vec::new();
    for _ in 0..3 {
        let many: Vec<Event> = (0..REDIS_LOOK).map(|_| event("a", "y")).collect();
        s.events.record_pending(&many).await.unwrap();
        let one = event("a", "x");
        s.events
            .record_pending(std::slice::from_ref(&one))
            .await
            .unwrap();
        happen(&s, &event("b", "x")).await;
        wanted.insert(0, one);
    }
    let filter = EventFilter {
        account_id: Some("a".to_owned()),
        event_type: Some("x".to_owned()),
        state: None,
    };
    let (found, pages) = all(&s, &filter, 9).await;
    assert_eq!((found, pages), (wanted.clone(), 1));
    let filter = EventFilter {
        state: Some(EventState::Pending),
        ..filter
    };
    assert_eq!(all(&s, &filter, 9).await.0, wanted);
}

#[tokio::test]
async fn a_page_that_takes_too_many_steps_is_short_and_goes_on() {
    let (s, store) = around(testing::settings()).await;
    let old = happen(&s, &event("a", "x")).await;
    // Entries that lead nowhere are left out like any other that is not wanted.
    let fill = "for i = 1, tonumber(ARGV[1]) do
            redis.call('ZADD', KEYS[1], 9e15 + i, 'evt_' .. i)
        end";
    let name = Shard::of(&store, "a").events_of("a");
    let mut eval = redis::cmd("EVAL");
    eval.arg(fill)
        .arg(1)
        .arg(name)
        .arg(REDIS_LOOK * REDIS_LIST_ROUNDS + 1);
    run::<()>(&store, &eval).await;
    let filter = EventFilter {
        account_id: Some("a".to_owned()),
        event_type: Some("x".to_owned()),
        state: None,
    };
    let first = s.events.events(&filter, &PageRequest::default()).await;
    let first = first.unwrap();
    assert!(first.items.is_empty() && first.next.is_some());
    assert_eq!(all(&s, &filter, 9).await, (vec![old], 2));
}

#[tokio::test]
async fn a_cursor_that_is_none_is_not_found() {
    let s = stores().await;
    for cursor in ["", "evt_1", "1", "1-", "-1", "x-1", "1-x", "(1-1", "1-1-1"] {
        let page = PageRequest {
            limit: 9,
            after: Some(cursor.to_owned()),
        };
        assert_not_found(s.events.events(&EventFilter::default(), &page).await);
    }
}

#[tokio::test]
async fn texts_come_back_as_they_were() {
    let s = stores().await;
    let odd = "\u{0}\r\n\t\"'\\ ü 🦀 {} [] %s ]]";
    let mut e = endpoint("a", &["x"]);
    e.url = format!("https://receiver.example/{odd}");
    e.description = Some(odd.to_owned());
    let e = make_endpoint(&s, e).await;
    assert_eq!(s.events.endpoint(&e.id).await.unwrap(), Some(e.clone()));
    let mut one = event("a", "x");
    one.request_id = Some(odd.to_owned());
    one.resource_id = None;
    s.events
        .record_pending(std::slice::from_ref(&one))
        .await
        .unwrap();
    let data = format!(
        "{{\"list\":[],\"none\":null,\"big\":12345678901234567890,\"deep\":{}1{},\"odd\":{}}}",
        "[".repeat(200),
        "]".repeat(200),
        serde_json::to_string(odd).unwrap()
    );
    let release = Settlement::Release {
        event_id: one.id.clone(),
        account_id: "a".to_owned(),
        data: data.clone(),
        truncated: true,
        resource_id: Some(odd.to_owned()),
        released_id: None,
    };
    s.events.settle(&[release], at(1)).await.unwrap();
    let expected = Event {
        state: EventState::Released,
        sequence: Some(1),
        data: Some(data),
        truncated: true,
        resource_id: Some(odd.to_owned()),
        ..one
    };
    let claimed = claim(&s, at(1)).await.remove(0);
    assert_eq!((claimed.event, claimed.endpoint), (expected, e));
}
