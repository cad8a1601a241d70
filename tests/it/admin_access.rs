//! Who is let in by the admin API, and how it refuses what it does not understand.

use serde_json::json;

use crate::admin_support::{Admin, READER, send};

#[tokio::test]
async fn without_a_valid_token_everything_is_401_with_a_challenge() {
    let admin = Admin::start().await;
    for path in ["/admin/v1/keys", "/admin/openapi.json", "/admin/v1/nothing"] {
        let answer = send(admin.anonymous("GET", path)).await;
        answer.is_error(401, "unauthorized");
        assert_eq!(
            answer.header("www-authenticate"),
            "Bearer realm=\"fuelgate-admin\""
        );
        let answer = send(admin.anonymous("GET", path).bearer_auth("wrong")).await;
        answer.is_error(401, "unauthorized");
        assert!(
            answer
                .header("www-authenticate")
                .contains("error=\"invalid_token\"")
        );
    }
    let basic = admin
        .anonymous("GET", "/admin/v1/keys")
        .basic_auth("root", Some("x"));
    send(basic).await.is_error(401, "unauthorized");
}

#[tokio::test]
async fn a_token_without_the_permission_is_403() {
    let admin = Admin::start().await;
    for (method, path) in [
        ("GET", "/admin/v1/keys"),
        ("DELETE", "/admin/v1/accounts/acct_1"),
        ("GET", "/admin/v1/audit-log"),
        ("POST", "/admin/v1/config/reload"),
    ] {
        let answer = send(admin.anonymous(method, path).bearer_auth(READER)).await;
        answer.is_error(403, "forbidden");
    }
    let document = admin
        .anonymous("GET", "/admin/openapi.json")
        .bearer_auth(READER);
    send(document).await.is(200);
}

#[tokio::test]
async fn tokens_change_with_the_configuration() {
    let admin = Admin::start().await;
    let other = crate::admin_support::config(admin.dir.path(), &[("name: root", "name: boss")]);
    let mut other = other;
    other.admin.tokens.retain(|t| t.name == "reader");
    admin.control.config.store(std::sync::Arc::new(other));
    let answer = admin.get("/admin/v1/keys").await;
    answer.is_error(401, "unauthorized");
}

#[tokio::test]
async fn unknown_paths_are_404_and_other_methods_405_with_allow() {
    let admin = Admin::start().await;
    let answer = admin.get("/admin/v1/nothing").await;
    answer.is_error(404, "not_found");
    let answer = send(admin.request("PUT", "/admin/v1/keys")).await;
    answer.is_error(405, "method_not_allowed");
    let mut allow: Vec<_> = answer.header("allow").split(',').map(str::trim).collect();
    allow.sort_unstable();
    assert_eq!(allow, ["GET", "HEAD", "POST"]);
}

#[tokio::test]
async fn bodies_are_read_strictly() {
    let admin = Admin::start().await;
    let post = || admin.request("POST", "/admin/v1/keys");
    let json = |text: &str| {
        post()
            .header("content-type", "application/json")
            .body(text.to_owned())
    };
    let plain = post().body("{}");
    send(plain).await.is_error(415, "unsupported_media_type");
    let form = post()
        .header("content-type", "application/x-www-form-urlencoded")
        .body("a=b");
    send(form).await.is_error(415, "unsupported_media_type");
    send(json("{")).await.is_error(400, "bad_request");
    send(json("")).await.is_error(400, "bad_request");
    send(json("{} {}")).await.is_error(400, "bad_request");
    send(json("[]")).await.is_error(422, "invalid");
    send(json(&"x".repeat(1_048_577)))
        .await
        .is_error(413, "body_too_large");
    let unknown =
        json!({"account_id": "a", "name": "n", "scopes": [], "expires_in_days": 30, "admin": true});
    let answer = admin.post("/admin/v1/keys", unknown).await;
    answer.is_invalid(&["admin"]);
    let wrong = json!({"account_id": "a", "name": "n", "scopes": ["contacts:read", 7]});
    let answer = admin.post("/admin/v1/keys", wrong).await;
    answer.is_invalid(&["scopes[1]"]);
}

#[tokio::test]
async fn queries_are_read_strictly() {
    let admin = Admin::start().await;
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=ten", "limit"),
        ("limit=1&limit=2", "limit"),
        ("page=2", "page"),
        ("cursor=nonsense", "cursor"),
        ("cursor=", "cursor"),
    ] {
        let answer = admin.get(&format!("/admin/v1/keys?{query}")).await;
        answer.is_invalid(&[field]);
    }
}

#[tokio::test]
async fn request_ids_are_believed_from_trusted_proxies_only() {
    let admin = Admin::start().await;
    let ask = || {
        admin
            .request("GET", "/admin/v1/keys")
            .header("x-request-id", "mine-1")
    };
    let answer = send(ask()).await;
    assert_ne!(answer.header("x-request-id"), "mine-1");
    assert_eq!(answer.header("x-request-id").len(), 32);
    let trusting = crate::admin_support::config(
        admin.dir.path(),
        &[("trusted_proxies: []", "trusted_proxies: [127.0.0.0/8]")],
    );
    admin.control.config.store(std::sync::Arc::new(trusting));
    let answer = send(ask()).await;
    assert_eq!(answer.header("x-request-id"), "mine-1");
    let forwarded = ask()
        .header("x-forwarded-for", "198.51.100.9, 203.0.113.5")
        .header("x-actor", "Ada Lovelace");
    let _ = send(forwarded).await;
    let post = admin
        .request("POST", "/admin/v1/keys")
        .header("x-forwarded-for", "198.51.100.9, 203.0.113.5, 127.0.0.2")
        .header("x-actor", "Ada Lovelace")
        .json(&json!({"account_id": "acct_1", "name": "n", "scopes": ["contacts:read"], "expires_in_days": null}));
    send(post).await.is(201);
    let log = admin.get("/admin/v1/audit-log").await.is(200);
    assert_eq!(log["data"][0]["address"], "203.0.113.5");
    assert_eq!(log["data"][0]["actor"], "Ada Lovelace");
    assert_eq!(log["data"][0]["token"], "root");
}

#[tokio::test]
async fn an_actor_that_is_no_name_is_invalid() {
    let admin = Admin::start().await;
    let long = "x".repeat(201);
    for actor in ["", long.as_str(), "a\tb"] {
        let ask = admin
            .request("GET", "/admin/v1/keys")
            .header("x-actor", actor);
        send(ask).await.is_invalid(&["X-Actor"]);
    }
}

#[tokio::test]
async fn a_store_that_is_away_is_503_with_retry_after_and_health_goes_on() {
    let admin = Admin::start().await;
    let store = admin.store.clone();
    tokio::task::spawn_blocking(move || store.close())
        .await
        .unwrap();
    for answer in [
        admin.get("/admin/v1/keys").await,
        admin.get("/admin/v1/audit-log").await,
        admin.get("/admin/v1/events").await,
        admin.put("/admin/v1/accounts/acct_1", json!({})).await,
    ] {
        answer.is_error(503, "store_unavailable");
        assert_eq!(answer.header("retry-after"), "1");
    }
    assert_eq!(send(admin.anonymous("GET", "/healthz")).await.status, 200);
}
