//! What clients see when an upstream fails: a row of the table, or an answer that breaks off; never a second attempt of a write.

use super::{Harness, ROUTES};

#[tokio::test]
async fn upstream_failures_have_their_rows_and_upstream_errors_pass() {
    let h = Harness::start(ROUTES).await;
    let key = h.full_key().await;
    for (path, status, code) in [
        ("/open/silent", 504, "upstream_timeout"),
        ("/open/gone", 502, "upstream_unreachable"),
        ("/open/nonsense", 502, "upstream_unreachable"),
    ] {
        let a = h.client().await.ask(&format!("GET {path}"), &[], "").await;
        assert_eq!((a.status, a.code().as_str()), (status, code), "{path}");
    }
    let a = h
        .client()
        .await
        .ask("GET /v1/contacts/missing", &[&key], "")
        .await;
    assert_eq!((a.status, a.get("x-fuelgate-error")), (404, None));
    assert!(a.get("ratelimit").unwrap().starts_with("\"burst\";"));
    let mut c = h.client().await;
    let a = c.ask("GET /open/cut", &[], "").await;
    assert_eq!((a.status, a.whole), (200, false));
    assert!(c.is_closed().await);
}

#[tokio::test]
async fn a_post_that_failed_is_never_sent_again() {
    let h = Harness::start(ROUTES).await;
    let mut c = h.client().await;
    assert_eq!(c.ask("POST /open/a", &[], "1").await.status, 200);
    let a = c.ask("POST /open/gone", &[], "2").await;
    assert_eq!(a.status, 502);
    let gone = |h: &Harness| {
        h.upstream
            .seen()
            .iter()
            .filter(|s| s.target == "/open/gone")
            .count()
    };
    assert_eq!(gone(&h), 1);
}

#[tokio::test]
async fn only_a_read_on_a_kept_connection_that_ended_is_sent_again() {
    let h = Harness::start(ROUTES).await;
    for (head, body, status, arrivals) in [
        ("GET /open/tired", "", 200, 2),
        ("POST /open/tired", "1", 502, 1),
        // Nothing tells that a new connection would do better than one that was new.
        ("GET /open/gone", "", 502, 1),
        // The client has a part of it already.
        ("GET /open/cut", "", 200, 1),
    ] {
        let mut c = h.client().await;
        if !head.ends_with("gone") {
            // Leaves a connection to the upstream.
            assert_eq!(c.ask("GET /open/a", &[], "").await.status, 200);
        }
        let seen = h.upstream.seen().len();
        let a = c.ask(head, &[], body).await;
        assert_eq!(a.status, status, "{head}");
        assert_eq!(h.upstream.seen().len() - seen, arrivals, "{head}");
    }
}
