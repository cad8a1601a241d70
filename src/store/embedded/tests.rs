//! The embedded store against the suite of all backends, and what only a file can do wrong.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;

use super::{EmbeddedStore, OpenError, Options};
use crate::base::clock::Clock;
use crate::store::contract::events::event;
use crate::store::contract::{Stores, at, contract_tests};
use crate::webhooks::port::EventStore;

fn open(dir: &Path, options: Options) -> Arc<EmbeddedStore> {
    EmbeddedStore::open(&dir.join("data/fuelgate.db"), Clock::manual(at(0)), options).unwrap()
}

fn stores() -> Stores {
    stores_at(TempDir::new().unwrap())
}

fn stores_at(dir: TempDir) -> Stores {
    let clock = Clock::manual(at(0));
    let path = dir.path().join("fuelgate.db");
    let store = EmbeddedStore::open(&path, clock.clone(), Options::default()).unwrap();
    Stores {
        accounts: store.clone(),
        keys: store.clone(),
        events: store.clone(),
        feed: store.clone(),
        inboxes: store.clone(),
        replays: store.clone(),
        sessions: store.clone(),
        alerts: store.clone(),
        mails: store.clone(),
        usage: store.clone(),
        clock,
        _keep: Box::new((store, dir)),
    }
}

contract_tests!(stores());

mod backlog;
mod crash;
mod notices;
mod retention;
mod upgrade;
mod waiting_notices;
mod writes;

/// Waits until `is_so`, which has to be soon.
async fn bounded(is_so: impl Fn() -> bool) {
    for _ in 0..5_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    panic!("what was waited for did not come");
}

fn refusal(dir: &Path) -> OpenError {
    EmbeddedStore::open(
        &dir.join("data/fuelgate.db"),
        Clock::system(),
        Options::default(),
    )
    .unwrap_err()
}

#[test]
fn a_second_opener_is_refused_until_the_first_has_closed() {
    let dir = TempDir::new().unwrap();
    let first = open(dir.path(), Options::default());
    assert!(matches!(refusal(dir.path()), OpenError::InUse(_)));
    first.close();
    first.close();
    open(dir.path(), Options::default());
}

#[test]
fn the_file_is_the_owners_alone_and_its_log_is_gone_after_a_clean_stop() {
    let dir = TempDir::new().unwrap();
    let store = open(dir.path(), Options::default());
    let file = dir.path().join("data/fuelgate.db");
    for name in ["fuelgate.db", "fuelgate.db-wal", "fuelgate.db.lock"] {
        let mode = file
            .with_file_name(name)
            .metadata()
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    drop(store);
    assert!(!dir.path().join("data/fuelgate.db-wal").exists());
}

#[test]
fn a_newer_layout_and_a_foreign_file_are_refused() {
    let dir = TempDir::new().unwrap();
    open(dir.path(), Options::default()).close();
    let file = dir.path().join("data/fuelgate.db");
    let raw = rusqlite::Connection::open(&file).unwrap();
    raw.pragma_update(None, "user_version", 999).unwrap();
    drop(raw);
    let e = refusal(dir.path());
    assert!(matches!(e, OpenError::Newer { found: 999, .. }), "{e}");

    std::fs::write(&file, "this is no database, it is a letter. ".repeat(40)).unwrap();
    let e = refusal(dir.path());
    assert!(matches!(e, OpenError::Foreign(..)), "{e}");
    std::fs::remove_file(&file).unwrap();
    let raw = rusqlite::Connection::open(&file).unwrap();
    raw.execute_batch("CREATE TABLE theirs (x)").unwrap();
    drop(raw);
    assert!(matches!(refusal(dir.path()), OpenError::Foreign(..)));
}

#[tokio::test]
async fn damage_is_found_after_an_unclean_stop() {
    let dir = TempDir::new().unwrap();
    let store = open(dir.path(), Options::default());
    let events: Vec<_> = (0..500).map(|_| event("a", "x")).collect();
    store.record_pending(&events).await.unwrap();
    drop(store);
    let file = dir.path().join("data/fuelgate.db");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 3 * 4096].fill(0x5a);
    std::fs::write(&file, bytes).unwrap();
    // What a killed process leaves behind; SQLite ignores a log without a header.
    std::fs::write(dir.path().join("data/fuelgate.db-wal"), b"torn").unwrap();
    let e = refusal(dir.path());
    assert!(matches!(e, OpenError::Damaged { .. }), "{e}");
}
