//! What is known of the uses of old secrets: all of each key, until it is forgotten; never which secrets are old.

use super::accounts::{begin_erasure, erase};
use super::keys::{key, make};
use super::{Stores, at};
use crate::base::ceilings::old_secrets::OLD_SECRET_KEYS;
use crate::keys::model::KeyRecord;
use crate::keys::previous_uses::PreviousUses;

fn used(seconds: &[i64], ip: &str) -> PreviousUses {
    let mut uses = PreviousUses::default();
    for second in seconds {
        uses.accepted.add(ip.parse().unwrap(), at(*second));
    }
    uses
}

fn refused(second: i64) -> PreviousUses {
    let mut uses = PreviousUses::default();
    uses.refused.add("203.0.113.9".parse().unwrap(), at(second));
    uses
}

async fn note(s: &Stores, account: &str, uses: &[(&KeyRecord, &PreviousUses)]) {
    let uses = uses.iter().map(|(k, u)| (k.id.clone(), (*u).clone()));
    let uses: Vec<_> = uses.collect();
    s.keys.note_previous_uses(account, &uses).await.unwrap();
}

async fn previous(s: &Stores, key: &KeyRecord) -> Option<PreviousUses> {
    let of_key = [(key.account_id.as_str(), key.id.as_str())];
    let mut found = s.keys.previous_uses(&of_key).await.unwrap();
    found.remove(&key.id)
}

pub(crate) async fn previous_uses_add_up_until_they_are_forgotten(s: &Stores) {
    let (one, other) = (key("a", 1), key("b", 2));
    make(s, &one).await;
    make(s, &other).await;
    assert_eq!(previous(s, &one).await, None);
    let (early, late) = (used(&[1, 2], "203.0.113.7"), used(&[4000], "2001:db8::7"));
    note(s, "a", &[(&one, &late)]).await;
    note(s, "b", &[(&other, &early)]).await;
    // Earlier ones that were held up.
    note(s, "a", &[(&one, &early)]).await;
    note(s, "a", &[(&one, &refused(9000))]).await;
    let mut wanted = late.clone();
    wanted.merge(&early);
    wanted.merge(&refused(9000));
    assert_eq!(wanted.accepted.requests, 3);
    assert_eq!(previous(s, &one).await, Some(wanted.clone()));
    // Of several at once, each only in its own account.
    let all = [
        ("a", one.id.as_str()),
        ("b", other.id.as_str()),
        ("a", other.id.as_str()),
        ("b", one.id.as_str()),
    ];
    let found = s.keys.previous_uses(&all).await.unwrap();
    assert_eq!((found.len(), &found[&one.id]), (2, &wanted));
    assert!(s.keys.previous_uses(&all[2..]).await.unwrap().is_empty());
    assert!(s.keys.previous_uses(&[]).await.unwrap().is_empty());
    for _ in 0..2 {
        s.keys.forget_previous_uses("a", &one.id).await.unwrap();
    }
    s.keys.forget_previous_uses("a", &other.id).await.unwrap();
    assert_eq!(previous(s, &one).await, None);
    assert_eq!(previous(s, &other).await, Some(early.clone()));
    note(s, "a", &[(&one, &early)]).await;
    assert_eq!(previous(s, &one).await, Some(early));
}

pub(crate) async fn nodes_that_note_at_once_lose_nothing(s: &Stores) {
    let keys = [key("a", 1), key("a", 2)];
    for key in &keys {
        make(s, key).await;
    }
    let uses = used(&[1], "203.0.113.7");
    let both = [(&keys[0], &uses), (&keys[1], &uses)];
    futures_util::future::join_all((0..4).map(|_| note(s, "a", &both))).await;
    for key in &keys {
        assert_eq!(previous(s, key).await.unwrap().accepted.requests, 4);
    }
}

pub(crate) async fn uses_of_a_key_that_is_not_there_are_left_out(s: &Stores) {
    let (known, unknown) = (key("a", 1), key("a", 2));
    make(s, &known).await;
    let uses = used(&[1], "203.0.113.7");
    note(s, "a", &[(&unknown, &uses), (&known, &uses)]).await;
    assert_eq!(previous(s, &unknown).await, None);
    assert!(previous(s, &known).await.is_some());
    // As many as one call may have.
    let many: Vec<_> = (0..OLD_SECRET_KEYS as u8)
        .map(|n| key("a", 10 + n))
        .collect();
    let many: Vec<_> = many
        .iter()
        .chain([&known])
        .skip(1)
        .map(|k| (k, &uses))
        .collect();
    note(s, "a", &many).await;
    assert_eq!(previous(s, &known).await.unwrap().accepted.requests, 2);
    for (account, id) in [("a", "no key\n"), ("no account\n", known.id.as_str())] {
        let found = s.keys.previous_uses(&[(account, id)]).await.unwrap();
        assert!(found.is_empty());
        let noted = [(id.to_owned(), uses.clone())];
        s.keys.note_previous_uses(account, &noted).await.unwrap();
        s.keys.forget_previous_uses(account, id).await.unwrap();
    }
}

pub(crate) async fn previous_uses_go_with_their_account(s: &Stores) {
    let (gone, kept) = (key("a", 1), key("b", 2));
    make(s, &gone).await;
    make(s, &kept).await;
    let uses = used(&[1], "203.0.113.7");
    note(s, "a", &[(&gone, &uses)]).await;
    note(s, "b", &[(&kept, &uses)]).await;
    begin_erasure(s, "a").await;
    erase(s, "a").await;
    note(s, "a", &[(&gone, &uses)]).await;
    assert_eq!(previous(s, &gone).await, None);
    assert!(previous(s, &kept).await.is_some());
}
