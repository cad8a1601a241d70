//! What trusted proxies say of a client, as it takes effect; never what others say.

use super::super::testing::{Harness, KeyOptions};

const ROUTES: &str = r#"
trusted_proxies: [ 127.0.0.0/8 ]
upstreams:
  crm: { targets: [ { address: "UPSTREAM" } ] }
routes:
  - { path: "/a", methods: [GET], scopes: [], upstream: crm }
"#;

#[tokio::test]
async fn a_keys_addresses_are_held_against_the_client_behind_the_proxy() {
    let h = Harness::start(ROUTES).await;
    let key = h
        .key(KeyOptions {
            allowed_ips: &["192.0.2.0/24"],
            ..KeyOptions::default()
        })
        .await;
    let mut c = h.client().await;
    for (forwarded, status) in [
        (Some("X-Forwarded-For: 192.0.2.9"), 200),
        (Some("X-Forwarded-For: 198.51.100.9"), 403),
        // Whoever stands left of the client was not vouched for.
        (Some("X-Forwarded-For: 192.0.2.9, 198.51.100.9"), 403),
        (None, 403),
    ] {
        let fields: Vec<_> = [&*key].into_iter().chain(forwarded).collect();
        let a = c.ask("GET /a", &fields, "").await;
        assert_eq!(a.status, status, "{forwarded:?}");
    }
}

#[tokio::test]
async fn the_upstream_is_told_what_the_proxy_said_of_host_scheme_and_id() {
    let h = Harness::start(ROUTES).await;
    let key = h.full_key().await;
    let mut c = h.client().await;
    let said = [
        &*key,
        "X-Forwarded-For: 192.0.2.9",
        "X-Forwarded-Host: crm.example:8443",
        "X-Forwarded-Proto: https",
        "X-Request-Id: from-the-proxy",
    ];
    let a = c.ask("GET /a", &said, "").await;
    assert_eq!(a.get("x-request-id"), Some("from-the-proxy"));
    let seen = h.upstream.last();
    for (name, value) in [
        ("x-forwarded-for", "192.0.2.9, 127.0.0.1"),
        ("x-forwarded-host", "crm.example:8443"),
        ("x-forwarded-proto", "https"),
        ("x-request-id", "from-the-proxy"),
    ] {
        assert_eq!(seen.get(name).as_deref(), Some(value), "{name}");
    }
    // A host that is none is not believed.
    c.ask("GET /a", &[&key, "X-Forwarded-Host: a/b"], "").await;
    let host = h.upstream.last().get("x-forwarded-host");
    assert_eq!(host.as_deref(), Some("api.example"));
}
