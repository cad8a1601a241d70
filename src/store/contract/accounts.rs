//! What accounts, the audit log and remembered answers may expect of a store; never a plan's meaning.

use serde_json::json;

use super::keys::{key, make};
use super::{Stores, assert_conflict, assert_not_found, at, change, change_with_answer, context};
use crate::accounts::model::Account;
use crate::accounts::port::{AuditFilter, ErasureStep};
use crate::base::page::PageRequest;
use crate::config::model::{PlanOverrides, Quotas};

fn account(id: &str, plan: &str) -> Account {
    Account {
        id: id.to_owned(),
        plan: plan.to_owned(),
        overrides: PlanOverrides::default(),
        suspended: false,
        created_at: at(0),
        erasing: false,
    }
}

async fn put(s: &Stores, a: &Account) -> Account {
    let why = change("account.put", &a.id);
    s.accounts.put_account(a, &why).await.unwrap()
}

/// Runs an erasure to its end.
pub(crate) async fn erase(s: &Stores, id: &str) {
    for _ in 0..10_000 {
        if s.accounts.erase_some(id).await.unwrap() == ErasureStep::Done {
            return;
        }
    }
    panic!("the erasure of {id} does not end");
}

pub(crate) async fn begin_erasure(s: &Stores, id: &str) {
    let mut why = change("account.erase", id);
    why.audit.target = Some(id.to_owned());
    s.accounts.begin_erasure(id, &why).await.unwrap();
}

pub(crate) async fn an_account_is_made_and_replaced_and_keeps_its_creation(s: &Stores) {
    let mut a = account("a", "standard");
    assert_eq!(s.accounts.account("a").await.unwrap(), None);
    assert_eq!(put(s, &a).await, a);
    a.plan = "big".to_owned();
    a.suspended = true;
    a.overrides.quotas = Some(Quotas {
        hour: Some(5),
        month: None,
    });
    let later = Account {
        created_at: at(9),
        ..a.clone()
    };
    assert_eq!(put(s, &later).await, a);
    assert_eq!(s.accounts.account("a").await.unwrap(), Some(a));
}

pub(crate) async fn accounts_are_listed_by_id_in_pages(s: &Stores) {
    for id in ["b", "c", "a"] {
        put(s, &account(id, "standard")).await;
    }
    let page = |after| PageRequest { limit: 2, after };
    let ids = |items: &[Account]| items.iter().map(|a| a.id.clone()).collect::<Vec<_>>();
    let first = s.accounts.accounts(&page(None)).await.unwrap();
    assert_eq!(ids(&first.items), ["a", "b"]);
    let second = s.accounts.accounts(&page(first.next)).await.unwrap();
    assert_eq!(ids(&second.items), ["c"]);
    assert_eq!(second.next, None);
}

pub(crate) async fn plans_in_use_are_named_once(s: &Stores) {
    for (id, plan) in [("a", "x"), ("b", "y"), ("c", "x")] {
        put(s, &account(id, plan)).await;
    }
    let mut plans = s.accounts.plans_in_use().await.unwrap();
    plans.sort();
    assert_eq!(plans, ["x", "y"]);
}

pub(crate) async fn an_erased_account_leaves_nothing_but_a_pseudonym(s: &Stores) {
    for digest in 1..=3 {
        make(s, &key("acct_1", digest)).await;
    }
    let kept = key("acct_10", 9);
    make(s, &kept).await;
    let mut entry = context().entry(
        "key.import",
        None,
        Some("acct_1"),
        json!({"accounts": ["acct_1", "acct_10"]}),
    );
    entry.actor = Some("someone of acct_1".to_owned());
    s.accounts.record_audit(&entry).await.unwrap();
    let remembered = change_with_answer("account.put", "acct_1", "k1");
    s.accounts
        .put_account(&account("acct_1", "standard"), &remembered)
        .await
        .unwrap();

    begin_erasure(s, "acct_1").await;
    assert_eq!(s.accounts.erasing().await.unwrap(), ["acct_1"]);
    erase(s, "acct_1").await;

    assert!(s.accounts.erasing().await.unwrap().is_empty());
    assert_eq!(s.accounts.account("acct_1").await.unwrap(), None);
    let page = PageRequest::default();
    let left = s.keys.keys(None, &page).await.unwrap().items;
    assert_eq!(left, [kept]);
    assert_eq!(
        s.accounts.idempotent_answer("k1", at(0)).await.unwrap(),
        None
    );
    let log = s
        .accounts
        .audit_log(&AuditFilter::default(), &page)
        .await
        .unwrap()
        .items;
    let pseudonyms: Vec<_> = log
        .iter()
        .filter(|e| e.details["of"] != "acct_10")
        .filter_map(|e| e.account_id.clone().or(e.target.clone()))
        .collect();
    assert_eq!(pseudonyms.len(), 6);
    assert!(pseudonyms[0].starts_with("erased_"), "{pseudonyms:?}");
    assert!(pseudonyms.iter().all(|p| *p == pseudonyms[0]));
    let imported = log.iter().find(|e| e.id == entry.id).unwrap();
    assert_eq!(
        imported.actor,
        Some(format!("someone of {}", pseudonyms[0]))
    );
    assert_eq!(
        imported.details,
        json!({"accounts": [pseudonyms[0], "acct_10"]})
    );
    // Whoever repeats the last step after a crash is told the same.
    erase(s, "acct_1").await;
}

