//! Tests of which id an event has from its record to its release, and of requests that are repeated; never of a store's rows.

use super::*;

fn repeatable(key: &str, digest: u8) -> Repeatable {
    Repeatable {
        key: key.to_owned(),
        digest: [digest; 32],
    }
}

/// An exchange from its record to its release; the id that it was recorded under.
async fn exchange(
    b: &mut Bench,
    call: &Call,
    request: Option<Repeatable>,
    response: &'static str,
) -> String {
    let rules = RouteRules::of(CREATED);
    let mut exchange = b.record(&rules, call).await.unwrap();
    let id = exchange.events[0].0.clone();
    if let Some(request) = request {
        exchange.repeatable(request);
    }
    b.settle(exchange, captured("", response)).await;
    id
}

#[tokio::test]
async fn an_event_is_recorded_under_what_is_known_of_it_and_released_under_the_resource_too() {
    let mut b = bench();
    let id = exchange(&mut b, &create(), None, "{\"id\": 7}").await;
    let event = b.only();
    assert_eq!(event.id, identity::released(&id, "7"));
    assert_ne!(event.id, identity::released(&id, "8"));
    assert!(ids::is_valid(ids::EVENT, &event.id) && event.id != id);
    // Without the body, Location has the resource's id.
    let mut b = bench();
    let id = exchange(&mut b, &create(), None, "{}").await;
    assert_eq!(b.only().id, identity::released(&id, "c_9"));
    // Where nothing tells it, the id stays.
    let mut b = bench();
    let call = Call {
        response_headers: json_headers(),
        ..create()
    };
    let id = exchange(&mut b, &call, None, "{}").await;
    assert_eq!(b.only().id, id);
}

#[tokio::test]
async fn an_id_tells_account_route_type_and_request_and_each_of_a_routes_rules() {
    let rules = RouteRules::of(&[
        ("a.b", &[200, 201], None),
        ("a.b", &[200, 201], Some("true")),
        ("a.c", &[200, 201], None),
    ]);
    let of = async |call: &Call, request: &str| -> Vec<String> {
        let b = bench();
        let e = b
            .record_as(&rules, call, (request, false), Duration::ZERO)
            .await
            .unwrap();
        e.events.iter().map(|(id, _)| id.clone()).collect()
    };
    let first = of(&create(), "r1").await;
    assert_eq!(first, of(&create(), "r1").await, "on any node");
    let mut all = first;
    all.extend(of(&create(), "r2").await);
    all.extend(of(&update(), "r1").await);
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 9);
}

#[tokio::test]
async fn requests_that_share_an_id_of_a_proxys_choice_share_no_event() {
    let mut b = bench();
    let rules = RouteRules::of(CREATED);
    let mut ids = Vec::new();
    for _ in 0..3 {
        let e = b
            .record_as(&rules, &create(), ("same", true), Duration::ZERO)
            .await
            .unwrap();
        ids.push(e.events[0].0.clone());
        b.settle(e, captured("", "{\"id\": 7}")).await;
    }
    let events = b.store.all_events();
    assert_eq!(events.len(), 3, "{events:?}");
    assert!(
        events
            .iter()
            .all(|e| e.request_id.as_deref() == Some("same"))
    );
}

#[tokio::test]
async fn a_request_repeated_with_its_key_makes_no_second_event() {
    let mut b = bench();
    let key = || Some(repeatable("k", 1));
    exchange(&mut b, &create(), key(), "{\"id\": 7}").await;
    let first = b.only();
    exchange(&mut b, &create(), key(), "{\"id\": 7, \"again\": true}").await;
    assert_eq!(b.only(), first);
    assert!(b.events.held().is_empty());
}

#[tokio::test]
async fn a_repetition_needs_the_same_key_digest_and_resource() {
    for (request, response) in [
        (Some(repeatable("other", 1)), "{\"id\": 7}"),
        (Some(repeatable("k", 2)), "{\"id\": 7}"),
        (Some(repeatable("k", 1)), "{\"id\": 8}"),
        (None, "{\"id\": 7}"),
    ] {
        let mut b = bench();
        exchange(&mut b, &create(), Some(repeatable("k", 1)), "{\"id\": 7}").await;
        exchange(&mut b, &create(), request, response).await;
        assert_eq!(b.store.all_events().len(), 2);
    }
    // Where nobody knows the resource, rather two events than none.
    let mut b = bench();
    let call = Call {
        response_headers: json_headers(),
        ..create()
    };
    for _ in 0..2 {
        exchange(&mut b, &call, Some(repeatable("k", 1)), "{}").await;
    }
    assert_eq!(b.store.all_events().len(), 2);
}

#[tokio::test]
async fn each_rule_of_a_repeated_request_is_a_repetition_of_its_own() {
    let rules = RouteRules::of(&[("a.b", &[201], None), ("a.b", &[201], None)]);
    let mut b = bench();
    for _ in 0..2 {
        let mut e = b.record(&rules, &create()).await.unwrap();
        e.repeatable(repeatable("k", 1));
        b.settle(e, captured("", "{\"id\": 7}")).await;
    }
    assert_eq!(b.store.all_events().len(), 2);
}

#[tokio::test]
async fn a_sweep_gives_the_id_that_the_release_would_have_given() {
    let b = bench();
    let exchange = b.record(&RouteRules::of(CREATED), &create()).await.unwrap();
    let id = exchange.events[0].0.clone();
    drop(exchange);
    b.clock.advance(Duration::from_secs(1));
    let sweeper = b.sweeper();
    assert_eq!(sweeper.sweep(b.clock.now()).await.unwrap(), 1);
    assert_eq!(b.only().id, identity::released(&id, "c_9"));
}
