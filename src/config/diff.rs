//! What of a configuration only a restart can change; never the change itself.

use super::model::{Config, Listener, Store};

/// The settings whose values differ in a way that a running gateway cannot take over: what it listens on and where its
/// state lies. The content of certificate files may change, their names may not.
pub fn diff_restart_only(old: &Config, new: &Config) -> Vec<String> {
    let mut changed = Vec::new();
    listeners(&old.listeners, &new.listeners, &mut changed);
    let optional = [
        (
            "admin",
            Some(&old.admin.listener),
            Some(&new.admin.listener),
        ),
        ("status", old.status.as_ref(), new.status.as_ref()),
        (
            "portal",
            old.portal.listener.as_ref(),
            new.portal.listener.as_ref(),
        ),
    ];
    for (name, old, new) in optional {
        match (old, new) {
            (Some(old), Some(new)) => listener(name, old, new, &mut changed),
            (None, None) => {}
            _ => changed.push(format!("{name}.address")),
        }
    }
    match (&old.store, &new.store) {
        (Store::Embedded { path: old }, Store::Embedded { path: new }) => {
            if old != new {
                changed.push("store.path".to_owned());
            }
        }
        (Store::Redis(old), Store::Redis(new)) => {
            if old != new {
                changed.push("store".to_owned());
            }
        }
        _ => changed.push("store.engine".to_owned()),
    }
    if old.limits.lease != new.limits.lease {
        changed.push("limits.lease.mode".to_owned());
    }
    if old.spool != new.spool {
        changed.push("spool".to_owned());
    }
    changed
}

fn listeners(old: &[Listener], new: &[Listener], changed: &mut Vec<String>) {
    if old.len() != new.len() {
        changed.push("listeners".to_owned());
        return;
    }
    for (i, (old, new)) in old.iter().zip(new).enumerate() {
        listener(&format!("listeners[{i}]"), old, new, changed);
    }
}

fn listener(name: &str, old: &Listener, new: &Listener, changed: &mut Vec<String>) {
    if old.address != new.address {
        changed.push(format!("{name}.address"));
    }
    if old.tls != new.tls {
        changed.push(format!("{name}.tls"));
    }
}
