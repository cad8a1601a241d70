//! What was done before, here unheard of or by another node: it holds all the same, and ends what waits for it.

use super::*;

#[tokio::test]
async fn a_suspension_that_changes_nothing_is_told() {
    let d = desk();
    d.put(&plan("standard")).await.unwrap();
    let state = d.accounts.get("a", NOW).await.unwrap().unwrap();
    // The first call was written, and nobody here heard of it.
    d.store.accounts.lock().get_mut("a").unwrap().suspended = true;
    assert_eq!(state.standing(), Standing::Good);
    let suspend = PutAccount {
        suspended: Some(true),
        ..PutAccount::default()
    };
    d.put(&suspend).await.unwrap();
    assert_eq!(state.standing(), Standing::Suspended);
    assert_eq!(*d.heard.0.lock(), ["standard", "standard"]);
    assert_eq!(d.store.changes.lock().len(), 1, "nothing was written again");
}

#[tokio::test(start_paused = true)]
async fn an_erasure_ends_where_another_node_ended_it_and_the_account_was_made_anew() {
    let d = desk();
    let account = d.put(&plan("standard")).await.unwrap();
    d.store.steps.store(usize::MAX, Ordering::SeqCst);
    let caller = ctx();
    let elsewhere = async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        d.store.accounts.lock().insert("a".into(), account);
        d.accounts.get("a", NOW).await.unwrap().unwrap()
    };
    let (erased, anew) = tokio::join!(d.service.erase("a", &caller), elsewhere);
    assert_eq!(erased.unwrap(), Erasure::Done);
    assert_eq!(anew.standing(), Standing::Good);
    let known = d.accounts.known("a").unwrap();
    assert!(Arc::ptr_eq(&known, &anew), "it is not forgotten");
    let gone = d.heard.0.lock().iter().filter(|h| *h == "gone a").count();
    assert_eq!(gone, 1, "told of the old account, never of the new one");
}
