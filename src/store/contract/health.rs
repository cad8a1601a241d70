//! What a store does about endpoints that fare ill, and who gets how much; never why an attempt failed.

use std::collections::HashMap;
use std::time::Duration;

use super::deliveries::{attempt, claim, endpoint, make_endpoint, set_status, stored};
use super::events::{event, happen};
use super::{Stores, at, change};
use crate::base::clock::Timestamp;
use crate::webhooks::health::{Allowance, Effect, EndpointHealth};
use crate::webhooks::model::{
    ClaimedDelivery, Completed, DeliveryState, Endpoint, EndpointStatus, Outcome,
};
use crate::webhooks::port::ClaimTerms;

/// Up to `most` of an endpoint, one of an untried one, for a minute.
fn terms(now: Timestamp, most: u32) -> ClaimTerms {
    ClaimTerms {
        allowance: Allowance {
            most,
            untried: 1,
            spacing: Duration::ZERO,
        },
        ..ClaimTerms::any(now, now.plus(Duration::from_secs(60)), 100)
    }
}

async fn take(s: &Stores, terms: &ClaimTerms) -> Vec<ClaimedDelivery> {
    s.events.claim_due(terms).await.unwrap()
}

pub(crate) fn failed() -> Effect {
    failed_and_held(None)
}

fn failed_and_held(hold_until: Option<Timestamp>) -> Effect {
    Effect::Failed {
        hold_until,
        pace_ms: 0,
        disable_if_failing_since: None,
    }
}

pub(crate) async fn end(
    s: &Stores,
    c: &ClaimedDelivery,
    outcome: &Outcome,
    effect: &Effect,
    now: Timestamp,
) -> Completed {
    let (id, tried) = (&c.delivery.id, attempt(now));
    s.events
        .complete(id, &c.claim, &tried, outcome, effect, now)
        .await
        .unwrap()
}

async fn health(s: &Stores, e: &Endpoint) -> EndpointHealth {
    let found = s.events.endpoint_health(std::slice::from_ref(e)).await;
    found.unwrap().remove(0)
}

/// An endpoint of an account that wants `kind`, and `n` events of that kind.
pub(crate) async fn busy(s: &Stores, account: &str, kind: &str, n: usize) -> Endpoint {
    let e = make_endpoint(s, endpoint(account, &[kind])).await;
    for _ in 0..n {
        happen(s, &event(account, kind)).await;
    }
    e
}

pub(crate) async fn an_endpoint_has_no_more_claims_than_its_share(s: &Stores) {
    let e = busy(s, "a", "x", 6).await;
    let first = take(s, &terms(at(1), 3)).await;
    assert_eq!(first.len(), 1, "nothing is known of it");
    assert!(take(s, &terms(at(2), 3)).await.is_empty());
    end(s, &first[0], &Outcome::Succeeded, &Effect::Well, at(3)).await;
    let next = take(s, &terms(at(3), 3)).await;
    assert_eq!(next.len(), 2, "one more with each success");
    assert_eq!(next[0].health.successes, 1);
    for c in &next {
        end(s, c, &Outcome::Succeeded, &Effect::Well, at(4)).await;
    }
    assert_eq!(take(s, &terms(at(4), 3)).await.len(), 3);
    assert_eq!(health(s, &e).await.successes, 3);
}

pub(crate) async fn an_expired_claim_frees_its_place(s: &Stores) {
    busy(s, "a", "x", 2).await;
    let lost = take(s, &terms(at(1), 3)).await;
    assert_eq!(s.events.next_due(true).await.unwrap(), Some(at(61)));
    assert!(take(s, &terms(at(60), 3)).await.is_empty());
    let again = take(s, &terms(at(61), 3)).await;
    assert_eq!(again.len(), 1);
    // The oldest is the other one now: the first was put behind it.
    assert_ne!(again[0].delivery.id, lost[0].delivery.id);
    assert_eq!(
        end(s, &lost[0], &Outcome::Succeeded, &Effect::Well, at(62)).await,
        Completed::Noted,
        "late, and nobody else has it"
    );
}

