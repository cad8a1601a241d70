//! What the store decides, rule by rule: debits, reports, ends of leases, shares, windows and terms; never a node's own behaviour.

use super::*;
use crate::config::model::{Plan, Quotas, Rate};
use crate::limits::lease::{RateSpec, Seed};

const T: u64 = 1_800_000_000_000;

fn plan(requests: u64, burst: u64) -> Plan {
    Plan {
        rate: Rate {
            requests,
            per_seconds: 1,
            burst,
        },
        account_rate: None,
        quotas: Quotas::default(),
        max_keys: 1,
    }
}

fn terms(plan: &Plan, strict: bool) -> Terms {
    Terms::new(plan, strict, Revision::default())
}

/// A call of a node for `want` tokens, one of which is waited for.
fn ask(terms: Terms, boot: &str, seq: u64, want: u64) -> Ask {
    Ask {
        account: "acct".into(),
        key: "key".into(),
        boot: boot.into(),
        seq,
        terms,
        cost: u64::from(want > 0),
        want,
        places: want,
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

/// The same, from a node that answers for `total` tokens and holds `held` of them.
fn report(terms: Terms, boot: &str, seq: u64, want: u64, total: u64, held: u64) -> Ask {
    Ask {
        key_tokens: Tokens {
            total,
            hand: held,
            held,
            settled: 0,
        },
        ..ask(terms, boot, seq, want)
    }
}

fn granted(answer: Answer) -> Grant {
    match answer {
        Answer::Granted(grant) => *grant,
        Answer::Stale => panic!("overtaken"),
    }
}

#[test]
fn a_grant_is_debited_at_once_and_a_call_that_comes_twice_only_once() {
    let t = terms(&plan(1, 100), false);
    let mut l = Ledger::default();
    let first = granted(l.grant(&ask(t, "a", 1, 10), T));
    assert_eq!((first.amount.key, first.key.tokens), (10, 90));
    let again = granted(l.grant(&ask(t, "a", 1, 10), T + 5));
    assert_eq!((again.amount.key, again.key.tokens), (10, 90));
    let other = granted(l.grant(&ask(t, "b", 1, 10), T + 5));
    assert_eq!((other.amount.key, other.key.tokens), (10, 80));
    assert_eq!((other.key.active, other.key.elsewhere), (2, 10));
}

#[test]
fn a_call_that_a_later_one_overtook_is_not_carried_out() {
    let t = terms(&plan(1, 100), false);
    let mut l = Ledger::default();
    granted(l.grant(&ask(t, "a", 7, 10), T));
    let before = l.clone();
    assert_eq!(l.grant(&ask(t, "a", 6, 10), T), Answer::Stale);
    assert_eq!(l, before);
}

#[test]
fn what_a_node_gives_back_returns_while_its_lease_lasts_and_never_after() {
    let t = terms(&plan(1, 1_000), false);
    let mut l = Ledger::default();
    granted(l.grant(&ask(t, "a", 1, 100), T));
    // It spent 30 and holds nothing any more.
    let back = report(t, "a", 2, 0, 30, 0);
    assert_eq!(granted(l.grant(&back, T + 500)).key.tokens, 970);
    let again = report(t, "a", 3, 0, 30, 0);
    assert_eq!(granted(l.grant(&again, T + 600)).key.tokens, 970);
    granted(l.grant(&report(t, "a", 4, 100, 30, 0), T + 700));
    let late = report(t, "a", 5, 0, 30, 0);
    // Four seconds brought three whole tokens; the hundred are gone with the lease.
    assert_eq!(granted(l.grant(&late, T + 3_700)).key.tokens, 873);
    let later = report(t, "a", 6, 0, 30, 0);
    assert_eq!(granted(l.grant(&later, T + 3_700)).key.tokens, 873);
}

#[test]
fn a_grant_whose_answer_was_lost_comes_back_with_the_next_call() {
    let t = terms(&plan(1, 1_000), false);
    let mut l = Ledger::default();
    granted(l.grant(&ask(t, "a", 1, 100), T));
    let next = granted(l.grant(&ask(t, "a", 2, 100), T + 20));
    assert_eq!((next.amount.key, next.key.tokens), (100, 900));
}

#[test]
fn what_a_failover_lost_is_debited_with_the_next_report() {
    let t = terms(&plan(1, 1_000), false);
    let mut l = Ledger::default();
    granted(l.grant(&ask(t, "a", 1, 10), T));
    let replica = l.clone();
    granted(l.grant(&report(t, "a", 2, 300, 10, 0), T + 10));
    let mut l = replica;
    let next = granted(l.grant(&report(t, "a", 3, 1, 310, 0), T + 20));
    assert_eq!(next.key.tokens, 1_000 - 311);
    // And where it lost the node's record altogether.
    let mut empty = Ledger::default();
    granted(empty.grant(&ask(t, "b", 1, 1), T + 20));
    let next = granted(empty.grant(&report(t, "a", 4, 1, 311, 0), T + 30));
    assert_eq!(next.key.tokens, 1_000 - 1 - 312);
}

#[test]
fn what_nodes_admitted_alone_is_debited_below_zero() {
    let t = terms(&plan(1, 100), false);
    let mut l = Ledger::default();
    granted(l.grant(&ask(t, "a", 1, 40), T));
    let alone = report(t, "a", 2, 1, 400, 0);
    let next = granted(l.grant(&alone, T + 10));
    assert_eq!((next.amount.key, next.key.tokens), (0, -300));
}

#[test]
fn refill_that_a_full_bucket_could_not_take_pays_for_an_outage() {
    let t = terms(&plan(50, 100), false);
    let mut l = Ledger::default();
    for (boot, seq) in [("a", 1), ("b", 1), ("c", 1)] {
        granted(l.grant(&ask(t, boot, seq, 0), T));
    }
    granted(l.grant(&ask(t, "d", 1, 200), T));
    granted(l.grant(&report(t, "d", 2, 200, 100, 0), T));
    // Thirty seconds at 50 a second, all of it admitted by three nodes on their own.
    let mut last = 0;
    for boot in ["a", "b", "c"] {
        let alone = report(t, boot, 2, 0, 500, 0);
        last = granted(l.grant(&alone, T + 30_000)).key.tokens;
    }
    let spent = 1_500 + 100;
    assert!(last <= 100 + 1_500 - spent, "never more than there is");
    assert!(last >= 0, "and no second outage of the same length: {last}");
}

#[test]
fn strict_mode_takes_what_is_outstanding_off_the_burst() {
    let t = terms(&plan(100, 100), true);
    let mut l = Ledger::default();
    let first = granted(l.grant(&ask(t, "a", 1, 40), T));
    assert_eq!((first.amount.key, first.key.tokens), (40, 60));
    let other = granted(l.grant(&ask(t, "b", 1, 0), T + 1_000));
    assert_eq!(other.key.tokens, 60, "full beside what is outstanding");
    // Spent and reported: the room is free from then on.
    granted(l.grant(&report(t, "a", 2, 0, 40, 0), T + 1_000));
    let later = granted(l.grant(&ask(t, "b", 2, 0), T + 1_200));
    assert_eq!(later.key.tokens, 80);
    // Never reported: free when the lease ends, and not before.
    granted(l.grant(&report(t, "a", 3, 10, 40, 0), T + 1_200));
    let view = l.key_tokens("key", T + 3_200).unwrap();
    assert_eq!((view.tokens, view.elsewhere), (90, 10));
    assert_eq!(l.key_tokens("key", T + 3_500).unwrap().tokens, 100);
}

#[test]
fn a_block_is_at_most_half_of_a_nodes_part_and_one_where_there_is_little() {
    let t = terms(&plan(1, 100), false);
    let mut l = Ledger::default();
    let mut blocks = Vec::new();
    for (seq, boot) in (1..9).zip(["a", "b"].into_iter().cycle()) {
        let of_node = Ask {
            key_tokens: Tokens::default(),
            ..ask(t, &format!("{boot}{seq}"), seq, 1_000)
        };
        blocks.push(granted(l.grant(&of_node, T)).amount.key);
    }
    assert_eq!(blocks, [50, 12, 6, 4, 2, 2, 1, 1]);
    let mut small = Ledger::default();
    let t = terms(&plan(1, 3), false);
    for seq in 1..=3 {
        let got = granted(small.grant(&report(t, "a", seq, 50, seq - 1, 0), T));
        assert_eq!(got.amount.key, 1);
    }
    assert_eq!(
        granted(small.grant(&report(t, "a", 4, 50, 3, 0), T))
            .amount
            .key,
        0
    );
}

#[test]
fn who_asks_ahead_takes_nothing_of_the_last_tokens() {
    let t = terms(&plan(50, 100), false);
    let mut l = Ledger::default();
    granted(l.grant(&ask(t, "a", 1, 99), T));
    let left = granted(l.grant(&report(t, "a", 2, 48, 50, 0), T))
        .key
        .tokens;
    let ahead = Ask {
        cost: 0,
        ..ask(t, "b", 1, 10)
    };
    let got = granted(l.grant(&ahead, T));
    assert!(got.amount.key <= u64::try_from(left).unwrap() / 4);
}

#[test]
fn a_request_is_granted_all_it_needs_or_nothing() {
    let account = Rate {
        requests: 1,
        per_seconds: 1,
        burst: 5,
    };
    let t = terms(
        &Plan {
            account_rate: Some(account),
            quotas: Quotas {
                hour: Some(2),
                month: None,
            },
            ..plan(1, 10)
        },
        false,
    );
    let mut l = Ledger::default();
    let dear = |boot: &str, cost| Ask {
        cost,
        want: cost,
        places: 1,
        ..ask(t, boot, 1, 1)
    };
    let got = granted(l.grant(&dear("a", 4), T));
    assert_eq!(
        (got.amount.key, got.amount.account, got.amount.places),
        (4, 4, 1)
    );
    let none = granted(l.grant(&dear("b", 4), T));
    assert_eq!(none.amount, Amount::default());
    assert_eq!((none.key.tokens, none.account.tokens), (6, 1));
    granted(l.grant(&dear("c", 1), T));
    let full = granted(l.grant(&dear("d", 1), T + 4_000));
    assert_eq!(full.amount, Amount::default(), "two requests were counted");
    assert_eq!(full.hour.used, 2);
}

#[test]
fn a_count_begins_at_the_seed_and_again_with_each_window() {
    let t = terms(
        &Plan {
            quotas: Quotas {
                hour: Some(100),
                month: Some(1_000),
            },
            ..plan(1_000, 1_000)
        },
        false,
    );
    let (hour, month) = (super::hour(T), super::month(T));
    let seeded = Ask {
        seed: Seed {
            hour: hour.0,
            hour_used: 90,
            month: month.0,
            month_used: 500,
        },
        ..ask(t, "a", 1, 10)
    };
    let mut l = Ledger::default();
    let got = granted(l.grant(&seeded, T));
    assert_eq!(
        (got.amount.places, got.hour.used, got.month.used),
        (5, 95, 505)
    );
    let next = Ask {
        seed: seeded.seed,
        ..ask(t, "b", 1, 1)
    };
    let got = granted(l.grant(&next, hour.1));
    assert_eq!(
        (got.hour.start, got.hour.used, got.month.used),
        (hour.1, 1, 506)
    );
    // What a node counted in the hour before says nothing of this one.
    let late = Ask {
        hour: Count {
            start: hour.0,
            total: 80,
            settled: 0,
        },
        month: Count {
            start: month.0,
            total: 5,
            settled: 0,
        },
        ..ask(t, "a", 2, 1)
    };
    let got = granted(l.grant(&late, hour.1 + 1));
    assert_eq!((got.hour.used, got.month.used), (2, 507));
    let got = granted(l.grant(&ask(t, "b", 2, 1), month.1));
    assert_eq!((got.month.start, got.month.used), (month.1, 1));
}

#[test]
fn a_clock_set_back_takes_counts_along_and_gives_nothing() {
    let t = terms(&plan(10, 100), false);
    let mut l = Ledger::default();
    let hour = super::hour(T);
    granted(l.grant(&ask(t, "a", 1, 50), hour.0));
    let got = granted(l.grant(&report(t, "a", 2, 0, 50, 0), hour.0 - 1_000));
    assert_eq!((got.hour.start, got.key.tokens), (hour.0, 50));
    let got = granted(l.grant(&report(t, "a", 3, 0, 50, 0), hour.0 - 5_000));
    assert!(got.hour.start < hour.0 && got.key.tokens == 50);
    let got = granted(l.grant(&report(t, "a", 4, 0, 50, 0), hour.0 - 4_000));
    assert_eq!(got.key.tokens, 60, "it fills on from the time that was set");
}

#[test]
fn newer_terms_hold_and_older_ones_are_told_of_them() {
    let old = terms(&plan(1, 1_000), false);
    let new = Terms {
        revision: Revision {
            config: 2,
            account: 0,
        },
        ..terms(&plan(1, 20), false)
    };
    let mut l = Ledger::default();
    assert_eq!(granted(l.grant(&ask(old, "a", 1, 10), T)).terms, None);
    let got = granted(l.grant(&ask(new, "b", 1, 1), T));
    assert_eq!((got.key.tokens, got.terms), (19, None));
    let behind = granted(l.grant(&report(old, "a", 2, 1, 10, 0), T));
    let told = behind.terms.unwrap();
    assert_eq!(
        (told.revision, told.key.burst, behind.key.tokens),
        (new.revision, 20, 18)
    );
}

#[test]
fn a_bucket_that_the_store_lost_is_full_and_forgives_what_was_settled() {
    let t = terms(&plan(50, 100), false);
    let mut l = Ledger::default();
    // The node spent a million, all but 40 of it long acknowledged.
    let known = Ask {
        key_tokens: Tokens {
            total: 1_000_040,
            hand: 0,
            held: 0,
            settled: 1_000_000,
        },
        settled_at: T - 300,
        ..ask(t, "a", 9, 1)
    };
    let got = granted(l.grant(&known, T));
    // 15 tokens came since; 25 more are owed, and one was granted.
    assert_eq!((got.amount.key, got.key.tokens), (1, 100 - 25 - 1));
    assert_eq!(RateSpec::new(plan(50, 100).rate), t.key);
}

#[test]
fn places_come_back_within_their_window_and_not_in_the_next() {
    let t = terms(
        &Plan {
            quotas: Quotas {
                hour: Some(100),
                month: Some(1_000),
            },
            ..plan(1, 1_000)
        },
        false,
    );
    let (hour, month) = (super::hour(T), super::month(T));
    let counted = |seq, total| {
        let count = |start| Count {
            start,
            total,
            settled: 0,
        };
        Ask {
            hour: count(hour.0),
            month: count(month.0),
            ..ask(t, "a", seq, 0)
        }
    };
    let mut l = Ledger::default();
    let got = granted(l.grant(&ask(t, "a", 1, 10), T));
    assert_eq!((got.hour.used, got.month.used), (10, 10));
    let mut late = l.clone();
    for seq in [2, 3] {
        let got = granted(l.grant(&counted(seq, 3), T + 10));
        assert_eq!((got.hour.used, got.month.used), (3, 3));
    }
    let other = granted(late.grant(&ask(t, "b", 1, 10), hour.1));
    assert_eq!((other.hour.used, other.month.used), (10, 20));
    let got = granted(late.grant(&counted(2, 3), hour.1));
    assert_eq!((got.hour.used, got.month.used), (10, 13));
}

#[test]
fn strict_terms_take_effect_when_they_come_and_a_rise_of_the_burst_gives_nothing() {
    let shared = terms(&plan(1, 100), false);
    let strict = Terms {
        revision: Revision {
            config: 2,
            account: 0,
        },
        ..terms(&plan(1, 100), true)
    };
    let mut l = Ledger::default();
    granted(l.grant(&ask(shared, "a", 1, 40), T));
    let full = granted(l.grant(&ask(shared, "b", 1, 0), T + 1_999));
    assert_eq!(full.key.tokens, 61);
    let mut l = Ledger::default();
    granted(l.grant(&ask(shared, "a", 1, 40), T));
    granted(l.grant(&report(shared, "a", 2, 0, 0, 0), T));
    granted(l.grant(&report(shared, "a", 3, 40, 0, 0), T));
    let view = granted(l.grant(&ask(strict, "b", 1, 0), T)).key;
    assert_eq!((view.tokens, view.elsewhere), (60, 40));
    let larger = Terms {
        revision: Revision {
            config: 3,
            account: 0,
        },
        ..terms(&plan(1, 500), true)
    };
    let view = granted(l.grant(&ask(larger, "b", 2, 0), T)).key;
    assert_eq!(view.tokens, 60, "what is in it stays");
}
