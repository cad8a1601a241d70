//! Accounts through the admin API: plans, overrides, suspension, revoking all keys, erasure.

use serde_json::json;

use crate::admin_support::Admin;

#[tokio::test]
async fn an_account_is_made_and_changed_by_put() {
    let admin = Admin::start().await;
    admin
        .get("/admin/v1/accounts/acct_1")
        .await
        .is_error(404, "not_found");
    let body = json!({"plan": "small", "overrides": {"quotas": {"hour": 50}}, "suspended": true});
    let made = admin.put("/admin/v1/accounts/acct_1", body).await.is(200);
    assert_eq!(made["plan"], "small");
    assert_eq!(made["overrides"]["quotas"]["hour"], 50);
    assert_eq!(made["suspended"], true);
    let changed = admin
        .put("/admin/v1/accounts/acct_1", json!({"plan": "standard"}))
        .await
        .is(200);
    assert_eq!(changed["suspended"], true);
    assert_eq!(changed["created_at"], made["created_at"]);
    let cleared = admin
        .put(
            "/admin/v1/accounts/acct_1",
            json!({"overrides": null, "suspended": false}),
        )
        .await
        .is(200);
    assert_eq!(cleared["overrides"], json!({}));
    assert_eq!(
        admin.get("/admin/v1/accounts/acct_1").await.is(200),
        cleared
    );
    let listed = admin.get("/admin/v1/accounts").await.is(200);
    assert_eq!(listed["data"], json!([cleared]));
}

#[tokio::test]
async fn a_plan_or_override_that_cannot_be_is_invalid() {
    let admin = Admin::start().await;
    let put = |body| admin.put("/admin/v1/accounts/acct_1", body);
    put(json!({"plan": "gold"})).await.is_invalid(&["plan"]);
    put(json!({"overrides": {"rate": {"requests": 0, "per_seconds": 1, "burst": 1}}}))
        .await
        .is_invalid(&["overrides.rate.requests"]);
    put(json!({"overrides": {"rate": {"requests": 1}}}))
        .await
        .is_invalid(&["overrides.rate.per_seconds"]);
    put(json!({"overrides": {"speed": 1}}))
        .await
        .is_invalid(&["overrides.speed"]);
    put(json!({"id": "other"})).await.is_invalid(&["id"]);
    let bad = admin.put("/admin/v1/accounts/a%20b", json!({})).await;
    bad.is_invalid(&["id"]);
}

#[tokio::test]
async fn all_keys_of_an_account_are_revoked_at_once() {
    let admin = Admin::start().await;
    let one = admin.key("acct_1").await["id"].clone();
    let two = admin.key("acct_1").await["id"].clone();
    let other = admin.key("acct_2").await["id"].clone();
    let path = "/admin/v1/accounts/acct_1/revoke-keys";
    let answer = admin.post(path, json!({})).await.is(200);
    assert_eq!(answer["revoked"], 2);
    let named = answer["key_ids"].as_array().unwrap();
    assert!(named.contains(&one) && named.contains(&two));
    let again = admin.post(path, json!({})).await.is(200);
    assert_eq!(again["revoked"], 0);
    let other = format!("/admin/v1/keys/{}", other.as_str().unwrap());
    assert_eq!(admin.get(&other).await.is(200)["status"], "active");
    let none = admin.post("/admin/v1/accounts/none/revoke-keys", json!({}));
    none.await.is_error(404, "not_found");
}

#[tokio::test]
async fn an_erased_account_leaves_nothing_but_a_pseudonym() {
    let admin = Admin::start().await;
    let key = admin.key("acct_secretive").await;
    let answer = admin.delete("/admin/v1/accounts/acct_secretive").await;
    answer.is(204);
    admin
        .get("/admin/v1/accounts/acct_secretive")
        .await
        .is_error(404, "not_found");
    let path = format!("/admin/v1/keys/{}", key["id"].as_str().unwrap());
    admin.get(&path).await.is_error(404, "not_found");
    let log = admin.get("/admin/v1/audit-log").await;
    assert!(!log.text.contains("acct_secretive"), "{}", log.text);
    assert_eq!(admin.actions().await, ["account.erase", "key.create"]);
    admin
        .delete("/admin/v1/accounts/acct_secretive")
        .await
        .is_error(404, "not_found");
}
