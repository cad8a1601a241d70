//! What a key may do at the moment, however it came to that: denied, taken over, changed, used; never what is wrong with a call that changes it.

use std::time::Duration;

use fuelgate::base::clock::{Clock, Timestamp};
use fuelgate::base::hex;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::backend::Backend;
use crate::support::eventually;
use crate::support::gateway::{Gateway, config};
use crate::support::http::Response;
use crate::support::redis::Server;

/// A secret of the system before, as its pattern in [`LEGACY`] wants it.
const OLD: &str = "oldkey_0123456789abcdef0123456789abcdef";
const LEGACY: &str = r#"legacy: [ { pattern: "^oldkey_[0-9a-f]{32}$", hash: sha256 } ]"#;
/// A secret in our own form that no gateway made.
const OURS: &str = "lf_live_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17";
/// The pepper of the tests' configuration.
const PEPPER: &[u8] = b"0123456789abcdef0123456789abcdef";

const SLACK: Duration = Duration::from_millis(500);

/// The tests' configuration with one more setting of `keys`.
fn with_keys(backend: &Backend, setting: &str) -> String {
    let prefix = "  prefix: lf_live\n";
    let text = config(backend.address, "");
    assert!(text.contains(prefix));
    text.replace(prefix, &format!("{prefix}  {setting}\n"))
}

fn reload(g: &Gateway, text: &str) {
    g.write_config(text);
    let r = g.admin("POST", "/admin/v1/config/reload", None);
    assert_eq!(r.status, 200, "{}", r.text());
}

/// The status, and the gateway's own reason where it is one.
fn outcome(r: &Response) -> (u16, Option<&str>) {
    (r.status, r.header("x-fuelgate-error"))
}

/// Takes over one digest: its account and how it was made are the caller's.
fn import(g: &Gateway, account: &str, digest: &[u8; 32], more: Value) {
    let mut key = json!({
        "account_id": account, "name": "taken over", "scopes": ["contacts:read"], "expires_in_days": null,
        "digest": hex::encode(digest),
    });
    let members = more.as_object().unwrap().clone();
    key.as_object_mut().unwrap().extend(members);
    let body = json!({"keys": [key]});
    let r = g.admin("POST", "/admin/v1/keys/import", Some(&body));
    assert_eq!(r.status, 201, "{}", r.text());
    assert_eq!(r.json(), json!({"created": 1, "existing": 0}));
}

/// The only key of an account.
fn only_key(g: &Gateway, account: &str) -> Value {
    let path = format!("/admin/v1/keys?account_id={account}");
    let listed = g.admin("GET", &path, None).json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 1, "{listed}");
    listed["data"][0].clone()
}

/// A key as the admin API shows it.
fn shown(g: &Gateway, id: &str) -> Value {
    g.admin("GET", &format!("/admin/v1/keys/{id}"), None).json()
}

fn change(g: &Gateway, id: &str, change: &Value) {
    let path = format!("/admin/v1/keys/{id}");
    let r = g.admin("PATCH", &path, Some(change));
    assert_eq!(r.status, 200, "{}", r.text());
}

#[test]
fn a_denied_key_is_refused_from_the_reload_on_and_works_again_once_it_is_taken_off() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(backend.address, ""));
    let (id, key) = g.key("acct_1", &["contacts:read"]);
    let (_, other) = g.key("acct_1", &["contacts:read"]);
    // Both are in the cache from here on: a list that only look-ups heeded would let the first one through.
    for key in [&key, &other] {
        assert_eq!(g.get("/v1/contacts", key).status, 200);
    }
    reload(&g, &with_keys(&backend, &format!("deny: [ {id} ]")));
    let r = g.get("/v1/contacts", &key);
    assert_eq!(outcome(&r), (401, Some("revoked_key")));
    let challenge = r.header("www-authenticate").unwrap();
    assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
    let r = g.get("/.well-known/fuelgate/key", &key);
    assert_eq!(outcome(&r), (401, Some("revoked_key")));
    assert_eq!(g.get("/v1/contacts", &other).status, 200);
    // A change has the key read from the store again, which knows nothing of the list.
    change(&g, &id, &json!({"name": "renamed"}));
    assert_eq!(shown(&g, &id)["status"], "active");
    let r = g.get("/v1/contacts", &key);
    assert_eq!(outcome(&r), (401, Some("revoked_key")));
    assert_eq!(backend.count(), 3, "what is denied gets no further");
    let nobody = format!("deny: [ key_{} ]", "0".repeat(32));
    reload(&g, &with_keys(&backend, &nobody));
    assert_eq!(g.get("/v1/contacts", &key).status, 200);
    assert_eq!(backend.count(), 4);
}

