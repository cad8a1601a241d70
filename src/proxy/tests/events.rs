//! Routes with event rules on the wire: no 2xx without its event, no forwarded write while events cannot be recorded.

use std::time::Duration;

use crate::base::testing::eventually;
use crate::proxy::testing::Harness;
use crate::webhooks::model::{Event, EventState};

fn released(h: &Harness) -> usize {
    let events = h.events.all_events();
    let released = |e: &&Event| e.state == EventState::Released;
    events.iter().filter(released).count()
}

/// Waits until there are so many events and all are released.
async fn settled(h: &Harness, events: usize) {
    let are_settled = || h.events.all_events().len() == events && released(h) == events;
    eventually("events are settled", are_settled).await;
}

const EVENTS: &str = r#"
upstreams:
  crm: { targets: [ { address: "UPSTREAM" } ] }
routes:
  - { path: "/v1/{what}", methods: [GET, POST], scopes: [], upstream: crm }
events:
  - { type: contact.created, route: { method: POST, path: "/v1/{what}" }, status: [201, 204] }
"#;

#[tokio::test]
async fn a_2xx_on_a_route_with_events_has_its_event_before_the_client_sees_it() {
    let h = Harness::start(EVENTS).await;
    let key = h.full_key().await;
    let mut c = h.client().await;
    for (path, recorded) in [("created", 1), ("early", 2), ("nothing", 3), ("other", 3)] {
        let a = c
            .ask(
                &format!("POST /v1/{path}"),
                &[&key, "Accept-Encoding: gzip"],
                "{}",
            )
            .await;
        assert!(a.status < 300);
        assert_eq!(h.events.all_events().len(), recorded, "{path}");
    }
    assert_eq!(
        h.upstream.last().get("accept-encoding").as_deref(),
        Some("identity")
    );
    c.ask("GET /v1/created", &[&key, "Accept-Encoding: gzip"], "")
        .await;
    assert_eq!(
        h.upstream.last().get("accept-encoding").as_deref(),
        Some("gzip")
    );
    assert_eq!(h.events.all_events().len(), 3);
    eventually("all are released", || released(&h) == 3).await;
    // An answer without a body has lost none.
    assert!(h.events.all_events().iter().all(|e| !e.truncated));
}

#[tokio::test]
async fn while_events_cannot_be_recorded_writes_are_refused_before_they_are_forwarded() {
    let h = Harness::start(EVENTS).await;
    let key = h.full_key().await;
    let mut c = h.client().await;
    h.events.set_down(true);
    let a = c.ask("POST /v1/created", &[&key], "{}").await;
    assert_eq!((a.status, a.code().as_str()), (503, "store_unavailable"));
    assert!(a.get("retry-after").is_some() && h.upstream.seen().is_empty());
    assert_eq!(c.ask("GET /v1/created", &[&key], "").await.status, 201);
    h.events.set_down(false);
    assert_eq!(c.ask("POST /v1/created", &[&key], "{}").await.status, 201);
}

#[tokio::test]
async fn a_client_that_leaves_does_not_take_its_event_with_it() {
    let h = Harness::start(EVENTS).await;
    let key = h.full_key().await;
    let mut c = h.client().await;
    c.send(format!(
        "POST /v1/created HTTP/1.1\r\nHost: a\r\n{key}\r\nContent-Length: 2\r\n\r\n{{}}"
    ))
    .await;
    drop(c);
    eventually("it is released", || released(&h) == 1).await;
    assert_eq!(h.upstream.seen().len(), 1);
}

#[tokio::test]
async fn a_request_that_comes_before_the_answer_is_answered_after_it_and_has_its_event_too() {
    let h = Harness::start(EVENTS).await;
    let key = h.full_key().await;
    let mut c = h.client().await;
    let one = |path: &str| {
        format!("POST /v1/{path} HTTP/1.1\r\nHost: a\r\n{key}\r\nContent-Length: 2\r\n\r\n{{}}")
    };
    c.send(one("late")).await;
    eventually("the upstream has it", || h.upstream.seen().len() == 1).await;
    // In a segment of its own, while the upstream is at the first.
    c.send(one("created")).await;
    for n in 1..3 {
        let a = c.answer(false).await.unwrap();
        assert_eq!(a.status, 201, "{n}");
        assert_ne!(a.get("connection"), Some("close"), "{n}");
        assert!(h.events.all_events().len() >= n);
    }
    eventually("both are released", || released(&h) == 2).await;
    let seen: Vec<_> = h.upstream.seen().iter().map(|r| r.target.clone()).collect();
    assert_eq!(seen, ["/v1/late", "/v1/created"]);
}

