//! A node while the store is away: its own share, what it counts, and what it owes afterwards; never a second node's lease.

use super::*;

/// What is admitted at once.
fn admitted_now(n: &mut One) -> u64 {
    let mut admitted = 0;
    while let Step::Admitted(_) = n.take(1).step {
        admitted += 1;
    }
    admitted
}

/// The store stops answering before anything is in hand.
fn cut_off(n: &mut One, nodes: u64) {
    assert_eq!(n.take(1).step, Step::Wait);
    n.call_in_vain(nodes);
}

#[test]
fn a_share_begins_at_nothing_and_fills_at_the_rate_over_the_live_nodes() {
    let mut n = One::new(&plan(rate(30, 60)));
    cut_off(&mut n, 3);
    assert_eq!(n.again(1).step, Step::Refused);
    assert_eq!(n.standings(1).policies[0].wait_ms, 100);
    n.now += 99;
    assert_eq!(admitted_now(&mut n), 0);
    n.now += 1;
    assert_eq!(admitted_now(&mut n), 1);
    n.now += 1_000;
    assert_eq!(admitted_now(&mut n), 10);
    n.now += 60_000;
    assert_eq!(admitted_now(&mut n), 20, "its part of the burst");
}

#[test]
fn an_accounts_bucket_is_shared_out_as_well() {
    let mut n = One::new(&Plan {
        account_rate: Some(rate(6, 12)),
        ..plan(rate(30, 60))
    });
    cut_off(&mut n, 3);
    n.now += 1_000;
    assert_eq!(admitted_now(&mut n), 2);
    let refused = n.standings(1);
    let violated: Vec<_> = refused.violated().collect();
    assert_eq!(violated, [Policy::Account]);
}

#[test]
fn what_is_in_hand_is_spent_before_the_share() {
    let mut n = One::new(&plan(rate(1, 1_000)));
    n.fill_hand();
    let hand = n.lease.hand().key;
    assert!(hand > 10);
    while n.ask().is_none() {
        n.take(1);
        n.now += 1;
    }
    n.lease.failed(&mut n.shared, 1, n.now);
    let before = n.lease.hand().key;
    assert!(before > 0);
    assert_eq!(admitted_now(&mut n), before);
}

#[test]
fn quotas_are_the_last_known_remainder_over_the_nodes_and_the_hours_anew() {
    let mut n = One::new(&Plan {
        quotas: Quotas {
            hour: Some(100),
            month: Some(1_000),
        },
        ..plan(rate(1_000, 1_000))
    });
    for _ in 0..10 {
        n.now += 5_000;
        assert!(n.admits(1));
    }
    n.now += 5_000;
    cut_off(&mut n, 3);
    n.now += 1_000;
    assert_eq!(admitted_now(&mut n), 30, "a third of the ninety left");
    assert_eq!(
        n.standings(1).violated().collect::<Vec<_>>(),
        [Policy::Hour]
    );
    assert_eq!(n.shared.used_at(n.now)[0].0, 40);
    let mut of_month = 30;
    for _ in 0..9 {
        n.now += 3_600_000;
        let in_hour = admitted_now(&mut n);
        assert_eq!(in_hour, 33, "a third of the whole quota");
        of_month += in_hour;
    }
    n.now += 3_600_000;
    of_month += admitted_now(&mut n);
    assert_eq!(of_month, 330, "a third of what the month had left");
    assert_eq!(
        n.standings(1).violated().collect::<Vec<_>>(),
        [Policy::Month]
    );
}

#[test]
fn a_new_month_begins_with_its_part_of_the_quota() {
    let mut n = One::new(&Plan {
        quotas: Quotas {
            hour: None,
            month: Some(10),
        },
        ..plan(rate(1_000, 1_000))
    });
    n.now += 1_000;
    cut_off(&mut n, 2);
    n.now += 1_000;
    assert_eq!(admitted_now(&mut n), 5);
    let [_, (_, end)] = n.shared.used_at(n.now);
    n.now += end - n.store_time() - 1;
    assert_eq!(admitted_now(&mut n), 0);
    n.now += 1;
    assert_eq!(admitted_now(&mut n), 5);
    assert_eq!(n.shared.used_at(n.now)[1].0, 5);
}

#[test]
fn what_several_nodes_admitted_alone_is_owed_and_waited_for() {
    let mut n = One::new(&plan(rate(10, 5)));
    for _ in 0..5 {
        assert!(n.admits(1));
    }
    n.now += 1;
    n.lease.unheard(&mut n.shared, 1, n.now);
    let mut alone = 0;
    for _ in 0..20 {
        n.now += 500;
        alone += admitted_now(&mut n);
    }
    assert_eq!(alone, 100);
    // Another one believed that it was alone, too.
    let other = Ask {
        boot: "other".into(),
        seq: 1,
        cost: 0,
        want: 0,
        places: 0,
        key_tokens: Tokens {
            total: 100,
            ..Tokens::default()
        },
        ..n.ask().unwrap()
    };
    n.lease.failed(&mut n.shared, 1, n.now);
    n.ledger.grant(&other, n.store_time());
    n.now += 1_300;
    assert_eq!(n.take(1).due, Due::Call);
    n.call(0, 0);
    // 113 came in, 5 were there, and 206 are spent: it is as if one bucket had served all of it.
    assert_eq!(n.store_tokens(), 5 + 113 - 5 - 100 - 100 - 1);
    assert_eq!(n.take(1).step, Step::Refused);
    let wait = n.standings(1).policies[0].wait_ms;
    assert!((8_800..=9_000).contains(&wait), "{wait}");
}

#[test]
fn tries_to_reach_the_store_are_spread_out_and_one_at_a_time() {
    let mut n = One::new(&plan(rate(10, 5)));
    cut_off(&mut n, 1);
    let (mut tries, begin) = (Vec::new(), n.now);
    for _ in 0..10_000 {
        n.now += 1;
        if n.take(1).due == Due::Call {
            n.ask().expect("a call is due");
            assert_ne!(n.take(1).due, Due::Call, "one is under way");
            assert!(n.ask().is_none());
            n.lease.failed(&mut n.shared, 1, n.now);
            tries.push(n.now - begin);
        }
    }
    assert!((12..=22).contains(&tries.len()), "{tries:?}");
    assert!(tries[0] <= 13, "the first comes at once: {tries:?}");
    let pauses = tries.windows(2).map(|w| w[1] - w[0]);
    assert!(pauses.max().unwrap() <= 1_250, "{tries:?}");
}

#[test]
fn what_was_admitted_alone_comes_back_to_the_share_unless_it_was_reported() {
    for reported in [false, true] {
        let mut n = One::new(&plan(rate(10, 5)));
        cut_off(&mut n, 1);
        n.now += 100;
        let spent = n.spend();
        assert!(matches!(spent.origin, Origin::Alone { .. }));
        if reported {
            n.call_in_vain(1);
        }
        n.lease.undo(&mut n.shared, &spent, n.now);
        assert_eq!(n.lease.spent().0, u64::from(reported));
        assert_eq!(admitted_now(&mut n), u64::from(!reported));
    }
}
