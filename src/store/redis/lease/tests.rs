//! The scripts of leases on a real server: the same answers as the model, and what only a server shows; never a node.

use std::sync::Arc;

use super::*;
use crate::base::clock::Clock;
use crate::config::model::{Plan, Quotas, Rate};
use crate::limits::lease::ledger::Ledger;
use crate::limits::lease::{Count, Seed, Tokens};
use crate::store::redis::testing;

/// A moment shortly before an hour, a month and a leap day's month end.
const TURNS: [&str; 4] = [
    "2026-11-23T10:00:00Z",
    "2026-12-01T00:00:00Z",
    "2027-01-01T00:00:00Z",
    "2028-03-01T00:00:00Z",
];

fn turn(i: usize) -> u64 {
    let at = crate::base::clock::Timestamp::parse(TURNS[i]).unwrap();
    at.millis().unsigned_abs()
}

/// Schedules of calls by a few nodes on two keys of one account, by a seed.
struct Schedule {
    rng: fastrand::Rng,
    now: u64,
    terms: Terms,
    /// Per node and key: total, hand, held of key and account; hour and month with what was counted.
    nodes: Vec<Vec<Known>>,
    seq: u64,
    sent: Vec<Ask>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Known {
    key: Tokens,
    account: Tokens,
    places: u64,
    hour: Count,
    month: Count,
    at: u64,
}

impl Schedule {
    fn new(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let now = turn(rng.usize(0..4)) - rng.u64(0..20_000);
        let terms = terms(&mut rng, 1);
        Self {
            rng,
            now,
            terms,
            nodes: vec![vec![Known::default(); 2]; 4],
            seq: 0,
            sent: Vec::new(),
        }
    }

    /// The next call: mostly a new one, sometimes one that came before.
    fn next(&mut self) -> Ask {
        let rng = &mut self.rng;
        self.now = match rng.u8(0..20) {
            0 => self.now + rng.u64(0..100_000),
            1 => self.now - rng.u64(0..1_900),
            2 => self.now - rng.u64(0..10_000),
            3 => self.now + rng.u64(0..4_000_000_000),
            _ => self.now + rng.u64(0..400),
        };
        if !self.sent.is_empty() && rng.u8(0..8) == 0 {
            let back = rng.usize(0..self.sent.len().min(6));
            return self.sent[self.sent.len() - 1 - back].clone();
        }
        if rng.u8(0..30) == 0 {
            let revision = self.terms.revision.config + rng.u64(0..3);
            self.terms = terms(rng, revision);
        }
        let (node, key) = (rng.usize(0..self.nodes.len()), rng.usize(0..2));
        let known = self.nodes[node][key];
        let ask = self.ask(node, key, known);
        self.sent.push(ask.clone());
        ask
    }

    fn ask(&mut self, node: usize, key: usize, known: Known) -> Ask {
        let rng = &mut self.rng;
        self.seq += 1;
        let mut report = |t: Tokens| {
            let spent = rng.u64(0..=t.hand);
            let alone = if rng.u8(0..6) == 0 {
                rng.u64(0..300)
            } else {
                0
            };
            let hand = if rng.bool() { t.hand - spent } else { 0 };
            let total = (t.total + alone).saturating_sub(t.hand - spent) + hand;
            Tokens {
                total,
                hand,
                held: hand + rng.u64(0..=spent),
                settled: t.settled,
            }
        };
        let (key_tokens, account_tokens) = (report(known.key), report(known.account));
        let used = rng.u64(0..=known.places);
        let count = |c: Count| Count {
            total: c.total.saturating_sub(used),
            ..c
        };
        let cost = [0, 0, 1, 1, 1, 3, 50, 2_000_000_000][rng.usize(0..8)];
        let want = [0, 0, 1, 5, 100, 5_000, 1 << 26][rng.usize(0..7)];
        let open = |rng: &mut fastrand::Rng, at: u64| if rng.bool() { at } else { at / 2 };
        Ask {
            account: "acct_1".into(),
            key: format!("key_{key}").into(),
            boot: format!("boot_{node}").into(),
            seq: self.seq,
            terms: self.terms,
            cost,
            want,
            places: want
                .min([0, 1, 7, 100, 1 << 26][rng.usize(0..5)])
                .max(u64::from(cost > 0)),
            key_tokens,
            account_tokens,
            hand_places: known.places - used,
            hour: count(known.hour),
            month: count(known.month),
            settled_at: if rng.bool() {
                0
            } else {
                known.at.saturating_sub(rng.u64(0..5_000))
            },
            seed: Seed {
                hour: open(rng, self.now - self.now % 3_600_000),
                hour_used: rng.u64(0..50),
                month: open(rng, turn(0) - turn(0) % 86_400_000 - 22 * 86_400_000),
                month_used: rng.u64(0..50),
            },
            life: 2_000,
        }
    }

