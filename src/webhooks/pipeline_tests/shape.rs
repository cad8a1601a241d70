//! Tests of event data that a rule makes: whole, thin where it fails or a body is lost, and counted; never of the language.

use super::*;

const SHAPE: &str = "{'name': response.body.full_name, 'id': response.body.uid}";

#[tokio::test]
async fn data_is_what_the_rule_makes_of_the_response() {
    let mut b = bench();
    let exchange = b
        .record(&RouteRules::shaped(CREATED, Some(SHAPE)), &create())
        .await
        .unwrap();
    assert!(!b.only().conditional);
    let v2 = "{\"uid\": \"c_9\", \"full_name\": \"Ada\", \"internal\": 1}";
    b.settle(exchange, captured("", v2)).await;
    let event = b.only();
    assert_eq!(
        event.data.as_deref(),
        Some("{\"id\":\"c_9\",\"name\":\"Ada\"}")
    );
    assert!(!event.truncated);
    assert_eq!(event.resource_id.as_deref(), Some("c_9"));
}

#[tokio::test]
async fn a_shape_that_fails_or_lacks_its_body_leaves_the_id() {
    for (captured, errors) in [
        (captured("", "{\"uid\": \"c_9\"}"), 1),
        (captured("", ""), 1),
        (Captured::default(), 0),
    ] {
        let mut b = bench();
        let exchange = b
            .record(&RouteRules::shaped(CREATED, Some(SHAPE)), &create())
            .await
            .unwrap();
        b.settle(exchange, captured).await;
        let event = b.only();
        assert_eq!(event.state, EventState::Released);
        assert_eq!(event.data.as_deref(), Some("{\"id\":\"c_9\"}"));
        assert!(event.truncated);
        assert_eq!(b.events.counters().shape_errors.get(), errors);
        assert_eq!(b.events.counters().condition_errors.get(), 0);
    }
}

#[tokio::test]
async fn a_shape_that_needs_no_body_outlives_a_lost_one() {
    let mut b = bench();
    let rules = RouteRules::shaped(CREATED, Some("{'by': account.id}"));
    let exchange = b.record(&rules, &create()).await.unwrap();
    b.settle(exchange, Captured::default()).await;
    let event = b.only();
    assert_eq!(event.data.as_deref(), Some("{\"by\":\"acct_1\"}"));
    assert!(!event.truncated);
}

#[tokio::test]
async fn a_condition_decides_before_a_shape_is_made() {
    let mut b = bench();
    let rules = RouteRules::shaped(
        &[("deal.won", &[200], Some("response.body.stage == 'won'"))],
        Some("response.body.gone"),
    );
    let exchange = b.record(&rules, &update()).await.unwrap();
    b.settle(exchange, captured("", "{\"stage\": \"lost\"}"))
        .await;
    assert!(b.store.all_events().is_empty());
    assert_eq!(b.events.counters().shape_errors.get(), 0);
}

#[tokio::test]
async fn the_shapes_of_one_exchange_share_their_room() {
    let mut b = bench();
    // Each makes most of what all may be together.
    let shape = "[response.body.s, response.body.s, response.body.s]";
    let rules = RouteRules::shaped(&[("a.b", &[201], None), ("a.c", &[201], None)], Some(shape));
    let exchange = b.record(&rules, &create()).await.unwrap();
    let body = format!("{{\"s\": \"{}\"}}", "x".repeat(60_000));
    let response = CapturedBody::whole(Bytes::from(body));
    b.settle(
        exchange,
        Captured {
            request: CapturedBody::none(),
            response,
        },
    )
    .await;
    let truncated = |t: &str| {
        let all = b.store.all_events();
        all.iter().find(|e| e.event_type == t).unwrap().truncated
    };
    assert!(!truncated("a.b") && truncated("a.c"));
    assert_eq!(b.events.counters().shape_errors.get(), 1);
}
