//! A change that is asked for again is told to the cache though nothing is left to change; never what a cache does then.

use super::*;

#[tokio::test]
async fn a_revocation_that_changes_nothing_is_told() {
    let d = desk();
    let id = d.create().await.key.id;
    // The first call was written, and nobody here heard of it.
    d.store.edit(&id, |k| k.revoked_at = Some(NOW));
    d.service.revoke(&id, &ctx()).await.unwrap();
    assert_eq!(*d.heard.0.lock(), ["added", id.as_str()]);
    assert_eq!(d.store.changes.lock().len(), 1, "only the key's making");
}

#[tokio::test]
async fn a_key_that_is_disabled_already_is_told() {
    let d = desk();
    let id = d.create().await.key.id;
    d.store.edit(&id, |k| k.disabled = true);
    let patch = KeyPatch {
        disabled: Some(true),
        ..KeyPatch::default()
    };
    d.service
        .patch(&d.config, &id, &patch, &ctx())
        .await
        .unwrap();
    assert_eq!(*d.heard.0.lock(), ["added", id.as_str()]);
    assert_eq!(d.store.changes.lock().len(), 1, "only the key's making");
}

#[tokio::test]
async fn a_change_of_which_nobody_knows_whether_it_was_written_is_told() {
    let d = desk();
    let id = d.create().await.key.id;
    // The store answers the read, and not the write after it.
    let apply = |key: &mut KeyRecord| {
        d.store.fail(true);
        key.disabled = true;
        Ok(())
    };
    let failed = d
        .service
        .change(&id, "key.update", &ctx(), false, apply)
        .await;
    assert!(matches!(
        failed,
        Err(KeyError::Store(StoreError::Unavailable(_)))
    ));
    assert_eq!(*d.heard.0.lock(), ["added", id.as_str()]);
}