    /// The node takes an answer over, or never gets it.
    fn answered(&mut self, ask: &Ask, answer: &Answer) {
        let Answer::Granted(grant) = answer else {
            return;
        };
        if self.rng.u8(0..10) == 0 || self.sent.last().is_none_or(|a| a.seq != ask.seq) {
            return;
        }
        let node = usize::from(ask.boot.as_bytes()[5] - b'0');
        let key = usize::from(ask.key.as_bytes()[4] - b'0');
        let settle = self.rng.u8(0..5) == 0;
        let known = &mut self.nodes[node][key];
        let tokens = |said: &Tokens, granted: u64, before: Tokens| Tokens {
            total: said.total + granted,
            hand: said.hand + granted,
            held: 0,
            settled: if settle { said.total } else { before.settled },
        };
        known.key = tokens(&ask.key_tokens, grant.amount.key, known.key);
        known.account = tokens(&ask.account_tokens, grant.amount.account, known.account);
        known.places = grant.amount.places;
        let count = |said: &Count, start: u64| Count {
            start,
            total: if said.start == start { said.total } else { 0 } + grant.amount.places,
            settled: 0,
        };
        known.hour = count(&ask.hour, grant.hour.start);
        known.month = count(&ask.month, grant.month.start);
        known.at = grant.now;
    }
}

fn terms(rng: &mut fastrand::Rng, config: u64) -> Terms {
    let mut rate = || Rate {
        requests: [1, 3, 50, 999_999_937, 1_000_000_000][rng.usize(0..5)],
        per_seconds: [1, 3, 60, 86_399, 86_400][rng.usize(0..5)],
        burst: [1, 2, 10, 100, 5_000, 999_999_937, 1_000_000_000][rng.usize(0..7)],
    };
    let (key, account) = (rate(), rate());
    let mut quota = || match rng.u8(0..4) {
        0 => Some(rng.u64(1..2_000)),
        1 => Some((1 << 53) - 1),
        _ => None,
    };
    let plan = Plan {
        rate: key,
        quotas: Quotas {
            hour: quota(),
            month: quota(),
        },
        account_rate: None,
        max_keys: 1,
    };
    let plan = Plan {
        account_rate: rng.bool().then_some(account),
        ..plan
    };
    let revision = Revision {
        config,
        account: rng.u64(0..3),
    };
    Terms::new(&plan, rng.bool(), revision)
}

fn schedules() -> u64 {
    let full = std::env::var("FUELGATE_TEST_FULL").is_ok_and(|v| v == "1");
    if full { 1_000 } else { 60 }
}

#[tokio::test]
async fn the_script_answers_as_the_model_does_whatever_comes() {
    for seed in 0..schedules() {
        let store = Store::new(testing::settings(), Clock::system());
        let (mut schedule, mut ledger) = (Schedule::new(seed), Ledger::default());
        for step in 0..120 {
            let ask = schedule.next();
            let now = schedule.now;
            let model = ledger.grant(&ask, now);
            let script = store.grant_at(Some(now), &ask).await.unwrap();
            assert_eq!(script, model, "seed {seed} step {step}: {ask:?} at {now}");
            schedule.answered(&ask, &model);
        }
    }
}

fn ask(terms: Terms, seq: u64) -> Ask {
    Ask {
        account: "acct_1".into(),
        key: "key_1".into(),
        boot: "boot_1".into(),
        seq,
        terms,
        cost: 1,
        want: 10,
        places: 10,
        key_tokens: Tokens::default(),
        account_tokens: Tokens::default(),
        hand_places: 0,
        hour: Count::default(),
        month: Count::default(),
        settled_at: 0,
        seed: Seed::default(),
        life: 2_000,
    }
}

fn plan(requests: u64, burst: u64) -> Terms {
    let plan = Plan {
        rate: Rate {
            requests,
            per_seconds: 1,
            burst,
        },
        account_rate: None,
        quotas: Quotas::default(),
        max_keys: 1,
    };
    Terms::new(&plan, false, Revision::default())
}

fn granted(answer: Answer) -> Grant {
    let Answer::Granted(grant) = answer else {
        panic!("overtaken")
    };
    *grant
}

#[tokio::test]
async fn production_calls_go_by_the_clock_of_redis() {
    let store = Store::new(testing::settings(), Clock::system());
    let (mut connection, _) = testing_connection().await;
    let first = granted(store.grant(&ask(plan(1, 100), 1)).await.unwrap());
    let (seconds, _): (u64, u64) = redis::cmd("TIME")
        .query_async(&mut connection)
        .await
        .unwrap();
    assert!(first.now.abs_diff(seconds * 1000) < 5_000);
    assert_eq!((first.amount.key, first.key.tokens), (10, 90));
    let again = granted(store.grant(&ask(plan(1, 100), 1)).await.unwrap());
    assert_eq!(again.amount, first.amount);
    assert!(again.key.tokens <= 91, "a call that came twice debits once");
    let beat = store.beat("boot_1", "c", false).await.unwrap();
    assert!(beat.now.abs_diff(seconds * 1000) < 5_000);
}

async fn testing_connection() -> (redis::aio::MultiplexedConnection, String) {
    let settings = testing::settings();
    let client = redis::Client::open(settings.nodes[0].expose()).unwrap();
    let connection = client.get_multiplexed_async_connection().await.unwrap();
    (connection, settings.key_prefix)
}

#[tokio::test]
async fn a_bucket_is_kept_until_it_is_full_and_a_count_until_its_month_ends() {
    let settings = testing::settings();
    let prefix = settings.key_prefix.clone();
    let store = Store::new(settings, Clock::system());
    let (mut connection, _) = testing_connection().await;
    // Half an hour to fill.
    let slow = Ask {
        want: 1_800,
        ..ask(plan(1, 3_600), 1)
    };
    let grant = granted(store.grant(&slow).await.unwrap());
    assert_eq!(grant.amount.key, 1_800);
    let mut left = async |name: &str| -> i64 {
        let name = format!("{prefix}:{{acct_1}}:{name}");
        redis::cmd("PTTL")
            .arg(name)
            .query_async(&mut connection)
            .await
            .unwrap()
    };
    let key = left("lease:k:key_1").await;
    assert!((1_800_000..1_870_000).contains(&key), "{key}");
    let account = left("lease:a").await;
    let month = i64::try_from(grant.month.end - grant.now).unwrap();
    assert!(
        (0..80_000).contains(&(account - month - 3_600_000)),
        "{account}"
    );
    let fast = Ask {
        key: "key_2".into(),
        ..ask(plan(1_000, 10), 2)
    };
    store.grant(&fast).await.unwrap();
    let key = left("lease:k:key_2").await;
    assert!((600_000..670_000).contains(&key), "{key}");
}

#[tokio::test]
async fn records_of_nodes_that_are_long_silent_go_and_the_others_stay() {
    let settings = testing::settings();
    let prefix = settings.key_prefix.clone();
    let store = Store::new(settings, Clock::system());
    let (mut connection, _) = testing_connection().await;
    let begin = turn(0);
    for n in 0..40_u64 {
        let of_node = Ask {
            boot: format!("boot_{n}").into(),
            ..ask(plan(1_000, 1_000), n + 1)
        };
        let late = if n < 20 { 0 } else { 200_000 };
        store
            .grant_at(Some(begin + late + n), &of_node)
            .await
            .unwrap();
    }
    let new = Ask {
        boot: "boot_new".into(),
        ..ask(plan(1_000, 1_000), 99)
    };
    store.grant_at(Some(begin + 400_000), &new).await.unwrap();
    let name = format!("{prefix}:{{acct_1}}:lease:k:key_1");
    let fields: Vec<String> = redis::cmd("HKEYS")
        .arg(name)
        .query_async(&mut connection)
        .await
        .unwrap();
    assert_eq!(fields.len(), 20 + 1 + 1, "{fields:?}");
    assert!(fields.contains(&"n:boot_20".to_owned()) && !fields.contains(&"n:boot_19".to_owned()));
}

#[tokio::test]
async fn nodes_are_live_as_long_as_they_say_so_and_the_newest_configuration_counts() {
    let store = Store::new(testing::settings(), Clock::system());
    let t = turn(0);
    let beat = async |ms: u64, boot: &str, config: &str, moved: bool| {
        let b = store
            .beat_at(Some(t + ms), boot, config, moved)
            .await
            .unwrap();
        (b.live, b.config)
    };
    assert_eq!(beat(0, "a", "old", false).await, (1, 1));
    assert_eq!(beat(0, "b", "old", false).await, (2, 1));
    assert_eq!(beat(0, "b", "new", true).await, (2, 2));
    assert_eq!(
        beat(0, "b", "new", true).await,
        (2, 2),
        "a beat that comes twice"
    );
    // One that starts again with the older file does not undo the newer one.
    assert_eq!(beat(0, "c", "old", false).await, (3, 1));
    assert_eq!(beat(4_000, "a", "new", true).await, (3, 2));
    assert_eq!(
        beat(5_001, "a", "new", false).await,
        (1, 2),
        "b and c are silent"
    );
    // Rolled back by a restart of all: nobody has the newer one.
    store.leave("a").await.unwrap();
    assert_eq!(beat(6_000, "d", "old", false).await, (1, 3));
    // Rolled back at a running node.
    assert_eq!(beat(6_000, "e", "new", false).await, (2, 2));
    assert_eq!(beat(6_000, "e", "new", true).await, (2, 4));
}

#[tokio::test]
async fn nothing_is_left_of_an_account_that_is_forgotten() {
    let settings = testing::settings();
    let prefix = settings.key_prefix.clone();
    let store = Store::new(settings, Clock::system());
    let (mut connection, _) = testing_connection().await;
    store.grant(&ask(plan(1, 100), 1)).await.unwrap();
    let keys: Vec<String> = vec!["key_1".into(), "key_2".into()];
    store.forget("acct_1", &keys).await.unwrap();
    let left: Vec<String> = redis::cmd("KEYS")
        .arg(format!("{prefix}:{{acct_1}}:*"))
        .query_async(&mut connection)
        .await
        .unwrap();
    assert!(left.is_empty(), "{left:?}");
    let grant = granted(store.grant(&ask(plan(1, 100), 2)).await.unwrap());
    assert_eq!(grant.key.tokens, 90, "a new bucket is full");
}

#[tokio::test]
async fn a_script_that_redis_forgot_is_sent_again() {
    let store = Store::new(testing::settings(), Clock::system());
    let (mut connection, _) = testing_connection().await;
    store.grant(&ask(plan(1, 100), 1)).await.unwrap();
    let _: () = redis::cmd("SCRIPT")
        .arg("FLUSH")
        .query_async(&mut connection)
        .await
        .unwrap();
    let grant = granted(store.grant(&ask(plan(1, 100), 2)).await.unwrap());
    assert_eq!(grant.amount.key, 10);
}

/// The store's handle is shared by all who call it.
#[test]
fn the_store_is_a_port_of_leases() {
    fn is_port<T: LeaseStore>() {}
    is_port::<Store>();
    is_port_object(Arc::new(Store::new(testing::settings(), Clock::system())));
}

fn is_port_object(_: Arc<dyn LeaseStore>) {}
