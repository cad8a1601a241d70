//! Calls that come from inside the process: the same answers as on a listener, the caller's own address, bodies of any size.

use std::net::SocketAddr;

use tokio::net::UnixStream;

use super::ROUTES;
use crate::base::clock::Timestamp;
use crate::proxy::testing::client::{Answer, Client};
use crate::proxy::testing::{Harness, KeyOptions};

const PEER: ([u8; 4], u16) = ([203, 0, 113, 9], 4711);

async fn inside(h: &Harness, tls: bool) -> Client<UnixStream> {
    let peer = SocketAddr::from(PEER);
    Client::over(h.door.open(peer, peer.ip(), tls).await.unwrap())
}

/// What of two answers must be alike: all but what differs from request to request, and how much is left of a limit.
fn comparable(a: &Answer) -> (u16, Vec<(String, String)>, usize) {
    let of_request = ["date", "x-request-id", "traceparent"];
    let value = |name: &str, value: &str| match name {
        "ratelimit" => value.split(';').next().unwrap_or_default().to_owned(),
        _ => value.to_owned(),
    };
    let mut fields: Vec<_> = a
        .headers
        .iter()
        .map(|(n, v)| (n.to_ascii_lowercase(), v))
        .filter(|(n, _)| !of_request.contains(&n.as_str()))
        .map(|(n, v)| (n.clone(), value(&n, v)))
        .collect();
    fields.sort();
    (a.status, fields, a.body.len())
}

#[tokio::test]
async fn every_request_is_answered_as_on_a_listener() {
    let h = Harness::start(ROUTES).await;
    let past = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
    let good = h.full_key().await;
    let secret = good.rsplit(' ').next().unwrap();
    let revoked = h
        .key(KeyOptions {
            revoked_at: Some(past),
            ..KeyOptions::default()
        })
        .await;
    let without = h.key(KeyOptions::default()).await;
    let spaced = format!("aUtHoRiZaTiOn: bEaReR   {secret}");
    let listed = format!("Authorization: Bearer {secret}, Bearer {secret}");
    let long = format!("Authorization: Bearer {}", "x".repeat(3000));
    let token = format!("/v1/contacts?access_token={secret}");
    let with_token = format!("GET {token}");
    let unknown = "Authorization: Bearer lf_live_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17";
    for (head, fields) in [
        ("GET /v1/contacts", &[][..]),
        ("GET /v1/contacts", &["Authorization:"]),
        ("GET /v1/contacts", &["Authorization: Basic eDp5"]),
        ("GET /v1/contacts", &["Authorization: Bearer"]),
        ("GET /v1/contacts", &["Authorization: Bearer\tk"]),
        ("GET /v1/contacts", &[&spaced]),
        ("GET /v1/contacts", &[&good, &good]),
        ("GET /v1/contacts", &[&listed]),
        (&with_token, &[&good]),
        (&with_token, &[]),
        (
            "GET /v1/contacts",
            &["Authorization: Bearer lf_live_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq18"],
        ),
        ("GET /v1/contacts", &[unknown]),
        ("GET /v1/contacts", &[&revoked]),
        ("GET /v1/contacts", &[&without]),
        ("GET /nowhere", &[&without]),
        ("GET /v1/contacts", &[&long]),
        (
            "GET /v1/contacts",
            &["Authorization: Bearer \u{fffd}\u{80}"],
        ),
        ("TRACE /v1/contacts", &[&good]),
        ("get /v1/contacts", &[&good]),
        ("BREW /v1/contacts", &[&good]),
        ("OPTIONS *", &[&good]),
        ("GET /v1/contacts/../contacts", &[&good]),
        ("GET /v1/%2e%2e/contacts", &[&good]),
        ("GET /v1/contacts%2fx", &[&good]),
        ("GET /v1/contacts%5cx", &[&good]),
        ("GET /v1/%252e%252e/contacts", &[&good]),
        ("GET //v1/contacts", &[&good]),
        ("GET /./v1/contacts", &[&good]),
        ("GET /v1/contacts/", &[&good]),
        ("GET /V1/contacts", &[&good]),
        ("GET /v1/contacts;/../x", &[&good]),
        ("GET /v1/contacts%00", &[&good]),
        ("GET /v1/contacts%0d%0a", &[&good]),
        ("GET /v1/contacts%zz", &[&good]),
        ("GET /v1/contacts%c0%ae", &[&good]),
        ("GET /v1/contacts#x", &[&good]),
        ("GET /v1/contacts", &[&good]),
        ("HEAD /v1/contacts", &[&good]),
        ("GET /.well-known/fuelgate/key", &[&good]),
        ("GET /login", &["Authorization: Bearer of.the.crm"]),
    ] {
        // The buckets stand alike before both.
        h.clock.advance(std::time::Duration::from_secs(10));
        let outside = h.client().await.ask(head, fields, "").await;
        h.clock.advance(std::time::Duration::from_secs(10));
        let inside = inside(&h, false).await.ask(head, fields, "").await;
        let (mut outside, mut inside) = (comparable(&outside), comparable(&inside));
        if head.ends_with("fuelgate/key") {
            // Times are told in it.
            outside.1.clear();
            inside.1.clear();
        }
        assert_eq!(outside, inside, "{head} {fields:?}");
    }
}