pub(crate) async fn a_held_endpoint_is_passed_over_and_comes_back(s: &Stores) {
    busy(s, "a", "x", 2).await;
    busy(s, "b", "x", 1).await;
    let claimed = take(s, &terms(at(1), 1)).await;
    let held = claimed
        .iter()
        .find(|c| c.delivery.account_id == "a")
        .unwrap();
    let effect = failed_and_held(Some(at(100)));
    end(s, held, &Outcome::Retry(at(2)), &effect, at(1)).await;
    happen(s, &event("b", "x")).await;
    let other = claimed
        .iter()
        .find(|c| c.delivery.account_id == "b")
        .unwrap();
    end(s, other, &Outcome::Succeeded, &Effect::Well, at(2)).await;
    let others = take(s, &terms(at(99), 9)).await;
    assert_eq!(others.len(), 1);
    assert_eq!(others[0].delivery.account_id, "b");
    end(s, &others[0], &Outcome::Succeeded, &Effect::Well, at(99)).await;
    assert_eq!(s.events.next_due(true).await.unwrap(), Some(at(100)));
    assert_eq!(s.events.next_due(false).await.unwrap(), None);
    let back = take(s, &terms(at(100), 9)).await;
    assert_eq!(back.len(), 1, "one, to see whether it is back");
    assert_eq!(back[0].delivery.attempts, 0, "waiting cost it none");
    end(s, &back[0], &Outcome::Succeeded, &Effect::Well, at(100)).await;
    let rest = take(s, &terms(at(100), 9)).await;
    assert_eq!(rest[0].delivery.attempts, 1);
}

pub(crate) async fn accounts_take_turns(s: &Stores) {
    for kind in ["x", "y", "z"] {
        busy(s, "large", kind, 5).await;
    }
    s.clock.set(at(5));
    busy(s, "small", "x", 5).await;
    let mut room = ClaimTerms::any(at(9), at(60), 6);
    let of = |claimed: &[ClaimedDelivery]| -> usize {
        let small = claimed.iter().filter(|c| c.event.account_id == "small");
        small.count()
    };
    assert_eq!(of(&take(s, &room).await), 3);
    room.room.all = 3;
    room.room.busy = HashMap::from([("large".to_owned(), 9), ("small".to_owned(), 1)]);
    assert_eq!(of(&take(s, &room).await), 2, "all that small has left");
    assert_eq!(of(&take(s, &room).await), 0);
}

pub(crate) async fn endpoints_of_an_account_take_turns(s: &Stores) {
    busy(s, "a", "x", 9).await;
    s.clock.set(at(5));
    let late = busy(s, "a", "y", 9).await;
    let claimed = take(s, &ClaimTerms::any(at(9), at(60), 6)).await;
    let of_late = claimed.iter().filter(|c| c.endpoint.id == late.id);
    assert_eq!((claimed.len(), of_late.count()), (6, 3));
}

pub(crate) async fn those_that_failed_share_a_part_of_the_room(s: &Stores) {
    for account in ["a", "b", "c"] {
        busy(s, account, "x", 2).await;
    }
    for c in take(s, &terms(at(1), 9)).await {
        end(s, &c, &Outcome::Retry(at(2)), &failed(), at(1)).await;
    }
    busy(s, "d", "x", 3).await;
    let mut room = ClaimTerms::any(at(2), at(60), 9);
    room.room.suspects = 2;
    let claimed = take(s, &room).await;
    let well = claimed.iter().filter(|c| c.event.account_id == "d");
    assert_eq!((claimed.len(), well.count()), (5, 3));
    room.room.suspects = 0;
    assert!(take(s, &room).await.is_empty());
    assert_eq!(s.events.next_due(true).await.unwrap(), Some(at(0)));
    assert_eq!(s.events.next_due(false).await.unwrap(), Some(at(60)));
}

