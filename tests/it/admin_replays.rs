//! The delivery log over all webhooks and replays of many deliveries through the admin API, and the operator's endpoint.

use serde_json::{Value, json};

use crate::admin_support::{Admin, send};

fn range() -> Value {
    json!({"from": "2026-11-01T00:00:00Z", "to": "2027-12-01T00:00:00Z", "only": "failed"})
}

#[tokio::test]
async fn deliveries_of_all_webhooks_are_listed_by_filter() {
    let admin = Admin::start().await;
    for account in ["acct_1", "acct_2"] {
        let body = json!({"account_id": account, "url": "https://example.com/hooks", "event_types": ["*"]});
        admin.post("/admin/v1/webhooks", body).await.is(201);
        let body = json!({"account_id": account, "type": "contact.created", "data": {"id": 1}});
        admin.post("/admin/v1/events", body).await.is(201);
    }
    let count = async |query: &str| {
        let path = format!("/admin/v1/deliveries?{query}");
        let found = admin.get(&path).await.is(200);
        found["data"].as_array().unwrap().len()
    };
    assert_eq!(count("").await, 2);
    assert_eq!(count("account_id=acct_1").await, 1);
    assert_eq!(count("account_id=acct_3").await, 0);
    assert_eq!(count("status=pending&type=contact.created").await, 2);
    assert_eq!(count("status=failed").await, 0);
    assert_eq!(count("to=2020-01-01T00:00:00Z").await, 0);
    assert_eq!(count("from=2020-01-01T00:00:00Z").await, 2);
    let webhooks = admin.get("/admin/v1/webhooks?account_id=acct_1").await;
    let webhook = webhooks.is(200)["data"][0]["id"].clone();
    let of_one = format!(
        "/admin/v1/webhooks/{}/deliveries",
        webhook.as_str().unwrap()
    );
    for (query, n) in [
        ("from=2020-01-01T00:00:00Z", 1),
        ("to=2020-01-01T00:00:00Z", 0),
        (
            "from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z&status=pending",
            1,
        ),
    ] {
        let found = admin.get(&format!("{of_one}?{query}")).await.is(200);
        assert_eq!(found["data"].as_array().unwrap().len(), n, "{query}");
    }
    let empty = "from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00Z";
    let bad = admin.get(&format!("{of_one}?{empty}")).await;
    bad.is_invalid(&["from"]);
    let first = admin.get("/admin/v1/deliveries?limit=1").await.is(200);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = admin
        .get(&format!("/admin/v1/deliveries?limit=1&cursor={cursor}"))
        .await
        .is(200);
    assert_ne!(first["data"][0]["id"], second["data"][0]["id"]);
    assert_eq!(second["next_cursor"], Value::Null);
    let bad = admin
        .get("/admin/v1/deliveries?from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00Z")
        .await;
    bad.is_invalid(&["from"]);
    admin
        .get("/admin/v1/deliveries?status=lost")
        .await
        .is_invalid(&["status"]);
}

