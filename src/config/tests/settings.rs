//! What a valid file means: defaults, forms that are made uniform, and what is shown of it.

use std::time::Duration;

use super::*;
use crate::config::model::{Auth, LogSink, NameServers, OnStoreFailure, Permission, Store};

#[test]
fn defaults_are_those_of_the_contract() {
    let c =
        valid("admin: { token: t }\nkeys: { peppers: [{ id: p1, secret: 0123456789abcdef }] }\n");
    assert_eq!(c.listeners[0].address.to_string(), "0.0.0.0:8080");
    assert_eq!(c.admin.listener.address.to_string(), "127.0.0.1:8082");
    assert_eq!(c.admin.tokens[0].permissions, Permission::ALL);
    assert!(c.status.is_none() && c.portal.listener.is_none());
    assert_eq!(c.portal.public_url, "http://127.0.0.1:8081");
    assert_eq!(c.portal.title, "Developers");
    assert_eq!(c.portal.api_url, "http://127.0.0.1:8080");
    assert_eq!(c.portal.sign_in_url, None);
    assert_eq!(c.portal.demo_account, None);
    assert_eq!(c.log.access, Some(LogSink::Stdout));
    assert_eq!(c.realm, "crm");
    let k = &c.ceilings;
    assert_eq!(
        (
            k.header_bytes,
            k.header_fields,
            k.uri_bytes,
            k.body_bytes,
            k.captured_body_bytes
        ),
        (32_768, 100, 8_192, 1_073_741_824, 65_536)
    );
    assert_eq!(c.shutdown_grace, Duration::from_secs(30));
    assert!(matches!(&c.store, Store::Embedded { path } if path == Path::new("data/fuelgate.db")));
    assert_eq!(c.spool.max_bytes, 1_073_741_824);
    assert_eq!(c.keys.prefix, "lf_live");
    let cache = c.keys.cache;
    assert_eq!(cache.capacity, 1_000_000);
    assert_eq!(
        (cache.max_age, cache.max_stale),
        (Duration::from_secs(60), Duration::from_secs(3600))
    );
    let plan = &c.plans["standard"];
    assert_eq!(
        (plan.rate.requests, plan.rate.per_seconds, plan.rate.burst),
        (50, 1, 100)
    );
    assert_eq!(
        plan.account_rate.map(|r| (r.requests, r.burst)),
        Some((200, 400))
    );
    assert_eq!(
        (plan.quotas.hour, plan.quotas.month),
        (Some(10_000), Some(1_000_000))
    );
    assert_eq!(plan.max_keys, 100);
    assert_eq!(c.limits.on_store_failure, OnStoreFailure::Local);
    assert!(!c.maintenance.enabled && c.maintenance.retry_after_seconds == 300);
    let delays: Vec<u64> = c
        .webhooks
        .retry_delays
        .iter()
        .map(Duration::as_secs)
        .collect();
    assert_eq!(delays, [5, 300, 1800, 7200, 18_000]);
    assert_eq!(c.webhooks.timeout, Duration::from_millis(15_000));
    assert!(c.webhooks.allowed_private_targets.is_empty());
    assert_eq!(c.webhooks.name_servers, NameServers::default());
    assert_eq!(c.webhooks.retention, Duration::from_secs(30 * 86_400));
}

#[test]
fn defaults_of_a_route_and_an_upstream_are_those_of_the_contract() {
    let c = valid(SMALL);
    let r = &c.routes[0];
    assert_eq!(
        (r.auth, r.cost, r.json_only, r.body_bytes),
        (Auth::Key, 1, false, None)
    );
    assert!(r.hosts.is_empty() && r.rewrite.is_none() && r.deprecated.is_none());
    assert_eq!(r.split, [(0, 1)]);
    let u = &c.upstreams[0];
    assert_eq!(
        (u.connect_timeout, u.read_timeout),
        (Duration::from_secs(1), Duration::from_secs(30))
    );
    assert!(!u.tls && u.health_check.is_none() && u.targets[0].weight == 1);
}

#[test]
fn the_example_of_the_contract_loads_but_for_its_files() {
    let doc = "openapi: 3.1.0\ninfo: { title: t, version: '1' }\ncomponents: { securitySchemes: { k: { type: http, scheme: bearer } } }\nsecurity: [{ k: [] }]\npaths: { /contacts: { post: {} } }\n";
    let made = rcgen::generate_simple_self_signed(["edge.example.com".to_owned()]).unwrap();
    let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let read = |path: &Path| {
        Ok(match path.to_str() {
            Some("conf/tls.crt") => cert.clone(),
            Some("conf/tls.key") => key.clone(),
            Some("conf/crm.openapi.yaml") => doc.to_owned(),
            other => panic!("{other:?}"),
        }
        .into_bytes())
    };
    let options = LoadOptions {
        read_file: Some(&read),
        ..LoadOptions::default()
    };
    let env = |name: &str| Some(format!("{name} is a long enough secret").replace(' ', "-"));
    let yaml = include_str!("contract.yaml");
    let config = load_bytes(yaml.as_bytes(), Path::new("conf/f.yaml"), &env, &options)
        .unwrap_or_else(|r| panic!("{r}"));
    assert_eq!(
        config.files,
        [Path::new("conf/f.yaml"), Path::new("conf/crm.openapi.yaml")]
    );
}

