//! Accounts that go while their usage comes in, in steps that may stop, and come back.

use super::*;
use crate::store::redis::names::Names;
use crate::store::redis::usage::erase_some;
use crate::store::redis::usage::place::Slot;
use crate::usage::model::RejectionRow;

/// Marks an account as being erased, as its erasure does.
async fn mark(store: &Store, account: &str) {
    let name = Slot::Account(account).erasures(&store.names);
    let _: () = ask(store, &["SET", &name, "erased_x"]).await;
}

async fn erase_all(store: &Store, account: &str) -> usize {
    let mut steps = 1;
    while erase_some(store, account).await.unwrap() {
        steps += 1;
        assert!(steps < 1_000, "no end");
    }
    steps
}

/// Names in the store that have an account's id, and callers' fields that do.
async fn traces(store: &Store, account: &str) -> Vec<String> {
    let prefix = store.names.spread("", "");
    let pattern = format!("{}:*", prefix.trim_end_matches(':'));
    let names: Vec<String> = ask(store, &["KEYS", &pattern]).await;
    let mut found = Vec::new();
    for name in names {
        if name.contains(&format!("{{{account}}}")) {
            found.push(name);
        } else if name.contains("c:") {
            let fields: Vec<String> = ask(store, &["HKEYS", &name]).await;
            let of = format!("{account}\0");
            found.extend(fields.into_iter().filter(|f| f[1..].starts_with(&of)));
        }
    }
    found
}

/// Usage of an account over months, with more keys and hours than one step erases.
fn long_use(account: &str, sequence: u64) -> UsageBatch {
    let mut batch = rows("boot", sequence, vec![], vec![]);
    for n in 0..60_i64 {
        let hour = at(n * 50_000).hour_start();
        for key in 0..15 {
            let key = format!("key_{key}");
            batch.keys.push(key_row(account, &key, hour, 2, 1));
            batch
                .routes
                .push(route_row(account, &key, "/v1/x", hour, 1));
            batch
                .routes
                .push(route_row(account, &key, "/v1/{y}", hour, 1));
        }
    }
    for n in 0..60_i64 {
        let hour = at(n * 50_000).hour_start();
        batch.keys.push(key_row(account, "key_0", hour, 0, 1));
        batch.rejections.push(RejectionRow {
            account_id: account.to_owned(),
            hour,
            code: "rate_limited".to_owned(),
            requests: 1,
        });
    }
    for key in 0..700 {
        let key = format!("key_{key}");
        let hour = at(0).hour_start();
        batch
            .routes
            .push(route_row(account, &key, "/v1/x", hour, 1));
    }
    batch
}

#[tokio::test]
async fn an_erasure_leaves_no_trace_but_the_sums_over_everyone_wherever_it_stops() {
    for settings in [testing::settings(), testing::cluster_settings()] {
        let is_cluster = settings.cluster;
        let store = Store::new(settings, Clock::manual(at(0)));
        store.apply(&long_use("acct_a", 1)).await.unwrap();
        store.apply(&long_use("acct_b", 2)).await.unwrap();
        let everyone = requests(&store, None, None).await;
        mark(&store, "acct_a").await;
        let steps = erase_all(&store, "acct_a").await;
        assert!(steps > 3, "{steps} steps are one after the other");
        // It is done, and again.
        assert!(!erase_some(&store, "acct_a").await.unwrap());
        if !is_cluster {
            let left = traces(&store, "acct_a").await;
            assert_eq!(left, [Slot::Account("acct_a").erasures(&store.names)]);
            assert!(traces(&store, "acct_b").await.len() > 700);
        }
        assert_eq!(requests(&store, Some("acct_a"), None).await, 0);
        assert_eq!(requests(&store, Some("acct_b"), None).await, 900);
        assert_eq!(requests(&store, None, None).await, everyone);
        let range = (Timestamp::from_secs(0), at(40_000_000));
        let callers = store.callers("/v1/x", range.0, range.1, 9_999).await;
        let callers = callers.unwrap();
        assert_eq!(callers.len(), 700);
        assert!(callers.iter().all(|c| c.account_id == "acct_b"));
    }
}

/// Two accounts of one shard.
fn neighbours() -> (String, String) {
    let mut all = (0..).map(|n| format!("acct_{n}"));
    let one = all.next().unwrap();
    let other = all.find(|a| Names::shard_of(a) == Names::shard_of(&one));
    (one, other.unwrap())
}

/// A row of each kind for both.
fn of_both(one: &str, other: &str, sequence: u64) -> UsageBatch {
    let hour = at(0).hour_start();
    let keys = [one, other].map(|a| key_row(a, "k", hour, 2, 5));
    let routes = [one, other].map(|a| route_row(a, "k", "/v1/x", hour, 5));
    rows("boot", sequence, keys.to_vec(), routes.to_vec())
}