pub(crate) async fn attempts_to_one_endpoint_are_spaced_out(s: &Stores) {
    let e = busy(s, "a", "x", 8).await;
    let mut spaced = ClaimTerms::any(at(1), at(60), 2);
    spaced.allowance.spacing = Duration::from_secs(3);
    spaced.allowance.most = 2;
    for _ in 0..2 {
        // As many as may be under way, at once, and then each after its time.
        let taken = take(s, &spaced).await;
        assert_eq!(taken.len(), 2);
        for c in &taken {
            end(s, c, &Outcome::Succeeded, &Effect::Well, at(1)).await;
        }
    }
    spaced.now = at(6);
    assert!(take(s, &spaced).await.is_empty());
    assert_eq!(s.events.next_due(true).await.unwrap(), Some(at(7)));
    spaced.now = at(7);
    let next = take(s, &spaced).await;
    assert_eq!(next.len(), 2);
    let slow = Effect::Failed {
        hold_until: None,
        pace_ms: 10_000,
        disable_if_failing_since: None,
    };
    for c in &next {
        end(s, c, &Outcome::Retry(at(8)), &slow, at(8)).await;
    }
    spaced.now = at(20);
    assert_eq!(take(s, &spaced).await.len(), 1, "one at a time");
    let slowed = health(s, &e).await;
    assert_eq!((slowed.pace_ms, slowed.hold_until), (10_000, Some(at(30))));
    spaced.now = at(29);
    assert!(take(s, &spaced).await.is_empty());
}

pub(crate) async fn a_success_clears_what_failed(s: &Stores) {
    let e = busy(s, "a", "x", 1).await;
    let c = claim(s, at(1)).await.remove(0);
    end(s, &c, &Outcome::Retry(at(2)), &failed(), at(1)).await;
    let c = claim(s, at(2)).await.remove(0);
    assert_eq!(
        (c.health.failures, c.health.failing_since),
        (1, Some(at(1)))
    );
    end(s, &c, &Outcome::Retry(at(4)), &failed(), at(3)).await;
    let ill = health(s, &e).await;
    assert_eq!((ill.failures, ill.failing_since), (2, Some(at(1))));
    let c = claim(s, at(4)).await.remove(0);
    end(s, &c, &Outcome::Succeeded, &Effect::Well, at(4)).await;
    let well = EndpointHealth {
        successes: 1,
        ..EndpointHealth::default()
    };
    assert_eq!(health(s, &e).await, well);
}

/// Both stores merge as the domain says, whatever comes.
pub(crate) async fn health_is_merged_as_the_domain_says(s: &Stores) {
    let e = busy(s, "a", "x", 1).await;
    let mut expected = EndpointHealth::default();
    let mut random = fastrand::Rng::with_seed(7);
    let mut now = 1;
    for _ in 0..40 {
        now += random.i64(0..20);
        let effect = match random.u8(0..5) {
            0 => Effect::None,
            1 | 2 => Effect::Well,
            _ => Effect::Failed {
                hold_until: random.bool().then(|| at(now + random.i64(0..9))),
                pace_ms: random.u64(0..4_000),
                disable_if_failing_since: random.bool().then(|| (at(-9), String::new())),
            },
        };
        expected = expected.after(&effect, at(now));
        // Whatever it is held off by.
        now += 60;
        let c = claim(s, at(now)).await.remove(0);
        let ended = now - 60;
        end(s, &c, &Outcome::Retry(at(now)), &effect, at(ended)).await;
        // A claim keeps the pace that the receiver asked for.
        if let Some(hold) = health(s, &e).await.hold_until {
            let asked = expected.hold_until.unwrap_or(hold);
            expected.hold_until = Some(hold.max(asked));
        }
        assert_eq!(health(s, &e).await, expected, "{effect:?}");
    }
}

