//! What recoveries of what an endpoint missed may expect of a store; never how fast they go.

use std::collections::BTreeSet;

use super::accounts::begin_erasure;
use super::deliveries::{claim, complete, endpoint, make_endpoint, set_status};
use super::events::{event, happen};
use super::keys::{key, make};
use super::replays::{create, go_through, of_a};
use super::{Stores, at, change};
use crate::base::ceilings::operations::REPLAY_JOBS_KEPT;
use crate::base::page::PageRequest;
use crate::webhooks::model::{
    Delivery, DeliveryState, Endpoint, EndpointStatus, Event, Outcome, Settlement,
};
use crate::webhooks::port::DeliveryFilter;
use crate::webhooks::port::replays::{ReplayOnly, ReplayScope, ReplaysOf};

/// What an endpoint missed in the hour from the beginning on.
fn of(e: &Endpoint, only: ReplayOnly) -> ReplayScope {
    ReplayScope {
        account_id: Some(e.account_id.clone()),
        endpoint_id: Some(e.id.clone()),
        only,
        ..of_a(false)
    }
}

/// Carries a recovery out, two at a time, and tells how many it made or started anew.
async fn recover(s: &Stores, scope: ReplayScope) -> u64 {
    create(s, scope).await;
    go_through(s, 2, at(10)).await
}

/// What an endpoint has, oldest first.
async fn sent(s: &Stores, e: &Endpoint) -> Vec<Delivery> {
    let filter = DeliveryFilter {
        endpoint_id: Some(e.id.clone()),
        ..DeliveryFilter::default()
    };
    let page = PageRequest {
        limit: 200,
        after: None,
    };
    let found = s.events.deliveries(&filter, &page).await.unwrap().items;
    found.into_iter().rev().map(|(d, _)| d).collect()
}

fn events_of(deliveries: &[Delivery]) -> BTreeSet<String> {
    deliveries.iter().map(|d| d.event_id.clone()).collect()
}

async fn happened(s: &Stores, kinds: &[&str]) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for kind in kinds {
        ids.insert(happen(s, &event("a", kind)).await.id);
    }
    ids
}

pub(crate) async fn what_was_missed_is_made_once_under_its_own_id(s: &Stores) {
    let other = make_endpoint(s, endpoint("a", &["*"])).await;
    let mut missed = happened(s, &["contact.created"; 3]).await;
    happened(s, &["deal.won"]).await;
    let mut late = make_endpoint(s, endpoint("a", &["contact.*"])).await;
    let own = happened(s, &["contact.deleted"]).await;
    set_status(s, &mut late, EndpointStatus::Disabled).await;
    // What waited for it has ended with it.
    missed.extend(happened(s, &["contact.deleted"; 2]).await);
    set_status(s, &mut late, EndpointStatus::Active).await;
    assert_eq!(events_of(&sent(s, &late).await), own);
    let before = sent(s, &other).await;

    assert_eq!(recover(s, of(&late, ReplayOnly::Missed)).await, 5);
    let got = sent(s, &late).await;
    assert_eq!(got.len(), 6);
    let made: Vec<Delivery> = got
        .iter()
        .filter(|d| !own.contains(&d.event_id))
        .cloned()
        .collect();
    assert_eq!(events_of(&made), missed);
    for d in &made {
        assert_eq!((d.state, d.attempts), (DeliveryState::Pending, 0));
        assert_eq!((d.created_at, d.next_attempt_at), (at(10), Some(at(10))));
        assert_eq!(d.account_id, "a");
    }
    assert_eq!(sent(s, &other).await, before, "nobody else gets anything");
    // Not again: while they wait, and when they have ended, however that was.
    assert_eq!(recover(s, of(&late, ReplayOnly::Missed)).await, 0);
    let due = claim(s, at(10)).await;
    let due: Vec<_> = due.iter().filter(|c| c.endpoint.id == late.id).collect();
    assert_eq!(due.len(), 5);
    for (n, c) in due.into_iter().enumerate() {
        let outcome = [Outcome::Succeeded, Outcome::Exhausted][n % 2].clone();
        complete(s, c, outcome, at(11)).await;
    }
    assert_eq!(recover(s, of(&late, ReplayOnly::Missed)).await, 0);
}

