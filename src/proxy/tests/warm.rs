//! What a request asks of the store: a key's first one what it must, all that follow nothing.

use super::ROUTES;
use crate::proxy::testing::Harness;

#[tokio::test]
async fn only_the_first_request_of_a_key_asks_the_store() {
    let h = Harness::start(ROUTES).await;
    let key = h.full_key().await;
    let unknown = "Authorization: Bearer lf_live_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17";
    let mut c = h.client().await;
    let before = h.store_calls();
    for field in [&*key, unknown] {
        c.ask("GET /v1/contacts", &[field], "").await;
    }
    let warm = h.store_calls();
    assert!(
        warm.0 > before.0,
        "a key is read from the store: {before:?} {warm:?}"
    );
    for (head, field, status) in [
        ("GET /v1/contacts", &*key, 200),
        ("GET /v1/contacts/7", &key, 200),
        ("POST /v1/contacts/7", &key, 200),
        ("GET /v1/contacts", unknown, 401),
        ("GET /v1/contacts", "X-None: 1", 401),
        ("GET /nowhere", &key, 404),
        ("GET /dead", &key, 502),
        ("GET /both", &key, 200),
        ("GET /both", "Authorization: Bearer session.of.the.crm", 200),
        ("GET /.well-known/fuelgate/key", &key, 200),
        ("GET /costly", &key, 200),
        ("GET /costly", &key, 429),
    ] {
        // A refused upstream closes the client's connection.
        let mut c = h.client().await;
        let a = c.ask(head, &[field], "").await;
        assert_eq!(a.status, status, "{head} {field}");
        assert_eq!(h.store_calls(), warm, "{head} {field}");
    }
}