pub(crate) async fn an_erasure_hides_keys_at_once_and_refuses_changes(s: &Stores) {
    make(s, &key("a", 1)).await;
    let why = change("account.erase", "b");
    put(s, &account("b", "standard")).await;
    assert_conflict(s.accounts.erase_some("b").await);
    begin_erasure(s, "a").await;
    begin_erasure(s, "a").await;
    assert_eq!(s.keys.by_digest(&[[1; 32]]).await.unwrap(), None);
    let a = s.accounts.account("a").await.unwrap().unwrap();
    assert!(a.erasing);
    assert_conflict(s.accounts.put_account(&a, &why).await);
    let k = key("a", 2);
    assert_conflict(s.keys.create_key(&k, "standard", 9, at(0), &why).await);
    assert_conflict(s.keys.import_keys(&[k], "standard", &why).await);
}

pub(crate) async fn an_erasure_of_nobody_is_not_found(s: &Stores) {
    let why = change("account.erase", "nobody");
    assert_not_found(s.accounts.begin_erasure("nobody", &why).await);
    let page = PageRequest::default();
    let log = s.accounts.audit_log(&AuditFilter::default(), &page).await;
    assert!(log.unwrap().items.is_empty());
}

pub(crate) async fn an_account_may_come_back_after_its_erasure(s: &Stores) {
    make(s, &key("a", 1)).await;
    begin_erasure(s, "a").await;
    erase(s, "a").await;
    let k = key("a", 1);
    make(s, &k).await;
    assert_eq!(s.keys.by_digest(&[[1; 32]]).await.unwrap(), Some(k));
    assert!(!s.accounts.account("a").await.unwrap().unwrap().erasing);
}

pub(crate) async fn the_audit_log_is_newest_first_and_filtered(s: &Stores) {
    let mut ids = Vec::new();
    for (action, account, target) in [
        ("key.create", "a", "k1"),
        ("key.revoke", "a", "k1"),
        ("key.create", "b", "k2"),
    ] {
        let entry = context().entry(action, Some(account), Some(target), json!({"n": 1}));
        s.accounts.record_audit(&entry).await.unwrap();
        ids.push(entry);
    }
    let log = |filter: AuditFilter, limit, after| async move {
        s.accounts
            .audit_log(&filter, &PageRequest { limit, after })
            .await
            .unwrap()
    };
    let first = log(AuditFilter::default(), 2, None).await;
    assert_eq!(first.items, [ids[2].clone(), ids[1].clone()]);
    let second = log(AuditFilter::default(), 2, first.next).await;
    assert_eq!(second.items, [ids[0].clone()]);
    assert_eq!(second.next, None);
    let by = |account: Option<&str>, action: Option<&str>, target: Option<&str>| AuditFilter {
        account_id: account.map(str::to_owned),
        action: action.map(str::to_owned),
        target: target.map(str::to_owned),
    };
    for (filter, n) in [
        (by(Some("a"), None, None), 2),
        (by(None, Some("key.create"), None), 2),
        (by(None, None, Some("k1")), 2),
        (by(Some("a"), Some("key.create"), Some("k1")), 1),
        (by(Some("b"), None, Some("k1")), 0),
    ] {
        assert_eq!(
            log(filter.clone(), 9, None).await.items.len(),
            n,
            "{filter:?}"
        );
    }
}

pub(crate) async fn an_answer_is_remembered_until_it_expires(s: &Stores) {
    let a = account("a", "standard");
    let why = change_with_answer("account.put", "a", "k1");
    s.accounts.put_account(&a, &why).await.unwrap();
    let answer = |now| s.accounts.idempotent_answer("k1", now);
    assert_eq!(answer(at(59)).await.unwrap(), why.answer);
    assert_eq!(answer(at(60)).await.unwrap(), None);
    s.accounts.forget_answers(at(59)).await.unwrap();
    assert!(answer(at(59)).await.unwrap().is_some());
    s.accounts.forget_answers(at(60)).await.unwrap();
    assert_eq!(answer(at(59)).await.unwrap(), None);
}

pub(crate) async fn a_change_with_a_known_answer_leaves_nothing(s: &Stores) {
    let why = change_with_answer("account.put", "a", "k1");
    s.accounts
        .put_account(&account("a", "standard"), &why)
        .await
        .unwrap();
    let again = change_with_answer("account.put", "a", "k1");
    assert_conflict(s.accounts.put_account(&account("a", "big"), &again).await);
    assert_eq!(
        s.accounts.account("a").await.unwrap().unwrap().plan,
        "standard"
    );
    let page = PageRequest::default();
    let log = s.accounts.audit_log(&AuditFilter::default(), &page).await;
    assert_eq!(log.unwrap().items.len(), 1);
    // After its time the same key is a new one.
    let mut late = change_with_answer("account.put", "a", "k1");
    late.audit.at = at(60);
    s.accounts
        .put_account(&account("a", "big"), &late)
        .await
        .unwrap();
}