#[tokio::test]
async fn the_time_that_recording_takes_is_the_gateways_and_not_the_upstreams() {
    const AWAY: Duration = Duration::from_millis(500);
    let h = Harness::start(EVENTS).await;
    let key = h.full_key().await;
    let mut c = h.client().await;
    let asked = tokio::spawn(async move { c.ask("POST /v1/late", &[&key], "{}").await.status });
    eventually("the upstream has it", || !h.upstream.seen().is_empty()).await;
    h.events.set_down(true);
    tokio::time::sleep(AWAY).await;
    h.events.set_down(false);
    assert_eq!(asked.await.unwrap(), 201);
    let sum = |name: &str| -> f64 {
        let text = h.gateway.parts().metrics.render().unwrap();
        let text = String::from_utf8(text).unwrap();
        let line = text
            .lines()
            .find(|l| l.starts_with(name) && l.split([' ', '{']).next() == Some(name));
        line.map_or(0.0, |l| l.rsplit(' ').next().unwrap().parse().unwrap())
    };
    let is_counted = || sum("fuelgate_overhead_seconds_count") >= 1.0;
    eventually("it is counted", is_counted).await;
    let (upstream, own) = (
        sum("fuelgate_upstream_duration_seconds_sum"),
        sum("fuelgate_overhead_seconds_sum"),
    );
    // The store was away for most of `AWAY` after the upstream had answered.
    assert!(own > 0.3 && upstream < own, "{upstream} {own}");
}

#[tokio::test]
async fn a_condition_sees_the_request_as_the_client_sent_it() {
    let h = Harness::start(
        r#"
upstreams:
  crm: { targets: [ { address: "UPSTREAM" } ] }
routes:
  - { path: "/v1/{what}", methods: [POST], scopes: [], upstream: crm }
events:
  - type: contact.created
    route: { method: POST, path: "/v1/{what}" }
    status: [201]
    when: 'request.body.won && request.query.by == "me" && request.params.what == "created"'
"#,
    )
    .await;
    let key = h.full_key().await;
    let mut c = h.client().await;
    for (query, body, events) in [
        ("by=me", r#"{"won":false}"#, 0),
        ("by=you", r#"{"won":true}"#, 0),
        ("by=me", r#"{"won":true}"#, 1),
    ] {
        let a = c
            .ask(&format!("POST /v1/created?{query}"), &[&key], body)
            .await;
        assert_eq!(a.status, 201);
        settled(&h, events).await;
    }
    let only = &h.events.all_events()[0];
    assert_eq!(only.data.as_deref(), Some("{\"id\":\"c1\"}"));
    assert!(!only.truncated);
}

#[tokio::test]
async fn what_is_repeated_under_its_key_has_one_event_and_another_request_its_own() {
    let h = Harness::start(EVENTS).await;
    let key = h.full_key().await;
    let mut c = h.client().await;
    for (idempotency_key, body, events) in [
        ("Idempotency-Key: one", "{}", 1),
        ("Idempotency-Key: one", "{}", 1),
        ("Idempotency-Key: one", "{ }", 2),
        ("Idempotency-Key: two", "{}", 3),
    ] {
        let a = c
            .ask("POST /v1/created", &[&key, idempotency_key], body)
            .await;
        assert_eq!(a.status, 201);
        settled(&h, events).await;
    }
}

#[tokio::test]
async fn requests_that_a_proxy_gave_one_id_have_events_of_their_own() {
    let h = Harness::start(&format!("trusted_proxies: [ 127.0.0.0/8 ]\n{EVENTS}")).await;
    let key = h.full_key().await;
    let mut c = h.client().await;
    for _ in 0..2 {
        let fields = [&*key, "X-Request-Id: one"];
        assert_eq!(c.ask("POST /v1/created", &fields, "{}").await.status, 201);
    }
    eventually("both are released", || released(&h) == 2).await;
}
