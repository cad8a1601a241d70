//! Large backlogs: they slow nobody else's deliveries, and what changes for all of one is done in bounded pieces.

use std::collections::HashMap;

use super::super::shard::Shard;
use super::{alone, backlog_of, run, stores};
use crate::base::ceilings::{REDIS_STEP, STORE_DELETE_ROWS};
use crate::base::page::PageRequest;
use crate::store::contract::deliveries::{claim, endpoint, make_endpoint};
use crate::store::contract::events::{event, happen};
use crate::store::contract::{Stores, at, change};
use crate::store::redis::Store;
use crate::webhooks::model::{DeliveryState, Endpoint, EndpointStatus};
use crate::webhooks::port::{ClaimTerms, DeliveryFilter};

/// More than one piece takes.
const PIECES: usize = STORE_DELETE_ROWS as usize * 5 / 2;

async fn set_status(s: &Stores, e: &mut Endpoint, status: EndpointStatus) {
    e.status = status;
    e.revision += 1;
    let why = change("endpoint.patch", "a");
    s.events.update_endpoint(e, &why).await.unwrap();
}

/// Claims as the delivery worker does: as long as something is said to be due.
async fn claim_all(s: &Stores) -> usize {
    let mut claimed = 0;
    for _ in 0..100 {
        match s.events.next_due(true).await.unwrap() {
            Some(due) if due <= at(1) => {
                claimed += s
                    .events
                    .claim_due(&ClaimTerms::any(at(1), at(60), 500))
                    .await
                    .unwrap()
                    .len();
            }
            _ => return claimed,
        }
    }
    panic!("what is due does not end");
}

/// How many commands the server carried out, those of scripts included.
async fn commands(store: &Store) -> usize {
    let info: String = run(store, redis::cmd("INFO").arg("commandstats")).await;
    info.lines()
        .filter_map(|l| l.split_once(":calls=")?.1.split(',').next())
        .map(|n| n.parse::<usize>().unwrap())
        .sum()
}

/// How many commands something takes.
async fn cost(store: &Store, work: impl Future<Output = ()>) -> usize {
    let before = commands(store).await;
    work.await;
    commands(store).await - before
}

/// Copies an endpoint's one delivery `n` times, queue and all.
async fn multiply(store: &Store, e: &Endpoint, n: usize) {
    let shard = Shard::of(store, &e.account_id);
    let copy = "local only = redis.call('ZRANGE', KEYS[1], 0, 0)[1]
        for i = tonumber(ARGV[2]), tonumber(ARGV[3]) do
            local id = string.format('dlv_%032d', i)
            redis.call('COPY', ARGV[1] .. only, ARGV[1] .. id)
            redis.call('ZADD', KEYS[1], 0, id)
            redis.call('ZADD', KEYS[2], 0, id)
            redis.call('ZADD', KEYS[3], 0, id)
            redis.call('ZADD', KEYS[4], 0, id)
        end";
    for from in (0..n).step_by(5_000) {
        let mut eval = redis::cmd("EVAL");
        eval.arg(copy)
            .arg(4)
            .arg(shard.queue(&e.id))
            .arg(shard.queued())
            .arg(shard.deliveries())
            .arg(shard.sent(&e.id))
            .arg(shard.delivery(""))
            .arg(from)
            .arg((from + 5_000).min(n) - 1);
        run::<()>(store, &eval).await;
    }
}

#[tokio::test]
async fn a_paused_endpoints_backlog_costs_claims_of_others_nothing() {
    let (_server, s, store) = alone().await;
    // Beside it in the same shard, since it is the same account's.
    let mut paused = make_endpoint(&s, endpoint("a", &["p"])).await;
    make_endpoint(&s, endpoint("a", &["x"])).await;
    happen(&s, &event("a", "p")).await;
    set_status(&s, &mut paused, EndpointStatus::Paused).await;
    let claim_one = || async {
        happen(&s, &event("a", "x")).await;
        assert_eq!(claim(&s, at(1)).await.len(), 1);
    };
    claim_one().await;
    let without = cost(&store, claim_one()).await;
    multiply(&store, &paused, 100_000).await;
    let stats = s.events.queue_stats().await.unwrap();
    assert_eq!(stats.pending_deliveries, 100_000 + 3);
    assert_eq!(cost(&store, claim_one()).await, without);

    let resume = async {
        set_status(&s, &mut paused, EndpointStatus::Active).await;
        set_status(&s, &mut paused, EndpointStatus::Paused).await;
    };
    assert!(cost(&store, resume).await < 100);
    assert_eq!(cost(&store, claim_one()).await, without);

    let delete = async {
        let why = change("endpoint.delete", "a");
        s.events
            .delete_endpoint(&paused.id, at(1), &why)
            .await
            .unwrap();
    };
    let piece = STORE_DELETE_ROWS as usize * 10;
    assert!(cost(&store, delete).await < piece);
    // The next claims carry it on, a piece each, and still give what is due.
    let with_piece = cost(&store, claim_one()).await;
    assert!(with_piece > without && with_piece < without + piece);
}

