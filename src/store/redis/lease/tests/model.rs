//! The script of grants against the model, over random schedules of calls: late, repeated, reordered, unanswered; never a time that passes by itself.

use super::*;
use crate::limits::lease::ledger::Ledger;

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

fn fresh() -> Store {
    Store::new(testing::settings(), Clock::system())
}

#[tokio::test]
async fn the_script_answers_as_the_model_does_whatever_comes() {
    for seed in 0..schedules() {
        let mut store = fresh();
        let (mut schedule, mut ledger) = (Schedule::new(seed), Ledger::default());
        for step in 0..120 {
            // A fail-over that lost everything: what nodes report next goes by what they know is settled.
            if schedule.rng.u8(0..40) == 0 {
                (store, ledger) = (fresh(), Ledger::default());
            }
            let ask = schedule.next();
            let now = schedule.now;
            let model = ledger.grant(&ask, now);
            let script = store.grant_at(Some(now), &ask).await.unwrap();
            assert_eq!(script, model, "seed {seed} step {step}: {ask:?} at {now}");
            schedule.answered(&ask, &model);
        }
    }
}
