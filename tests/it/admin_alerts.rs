//! Alerts through the admin API: what is set, what is refused, what the audit log says of it.

use serde_json::{Value, json};

use crate::admin_support::Admin;

const PATH: &str = "/admin/v1/alerts?account_id=acct_1";

fn wanted() -> Value {
    json!({
        "account_id": "acct_1",
        "thresholds": {"hour": [80], "month": [80, 100]},
        "key_expiry_days": [14, 7, 1],
        "emails": ["dev@example.com"],
    })
}

#[tokio::test]
async fn nothing_is_set_until_it_is_put_and_what_is_put_is_all_there_is() {
    let admin = Admin::start().await;
    let none = json!({"account_id": "acct_1", "thresholds": {"hour": [], "month": []}, "key_expiry_days": [], "emails": []});
    assert_eq!(admin.get(PATH).await.is(200), none);
    assert_eq!(admin.put(PATH, wanted()).await.is(200), wanted());
    assert_eq!(admin.get(PATH).await.is(200), wanted());
    // What GET shows can be given back, and what is left out is gone.
    assert_eq!(admin.put(PATH, wanted()).await.is(200), wanted());
    let less = admin
        .put(PATH, json!({"emails": ["dev@example.com"]}))
        .await;
    assert_eq!(less.is(200)["thresholds"]["month"], json!([]));
    assert_eq!(admin.put(PATH, json!({})).await.is(200), none);
    let other = "/admin/v1/alerts?account_id=acct_2";
    assert_eq!(admin.get(other).await.is(200)["emails"], json!([]));
}

#[tokio::test]
async fn marks_are_shown_in_their_order() {
    let admin = Admin::start().await;
    let given = json!({"thresholds": {"hour": [100, 50, 80]}, "key_expiry_days": [1, 30]});
    let shown = admin.put(PATH, given).await.is(200);
    assert_eq!(shown["thresholds"]["hour"], json!([50, 80, 100]));
    assert_eq!(shown["key_expiry_days"], json!([30, 1]));
}

#[tokio::test]
async fn every_wrong_field_is_named() {
    let admin = Admin::start().await;
    for (body, fields) in [
        (
            json!({"thresholds": {"hour": [0]}}),
            &["thresholds.hour[0]"][..],
        ),
        (
            json!({"thresholds": {"month": [101]}}),
            &["thresholds.month[0]"],
        ),
        (
            json!({"thresholds": {"month": [80, 80]}}),
            &["thresholds.month[1]"],
        ),
        (
            json!({"thresholds": {"hour": [1, 2, 3, 4, 5, 6]}}),
            &["thresholds.hour"],
        ),
        (json!({"thresholds": {"day": [1]}}), &["thresholds.day"]),
        (json!({"key_expiry_days": [366]}), &["key_expiry_days[0]"]),
        (json!({"emails": ["nobody"]}), &["emails[0]"]),
        (
            json!({"emails": ["a@b.example\r\nBcc: c@d.example"]}),
            &["emails[0]"],
        ),
        (
            json!({"emails": ["a@b.example", "A@b.example"]}),
            &["emails[1]"],
        ),
        (json!({"account_id": "acct_2"}), &["account_id"]),
        (json!({"email": "a@b.example"}), &["email"]),
        (
            json!({"thresholds": {"hour": [0]}, "emails": ["x"]}),
            &["thresholds.hour[0]", "emails[0]"],
        ),
    ] {
        admin.put(PATH, body).await.is_invalid(fields);
    }
    for path in [
        "/admin/v1/alerts?account_id=fuelgate:operator",
        "/admin/v1/alerts?account_id=a%20b",
    ] {
        admin.get(path).await.is_invalid(&["account_id"]);
        admin.put(path, json!({})).await.is_invalid(&["account_id"]);
    }
    assert_eq!(admin.get("/admin/v1/alerts").await.status, 422);
}

#[tokio::test]
async fn the_audit_log_says_what_changed_and_no_address() {
    let admin = Admin::start().await;
    admin.put(PATH, wanted()).await.is(200);
    admin.put(PATH, wanted()).await.is(200);
    let log = admin.get("/admin/v1/audit-log?account_id=acct_1").await;
    let log = log.is(200);
    let entries = log["data"].as_array().unwrap();
    assert_eq!(entries.len(), 1, "the same again is no change: {log}");
    assert_eq!(entries[0]["action"], "alerts.put");
    assert_eq!(
        entries[0]["details"]["month"],
        json!({"from": [], "to": [80, 100]})
    );
    assert!(!log.to_string().contains("example.com"), "{log}");
}

#[tokio::test]
async fn alerts_go_with_their_account() {
    let admin = Admin::start().await;
    admin.put(PATH, wanted()).await.is(200);
    assert_eq!(admin.delete("/admin/v1/accounts/acct_1").await.status, 204);
    let left = admin.get(PATH).await.is(200);
    assert_eq!(left["emails"], json!([]));
}
