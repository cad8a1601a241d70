//! What requests take from limits, and what counts of them in usage, as keys meet it; never a bucket's arithmetic.

use super::super::testing::Harness;
use crate::base::testing::eventually;

const ROUTES: &str = r#"
upstreams:
  crm: { targets: [ { address: "UPSTREAM" } ], read_timeout_ms: 100 }
routes:
  - { path: "/v1/{what}", methods: [GET, POST], scopes: [], upstream: crm }
  - { path: "/all", methods: [GET], scopes: [], upstream: crm, cost: 100 }
"#;

#[tokio::test]
async fn while_the_store_is_away_limits_are_what_the_operator_says() {
    for (choice, first, second) in [
        ("local", (200, ""), (429, "rate_limited")),
        ("allow", (200, ""), (200, "")),
        (
            "deny",
            (503, "store_unavailable"),
            (503, "store_unavailable"),
        ),
    ] {
        let h = Harness::start(&format!(
            "limits: {{ on_store_failure: {choice} }}\n{ROUTES}"
        ))
        .await;
        let key = h.full_key().await;
        h.events.set_down(true);
        let mut c = h.client().await;
        for (status, code) in [first, second] {
            let a = c.ask("GET /all", &[&key], "").await;
            assert_eq!(a.status, status, "{choice}");
            assert!(code.is_empty() || a.code() == code, "{choice}");
        }
        let metrics = h.gateway.parts().metrics.render().unwrap();
        let metrics = String::from_utf8(metrics).unwrap();
        let limited = metrics.contains("fuelgate_limited_total{policy=\"burst\"} 1");
        assert_eq!(limited, choice == "local");
    }
}

#[tokio::test]
async fn what_reached_the_upstream_is_counted_as_sent_whatever_came_of_it() {
    let h = Harness::start(ROUTES).await;
    let key = h.full_key().await;
    let mut c = h.client().await;
    assert_eq!(c.ask("POST /v1/a", &[&key], "body").await.status, 200);
    assert_eq!(c.ask("GET /v1/missing", &[&key], "").await.status, 404);
    let a = c.ask("GET /v1/silent", &[&key], "").await;
    assert_eq!(a.status, 504);
    let own = a.body.len() as u64;
    let mut c = h.client().await;
    assert_eq!(c.ask("GET /all", &[&key], "").await.status, 429);
    let in_flight = h.gateway.in_flight();
    eventually("all have ended", || in_flight.requests() == 0).await;
    let batch = h.recorder.drain().unwrap();
    let mut counted: Vec<_> = batch
        .keys
        .iter()
        .filter(|r| r.counts.requests > 0 && r.class > 0)
        .map(|r| {
            (
                r.class,
                r.counts.requests,
                r.counts.bytes_in,
                r.counts.bytes_out,
            )
        })
        .collect();
    counted.sort_unstable();
    let sent = "{\"id\":\"c1\"}".len() as u64;
    assert_eq!(
        counted,
        [(2, 1, 4, sent), (4, 1, 0, sent), (5, 1, 0, own)],
        "class, requests, bytes in and out"
    );
    let rejected: Vec<_> = batch.rejections.iter().map(|r| &*r.code).collect();
    assert_eq!(rejected, ["rate_limited"]);
}
