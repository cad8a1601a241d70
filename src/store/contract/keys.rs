//! What keys may expect of a store; never a rule of a key itself.

use super::{Stores, assert_conflict, assert_not_found, at, change};
use crate::base::ids;
use crate::base::page::PageRequest;
use crate::keys::model::{Digest, DigestKind, KeyRecord, StoredSecret};
use crate::keys::port::LastUse;

pub(crate) fn secret(digest: u8) -> StoredSecret {
    StoredSecret {
        digest: [digest; 32],
        kind: DigestKind::Pepper("p1".to_owned()),
        valid_until: None,
    }
}

pub(crate) fn key(account: &str, digest: u8) -> KeyRecord {
    KeyRecord {
        id: ids::new(ids::KEY),
        account_id: account.to_owned(),
        name: "a key".to_owned(),
        scopes: vec!["contacts:read".to_owned(), "deals:write".to_owned()],
        created_at: at(0),
        expires_at: None,
        last_used_at: None,
        last_used_ip: None,
        disabled: false,
        revoked_at: None,
        allowed_ips: vec!["10.0.0.0/8".parse().unwrap()],
        prefix: "lf_live".to_owned(),
        last_four: "abcd".to_owned(),
        secrets: vec![secret(digest)],
        revision: 1,
    }
}

/// Makes a key where no limit of keys matters.
pub(crate) async fn make(s: &Stores, key: &KeyRecord) {
    s.keys
        .create_key(
            key,
            "standard",
            100,
            at(0),
            &change("key.create", &key.account_id),
        )
        .await
        .unwrap();
}

pub(crate) async fn a_key_is_found_by_any_of_its_digests(s: &Stores) {
    let mut k = key("a", 1);
    k.secrets.push(StoredSecret {
        valid_until: Some(at(60)),
        ..secret(2)
    });
    k.expires_at = Some(at(99));
    make(s, &k).await;
    for digests in [&[[1; 32]][..], &[[2; 32]], &[[9; 32], [2; 32]]] {
        assert_eq!(s.keys.by_digest(digests).await.unwrap(), Some(k.clone()));
    }
    assert_eq!(s.keys.by_digest(&[[9; 32]]).await.unwrap(), None);
    assert_eq!(s.keys.by_digest(&[]).await.unwrap(), None);
    assert_eq!(s.keys.key(&k.id).await.unwrap(), Some(k));
    assert_eq!(s.keys.key("key_none").await.unwrap(), None);
}

pub(crate) async fn a_key_makes_its_account_with_the_default_plan(s: &Stores) {
    make(s, &key("a", 1)).await;
    let a = s.accounts.account("a").await.unwrap().unwrap();
    assert_eq!(
        (a.plan.as_str(), a.suspended, a.erasing),
        ("standard", false, false)
    );
}

pub(crate) async fn an_account_has_no_more_live_keys_than_allowed(s: &Stores) {
    let create = |digest, expires_at, now| {
        let k = KeyRecord {
            expires_at,
            ..key("a", digest)
        };
        async move {
            let why = change("key.create", "a");
            s.keys.create_key(&k, "standard", 2, now, &why).await
        }
    };
    create(1, Some(at(10)), at(0)).await.unwrap();
    create(2, None, at(0)).await.unwrap();
    assert_conflict(create(3, None, at(9)).await);
    assert_eq!(s.keys.count_live_keys("a", at(9)).await.unwrap(), 2);
    assert_eq!(s.keys.count_live_keys("a", at(10)).await.unwrap(), 1);
    create(3, None, at(10)).await.unwrap();
    let why = change("account.revoke_keys", "a");
    s.keys.revoke_account_keys("a", at(11), &why).await.unwrap();
    assert_eq!(s.keys.count_live_keys("a", at(11)).await.unwrap(), 0);
    create(4, None, at(12)).await.unwrap();
}

