//! How uses of keys come to be noted, of old secrets above all; never how they are kept.

use super::*;
use crate::base::ceilings::old_secrets::OLD_SECRET_MEMORY;
use crate::keys::last_use::LastUses;
use crate::keys::port::LastUse;
use crate::keys::previous_uses::PreviousUses;

/// A key with an old secret that ends after a minute, and its new one.
fn rotated(b: &Bench) -> (String, String) {
    let (old, new) = (b.key("key_1"), secret::generate("lf_live").unwrap());
    let stored = b.digester.at_rest(new.expose()).unwrap();
    b.store.edit("key_1", |key| {
        key.secrets.insert(0, stored);
        key.secrets[1].valid_until = Some(later(60));
    });
    (old, new.expose().to_owned())
}

#[tokio::test]
async fn requests_with_a_secret_that_was_replaced_are_all_counted_and_kept_while_the_store_is_away()
{
    let b = Bench::new(10);
    let (old, new) = rotated(&b);
    let uses = LastUses::new();
    let [a, c] = [1, 2].map(|n| std::net::IpAddr::from([10, 0, 0, n]));
    for (text, ip, secs) in [(&old, a, 1), (&old, a, 1), (&old, a, 2), (&new, c, 3)] {
        let entry = b.find(text, NOW).await.unwrap().unwrap();
        uses.note(&entry, ip, later(secs));
        // It is good still.
        uses.note_ended(&entry, ip, later(secs));
    }
    b.store.fail(true);
    assert!(uses.flush(&*b.store).await.is_err());
    b.store.fail(false);
    uses.flush(&*b.store).await.unwrap();
    let used = LastUse {
        key_id: "key_1".into(),
        at: later(3),
        ip: Some(c),
    };
    assert_eq!(*b.store.uses.lock(), [used]);
    let mut wanted = PreviousUses::default();
    for secs in [1, 1, 2] {
        wanted.accepted.add(a, later(secs));
    }
    assert_eq!(b.store.previous_uses.lock()["key_1"], wanted);
    uses.flush(&*b.store).await.unwrap();
    assert_eq!(b.store.previous_uses.lock()["key_1"], wanted);
}

#[tokio::test]
async fn requests_with_a_secret_that_has_ended_are_counted_apart_for_a_time_without_a_look_up() {
    let b = Bench::new(10);
    let (old, new) = rotated(&b);
    let uses = LastUses::new();
    let ip = std::net::IpAddr::from([10, 0, 0, 1]);
    let end = later(60);
    let forgotten = end.plus(OLD_SECRET_MEMORY);
    let [old, new] = [&old, &new].map(|text| b.find(text, NOW));
    let (old, new) = (old.await.unwrap().unwrap(), new.await.unwrap().unwrap());
    let calls = b.store.calls();
    for at in [end, end, forgotten] {
        uses.note_ended(&old, ip, at);
        uses.note_ended(&new, ip, at);
    }
    assert_eq!(b.store.calls(), calls);
    uses.flush(&*b.store).await.unwrap();
    let known = b.store.previous_uses.lock()["key_1"].clone();
    assert_eq!((known.accepted.requests, known.refused.requests), (0, 2));
    assert_eq!(known.refused.last().unwrap().at, end);
    assert!(b.store.uses.lock().is_empty());
}

#[tokio::test]
async fn what_is_not_taken_of_one_account_is_not_sent_again_for_others() {
    let b = Bench::new(10);
    let uses = LastUses::new();
    for (id, account) in [("key_1", "a"), ("key_2", "b")] {
        let text = b.key(id);
        b.store.edit(id, |key| {
            key.account_id = account.into();
            key.secrets[0].valid_until = Some(later(60));
        });
        let entry = b.find(&text, NOW).await.unwrap().unwrap();
        uses.note(&entry, std::net::IpAddr::from([10, 0, 0, 1]), NOW);
    }
    *b.store.failing_account.lock() = Some("b".into());
    for _ in 0..3 {
        assert!(uses.flush(&*b.store).await.is_err());
    }
    *b.store.failing_account.lock() = None;
    uses.flush(&*b.store).await.unwrap();
    let all = b.store.previous_uses.lock();
    let counts = ["key_1", "key_2"].map(|id| all[id].accepted.requests);
    assert_eq!(counts, [1, 1]);
}