#[test]
fn hosts_become_lower_case_and_dates_midnight() {
    let c = valid(&small(
        "    upstream: crm\n",
        "    upstream: crm\n    hosts: [API.Example.com]\n    deprecated: { since: 2026-12-01, sunset: 2027-06-30T12:00:00+02:00, link: \"https://x.example/a?b\" }\n",
    ));
    assert_eq!(c.routes[0].hosts, ["api.example.com"]);
    let d = c.routes[0].deprecated.clone().unwrap();
    assert_eq!(d.since.to_string(), "2026-12-01T00:00:00Z");
    assert_eq!(
        d.sunset.map(|t| t.to_string()).as_deref(),
        Some("2027-06-30T10:00:00Z")
    );
    assert_eq!(d.link.as_deref(), Some("https://x.example/a?b"));
}

#[test]
fn the_hash_changes_with_settings_and_not_with_secrets_or_comments() {
    let hash = |yaml: &str| valid(yaml).hash;
    let first = hash(SMALL);
    assert_eq!(first.len(), 64);
    assert_eq!(first, hash(&format!("# a comment\n{SMALL}")));
    let other_token = valid(&small("admin-token", "another-token"));
    assert_eq!(first, other_token.hash);
    assert_ne!(valid(SMALL).fingerprint, other_token.fingerprint);
    assert_eq!(valid(SMALL).fingerprint, valid(SMALL).fingerprint);
    assert_ne!(first, hash(&small_and("realm: other\n")));
}

#[test]
fn the_view_shows_everything_but_secrets() {
    let yaml = small(
        "  token: admin-token\n",
        "  tokens: [{ name: backend, sha256: \"abababababababababababababababababababababababababababababababab\", permissions: [keys] }]\n",
    );
    let view = redacted_view(&valid(&yaml));
    let text = view.to_string();
    assert!(
        !text.contains("0123456789abcdef") && !text.contains("abab"),
        "{text}"
    );
    assert_eq!(
        view["settings"]["keys"]["peppers"][0]["secret"],
        "[redacted]"
    );
    assert_eq!(view["settings"]["admin"]["tokens"][0]["name"], "backend");
    assert_eq!(view["settings"]["webhooks"]["retention_days"], 30);
    assert_eq!(view["routes"][0]["upstreams"][0]["upstream"], "crm");
    assert!(
        !redacted_view(&valid(SMALL))
            .to_string()
            .contains("admin-token")
    );
}

#[test]
fn tls_files_are_read_and_must_belong_together() {
    let make = || rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap();
    let (one, other) = (make(), make());
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text).unwrap();
    write("a.crt", one.cert.pem());
    write("a.key", one.signing_key.serialize_pem());
    write("b.key", other.signing_key.serialize_pem());
    write(
        "junk",
        "-----BEGIN CERTIFICATE-----\nnot base64!\n-----END CERTIFICATE-----\n".to_owned(),
    );
    let source = folder.path().join("f.yaml");
    let tls = |cert: &str, key: &str| {
        let yaml = small(
            "  - address: 127.0.0.1:8080\n",
            &format!(
                "  - address: 127.0.0.1:8080\n    tls: {{ certificate: {cert}, private_key: {key} }}\n"
            ),
        );
        load_bytes(yaml.as_bytes(), &source, &no_env, &LoadOptions::default())
            .map(|c| c.listeners[0].tls.clone().map(|t| t.certificate))
            .map_err(|r| r.to_string())
    };
    assert_eq!(tls("a.crt", "a.key"), Ok(Some(folder.path().join("a.crt"))));
    let says = |cert: &str, key: &str, what: &str| {
        let line = tls(cert, key).unwrap_err();
        assert!(line.contains(what), "{line}");
    };
    says(
        "a.crt",
        "b.key",
        "listeners[0].tls.private_key: expected the private key of the certificate, found another",
    );
    says("none.crt", "a.key", "none.crt: there is no such file");
    says("a.key", "a.key", "it holds no certificate");
    says(
        "junk",
        "a.key",
        "listeners[0].tls.certificate: expected a PEM file",
    );
    says("a.crt", "a.crt", "it holds no private key");
}