pub(crate) async fn what_has_not_succeeded_is_started_anew_where_that_is_asked_for(s: &Stores) {
    happened(s, &["x"]).await;
    let e = make_endpoint(s, endpoint("a", &["x"])).await;
    happened(s, &["x"; 4]).await;
    let claimed = claim(s, at(1)).await;
    for (c, outcome) in claimed.iter().zip([
        Outcome::Succeeded,
        Outcome::Exhausted,
        Outcome::Exhausted,
        Outcome::Retry(at(3_000)),
    ]) {
        complete(s, c, outcome, at(2)).await;
    }
    assert_eq!(recover(s, of(&e, ReplayOnly::Undelivered)).await, 3);
    let states = sent(s, &e).await;
    let count = |state| states.iter().filter(|d| d.state == state).count();
    assert_eq!(count(DeliveryState::Succeeded), 1);
    assert_eq!(count(DeliveryState::Pending), 4);
    let under_way = states
        .iter()
        .filter(|d| d.next_attempt_at == Some(at(3_000)));
    assert_eq!(under_way.count(), 1, "what is under way is left alone");
    assert_eq!(claim(s, at(10)).await.len(), 3);
    assert_eq!(recover(s, of(&e, ReplayOnly::Undelivered)).await, 0);
}

pub(crate) async fn only_released_events_of_the_range_types_and_account_are_recovered(s: &Stores) {
    let at_second = |account: &str, kind: &str, second: i64| Event {
        occurred_at: at(second),
        ..event(account, kind)
    };
    for second in [9, 10, 19, 20] {
        happen(s, &at_second("a", "contact.created", second)).await;
    }
    happen(s, &at_second("a", "contact.deleted", 15)).await;
    happen(s, &at_second("b", "contact.created", 15)).await;
    // These did not happen, as far as anybody knows.
    let (pending, lost) = (
        at_second("a", "contact.created", 15),
        at_second("a", "contact.created", 15),
    );
    let both = [pending, lost.clone()];
    s.events.record_pending(&both).await.unwrap();
    let unresolved = Settlement::Unresolved {
        event_id: lost.id.clone(),
        account_id: "a".to_owned(),
    };
    s.events.settle(&[unresolved], at(16)).await.unwrap();
    let e = make_endpoint(s, endpoint("a", &["*"])).await;
    let some = |types: &[&str]| ReplayScope {
        from: at(10),
        to: at(20),
        event_types: types.iter().map(|t| (*t).to_owned()).collect(),
        ..of(&e, ReplayOnly::Missed)
    };
    assert_eq!(recover(s, some(&["contact.created"])).await, 2);
    assert_eq!(recover(s, some(&[])).await, 1);
    // Whoever names another's endpoint gets nothing made, for either of them.
    let foreign = ReplayScope {
        account_id: Some("b".to_owned()),
        ..of(&e, ReplayOnly::Missed)
    };
    assert_eq!(recover(s, foreign).await, 0);
    assert_eq!(sent(s, &e).await.len(), 3);
    assert_eq!(recover(s, of(&e, ReplayOnly::Missed)).await, 2);
}

pub(crate) async fn a_recovery_goes_on_where_it_was_on_another_node(s: &Stores) {
    happened(s, &["x"; 6]).await;
    let e = make_endpoint(s, endpoint("a", &["x"])).await;
    create(s, of(&e, ReplayOnly::Missed)).await;
    let claimed = s.replays.claim_replay(at(2), at(30)).await;
    let first = claimed.unwrap().unwrap();
    let step = s.replays.replay_some(&first.job, 2, at(2)).await.unwrap();
    assert_eq!(step.restarted, 2);
    let went = s.replays.advance_replay(&first, &step, at(32), at(2)).await;
    assert!(went.unwrap());
    // The node is gone before it wrote its second step down: another one takes that step again, which makes nothing twice.
    let mut gone = first.clone();
    gone.job.cursor.clone_from(&step.cursor);
    let lost = s.replays.replay_some(&gone.job, 2, at(3)).await.unwrap();
    assert_eq!(lost.restarted, 2);
    let second = s.replays.claim_replay(at(32), at(60)).await;
    let second = second.unwrap().unwrap();
    assert_eq!((second.job.done, &second.job.cursor), (2, &step.cursor));
    let rest = s.replays.replay_some(&second.job, 9, at(33)).await.unwrap();
    assert_eq!(rest.restarted, 2);
    assert_eq!(sent(s, &e).await.len(), 6);
}

