//! What a node that dies between two slots leaves, and who mends it; never what one script leaves, which is all or nothing.

use super::{account, create, digest, key_with, log_of, nodes, run};
use crate::accounts::port::{AccountStore, AuditFilter};
use crate::base::ceilings::INDEX_GRACE;
use crate::base::clock::Clock;
use crate::base::page::PageRequest;
use crate::keys::port::KeyStore;
use crate::store::contract::{assert_conflict, at, change, change_with_answer};
use crate::store::redis::change::announce;
use crate::store::redis::key_read::member;
use crate::store::redis::lists::{ACCOUNTS, KEYS};
use crate::store::redis::names::Names;
use crate::store::redis::repair::Report;
use crate::store::redis::{Store, digests, plans};

/// Repairs as if it were so late that nothing is on its way any more.
async fn repair(store: &Store, mend: bool) -> Report {
    let late = Clock::system().now().plus(INDEX_GRACE * 2);
    store.repair(mend, late).await.unwrap()
}

#[tokio::test]
async fn a_digest_whose_claim_came_to_nothing_goes_to_the_next_and_the_late_one_is_refused() {
    let (store, _, _) = nodes();
    let (dead, next) = (key_with("a", 1), key_with("b", 1));
    digests::claim(&store, &digest(1), "a", &dead.id)
        .await
        .unwrap();
    assert_eq!(store.by_digest(&[digest(1)]).await.unwrap(), None);
    create(&store, &next).await.unwrap();
    // The dead node's script was on its way after all.
    let why = change("key.create", "a");
    let late = crate::store::redis::key_write::carry_out_creation(&store, &dead, "standard", &why);
    assert_conflict(late.await);
    assert_eq!(digests::read(&store, "a", &dead.id).await.unwrap(), None);
    assert!(store.account("a").await.unwrap().is_none());
    assert_eq!(store.by_digest(&[digest(1)]).await.unwrap(), Some(next));
}

#[tokio::test]
async fn entries_that_lead_nowhere_are_passed_over_and_mended() {
    let (store, _, _) = nodes();
    let kept = key_with("a", 1);
    create(&store, &kept).await.unwrap();
    assert!(repair(&store, false).await.is_clean());

    let dead = key_with("b", 2);
    digests::claim(&store, &digest(2), "b", &dead.id)
        .await
        .unwrap();
    KEYS.add(&store, &[(&dead.id, member("b", &dead.id))])
        .await
        .unwrap();
    ACCOUNTS
        .add(&store, &[("b", "b".to_owned())])
        .await
        .unwrap();
    announce(&store, &store.names.slot("b"), &change("key.create", "b"))
        .await
        .unwrap();

    let page = PageRequest::default();
    assert_eq!(store.keys(None, &page).await.unwrap().items, [kept]);
    assert_eq!(store.key(&dead.id).await.unwrap(), None);
    assert_eq!(store.accounts(&page).await.unwrap().items.len(), 1);
    assert_eq!(log_of(&store, AuditFilter::default()).await.len(), 1);

    // What is young may be on its way.
    let now = Clock::system().now();
    let young = store.repair(true, now).await.unwrap();
    assert_eq!(
        (young.keys.stray, young.digests.stray, young.log.stray),
        (0, 0, 0)
    );
    ACCOUNTS
        .add(&store, &[("b", "b".to_owned())])
        .await
        .unwrap();
    let found = repair(&store, false).await;
    let stray = |r: &Report| (r.keys.stray, r.digests.stray, r.accounts.stray, r.log.stray);
    assert_eq!(stray(&found), (1, 1, 1, 1));
    assert_eq!(repair(&store, true).await, found);
    let clean = repair(&store, false).await;
    assert!(clean.is_clean());
    assert_eq!(
        (clean.keys.entries, clean.digests.entries, clean.log.entries),
        (1, 1, 1)
    );
}

