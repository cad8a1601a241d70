//! Measures the embedded store: durable event records, key look-ups and usage batches; `benches/results/` keeps what came out.
//!
//! `cargo run --release --example bench_store -- FOLDER [SECONDS] [KEYS]`: a database is made in FOLDER, so choose the
//! disk that is to be measured.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement for people that may stop at the first error"
)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fuelgate::base::audit::{Change, ChangeContext};
use fuelgate::base::clock::{Clock, Timestamp};
use fuelgate::base::ids;
use fuelgate::keys::model::{DigestKind, KeyRecord, StoredSecret};
use fuelgate::keys::port::KeyStore;
use fuelgate::store::embedded::{EmbeddedStore, Options};
use fuelgate::usage::model::{Counts, KeyUsageRow, RouteUsageRow, UsageBatch};
use fuelgate::usage::port::UsageStore;
use fuelgate::webhooks::model::{Event, EventState};
use fuelgate::webhooks::port::EventStore;

fn event(account: u64) -> Event {
    Event {
        id: ids::new(ids::EVENT),
        account_id: format!("acct_{account}"),
        event_type: "contact.created".to_owned(),
        occurred_at: Clock::system().now(),
        state: EventState::Pending,
        sequence: None,
        data: None,
        truncated: false,
        request_id: Some(ids::request_id()),
        route: Some("/v1/contacts".to_owned()),
        method: Some("POST".to_owned()),
        status: Some(201),
        resource_id: None,
        conditional: false,
    }
}

fn at(sorted: &[Duration], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    // The position is within the slice: share is at most one.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss
    )]
    let position = (last as f64 * share) as usize;
    sorted[position].as_secs_f64() * 1e3
}

fn report(what: &str, mut took: Vec<Duration>, elapsed: Duration) {
    took.sort_unstable();
    println!(
        "{what}: {:.0}/s, p50 {:.3} ms, p99 {:.3} ms, p99.9 {:.3} ms, max {:.3} ms",
        took.len() as f64 / elapsed.as_secs_f64(),
        at(&took, 0.5),
        at(&took, 0.99),
        at(&took, 0.999),
        at(&took, 1.0),
    );
}

/// Lets `callers` record one event after the other for `time`.
async fn record(store: &Arc<EmbeddedStore>, callers: u64, time: Duration) -> Vec<Duration> {
    let end = Instant::now() + time;
    let tasks: Vec<_> = (0..callers)
        .map(|i| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                let mut took = Vec::new();
                while Instant::now() < end {
                    let e = event(i);
                    let began = Instant::now();
                    store.record_pending(&[e]).await.expect("recorded");
                    took.push(began.elapsed());
                }
                took
            })
        })
        .collect();
    let mut all = Vec::new();
    for t in tasks {
        all.extend(t.await.expect("a caller ended"));
    }
    all
}

fn change() -> Change {
    let context = ChangeContext::internal(Clock::system().now(), "bench");
    Change {
        audit: context.entry("key.import", None, None, serde_json::Value::Null),
        answer: None,
    }
}

