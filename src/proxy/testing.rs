//! What tests of the request path share: a small configuration; never used outside tests.

use std::path::Path;

use crate::config::model::Config;
use crate::config::{LoadOptions, load_bytes};

const YAML: &str = r#"
listeners: [ { address: "127.0.0.1:0" } ]
admin: { address: "127.0.0.1:0", token: "0123456789abcdef0123456789abcdef" }
portal: { address: "127.0.0.1:0", public_url: "https://portal.example" }
realm: crm
store: { engine: embedded, path: none.db }
keys: { prefix: lf_live, peppers: [ { id: p1, secret: "0123456789abcdef0123456789abcdef" } ] }
scopes: { "contacts:read": Read, "contacts:write": Write }
default_plan: standard
plans:
  standard:
    rate: { requests: 50, per_seconds: 1, burst: 100 }
    quotas: { hour: 10000, month: 1000000 }
    max_keys: 100
upstreams:
  crm: { targets: [ { address: "127.0.0.1:9" } ] }
routes:
  - { path: "/v1/contacts", methods: [GET], scopes: ["contacts:read"], upstream: crm }
"#;

/// A small valid configuration.
pub(super) fn config() -> Config {
    parse(YAML)
}

/// The configuration of this text.
pub(super) fn parse(yaml: &str) -> Config {
    let none = |_: &str| None;
    load_bytes(
        yaml.as_bytes(),
        Path::new("test.yaml"),
        &none,
        &LoadOptions::default(),
    )
    .unwrap()
}
