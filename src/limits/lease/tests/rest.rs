//! What a node believes between two answers: refusals by quotas, terms that the store told of, hours that another key heard of first; never an outage.

use super::*;
use crate::base::ceilings::LEASE_LIFE;

/// A call of another node for the same account and key.
fn other(n: &mut One, seq: u64, cost: u64, places: u64) -> Ask {
    Ask {
        account: "acct".into(),
        key: "key".into(),
        boot: "other".into(),
        seq,
        terms: *n.shared.own(),
        cost,
        want: cost,
        places,
        key_tokens: Tokens::default(),
        account_tokens: Tokens::default(),
        hand_places: 0,
        hour: Count::default(),
        month: Count::default(),
        settled_at: 0,
        seed: Seed::default(),
        life: ms(LEASE_LIFE),
    }
}

#[test]
fn a_full_quota_is_believed_no_longer_than_a_lease_while_others_have_places() {
    let mut n = One::new(&Plan {
        quotas: Quotas {
            hour: Some(1),
            month: None,
        },
        ..plan(rate(1_000, 1_000))
    });
    let first = other(&mut n, 1, 1, 1);
    n.ledger.grant(&first, n.store_time());
    assert!(!n.admits(1));
    assert_eq!(
        n.standings(1).violated().collect::<Vec<_>>(),
        [Policy::Hour]
    );
    n.now += ms(LEASE_LIFE);
    assert_eq!(n.take(1).step, Step::Wait, "its place may have come back");
    let back = other(&mut n, 2, 0, 0);
    let count = Count {
        start: n.store_time() - n.store_time() % 3_600_000,
        ..Count::default()
    };
    n.ledger.grant(
        &Ask {
            hour: count,
            ..back
        },
        n.store_time(),
    );
    n.call(0, 0);
    assert!(matches!(n.again(1).step, Step::Admitted(_)));
    assert!(!n.admits(1));
    n.now += ms(LEASE_LIFE);
    assert_eq!(n.take(1).step, Step::Refused, "nobody else has any");
}

#[test]
fn older_terms_of_its_own_do_not_undo_what_the_store_told_of() {
    let mut n = One::new(&plan(rate(1, 1_000)));
    let newer = Ask {
        terms: terms(&plan(rate(1, 20)), 5),
        ..other(&mut n, 1, 1, 1)
    };
    n.ledger.grant(&newer, n.store_time());
    assert!(n.admits(1));
    assert_eq!(n.shared.terms().key.burst, 20);
    n.shared.set_terms(terms(&plan(rate(1, 300)), 4), n.now);
    assert_eq!(n.shared.terms().key.burst, 20);
    n.shared.set_config(4, n.now);
    assert_eq!(n.shared.terms().key.burst, 20);
    n.shared.set_config(6, n.now);
    assert_eq!(
        n.shared.terms().key.burst,
        300,
        "its own are the newest now"
    );
}

#[test]
fn where_asking_ahead_brought_nothing_it_waits_before_it_asks_again() {
    let mut n = One::new(&plan(Rate {
        per_seconds: 86_400,
        ..rate(1, 100)
    }));
    n.fill_hand();
    let left = n.lease.hand().key;
    let rest = other(&mut n, 1, 99 - left, 60);
    n.ledger.grant(&rest, n.store_time());
    assert_eq!(n.store_tokens(), 1);
    let mut asked = Vec::new();
    for _ in 0..left {
        n.now += 1;
        let taken = n.take(1);
        assert!(matches!(taken.step, Step::Admitted(_)));
        if taken.due == Due::Call {
            let got = n.call(0, 0);
            assert_eq!(got.amount.key, 0, "half of one for two nodes");
            asked.push(n.now);
        }
    }
    assert!(!asked.is_empty() && asked.len() <= 2, "{asked:?}");
}

#[test]
fn an_hour_that_another_key_heard_of_voids_what_is_in_hand() {
    let mut n = One::new(&plan(rate(1, 1_000)));
    let to_hour = 3_600_000 - WALL.millis().unsigned_abs() % 3_600_000;
    n.now += to_hour - 800;
    n.fill_hand();
    n.spend();
    // The store's clock is ahead of what this node believed, as after a failover.
    let mut another = Lease::new(&n.shared, n.now, 9);
    another.take(&mut n.shared, 1, LOCAL, n.now, false);
    let (account, key, boot): (Arc<str>, Arc<str>, Arc<str>) =
        ("acct".into(), "another".into(), "boot".into());
    let who = Who {
        account: &account,
        key: &key,
        boot: &boot,
    };
    let ask = another.ask(&mut n.shared, who, 99, n.now).unwrap();
    let answer = n.ledger.grant(&ask, n.store_time() + 900);
    let Answer::Granted(grant) = answer else {
        panic!("overtaken")
    };
    another.granted(&mut n.shared, &grant, n.now);
    assert_eq!(
        n.take(1).step,
        Step::Wait,
        "its places are of the hour before"
    );
    assert!(n.lease.hand().is_empty());
}
