//! The audit log of a running gateway: who did what, on what, when and from where, and no secret in any of it; never the portal's deeds.

use fuelgate::base::clock::{Clock, Timestamp};
use fuelgate::base::hex;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::backend::Backend;
use crate::support::gateway::{Gateway, TOKEN, config};
use crate::support::http::{self, Response};
use crate::support::is_since;

/// The token of a second caller, who may do less.
const PUBLISHER: &str = "another-admin-token-0123456789abcdef";
/// A key of the system before, of which the gateway gets the digest alone.
const OLD_KEY: &str = "oldkey_00112233445566778899aabbccddeeff";
const PEPPER: &str = "0123456789abcdef0123456789abcdef";

fn digest(text: &str) -> String {
    hex::encode(&Sha256::digest(text))
}

/// A gateway with two callers, and keys of the system before.
fn gateway(backend: &Backend) -> Gateway {
    let single = format!("token: {TOKEN} }}");
    let tokens = format!(
        "tokens: [ {{ name: crm-backend, sha256: \"{}\", permissions: [keys, webhooks, usage, portal, events, operator] }}, \
         {{ name: publisher, sha256: \"{}\", permissions: [events] }} ] }}",
        digest(TOKEN),
        digest(PUBLISHER)
    );
    let rules = "events:\n  - { type: deal.won, route: { method: GET, path: /v1/deals }, status: [200] }\n\
        webhooks: { allowed_private_targets: [127.0.0.0/8] }\n";
    let text = config(backend.address, rules);
    assert!(text.contains(&single) && text.contains(PEPPER));
    let text = text.replace(&single, &tokens).replace(
        "  prefix: lf_live\n",
        "  prefix: lf_live\n  legacy: [ { pattern: \"^oldkey_[0-9a-f]{32}$\", hash: sha256 } ]\n",
    );
    Gateway::start(&text)
}

/// A call of the admin API with a token of the test's, by whom the caller names.
fn call(
    g: &Gateway,
    token: &str,
    actor: Option<&str>,
    (method, path): (&str, &str),
    body: &Value,
) -> Response {
    let bearer = format!("Bearer {token}");
    let mut fields = vec![
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
    ];
    fields.extend(actor.map(|name| ("X-Actor", name)));
    let body = body.to_string();
    http::request(
        g.listener("admin"),
        method,
        path,
        &fields,
        Some(body.as_bytes()),
    )
}

fn log(g: &Gateway, query: &str) -> Vec<Value> {
    let path = format!("/admin/v1/audit-log?limit=200&{query}");
    let answer = g.admin("GET", &path, None);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["data"].as_array().unwrap().clone()
}

/// Asserts that a deed left one entry, the newest, with what the deed's answer and the test say.
fn left(g: &Gateway, before: usize, begun: Timestamp, answer: &Response, wanted: &Value) -> Value {
    let all = log(g, "");
    assert_eq!(all.len(), before + 1, "{wanted}: {all:#?}");
    let entry = all[0].clone();
    for (name, value) in wanted.as_object().unwrap() {
        assert_eq!(&entry[name], value, "{name}: {entry:#}");
    }
    assert_eq!(entry["address"], "127.0.0.1", "{entry:#}");
    assert_eq!(entry["request_id"], answer.header("x-request-id").unwrap());
    assert!(entry["id"].as_str().unwrap().starts_with("aud_"));
    assert!(is_since(begun, &entry["at"]), "{entry:#}");
    entry
}

