//! More keys, accounts and entries than one script, one page or one shard has.

use super::{account, create, digest, key_with, log_of, nodes, run};
use crate::accounts::port::{AccountStore, AuditFilter};
use crate::base::ceilings::STORE_SCRIPT_KEYS;
use crate::base::page::PageRequest;
use crate::keys::model::KeyRecord;
use crate::keys::port::{KeyStore, LastUse};
use crate::store::contract::{assert_conflict, at, change};
use crate::store::redis::Store;

async fn import(store: &Store, keys: &[KeyRecord]) -> (u64, u64) {
    let why = change("key.import", &keys[0].account_id);
    let done = store.import_keys(keys, "standard", &why).await.unwrap();
    (done.created, done.existing)
}

async fn page_through(store: &Store, account: Option<&str>, limit: u32) -> Vec<String> {
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let request = PageRequest { limit, after };
        let page = store.keys(account, &request).await.unwrap();
        assert!(page.items.len() <= limit as usize);
        ids.extend(page.items.into_iter().map(|k| k.id));
        after = page.next;
        if after.is_none() {
            return ids;
        }
    }
}

#[tokio::test]
async fn many_keys_are_imported_listed_used_and_revoked() {
    let (store, _, _) = nodes();
    let many: Vec<_> = (0..1_100).map(|n| key_with("many", n)).collect();
    let few: Vec<_> = (2_000..2_050)
        .map(|n| key_with(["few", "fewer"][n as usize % 2], n))
        .collect();
    let all: Vec<_> = many.iter().chain(&few).cloned().collect();
    assert_eq!(import(&store, &all).await, (1_150, 0));
    let again: Vec<_> = (1_000..1_200).map(|n| key_with("many", n)).collect();
    assert_eq!(import(&store, &again).await, (100, 100));

    let newest = |keys: &[KeyRecord]| {
        let mut ids: Vec<_> = keys.iter().map(|k| k.id.clone()).collect();
        ids.sort_unstable();
        ids.reverse();
        ids
    };
    let mut of_many = many.clone();
    of_many.extend(again[100..].iter().cloned());
    assert_eq!(
        page_through(&store, Some("many"), 200).await,
        newest(&of_many)
    );
    let everyone: Vec<_> = of_many.iter().chain(&few).cloned().collect();
    assert_eq!(page_through(&store, None, 97).await, newest(&everyone));

    let uses: Vec<_> = everyone
        .iter()
        .map(|k| LastUse {
            key_id: k.id.clone(),
            at: at(7),
            ip: None,
        })
        .collect();
    store.note_last_uses(&uses).await.unwrap();
    for key in [&many[0], &many[1_099], &few[49]] {
        let stored = store.key(&key.id).await.unwrap().unwrap();
        assert_eq!(stored.last_used_at, Some(at(7)));
    }

    let why = change("account.revoke_keys", "many");
    let revoked = store
        .revoke_account_keys("many", at(9), &why)
        .await
        .unwrap();
    assert!(revoked.len() > 2 * STORE_SCRIPT_KEYS);
    let mut ids = newest(&of_many);
    ids.reverse();
    assert_eq!(revoked, ids);
    assert_eq!(store.count_live_keys("many", at(9)).await.unwrap(), 0);
    assert_eq!(store.count_live_keys("few", at(9)).await.unwrap(), 25);
    let wanted = AuditFilter {
        action: Some("account.revoke_keys".into()),
        ..AuditFilter::default()
    };
    assert_eq!(log_of(&store, wanted).await.len(), 1);
}

#[tokio::test]
async fn an_import_that_is_refused_leaves_nothing_of_any_account() {
    let (store, _, settings) = nodes();
    create(&store, &key_with("owner", 5)).await.unwrap();
    store
        .put_account(
            &account("going", "standard"),
            &change("account.put", "going"),
        )
        .await
        .unwrap();
    store
        .begin_erasure("going", &change("account.erase", "going"))
        .await
        .unwrap();
    let before: Vec<String> = all_names(&store, &settings.key_prefix).await;
    for last in [key_with("c", 5), key_with("going", 6)] {
        let keys = [key_with("a", 1), key_with("b", 2), last];
        let why = change("key.import", "a");
        assert_conflict(store.import_keys(&keys, "standard", &why).await);
        assert_eq!(
            store.by_digest(&[digest(1), digest(2)]).await.unwrap(),
            None
        );
        assert!(store.account("a").await.unwrap().is_none());
        assert_eq!(all_names(&store, &settings.key_prefix).await, before);
    }
}

async fn all_names(store: &Store, prefix: &str) -> Vec<String> {
    let mut names: Vec<String> = run(store, redis::cmd("KEYS").arg(format!("{prefix}:*"))).await;
    // Entries of the lists of accounts are written before it is known who is refused.
    names.retain(|n| !n.contains(":{~a"));
    names.sort();
    names
}

#[tokio::test]
async fn the_log_is_paged_and_filtered_over_all_shards() {
    let (store, _, _) = nodes();
    for n in 0..300 {
        let why = change(if n % 50 == 0 { "rare" } else { "common" }, "a");
        store.record_audit(&why.audit).await.unwrap();
    }
    let mut actions = Vec::new();
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let page = PageRequest { limit: 70, after };
        let page = store
            .audit_log(&AuditFilter::default(), &page)
            .await
            .unwrap();
        actions.extend(page.items.iter().map(|e| e.action.clone()));
        ids.extend(page.items.into_iter().map(|e| e.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(ids.len(), 300);
    assert!(ids.is_sorted_by(|a, b| a > b));
    assert_eq!(actions.iter().position(|a| a == "rare"), Some(49));
    let rare = AuditFilter {
        action: Some("rare".into()),
        ..AuditFilter::default()
    };
    let first = PageRequest {
        limit: 4,
        after: None,
    };
    let first = store.audit_log(&rare, &first).await.unwrap();
    let rest = PageRequest {
        limit: 4,
        after: first.next,
    };
    let rest = store.audit_log(&rare, &rest).await.unwrap();
    assert_eq!(
        (first.items.len(), rest.items.len(), rest.next),
        (4, 2, None)
    );
}

#[tokio::test]
async fn accounts_of_all_shards_are_listed_in_order() {
    let (store, _, _) = nodes();
    let mut ids: Vec<_> = (0..60).map(|n| format!("acct_{n}")).collect();
    for id in &ids {
        let why = change("account.put", id);
        store
            .put_account(&account(id, "standard"), &why)
            .await
            .unwrap();
    }
    ids.sort_unstable();
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = store
            .accounts(&PageRequest { limit: 7, after })
            .await
            .unwrap();
        found.extend(page.items.into_iter().map(|a| a.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, ids);
}
