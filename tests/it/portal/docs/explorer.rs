//! The explorer in a real browser: its calls reach the API as their examples say, and keys grey what they may not call.

use std::time::Duration;

use serde_json::json;

use crate::support::portal::{Portal, Setup};
use crate::support::{browser, eventually};

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
    let used = eventually("the call is counted", Duration::from_secs(10), || {
        let path = "/admin/v1/usage/summary?account_id=acct_1";
        let used = g.admin("GET", path, None).json()["hour"]["used"].clone();
        (used != 0).then_some(used)
    });
    assert_eq!(used, 1, "the greyed call was not sent");
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