#[test]
fn a_key_can_be_denied_while_the_store_is_away() {
    let (backend, mut server) = (Backend::ok(), Server::start(&[]));
    let store = |text: String| {
        text.replace(
            "store: { engine: embedded, path: $DIR/fuelgate.db }",
            &server.store(", deadline_ms: 500"),
        )
        .replace(
            "default_plan: standard",
            "default_plan: standard\nlimits: { on_store_failure: allow }",
        )
    };
    let (before, denying) = (store(config(backend.address, "")), |id: &str| {
        store(with_keys(&backend, &format!("deny: [ {id} ]")))
    });
    let g = Gateway::start(&before);
    let (id, key) = g.key("acct_1", &["contacts:read"]);
    let (_, other) = g.key("acct_1", &["contacts:read"]);
    for key in [&key, &other] {
        assert_eq!(g.get("/v1/contacts", key).status, 200);
    }
    let denying = denying(&id);
    server.kill();
    reload(&g, &denying);
    let r = g.get("/v1/contacts", &key);
    assert_eq!(outcome(&r), (401, Some("revoked_key")));
    assert_eq!(g.get("/v1/contacts", &other).status, 200);
    // Whether anybody has a plan only the store can say.
    let without = denying.replace("  standard:", "  other:");
    assert_ne!(without, denying);
    g.write_config(&without.replace("default_plan: standard", "default_plan: other"));
    let r = g.admin("POST", "/admin/v1/config/reload", None);
    assert_eq!(r.status, 422, "{}", r.text());
    assert!(r.text().contains("which plans are in use"), "{}", r.text());
}

#[test]
fn a_secret_of_the_system_before_opens_its_account_and_is_written_nowhere() {
    let backend = Backend::ok();
    let text = with_keys(&backend, LEGACY).replace(
        "log: { access: null }",
        "log: { access: $DIR/access.log, client_address: full }",
    );
    let mut g = Gateway::start_with_env(&text, &[("FUELGATE_LOG", "trace")]);
    // Nobody has it yet, and that is forgotten when it comes.
    let r = g.get("/v1/contacts", OLD);
    assert_eq!(outcome(&r), (401, Some("invalid_key")));
    let how = json!({"hash": "sha256", "prefix": "oldkey", "last_four": "cdef"});
    import(&g, "acct_old", &Sha256::digest(OLD).into(), how);
    assert_eq!(g.get("/v1/contacts", OLD).status, 200);
    let id = only_key(&g, "acct_old")["id"].as_str().unwrap().to_owned();
    let seen = backend.last();
    assert_eq!(seen.header("x-fuelgate-account"), Some("acct_old"));
    assert_eq!(seen.header("x-fuelgate-key-id"), Some(&*id));
    assert_eq!(seen.header("x-fuelgate-scopes"), Some("contacts:read"));
    assert_eq!(seen.header("authorization"), None);
    assert_eq!(g.get("/v1/contacts", OLD).status, 200, "from the cache");

    let stranger = OLD.replace("cdef", "cdee");
    assert_ne!(stranger, OLD);
    let longer = format!("{OLD}0");
    for text in [&stranger, &longer, &OLD.to_uppercase()] {
        let r = g.get("/v1/contacts", text);
        assert_eq!(outcome(&r), (401, Some("invalid_key")), "{text}");
    }
    // It counts as a credential wherever it stands.
    let r = g.get(&format!("/v1/contacts?api_key={OLD}"), OLD);
    assert_eq!(outcome(&r), (400, Some("malformed_credentials")));
    assert_eq!(backend.count(), 2);

    assert_eq!(g.stop(), Some(0), "everything is written now");
    let log = std::fs::read_to_string(g.folder.path().join("access.log")).unwrap();
    assert_eq!(log.matches(&id).count(), 2, "{log}");
    for entry in std::fs::read_dir(g.folder.path()).unwrap() {
        let file = entry.unwrap().path();
        let bytes = std::fs::read(&file).unwrap();
        for secret in [OLD, &stranger] {
            let holds = bytes.windows(secret.len()).any(|w| w == secret.as_bytes());
            assert!(!holds, "{secret} is in {}", file.display());
        }
    }
}