#[test]
fn each_deed_leaves_one_entry_with_its_caller_target_address_and_time() {
    let backend = Backend::ok();
    let g = gateway(&backend);
    let (_, one) = g.key("acct_1", &["contacts:read"]);
    let (_, two) = g.key("acct_1", &["contacts:read"]);
    let ada = Some("Ada Lovelace");
    let deed = |token, actor, what, body: Value, status: u16, wanted: Value| {
        let (before, begun) = (log(&g, "").len(), Clock::system().now());
        let answer = call(&g, token, actor, what, &body);
        assert_eq!(answer.status, status, "{what:?}: {}", answer.text());
        left(&g, before, begun, &answer, &wanted)
    };

    let old = json!({"keys": [{
        "account_id": "acct_2", "name": "Old", "scopes": ["contacts:read"], "expires_in_days": null,
        "digest": digest(OLD_KEY), "hash": "sha256", "prefix": "oldkey", "last_four": "eeff",
    }]});
    let import = deed(
        TOKEN,
        ada,
        ("POST", "/admin/v1/keys/import"),
        old,
        201,
        json!({"action": "key.import", "token": "crm-backend", "actor": "Ada Lovelace", "account_id": "acct_2"}),
    );
    assert_eq!(import["details"]["keys"], 1, "{import:#}");
    assert_eq!(g.get("/v1/contacts", OLD_KEY).status, 200, "it is a key");

    let account = "/admin/v1/accounts/acct_1";
    let put = deed(
        TOKEN,
        None,
        ("PUT", account),
        json!({"overrides": {"quotas": {"hour": 7}}}),
        200,
        json!({"action": "account.put", "token": "crm-backend", "actor": null, "account_id": "acct_1", "target": "acct_1"}),
    );
    let overrides = &put["details"]["overrides"];
    assert_eq!(overrides["to"]["quotas"]["hour"], 7, "{put:#}");
    assert!(overrides["from"]["quotas"].is_null(), "{put:#}");
    assert!(put["details"]["plan"].is_null(), "it stayed: {put:#}");

    let event = json!({"account_id": "acct_1", "type": "deal.won", "data": {"id": "d_1", "iban": "DE02120300000000202051"}, "id": "deal-1"});
    let published = deed(
        PUBLISHER,
        Some("Grace Hopper"),
        ("POST", "/admin/v1/events"),
        event,
        201,
        json!({"action": "event.publish", "token": "publisher", "actor": "Grace Hopper", "account_id": "acct_1", "target": "deal-1"}),
    );
    assert_eq!(published["details"]["type"], "deal.won");
    assert!(!published.to_string().contains("DE02"), "{published:#}");

    deed(
        TOKEN,
        ada,
        ("POST", "/admin/v1/accounts/acct_1/revoke-keys"),
        json!({}),
        200,
        json!({"action": "account.revoke_keys", "token": "crm-backend", "actor": "Ada Lovelace", "account_id": "acct_1", "target": "acct_1"}),
    );
    for key in [&one, &two] {
        assert_eq!(g.get("/v1/contacts", key).status, 401);
    }

    // What changes nothing and what is refused leave nothing.
    let before = log(&g, "").len();
    let same = call(
        &g,
        TOKEN,
        None,
        ("PUT", account),
        &json!({"overrides": {"quotas": {"hour": 7}}}),
    );
    assert_eq!(same.status, 200, "{}", same.text());
    let refused = call(
        &g,
        PUBLISHER,
        ada,
        ("PUT", account),
        &json!({"plan": "standard"}),
    );
    assert_eq!(refused.status, 403, "{}", refused.text());
    let wrong = call(&g, TOKEN, ada, ("PUT", account), &json!({"plan": "gold"}));
    assert_eq!(wrong.status, 422, "{}", wrong.text());
    assert_eq!(log(&g, "").len(), before, "{:#?}", log(&g, ""));

    // Each is found by what it was done to.
    for (query, action) in [
        ("account_id=acct_2", "key.import"),
        ("target=deal-1", "event.publish"),
        ("action=account.put", "account.put"),
        (
            "action=account.revoke_keys&target=acct_1",
            "account.revoke_keys",
        ),
    ] {
        let found = log(&g, query);
        let actions: Vec<_> = found.iter().map(|e| &e["action"]).collect();
        assert_eq!(json!(actions), json!([action]), "{query}");
    }
}

#[test]
fn no_secret_of_anything_that_was_done_is_in_the_log() {
    let backend = Backend::ok();
    let g = gateway(&backend);
    let (id, made) = g.key("acct_1", &["contacts:read"]);
    let (_, once) = g.key("acct_2", &["contacts:read"]);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let done = |what, body: Value| {
        let answer = call(&g, TOKEN, Some("Ada Lovelace"), what, &body);
        assert!(answer.status < 300, "{what:?}: {}", answer.text());
        answer.json()
    };
    let rotate = format!("/admin/v1/keys/{id}/rotate");
    let rotated = text(&done(("POST", &rotate), json!({"grace_seconds": 60}))["secret"]);
    done(
        ("POST", "/admin/v1/keys/lookup"),
        json!({"secret": made.clone()}),
    );
    done(
        ("POST", "/admin/v1/keys/import"),
        json!({"keys": [{
            "account_id": "acct_3", "name": "Old", "scopes": ["contacts:read"], "expires_in_days": 30,
            "digest": digest(OLD_KEY), "hash": "sha256",
        }]}),
    );
    let url = format!("http://{}/hook", backend.address);
    let webhook = g.webhook("acct_1", &url, &["deal.won"]);
    let path = format!(
        "/admin/v1/webhooks/{}/rotate-secret",
        webhook["id"].as_str().unwrap()
    );
    let resealed = text(&done(("POST", &path), json!({}))["secret"]);
    let person = json!({"account_id": "acct_1", "user": {"id": "u_1", "email": "u@example.com"}, "role": "viewer", "expires_in_seconds": 60});
    let link = text(&done(("POST", "/admin/v1/portal-sessions"), person)["url"]);
    done(("POST", "/admin/v1/config/reload"), json!({}));
    done(("POST", "/admin/v1/accounts/acct_2/revoke-keys"), json!({}));

    let all = g.admin("GET", "/admin/v1/audit-log?limit=200", None).text();
    for action in [
        "key.create",
        "key.rotate",
        "key.import",
        "webhook.create",
        "webhook.rotate_secret",
        "portal_session.create",
        "config.reload",
        "account.revoke_keys",
    ] {
        assert!(all.contains(&format!("\"{action}\"")), "{action}: {all}");
    }
    let ticket = link.rsplit('/').next().unwrap().to_owned();
    for secret in [
        made,
        once,
        rotated,
        text(&webhook["secret"]),
        resealed,
        ticket,
        OLD_KEY.to_owned(),
        TOKEN.to_owned(),
        PEPPER.to_owned(),
        // A digest of what has no salt lets whoever reads it check a guess.
        digest(OLD_KEY),
        digest(TOKEN),
    ] {
        assert!(secret.len() >= 20, "{secret}");
        // Neither it nor what makes it unguessable.
        let core = &secret[secret.len() - 20..];
        assert!(!all.contains(core), "{secret} is in {all}");
    }
}
