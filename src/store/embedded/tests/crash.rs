//! A process that is killed while it writes: what it was told is on disk, and nobody else had the file meanwhile.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;

use tempfile::TempDir;

use super::{open, refusal};
use crate::store::contract::events::event;
use crate::store::embedded::{OpenError, Options};
use crate::webhooks::port::EventStore;

/// Names the folder in which the child writes; without it the child's test does nothing.
const FOLDER: &str = "FUELGATE_TEST_STORE_CHILD";
/// Marks the child's own lines among those of the test harness.
const MARK: &str = "recorded ";

#[tokio::test(flavor = "multi_thread")]
async fn a_child_writes_until_it_is_killed() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let store = open(std::path::Path::new(&folder), Options::default());
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                // Bounded, in case the parent is gone.
                for _ in 0..100_000 {
                    let e = event("a", "x");
                    store
                        .record_pending(std::slice::from_ref(&e))
                        .await
                        .unwrap();
                    let line = format!("{MARK}{}\n", e.id);
                    if std::io::stdout().lock().write_all(line.as_bytes()).is_err() {
                        return;
                    }
                }
            })
        })
        .collect();
    for w in writers {
        w.await.unwrap();
    }
}

/// Lets a child write, kills it in the middle, and gives the ids that it was told are recorded.
fn killed_in_the_middle(dir: &TempDir, after: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "store::embedded::tests::crash::a_child_writes_until_it_is_killed",
            "--nocapture",
        ])
        .env(FOLDER, dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut ids = Vec::new();
    let mut line = String::new();
    let mut is_killed = false;
    // What was still in the pipe when it died counts as well; a torn last line does not.
    while out.read_line(&mut line).unwrap() > 0 && line.ends_with('\n') {
        if let Some(at) = line.find(MARK) {
            ids.push(line[at + MARK.len()..].trim_end().to_owned());
        }
        line.clear();
        if ids.len() >= after && !is_killed {
            let refused = refusal(dir.path());
            assert!(matches!(refused, OpenError::InUse(_)), "{refused}");
            child.kill().unwrap();
            is_killed = true;
        }
    }
    child.wait().unwrap();
    assert!(is_killed, "the child ended by itself");
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_was_told_is_on_disk() {
    let dir = TempDir::new().unwrap();
    let mut told = Vec::new();
    for round in 1..=3 {
        told.extend(killed_in_the_middle(&dir, round * 40));
        let store = open(dir.path(), Options::default());
        for id in &told {
            assert!(store.event(id).await.unwrap().is_some(), "{id} is lost");
        }
    }
}
