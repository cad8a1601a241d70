//! Which upstream and which target a request goes to, and over which connection; never what is sent.

use std::time::{Duration, Instant};

use super::super::testing::Harness;
use super::super::testing::upstream::Upstream;

/// A gateway in front of two upstreams, the second in the place of `OTHER`.
async fn two(routes: &str) -> (Harness, Upstream) {
    let other = Upstream::start().await;
    let routes = routes.replace("OTHER", &other.address.to_string());
    (Harness::start(&routes).await, other)
}

async fn ask(h: &Harness, head: &str, times: usize) {
    let mut c = h.client().await;
    for _ in 0..times {
        assert_eq!(c.ask(head, &[], "").await.status, 200);
    }
}

#[tokio::test]
async fn targets_take_requests_by_their_weights() {
    let (h, other) = two(r#"
upstreams:
  crm: { targets: [ { address: "UPSTREAM", weight: 3 }, { address: "OTHER", weight: 1 } ] }
routes:
  - { path: "/{*rest}", methods: [GET], auth: none, scopes: [], upstream: crm }
"#)
    .await;
    for round in 1..=5 {
        ask(&h, "GET /a", 8).await;
        // In turn and not by chance: each round of eight has six and two.
        let shares = (h.upstream.seen().len(), other.seen().len());
        assert_eq!(shares, (6 * round, 2 * round));
    }
}

const SPLIT: &str = r#"
upstreams:
  crm: { targets: [ { address: "UPSTREAM" } ] }
  crm_v2: { targets: [ { address: "OTHER" } ] }
routes:
  - path: "/split"
    methods: [GET, POST]
    auth: none
    scopes: []
    split: [ { upstream: crm, weight: 4 }, { upstream: crm_v2, weight: 1 } ]
  - { path: "/old", methods: [GET], auth: none, scopes: [], upstream: crm }
  - { path: "/new", methods: [GET], auth: none, scopes: [], upstream: crm_v2 }
"#;

#[tokio::test]
async fn a_split_route_shares_its_requests_by_weight() {
    let (h, other) = two(SPLIT).await;
    ask(&h, "GET /split", 20).await;
    assert_eq!((h.upstream.seen().len(), other.seen().len()), (16, 4));
}

#[tokio::test]
async fn what_maintenance_leaves_open_of_a_split_takes_all_of_it() {
    let (h, other) = two(&format!(
        "maintenance: {{ enabled: true, upstreams: [crm], writes_only: false }}\n{SPLIT}"
    ))
    .await;
    ask(&h, "GET /split", 10).await;
    ask(&h, "GET /new", 1).await;
    assert_eq!((h.upstream.seen().len(), other.seen().len()), (0, 11));
    let mut c = h.client().await;
    let closed = c.ask("GET /old", &[], "").await;
    assert_eq!(
        (closed.status, closed.code().as_str()),
        (503, "maintenance")
    );
    assert!(closed.get("retry-after").is_some() && h.upstream.seen().is_empty());
}

#[tokio::test]
async fn maintenance_of_writes_lets_reads_of_a_split_go_everywhere() {
    let (h, other) = two(&format!(
        "maintenance: {{ enabled: true, upstreams: [crm], writes_only: true }}\n{SPLIT}"
    ))
    .await;
    ask(&h, "POST /split", 5).await;
    assert_eq!((h.upstream.seen().len(), other.seen().len()), (0, 5));
    ask(&h, "GET /split", 5).await;
    assert!(!h.upstream.seen().is_empty());
}

#[tokio::test]
async fn a_connection_to_the_upstream_serves_client_after_client() {
    let h = Harness::start(
        r#"
upstreams:
  crm: { targets: [ { address: "UPSTREAM" } ] }
routes:
  - { path: "/{*rest}", methods: [GET, POST], auth: none, scopes: [], upstream: crm }
"#,
    )
    .await;
    for head in [
        "GET /a",
        "POST /created",
        "GET /missing",
        "GET /nothing",
        "GET /b",
    ] {
        let mut c = h.client().await;
        let _ = c.ask(head, &[], "").await;
    }
    assert_eq!((h.upstream.seen().len(), h.upstream.connections()), (5, 1));
}

#[tokio::test]
async fn a_target_that_does_not_take_a_connection_in_time_is_a_timeout() {
    // A queue for one connection that nobody takes out: once it is full the system answers no further one.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let deaf = socket.listen(1).unwrap();
    let address = deaf.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(Ok(c)) = tokio::time::timeout(
        Duration::from_millis(200),
        tokio::net::TcpStream::connect(address),
    )
    .await
    {
        waiting.push(c);
    }
    let h = Harness::start(&format!(
        r#"
upstreams:
  crm: {{ targets: [ {{ address: "{address}" }} ], connect_timeout_ms: 200 }}
routes:
  - {{ path: "/{{*rest}}", methods: [GET], auth: none, scopes: [], upstream: crm }}
"#
    ))
    .await;
    let mut c = h.client().await;
    let began = Instant::now();
    let a = c.ask("GET /a", &[], "").await;
    assert_eq!((a.status, a.code().as_str()), (504, "upstream_timeout"));
    assert!(began.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn three_targets_are_tried_and_no_fourth() {
    // What has nearly no weight is taken when nothing else is left.
    let h = Harness::start(
        r#"
upstreams:
  third: { targets: [ { address: "127.0.0.1:1", weight: 1000 }, { address: "127.0.0.1:2", weight: 1000 }, { address: "UPSTREAM" } ] }
  fourth:
    targets:
      - { address: "127.0.0.1:1", weight: 1000 }
      - { address: "127.0.0.1:2", weight: 1000 }
      - { address: "127.0.0.1:3", weight: 1000 }
      - { address: "UPSTREAM" }
routes:
  - { path: "/third", methods: [POST], auth: none, scopes: [], upstream: third }
  - { path: "/fourth", methods: [POST], auth: none, scopes: [], upstream: fourth }
"#,
    )
    .await;
    for (head, status) in [("POST /third", 200), ("POST /fourth", 502)] {
        let mut c = h.client().await;
        assert_eq!(c.ask(head, &[], "body").await.status, status, "{head}");
    }
    assert_eq!(h.upstream.seen().len(), 1);
}