fn digest(n: u64) -> [u8; 32] {
    let mut d = [0; 32];
    // Spread as hashes are.
    d[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    d
}

fn key(n: u64) -> KeyRecord {
    KeyRecord {
        id: ids::new(ids::KEY),
        account_id: format!("acct_{}", n / 10),
        name: "imported".to_owned(),
        scopes: vec!["contacts:read".to_owned(), "deals:read".to_owned()],
        created_at: Timestamp::from_secs(1_700_000_000),
        expires_at: None,
        last_used_at: None,
        last_used_ip: None,
        disabled: false,
        revoked_at: None,
        allowed_ips: Vec::new(),
        prefix: "lf_live".to_owned(),
        last_four: "abcd".to_owned(),
        secrets: vec![StoredSecret {
            digest: digest(n),
            kind: DigestKind::Pepper("p1".to_owned()),
            valid_until: None,
        }],
        revision: 1,
    }
}

async fn import(store: &EmbeddedStore, from: u64, to: u64) {
    let began = Instant::now();
    let keys: Vec<u64> = (from..to).collect();
    for batch in keys.chunks(1_000) {
        let records: Vec<_> = batch.iter().map(|n| key(*n)).collect();
        store
            .import_keys(&records, "standard", &change())
            .await
            .expect("imported");
    }
    println!(
        "import of {} keys: {:.1} s",
        to - from,
        began.elapsed().as_secs_f64()
    );
}

async fn look_up(store: &EmbeddedStore, keys: u64) {
    let mut took = Vec::new();
    let began = Instant::now();
    for _ in 0..20_000 {
        let d = digest(fastrand::u64(0..keys));
        let one = Instant::now();
        assert!(store.by_digest(&[d]).await.expect("read").is_some());
        took.push(one.elapsed());
    }
    report(
        &format!("by_digest among {keys} keys"),
        took,
        began.elapsed(),
    );
}

fn usage(sequence: u64, rows: u64) -> UsageBatch {
    let hour = Clock::system().now().hour_start();
    let keys = (0..rows)
        .map(|n| KeyUsageRow {
            account_id: format!("acct_{}", n / 10),
            key_id: format!("key_{n:032}"),
            hour,
            class: 2,
            counts: Counts {
                requests: 3,
                bytes_in: 10,
                bytes_out: 900,
                upstream_us: 40_000,
            },
        })
        .collect();
    let routes = (0..rows)
        .map(|n| RouteUsageRow {
            account_id: format!("acct_{}", n / 10),
            key_id: format!("key_{n:032}"),
            route: "/v1/contacts".to_owned(),
            method: "GET".to_owned(),
            hour,
            requests: 3,
            errors: 0,
            last_at: hour,
        })
        .collect();
    UsageBatch {
        boot_id: "bench".to_owned(),
        sequence,
        keys,
        routes,
        ..UsageBatch::default()
    }
}

fn with_suffix(path: &std::path::Path, suffix: &str) -> PathBuf {
    let mut s = path.as_os_str().to_owned();
    s.push(suffix);
    PathBuf::from(s)
}

#[tokio::main]
async fn main() {
    let mut args = std::env::args().skip(1);
    let folder = PathBuf::from(args.next().expect("a folder"));
    let seconds = args.next().map_or(5, |s| s.parse().expect("seconds"));
    let keys: u64 = args.next().map_or(1_000_000, |s| s.parse().expect("keys"));
    let time = Duration::from_secs(seconds);
    let path = folder.join(format!("bench-{}.db", std::process::id()));
    let store =
        EmbeddedStore::open(&path, Clock::system(), Options::default()).expect("the store opens");

    for callers in [1, 8, 64, 256] {
        let before = store.stats();
        let took = record(&store, callers, time).await;
        report(&format!("record_pending, {callers} callers"), took, time);
        let after = store.stats();
        let commits = after.commits - before.commits;
        println!(
            "    {:.0} commits/s, {:.1} writes a commit, {:.3} ms in COMMIT on average",
            commits as f64 / time.as_secs_f64(),
            (after.writes - before.writes) as f64 / commits as f64,
            (after.commit.sum_us - before.commit.sum_us) as f64 / 1e3 / commits as f64,
        );
    }

    let mut have = 0;
    for n in [1, 10_000, keys] {
        import(&store, have, n).await;
        have = n;
        look_up(&store, n).await;
    }

    for sequence in 1..=2 {
        let began = Instant::now();
        let writing = tokio::spawn({
            let store = Arc::clone(&store);
            async move { record(&store, 8, Duration::from_secs(2)).await }
        });
        store
            .apply(&usage(sequence, 10_000))
            .await
            .expect("applied");
        println!(
            "usage batch of 10000 keys and 10000 routes beside 8 writers: {:.3} s",
            began.elapsed().as_secs_f64()
        );
        let took = writing.await.expect("writers ended");
        report("    record_pending meanwhile", took, Duration::from_secs(2));
    }

    let wal = with_suffix(&path, "-wal");
    println!(
        "write-ahead log: {:.1} MiB",
        std::fs::metadata(&wal).expect("the log").len() as f64 / 1_048_576.0
    );
    // What a kill leaves: the file and its log as they are.
    let copy = with_suffix(&path, ".copy");
    std::fs::copy(&path, &copy).expect("copied");
    std::fs::copy(&wal, with_suffix(&copy, "-wal")).expect("copied");
    let began = Instant::now();
    drop(EmbeddedStore::open(&copy, Clock::system(), Options::default()).expect("opens"));
    println!(
        "opening after an unclean stop, check and close included: {:.3} s",
        began.elapsed().as_secs_f64()
    );

    let closing = Arc::clone(&store);
    tokio::task::spawn_blocking(move || closing.close())
        .await
        .expect("closed");
    let bytes = std::fs::metadata(&path).expect("the file").len();
    println!("file: {:.0} MiB", bytes as f64 / 1_048_576.0);
    let began = Instant::now();
    drop(EmbeddedStore::open(&path, Clock::system(), Options::default()).expect("opens again"));
    println!("opening again: {:.3} s", began.elapsed().as_secs_f64());
    for left in [
        with_suffix(&path, ".lock"),
        path,
        with_suffix(&copy, ".lock"),
        copy,
    ] {
        std::fs::remove_file(left).expect("removed");
    }
}