async fn callers(store: &Store) -> Vec<(String, u64)> {
    let (from, to) = (at(0).day_start(), at(0).plus(DAY));
    let found = store.callers("/v1/x", from, to, 9).await.unwrap();
    let mut found: Vec<_> = found
        .into_iter()
        .map(|c| (c.account_id, c.requests))
        .collect();
    found.sort();
    found
}

#[tokio::test]
async fn an_erasure_that_runs_between_an_accounts_slot_and_its_shard_leaves_no_caller() {
    let (one, other) = neighbours();
    let store = fresh();
    let settings = testing::settings();
    let url = settings.nodes[0].expose().to_owned();
    let noted = Slot::Shard(Names::shard_of(&one)).erasures(&store.names);
    // Both accounts' own pieces are applied when the erasure of one is noted in the shard.
    let calls = AtomicUsize::new(0);
    let note = || {
        if calls.fetch_add(1, Ordering::SeqCst) == 1 {
            let mut other_way = redis::Client::open(url.as_str()).unwrap();
            let (now, _): (i64, i64) = redis::cmd("TIME").query(&mut other_way).unwrap();
            let mut note = redis::cmd("ZADD");
            note.arg(&noted).arg(now).arg(&one);
            note.query::<i64>(&mut other_way).unwrap();
        }
        Ok(())
    };
    let batch = of_both(&one, &other, 1);
    apply(&store, &batch, note).await.unwrap();
    // Refused once and sent again without it.
    assert_eq!(calls.load(Ordering::SeqCst), 4);
    assert_eq!(callers(&store).await, [(other.clone(), 5)]);
    assert_eq!(requests(&store, None, None).await, 5);
    mark(&store, &one).await;
    erase_all(&store, &one).await;
    store.apply(&batch).await.unwrap();
    assert_eq!(callers(&store).await, [(other.clone(), 5)]);
    assert_eq!(requests(&store, Some(&one), None).await, 0);
    assert_eq!(requests(&store, Some(&other), None).await, 5);
    assert_eq!(requests(&store, None, None).await, 5);
}

#[tokio::test]
async fn an_account_that_goes_between_two_attempts_hides_no_row_of_others() {
    let (one, other) = neighbours();
    // A batch whose shard has two pieces, the first mostly of one account and the second of the other.
    let hour = at(0).hour_start();
    let routes: Vec<_> = [(&one, 300), (&other, 200)]
        .into_iter()
        .flat_map(|(account, n)| (0..n).map(move |i| (account, format!("key_{i}"))))
        .map(|(account, key)| route_row(account, &key, "/v1/x", hour, 1))
        .collect();
    let batch = rows("boot", 1, vec![], routes);
    for calls in 0..6 {
        let store = fresh();
        let _ = apply(&store, &batch, breaks_after(calls)).await;
        mark(&store, &one).await;
        store.apply(&batch).await.unwrap();
        erase_all(&store, &one).await;
        store.apply(&batch).await.unwrap();
        let (from, to) = (hour, hour.plus(DAY));
        let left = store.callers("/v1/x", from, to, 9_999).await.unwrap();
        assert!(
            left.iter()
                .all(|c| c.account_id == other && c.requests == 1)
        );
        assert_eq!(left.len(), 200, "broken off after {calls}");
    }
}

#[tokio::test]
async fn an_account_that_comes_back_begins_at_zero_and_is_counted_again() {
    let (one, other) = neighbours();
    let store = fresh();
    store.apply(&of_both(&one, &other, 1)).await.unwrap();
    mark(&store, &one).await;
    erase_all(&store, &one).await;
    let own = Slot::Account(&one).erasures(&store.names);
    let _: i64 = ask(&store, &["DEL", &own]).await;
    // A while later than the margin for clocks.
    let noted = Slot::Shard(Names::shard_of(&one)).erasures(&store.names);
    let since: f64 = ask(&store, &["ZSCORE", &noted, &one]).await;
    let earlier = (since - 100.0).to_string();
    let _: i64 = ask(&store, &["ZADD", &noted, &earlier, &one]).await;
    store.apply(&of_both(&one, &other, 2)).await.unwrap();
    let mut expected = [(one.clone(), 5), (other.clone(), 10)];
    expected.sort();
    assert_eq!(callers(&store).await, expected);
    assert_eq!(requests(&store, Some(&one), None).await, 5);
    let month = at(0).month_start();
    let used = store.used(&one, at(0).hour_start(), month).await.unwrap();
    assert_eq!(used, (5, 5));
}
