//! Checks store and spool settings; never opens a store.

use std::path::PathBuf;

use super::{Check, redis};
use crate::config::file::{ConfigFile, Engine, StoreFile};
use crate::config::model::{Spool, Store};
use crate::config::tree::steps;

/// The store.
pub(super) fn store(check: &mut Check<'_>, f: &ConfigFile) -> Store {
    let s = &f.store;
    match s.engine {
        Engine::Embedded => embedded(check, s),
        Engine::Redis => redis::store(check, s),
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

/// The spool.
pub(super) fn spool(f: &ConfigFile) -> Spool {
    Spool {
        path: PathBuf::from(&f.spool.path),
        max_bytes: f.spool.max_bytes,
    }
}