#[tokio::test]
async fn records_whose_entries_were_lost_are_found_again() {
    let (store, _, _) = nodes();
    let key = key_with("a", 1);
    create(&store, &key).await.unwrap();
    // Its entry lies with others than the first key's, whose are deleted.
    let other = std::iter::repeat_with(|| key_with("a", 2))
        .find(|k| Names::shard_of(&k.id) != Names::shard_of(&key.id))
        .unwrap();
    create(&store, &other).await.unwrap();
    let shard = Names::shard_of("a");
    for name in [
        digests::bucket(&store.names, u32::from(digest(1)[0])),
        KEYS.at(&store.names, Names::shard_of(&key.id)),
        plans::accounts(&store.names, shard, "standard"),
    ] {
        run::<()>(&store, redis::cmd("DEL").arg(name)).await;
    }
    assert_eq!(store.by_digest(&[digest(1)]).await.unwrap(), None);
    let of_account = store
        .keys(Some("a"), &PageRequest::default())
        .await
        .unwrap();
    assert_eq!(of_account.items.len(), 2);
    let found = repair(&store, true).await;
    assert_eq!(
        (
            found.digests.missing,
            found.keys.missing,
            found.accounts.missing
        ),
        (1, 1, 1)
    );
    assert_eq!(
        store.by_digest(&[digest(1)]).await.unwrap(),
        Some(key.clone())
    );
    assert_eq!(store.key(&key.id).await.unwrap(), Some(key));
    assert_eq!(store.plans_in_use().await.unwrap(), ["standard"]);
    // An account is found by its keys.
    run::<()>(
        &store,
        redis::cmd("DEL").arg(ACCOUNTS.at(&store.names, shard)),
    )
    .await;
    assert_eq!(repair(&store, true).await.accounts.missing, 1);
    assert!(repair(&store, false).await.is_clean());
}

#[tokio::test]
async fn a_refused_change_leaves_no_entry_in_any_index() {
    let (store, _, _) = nodes();
    let key = key_with("a", 1);
    create(&store, &key).await.unwrap();
    let same_digest = key_with("b", 1);
    assert_conflict(create(&store, &same_digest).await);
    let same_id = crate::keys::model::KeyRecord {
        id: key.id.clone(),
        ..key_with("a", 2)
    };
    assert_conflict(create(&store, &same_id).await);
    let why = change_with_answer("account.put", "a", "k");
    store
        .put_account(&account("a", "standard"), &why)
        .await
        .unwrap();
    let again = change_with_answer("account.put", "a", "k");
    assert_conflict(store.put_account(&account("a", "standard"), &again).await);
    let clean = repair(&store, false).await;
    assert!(clean.is_clean(), "{clean:?}");
    assert_eq!(
        (clean.keys.entries, clean.digests.entries, clean.log.entries),
        (1, 1, 2)
    );
}

#[tokio::test]
async fn an_idempotency_key_whose_change_never_came_goes_to_the_next_and_the_late_one_is_refused() {
    let (store, _, _) = nodes();
    let dead = change_with_answer("key.create", "a", "k");
    let slot = store.names.slot("a");
    let announced = announce(&store, &slot, &dead).await.unwrap();
    let next = change_with_answer("account.put", "b", "k");
    store
        .put_account(&account("b", "standard"), &next)
        .await
        .unwrap();
    // In the slot of the dead one the same key is refused, whoever comes.
    let late = crate::store::redis::audit::carry_out_announced(&store, &announced);
    assert_conflict(late.await);
    let repeated = change_with_answer("account.put", "a", "k");
    assert_conflict(
        store
            .put_account(&account("a", "standard"), &repeated)
            .await,
    );
    assert!(store.account("a").await.unwrap().is_none());
    let answer = store.idempotent_answer("k", at(0)).await.unwrap();
    assert_eq!(answer, next.answer);
}

#[tokio::test]
async fn a_plan_is_in_use_as_long_as_an_account_has_it() {
    let (store, _, _) = nodes();
    let put = |plan: &'static str| {
        let store = &store;
        async move {
            let why = change("account.put", "a");
            store.put_account(&account("a", plan), &why).await.unwrap();
        }
    };
    put("x").await;
    put("y").await;
    assert_eq!(store.plans_in_use().await.unwrap(), ["y"]);
    // The entry is left while somebody may be about to give the account that plan again, and goes later.
    let shard = Names::shard_of("a");
    let of_x = plans::accounts(&store.names, shard, "x");
    let exists = |name: String| {
        let store = &store;
        async move { run::<bool>(store, redis::cmd("EXISTS").arg(name)).await }
    };
    assert!(exists(of_x.clone()).await);
    run::<()>(&store, redis::cmd("ZADD").arg(&of_x).arg(1).arg("a")).await;
    assert_eq!(store.plans_in_use().await.unwrap(), ["y"]);
    assert!(!exists(of_x).await);
    // Written for a change that never came: it hides nothing and shows nothing.
    crate::store::redis::accounts::index(&store, "a", "z")
        .await
        .unwrap();
    assert_eq!(store.plans_in_use().await.unwrap(), ["y"]);
}