pub(crate) async fn failing_for_long_enough_disables(s: &Stores) {
    let e = busy(s, "a", "x", 2).await;
    let c = take(s, &terms(at(1), 1)).await.remove(0);
    let since = |t: i64| Effect::Failed {
        hold_until: None,
        pace_ms: 0,
        disable_if_failing_since: Some((at(t), "it failed for too long".to_owned())),
    };
    let noted = end(s, &c, &Outcome::Retry(at(2)), &since(0), at(1)).await;
    assert_eq!(noted, Completed::Noted, "it failed since 1");
    let c = take(s, &terms(at(9), 1)).await.remove(0);
    let noted = end(s, &c, &Outcome::Retry(at(10)), &since(1), at(9)).await;
    assert_eq!(noted, Completed::Disabled);
    let disabled = s.events.endpoint(&e.id).await.unwrap().unwrap();
    assert_eq!(disabled.status, EndpointStatus::Disabled);
    let reason = "it failed for too long".to_owned();
    assert_eq!(disabled.disabled_reason, Some(reason.clone()));
    let (dead, log) = stored(s, &c.delivery.id).await;
    assert_eq!(dead.state, DeliveryState::Failed);
    let said = log.last().unwrap().error.clone();
    assert_eq!(said.unwrap(), format!("the webhook was disabled: {reason}"));
    let none = s.events.queue_stats().await.unwrap();
    assert_eq!(none.pending_deliveries, 0);
}

pub(crate) async fn what_a_former_url_answered_is_not_held_against_the_endpoint(s: &Stores) {
    let mut e = busy(s, "a", "x", 2).await;
    let late = take(s, &terms(at(1), 1)).await.remove(0);
    e.url = "https://elsewhere.example/".to_owned();
    set_status(s, &mut e, EndpointStatus::Active).await;
    let gone = Outcome::DisableEndpoint("the receiver answered 410 Gone".to_owned());
    let ill = Effect::Failed {
        hold_until: Some(at(500)),
        pace_ms: 10_000,
        disable_if_failing_since: Some((at(9), "it failed for too long".to_owned())),
    };
    let noted = end(s, &late, &gone, &ill, at(2)).await;
    assert_eq!(noted, Completed::Noted);
    let there = s.events.endpoint(&e.id).await.unwrap();
    assert_eq!(there, Some(e.clone()), "it is as it was changed");
    assert_eq!(health(s, &e).await, EndpointHealth::default());
    let (again, log) = stored(s, &late.delivery.id).await;
    assert_eq!(again.state, DeliveryState::Pending);
    assert_eq!((again.attempts, again.next_attempt_at), (1, Some(at(2))));
    assert_eq!(log, [attempt(at(2))]);
    let due = claim(s, at(2)).await;
    assert_eq!(due.len(), 2, "the one that was answered, and what waited");
    assert!(due.iter().all(|c| c.endpoint.url == e.url));
    // What answers where it leads now counts.
    let noted = end(s, &due[0], &gone, &ill, at(3)).await;
    assert_eq!(noted, Completed::Disabled);
    let disabled = s.events.endpoint(&e.id).await.unwrap().unwrap();
    assert_eq!(disabled.status, EndpointStatus::Disabled);
    let none = s.events.queue_stats().await.unwrap();
    assert_eq!(none.pending_deliveries, 0);
}

pub(crate) async fn an_endpoint_that_is_enabled_again_starts_afresh(s: &Stores) {
    let mut e = busy(s, "a", "x", 2).await;
    let c = take(s, &terms(at(1), 1)).await.remove(0);
    let effect = failed_and_held(Some(at(500)));
    let gone = Outcome::DisableEndpoint("gone".to_owned());
    end(s, &c, &gone, &effect, at(1)).await;
    e.revision = 2;
    set_status(s, &mut e, EndpointStatus::Active).await;
    assert_eq!(health(s, &e).await, EndpointHealth::default());
    let why = change("delivery.retry", "a");
    let id = &c.delivery.id;
    s.events.retry_delivery(id, at(2), &why).await.unwrap();
    let c = take(s, &terms(at(2), 1)).await.remove(0);
    end(s, &c, &Outcome::Retry(at(3)), &effect, at(2)).await;
    assert_eq!(health(s, &e).await.failures, 1);
    // Where it leads is another receiver's matter now.
    e.url = "https://elsewhere.example/".to_owned();
    set_status(s, &mut e, EndpointStatus::Active).await;
    assert_eq!(health(s, &e).await, EndpointHealth::default());
    assert_eq!(take(s, &terms(at(3), 1)).await.len(), 1);
}
