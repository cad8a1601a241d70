//! Every page of an account with a thousand keys and a year of usage: how long the server takes for it; never a browser.

use std::time::Duration;

use fuelgate::base::clock::Clock;
use fuelgate::web::portal::table::all;

use crate::support::portal::{Portal, Visitor};
use crate::support::programs::run;

const ACCOUNT: &str = "acct_large";
/// A key that is neither disabled nor revoked.
const KEY: &str = "key_00000000000000000000000000000001";
/// Loads of each page, of which the median counts.
const LOADS: usize = 7;
/// How long a page may take. An unoptimised build on a machine that compiles meanwhile takes several times as long as the
/// optimised one, whose 50 ms `benches/portal.sh` asks for.
const MOST: Duration = Duration::from_millis(250);

fn fill(portal: &mut Portal) {
    assert_eq!(portal.gateway.stop(), Some(0));
    let file = portal.gateway.folder.path().join("fuelgate.db");
    let mut store = rusqlite::Connection::open(&file).unwrap();
    let now = Clock::system().now();
    let all = store.transaction().unwrap();
    for (name, at) in [
        (":now", now),
        (":day", now.day_start()),
        (":hour", now.hour_start()),
    ] {
        let sql = "CREATE TEMP TABLE IF NOT EXISTS at (name TEXT PRIMARY KEY, ms INTEGER NOT NULL)";
        all.execute_batch(sql).unwrap();
        let sql = "INSERT INTO at VALUES (?1, ?2)";
        all.execute(sql, (name, at.millis())).unwrap();
    }
    let sql =
        [":now", ":day", ":hour"]
            .iter()
            .fold(include_str!("large.sql").to_owned(), |sql, name| {
                let ms = format!("(SELECT ms FROM temp.at WHERE name = '{name}')");
                sql.replace(name, &ms)
            });
    all.execute_batch(&sql).unwrap();
    all.commit().unwrap();
    drop(store);
    let file = file.display().to_string();
    let verified = run(
        env!("CARGO_BIN_EXE_fuelgate"),
        &["store", "verify", "--file", &file],
    );
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(verified.status.success(), "{said}");
    portal.gateway.start_again();
}

fn median(visitor: &Visitor, target: &str) -> Duration {
    let mut all: Vec<Duration> = (0..LOADS)
        .map(|_| {
            let answer = visitor.get(target);
            assert_eq!(answer.status, 200, "{target}: {}", answer.text());
            answer.app_time()
        })
        .collect();
    all.sort_unstable();
    all[LOADS / 2]
}

/// The pages that can be opened, usage in every form.
fn targets() -> Vec<String> {
    let mut found: Vec<String> = all()
        .filter_map(|page| Some(page.sample?.replace("{key}", KEY)))
        .filter(|target| !target.contains('{'))
        .collect();
    if all().any(|page| page.path == "/usage") {
        for range in ["24h", "7d", "30d", "12m"] {
            for by in ["status", "key"] {
                found.push(format!("/usage?range={range}&by={by}"));
            }
            found.push(format!("/usage?range={range}&by=status&key={KEY}"));
        }
    }
    found.sort();
    found.dedup();
    found
}

#[test]
fn pages_of_a_thousand_keys_and_a_year_of_usage_are_made_in_time() {
    let mut portal = Portal::start();
    fill(&mut portal);
    let visitor = portal.signed_in(ACCOUNT, "developer");
    let most = std::env::var("FUELGATE_PAGE_MS")
        .ok()
        .and_then(|ms| ms.parse().ok())
        .map_or(MOST, Duration::from_millis);
    let mut slow = Vec::new();
    for target in targets() {
        // Public pages that answer by a redirect, or are none for whoever is signed in, are not made.
        if visitor.get(&target).status != 200 {
            continue;
        }
        let took = median(&visitor, &target);
        println!("{:8.2} ms {target}", took.as_secs_f64() * 1000.0);
        if took > most {
            slow.push(format!("{target}: {took:?}"));
        }
    }
    assert!(slow.is_empty(), "{}", slow.join("\n"));
}