#[tokio::test]
async fn no_script_takes_more_than_a_step() {
    let (_server, s, store) = alone().await;
    let e = backlog_of(&s, "a", PIECES).await;
    let why = change("endpoint.delete", "a");
    s.events.delete_endpoint(&e.id, at(1), &why).await.unwrap();
    claim_all(&s).await;
    s.events.prune_events(at(9), at(9)).await.unwrap();
    let none = PageRequest::default();
    let left = s.events.deliveries(&DeliveryFilter::default(), &none).await;
    assert!(left.unwrap().items.is_empty());
    let info: String = run(&store, redis::cmd("INFO").arg("commandstats")).await;
    let calls: HashMap<&str, usize> = info
        .lines()
        .filter_map(|l| {
            let (name, rest) = l.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            Some((name, rest.split(',').next()?.parse().ok()?))
        })
        .collect();
    // Recorded, settled, cancelled, pruned twice: each event and delivery is touched a few times, by many scripts.
    let scripts = calls["evalsha"] + calls["eval"];
    assert!(scripts >= PIECES / REDIS_STEP * 4, "{scripts} scripts");
}

#[tokio::test]
async fn a_paused_endpoints_backlog_waits_and_comes_back() {
    let s = stores().await;
    let mut e = backlog_of(&s, "a", PIECES).await;
    set_status(&s, &mut e, EndpointStatus::Paused).await;
    assert_eq!(s.events.next_due(true).await.unwrap(), None);
    assert_eq!(claim_all(&s).await, 0);
    let stats = s.events.queue_stats().await.unwrap();
    assert_eq!(stats.pending_deliveries, PIECES as u64);
    set_status(&s, &mut e, EndpointStatus::Active).await;
    assert_eq!(claim_all(&s).await, PIECES);
}

#[tokio::test]
async fn a_deleted_endpoints_backlog_is_cancelled_to_the_last() {
    let s = stores().await;
    let e = backlog_of(&s, "a", PIECES).await;
    let why = change("endpoint.delete", "a");
    s.events.delete_endpoint(&e.id, at(1), &why).await.unwrap();
    let stats = s.events.queue_stats().await.unwrap();
    assert!(stats.pending_deliveries > 0);
    assert_eq!(claim_all(&s).await, 0);
    let stats = s.events.queue_stats().await.unwrap();
    assert_eq!((stats.pending_deliveries, stats.oldest_pending), (0, None));
    assert_eq!(s.events.next_due(true).await.unwrap(), None);
    let cancelled = DeliveryFilter {
        state: Some(DeliveryState::Cancelled),
        ..DeliveryFilter::default()
    };
    let mut page = PageRequest {
        limit: 200,
        after: None,
    };
    let mut listed = 0;
    loop {
        let found = s.events.deliveries(&cancelled, &page).await.unwrap();
        listed += found.items.len();
        match found.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    assert_eq!(listed, PIECES);
}

#[tokio::test]
async fn an_endpoint_that_is_active_again_gets_what_was_not_cancelled_yet() {
    let s = stores().await;
    let mut e = backlog_of(&s, "a", PIECES).await;
    set_status(&s, &mut e, EndpointStatus::Disabled).await;
    set_status(&s, &mut e, EndpointStatus::Active).await;
    let left = PIECES - STORE_DELETE_ROWS as usize;
    let stats = s.events.queue_stats().await.unwrap();
    assert_eq!(stats.pending_deliveries, left as u64);
    assert_eq!(claim_all(&s).await, left);
}
