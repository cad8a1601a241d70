//! Audit log, configuration, health and metrics through the admin API.

use serde_json::Value;

use crate::admin_support::{Admin, ROOT, send};
use fuelgate::web::admin::state::ConfigProblem;

#[tokio::test]
async fn the_audit_log_is_filtered_and_paged() {
    let admin = Admin::start().await;
    let key = admin.key("acct_1").await["id"].clone();
    admin.key("acct_2").await;
    let path = format!("/admin/v1/keys/{}", key.as_str().unwrap());
    admin.delete(&path).await.is(204);
    let count = async |query: &str| {
        let log = admin.get(&format!("/admin/v1/audit-log?{query}")).await;
        log.is(200)["data"].as_array().unwrap().len()
    };
    assert_eq!(count("").await, 3);
    assert_eq!(count("account_id=acct_1").await, 2);
    assert_eq!(count("action=key.create").await, 2);
    assert_eq!(count(&format!("target={}", key.as_str().unwrap())).await, 2);
    let page = admin.get("/admin/v1/audit-log?limit=2").await.is(200);
    let cursor = page["next_cursor"].as_str().unwrap();
    assert_eq!(count(&format!("limit=2&cursor={cursor}")).await, 1);
    let entry = &page["data"][0];
    assert!(entry["id"].as_str().unwrap().starts_with("aud_"));
    for member in ["at", "token", "address", "request_id", "details"] {
        assert!(!entry[member].is_null(), "{member}: {entry}");
    }
}

#[tokio::test]
async fn the_configuration_is_shown_without_secrets() {
    let admin = Admin::start().await;
    let answer = admin.get("/admin/v1/config").await;
    let shown = answer.is(200);
    assert_eq!(shown["last_error"], Value::Null);
    assert_eq!(shown["hash"].as_str().unwrap().len(), 64);
    assert_eq!(shown["routes"][0]["path"], "/v1/contacts");
    assert!(!answer.text.contains("a pepper for tests only"));
    assert!(!answer.text.contains(ROOT));
}

#[tokio::test]
async fn a_reload_with_problems_names_them_and_changes_nothing() {
    let admin = Admin::start().await;
    *admin.control.next.lock() = Err(vec![ConfigProblem {
        place: "t.yaml:3:7".to_owned(),
        setting: "plans.standard".to_owned(),
        message: "expected a plan".to_owned(),
    }]);
    let answer = send(admin.request("POST", "/admin/v1/config/reload")).await;
    let body = answer.is_invalid(&["plans.standard"]);
    assert_eq!(body["errors"][0]["message"], "t.yaml:3:7: expected a plan");
    let shown = admin.get("/admin/v1/config").await.is(200);
    assert_eq!(shown["last_error"]["problems"][0]["place"], "t.yaml:3:7");
    let config =
        crate::admin_support::config(admin.dir.path(), &[("month: 20000", "month: 30000")]);
    *admin.control.next.lock() = Ok(config);
    let loaded = send(admin.request("POST", "/admin/v1/config/reload")).await;
    let loaded = loaded.is(200);
    assert_ne!(loaded["hash"], shown["hash"]);
    assert_eq!(loaded["last_error"], Value::Null);
    assert_eq!(admin.actions().await, ["config.reload", "config.reload"]);
    let log = admin.get("/admin/v1/audit-log").await.is(200);
    assert_eq!(log["data"][0]["details"]["result"], "loaded");
    assert_eq!(log["data"][1]["details"]["result"], "refused");
}

#[tokio::test]
async fn health_and_metrics_need_no_token_on_either_listener() {
    let admin = Admin::start().await;
    for address in [admin.address, admin.status_address] {
        let get = async |path: &str| {
            let url = format!("http://{address}{path}");
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            send(client.get(url)).await
        };
        assert_eq!(get("/healthz").await.status, 200);
        assert_eq!(get("/readyz").await.status, 200);
        let metrics = get("/metrics").await;
        assert_eq!(metrics.status, 200);
        assert!(metrics.header("content-type").starts_with("text/plain"));
        assert!(metrics.text.contains("up 1"));
        *admin.ready.0.lock() = Err("draining");
        let draining = get("/readyz").await;
        assert_eq!(draining.status, 503);
        assert_eq!(draining.json()["reason"], "draining");
        assert_eq!(get("/healthz").await.status, 200);
        *admin.ready.0.lock() = Ok(());
    }
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("http://{}/admin/v1/keys", admin.status_address);
    assert_eq!(send(client.get(url).bearer_auth(ROOT)).await.status, 404);
}
