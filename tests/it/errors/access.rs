//! Who is not let in: credentials, keys, scopes, addresses and accounts, each with its status, challenge and body.

use std::time::Duration;

use serde_json::json;

use super::assert_problem;
use crate::support::backend::Backend;
use crate::support::gateway::{Gateway, config};
use crate::support::http::Response;

#[test]
fn missing_credentials_get_a_challenge_without_an_error() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(backend.address, ""));
    for headers in [
        &[][..],
        &[("Authorization", "")][..],
        &[("Authorization", "Basic dXNlcjpwYXNz")][..],
    ] {
        let r = g.call("GET", "/v1/contacts", headers, None);
        assert_problem(&r, 401, "missing_credentials");
        assert_eq!(r.header("www-authenticate"), Some("Bearer realm=\"crm\""));
    }
    assert_eq!(backend.count(), 0);
}

#[test]
fn malformed_credentials_are_an_invalid_request() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(backend.address, ""));
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    let bearer = format!("Bearer {key}");
    let two = format!("Bearer {key}, Bearer {key}");
    for headers in [
        &[("Authorization", "Bearer")][..],
        &[("Authorization", "Bearer\tabc")][..],
        &[("Authorization", "Bearer a\"b")][..],
        &[("Authorization", &*bearer), ("Authorization", &*bearer)][..],
        &[("Authorization", &*two)][..],
    ] {
        let r = g.call("GET", "/v1/contacts", headers, None);
        assert_problem(&r, 400, "malformed_credentials");
        assert!(
            r.header("www-authenticate")
                .unwrap()
                .starts_with("Bearer realm=\"crm\", error=\"invalid_request\"")
        );
    }
    let target = format!("/v1/contacts?access_token={key}");
    let r = g.get(&target, &key);
    assert_problem(&r, 400, "malformed_credentials");
    assert_eq!(backend.count(), 0);
}

/// `error_description` of the challenge to a key that is no good: it says what the problem says.
fn description(r: &Response) -> String {
    let challenge = r.header("www-authenticate").unwrap();
    let text = challenge
        .strip_prefix("Bearer realm=\"crm\", error=\"invalid_token\", error_description=\"")
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or_else(|| panic!("{challenge}"));
    // What RFC 6750 section 3 allows there; nothing that ends the quoted string.
    let is_allowed = |b: u8| (b' '..=b'~').contains(&b) && b != b'"' && b != b'\\';
    assert!(text.bytes().all(is_allowed), "{challenge}");
    assert_eq!(r.json()["detail"], text);
    text.to_owned()
}

#[test]
fn keys_that_are_unknown_expired_or_revoked_say_which() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(backend.address, ""));
    let r = g.get(
        "/v1/contacts",
        "lf_live_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17",
    );
    assert_problem(&r, 401, "invalid_key");
    let invalid = description(&r);
    assert!(invalid.contains("No API key"), "{invalid}");
    // A wrong checksum is the same to the client.
    let r = g.get(
        "/v1/contacts",
        "lf_live_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq18",
    );
    assert_problem(&r, 401, "invalid_key");

    let (id, key) = g.key("acct_1", &["contacts:read"]);
    assert_eq!(g.get("/v1/contacts", &key).status, 200);
    let off = g.admin(
        "PATCH",
        &format!("/admin/v1/keys/{id}"),
        Some(&json!({"status": "disabled"})),
    );
    assert_eq!(off.status, 200, "{}", off.text());
    let r = g.get("/v1/contacts", &key);
    assert_problem(&r, 401, "revoked_key");
    let disabled = description(&r);
    let on = g.admin(
        "PATCH",
        &format!("/admin/v1/keys/{id}"),
        Some(&json!({"status": "active"})),
    );
    assert_eq!(on.status, 200, "{}", on.text());
    assert_eq!(g.get("/v1/contacts", &key).status, 200);
    assert_eq!(
        g.admin("DELETE", &format!("/admin/v1/keys/{id}"), None)
            .status,
        204
    );
    let r = g.get("/v1/contacts", &key);
    assert_problem(&r, 401, "revoked_key");
    let revoked = description(&r);
    assert!(revoked.contains("revoked"), "{revoked}");
    assert_eq!(disabled, revoked, "a disabled key reads as revoked");

    let soon = fuelgate::base::clock::Clock::system()
        .now()
        .plus(Duration::from_millis(1500));
    let made = g.admin(
        "POST",
        "/admin/v1/keys",
        Some(&json!({"account_id": "acct_1", "name": "short", "scopes": ["contacts:read"], "expires_at": soon})),
    );
    assert_eq!(made.status, 201, "{}", made.text());
    let key = made.json()["secret"].as_str().unwrap().to_owned();
    assert_eq!(g.get("/v1/contacts", &key).status, 200);
    let r = crate::support::eventually("the key expires", Duration::from_secs(5), || {
        Some(g.get("/v1/contacts", &key)).filter(|r| r.status != 200)
    });
    assert_problem(&r, 401, "expired_key");
    let expired = description(&r);
    assert!(expired.contains("expiry date is past"), "{expired}");
    for (one, other) in [
        (&invalid, &revoked),
        (&invalid, &expired),
        (&revoked, &expired),
    ] {
        assert_ne!(one, other);
    }
}

#[test]
fn a_missing_scope_is_named() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(backend.address, ""));
    let (_, key) = g.key("acct_1", &["contacts:write"]);
    let r = g.get("/v1/contacts", &key);
    assert_problem(&r, 403, "insufficient_scope");
    let challenge = r.header("www-authenticate").unwrap();
    assert!(challenge.starts_with("Bearer realm=\"crm\", error=\"insufficient_scope\""));
    assert!(challenge.contains("scope=\"contacts:read\""), "{challenge}");

    let (_, key) = g.key("acct_1", &["deals:read"]);
    let r = g.call(
        "DELETE",
        "/v1/contacts/1",
        &[("Authorization", &format!("Bearer {key}"))],
        None,
    );
    let challenge = r.header("www-authenticate").unwrap();
    assert!(
        challenge.contains("scope=\"contacts:read contacts:write\""),
        "{challenge}"
    );
    assert_eq!(backend.count(), 0);
}

#[test]
fn addresses_and_suspended_accounts_are_forbidden() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(backend.address, ""));
    let made = g.admin(
        "POST",
        "/admin/v1/keys",
        Some(&json!({"account_id": "acct_1", "name": "n", "scopes": ["contacts:read"], "expires_in_days": 30,
                     "allowed_ips": ["192.0.2.0/24"]})),
    );
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    let key = made["secret"].as_str().unwrap();
    assert_problem(&g.get("/v1/contacts", key), 403, "address_not_allowed");
    let id = made["id"].as_str().unwrap();
    let changed = g.admin(
        "PATCH",
        &format!("/admin/v1/keys/{id}"),
        Some(&json!({"allowed_ips": ["127.0.0.0/8"]})),
    );
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert_eq!(g.get("/v1/contacts", key).status, 200);

    let put = g.admin(
        "PUT",
        "/admin/v1/accounts/acct_1",
        Some(&json!({"plan": "standard", "suspended": true})),
    );
    assert_eq!(put.status, 200, "{}", put.text());
    assert_problem(&g.get("/v1/contacts", key), 403, "account_suspended");
    let put = g.admin(
        "PUT",
        "/admin/v1/accounts/acct_1",
        Some(&json!({"plan": "standard", "suspended": false})),
    );
    assert_eq!(put.status, 200);
    assert_eq!(g.get("/v1/contacts", key).status, 200);
}
