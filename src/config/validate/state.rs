//! Checks store, spool and webhook settings; never opens a store.

use std::path::PathBuf;
use std::time::Duration;

use super::words::{is_host, is_name, networks};
use super::{Check, tls};
use crate::config::file::{ConfigFile, Engine, StoreFile};
use crate::config::model::{Spool, Store, Webhooks};
use crate::config::tree::steps;

/// The store. Redis is validated as a whole and then refused, since nothing serves it yet.
pub(super) fn store(check: &mut Check<'_>, f: &ConfigFile) -> Store {
    let s = &f.store;
    match s.engine {
        Engine::Embedded => embedded(check, s),
        Engine::Redis => redis(check, s),
    }
}

fn embedded(check: &mut Check<'_>, s: &StoreFile) -> Store {
    let of_redis = [
        ("nodes", s.nodes.is_some()),
        ("cluster", s.cluster == Some(true)),
        ("key_prefix", s.key_prefix.is_some()),
        ("sentinel", s.sentinel.is_some()),
        ("tls", s.tls.is_some()),
        ("deadline_ms", s.deadline_ms.is_some()),
    ];
    for (name, _) in of_redis.iter().filter(|(_, set)| *set) {
        check.problem(
            &steps!["store", *name],
            "expected only with `engine: redis`; the embedded store has `path`",
        );
    }
    if s.path.as_deref() == Some("") {
        check.problem(&steps!["store", "path"], "expected a file");
    }
    let path = s.path.as_deref().unwrap_or("data/fuelgate.db");
    Store::Embedded {
        path: PathBuf::from(path),
    }
}

fn redis(check: &mut Check<'_>, s: &StoreFile) -> Store {
    check.problem(
        &steps!["store", "engine"],
        "redis is not available yet; expected embedded",
    );
    if s.path.is_some() {
        check.problem(
            &steps!["store", "path"],
            "expected only with `engine: embedded`; Redis has `nodes`",
        );
    }
    let nodes = s.nodes.as_deref().unwrap_or_default();
    if nodes.is_empty() {
        check.problem(
            &steps!["store", "nodes"],
            "missing; expected at least one URL such as redis://127.0.0.1:6379",
        );
    }
    for (i, node) in nodes.iter().enumerate() {
        let result = redis_url(node.0.expose());
        check.ok(&steps!["store", "nodes", i], result);
    }
    if s.key_prefix
        .as_deref()
        .is_some_and(|p| !is_name(p, "-_.", 32))
    {
        check.problem(
            &steps!["store", "key_prefix"],
            "expected 1 to 32 letters, digits, -, _ and .",
        );
    }
    if s.sentinel.is_some() && s.cluster == Some(true) {
        check.problem(
            &steps!["store", "sentinel"],
            "expected either a cluster or sentinels, not both",
        );
    }
    if let Some(t) = &s.tls {
        tls::client_files(check, t, &steps!["store", "tls"]);
    }
    Store::Redis
}

/// `redis://[[user]:password@]host[:port][/database]`, or `rediss` for TLS.
fn redis_url(text: &str) -> Result<(), String> {
    let wrong = || Err("expected a URL such as redis://127.0.0.1:6379 or rediss://…".to_owned());
    let rest = text
        .strip_prefix("redis://")
        .or_else(|| text.strip_prefix("rediss://"));
    let Some(rest) = rest else {
        return wrong();
    };
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let address = authority.rsplit_once('@').map_or(authority, |(_, a)| a);
    let host = match address.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok_and(|p| p > 0) => host,
        Some(_) if !address.ends_with(']') => return wrong(),
        _ => address,
    };
    if !is_host(host) || !database.chars().all(|c| c.is_ascii_digit()) {
        return wrong();
    }
    Ok(())
}

/// The spool.
pub(super) fn spool(f: &ConfigFile) -> Spool {
    Spool {
        path: PathBuf::from(&f.spool.path),
        max_bytes: f.spool.max_bytes,
    }
}

/// Webhook delivery.
pub(super) fn webhooks(check: &mut Check<'_>, f: &ConfigFile) -> Webhooks {
    let w = &f.webhooks;
    let at = steps!["webhooks", "allowed_private_targets"];
    Webhooks {
        retry_delays: w
            .retry_delays_seconds
            .iter()
            .map(|s| Duration::from_secs(*s))
            .collect(),
        timeout: Duration::from_millis(w.timeout_ms),
        allowed_private_targets: networks(check, &w.allowed_private_targets, &at),
        retention: Duration::from_secs(w.retention_days * 86_400),
    }
}
