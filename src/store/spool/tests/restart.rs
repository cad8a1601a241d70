//! What an earlier process left in the spool, however it ended, and files that cannot be used.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use super::*;
use crate::store::contract::events::event;
use crate::store::embedded::OpenError;
use crate::webhooks::model::EventState;
use crate::webhooks::port::EventStore;

/// Names the folder in which the child writes; without it the child's test does nothing.
const FOLDER: &str = "FUELGATE_TEST_SPOOL_CHILD";
/// Marks the child's own lines among those of the test harness.
const MARK: &str = "spooled ";

#[tokio::test]
async fn what_an_earlier_process_left_goes_first_and_keeps_its_name() {
    let rig = Rig::new().await;
    rig.flaky.set(Mode::Down);
    let e = event("a", "x");
    rig.events
        .record_pending(std::slice::from_ref(&e))
        .await
        .unwrap();
    rig.usage.apply(&batch("old", 7, "a", 1)).await.unwrap();
    rig.usage.apply(&batch("old", 8, "a", 10)).await.unwrap();
    rig.spool.close();
    let spool = open(rig.dir.path(), 1 << 30, HASTY, &rig.flaky)
        .await
        .unwrap();
    let left = spool.pending();
    assert_eq!((left.batches, left.events), (2, 1));
    assert_eq!(left.oldest, Some(at(0)));
    rig.flaky.set(Mode::Up);
    rig.flaky.calls();
    spool.events().settle(&[release(&e)], at(1)).await.unwrap();
    spool
        .usage()
        .apply(&batch("new", 1, "a", 100))
        .await
        .unwrap();
    assert!(rig.flaky.calls().is_empty(), "they queue behind");
    assert!(spool.drain(LONG).await.is_empty());
    let calls = rig.flaky.calls();
    let batches: Vec<_> = calls.iter().filter(|c| c.contains("apply")).collect();
    assert_eq!(batches, ["apply old/7", "apply old/8", "apply new/1"]);
    assert_eq!(rig.used("a").await, 111);
    let stored = rig.store.event(&e.id).await.unwrap().unwrap();
    assert_eq!(stored.state, EventState::Released);
}

#[tokio::test]
async fn a_stop_that_cannot_drain_tells_what_is_left() {
    let rig = Rig::new().await;
    rig.flaky.set(Mode::Down);
    rig.events
        .record_pending(&[event("a", "x"), event("b", "x")])
        .await
        .unwrap();
    rig.usage.apply(&batch("boot", 1, "a", 1)).await.unwrap();
    let left = rig.spool.drain(SHORT).await;
    assert!(!left.is_empty());
    assert_eq!(
        left.to_string(),
        "1 usage batches and 2 event writes wait in the spool, the oldest since 2026-11-17T12:00:00Z"
    );
}

#[tokio::test]
async fn a_damaged_or_foreign_file_is_told_with_what_to_do_and_left_alone() {
    let rig = Rig::new().await;
    rig.flaky.set(Mode::Down);
    for _ in 0..200 {
        let e = event("a", "x");
        rig.events.record_pending(&[e]).await.unwrap();
    }
    rig.spool.close();
    let path = rig.dir.path().join("spool.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 3 * 4096].fill(0x5a);
    std::fs::write(&path, &bytes).unwrap();
    // What a killed process leaves behind; SQLite ignores a log without a header.
    std::fs::write(rig.dir.path().join("spool.db-wal"), b"torn").unwrap();
    let refused = |said: Result<Arc<Spool>, SpoolError>| said.unwrap_err().to_string();
    let said = refused(open(rig.dir.path(), 1 << 30, HASTY, &rig.flaky).await);
    assert!(said.contains("is damaged"), "{said}");
    assert!(
        said.contains("keep it, move") && said.contains("spool.db"),
        "{said}"
    );
    assert_eq!(std::fs::read(&path).unwrap(), bytes, "it is as it was");

    rig.store.close();
    std::fs::copy(rig.dir.path().join("store.db"), &path).unwrap();
    let said = refused(open(rig.dir.path(), 1 << 30, HASTY, &rig.flaky).await);
    assert!(said.contains("is not a fuelgate spool"), "{said}");
}

#[tokio::test]
async fn one_file_is_for_one_process() {
    let rig = Rig::new().await;
    let said = open(rig.dir.path(), 1 << 30, HASTY, &rig.flaky).await;
    assert!(matches!(
        said.unwrap_err(),
        SpoolError::Open(OpenError::InUse(_))
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_spools_until_it_is_killed() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let folder = Path::new(&folder);
    // Its store is one that it never reaches.
    let store = store(&folder.join("child.db"));
    let flaky = Flaky::new(vec![store]);
    flaky.set(Mode::Down);
    let spool = open(folder, 1 << 30, HASTY, &flaky).await.unwrap();
    let say = |what: &str| {
        let line = format!("{MARK}{what}\n");
        std::io::stdout().lock().write_all(line.as_bytes()).is_ok()
    };
    // Bounded, in case the parent is gone.
    for sequence in 1..100_000 {
        let e = event("a", "x");
        let events = spool.events();
        events
            .record_pending(std::slice::from_ref(&e))
            .await
            .unwrap();
        events.settle(&[release(&e)], at(1)).await.unwrap();
        let batch = batch("killed", sequence, "a", 1);
        spool.usage().apply(&batch).await.unwrap();
        if !say(&e.id) {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_spooled_is_drained_by_the_next() {
    let dir = TempDir::new().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "store::spool::tests::restart::a_child_spools_until_it_is_killed",
            "--nocapture",
        ])
        .env(FOLDER, dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let mut told = Vec::new();
    for line in out.lines().map_while(Result::ok) {
        if let Some(at) = line.find(MARK) {
            told.push(line[at + MARK.len()..].trim_end().to_owned());
        }
        if told.len() == 50 {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(told.len() >= 50, "the child ended by itself");
    let store = store(&dir.path().join("store.db"));
    let flaky = Flaky::new(vec![store.clone()]);
    let spool = open(dir.path(), 1 << 30, HASTY, &flaky).await.unwrap();
    assert!(spool.drain(LONG).await.is_empty());
    for id in &told {
        let stored = store.event(id).await.unwrap();
        let state = stored.map(|e| e.state);
        assert_eq!(state, Some(EventState::Released), "{id} is lost");
    }
    let now = at(0);
    let used = store.used("a", now.hour_start(), now.month_start()).await;
    let used = usize::try_from(used.unwrap().0).unwrap();
    // The last one may have been spooled and not told.
    assert!(used == told.len() || used == told.len() + 1, "{used}");
}
