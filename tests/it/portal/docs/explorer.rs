//! The explorer in a real browser: its calls reach the API as their examples say, and keys grey what they may not call.

use serde_json::json;

use crate::support::browser;
use crate::support::portal::{Portal, Setup};

#[test]
fn the_explorer_calls_with_the_readers_key_and_greys_what_it_may_not_call() {
    let portal = Portal::start();
    let g = &portal.gateway;
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    let visitor = portal.signed_in("acct_1", "developer");
    let input = json!({
        "origin": portal.url, "key": key, "cookie": visitor.cookie, "shots": browser::shots(),
    });
    let said = browser::run("explorer", &input);
    assert_eq!(said, json!([]), "{said:#}");
    let refused = || g.metric("fuelgate_auth_failures_total{code=\"insufficient_scope\"}");
    assert_eq!(refused(), 0.0, "the greyed call was not sent");
    let headers = [("Authorization", format!("Bearer {key}"))];
    let headers = headers.each_ref().map(|(n, v)| (*n, v.as_str()));
    let created = visitor.request("POST", "/api/v1/contacts", &headers, Some(b"{}"));
    assert_eq!(
        (created.status, refused()),
        (403, 1.0),
        "it would have been"
    );
}

/// The groups of the sample CRM's scopes.
const GROUPS: [&str; 4] = ["contacts", "deals", "activities", "automations"];

#[test]
fn every_operation_is_called_in_the_explorer_and_greyed_as_each_keys_scopes_say() {
    let portal = Portal::with(&Setup {
        extra: "scopes: { \"billing:read\": \"Invoices\" }",
        ..Setup::default()
    });
    let read: Vec<String> = GROUPS
        .iter()
        .chain(&["users", "reports"])
        .map(|g| format!("{g}:read"))
        .collect();
    let mut all = read.clone();
    all.extend(GROUPS.iter().map(|g| format!("{g}:write")));
    let group = ["deals:read", "deals:write"].map(str::to_owned).to_vec();
    let none = vec!["billing:read".to_owned()];
    let mut keys = serde_json::Map::new();
    for (name, scopes) in [
        ("none", none),
        ("read", read),
        ("group", group),
        ("all", all),
    ] {
        let wanted: Vec<&str> = scopes.iter().map(String::as_str).collect();
        let (_, secret) = portal.gateway.key("acct_1", &wanted);
        keys.insert(name.to_owned(), json!({"secret": secret, "scopes": scopes}));
    }
    let visitor = portal.signed_in("acct_1", "developer");
    let input = json!({"origin": portal.url, "keys": keys, "cookie": visitor.cookie});
    let said = browser::run("explorer_calls", &input);
    assert_eq!(said["wrong"], json!([]), "{said:#}");
    assert_eq!(
        said["greyed"],
        json!({"none": 25, "read": 11, "group": 20, "all": 0})
    );
    assert_eq!(said["called"].as_array().unwrap().len(), 25);
}
