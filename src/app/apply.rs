//! Puts a valid configuration in force: builds all that can fail first, then swaps; never a file, never a check.

use std::sync::Arc;

use super::backend::plans_digest;
use super::reload::whole_file;
use super::wire::{Parts, access_log};
use crate::accounts::service::effective_plan;
use crate::config::model::{Config, Keys};
use crate::proxy::snapshot::Snapshot;
use crate::web::admin::state::ConfigProblem;
use crate::webhooks::settings::Settings;

/// Swaps `new` in. Requests that began on the one before finish on it.
pub(super) fn apply(parts: &Parts, new: &Arc<Config>) -> Result<(), Vec<ConfigProblem>> {
    let before = parts.snapshot.load_full();
    let failed = |what: &str, e: &dyn std::fmt::Display| vec![whole_file(&format!("{what}: {e}"))];
    let log = if before.config.log == new.log {
        before.access_log.clone()
    } else {
        access_log(&new.log, &parts.metrics)
            .map_err(|e| failed("the access log cannot be opened", &e))?
    };
    let snapshot = Snapshot::build(Arc::clone(new), log, Some(&before), &parts.metrics)
        .map_err(|e| failed("cannot be used", &e))?;
    let transport = parts
        .transport
        .prepare(
            new.webhooks.allowed_private_targets.clone(),
            new.webhooks.name_servers.clone(),
        )
        .map_err(|e| failed("webhook targets", &e))?;
    let mailer = parts
        .mailer
        .prepare(new.smtp.as_ref())
        .map_err(|e| failed("the mail server", &e))?;
    // From here on nothing fails: a configuration is in force as a whole or not at all.
    if let Some(transport) = transport {
        parts.transport.put(transport);
    }
    parts.mailer.put(mailer);
    parts.settings.store(Arc::new(Settings::of(new)));
    parts.keys.set_settings(new.keys.cache);
    parts.snapshot.store(Arc::clone(&snapshot));
    for upstream in snapshot.upstreams.iter() {
        upstream.in_force();
    }
    if digests_differ(&before.config.keys, &new.keys) {
        parts.keys.clear();
    }
    replan(parts, new);
    if let Some(desk) = parts.limiter.desk() {
        desk.set_config(&plans_digest(new));
    }
    Ok(())
}

/// Whether the same secret has other digests now.
fn digests_differ(old: &Keys, new: &Keys) -> bool {
    let peppers = |k: &Keys| {
        k.peppers
            .iter()
            .map(|p| (p.id.clone(), p.secret.clone()))
            .collect::<Vec<_>>()
    };
    let legacy = |k: &Keys| {
        k.legacy
            .iter()
            .map(|l| (l.pattern.as_str().to_owned(), l.hash))
            .collect::<Vec<_>>()
    };
    old.prefix != new.prefix || peppers(old) != peppers(new) || legacy(old) != legacy(new)
}

/// Gives every account in memory the limits of its plan as it is now.
fn replan(parts: &Parts, new: &Config) {
    let now = parts.clock.now();
    parts.limiter.replan(now, |account_id| {
        let account = parts.accounts.known(account_id)?.account();
        effective_plan(new, &account)
    });
}