pub(crate) async fn a_digest_belongs_to_one_key(s: &Stores) {
    let k = key("a", 1);
    make(s, &k).await;
    let why = change("key.create", "b");
    let other = key("b", 1);
    assert_conflict(s.keys.create_key(&other, "standard", 9, at(0), &why).await);
    assert_eq!(s.keys.key(&other.id).await.unwrap(), None);
    assert!(s.accounts.account("b").await.unwrap().is_none());
    let same_id = KeyRecord {
        id: k.id.clone(),
        ..key("a", 2)
    };
    assert_conflict(
        s.keys
            .create_key(&same_id, "standard", 9, at(0), &why)
            .await,
    );
}

pub(crate) async fn a_key_is_replaced_only_from_its_present_revision(s: &Stores) {
    let mut k = key("a", 1);
    make(s, &k).await;
    let noted = LastUse {
        key_id: k.id.clone(),
        at: at(3),
        ip: None,
    };
    s.keys.note_last_uses(&[noted]).await.unwrap();
    let why = change("key.rotate", "a");
    k.name = "renamed".to_owned();
    k.revision = 2;
    k.secrets = vec![
        secret(2),
        StoredSecret {
            valid_until: Some(at(60)),
            ..secret(1)
        },
    ];
    s.keys.update_key(&k, &why).await.unwrap();
    let stored = s.keys.by_digest(&[[2; 32]]).await.unwrap().unwrap();
    assert_eq!(stored.last_used_at, Some(at(3)));
    assert_eq!(
        KeyRecord {
            last_used_at: None,
            ..stored
        },
        k
    );
    assert_conflict(s.keys.update_key(&k, &change("key.rotate", "a")).await);
    let unknown = KeyRecord {
        revision: 2,
        ..key("a", 5)
    };
    assert_not_found(s.keys.update_key(&unknown, &change("key.patch", "a")).await);
    k.revision = 3;
    k.secrets.truncate(1);
    let why = change("key.patch", "a");
    s.keys.update_key(&k, &why).await.unwrap();
    assert_eq!(s.keys.by_digest(&[[1; 32]]).await.unwrap(), None);
}

pub(crate) async fn keys_are_listed_newest_first_and_stable_under_inserts(s: &Stores) {
    let made: Vec<_> = (0..5).map(|i| key(["a", "b"][i % 2], i as u8)).collect();
    for k in &made {
        make(s, k).await;
    }
    let page = |after| PageRequest { limit: 2, after };
    let first = s.keys.keys(None, &page(None)).await.unwrap();
    assert_eq!(first.items, [made[4].clone(), made[3].clone()]);
    make(s, &key("a", 9)).await;
    let second = s.keys.keys(None, &page(first.next)).await.unwrap();
    assert_eq!(second.items, [made[2].clone(), made[1].clone()]);
    let third = s.keys.keys(None, &page(second.next)).await.unwrap();
    assert_eq!(third.items, [made[0].clone()]);
    assert_eq!(third.next, None);
    let of_b = s.keys.keys(Some("b"), &page(None)).await.unwrap();
    assert_eq!(of_b.items, [made[3].clone(), made[1].clone()]);
    assert_eq!(of_b.next, None);
}

pub(crate) async fn an_import_makes_what_is_not_there(s: &Stores) {
    let batch = [key("a", 1), key("b", 2)];
    let why = change("key.import", "a");
    let done = s.keys.import_keys(&batch, "basic", &why).await.unwrap();
    assert_eq!((done.created, done.existing), (2, 0));
    let again = [key("a", 1), key("a", 3)];
    let why = change("key.import", "a");
    let done = s.keys.import_keys(&again, "basic", &why).await.unwrap();
    assert_eq!((done.created, done.existing), (1, 1));
    let kept = s.keys.by_digest(&[[1; 32]]).await.unwrap().unwrap();
    assert_eq!(kept.id, batch[0].id);
    let b = s.accounts.account("b").await.unwrap().unwrap();
    assert_eq!(b.plan, "basic");
}

