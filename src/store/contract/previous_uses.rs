//! What is known of the uses of old secrets: the latest of each key, until it is forgotten; never which secrets are old.

use super::accounts::{begin_erasure, erase};
use super::keys::{key, make};
use super::{Stores, at};
use crate::keys::model::KeyRecord;
use crate::keys::port::LastUse;

fn used(key: &KeyRecord, seconds: i64, ip: Option<&str>) -> LastUse {
    LastUse {
        key_id: key.id.clone(),
        at: at(seconds),
        ip: ip.map(|ip| ip.parse().unwrap()),
    }
}

async fn note(s: &Stores, uses: &[LastUse]) {
    s.keys.note_previous_uses(uses).await.unwrap();
}

async fn previous(s: &Stores, key: &KeyRecord) -> Option<LastUse> {
    let found = s.keys.previous_use(&key.account_id, &key.id).await;
    found.unwrap()
}

pub(crate) async fn a_previous_use_is_the_latest_and_is_forgotten(s: &Stores) {
    let (one, other) = (key("a", 1), key("b", 2));
    make(s, &one).await;
    make(s, &other).await;
    assert_eq!(previous(s, &one).await, None);
    let (early, late) = (
        used(&one, 1, Some("203.0.113.7")),
        used(&one, 5, Some("2001:db8::7")),
    );
    note(s, std::slice::from_ref(&early)).await;
    assert_eq!(previous(s, &one).await, Some(early.clone()));
    let of_other = used(&other, 3, None);
    note(s, &[late.clone(), of_other.clone()]).await;
    // An earlier one that was held up.
    note(s, std::slice::from_ref(&early)).await;
    assert_eq!(previous(s, &one).await, Some(late));
    // Only in its own account.
    let foreign = s.keys.previous_use("b", &one.id).await.unwrap();
    assert_eq!(foreign, None);
    for _ in 0..2 {
        s.keys.forget_previous_use("a", &one.id).await.unwrap();
    }
    s.keys.forget_previous_use("a", &other.id).await.unwrap();
    assert_eq!(previous(s, &one).await, None);
    assert_eq!(previous(s, &other).await, Some(of_other));
    note(s, std::slice::from_ref(&early)).await;
    assert_eq!(previous(s, &one).await, Some(early));
}

pub(crate) async fn uses_of_a_key_that_is_not_there_are_left_out(s: &Stores) {
    let (known, unknown) = (key("a", 1), key("a", 2));
    make(s, &known).await;
    note(s, &[used(&unknown, 1, None), used(&known, 1, None)]).await;
    assert_eq!(previous(s, &unknown).await, None);
    assert!(previous(s, &known).await.is_some());
    for (account, id) in [("a", "no key\n"), ("no account\n", known.id.as_str())] {
        let found = s.keys.previous_use(account, id).await.unwrap();
        assert_eq!(found, None);
        s.keys.forget_previous_use(account, id).await.unwrap();
    }
}

pub(crate) async fn previous_uses_go_with_their_account(s: &Stores) {
    let (gone, kept) = (key("a", 1), key("b", 2));
    make(s, &gone).await;
    make(s, &kept).await;
    note(s, &[used(&gone, 1, None), used(&kept, 1, None)]).await;
    begin_erasure(s, "a").await;
    erase(s, "a").await;
    note(s, &[used(&gone, 2, None)]).await;
    assert_eq!(previous(s, &gone).await, None);
    assert!(previous(s, &kept).await.is_some());
}