#[test]
fn a_digest_that_was_made_elsewhere_under_the_pepper_lets_its_secret_in() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(backend.address, ""));
    let how = json!({"hash": "hmac_sha256", "pepper": "p1", "prefix": "lf_live"});
    // What is no HMAC under the pepper is no digest of this secret, whatever it is called.
    import(&g, "acct_wrong", &Sha256::digest(OURS).into(), how.clone());
    let r = g.get("/v1/contacts", OURS);
    assert_eq!(outcome(&r), (401, Some("invalid_key")));
    let mut mac = Hmac::<Sha256>::new_from_slice(PEPPER).unwrap();
    mac.update(OURS.as_bytes());
    import(&g, "acct_moved", &mac.finalize().into_bytes().into(), how);
    let r = g.get("/v1/contacts", OURS);
    assert_eq!(r.status, 200, "{}", r.text());
    let id = only_key(&g, "acct_moved")["id"].clone();
    let seen = backend.last();
    assert_eq!(seen.header("x-fuelgate-account"), Some("acct_moved"));
    assert_eq!(seen.header("x-fuelgate-key-id"), id.as_str());
    let body = json!({"secret": OURS});
    let found = g.admin("POST", "/admin/v1/keys/lookup", Some(&body)).json();
    assert_eq!(found["id"], id, "{found}");
}

#[test]
fn changed_scopes_hold_for_the_very_next_request_both_ways() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(backend.address, ""));
    let (id, key) = g.key("acct_1", &["contacts:read"]);
    let read = || g.get("/v1/contacts", &key);
    let write = || g.post("/v1/contacts", &key, &json!({"name": "Ada"}));
    for _ in 0..3 {
        assert_eq!(read().status, 200);
        let seen = backend.last();
        assert_eq!(seen.header("x-fuelgate-scopes"), Some("contacts:read"));
        assert_eq!(outcome(&write()), (403, Some("insufficient_scope")));

        change(&g, &id, &json!({"scopes": ["contacts:write"]}));
        let refused = read();
        assert_eq!(outcome(&refused), (403, Some("insufficient_scope")));
        let challenge = refused.header("www-authenticate").unwrap();
        assert!(challenge.contains("scope=\"contacts:read\""), "{challenge}");
        assert_eq!(write().status, 200);
        let seen = backend.last();
        assert_eq!(seen.header("x-fuelgate-scopes"), Some("contacts:write"));

        change(&g, &id, &json!({"scopes": ["contacts:read"]}));
    }
    assert_eq!(backend.count(), 6);
}

#[test]
fn a_key_shows_when_and_from_where_it_was_used_last() {
    let backend = Backend::ok();
    let text = config(backend.address, "trusted_proxies: [ 127.0.0.0/8 ]");
    let g = Gateway::start(&text);
    let (id, key) = g.key("acct_1", &["contacts:read"]);
    let (unused, _) = g.key("acct_1", &["contacts:read"]);
    let before = shown(&g, &id);
    assert!(before["last_used_at"].is_null() && before["last_used_ip"].is_null());
    let bearer = format!("Bearer {key}");
    // The second use is another one although it may come before the first is in the store.
    for address in ["203.0.113.7", "2001:db8::7"] {
        // Two processes may read the machine's clock a little apart.
        let began = Clock::system().now().minus(SLACK);
        let fields = [("Authorization", &*bearer), ("X-Forwarded-For", address)];
        let r = g.call("GET", "/v1/contacts", &fields, None);
        assert_eq!(r.status, 200, "{}", r.text());
        let ended = Clock::system().now().plus(SLACK);
        let used = eventually("the use is shown", Duration::from_secs(10), || {
            Some(shown(&g, &id)).filter(|k| k["last_used_ip"] == address)
        });
        let at = Timestamp::parse(used["last_used_at"].as_str().unwrap()).unwrap();
        assert!(began <= at && at <= ended, "{began} {at} {ended}");
    }
    let unused = shown(&g, &unused);
    assert!(unused["last_used_at"].is_null() && unused["last_used_ip"].is_null());
}
