//! Erasure of an account's events step by step; the suite has what other domains must see of it.

use super::super::{begin_erasure, erase_some, has_data};
use super::{around, backlog_of, happen_often, release, run};
use crate::base::ceilings::REDIS_STEP;
use crate::store::contract::deliveries::{claim, complete, endpoint, make_endpoint};
use crate::store::contract::events::{event, happen};
use crate::store::contract::{alerts, assert_conflict, at, change, mails};
use crate::store::redis::Store;
use crate::store::redis::testing;
use crate::webhooks::model::{Outcome, Settlement};

async fn erase(store: &Store, account: &str) -> usize {
    for steps in 1..1_000 {
        if erase_some(store, account).await.unwrap() {
            return steps;
        }
    }
    panic!("the erasure does not end");
}

/// Names of all keys of this store that are neither of changes nor of another account than the erased ones.
async fn keys(store: &Store) -> Vec<String> {
    let pattern = store.names.shard(0, "");
    let pattern = pattern.replace("0}:", "*");
    let mut names: Vec<String> = run(store, redis::cmd("KEYS").arg(pattern)).await;
    names.retain(|n| !n.contains("audit") && !n.ends_with("events:position"));
    names.sort();
    names
}

#[tokio::test]
async fn an_erasure_leaves_a_mark_for_a_day_and_nothing_else() {
    let (s, store) = around(testing::settings()).await;
    assert!(!has_data(&store, "a").await.unwrap());
    let gone = backlog_of(&s, "a", 10).await;
    let e = make_endpoint(&s, endpoint("a", &["x"])).await;
    happen_often(&s, "a", 3 * REDIS_STEP).await;
    let claimed = claim(&s, at(1)).await;
    complete(&s, &claimed[0], Outcome::Succeeded, at(1)).await;
    complete(&s, &claimed[1], Outcome::Retry(at(9)), at(1)).await;
    let (pending, unresolved) = (event("a", "x"), event("a", "y"));
    s.events
        .record_pending(&[pending.clone(), unresolved.clone()])
        .await
        .unwrap();
    let (event_id, account_id) = (unresolved.id.clone(), "a".to_owned());
    let unresolved = Settlement::Unresolved {
        event_id,
        account_id,
    };
    s.events.settle(&[unresolved], at(1)).await.unwrap();
    let why = change("endpoint.delete", "a");
    s.events
        .delete_endpoint(&gone.id, at(2), &why)
        .await
        .unwrap();
    alerts::put(&s, "a", 1).await;
    let messages = ["x@example.com", "y@example.com"].map(|to| mails::mail("a", to));
    s.mails.put_mails(&messages, at(1)).await.unwrap();
    s.mails.claim_mails(at(1), at(60), 1).await.unwrap();
    assert!(has_data(&store, "a").await.unwrap());

    begin_erasure(&store, "a").await.unwrap();
    assert!(erase(&store, "a").await > 6);
    let mark = super::super::shard::Shard::of(&store, "a").erasing("a");
    let claim_keys: Vec<String> = keys(&store).await;
    let left: Vec<&String> = claim_keys
        .iter()
        .filter(|n| !n.contains(":claim:"))
        .collect();
    assert_eq!(left, [&mark]);
    let seconds: i64 = run(&store, redis::cmd("TTL").arg(&mark)).await;
    assert!((86_000..=86_400).contains(&seconds), "{seconds}");
    complete(&s, &claimed[2], Outcome::Succeeded, at(2)).await;
    assert_eq!(s.events.endpoint(&e.id).await.unwrap(), None);
    assert!(claim(&s, at(999)).await.is_empty());
    assert!(erase_some(&store, "a").await.unwrap());
    assert!(!has_data(&store, "a").await.unwrap());
}

#[tokio::test]
async fn an_account_under_erasure_gets_nothing_new_and_may_come_back_after_it() {
    let (s, store) = around(testing::settings()).await;
    let known = make_endpoint(&s, endpoint("a", &["x"])).await;
    let before = happen(&s, &event("a", "x")).await;
    let pending = event("a", "x");
    s.events
        .record_pending(std::slice::from_ref(&pending))
        .await
        .unwrap();
    begin_erasure(&store, "a").await.unwrap();
    let late = event("a", "x");
    s.events
        .record_pending(std::slice::from_ref(&late))
        .await
        .unwrap();
    assert_eq!(s.events.event(&late.id).await.unwrap(), None);
    let why = || change("any", "a");
    let e = endpoint("a", &["x"]);
    assert_conflict(s.events.create_endpoint(&e, 9, &why()).await);
    assert_conflict(s.events.publish(&late, at(1), &why()).await);
    assert_conflict(s.events.replay(&before.id, "{}", at(1), &why()).await);
    let test = s.events.deliver_to(&late, &known.id, at(1), &why()).await;
    assert_conflict(test);

    assert!(!erase_some(&store, "a").await.unwrap());
    // What was under way when it began ends without a delivery, and is erased with the rest.
    s.events.settle(&[release(&pending)], at(1)).await.unwrap();
    erase(&store, "a").await;
    // As long as the account itself is marked, it did not come back.
    let own_mark = store.names.erasing("a");
    run::<()>(&store, redis::cmd("SET").arg(&own_mark).arg("erased")).await;
    s.events
        .record_pending(std::slice::from_ref(&late))
        .await
        .unwrap();
    assert_eq!(s.events.event(&late.id).await.unwrap(), None);
    run::<()>(&store, redis::cmd("DEL").arg(&own_mark)).await;
    assert_eq!(happen(&s, &late).await.sequence, Some(1));
}

#[tokio::test]
async fn an_erasure_whose_mark_was_never_set_sets_it() {
    let (s, store) = around(testing::settings()).await;
    backlog_of(&s, "a", 2).await;
    assert!(!erase_some(&store, "a").await.unwrap());
    let late = event("a", "x");
    s.events
        .record_pending(std::slice::from_ref(&late))
        .await
        .unwrap();
    assert_eq!(s.events.event(&late.id).await.unwrap(), None);
}
