//! What is known of a rotated key's old secrets; never how their uses come to be noted.

use super::*;
use crate::base::ceilings::old_secrets::OLD_SECRET_MEMORY;
use crate::keys::port::SecretUses;
use crate::keys::previous_uses::{OldSecrets, PreviousUses};

fn used() -> PreviousUses {
    let mut uses = PreviousUses::default();
    uses.accepted.add("192.0.2.1".parse().unwrap(), NOW);
    uses
}

#[tokio::test]
async fn what_still_uses_an_old_secret_is_known_until_the_next_rotation() {
    let d = desk();
    let made = d.create().await;
    let id = &made.key.id;
    let note = async || {
        let uses = [(id.clone(), used())];
        d.store.note_previous_uses("a", &uses).await.unwrap();
    };
    let said = async || {
        let key = d.service.get(id).await.unwrap();
        let found = d.service.old_secrets(&[key], NOW).await.unwrap();
        found.get(id).cloned()
    };
    let rotate = async |secs| {
        let grace = Duration::from_secs(secs);
        let made = d.service.rotate(&d.config, id, grace, &ctx()).await;
        made.unwrap();
    };
    let ends = |secs, uses| {
        let ends_at = NOW.plus(Duration::from_secs(secs));
        Some(OldSecrets { ends_at, uses })
    };
    note().await;
    // One that has no old secret is not used by one, and the store is not even asked.
    assert_eq!(said().await, None);
    assert_eq!(d.store.previous_uses_calls.load(Ordering::SeqCst), 0);
    rotate(60).await;
    assert_eq!(said().await, ends(60, PreviousUses::default()));
    note().await;
    note().await;
    assert_eq!(said().await.unwrap().uses.accepted.requests, 2);
    rotate(50).await;
    assert_eq!(said().await, ends(50, PreviousUses::default()));
    note().await;
    rotate(0).await;
    assert_eq!(said().await, ends(0, PreviousUses::default()));
}

#[tokio::test]
async fn a_secret_that_has_ended_stays_known_for_a_time_and_is_refused() {
    let d = desk();
    let first = d.create().await;
    let id = &first.key.id;
    let rotate = async |at| {
        let ctx = ChangeContext::internal(at, "test");
        let made = d.service.rotate(&d.config, id, Duration::ZERO, &ctx).await;
        made.unwrap()
    };
    d.store.edit(id, |key| key.expires_at = None);
    rotate(NOW).await;
    let end = NOW.plus(OLD_SECRET_MEMORY);
    let almost = end.minus(Duration::from_millis(1));
    assert_eq!(d.decide(&first.secret, NOW), Err(Refusal::Invalid));
    let said = async |now| {
        let key = d.service.get(id).await.unwrap();
        let said = d.service.old_secrets(&[key], now).await.unwrap();
        said.contains_key(id)
    };
    assert!(said(almost).await);
    assert!(!said(end).await);
    // A leaked one that was rotated away still leads to its key.
    let found = d.service.lookup(&d.config, &first.secret).await.unwrap();
    assert_eq!(found.id, *id);
    let rotated = rotate(end).await;
    assert_eq!(rotated.key.secrets.len(), 2);
    let found = d.service.lookup(&d.config, &first.secret).await;
    assert!(matches!(found, Err(KeyError::NotFound)));
}
