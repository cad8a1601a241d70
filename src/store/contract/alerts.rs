//! What alerts may expect of a store: settings are replaced by revision, listed whole and go with their account.

use std::collections::BTreeMap;

use super::{Stores, assert_conflict, at, change, change_with_answer};
use crate::accounts::port::{AuditFilter, ErasureStep};
use crate::alerts::model::AlertSettings;
use crate::base::page::PageRequest;

pub(crate) fn settings(account: &str, revision: u64) -> AlertSettings {
    AlertSettings {
        account_id: account.to_owned(),
        hour_percent: vec![80, 100],
        month_percent: vec![revision as u32],
        key_expiry_days: vec![14, 1],
        emails: vec!["dev@example.com".to_owned()],
        revision,
    }
}

pub(crate) async fn put(s: &Stores, account: &str, revision: u64) -> AlertSettings {
    let new = settings(account, revision);
    let why = change("alerts.put", account);
    s.alerts.put_alerts(&new, &why).await.unwrap();
    new
}

async fn all(s: &Stores, limit: u32) -> BTreeMap<String, AlertSettings> {
    let mut found = BTreeMap::new();
    let mut page = PageRequest { limit, after: None };
    loop {
        let some = s.alerts.all_alerts(&page).await.unwrap();
        let named = some.items.into_iter().map(|s| (s.account_id.clone(), s));
        found.extend(named);
        match some.next {
            Some(next) => page.after = Some(next),
            None => return found,
        }
    }
}

pub(crate) async fn alerts_are_replaced_only_from_their_present_revision(s: &Stores) {
    assert_eq!(s.alerts.alerts("a").await.unwrap(), None);
    let why = || change("alerts.put", "a");
    assert_conflict(s.alerts.put_alerts(&settings("a", 2), &why()).await);
    let first = put(s, "a", 1).await;
    assert_eq!(s.alerts.alerts("a").await.unwrap(), Some(first));
    assert_conflict(s.alerts.put_alerts(&settings("a", 1), &why()).await);
    assert_conflict(s.alerts.put_alerts(&settings("a", 3), &why()).await);
    let second = put(s, "a", 2).await;
    assert_eq!(s.alerts.alerts("a").await.unwrap(), Some(second));
    assert_eq!(s.alerts.alerts("b").await.unwrap(), None);
}

pub(crate) async fn alerts_of_all_accounts_are_listed(s: &Stores) {
    assert!(all(s, 3).await.is_empty());
    let mut expected = BTreeMap::new();
    for n in 0..20 {
        let account = format!("acct_{n}");
        expected.insert(account.clone(), put(s, &account, 1).await);
    }
    for limit in [1, 3, 200] {
        assert_eq!(all(s, limit).await, expected, "{limit}");
    }
}

pub(crate) async fn a_change_of_alerts_is_in_the_audit_log_and_answered_once(s: &Stores) {
    let why = change_with_answer("alerts.put", "a", "k");
    let first = s.alerts.put_alerts(&settings("a", 1), &why).await;
    first.unwrap();
    let again = change_with_answer("alerts.put", "a", "k");
    assert_conflict(s.alerts.put_alerts(&settings("a", 2), &again).await);
    let filter = AuditFilter {
        account_id: Some("a".to_owned()),
        ..AuditFilter::default()
    };
    let page = PageRequest::default();
    let log = s.accounts.audit_log(&filter, &page).await.unwrap();
    let actions: Vec<_> = log.items.iter().map(|e| e.action.as_str()).collect();
    assert_eq!(actions, ["alerts.put"]);
    let answer = s.accounts.idempotent_answer("k", at(1)).await.unwrap();
    assert!(answer.is_some());
    assert_eq!(s.alerts.alerts("a").await.unwrap().unwrap().revision, 1);
}

pub(crate) async fn alerts_go_with_their_account(s: &Stores) {
    put(s, "a", 1).await;
    let kept = put(s, "b", 1).await;
    let why = || change("account.erase", "a");
    s.accounts.begin_erasure("a", &why()).await.unwrap();
    assert_conflict(s.alerts.put_alerts(&settings("a", 2), &why()).await);
    while s.accounts.erase_some("a").await.unwrap() != ErasureStep::Done {}
    assert_eq!(s.alerts.alerts("a").await.unwrap(), None);
    let left: Vec<_> = all(s, 200).await.into_values().collect();
    assert_eq!(left, [kept]);
    // It may come back, with nothing of what it was.
    put(s, "a", 1).await;
}
