//! What replays of many deliveries may expect of a store; never how fast they go.

use super::accounts::{begin_erasure, erase};
use super::deliveries::{claim, complete, endpoint, make_endpoint};
use super::events::{event, happen};
use super::keys::{key, make};
use super::{Stores, assert_conflict, assert_not_found, at, change};
use crate::base::clock::Timestamp;
use crate::base::ids;
use crate::base::page::PageRequest;
use crate::webhooks::model::{DeliveryState, EndpointStatus, Outcome};
use crate::webhooks::port::DeliveryFilter;
use crate::webhooks::port::replays::{
    ReplayBounds, ReplayJob, ReplayOnly, ReplayScope, ReplayState,
};

fn scope(only_failed: bool) -> ReplayScope {
    ReplayScope {
        account_id: None,
        endpoint_id: None,
        event_types: Vec::new(),
        from: at(0),
        to: at(3600),
        only: if only_failed {
            ReplayOnly::Failed
        } else {
            ReplayOnly::All
        },
        per_second: 50,
    }
}

fn most(all: usize, of_account: usize) -> ReplayBounds {
    ReplayBounds { all, of_account }
}

/// All of one account, which lie together, so that the first step finds some.
pub(crate) fn of_a(only_failed: bool) -> ReplayScope {
    ReplayScope {
        account_id: Some("a".to_owned()),
        ..scope(only_failed)
    }
}

pub(crate) async fn create(s: &Stores, scope: ReplayScope) -> ReplayJob {
    let job = ReplayJob {
        id: ids::new(ids::REPLAY),
        scope,
        state: ReplayState::Running,
        cursor: None,
        done: 0,
        created_at: s.clock.now(),
        finished_at: None,
    };
    let why = change("replay.create", "a");
    s.replays
        .create_replay(&job, most(9, 9), &why)
        .await
        .unwrap();
    job
}

/// Goes through all of the only job, `limit` at a time, and tells how many it started anew.
pub(crate) async fn go_through(s: &Stores, limit: u32, now: Timestamp) -> u64 {
    let until = now.plus(std::time::Duration::from_secs(30));
    let mut claimed = s.replays.claim_replay(now, until).await.unwrap().unwrap();
    loop {
        let step = s
            .replays
            .replay_some(&claimed.job, limit, now)
            .await
            .unwrap();
        assert!(step.restarted <= u64::from(limit));
        let went = s.replays.advance_replay(&claimed, &step, until, now).await;
        assert!(went.unwrap());
        claimed.job.done += step.restarted;
        claimed.job.cursor.clone_from(&step.cursor);
        if step.cursor.is_none() {
            return claimed.job.done;
        }
    }
}

async fn in_state(s: &Stores, state: DeliveryState) -> usize {
    let filter = DeliveryFilter {
        state: Some(state),
        ..DeliveryFilter::default()
    };
    let page = PageRequest {
        limit: 200,
        after: None,
    };
    s.events
        .deliveries(&filter, &page)
        .await
        .unwrap()
        .items
        .len()
}

/// Ends all that is due: every third succeeds, the others fail.
async fn end_all(s: &Stores, now: Timestamp) {
    for (n, c) in claim(s, now).await.iter().enumerate() {
        let outcome = match n % 3 {
            0 => Outcome::Succeeded,
            _ => Outcome::Exhausted,
        };
        complete(s, c, outcome, now).await;
    }
}

pub(crate) async fn a_job_starts_what_has_failed_anew_and_nothing_else(s: &Stores) {
    for account in ["a", "b", "c"] {
        make_endpoint(s, endpoint(account, &["x"])).await;
        for _ in 0..3 {
            happen(s, &event(account, "x")).await;
        }
    }
    end_all(s, at(1)).await;
    let failed = in_state(s, DeliveryState::Failed).await;
    assert_eq!(failed, 6);
    let job = create(s, scope(true)).await;
    assert_eq!(go_through(s, 2, at(10)).await, 6);
    assert_eq!(in_state(s, DeliveryState::Pending).await, 6);
    assert_eq!(in_state(s, DeliveryState::Succeeded).await, 3);
    let ended = s.replays.replay_job(&job.id).await.unwrap().unwrap();
    let expected = ReplayJob {
        state: ReplayState::Done,
        done: 6,
        finished_at: Some(at(10)),
        ..job
    };
    assert_eq!(ended, expected);
    assert_eq!(claim(s, at(10)).await.len(), 6);
    let free = s.replays.claim_replay(at(99), at(100)).await.unwrap();
    assert_eq!(free, None);
}