#[tokio::test]
async fn a_replay_is_made_once_shown_listed_and_cancelled() {
    let admin = Admin::start().await;
    let post = || {
        send(
            admin
                .request("POST", "/admin/v1/replays")
                .header("idempotency-key", "\"r-1\"")
                .json(&range()),
        )
    };
    let made = post().await.is(202);
    let id = made["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("rpl_"));
    assert_eq!(made["status"], "running");
    assert_eq!(made["per_second"], 50);
    assert_eq!(made["replayed"], 0);
    assert_eq!(post().await.is(202), made);
    let path = format!("/admin/v1/replays/{id}");
    assert_eq!(admin.get(&path).await.is(200), made);
    let listed = admin.get("/admin/v1/replays").await.is(200);
    assert_eq!(listed, json!({"data": [made], "next_cursor": null}));
    let cancel = format!("{path}/cancel");
    let ended = send(admin.request("POST", &cancel)).await.is(200);
    assert_eq!(ended["status"], "cancelled");
    assert!(ended["finished_at"].is_string());
    let again = send(admin.request("POST", &cancel)).await;
    again.is_error(409, "conflict");
    admin
        .get("/admin/v1/replays/rpl_0")
        .await
        .is_error(404, "not_found");
    assert_eq!(
        admin.actions().await[..2],
        ["replay.cancel".to_owned(), "replay.create".to_owned()]
    );
}

#[tokio::test]
async fn what_cannot_be_a_replay_is_invalid() {
    let admin = Admin::start().await;
    let with = |members: Value| {
        let mut body = range();
        for (name, value) in members.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    };
    for (members, field) in [
        (json!({"from": "2028-01-01T00:00:00Z"}), "from"),
        (json!({"per_second": 0}), "per_second"),
        (json!({"per_second": 1001}), "per_second"),
        (json!({"account_id": "a b"}), "account_id"),
        (json!({"webhook_id": "whk_0"}), "webhook_id"),
        (json!({"event_types": ["x*"]}), "event_types[0]"),
        (json!({"only": "some"}), "only"),
        (json!({"nope": 1}), "nope"),
    ] {
        let answer = admin.post("/admin/v1/replays", with(members)).await;
        answer.is_invalid(&[field]);
    }
    let webhook =
        json!({"account_id": "acct_1", "url": "https://example.com/h", "event_types": ["*"]});
    let webhook = admin.post("/admin/v1/webhooks", webhook).await.is(201);
    let of = |account: &str| with(json!({"webhook_id": webhook["id"], "account_id": account}));
    let others = admin.post("/admin/v1/replays", of("acct_2")).await;
    others.is_invalid(&["webhook_id"]);
    let own = admin.post("/admin/v1/replays", of("acct_1")).await.is(202);
    assert_eq!(own["webhook_id"], webhook["id"]);
    assert_eq!(own["account_id"], "acct_1");
}

#[tokio::test]
async fn what_was_missed_is_recovered_for_one_webhook_that_takes_deliveries() {
    let admin = Admin::start().await;
    let new = json!({"account_id": "acct_1", "url": "https://example.com/h", "event_types": ["*"]});
    let webhook = admin.post("/admin/v1/webhooks", new).await.is(201);
    let id = webhook["id"].as_str().unwrap();
    let of = |only: &str, webhook: Value, account: &str| {
        let mut body = range();
        (body["only"], body["webhook_id"]) = (json!(only), webhook);
        body["account_id"] = json!(account);
        admin.post("/admin/v1/replays", body)
    };
    for only in ["missed", "undelivered"] {
        let nobody = of(only, Value::Null, "acct_1").await;
        nobody.is_invalid(&["webhook_id"]);
        let foreign = of(only, json!(id), "acct_2").await;
        foreign.is_invalid(&["webhook_id"]);
    }
    let path = format!("/admin/v1/webhooks/{id}");
    let paused = admin.patch(&path, json!({"status": "paused"})).await;
    paused.is(200);
    let made = of("undelivered", json!(id), "acct_1").await.is(202);
    assert_eq!(
        (&made["only"], &made["replayed"]),
        (&json!("undelivered"), &json!(0))
    );
    let listed = async |query: String| {
        let found = admin.get(&format!("/admin/v1/replays?{query}")).await;
        found.is(200)["data"].clone()
    };
    assert_eq!(listed(format!("webhook_id={id}")).await, json!([made]));
    assert_eq!(listed("account_id=acct_1".to_owned()).await, json!([made]));
    assert_eq!(listed("account_id=acct_2".to_owned()).await, json!([]));
    for unknown in [
        format!("webhook_id={id}&account_id=acct_2"),
        "webhook_id=whk_0".to_owned(),
    ] {
        let path = format!("/admin/v1/replays?{unknown}");
        admin.get(&path).await.is_error(404, "not_found");
    }
}

#[tokio::test]
async fn only_the_operators_endpoint_gets_operational_events_and_it_gets_nothing_else() {
    let admin = Admin::start().await;
    let body = |account: &str, types: &[&str]| json!({"account_id": account, "url": "https://example.com/ops", "event_types": types});
    let all = [
        "endpoint.disabled",
        "delivery.exhausted",
        "usage.threshold_reached",
        "key.expiring",
    ];
    let made = admin
        .post("/admin/v1/webhooks", body("fuelgate:operator", &all))
        .await
        .is(201);
    for (account, types, field) in [
        (
            "fuelgate:operator",
            &["contact.created"][..],
            "event_types[0]",
        ),
        ("fuelgate:operator", &["*"][..], "event_types[0]"),
        ("acct_1", &["endpoint.disabled"][..], "event_types[0]"),
        (
            "acct_1",
            &["key.expiring", "delivery.exhausted"][..],
            "event_types[1]",
        ),
        ("acct_1", &["key.*"][..], "event_types[0]"),
        ("fuelgate:other", &["contact.created"][..], "account_id"),
    ] {
        let answer = admin.post("/admin/v1/webhooks", body(account, types)).await;
        answer.is_invalid(&[field]);
    }
    let path = format!("/admin/v1/webhooks/{}", made["id"].as_str().unwrap());
    // Two of them may be about an account's own matters, which it is told of where it asks for alerts.
    let own = body("acct_1", &["usage.threshold_reached", "key.expiring"]);
    admin.post("/admin/v1/webhooks", own).await.is(201);
    let changed = json!({"event_types": ["contact.created"]});
    admin
        .patch(&path, changed)
        .await
        .is_invalid(&["event_types[0]"]);
    // Nobody publishes there, and nobody has keys of it.
    let event = json!({"account_id": "fuelgate:operator", "type": "contact.created", "data": {}});
    admin
        .post("/admin/v1/events", event)
        .await
        .is_invalid(&["account_id"]);
    let event = json!({"account_id": "acct_1", "type": "key.expiring", "data": {}});
    admin
        .post("/admin/v1/events", event)
        .await
        .is_invalid(&["type"]);
    let key = json!({"account_id": "fuelgate:operator", "name": "k", "scopes": [], "expires_in_days": 30});
    let refused = admin.post("/admin/v1/keys", key).await;
    assert_eq!(
        refused.is_error(422, "invalid")["errors"][0]["field"],
        "account_id"
    );
    admin
        .put("/admin/v1/accounts/fuelgate:operator", json!({}))
        .await
        .is_error(422, "invalid");
}
