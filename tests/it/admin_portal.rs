//! Portal sessions by the admin API: what is answered, what is refused, and what the audit log says of it.

use fuelgate::base::ceilings::portal::PORTAL_LINK_TIME;
use serde_json::json;

use crate::admin_support::{Admin, START};

#[tokio::test]
async fn a_session_is_answered_with_its_link_and_nothing_else() {
    let admin = Admin::start().await;
    let body = json!({"account_id": "acct_1", "user": {"id": "u_7", "email": "dev@example.com"}, "role": "developer", "expires_in_seconds": 60});
    let made = admin
        .post("/admin/v1/portal-sessions", body.clone())
        .await
        .is(201);
    let url = made["url"].as_str().unwrap();
    assert_eq!(made.as_object().unwrap().len(), 1);
    assert!(
        url.starts_with("https://developers.example.com/sign-in/ps_"),
        "{url}"
    );
    let other = admin.post("/admin/v1/portal-sessions", body).await.is(201);
    assert_ne!(other["url"], made["url"]);
    let without = json!({"account_id": "acct_1", "user": {"id": "u_7"}, "role": "viewer"});
    admin
        .post("/admin/v1/portal-sessions", without)
        .await
        .is(201);

    let log = admin
        .get("/admin/v1/audit-log?action=portal_session.create")
        .await
        .is(200);
    let entry = &log["data"][0];
    assert_eq!(entry["account_id"], "acct_1");
    assert_eq!(entry["details"]["user"], "u_7");
    assert_eq!(entry["details"]["role"], "viewer");
    let secret = url.rsplit('.').nth(1).unwrap();
    assert!(!log.to_string().contains(secret));
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let admin = Admin::start().await;
    for (body, fields) in [
        (json!({}), &["account_id"][..]),
        (
            json!({"account_id": "a b", "user": {"id": ""}, "role": "admin", "expires_in_seconds": 0}),
            &["account_id", "user.id", "role", "expires_in_seconds"],
        ),
        (
            json!({"account_id": "a", "user": {"id": "u", "email": "x"}, "role": "viewer", "expires_in_seconds": 43201}),
            &["user.email", "expires_in_seconds"],
        ),
        (
            json!({"account_id": "a", "user": {"id": "u", "name": "x"}, "role": "viewer"}),
            &["user.name"],
        ),
        (json!({"who": 1}), &["who"]),
    ] {
        let answer = admin.post("/admin/v1/portal-sessions", body).await;
        answer.is_invalid(fields);
    }
}

#[tokio::test]
async fn links_expire_by_the_clock_of_the_store() {
    let admin = Admin::start().await;
    let sessions = fuelgate::portal::service::SessionService::new(admin.store.clone());
    let body = json!({"account_id": "acct_1", "user": {"id": "u_7"}, "role": "viewer"});
    let made = admin.post("/admin/v1/portal-sessions", body).await.is(201);
    let text = made["url"].as_str().unwrap().rsplit('/').next().unwrap();
    let late = START.plus(PORTAL_LINK_TIME);
    assert!(sessions.of_link(text, START).await.is_ok());
    assert!(sessions.of_link(text, late).await.is_err());
}
