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
    assert!(a.get("ratelimit").is_some());
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
