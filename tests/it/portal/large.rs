//! Every page of an account with a thousand keys and a year of usage: how long the server takes for it, and the store for each of its commands; never a browser.

use std::collections::BTreeSet;
use std::time::Duration;

use fuelgate::base::clock::{Clock, DAY_MS, HOUR_MS, Timestamp};
use fuelgate::web::portal::table::all;
use serde_json::{Value, json};

use super::things::{Texts, Things};
use crate::support::backend::Backend;
use crate::support::eventually;
use crate::support::http::Response;
use crate::support::portal::{Portal, Visitor};
use crate::support::programs::run;
use crate::support::redis::Server;

const ACCOUNT: &str = "acct_large";
const KEYS: usize = 1_000;
/// Further webhooks, and events that reach the first one.
const WEBHOOKS: usize = 49;
const EVENTS: usize = 300;
/// Loads of each page, of which the median counts.
const LOADS: usize = 7;
/// How long a page may take. An unoptimised build on a machine that compiles meanwhile takes several times as long as the
/// optimised one, whose 50 ms `benches/portal.sh` asks for.
const MOST: Duration = Duration::from_millis(250);
/// How many times as long a file may take: one by key has the series of two hundred.
const FILE_TIMES: u32 = 8;
/// How many times as long pages of an unoptimised build may take on Redis, whose replies are read there as well.
const REDIS_TIMES: u32 = 3;
/// How long one command may hold Redis: nobody else is served meanwhile.
const COMMAND_MS: u64 = 20;

/// Writes a year of usage, and keys that are named from 1 on.
fn fill_embedded(portal: &mut Portal) {
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

/// Takes over a thousand keys; their ids.
fn import_keys(portal: &Portal) -> Vec<String> {
    let key = |n: usize| {
        json!({"account_id": ACCOUNT, "name": format!("Key {n}"), "scopes": ["contacts:read", "deals:write"],
               "expires_in_days": null, "digest": format!("{n:064x}"), "hash": "hmac_sha256", "pepper": "p1",
               "prefix": "lf_live", "last_four": format!("{n:04x}")})
    };
    let keys: Vec<Value> = (0..KEYS).map(key).collect();
    for some in keys.chunks(200) {
        let body = json!({"keys": some});
        let made = (portal.gateway).admin("POST", "/admin/v1/keys/import", Some(&body));
        assert!([200, 201].contains(&made.status), "{}", made.text());
    }
    let (mut ids, mut cursor) = (Vec::new(), None);
    loop {
        let more = cursor.map_or_else(String::new, |c: String| format!("&cursor={c}"));
        let path = format!("/admin/v1/keys?account_id={ACCOUNT}&limit=200{more}");
        let page = portal.gateway.admin("GET", &path, None).json();
        let found = page["data"].as_array().unwrap().iter();
        ids.extend(found.map(|k| k["id"].as_str().unwrap().to_owned()));
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            return ids;
        }
    }
}

/// Writes a year of usage of these keys: by day, and by hour of the last eight days.
fn fill_redis(server: &Server, keys: &[String]) {
    let shard = crc32fast::hash(ACCOUNT.as_bytes()) % 16;
    let names = [
        format!("fg:{{{ACCOUNT}}}:usage:"),
        format!("fg:{{~u{shard}}}:usage:"),
    ];
    let now = Clock::system().now();
    let write = |span: &str, chunk: i64, count: i64, month: Timestamp| {
        let numbers = [
            chunk.to_string(),
            count.to_string(),
            (month.millis() / DAY_MS).to_string(),
        ];
        let second = now.secs().to_string();
        let mut command = vec!["EVAL", include_str!("large.lua"), "0", &names[0], &names[1]];
        command.extend([
            span,
            &numbers[0],
            &numbers[1],
            &numbers[2],
            ACCOUNT,
            &second,
        ]);
        command.extend(keys.iter().map(String::as_str));
        let () = server.ask(&command);
    };
    let today = now.millis() / DAY_MS;
    let mut day = today - 364;
    while day <= today {
        let month = Timestamp::from_millis(day * DAY_MS).month_start();
        let (first, next) = (month.millis() / DAY_MS, month.next_month_start());
        let chunk = day - (day - first) % 8;
        let end = (chunk + 8).min(next.millis() / DAY_MS);
        write("d", chunk, end.min(today + 1) - chunk, month);
        day = end;
    }
    let this = now.millis() / HOUR_MS;
    let mut chunk = (this - 191) / 6 * 6;
    while chunk <= this {
        let month = Timestamp::from_millis(chunk * HOUR_MS).month_start();
        write("h", chunk, 6.min(this + 1 - chunk), month);
        chunk += 6;
    }
}

