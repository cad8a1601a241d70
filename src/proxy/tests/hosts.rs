//! Routes of some hosts only, as clients reach them by the `Host` that they send; never which host is a valid one.

use super::super::testing::Harness;

const ROUTES: &str = r#"
upstreams:
  crm: { targets: [ { address: "UPSTREAM" } ] }
routes:
  - { path: "/a", methods: [GET], auth: none, scopes: [], hosts: ["api.example", "[::1]"], upstream: crm, rewrite: "/of-the-host" }
  - { path: "/only", methods: [GET], auth: none, scopes: [], hosts: ["api.example"], upstream: crm }
  - { path: "/a", methods: [GET], auth: none, scopes: [], upstream: crm, rewrite: "/of-every-host" }
"#;

#[tokio::test]
async fn a_host_has_its_own_routes_whatever_its_case_and_port() {
    let h = Harness::start(ROUTES).await;
    let mut c = h.client().await;
    for (host, target) in [
        ("api.example", "/of-the-host"),
        ("API.Example:8080", "/of-the-host"),
        ("[::1]:80", "/of-the-host"),
        ("api.example.org", "/of-every-host"),
        ("example", "/of-every-host"),
    ] {
        c.send(&format!("GET /a HTTP/1.1\r\nHost: {host}\r\n\r\n"))
            .await;
        assert_eq!(c.answer(false).await.unwrap().status, 200, "{host}");
        assert_eq!(h.upstream.last().target, target, "{host}");
    }
    for (host, status) in [("api.example", 200), ("other.example", 404)] {
        c.send(&format!("GET /only HTTP/1.1\r\nHost: {host}\r\n\r\n"))
            .await;
        assert_eq!(c.answer(false).await.unwrap().status, status, "{host}");
    }
}
