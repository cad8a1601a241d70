//! What one node does with its lease, rule by rule, against the model of the store; never more than one node.

mod away;
mod rest;
mod returns;

use std::sync::Arc;

use super::ledger::Ledger;
use super::*;
use crate::base::clock::Timestamp;
use crate::config::model::{OnStoreFailure, Plan, Quotas, Rate};
use crate::limits::decision::{Policy, Standings};

const WALL: Timestamp = Timestamp::from_secs(1_800_000_000);
const LOCAL: OnStoreFailure = OnStoreFailure::Local;

/// A node with one key, its store, and a clock for both.
struct One {
    shared: Shared,
    lease: Lease,
    ledger: Ledger,
    now: Tick,
    seq: u64,
}

fn rate(requests: u64, burst: u64) -> Rate {
    Rate {
        requests,
        per_seconds: 1,
        burst,
    }
}

fn plan(key: Rate) -> Plan {
    Plan {
        rate: key,
        account_rate: None,
        quotas: Quotas::default(),
        max_keys: 1,
    }
}

fn terms(plan: &Plan, config: u64) -> Terms {
    let revision = Revision { config, account: 0 };
    Terms::new(plan, false, revision)
}

impl One {
    fn new(plan: &Plan) -> Self {
        let shared = Shared::new(terms(plan, 1), (0, 0), WALL, 1_000);
        Self {
            lease: Lease::new(&shared, 1_000, 7),
            shared,
            ledger: Ledger::default(),
            now: 1_000,
            seq: 0,
        }
    }

    /// One in strict mode.
    fn strict(plan: &Plan) -> Self {
        let mut new = Self::new(plan);
        let strict = Terms {
            strict: true,
            ..terms(plan, 1)
        };
        new.shared = Shared::new(strict, (0, 0), WALL, 1_000);
        new.lease = Lease::new(&new.shared, 1_000, 7);
        new
    }

    fn store_time(&self) -> u64 {
        WALL.millis().unsigned_abs() + self.now - 1_000
    }

    fn take(&mut self, cost: u64) -> Taken {
        self.lease
            .take(&mut self.shared, cost, LOCAL, self.now, false)
    }

    fn again(&mut self, cost: u64) -> Taken {
        self.lease
            .take(&mut self.shared, cost, LOCAL, self.now, true)
    }

    fn ask(&mut self) -> Option<Ask> {
        self.seq += 1;
        let (account, key, boot): (Arc<str>, Arc<str>, Arc<str>) =
            ("acct".into(), "key".into(), "boot".into());
        let who = Who {
            account: &account,
            key: &key,
            boot: &boot,
        };
        self.lease.ask(&mut self.shared, who, self.seq, self.now)
    }

    /// A whole call that takes `there` and `back` milliseconds.
    fn call(&mut self, there: u64, back: u64) -> Grant {
        let ask = self.ask().expect("a call is due");
        self.now += there;
        let answer = self.ledger.grant(&ask, self.store_time());
        self.now += back;
        let Answer::Granted(grant) = answer else {
            panic!("overtaken")
        };
        self.lease.granted(&mut self.shared, &grant, self.now);
        *grant
    }

    /// A call that nobody answers: `nodes` live by the last count.
    fn call_in_vain(&mut self, nodes: u64) {
        self.ask().expect("a call is due");
        self.lease.failed(&mut self.shared, nodes, self.now);
    }

    /// Fifty requests at once, and the block that they get.
    fn fill_hand(&mut self) {
        for _ in 0..50 {
            self.take(1);
        }
        self.call(0, 0);
    }

    /// A request that is admitted from what is in hand.
    fn spend(&mut self) -> Spent {
        let Step::Admitted(spent) = self.take(1).step else {
            panic!("nothing in hand")
        };
        spent
    }

    /// What the store has of the key.
    fn store_tokens(&self) -> i64 {
        let view = self.ledger.key_tokens("key", self.store_time());
        view.unwrap().tokens
    }

    /// Takes with a call where one is needed; whether it was admitted.
    fn admits(&mut self, cost: u64) -> bool {
        let mut taken = self.take(cost);
        for _ in 0..20 {
            match taken.step {
                Step::Admitted(_) => return true,
                Step::Refused | Step::Away => return false,
                Step::Wait => {
                    self.call(0, 0);
                    taken = self.again(cost);
                }
            }
        }
        panic!("neither admitted nor refused");
    }