/// Gives the account webhooks, events and deliveries beside what it has.
fn add_webhooks(portal: &Portal, receiver: &Backend) -> Things {
    // More than it has used, so that its requests pass.
    let quotas = json!({"hour": 1_000_000_000_u64, "month": 1_000_000_000_000_u64});
    let body = json!({"overrides": {"quotas": quotas}});
    let path = format!("/admin/v1/accounts/{ACCOUNT}");
    let answer = portal.gateway.admin("PUT", &path, Some(&body));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let url = format!("http://{}/hook", receiver.address);
    let things = Things::make(portal, ACCOUNT, &url, &Texts::default());
    for n in 0..WEBHOOKS {
        let body = json!({"account_id": ACCOUNT, "url": format!("{url}/{n}"), "event_types": ["deal.updated"]});
        let made = (portal.gateway).admin("POST", "/admin/v1/webhooks", Some(&body));
        assert_eq!(made.status, 201, "{}", made.text());
    }
    for n in 0..EVENTS {
        let body = json!({"account_id": ACCOUNT, "type": "contact.created", "data": {"id": format!("c_{n}")}});
        let made = (portal.gateway).admin("POST", "/admin/v1/events", Some(&body));
        assert!([201, 202].contains(&made.status), "{}", made.text());
    }
    eventually("they are delivered", Duration::from_secs(60), || {
        (receiver.count() > EVENTS).then_some(())
    });
    things
}

