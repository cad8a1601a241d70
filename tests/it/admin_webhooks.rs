//! Webhooks and deliveries through the admin API.

use serde_json::{Value, json};

use crate::admin_support::{Admin, send};

fn new_webhook() -> Value {
    json!({"account_id": "acct_1", "url": "https://example.com/hooks", "event_types": ["contact.created"]})
}

/// Makes a webhook; its path.
async fn webhook(admin: &Admin) -> String {
    let made = admin
        .post("/admin/v1/webhooks", new_webhook())
        .await
        .is(201);
    format!("/admin/v1/webhooks/{}", made["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_webhook_is_made_with_its_secret_shown_once() {
    let admin = Admin::start().await;
    let post = || {
        send(
            admin
                .request("POST", "/admin/v1/webhooks")
                .header("idempotency-key", "\"w-1\"")
                .json(&new_webhook()),
        )
    };
    let mut made = post().await.is(201);
    let id = made["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("whk_"));
    let secret = made.as_object_mut().unwrap().remove("secret").unwrap();
    let secret = secret.as_str().unwrap();
    assert!(secret.starts_with("whsec_"));
    assert_eq!(made["status"], "active");
    assert_eq!(made["disabled_reason"], Value::Null);
    assert_eq!(post().await.is(201), made);
    let shown = admin.get(&format!("/admin/v1/webhooks/{id}")).await;
    assert_eq!(shown.is(200), made);
    let listed = admin
        .get("/admin/v1/webhooks?account_id=acct_1")
        .await
        .is(200);
    assert_eq!(listed, json!({"data": [made], "next_cursor": null}));
    let log = admin.get("/admin/v1/audit-log").await;
    assert!(!log.text.contains(secret));
    let path = format!("/admin/v1/webhooks/{id}/rotate-secret");
    let rotated = send(admin.request("POST", &path)).await.is(200);
    assert_ne!(rotated["secret"], secret);
    assert_eq!(rotated["id"], id.as_str());
}

#[tokio::test]
async fn the_secrets_before_the_present_one_are_ended_at_once() {
    let admin = Admin::start().await;
    let path = webhook(&admin).await;
    let post = async |what: &str| {
        let path = format!("{path}/{what}");
        send(admin.request("POST", &path)).await
    };
    for _ in 0..2 {
        let rotated = post("rotate-secret").await.is(200);
        assert!(rotated["previous_secret_valid_until"].is_string());
    }
    let ended = post("revoke-previous-secrets").await;
    assert!(!ended.text.contains("whsec_"));
    assert_eq!(ended.is(200)["previous_secret_valid_until"], Value::Null);
    // Again there is nothing to end, and nothing is noted.
    post("revoke-previous-secrets").await.is(200);
    assert_eq!(
        admin.actions().await[..2],
        [
            "webhook.revoke_previous_secrets".to_owned(),
            "webhook.rotate_secret".to_owned()
        ]
    );
    let unknown = admin.request("POST", "/admin/v1/webhooks/whk_0/revoke-previous-secrets");
    send(unknown).await.is_error(404, "not_found");
}

#[tokio::test]
async fn what_cannot_be_a_webhook_is_invalid() {
    let admin = Admin::start().await;
    let body = json!({"account_id": "a b", "url": "http://169.254.169.254/", "event_types": ["contact.exploded"]});
    let answer = admin.post("/admin/v1/webhooks", body).await;
    answer.is_invalid(&["account_id", "url", "event_types[0]"]);
    let body = json!({"account_id": "a", "url": "https://example.com/", "event_types": []});
    let answer = admin.post("/admin/v1/webhooks", body).await;
    answer.is_invalid(&["event_types"]);
}

#[tokio::test]
async fn a_webhook_is_changed_and_deleted() {
    let admin = Admin::start().await;
    let path = webhook(&admin).await;
    let changed = admin
        .patch(&path, json!({"status": "paused", "description": "ours"}))
        .await
        .is(200);
    assert_eq!(changed["status"], "paused");
    assert_eq!(changed["description"], "ours");
    assert_eq!(changed["url"], new_webhook()["url"]);
    let cleared = admin.patch(&path, json!({"description": null})).await;
    assert_eq!(cleared.is(200)["description"], Value::Null);
    admin
        .patch(&path, json!({"status": "disabled"}))
        .await
        .is_invalid(&["status"]);
    admin
        .patch(&path, json!({"account_id": "other"}))
        .await
        .is_invalid(&["account_id"]);
    admin.delete(&path).await.is(204);
    admin.get(&path).await.is_error(404, "not_found");
    admin.delete(&path).await.is_error(404, "not_found");
    let mut actions = admin.actions().await;
    actions.dedup();
    assert_eq!(
        actions,
        ["webhook.delete", "webhook.update", "webhook.create"]
    );
}

#[tokio::test]
async fn a_test_makes_a_delivery_that_can_be_seen_and_tried_again() {
    let admin = Admin::start().await;
    let path = webhook(&admin).await;
    let test = send(admin.request("POST", &format!("{path}/test"))).await;
    let delivery = test.is(202);
    assert_eq!(delivery["type"], "webhook.test");
    assert_eq!(delivery["status"], "pending");
    assert_eq!(delivery["attempts"], json!([]));
    let listed = admin
        .get(&format!("{path}/deliveries?status=pending"))
        .await;
    assert_eq!(listed.is(200)["data"], json!([delivery]));
    let listed = admin.get(&format!("{path}/deliveries?status=failed")).await;
    assert_eq!(listed.is(200)["data"], json!([]));
    let one = format!("/admin/v1/deliveries/{}", delivery["id"].as_str().unwrap());
    assert_eq!(admin.get(&one).await.is(200), delivery);
    let retried = send(admin.request("POST", &format!("{one}/retry"))).await;
    assert_eq!(retried.is(202)["id"], delivery["id"]);
    admin
        .patch(&path, json!({"status": "paused"}))
        .await
        .is(200);
    let test = send(admin.request("POST", &format!("{path}/test"))).await;
    test.is_error(409, "conflict");
    for missing in [
        "/admin/v1/deliveries/dlv_none",
        "/admin/v1/webhooks/whk_none/deliveries",
    ] {
        admin.get(missing).await.is_error(404, "not_found");
    }
}
