//! `fuelgate store`: copies made under load, put in place elsewhere, and everything that must not work; nothing is lost on the way.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::support::backend::{self, Backend};
use crate::support::gateway::{Gateway, TOKEN, config};
use crate::support::http::{Connection, encode};

const RULES: &str = "
events:
  - { type: contact.created, route: { method: POST, path: /v1/contacts }, status: [201] }
";

fn crm() -> Backend {
    Backend::start(|_| backend::json(201, &json!({"id": "c1", "name": "Ada"})))
}

/// Runs `fuelgate store …`; `size` is the largest file that it may write, in blocks of 512 bytes.
fn limited(size: &str, arguments: &[&str]) -> Output {
    Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f $0; exec \"$@\"", size])
        .args([env!("CARGO_BIN_EXE_fuelgate"), "store"])
        .args(arguments)
        .env("FUELGATE_ADMIN_TOKEN", TOKEN)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn store(arguments: &[&str]) -> Output {
    limited("unlimited", arguments)
}

fn err(o: &Output) -> String {
    String::from_utf8_lossy(&o.stderr).into_owned()
}

/// What a command says with `--json`; it must succeed.
fn told(arguments: &[&str]) -> Value {
    let mut all = arguments.to_vec();
    all.push("--json");
    let o = store(&all);
    assert!(o.status.success(), "{arguments:?}: {}", err(&o));
    serde_json::from_slice(&o.stdout).unwrap()
}

/// Why a command did nothing.
fn refused(arguments: &[&str]) -> String {
    let o = store(arguments);
    assert_eq!(o.status.code(), Some(1), "{arguments:?}");
    assert!(o.stdout.is_empty());
    err(&o)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn backup(g: &Gateway, name: &str) -> PathBuf {
    let to = g.folder.path().join(name);
    told(&[
        "backup",
        "--config",
        text(&g.config_file()),
        "--to",
        text(&to),
    ]);
    to
}

fn verify(file: &Path) -> Value {
    told(&["verify", "--file", text(file)])
}

/// A folder with the configuration of a gateway that never ran there.
fn elsewhere(crm: &Backend) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fuelgate.yaml");
    let text = config(crm.address, RULES).replace("$DIR", &folder.path().display().to_string());
    std::fs::write(&file, text).unwrap();
    (folder, file)
}

/// Names of what lies beside the store, without the lock and what SQLite makes while it is open.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|n| !n.ends_with(".lock") && !n.ends_with("-wal") && !n.ends_with("-shm"))
        .collect();
    names.sort();
    names
}