fn app_time(answer: &Response) -> Duration {
    let field = answer.header("server-timing").expect("Server-Timing");
    let ms = field.split("app;dur=").nth(1).expect("app;dur").trim();
    Duration::from_secs_f64(ms.parse::<f64>().unwrap() / 1000.0)
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

/// Everything that can be opened: each page, usage in every form, lists by what they may be filtered by.
fn targets(things: &Things, key: &str) -> Vec<String> {
    let mut found: Vec<String> = all()
        .filter_map(|page| Some(things.fill(page.sample?)))
        .collect();
    for range in ["24h", "7d", "30d", "12m"] {
        for page in ["/usage", "/usage.csv"] {
            for by in ["status", "key"] {
                found.push(format!("{page}?range={range}&by={by}"));
            }
            found.push(format!("{page}?range={range}&by=status&key={key}"));
        }
        for page in ["/usage/endpoints", "/usage/endpoints.csv"] {
            found.push(format!("{page}?range={range}"));
            found.push(format!("{page}?range={range}&key={key}"));
        }
    }
    for status in ["active", "expiring", "disabled", "expired", "revoked"] {
        found.push(format!("/keys?status={status}"));
    }
    found.extend(["", "/revoke", "/rotate"].map(|part| format!("/keys/{key}{part}")));
    found.sort();
    found.dedup();
    found
}

/// The last page of a list, with how many pages it has.
fn last_page(visitor: &Visitor, list: &str) -> (String, usize) {
    let (mut target, mut pages) = (list.to_owned(), 1);
    loop {
        let page = visitor.page(&target);
        let Some(link) = page.split("rel=\"next\" href=\"").nth(1) else {
            return (target, pages);
        };
        target = link.split('"').next().unwrap().replace("&amp;", "&");
        pages += 1;
    }
}

/// Loads everything; those that took too long, each with its time.
fn slow(portal: &Portal, things: &Things, key: &str, most: Duration) -> Vec<String> {
    let visitor = portal.signed_in(ACCOUNT, "developer");
    let most = std::env::var("FUELGATE_PAGE_MS")
        .ok()
        .and_then(|ms| ms.parse().ok())
        .map_or(most, Duration::from_millis);
    let mut targets = targets(things, key);
    for (list, least) in [
        ("/keys", KEYS / 50),
        ("/keys?status=active", 5),
        ("/webhooks", 1),
        ("/deliveries", EVENTS / 50),
        ("/events", EVENTS / 50),
    ] {
        let (last, pages) = last_page(&visitor, list);
        assert!(pages >= least, "{list} has {pages} pages");
        targets.push(last);
    }
    let stranger = portal.stranger();
    let mut slow = Vec::new();
    for target in targets {
        // The page to sign in on is one for those who are not.
        let is_for_strangers = visitor.get(&target).status == 303;
        let who = if is_for_strangers {
            &stranger
        } else {
            &visitor
        };
        let took = median(who, &target);
        println!("{:8.2} ms {target}", took.as_secs_f64() * 1000.0);
        let times = if target.contains(".csv") {
            FILE_TIMES
        } else {
            1
        };
        if took > most * times {
            slow.push(format!("{target}: {took:?}"));
        }
    }
    slow
}

#[test]
fn pages_of_a_thousand_keys_and_a_year_of_usage_are_made_in_time() {
    let (mut portal, receiver) = (Portal::start(), Backend::ok());
    fill_embedded(&mut portal);
    let things = add_webhooks(&portal, &receiver);
    // A key that is neither disabled nor revoked.
    let key = format!("key_{:032x}", 1);
    let slow = slow(&portal, &things, &key, MOST);
    assert!(slow.is_empty(), "{}", slow.join("\n"));
}

/// Commands that held Redis for too long: each with what it read.
fn held(server: &Server) -> BTreeSet<String> {
    type Entry = (u64, u64, u64, Vec<String>, redis::Value, redis::Value);
    let entries: Vec<Entry> = server.ask(&["SLOWLOG", "GET", "128"]);
    let entries = entries
        .into_iter()
        .filter(|e| !e.3[0].eq_ignore_ascii_case("slowlog"));
    entries.map(|e| e.3[..e.3.len().min(2)].join(" ")).collect()
}

#[test]
fn pages_of_a_thousand_keys_and_a_year_on_redis_are_made_in_time_and_hold_it_for_moments() {
    let (portal, receiver) = (Portal::on_redis(), Backend::ok());
    let server = portal.redis();
    let keys = import_keys(&portal);
    assert_eq!(keys.len(), KEYS);
    fill_redis(server, &keys);
    let things = add_webhooks(&portal, &receiver);
    let micros = (COMMAND_MS * 1000).to_string();
    let () = server.ask(&["CONFIG", "SET", "slowlog-log-slower-than", &micros]);
    let mut seen: Option<BTreeSet<String>> = None;
    // A server that waits for the processor looks as if it worked: what is slow by itself is so each time.
    for _ in 0..3 {
        let () = server.ask(&["SLOWLOG", "RESET"]);
        let slow = slow(&portal, &things, &keys[1], MOST * REDIS_TIMES);
        assert!(slow.is_empty(), "{}", slow.join("\n"));
        let held = held(server);
        let again = match &seen {
            Some(before) => before.intersection(&held).cloned().collect(),
            None => held,
        };
        if again.is_empty() {
            return;
        }
        seen = Some(again);
    }
    panic!("these held Redis for more than {COMMAND_MS} ms each time: {seen:?}");
}
