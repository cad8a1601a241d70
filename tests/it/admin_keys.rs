//! Keys through the admin API: made, shown, changed, rotated, imported, looked up, revoked.

use std::time::Duration;

use serde_json::{Value, json};

use crate::admin_support::{Admin, START, send};

fn new_key() -> Value {
    json!({"account_id": "acct_1", "name": "Zapier", "scopes": ["contacts:read"], "expires_in_days": 90})
}

#[tokio::test]
async fn a_key_is_made_with_its_secret_shown_once() {
    let admin = Admin::start().await;
    let made = admin.post("/admin/v1/keys", new_key()).await.is(201);
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("lf_live_"));
    let id = made["id"].as_str().unwrap();
    assert!(id.starts_with("key_"));
    let expires = START.plus(Duration::from_secs(90 * 86_400)).to_string();
    let mut expected = json!({
        "id": id, "account_id": "acct_1", "name": "Zapier", "scopes": ["contacts:read"], "status": "active",
        "created_at": START.to_string(), "expires_at": expires, "last_used_at": null, "last_used_ip": null,
        "allowed_ips": [], "prefix": "lf_live", "last_four": &secret[secret.len() - 4..],
    });
    let shown = admin.get(&format!("/admin/v1/keys/{id}")).await;
    let mut details = expected.clone();
    details["old_secrets"] = Value::Null;
    assert_eq!(shown.is(200), details);
    assert!(!shown.text.contains(secret));
    let listed = admin.get("/admin/v1/keys?account_id=acct_1").await.is(200);
    assert_eq!(listed, json!({"data": [details], "next_cursor": null}));
    expected["secret"] = secret.into();
    assert_eq!(made, expected);
    let account = admin.get("/admin/v1/accounts/acct_1").await.is(200);
    assert_eq!(account["plan"], "standard");
    let log = admin.get("/admin/v1/audit-log").await;
    assert!(!log.text.contains(secret));
    assert_eq!(log.json()["data"][0]["action"], "key.create");
    assert_eq!(log.json()["data"][0]["target"], id);
}

#[tokio::test]
async fn an_expiry_must_be_said() {
    let admin = Admin::start().await;
    let with = |name: &str, value: Value| {
        let mut body = new_key();
        let map = body.as_object_mut().unwrap();
        map.remove("expires_in_days");
        if !name.is_empty() {
            map.insert(name.to_owned(), value);
        }
        body
    };
    let post = |body| admin.post("/admin/v1/keys", body);
    post(with("", Value::Null))
        .await
        .is_invalid(&["expires_in_days"]);
    post(with("expires_in_days", json!(31)))
        .await
        .is_invalid(&["expires_in_days"]);
    post(with("expires_in_days", json!("30")))
        .await
        .is_invalid(&["expires_in_days"]);
    post(with("expires_at", json!("2020-01-01T00:00:00Z")))
        .await
        .is_invalid(&["expires_at"]);
    let none = post(with("expires_in_days", Value::Null)).await.is(201);
    assert_eq!(none["expires_at"], Value::Null);
    let at = post(with("expires_at", json!("2027-06-01T02:00:00+02:00")))
        .await
        .is(201);
    assert_eq!(at["expires_at"], "2027-06-01T00:00:00Z");
    let mut both = new_key();
    both["expires_at"] = json!("2027-06-01T00:00:00Z");
    assert_eq!(post(both).await.status, 422);
}

#[tokio::test]
async fn everything_wrong_with_a_key_is_said_at_once() {
    let admin = Admin::start().await;
    let body = json!({
        "account_id": "no spaces", "name": "", "scopes": ["contacts:read", "contacts:delete"],
        "expires_in_days": 7, "allowed_ips": ["203.0.113.7", "everywhere"],
    });
    let answer = admin.post("/admin/v1/keys", body).await;
    answer.is_invalid(&[
        "account_id",
        "name",
        "scopes[1]",
        "expires_in_days",
        "allowed_ips[1]",
    ]);
}

