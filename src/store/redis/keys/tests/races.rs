//! What two nodes do at the same moment; never what one does after the other.

use futures_util::future::join_all;

use super::{create, digest, key_with, nodes};
use crate::keys::model::{DigestKind, StoredSecret};
use crate::keys::port::KeyStore;
use crate::store::contract::{at, change, change_with_answer};
use crate::store::redis::digests;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_racing_creations_of_one_digest_exactly_one_makes_a_key() {
    let (one, other, _) = nodes();
    for round in 0..40 {
        let keys: Vec<_> = ["a", "b", "a", "c", "b", "d"]
            .iter()
            .map(|account| key_with(account, round))
            .collect();
        let made = keys
            .iter()
            .enumerate()
            .map(|(i, k)| create(if i % 2 == 0 { &one } else { &other }, k));
        let made = join_all(made).await;
        let winners: Vec<_> = keys.iter().zip(&made).filter(|(_, m)| m.is_ok()).collect();
        assert_eq!(winners.len(), 1, "{made:?}");
        let found = one.by_digest(&[digest(round)]).await.unwrap();
        assert_eq!(found.as_ref(), Some(winners[0].0));
        for loser in keys.iter().filter(|k| Some(*k) != found.as_ref()) {
            let record = digests::read(&one, &loser.account_id, &loser.id).await;
            assert_eq!(record.unwrap(), None);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_has_its_number_of_keys_however_many_make_them() {
    let (one, other, _) = nodes();
    let keys: Vec<_> = (0..20).map(|n| key_with("a", n)).collect();
    let made = keys.iter().enumerate().map(|(i, k)| {
        let node = if i % 2 == 0 { &one } else { &other };
        async move {
            let why = change("key.create", "a");
            node.create_key(k, "standard", 7, at(0), &why).await
        }
    });
    let made = join_all(made).await;
    assert_eq!(made.iter().filter(|m| m.is_ok()).count(), 7);
    assert_eq!(one.count_live_keys("a", at(0)).await.unwrap(), 7);
}

/// Nodes on an older and a newer configuration move a key's digest to and fro while both run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_digest_that_moves_to_and_fro_is_found_in_the_end() {
    let (one, other, _) = nodes();
    let key = key_with("a", 1);
    create(&one, &key).await.unwrap();
    let secret = |n: u32| StoredSecret {
        digest: digest(n),
        kind: DigestKind::Pepper(format!("p{n}")),
        valid_until: None,
    };
    for _ in 0..60 {
        let there = async { one.move_digest(&key.id, &digest(1), &secret(2)).await };
        let back = async { other.move_digest(&key.id, &digest(2), &secret(1)).await };
        let again = async { other.move_digest(&key.id, &digest(1), &secret(2)).await };
        let (there, back, again) = tokio::join!(there, back, again);
        there.and(back).and(again).unwrap();
        let record = one.key(&key.id).await.unwrap().unwrap();
        let now = record.secrets[0].digest;
        assert_eq!(one.by_digest(&[now]).await.unwrap(), Some(record));
        let gone = if now == digest(1) {
            digest(2)
        } else {
            digest(1)
        };
        assert_eq!(one.by_digest(&[gone]).await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_idempotency_key_is_answered_once_whichever_slots_it_comes_to() {
    let (one, other, _) = nodes();
    for round in 0..30 {
        let keys: Vec<_> = ["a", "b", "c", "a"]
            .iter()
            .enumerate()
            .map(|(i, account)| key_with(account, round * 4 + i as u32))
            .collect();
        let made = keys.iter().enumerate().map(|(i, k)| {
            let node = if i % 2 == 0 { &one } else { &other };
            let why = change_with_answer("key.create", &k.account_id, &format!("k{round}"));
            async move { node.create_key(k, "standard", 1000, at(0), &why).await }
        });
        let made = join_all(made).await;
        assert_eq!(made.iter().filter(|m| m.is_ok()).count(), 1, "{made:?}");
    }
}