    fn standings(&mut self, cost: u64) -> Standings {
        self.lease.standings(&mut self.shared, cost, self.now)
    }
}

#[test]
fn tokens_end_with_the_lease_which_counts_from_before_the_call() {
    let mut n = One::new(&plan(rate(1, 1_000)));
    for _ in 0..50 {
        n.take(1);
    }
    let sent = n.now;
    n.call(100, 100);
    assert!(n.lease.hand().key > 10);
    n.now = sent + ms(crate::base::ceilings::LEASE_HOLD) - 1;
    assert!(matches!(n.take(1).step, Step::Admitted(_)));
    n.now += 1;
    assert_eq!(n.take(1).step, Step::Wait);
}

#[test]
fn a_lease_does_not_outlive_the_hour() {
    let mut n = One::new(&plan(rate(1, 1_000)));
    let to_hour = 3_600_000 - WALL.millis().unsigned_abs() % 3_600_000;
    n.now += to_hour - 500;
    for _ in 0..50 {
        n.take(1);
    }
    n.call(0, 0);
    n.now += 498;
    assert!(matches!(n.take(1).step, Step::Admitted(_)));
    n.now += 2;
    assert_eq!(n.take(1).step, Step::Wait);
    n.call(0, 0);
    assert!(matches!(n.again(1).step, Step::Admitted(_)));
    assert_eq!(n.shared.used_at(n.now)[0].0, 1, "counted in the new hour");
}

#[test]
fn a_refusal_is_remembered_for_as_long_as_the_bucket_takes_to_fill() {
    let mut n = One::new(&plan(rate(10, 5)));
    for _ in 0..5 {
        assert!(n.admits(1));
    }
    assert!(!n.admits(1));
    let calls = n.seq;
    for _ in 0..1_000 {
        assert!(!n.admits(1));
    }
    assert_eq!(n.seq, calls, "no call for what is known to be refused");
    let wait = n.standings(1).policies[0].wait_ms;
    assert!((1..=125).contains(&wait), "{wait}");
    n.now += 130;
    assert!(n.admits(1));
}

#[test]
fn a_refusal_is_believed_no_longer_than_a_lease_while_others_hold_tokens() {
    let mut n = One::new(&plan(Rate {
        per_seconds: 86_400,
        ..rate(1, 10)
    }));
    let other = Ask {
        boot: "other".into(),
        cost: 10,
        want: 10,
        places: 10,
        seq: 1,
        ..{
            n.take(1);
            n.ask().unwrap()
        }
    };
    let n_ask = n.seq;
    n.ledger.grant(&other, n.store_time());
    n.lease.failed(&mut n.shared, 1, n.now);
    n.now += 100;
    n.take(1);
    n.call(0, 0);
    assert_eq!(n.take(1).step, Step::Refused);
    n.now += ms(crate::base::ceilings::LEASE_LIFE);
    assert_eq!(n.take(1).step, Step::Wait, "they may have been given back");
    n.call(0, 0);
    n.now += ms(crate::base::ceilings::LEASE_LIFE);
    assert_eq!(n.take(1).step, Step::Refused, "nobody holds any");
    assert!(n.seq > n_ask);
}

#[test]
fn a_dear_request_is_refused_where_a_cheap_one_is_admitted() {
    let mut n = One::new(&plan(rate(1, 10)));
    assert!(n.admits(7));
    assert!(!n.admits(5));
    assert!(n.admits(1));
}

#[test]
fn it_asks_ahead_once_at_about_half_and_for_a_tenth_of_a_second() {
    let mut n = One::new(&plan(rate(10_000, 10_000)));
    let mut asked = Vec::new();
    for _ in 0..300 {
        n.now += 1;
        for _ in 0..5 {
            let taken = n.take(1);
            match taken.step {
                Step::Wait => {
                    n.call(0, 0);
                    n.again(1);
                }
                _ if taken.due == Due::Call => {
                    let hand = n.lease.hand().key;
                    let ask = n.ask().unwrap();
                    assert!(n.ask().is_none(), "one call at a time");
                    assert_eq!(n.take(1).due, Due::Nothing);
                    let answer = n.ledger.grant(&ask, n.store_time());
                    if let Answer::Granted(grant) = answer {
                        n.lease.granted(&mut n.shared, &grant, n.now);
                    }
                    asked.push((n.now, hand, ask.want));
                }
                _ => {}
            }
        }
    }
    let (_, hand, want) = asked[asked.len() - 1];
    assert!(
        (180..=330).contains(&hand),
        "half of 500, and a jitter: {hand}"
    );
    assert!((450..=560).contains(&(hand + want)), "{want}");
    // Blocks grow with the demand that was seen, so that the first tenth of a second has calls of its own.
    let warm = asked.iter().filter(|(at, ..)| *at > 1_100).count();
    assert!(warm <= 5, "{warm} calls for 1000 requests: {asked:?}");
    assert!(asked.len() < 25, "{asked:?}");
}