pub(crate) async fn what_is_recovered_waits_for_a_paused_endpoint_and_ends_with_a_disabled_one(
    s: &Stores,
) {
    happened(s, &["x"; 5]).await;
    let mut e = make_endpoint(s, endpoint("a", &["x"])).await;
    set_status(s, &mut e, EndpointStatus::Paused).await;
    create(s, of(&e, ReplayOnly::Missed)).await;
    let claimed = s.replays.claim_replay(at(2), at(30)).await;
    let mut job = claimed.unwrap().unwrap().job;
    let step = s.replays.replay_some(&job, 2, at(2)).await.unwrap();
    assert_eq!((step.restarted, step.cursor.is_some()), (2, true));
    assert_eq!(claim(s, at(3)).await.len(), 0);
    set_status(s, &mut e, EndpointStatus::Active).await;
    assert_eq!(claim(s, at(3)).await.len(), 2);
    set_status(s, &mut e, EndpointStatus::Disabled).await;
    job.cursor = step.cursor;
    let step = s.replays.replay_some(&job, 2, at(4)).await.unwrap();
    assert_eq!((step.restarted, step.cursor), (0, None));
    let why = change("endpoint.delete", "a");
    s.events.delete_endpoint(&e.id, at(5), &why).await.unwrap();
    let step = s.replays.replay_some(&job, 2, at(6)).await.unwrap();
    assert_eq!((step.restarted, step.cursor), (0, None));
}

pub(crate) async fn nothing_is_made_for_an_account_that_is_being_erased(s: &Stores) {
    make(s, &key("a", 1)).await;
    happened(s, &["x"; 2]).await;
    let e = make_endpoint(s, endpoint("a", &["x"])).await;
    let job = create(s, of(&e, ReplayOnly::Missed)).await;
    begin_erasure(s, "a").await;
    let step = s.replays.replay_some(&job, 9, at(2)).await.unwrap();
    assert_eq!(step.restarted, 0);
    assert_eq!(sent(s, &e).await.len(), 0);
}

pub(crate) async fn jobs_are_listed_by_whose_they_are_and_the_oldest_forgotten(s: &Stores) {
    let (one, two) = (endpoint("a", &["x"]), endpoint("a", &["x"]));
    let list = async |account: &str, e: Option<&Endpoint>, page: &PageRequest| {
        let of = ReplaysOf {
            account_id: account.to_owned(),
            endpoint_id: e.map(|e| e.id.clone()),
        };
        s.replays.replay_jobs(Some(&of), page).await.unwrap()
    };
    let mut all = Vec::new();
    for e in [&one, &two, &one, &one] {
        all.push(create(s, of(e, ReplayOnly::Missed)).await);
    }
    create(
        s,
        ReplayScope {
            account_id: Some("b".to_owned()),
            ..of_a(true)
        },
    )
    .await;
    let page = |limit, after| PageRequest { limit, after };
    let first = list("a", Some(&one), &page(2, None)).await;
    assert_eq!(first.items, [all[3].clone(), all[2].clone()]);
    let rest = list("a", Some(&one), &page(2, first.next)).await;
    assert_eq!((rest.items, rest.next), (vec![all[0].clone()], None));
    assert_eq!(list("a", None, &page(9, None)).await.items.len(), 4);
    assert_eq!(list("b", Some(&one), &page(9, None)).await.items.len(), 0);
    assert_eq!(list("b", None, &page(9, None)).await.items.len(), 1);
    // The first goes on running, the others end, and so do many that come after them.
    for job in &all[1..] {
        let why = change("replay.cancel", "a");
        s.replays.cancel_replay(&job.id, at(1), &why).await.unwrap();
    }
    for _ in 0..REPLAY_JOBS_KEPT - 1 {
        let job = create(s, of(&two, ReplayOnly::Missed)).await;
        let why = change("replay.cancel", "a");
        s.replays.cancel_replay(&job.id, at(2), &why).await.unwrap();
    }
    let left = list("a", Some(&one), &page(9, None)).await.items;
    let ids: Vec<&String> = left.iter().map(|job| &job.id).collect();
    assert_eq!(ids, [&all[3].id, &all[0].id]);
    let of_two = list("a", Some(&two), &page(200, None)).await.items;
    assert_eq!(of_two.len(), REPLAY_JOBS_KEPT - 1);
}
