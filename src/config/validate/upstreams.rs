//! Checks upstreams and maintenance; never connects to a server.

use std::sync::Arc;
use std::time::Duration;

use super::Check;
use super::words::{is_name, target_address, under};
use crate::config::file::{ConfigFile, UpstreamFile};
use crate::config::model::{HealthCheck, Maintenance, Target, Upstream};
use crate::config::tree::{Step, steps};

/// All upstreams, in the order of their names.
pub(super) fn upstreams(check: &mut Check<'_>, f: &ConfigFile) -> Vec<Arc<Upstream>> {
    f.upstreams
        .iter()
        .map(|(name, u)| Arc::new(upstream(check, name, u)))
        .collect()
}

fn upstream(check: &mut Check<'_>, name: &str, u: &UpstreamFile) -> Upstream {
    let at = steps!["upstreams", name];
    if !is_name(name, "-_.", 64) {
        check.problem(
            &at,
            "expected a name of 1 to 64 letters, digits, -, _ and .",
        );
    }
    let mut targets: Vec<Target> = Vec::new();
    for (i, t) in u.targets.iter().enumerate() {
        let address = under(&under(&under(&at, "targets"), i), "address");
        check.ok(&address, target_address(&t.address));
        if targets.iter().any(|other| other.address == t.address) {
            check.problem(
                &address,
                "expected an address that no other target has; raise `weight` for a larger share",
            );
        }
        targets.push(Target {
            address: t.address.clone(),
            weight: t.weight,
        });
    }
    let health_check = u.health_check.as_ref().map(|h| {
        check.ok(
            &under(&under(&at, "health_check"), "path"),
            health_path(&h.path),
        );
        HealthCheck {
            path: h.path.clone(),
            interval: Duration::from_secs(h.interval_seconds),
        }
    });
    Upstream {
        name: name.to_owned(),
        targets,
        tls: u.tls,
        connect_timeout: Duration::from_millis(u.connect_timeout_ms),
        read_timeout: Duration::from_millis(u.read_timeout_ms),
        health_check,
    }
}

fn health_path(text: &str) -> Result<(), String> {
    let parsed = text.parse::<http::uri::PathAndQuery>();
    if text.starts_with('/') && !text.contains('#') && parsed.is_ok() {
        Ok(())
    } else {
        Err("expected a path such as /healthz".to_owned())
    }
}

/// The index of the upstream `name`; reports at `path` where there is none.
pub(super) fn index(
    check: &mut Check<'_>,
    upstreams: &[Arc<Upstream>],
    name: &str,
    path: &[Step],
) -> Option<usize> {
    let found = upstreams.iter().position(|u| u.name == name);
    let written = &check.written.upstreams;
    if found.is_none() && !written.iter().any(|u| u == name) {
        let names = match written.as_slice() {
            [] => "there is none".to_owned(),
            some => some.join(", "),
        };
        let message = format!("expected a name of `upstreams` ({names}), found {name:?}");
        check.problem(path, message);
    }
    found
}

/// Maintenance mode.
pub(super) fn maintenance(
    check: &mut Check<'_>,
    f: &ConfigFile,
    upstreams: &[Arc<Upstream>],
) -> Maintenance {
    let m = &f.maintenance;
    let mut covered = Vec::new();
    for (i, name) in m.upstreams.iter().enumerate() {
        covered.extend(index(
            check,
            upstreams,
            name,
            &steps!["maintenance", "upstreams", i],
        ));
    }
    Maintenance {
        enabled: m.enabled,
        upstreams: covered,
        writes_only: m.writes_only,
        retry_after_seconds: m.retry_after_seconds,
    }
}
