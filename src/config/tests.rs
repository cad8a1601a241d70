//! Loading as a whole: what a file means, and what is said about a file that is wrong.

mod env;
mod files;
mod forms;
mod hostile;
mod openapi;
mod problems;
mod redis;
mod restart;
mod settings;
mod smtp;

use std::path::Path;

use super::model::Config;
use super::*;

/// A small valid file; tests change it.
pub(super) const SMALL: &str = "\
listeners:
  - address: 127.0.0.1:8080
admin:
  address: 127.0.0.1:8082
  token: admin-token
keys:
  peppers:
    - { id: p1, secret: 0123456789abcdef }
scopes:
  contacts:read: Read contacts
upstreams:
  crm:
    targets:
      - address: 127.0.0.1:9000
routes:
  - path: /v1/contacts/{id}
    methods: [GET]
    scopes: [contacts:read]
    upstream: crm
";

/// [`SMALL`] with `old` replaced.
pub(super) fn small(old: &str, new: &str) -> String {
    assert!(SMALL.contains(old), "{old:?} is not in the small file");
    SMALL.replacen(old, new, 1)
}

/// [`SMALL`] and more.
pub(super) fn small_and(more: &str) -> String {
    format!("{SMALL}{more}")
}

pub(super) fn no_env(_: &str) -> Option<String> {
    None
}

/// Loads a text as `f.yaml`.
pub(super) fn text(text: &str) -> Result<Config, Report> {
    load_bytes(
        text.as_bytes(),
        Path::new("f.yaml"),
        &no_env,
        &LoadOptions::default(),
    )
}

/// Loads a text that must be valid.
pub(super) fn valid(yaml: &str) -> Config {
    text(yaml).unwrap_or_else(|report| panic!("expected no problem:\n{report}"))
}

/// The lines of the report on a text that must not be valid.
pub(super) fn report(yaml: &str) -> Vec<String> {
    match text(yaml) {
        Ok(_) => panic!("expected problems in\n{yaml}"),
        Err(report) => report.to_string().lines().map(str::to_owned).collect(),
    }
}

/// The only problem of a text, without the file's name.
pub(super) fn problem(yaml: &str) -> String {
    let lines = report(yaml);
    assert_eq!(lines.len(), 1, "expected one problem: {lines:#?}");
    lines[0]
        .strip_prefix("f.yaml:")
        .unwrap_or(&lines[0])
        .to_owned()
}