pub(crate) async fn a_job_of_all_is_of_its_range_types_and_endpoint(s: &Stores) {
    let one = make_endpoint(s, endpoint("a", &["*"])).await;
    let other = make_endpoint(s, endpoint("a", &["*"])).await;
    for kind in ["contact.created", "contact.deleted", "deal.won"] {
        happen(s, &event("a", kind)).await;
    }
    end_all(s, at(1)).await;
    let of_one = |types: &[&str]| ReplayScope {
        account_id: Some("a".to_owned()),
        endpoint_id: Some(one.id.clone()),
        event_types: types.iter().map(|t| (*t).to_owned()).collect(),
        ..scope(false)
    };
    create(s, of_one(&["contact.*"])).await;
    assert_eq!(go_through(s, 1, at(2)).await, 2);
    // What is under way is left alone.
    create(s, of_one(&[])).await;
    assert_eq!(go_through(s, 9, at(3)).await, 1);
    create(
        s,
        ReplayScope {
            from: at(1),
            ..of_one(&[])
        },
    )
    .await;
    assert_eq!(go_through(s, 9, at(4)).await, 0);
    let of_nobody = ReplayScope {
        account_id: Some("b".to_owned()),
        ..scope(false)
    };
    create(s, of_nobody).await;
    assert_eq!(go_through(s, 9, at(5)).await, 0);
    // Those of a disabled endpoint cannot be sent.
    let mut disabled = other;
    disabled.status = EndpointStatus::Disabled;
    disabled.revision += 1;
    let why = change("webhook.update", "a");
    s.events.update_endpoint(&disabled, &why).await.unwrap();
    create(s, of_a(false)).await;
    assert_eq!(go_through(s, 9, at(6)).await, 0);
}

pub(crate) async fn a_job_is_claimed_by_one_and_goes_on_where_it_was(s: &Stores) {
    make_endpoint(s, endpoint("a", &["x"])).await;
    for _ in 0..6 {
        happen(s, &event("a", "x")).await;
    }
    end_all(s, at(1)).await;
    let job = create(s, of_a(true)).await;
    let first = s
        .replays
        .claim_replay(at(2), at(30))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(first.job, job);
    assert_eq!(s.replays.claim_replay(at(29), at(60)).await.unwrap(), None);
    let step = s.replays.replay_some(&first.job, 2, at(2)).await.unwrap();
    assert_eq!(step.restarted, 2);
    let went = s.replays.advance_replay(&first, &step, at(32), at(2)).await;
    assert!(went.unwrap());
    assert_eq!(s.replays.claim_replay(at(31), at(60)).await.unwrap(), None);
    // The node is gone before it wrote its second step down: another one takes that step again, which changes nothing.
    let mut gone = first.clone();
    gone.job.done += step.restarted;
    gone.job.cursor.clone_from(&step.cursor);
    let lost = s.replays.replay_some(&gone.job, 1, at(3)).await.unwrap();
    assert_eq!(lost.restarted, 1);
    let second = s
        .replays
        .claim_replay(at(32), at(60))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((second.job.done, &second.job.cursor), (2, &step.cursor));
    let late = s.replays.advance_replay(&gone, &lost, at(99), at(33)).await;
    assert!(!late.unwrap());
    let rest = s.replays.replay_some(&second.job, 9, at(33)).await.unwrap();
    assert_eq!(rest.restarted, 1);
    assert_eq!(in_state(s, DeliveryState::Pending).await, 4);
}

