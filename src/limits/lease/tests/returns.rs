//! Requests that turn back, and what goes back to the store and when; never what a node does while the store is away.

use super::*;
use crate::base::ceilings::{LEASE_HOLD, LEASE_LIFE};

/// A bucket to which next to nothing comes in.
fn still(burst: u64) -> Plan {
    plan(Rate {
        per_seconds: 86_400,
        ..rate(1, burst)
    })
}

#[test]
fn what_a_request_took_is_in_hand_again_when_it_turns_back() {
    let mut n = One::new(&still(1_000));
    n.fill_hand();
    let hand = n.lease.hand();
    let spent = n.spend();
    assert_eq!(n.shared.used_at(n.now)[0].0, 1);
    n.now += 30;
    n.lease.undo(&mut n.shared, &spent, n.now);
    assert_eq!(n.lease.hand(), hand);
    assert_eq!(n.shared.used_at(n.now)[0].0, 0, "it is not counted either");
}

#[test]
fn after_the_hold_it_goes_back_to_the_store_while_the_lease_lasts_there() {
    let mut n = One::new(&still(1_000));
    n.fill_hand();
    let hand = i64::try_from(n.lease.hand().key).unwrap();
    let spent = n.spend();
    n.now += ms(LEASE_HOLD);
    n.lease.undo(&mut n.shared, &spent, n.now);
    assert!(n.lease.hand().is_empty());
    assert_eq!(n.store_tokens(), 1_000 - hand);
    assert_eq!(n.lease.look(&mut n.shared, n.now), Look::Call);
    n.call(0, 0);
    assert_eq!(n.store_tokens(), 1_000, "all of it, the one as well");
    n.now += 50;
    assert_eq!(n.lease.look(&mut n.shared, n.now), Look::Done);
}

#[test]
fn after_the_lease_nothing_comes_back() {
    let mut n = One::new(&still(1_000));
    n.fill_hand();
    let hand = i64::try_from(n.lease.hand().key).unwrap();
    let spent = n.spend();
    n.now += ms(LEASE_LIFE) + 250;
    n.lease.undo(&mut n.shared, &spent, n.now);
    n.call(0, 0);
    assert_eq!(n.store_tokens(), 1_000 - hand);
    let late = n.spent_later();
    n.now += 2 * ms(LEASE_HOLD);
    let before = n.lease.spent();
    n.lease.undo(&mut n.shared, &late, n.now);
    assert_eq!(n.lease.spent(), before, "what is long spent stays spent");
}

impl One {
    fn spent_later(&mut self) -> Spent {
        self.fill_hand();
        self.spend()
    }
}

#[test]
fn a_request_of_another_plan_or_hour_gives_nothing_into_the_hand() {
    let mut n = One::new(&still(1_000));
    n.fill_hand();
    let spent = n.spend();
    n.shared.set_terms(terms(&still(500), 2), n.now);
    n.fill_hand();
    let hand = n.lease.hand();
    n.lease.undo(&mut n.shared, &spent, n.now);
    assert_eq!(n.lease.hand(), hand);

    let mut n = One::new(&still(1_000));
    let to_hour = 3_600_000 - WALL.millis().unsigned_abs() % 3_600_000;
    n.now += to_hour - 500;
    n.fill_hand();
    let spent = n.spend();
    n.now += 501;
    n.fill_hand();
    let (hand, used) = (n.lease.hand(), n.shared.used_at(n.now)[0].0);
    n.lease.undo(&mut n.shared, &spent, n.now);
    assert_eq!((n.lease.hand(), n.shared.used_at(n.now)[0].0), (hand, used));
}

#[test]
fn what_goes_back_is_no_longer_in_hand_even_if_no_answer_comes() {
    let mut n = One::new(&still(1_000));
    n.fill_hand();
    let spent = n.spend();
    n.lease.sent(&spent);
    n.now += 250;
    assert_eq!(n.lease.look(&mut n.shared, n.now), Look::Call);
    let back = n.ask().unwrap();
    assert!(n.lease.hand().is_empty(), "zeroed before it is said");
    assert_eq!((back.key_tokens.total, back.key_tokens.held), (1, 0));
    // It is carried out twice, and the answer is lost.
    n.ledger.grant(&back, n.store_time());
    n.ledger.grant(&back, n.store_time());
    n.lease.failed(&mut n.shared, 1, n.now);
    assert!(n.lease.hand().is_empty());
    assert_eq!(n.store_tokens(), 999);
    n.now += 20;
    assert_eq!(n.take(1).due, Due::Call);
    n.call(0, 0);
    let hand = i64::try_from(n.lease.hand().key).unwrap();
    assert_eq!(n.store_tokens() + hand, 999);
}

#[test]
fn in_strict_mode_what_is_spent_is_reported_within_a_tenth_of_a_second() {
    let mut n = One::strict(&still(1_000));
    n.fill_hand();
    let at = n.now;
    let spent = n.spend();
    assert_eq!(n.lease.look(&mut n.shared, at + 100), Look::Later(at + 200));
    n.lease.sent(&spent);
    assert_eq!(n.lease.look(&mut n.shared, at + 99), Look::Later(at + 199));
    assert_eq!(n.lease.look(&mut n.shared, at + 100), Look::Call);
    let mut shared_mode = One::new(&still(1_000));
    shared_mode.fill_hand();
    let spent = shared_mode.spend();
    shared_mode.lease.sent(&spent);
    let look = shared_mode.lease.look(&mut shared_mode.shared, at + 100);
    assert_eq!(look, Look::Later(at + 350));
}

#[test]
fn a_key_is_forgotten_only_when_all_is_reported_and_nothing_of_it_counts() {
    let mut n = One::new(&still(1_000));
    n.fill_hand();
    let spent = n.spend();
    n.lease.sent(&spent);
    assert!(!n.lease.is_idle(&mut n.shared, n.now));
    n.now += 10_000;
    assert!(
        !n.lease.is_idle(&mut n.shared, n.now),
        "the end of the hand is not reported"
    );
    n.call(0, 0);
    assert!(n.lease.is_idle(&mut n.shared, n.now));
}

#[test]
fn what_is_far_more_than_is_asked_for_goes_back_with_the_next_report() {
    let mut n = One::new(&still(1_000));
    n.fill_hand();
    assert!(n.lease.hand().key >= 40);
    // A second at a tenth of that, up to the time at which the lease is renewed.
    for _ in 0..6 {
        n.now += 200;
        let spent = n.spend();
        n.lease.sent(&spent);
    }
    assert_eq!(n.lease.look(&mut n.shared, n.now), Look::Call);
    n.call(0, 0);
    let hand = n.lease.hand().key;
    assert!((1..=4).contains(&hand), "{hand} for one in 200 ms");
    assert_eq!(n.store_tokens() + i64::try_from(hand).unwrap(), 1_000 - 6);
}
