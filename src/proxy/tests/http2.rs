//! What clients and upstreams see of HTTP/2: streams beside each other, fields, addresses, broken answers; never HTTP/1.

use super::super::testing::{Harness, KeyOptions};

const ROUTES: &str = r#"
upstreams:
  crm: { targets: [ { address: "UPSTREAM" } ], read_timeout_ms: 300 }
routes:
  - { path: "/v1/contacts", methods: [GET, POST], scopes: ["contacts:read"], upstream: crm }
  - { path: "/v1/old", methods: [GET], scopes: [], upstream: crm, deprecated: { since: 2026-12-01 } }
  - { path: "/open/{*rest}", methods: [GET], auth: none, scopes: [], upstream: crm }
"#;

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .danger_accept_invalid_certs(true)
        .build()
        .unwrap()
}

fn field<'a>(response: &'a reqwest::Response, name: &str) -> Option<&'a str> {
    let mut values = response.headers().get_all(name).iter();
    let value = values.next()?.to_str().unwrap();
    assert!(values.next().is_none(), "{name} twice");
    Some(value)
}

/// The value of `Authorization` in a line of it.
fn bearer(line: &str) -> &str {
    line.split_once(' ').unwrap().1
}

#[tokio::test]
async fn streams_live_through_refusals_on_one_connection() {
    let h = Harness::start(ROUTES).await;
    let key = h.full_key().await;
    let client = client();
    let url = format!("https://{}/v1/contacts", h.tls_address);
    let refused = client
        .post(&url)
        .body("x".repeat(50_000))
        .send()
        .await
        .unwrap();
    assert_eq!(refused.version(), http::Version::HTTP_2);
    assert_eq!(refused.status(), 401);
    let good = client
        .get(&url)
        .header("authorization", bearer(&key))
        .send()
        .await
        .unwrap();
    assert_eq!(good.status(), 200);
    assert_eq!(good.text().await.unwrap(), "{\"id\":\"c1\"}");
    assert_eq!(h.gateway.in_flight().connections(), 1);
}

#[tokio::test]
async fn answers_have_the_gateways_fields_in_the_upstreams_place() {
    let h = Harness::start(ROUTES).await;
    let key = h.full_key().await;
    let client = client();
    let ask = async |path: &str| {
        let request = client
            .get(format!("https://{}{path}", h.tls_address))
            .header("authorization", bearer(&key));
        request.send().await.unwrap()
    };
    for left in [99, 98] {
        let answer = ask("/v1/contacts").await;
        assert_eq!(answer.version(), http::Version::HTTP_2);
        let id = h.upstream.last().get("x-request-id");
        assert_eq!(field(&answer, "x-request-id"), id.as_deref());
        let limit = field(&answer, "ratelimit").unwrap();
        assert!(
            limit.starts_with(&format!("\"burst\";r={left};t=")),
            "{limit}"
        );
        let policy = field(&answer, "ratelimit-policy").unwrap();
        assert!(policy.starts_with("\"burst\";q=100;w=2"), "{policy}");
        assert_eq!(field(&answer, "x-fuelgate-error"), None);
        assert_eq!(field(&answer, "deprecation"), None);
    }
    let answer = ask("/v1/old").await;
    assert_eq!(field(&answer, "deprecation"), Some("@1796083200"));
    // No limit of ours holds on an open route, so that the upstream speaks for itself.
    let answer = ask("/open/a").await;
    assert_eq!(field(&answer, "ratelimit"), Some("\"upstream\";r=1"));
}

#[tokio::test]
async fn the_clients_address_is_the_connections() {
    let h = Harness::start(ROUTES).await;
    let here = h
        .key(KeyOptions {
            scopes: &["contacts:read"],
            allowed_ips: &["127.0.0.0/8"],
            ..KeyOptions::default()
        })
        .await;
    let elsewhere = h
        .key(KeyOptions {
            scopes: &["contacts:read"],
            allowed_ips: &["192.0.2.0/24"],
            ..KeyOptions::default()
        })
        .await;
    let client = client();
    for (key, status) in [(&here, 200), (&elsewhere, 403)] {
        let answer = client
            .get(format!("https://{}/v1/contacts", h.tls_address))
            .header("authorization", bearer(key))
            .header("x-forwarded-for", "192.0.2.1")
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), status);
    }
    let seen = h.upstream.last();
    assert_eq!(seen.get("x-forwarded-for").as_deref(), Some("127.0.0.1"));
    assert_eq!(seen.get("x-forwarded-proto").as_deref(), Some("https"));
    let host = h.tls_address.to_string();
    assert_eq!(seen.get("x-forwarded-host"), Some(host));
}

#[tokio::test]
async fn half_an_answer_is_never_taken_for_a_whole_one() {
    let h = Harness::start(ROUTES).await;
    let client = client();
    let url = |path: &str| format!("https://{}/open{path}", h.tls_address);
    let answer = client.get(url("/cut")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.bytes().await.is_err());
    assert_eq!(
        client.get(url("/whole")).send().await.unwrap().status(),
        200
    );
}

#[tokio::test]
async fn the_authority_chooses_among_the_routes_of_hosts() {
    let h = Harness::start(
        r#"
upstreams:
  crm: { targets: [ { address: "UPSTREAM" } ] }
routes:
  - { path: "/a", methods: [GET], auth: none, scopes: [], hosts: [localhost], upstream: crm, rewrite: "/of-the-host" }
  - { path: "/a", methods: [GET], auth: none, scopes: [], upstream: crm, rewrite: "/of-every-host" }
"#,
    )
    .await;
    let (client, port) = (client(), h.tls_address.port());
    for (host, target) in [
        ("localhost", "/of-the-host"),
        ("127.0.0.1", "/of-every-host"),
    ] {
        let url = format!("https://{host}:{port}/a");
        let answer = client.get(url).send().await.unwrap();
        assert_eq!(
            (answer.version(), answer.status()),
            (http::Version::HTTP_2, http::StatusCode::OK)
        );
        assert_eq!(h.upstream.last().target, target, "{host}");
    }
}

#[tokio::test]
async fn a_client_that_knows_no_http_2_is_served_by_tls_too() {
    let h = Harness::start(ROUTES).await;
    let _ = client();
    let client = reqwest::Client::builder()
        .danger_accept_invalid_certs(true)
        .http1_only()
        .build()
        .unwrap();
    let url = format!("https://{}/open/a", h.tls_address);
    let answer = client.get(url).send().await.unwrap();
    assert_eq!(
        (answer.version(), answer.status()),
        (http::Version::HTTP_11, http::StatusCode::OK)
    );
}