#[tokio::test]
async fn a_repetition_with_the_same_idempotency_key_gets_the_answer_without_the_secret() {
    let admin = Admin::start().await;
    let post = |key: &str, body: Value| {
        send(
            admin
                .request("POST", "/admin/v1/keys")
                .header("idempotency-key", key)
                .json(&body),
        )
    };
    let first = post("\"k-1\"", new_key()).await;
    let mut made = first.is(201);
    assert_eq!(first.header("idempotency-replayed"), "");
    let again = post("\"k-1\"", new_key()).await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    let replayed = again.is(201);
    assert!(made.as_object_mut().unwrap().remove("secret").is_some());
    assert_eq!(replayed, made);
    let mut other = new_key();
    other["name"] = "Other".into();
    post("\"k-1\"", other.clone())
        .await
        .is_error(409, "conflict");
    let second = post("\"k-2\"", other).await.is(201);
    assert_ne!(second["id"], made["id"]);
    post("\"open", new_key())
        .await
        .is_invalid(&["Idempotency-Key"]);
    let keys = admin.get("/admin/v1/keys").await.is(200);
    assert_eq!(keys["data"].as_array().unwrap().len(), 2);
    admin.clock.advance(Duration::from_secs(25 * 3600));
    let later = post("\"k-1\"", new_key()).await.is(201);
    assert_ne!(later["id"], made["id"]);
}

