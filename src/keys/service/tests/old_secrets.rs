//! What is known of the uses of a rotated key's old secrets; never how they come to be noted.

use super::*;
use crate::keys::port::SecretUses;

#[tokio::test]
async fn what_still_uses_an_old_secret_is_known_until_the_next_rotation() {
    let d = desk();
    let made = d.create().await;
    let id = &made.key.id;
    let used = LastUse {
        key_id: id.clone(),
        at: NOW,
        ip: None,
    };
    let note = async || {
        let uses = std::slice::from_ref(&used);
        d.store.note_previous_uses(uses).await.unwrap();
    };
    let previous = async || {
        let key = d.service.get(id).await.unwrap();
        d.service.previous_use(&key).await.unwrap()
    };
    let rotate = async |secs| {
        let grace = Duration::from_secs(secs);
        let made = d.service.rotate(&d.config, id, grace, &ctx()).await;
        made.unwrap();
    };
    note().await;
    // One that has no old secret is not used by one.
    assert_eq!(previous().await, None);
    rotate(60).await;
    assert_eq!(previous().await, None);
    note().await;
    assert_eq!(previous().await, Some(used.clone()));
    rotate(60).await;
    assert_eq!(previous().await, None);
    note().await;
    rotate(0).await;
    assert_eq!(previous().await, None);
}
