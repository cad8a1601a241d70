//! What the gateway writes down for whoever looks at an account's usage: refusals by code, busy keys, uses of old secrets; never a page.

use std::sync::Arc;

use fuelgate::base::clock::Clock;
use fuelgate::config::model::Store;
use fuelgate::keys::port::KeyStore;
use fuelgate::store::embedded::{EmbeddedStore, Options};
use fuelgate::store::redis;
use fuelgate::usage::model::Granularity;
use fuelgate::usage::port::UsageInsight;
use serde_json::json;

use crate::support::backend::Backend;
use crate::support::gateway::{Gateway, config};
use crate::support::redis::Server;

async fn open(store: &Store) -> (Arc<dyn KeyStore>, Arc<dyn UsageInsight>) {
    match store {
        Store::Embedded { path } => {
            let store = EmbeddedStore::open(path, Clock::system(), Options::default()).unwrap();
            (store.clone(), store)
        }
        Store::Redis(settings) => {
            let store = redis::Store::open(settings.clone(), Clock::system()).await;
            let store = Arc::new(store.unwrap());
            (store.clone(), store)
        }
    }
}

fn written_down(engine: &str) {
    let backend = Backend::ok();
    let embedded = "store: { engine: embedded, path: $DIR/fuelgate.db }";
    let text = config(backend.address, "").replace(embedded, engine);
    let mut g = Gateway::start(&text);
    let (id, old) = g.key("acct_1", &["contacts:read"]);
    let (idle, other) = g.key("acct_1", &["deals:read"]);
    let path = format!("/admin/v1/keys/{id}/rotate");
    let rotated = g.admin("POST", &path, Some(&json!({"grace_seconds": 3600})));
    let new = rotated.json()["secret"].as_str().unwrap().to_owned();
    for secret in [&old, &new] {
        assert_eq!(g.get("/v1/contacts", secret).status, 200);
        assert_eq!(g.get("/v1/deals", secret).status, 403);
    }
    assert_eq!(g.get("/v1/contacts", &other).status, 403);
    let authorization = format!("Bearer {new}");
    let headers = [
        ("Authorization", authorization.as_str()),
        ("Content-Type", "text/plain"),
    ];
    let refused = g.call("POST", "/v1/contacts", &headers, Some(b"x"));
    assert_eq!(refused.status, 403);
    assert_eq!(g.stop(), Some(0));

    let config = fuelgate::app::load(&g.config_file()).unwrap_or_else(|e| panic!("{e}"));
    let now = Clock::system().now();
    // An hour ends while the test runs.
    let (from, to) = (
        now.day_start().minus(std::time::Duration::from_secs(3600)),
        now.plus(std::time::Duration::from_secs(3600)),
    );
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (keys, usage) = open(&config.store).await;
        let refusals = usage.rejections("acct_1", from, to).await.unwrap();
        let refusals: Vec<_> = refusals.iter().map(|r| (&*r.code, r.requests)).collect();
        assert_eq!(refusals, [("insufficient_scope", 4)]);
        for by in [Granularity::Day, Granularity::Month] {
            let busiest = usage.busiest_keys("acct_1", (from, to), by, 9).await;
            let busiest = busiest.unwrap();
            let busiest: Vec<_> = busiest
                .iter()
                .map(|k| (&k.key_id, k.requests, k.errors, k.rejected))
                .collect();
            assert_eq!(busiest, [(&id, 2, 0, 3), (&idle, 0, 0, 1)]);
        }
        let both = [("acct_1", id.as_str()), ("acct_1", idle.as_str())];
        let previous = keys.previous_uses(&both).await.unwrap();
        assert_eq!(previous.len(), 1, "{previous:?}");
        let accepted = &previous[&id].accepted;
        let last = accepted.last().unwrap();
        assert_eq!((accepted.requests, last.requests), (2, 2));
        assert_eq!(last.ip.to_string(), "127.0.0.1");
        assert!(now.since(last.at).as_secs() < 60);
    });
}

#[test]
fn refusals_busy_keys_and_uses_of_old_secrets_are_written_down() {
    written_down("store: { engine: embedded, path: $DIR/fuelgate.db }");
}

#[test]
fn refusals_busy_keys_and_uses_of_old_secrets_are_written_down_in_redis() {
    let server = Server::start(&[]);
    written_down(&format!(
        "store: {{ engine: redis, nodes: [\"redis://127.0.0.1:{}\"], deadline_ms: 200 }}",
        server.port
    ));
}