pub(crate) async fn a_cancelled_job_goes_no_further(s: &Stores) {
    make_endpoint(s, endpoint("a", &["x"])).await;
    for _ in 0..6 {
        happen(s, &event("a", "x")).await;
    }
    end_all(s, at(1)).await;
    let job = create(s, scope(true)).await;
    let claimed = s
        .replays
        .claim_replay(at(2), at(30))
        .await
        .unwrap()
        .unwrap();
    let step = s.replays.replay_some(&claimed.job, 1, at(2)).await.unwrap();
    let why = change("replay.cancel", "a");
    let ended = s.replays.cancel_replay(&job.id, at(3), &why).await.unwrap();
    assert_eq!(ended.state, ReplayState::Cancelled);
    assert_eq!(ended.finished_at, Some(at(3)));
    let went = s
        .replays
        .advance_replay(&claimed, &step, at(32), at(4))
        .await;
    assert!(!went.unwrap());
    assert_eq!(s.replays.claim_replay(at(99), at(100)).await.unwrap(), None);
    let why = change("replay.cancel", "a");
    assert_conflict(s.replays.cancel_replay(&job.id, at(5), &why).await);
    let why = change("replay.cancel", "a");
    assert_not_found(s.replays.cancel_replay("rpl_0", at(5), &why).await);
}

pub(crate) async fn no_more_jobs_are_running_than_may(s: &Stores) {
    let first = create(s, scope(true)).await;
    let further = ReplayJob {
        id: ids::new(ids::REPLAY),
        ..first.clone()
    };
    let why = change("replay.create", "a");
    assert_conflict(s.replays.create_replay(&further, most(1, 1), &why).await);
    assert_eq!(s.replays.replay_job(&further.id).await.unwrap(), None);
    let why = change("replay.cancel", "a");
    s.replays
        .cancel_replay(&first.id, at(1), &why)
        .await
        .unwrap();
    let why = change("replay.create", "a");
    s.replays
        .create_replay(&further, most(1, 1), &why)
        .await
        .unwrap();
}

pub(crate) async fn no_account_keeps_others_from_their_jobs(s: &Stores) {
    let first = create(s, of_a(true)).await;
    let further = |account: Option<&str>| ReplayJob {
        id: ids::new(ids::REPLAY),
        scope: ReplayScope {
            account_id: account.map(str::to_owned),
            ..first.scope.clone()
        },
        ..first.clone()
    };
    let made = async |job: &ReplayJob| {
        let why = change("replay.create", "a");
        s.replays.create_replay(job, most(9, 2), &why).await
    };
    made(&further(Some("a"))).await.unwrap();
    assert_conflict(made(&further(Some("a"))).await);
    for other in [Some("b"), Some("b"), None, None, None] {
        made(&further(other)).await.unwrap();
    }
    // What has ended is none of those that run.
    let why = change("replay.cancel", "a");
    s.replays
        .cancel_replay(&first.id, at(1), &why)
        .await
        .unwrap();
    made(&further(Some("a"))).await.unwrap();
}

pub(crate) async fn jobs_are_listed_newest_first_and_forgotten_in_their_time(s: &Stores) {
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(create(s, scope(true)).await);
    }
    let list = |limit, after| async move {
        let page = PageRequest { limit, after };
        s.replays.replay_jobs(None, &page).await.unwrap()
    };
    let first = list(2, None).await;
    assert_eq!(first.items, [all[2].clone(), all[1].clone()]);
    let second = list(2, first.next).await;
    assert_eq!(second.items, [all[0].clone()]);
    assert_eq!(second.next, None);
    for (n, job) in all.iter().take(2).enumerate() {
        let why = change("replay.cancel", "a");
        let ended = at(if n == 0 { 5 } else { 10 });
        s.replays.cancel_replay(&job.id, ended, &why).await.unwrap();
    }
    s.replays.prune_replays(at(10)).await.unwrap();
    let left: Vec<String> = list(9, None)
        .await
        .items
        .into_iter()
        .map(|j| j.id)
        .collect();
    assert_eq!(left, [all[2].id.clone(), all[1].id.clone()]);
}

pub(crate) async fn an_erasure_takes_an_accounts_jobs(s: &Stores) {
    for account in ["a", "b"] {
        make(s, &key(account, account.as_bytes()[0])).await;
        let of = ReplayScope {
            account_id: Some(account.to_owned()),
            ..scope(true)
        };
        create(s, of).await;
    }
    begin_erasure(s, "a").await;
    erase(s, "a").await;
    let left = s
        .replays
        .replay_jobs(None, &PageRequest::default())
        .await
        .unwrap();
    assert_eq!(left.items.len(), 1);
    assert_eq!(left.items[0].scope.account_id.as_deref(), Some("b"));
}