#[tokio::test]
async fn the_caller_is_who_the_door_was_told() {
    let h = Harness::start(ROUTES).await;
    let here = h
        .key(KeyOptions {
            scopes: &["contacts:read"],
            allowed_ips: &["203.0.113.9/32"],
            ..KeyOptions::default()
        })
        .await;
    let forged = "X-Forwarded-For: 203.0.113.9";
    let a = h
        .client()
        .await
        .ask("GET /v1/contacts", &[&here, forged], "")
        .await;
    assert_eq!(a.code(), "address_not_allowed");
    for (tls, proto) in [(false, "http"), (true, "https")] {
        let mut c = inside(&h, tls).await;
        let fields = [&*here, "X-Forwarded-For: 6.6.6.6", "X-Request-Id: chosen"];
        assert_eq!(c.ask("GET /v1/contacts", &fields, "").await.status, 200);
        let seen = h.upstream.last();
        assert_eq!(seen.get("x-forwarded-for").as_deref(), Some("203.0.113.9"));
        assert_eq!(seen.get("x-forwarded-proto").as_deref(), Some(proto));
        assert_ne!(seen.get("x-request-id").as_deref(), Some("chosen"));
    }
}

#[tokio::test]
async fn a_trusted_proxy_is_believed_as_on_a_listener() {
    let rules = format!("trusted_proxies: [\"203.0.113.0/24\"]\n{ROUTES}");
    let h = Harness::start(&rules).await;
    let fields = [
        "X-Forwarded-For: 6.6.6.6, 198.51.100.7",
        "X-Request-Id: theirs",
    ];
    let a = inside(&h, false)
        .await
        .ask("GET /open/a", &fields, "")
        .await;
    assert_eq!(a.get("x-request-id"), Some("theirs"));
    let seen = h.upstream.last();
    let chain = "198.51.100.7, 203.0.113.9";
    assert_eq!(seen.get("x-forwarded-for").as_deref(), Some(chain));
}

#[tokio::test]
async fn bodies_over_the_ceiling_are_refused_and_the_connection_lives_where_it_may() {
    let h = Harness::start(ROUTES).await;
    let mut c = inside(&h, false).await;
    for _ in 0..3 {
        let a = c.ask("POST /open/a", &[], "small").await;
        assert_eq!(a.status, 200);
    }
    assert_eq!(h.gateway.in_flight().connections(), 1);
    let a = c.ask("POST /open/a", &[], &"x".repeat(1500)).await;
    assert_eq!((a.status, a.code().as_str()), (413, "body_too_large"));
}

#[tokio::test]
async fn at_the_stop_idle_connections_end_and_no_further_ones_are_opened() {
    let h = Harness::start(ROUTES).await;
    let mut idle = inside(&h, false).await;
    assert_eq!(idle.ask("GET /open/a", &[], "").await.status, 200);
    h.stop();
    assert!(idle.is_closed().await);
    let peer = SocketAddr::from(PEER);
    let refused = h.door.open(peer, peer.ip(), false).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        std::io::Error::from(std::io::ErrorKind::NotConnected).to_string()
    );
}
