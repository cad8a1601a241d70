//! Several nodes at one queue, and accounts of several shards in one call.

use std::collections::HashSet;

use tokio::task::JoinSet;

use super::super::settle;
use super::super::shard::Shard;
use super::{around, backlog_of, happen_often, reached, release, stores};
use crate::base::ceilings::WEBHOOK_ATTEMPTS_KEPT;
use crate::store::contract::deliveries::{claim, complete, endpoint, make_endpoint};
use crate::store::contract::events::{event, happen};
use crate::store::contract::{Stores, at, change};
use crate::store::redis::link::Patience;
use crate::store::redis::names::Names;
use crate::store::redis::testing;
use crate::webhooks::model::{DeliveryState, Event, EventState, Outcome};
use crate::webhooks::port::{ClaimTerms, EventStore};

/// Accounts of as many shards.
fn accounts(n: usize) -> Vec<String> {
    let mut shards = HashSet::new();
    (0..)
        .map(|i| format!("acct.{i}"))
        .filter(|a| shards.insert(Names::shard_of(a)))
        .take(n)
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_that_claim_at_once_share_what_is_due() {
    let settings = testing::settings();
    let (s, _) = around(settings.clone()).await;
    for account in accounts(6) {
        backlog_of(&s, &account, 40).await;
    }
    let mut nodes = JoinSet::new();
    for _ in 0..4 {
        let node = reached(settings.clone(), s.clock.clone()).await;
        nodes.spawn(async move {
            let mut mine = Vec::new();
            loop {
                let some = node
                    .claim_due(&ClaimTerms::any(at(1), at(60), 7))
                    .await
                    .unwrap();
                if some.is_empty() {
                    return mine;
                }
                mine.extend(some.into_iter().map(|c| c.delivery.id));
            }
        });
    }
    let all: Vec<Vec<String>> = nodes.join_all().await;
    let ids: HashSet<&String> = all.iter().flatten().collect();
    assert_eq!(ids.len(), 240);
    assert_eq!(all.iter().map(Vec::len).sum::<usize>(), 240);
}

#[tokio::test]
async fn what_a_dead_node_had_claimed_is_taken_over_when_its_claim_ends() {
    let settings = testing::settings();
    let (s, _) = around(settings.clone()).await;
    backlog_of(&s, "a", 2).await;
    let dead = claim(&s, at(0)).await;
    let other = reached(settings, s.clock.clone()).await;
    let early = other
        .claim_due(&ClaimTerms::any(at(59), at(99), 9))
        .await
        .unwrap();
    assert!(early.is_empty());
    assert_eq!(other.next_due(true).await.unwrap(), Some(at(60)));
    let taken = other
        .claim_due(&ClaimTerms::any(at(60), at(120), 9))
        .await
        .unwrap();
    assert_eq!(taken.len(), 2);
    complete(&s, &dead[0], Outcome::Succeeded, at(61)).await;
    let (d, attempts) = other.delivery(&dead[0].delivery.id).await.unwrap().unwrap();
    assert_eq!((d.state, attempts.len()), (DeliveryState::Pending, 0));
}

#[tokio::test]
async fn the_oldest_due_goes_first_and_no_shard_waits_for_another() {
    let s = stores().await;
    let names = accounts(3);
    // The oldest 30, then one in each of two other shards.
    backlog_of(&s, &names[0], 30).await;
    s.clock.set(at(5));
    backlog_of(&s, &names[1], 1).await;
    s.clock.set(at(6));
    backlog_of(&s, &names[2], 1).await;
    let of = |claimed: &[crate::webhooks::model::ClaimedDelivery]| -> Vec<usize> {
        let account = |a: &String| names.iter().position(|n| n == a).unwrap();
        claimed
            .iter()
            .map(|c| account(&c.event.account_id))
            .collect()
    };
    let claim = async |limit| {
        let terms = ClaimTerms::any(at(9), at(60), limit);
        s.events.claim_due(&terms).await
    };
    assert_eq!(of(&claim(1).await.unwrap()), [0]);
    assert_eq!(of(&claim(2).await.unwrap()), [0, 1]);
    // What one shard does not need the others get.
    assert_eq!(of(&claim(6).await.unwrap()), [0, 0, 0, 0, 0, 2]);
    assert_eq!(of(&claim(99).await.unwrap()), [0; 23]);
}

#[tokio::test]
async fn the_oldest_due_of_a_shard_goes_first_whichever_endpoint_it_is_for() {
    let s = stores().await;
    let mut expected = Vec::new();
    for second in 0..5 {
        s.clock.set(at(second));
        let account = if second % 2 == 0 { "a" } else { "b" };
        if second < 2 {
            make_endpoint(&s, endpoint(account, &["x"])).await;
        }
        expected.push(happen(&s, &event(account, "x")).await.id);
    }
    let shard_of = |account| Names::shard_of(account);
    assert_ne!(shard_of("a"), shard_of("b"));
    let due = s
        .events
        .claim_due(&ClaimTerms::any(at(9), at(60), 9))
        .await
        .unwrap();
    let got: Vec<String> = due.into_iter().map(|c| c.event.id).collect();
    assert_eq!(got, expected);
    // Two endpoints of one account lie in one shard.
    let other = make_endpoint(&s, endpoint("a", &["y"])).await;
    let mut expected = Vec::new();
    for (second, kind) in [(10, "x"), (11, "y"), (12, "x"), (13, "y")] {
        s.clock.set(at(second));
        expected.push(happen(&s, &event("a", kind)).await.id);
    }
    let due = s
        .events
        .claim_due(&ClaimTerms::any(at(19), at(60), 3))
        .await
        .unwrap();
    assert_eq!(due[1].endpoint.id, other.id);
    let got: Vec<String> = due.into_iter().map(|c| c.event.id).collect();
    assert_eq!(got, expected[..3]);
}

#[tokio::test]
async fn events_of_many_accounts_are_recorded_and_settled_together() {
    let s = stores().await;
    let names = accounts(5);
    for account in &names {
        make_endpoint(&s, endpoint(account, &["x"])).await;
    }
    let events: Vec<Event> = (0..100)
        .map(|i| event(&names[i % names.len()], "x"))
        .collect();
    s.events.record_pending(&events).await.unwrap();
    assert_eq!(s.events.stale_pending(at(1), 200).await.unwrap().len(), 100);
    let settlements: Vec<_> = events.iter().map(release).collect();
    s.events.settle(&settlements, at(1)).await.unwrap();
    for (i, e) in events.iter().enumerate() {
        let stored = s.events.event(&e.id).await.unwrap().unwrap();
        assert_eq!(stored.sequence, Some(1 + (i / names.len()) as u64));
    }
    assert_eq!(claim(&s, at(1)).await.len(), 100);
}

#[tokio::test]
async fn an_account_with_all_endpoints_it_may_have_is_settled_in_pieces() {
    let s = stores().await;
    for _ in 0..50 {
        make_endpoint(&s, endpoint("a", &["x"])).await;
    }
    let events = happen_often(&s, "a", 5).await;
    let stats = s.events.queue_stats().await.unwrap();
    assert_eq!(stats.pending_deliveries, 250);
    for (i, e) in events.iter().enumerate() {
        let stored = s.events.event(&e.id).await.unwrap().unwrap();
        assert_eq!(stored.sequence, Some(1 + i as u64));
    }
}

/// Whether a settlement that was chosen by the roster before `between` is refused after it.
async fn is_refused_after<F: Future<Output = ()>>(
    between: impl FnOnce(Stores, crate::webhooks::model::Endpoint) -> F,
) {
    let (s, store) = around(testing::settings()).await;
    let e = make_endpoint(&s, endpoint("a", &["x"])).await;
    let pending = event("a", "x");
    s.events
        .record_pending(std::slice::from_ref(&pending))
        .await
        .unwrap();
    let shard = Shard::of(&store, "a");
    let settlement = release(&pending);
    let (roster, _) = settle::look(&store, &shard, "a", &[&settlement])
        .await
        .unwrap();
    between(s, e).await;
    let steps = [(&settlement, "x".to_owned(), Vec::new())];
    let call = settle::call(&shard, "a", &roster, &steps, at(1));
    let done: Option<u8> = store.link.script(Patience::Calm, &call).await.unwrap();
    assert_eq!(done, None);
    let stored = store.event(&pending.id).await.unwrap().unwrap();
    assert_eq!(stored.state, EventState::Pending);
}

#[tokio::test]
async fn deliveries_that_were_chosen_by_an_old_roster_are_not_made() {
    is_refused_after(|s, _| async move {
        make_endpoint(&s, endpoint("a", &["x"])).await;
    })
    .await;
    is_refused_after(|s, mut e| async move {
        e.revision = 2;
        let why = change("endpoint.patch", "a");
        s.events.update_endpoint(&e, &why).await.unwrap();
    })
    .await;
    is_refused_after(|s, e| async move {
        let why = change("endpoint.delete", "a");
        s.events.delete_endpoint(&e.id, at(1), &why).await.unwrap();
    })
    .await;
    is_refused_after(|s, _| async move {
        happen(&s, &event("a", "x")).await;
        let c = claim(&s, at(1)).await.remove(0);
        let gone = Outcome::DisableEndpoint("gone".to_owned());
        complete(&s, &c, gone, at(1)).await;
    })
    .await;
}

#[tokio::test]
async fn the_log_of_a_delivery_keeps_the_newest_attempts() {
    let s = stores().await;
    backlog_of(&s, "a", 1).await;
    let all = WEBHOOK_ATTEMPTS_KEPT as i64 + 3;
    for i in 0..all {
        let c = s
            .events
            .claim_due(&ClaimTerms::any(at(i), at(9_999), 1))
            .await
            .unwrap();
        complete(&s, &c[0], Outcome::Retry(at(i + 1)), at(i)).await;
    }
    let c = claim(&s, at(all)).await.remove(0);
    let found = s.events.delivery(&c.delivery.id).await.unwrap();
    let (d, attempts) = found.unwrap();
    assert_eq!(i64::from(d.attempts), all);
    assert_eq!(attempts.len(), WEBHOOK_ATTEMPTS_KEPT);
    assert_eq!(attempts[0].at, at(3));
}
