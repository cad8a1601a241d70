//! Configurations that tests of the documentation read; never used outside tests.

use std::path::Path;
use std::sync::Arc;

use crate::config::model::Config;
use crate::config::{LoadOptions, load_bytes};

use super::model::DocsSet;

const FILE: &str = r#"
listeners: [ { address: "127.0.0.1:8080" } ]
admin: { address: "127.0.0.1:0", token: "0123456789abcdef0123456789abcdef" }
portal: { address: "127.0.0.1:8081", public_url: "https://portal.example", api_url: "https://api.example" }
realm: crm
store: { engine: embedded, path: none.db }
keys: { prefix: lf_live, peppers: [ { id: p1, secret: "0123456789abcdef0123456789abcdef" } ] }
default_plan: standard
plans:
  standard:
    rate: { requests: 50, per_seconds: 1, burst: 100 }
    quotas: { hour: 10000, month: 1000000 }
    max_keys: 100
upstreams:
  crm: { targets: [ { address: "127.0.0.1:9" } ] }
"#;
const EVENTS: &str = r#"
events:
  - { type: contact.created, route: { method: POST, path: /v1/contacts }, status: [201] }
"#;

/// The sample CRM's API behind a gateway.
pub(crate) fn config() -> Config {
    let apis = "apis:\n  - { openapi: conf/crm.openapi.yaml, upstream: crm, server_prefix: /v1 }\n";
    load(&format!("{EVENTS}{apis}"), &LoadOptions::default())
}

/// What the sample CRM's API documents.
pub(crate) fn crm() -> DocsSet {
    DocsSet::new(Arc::new(config()))
}

/// A gateway in front of APIs with these documents, each below a prefix of its own: `/v0`, `/v1`.
pub(crate) fn documented(documents: &[serde_json::Value]) -> DocsSet {
    let folder = tempfile::tempdir().unwrap_or_else(|e| panic!("{e}"));
    let mut apis = "scopes: { \"a:b\": \"Something\" }\napis:\n".to_owned();
    for (n, document) in documents.iter().enumerate() {
        let file = folder.path().join(format!("{n}.json"));
        std::fs::write(&file, document.to_string()).unwrap_or_else(|e| panic!("{e}"));
        let file = file.display();
        apis.push_str(&format!(
            "  - {{ openapi: \"{file}\", upstream: crm, server_prefix: /v{n} }}\n"
        ));
    }
    let config = load(&apis, &LoadOptions::default());
    DocsSet::new(Arc::new(config))
}

fn load(rest: &str, options: &LoadOptions) -> Config {
    let text = format!("{FILE}{rest}");
    load_bytes(
        text.as_bytes(),
        Path::new("test.yaml"),
        &|_: &str| None,
        options,
    )
    .unwrap_or_else(|report| panic!("{report}"))
}