/// Creates contacts until told to stop; gives how many the client saw.
fn write_until(g: &Gateway, key: &str, stop: &Arc<AtomicBool>) -> std::thread::JoinHandle<usize> {
    let (address, stop) = (g.address(), stop.clone());
    let bytes = encode(
        "POST",
        "/v1/contacts",
        &[
            ("Authorization", &format!("Bearer {key}")),
            ("Content-Type", "application/json"),
        ],
        Some(br#"{"name":"Ada"}"#),
    );
    std::thread::spawn(move || {
        let mut c = Connection::open(address);
        let mut seen = 0;
        while !stop.load(Ordering::SeqCst) {
            assert_eq!(c.exchange(&bytes).status, 201);
            seen += 1;
        }
        seen
    })
}

fn rows(report: &Value, table: &str) -> u64 {
    let tables = report["tables"].as_array().unwrap();
    let found = tables.iter().find(|t| t["name"] == table).unwrap();
    found["rows"].as_u64().unwrap()
}

#[test]
fn a_backup_under_load_restores_to_a_gateway_that_knows_the_keys() {
    let crm = crm();
    let g = Gateway::start(&config(crm.address, RULES));
    let keys: Vec<_> = (0..20)
        .map(|n| {
            g.key(&format!("acct_{n}"), &["contacts:read", "contacts:write"])
                .1
        })
        .collect();
    let before = 30;
    for n in 0..before {
        assert_eq!(
            g.post("/v1/contacts", &keys[n % 20], &json!({})).status,
            201
        );
    }
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = keys[..4]
        .iter()
        .map(|k| write_until(&g, k, &stop))
        .collect();
    let copies: Vec<_> = (0..5).map(|n| backup(&g, &format!("copy{n}.db"))).collect();
    stop.store(true, Ordering::SeqCst);
    let written: usize = writers.into_iter().map(|w| w.join().unwrap()).sum();
    assert!(written > 0);
    let mut last = 0;
    for copy in &copies {
        let report = verify(copy);
        assert_eq!(rows(&report, "api_key"), 20);
        let events = rows(&report, "event");
        assert!(
            events >= before as u64 && events >= last,
            "{events} after {last}"
        );
        assert!(events <= (before + written) as u64);
        last = events;
        // A copy is one file, for its owner only.
        let mode = std::os::unix::fs::PermissionsExt::mode(&copy.metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
        assert!(!copy.with_extension("db-wal").exists());
    }
    assert!(last > before as u64, "nothing was written meanwhile");

    let (folder, file) = elsewhere(&crm);
    let copy = copies.last().unwrap();
    let done = told(&["restore", "--config", text(&file), "--from", text(copy)]);
    assert_eq!(done["sha256"], verify(copy)["sha256"]);
    assert_eq!(done["kept"], Value::Null);
    drop(g);
    let mut again = Gateway::start(
        &config(crm.address, RULES)
            .replace("$DIR/fuelgate.db", text(&folder.path().join("fuelgate.db"))),
    );
    for key in &keys {
        assert_eq!(again.get("/v1/contacts", key).status, 201);
    }
    assert_eq!(again.stop(), Some(0));
}

#[test]
fn a_store_that_was_killed_is_copied_with_all_that_it_was_told() {
    let crm = crm();
    let mut g = Gateway::start(&config(crm.address, RULES));
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    g.kill();
    let wal = g.folder.path().join("fuelgate.db-wal");
    assert!(
        wal.metadata().unwrap().len() > 0,
        "it did not die uncleanly"
    );
    let copy = backup(&g, "copy.db");
    assert_eq!(rows(&verify(&copy), "api_key"), 1);
    assert!(wal.metadata().unwrap().len() > 0, "the source is as it was");

    // What is replaced keeps what was in its log.
    let wanted = verify(&copy)["sha256"].clone();
    let done = told(&[
        "restore",
        "--config",
        text(&g.config_file()),
        "--from",
        text(&copy),
    ]);
    let kept = PathBuf::from(done["kept"].as_str().unwrap());
    assert_eq!(verify(&kept)["sha256"], wanted);
    assert!(!wal.exists(), "a log of the old one beside the new one");
    g.start_again();
    assert_eq!(g.get("/v1/contacts", &key).status, 201);
}

#[test]
fn nothing_is_overwritten_unasked_and_no_open_store_at_all() {
    let crm = crm();
    let mut g = Gateway::start(&config(crm.address, RULES));
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    let file = g.config_file();
    let file = text(&file);
    let copy = backup(&g, "copy.db");
    let copied = verify(&copy);
    g.key("acct_2", &["contacts:read"]);

    let to = ["backup", "--config", file, "--to", text(&copy)];
    assert!(refused(&to).contains("is there already; --force"));
    assert_eq!(verify(&copy), copied);
    let itself = g.folder.path().join("fuelgate.db");
    let said = refused(&["backup", "--config", file, "--to", text(&itself), "--force"]);
    assert!(said.contains("onto itself"), "{said}");
    let from = ["restore", "--config", file, "--from", text(&copy)];
    assert!(refused(&from).contains("is in use by another process"));
    let forced_to = [&to[..], &["--force"]].concat();
    let again = told(&forced_to);
    assert_eq!(rows(&again, "api_key"), 2);

    assert_eq!(g.stop(), Some(0));
    let before = names(g.folder.path());
    let done = told(&from);
    let kept = done["kept"].as_str().unwrap();
    assert_eq!(
        names(g.folder.path()).len(),
        before.len() + 1,
        "and nothing partial"
    );
    assert_eq!(rows(&verify(Path::new(kept)), "api_key"), 2);
    g.start_again();
    assert_eq!(g.get("/v1/contacts", &key).status, 201);
}

#[test]
fn people_read_sentences_and_a_table() {
    let crm = crm();
    let g = Gateway::start(&config(crm.address, RULES));
    g.key("acct_1", &["contacts:read"]);
    let copy = backup(&g, "copy.db");
    let o = store(&["verify", "--file", text(&copy)]);
    assert_eq!(o.status.code(), Some(0));
    let said = String::from_utf8(o.stdout).unwrap();
    let report = verify(&copy);
    assert!(
        said.contains(&format!("{}: sound; layout 5, ", copy.display())),
        "{said}"
    );
    assert!(said.contains(report["sha256"].as_str().unwrap()));
    let line = said.lines().find(|l| l.contains("api_key")).unwrap();
    assert_eq!(line.split_whitespace().nth(1), Some("1"));
    let o = store(&["backup"]);
    assert_eq!(o.status.code(), Some(2), "used wrongly");
}

#[test]
fn damaged_truncated_foreign_and_newer_files_are_told_apart_and_change_nothing() {
    let crm = crm();
    let mut g = Gateway::start(&config(crm.address, RULES));
    let (_, key) = g.key("acct_1", &["contacts:read", "contacts:write"]);
    for _ in 0..200 {
        assert_eq!(g.post("/v1/contacts", &key, &json!({})).status, 201);
    }
    let copy = backup(&g, "copy.db");
    assert_eq!(g.stop(), Some(0));
    let whole = std::fs::read(&copy).unwrap();
    assert!(whole.len() > 40 * 4096, "too small to damage in the middle");
    let bad = g.folder.path().join("bad.db");
    let file = g.config_file();
    let of_store = verify(&g.folder.path().join("fuelgate.db"));
    let check = |what: &str, words: &str| {
        let said = refused(&["verify", "--file", text(&bad)]);
        assert!(
            said.contains(words) && said.contains("bad.db"),
            "{what}: {said}"
        );
        let restore = ["restore", "--config", text(&file), "--from", text(&bad)];
        let said = refused(&restore);
        assert!(
            said.contains("nothing was restored") && said.contains(words),
            "{what}: {said}"
        );
        let now = verify(&g.folder.path().join("fuelgate.db"));
        assert_eq!(now, of_store, "{what}");
    };

    let mut damaged = whole.clone();
    damaged[20 * 4096..22 * 4096].fill(0x5a);
    std::fs::write(&bad, damaged).unwrap();
    check("damaged", "is damaged");
    std::fs::write(&bad, &whole[..whole.len() / 2]).unwrap();
    check("truncated", "is damaged");
    std::fs::write(&bad, &whole[..100]).unwrap();
    check("cut in its header", "is damaged");
    std::fs::write(&bad, b"").unwrap();
    check("empty", "is not a fuelgate store");
    std::fs::write(&bad, "Dear Ada, this is no database. ".repeat(400)).unwrap();
    check("a letter", "is not a fuelgate store");
    std::fs::remove_file(&bad).unwrap();
    let raw = rusqlite::Connection::open(&bad).unwrap();
    raw.execute_batch("CREATE TABLE theirs (x)").unwrap();
    drop(raw);
    check("another program's", "is not a fuelgate store");
    std::fs::write(&bad, &whole).unwrap();
    let raw = rusqlite::Connection::open(&bad).unwrap();
    raw.pragma_update(None, "user_version", 999).unwrap();
    drop(raw);
    check("newer", "has layout 999, this version knows up to 5");
    std::fs::remove_file(&bad).unwrap();
    check("none", "there is no store at");
    // A flipped value is no damage to SQLite, but another content.
    std::fs::write(&bad, &whole).unwrap();
    assert_eq!(verify(&bad)["sha256"], verify(&copy)["sha256"]);
    let raw = rusqlite::Connection::open(&bad).unwrap();
    raw.execute("UPDATE api_key SET name = name || '!'", [])
        .unwrap();
    drop(raw);
    assert_ne!(verify(&bad)["sha256"], verify(&copy)["sha256"]);
}

#[test]
fn rows_that_disagree_are_all_named() {
    let crm = crm();
    let mut g = Gateway::start(&config(crm.address, RULES));
    let (id, _) = g.key("acct_1", &["contacts:read"]);
    let file = g.config_file();
    assert!(told(&["verify", "--config", text(&file)])["problems"] == json!([]));
    assert_eq!(g.stop(), Some(0));
    let raw = rusqlite::Connection::open(g.folder.path().join("fuelgate.db")).unwrap();
    raw.execute_batch(
        "DELETE FROM account; UPDATE key_secret SET digest = x'00';
         INSERT INTO attempt VALUES ('dlv_none', 1, 0, NULL, 0, NULL, NULL, NULL)",
    )
    .unwrap();
    drop(raw);
    let o = store(&["verify", "--config", text(&file)]);
    assert_eq!(o.status.code(), Some(1));
    let said = err(&o);
    for words in [
        &format!("1 keys of an account that is not there: {id}") as &str,
        "1 digests that are not 32 bytes: 00",
        "1 attempts of a delivery that is not there: dlv_none",
    ] {
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn a_full_disk_leaves_backup_and_store_as_they_were() {
    let crm = crm();
    let mut g = Gateway::start(&config(crm.address, RULES));
    let (_, key) = g.key("acct_1", &["contacts:read", "contacts:write"]);
    let copy = backup(&g, "copy.db");
    let copied = std::fs::read(&copy).unwrap();
    for _ in 0..50 {
        assert_eq!(g.post("/v1/contacts", &key, &json!({})).status, 201);
    }
    let folder = g.folder.path().to_owned();
    let before = names(&folder);
    // No file may grow past 64 KiB: to the process its disk is full.
    let full = |arguments: &[&str]| {
        let o = limited("128", arguments);
        assert_eq!(o.status.code(), Some(1));
        assert!(err(&o).contains("cannot write"), "{}", err(&o));
        assert_eq!(names(&folder), before, "nothing partial is left");
    };
    let file = g.config_file();
    let to = [
        "backup",
        "--config",
        text(&file),
        "--to",
        text(&copy),
        "--force",
    ];
    full(&to);
    assert_eq!(std::fs::read(&copy).unwrap(), copied);
    assert_eq!(g.stop(), Some(0));
    let stored = folder.join("fuelgate.db");
    let sum = verify(&stored)["sha256"].clone();
    let from = ["restore", "--config", text(&file), "--from", text(&copy)];
    full(&from);
    assert_eq!(verify(&stored)["sha256"], sum);
    g.start_again();
    assert_eq!(g.get("/v1/contacts", &key).status, 201);
}

#[test]
fn a_store_that_is_not_there_is_said_and_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fuelgate.yaml");
    let config = config("127.0.0.1:1".parse().unwrap(), "")
        .replace("$DIR", &folder.path().display().to_string());
    std::fs::write(&file, &config).unwrap();
    let to = folder.path().join("copy.db");
    let arguments = ["backup", "--config", text(&file), "--to", text(&to)];
    assert!(refused(&arguments).contains("there is no store at"));
    assert!(!to.exists() && !folder.path().join("fuelgate.db").exists());
}