#[tokio::test]
async fn of_concurrent_repetitions_one_wins_and_the_others_get_its_answer() {
    let admin = Admin::start().await;
    let calls = (0..16).map(|_| {
        send(
            admin
                .request("POST", "/admin/v1/keys")
                .header("idempotency-key", "race")
                .json(&new_key()),
        )
    });
    let answers = futures_util::future::join_all(calls).await;
    let ids: std::collections::HashSet<_> = answers
        .iter()
        .map(|a| a.is(201)["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 1);
    let secrets = answers
        .iter()
        .filter(|a| a.json().get("secret").is_some())
        .count();
    assert_eq!(secrets, 1);
}

#[tokio::test]
async fn a_change_leaves_what_is_absent() {
    let admin = Admin::start().await;
    let key = admin.key("acct_1").await;
    let path = format!("/admin/v1/keys/{}", key["id"].as_str().unwrap());
    let body = json!({"scopes": ["contacts:write"], "allowed_ips": ["203.0.113.7"]});
    let changed = admin.patch(&path, body).await.is(200);
    assert_eq!(changed["scopes"], json!(["contacts:write"]));
    assert_eq!(changed["allowed_ips"], json!(["203.0.113.7/32"]));
    assert_eq!(changed["name"], "test");
    assert_eq!(changed["expires_at"], key["expires_at"]);
    let off = admin.patch(&path, json!({"status": "disabled"})).await;
    assert_eq!(off.is(200)["status"], "disabled");
    let on = admin.patch(&path, json!({"status": "active", "expires_at": null}));
    let on = on.await.is(200);
    assert_eq!(
        (&on["status"], &on["expires_at"]),
        (&json!("active"), &Value::Null)
    );
    admin
        .patch(&path, json!({"status": "revoked"}))
        .await
        .is_error(422, "invalid");
    admin
        .patch(&path, json!({"secret": "x"}))
        .await
        .is_invalid(&["secret"]);
    assert!(!admin.heard.0.lock().is_empty());
    admin
        .patch("/admin/v1/keys/key_none", json!({}))
        .await
        .is_error(404, "not_found");
}

#[tokio::test]
async fn rotation_keeps_the_id_and_shows_the_new_secret_once() {
    let admin = Admin::start().await;
    let key = admin.key("acct_1").await;
    let path = format!("/admin/v1/keys/{}/rotate", key["id"].as_str().unwrap());
    let rotated = admin.post(&path, json!({"grace_seconds": 3600})).await;
    let rotated = rotated.is(200);
    assert_eq!(rotated["id"], key["id"]);
    assert_ne!(rotated["secret"], key["secret"]);
    for secret in [&key["secret"], &rotated["secret"]] {
        let found = admin.post("/admin/v1/keys/lookup", json!({"secret": secret}));
        assert_eq!(found.await.is(200)["id"], key["id"]);
    }
    admin
        .post(&path, json!({"grace_seconds": 31 * 86_400}))
        .await
        .is_invalid(&["grace_seconds"]);
    send(admin.request("POST", &path)).await.is(200);
}

#[tokio::test]
async fn a_lookup_of_a_secret_that_is_no_keys_is_404() {
    let admin = Admin::start().await;
    for secret in [
        "lf_live_nonsense",
        "",
        "lf_live_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17",
    ] {
        let answer = admin.post("/admin/v1/keys/lookup", json!({"secret": secret}));
        answer.await.is_error(404, "not_found");
    }
}

#[tokio::test]
async fn a_revoked_key_stays_visible_and_is_revoked_for_ever() {
    let admin = Admin::start().await;
    let key = admin.key("acct_1").await;
    let path = format!("/admin/v1/keys/{}", key["id"].as_str().unwrap());
    let answer = admin.delete(&path).await;
    answer.is(204);
    admin.delete(&path).await.is(204);
    assert_eq!(admin.get(&path).await.is(200)["status"], "revoked");
    let again = admin.patch(&path, json!({"status": "active"})).await;
    again.is_error(409, "conflict");
    admin
        .delete("/admin/v1/keys/key_none")
        .await
        .is_error(404, "not_found");
    assert_eq!(admin.actions().await, ["key.revoke", "key.create"]);
}

#[tokio::test]
async fn an_import_takes_digests_once() {
    let admin = Admin::start().await;
    let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let keys = |account: &str, digest: &str| {
        json!({"keys": [{
            "account_id": account, "name": "old", "scopes": ["contacts:read"], "expires_in_days": null,
            "digest": digest, "hash": "sha256", "prefix": "oldkey", "last_four": "0a08",
        }]})
    };
    let import = |body| admin.post("/admin/v1/keys/import", body);
    let first = import(keys("acct_1", digest)).await.is(201);
    assert_eq!(first, json!({"created": 1, "existing": 0}));
    let again = import(keys("acct_1", digest)).await.is(200);
    assert_eq!(again, json!({"created": 0, "existing": 1}));
    import(keys("acct_2", digest))
        .await
        .is_error(409, "conflict");
    import(keys("acct_1", "abc"))
        .await
        .is_invalid(&["keys[0].digest"]);
    import(json!({"keys": []})).await.is_invalid(&["keys"]);
    let mut silent = keys("acct_1", digest);
    silent["keys"][0]
        .as_object_mut()
        .unwrap()
        .remove("expires_in_days");
    import(silent)
        .await
        .is_invalid(&["keys[0].expires_in_days"]);
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repetition() {
    let admin = Admin::start().await;
    let mut made = Vec::new();
    for account in ["a", "a", "b", "b", "b", "c", "a"] {
        made.push(admin.key(account).await["id"].clone());
    }
    made.reverse();
    let mut seen = Vec::new();
    let mut path = "/admin/v1/keys?limit=3".to_owned();
    loop {
        let page = admin.get(&path).await.is(200);
        let data = page["data"].as_array().unwrap();
        assert!(data.len() <= 3);
        seen.extend(data.iter().map(|k| k["id"].clone()));
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/admin/v1/keys?limit=3&cursor={cursor}");
        let elsewhere = format!("/admin/v1/accounts?cursor={cursor}");
        admin.get(&elsewhere).await.is_invalid(&["cursor"]);
    }
    assert_eq!(seen, made);
}

#[tokio::test]
async fn an_account_has_no_more_keys_than_its_plan_allows() {
    let admin = Admin::start().await;
    for _ in 0..5 {
        admin.key("acct_1").await;
    }
    let sixth = admin.post("/admin/v1/keys", new_key()).await;
    sixth.is_error(409, "conflict");
}