#[test]
fn a_key_that_is_used_now_and_then_keeps_nothing() {
    let mut n = One::new(&plan(rate(100, 100)));
    for _ in 0..5 {
        n.now += 5_000;
        assert!(n.admits(1));
        assert!(n.lease.hand().is_empty());
    }
}

#[test]
fn what_is_idle_is_given_back_once() {
    let mut n = One::new(&plan(rate(1, 1_000)));
    for _ in 0..50 {
        n.take(1);
    }
    n.call(0, 0);
    let Step::Admitted(spent) = n.again(1).step else {
        panic!("not admitted")
    };
    n.lease.sent(&spent);
    assert_eq!(n.lease.look(&mut n.shared, n.now), Look::Later(n.now + 250));
    n.now += 250;
    assert_eq!(n.lease.look(&mut n.shared, n.now), Look::Call);
    let back = n.call(1, 1);
    assert!(n.lease.hand().is_empty());
    assert_eq!((back.amount, back.key.tokens), (Amount::default(), 999));
    assert_eq!(n.lease.look(&mut n.shared, n.now), Look::Done);
}

#[test]
fn another_plan_voids_the_hand_and_what_is_on_its_way() {
    let mut n = One::new(&plan(rate(1, 1_000)));
    for _ in 0..50 {
        n.take(1);
    }
    n.call(0, 0);
    assert!(matches!(n.again(1).step, Step::Admitted(_)));
    n.now += 5;
    n.take(1_000);
    let ask = n.ask().unwrap();
    let answer = n.ledger.grant(&ask, n.store_time());
    n.shared.set_terms(terms(&plan(rate(1, 40)), 2), n.now);
    let Answer::Granted(grant) = answer else {
        panic!("overtaken")
    };
    n.lease.granted(&mut n.shared, &grant, n.now);
    assert!(n.lease.hand().is_empty());
    assert!(n.admits(1));
    let left = n.standings(0).policies[0];
    assert_eq!(left.quota, 40);
    assert!(left.remaining <= 39);
}

#[test]
fn a_refusal_names_the_policy_and_says_when_to_come_again() {
    let mut n = One::new(&Plan {
        account_rate: Some(rate(1, 3)),
        quotas: Quotas {
            hour: Some(3),
            month: Some(100),
        },
        ..plan(rate(50, 100))
    });
    for _ in 0..3 {
        assert!(n.admits(1));
    }
    assert!(!n.admits(1));
    let refused = n.standings(1);
    let violated: Vec<_> = refused.violated().collect();
    assert_eq!(violated, [Policy::Account, Policy::Hour]);
    let by = |s: &Standings, p| s.policies.iter().find(|s| s.policy == p).copied().unwrap();
    assert!(by(&refused, Policy::Account).wait_ms <= 1_250);
    let hour = by(&refused, Policy::Hour);
    assert_eq!((hour.remaining, hour.wait_ms), (0, hour.more_in_ms));
    assert_eq!(by(&refused, Policy::Month).remaining, 97);
    assert_eq!(by(&refused, Policy::Burst).remaining, 97);
}

#[test]
fn one_slow_call_is_tried_again_before_the_lease_is_spent() {
    let mut n = One::new(&plan(rate(10_000, 10_000)));
    for _ in 0..200 {
        n.now += 1;
        for _ in 0..5 {
            n.admits(1);
        }
    }
    assert!(n.lease.hand().key > 200);
    n.take(1);
    while n.ask().is_none() {
        n.now += 1;
        n.take(5);
    }
    n.now += 20;
    assert!(n.lease.failed(&mut n.shared, 3, n.now));
    let mut asked_at = None;
    for _ in 0..30 {
        n.now += 1;
        for _ in 0..5 {
            let taken = n.take(1);
            assert!(matches!(taken.step, Step::Admitted(_)), "the lease lasts");
            if taken.due == Due::Call {
                asked_at.get_or_insert(n.now);
                n.call(0, 0);
            }
        }
    }
    assert!(asked_at.is_some() && !n.shared.is_away());
}