pub(crate) async fn an_import_with_a_foreign_digest_makes_nothing(s: &Stores) {
    make(s, &key("a", 1)).await;
    let batch = [key("b", 2), key("b", 1)];
    let why = change("key.import", "b");
    assert_conflict(s.keys.import_keys(&batch, "standard", &why).await);
    assert_eq!(s.keys.by_digest(&[[2; 32]]).await.unwrap(), None);
    assert!(s.accounts.account("b").await.unwrap().is_none());
}

pub(crate) async fn all_keys_of_an_account_are_revoked_at_once(s: &Stores) {
    let (one, two, other) = (key("a", 1), key("a", 2), key("b", 3));
    for k in [&one, &two, &other] {
        make(s, k).await;
    }
    let revoke = |now| async move {
        let why = change("account.revoke_keys", "a");
        s.keys.revoke_account_keys("a", now, &why).await.unwrap()
    };
    assert_eq!(revoke(at(5)).await, [one.id.clone(), two.id.clone()]);
    assert!(revoke(at(6)).await.is_empty());
    let stored = s.keys.key(&one.id).await.unwrap().unwrap();
    assert_eq!((stored.revoked_at, stored.revision), (Some(at(5)), 2));
    let untouched = s.keys.key(&other.id).await.unwrap().unwrap();
    assert_eq!(untouched.revoked_at, None);
}

pub(crate) async fn a_digest_moves_and_nothing_else(s: &Stores) {
    let mut k = key("a", 1);
    k.secrets[0].valid_until = Some(at(50));
    make(s, &k).await;
    let new = StoredSecret {
        digest: [8; 32],
        kind: DigestKind::Pepper("p2".to_owned()),
        valid_until: None,
    };
    let old: Digest = [1; 32];
    s.keys.move_digest("key_other", &old, &new).await.unwrap();
    assert!(s.keys.by_digest(&[old]).await.unwrap().is_some());
    s.keys.move_digest(&k.id, &old, &new).await.unwrap();
    s.keys.move_digest(&k.id, &old, &new).await.unwrap();
    assert_eq!(s.keys.by_digest(&[old]).await.unwrap(), None);
    let stored = s.keys.by_digest(&[[8; 32]]).await.unwrap().unwrap();
    k.secrets[0] = StoredSecret {
        valid_until: Some(at(50)),
        ..new
    };
    assert_eq!(stored, k);
}

pub(crate) async fn keys_that_expire_in_a_span_are_found(s: &Stores) {
    let mut wanted = Vec::new();
    for n in 0..7_u8 {
        let mut k = key(&format!("acct_{}", n % 3), n + 1);
        k.expires_at = (n < 6).then(|| at(i64::from(n) * 100));
        make(s, &k).await;
        if (1..5).contains(&n) {
            wanted.push(k.id.clone());
        }
    }
    let mut revoked = key("acct_0", 99);
    revoked.expires_at = Some(at(200));
    make(s, &revoked).await;
    revoked.revoked_at = Some(at(1));
    revoked.revision += 1;
    let why = change("key.revoke", "acct_0");
    s.keys.update_key(&revoked, &why).await.unwrap();
    for limit in [1, 2, 9] {
        let mut found = Vec::new();
        let mut page = PageRequest { limit, after: None };
        loop {
            let some = s.keys.keys_expiring(at(100), at(401), &page).await.unwrap();
            found.extend(some.items.into_iter().map(|k| k.id));
            match some.next {
                Some(next) => page.after = Some(next),
                None => break,
            }
        }
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted, "{limit}");
    }
}

pub(crate) async fn a_last_use_never_goes_back(s: &Stores) {
    let k = key("a", 1);
    make(s, &k).await;
    let used = |at, ip: &str| LastUse {
        key_id: k.id.clone(),
        at,
        ip: Some(ip.parse().unwrap()),
    };
    s.keys
        .note_last_uses(&[used(at(9), "2001:db8::1"), used(at(5), "10.0.0.1")])
        .await
        .unwrap();
    let stored = s.keys.key(&k.id).await.unwrap().unwrap();
    assert_eq!(stored.last_used_at, Some(at(9)));
    assert_eq!(stored.last_used_ip, Some("2001:db8::1".parse().unwrap()));
    assert_eq!(stored.revision, 1);
}
