//! Ids and cursors as no id is, which callers of the admin API may send: nothing is found, and nothing is written.

use super::{account, create, key_with, nodes, run};
use crate::accounts::port::{AccountStore, AuditFilter, ErasureStep};
use crate::base::page::PageRequest;
use crate::keys::model::KeyRecord;
use crate::keys::port::{KeyStore, LastUse};
use crate::store::contract::{assert_conflict, assert_not_found, at, change};
use crate::store::redis::Store;
use crate::store::redis::testing::cluster_settings;

const HOSTILE: [&str; 9] = [
    "", "a}b{c", "{q3}", "~e", "a b", "a\nb", "key_1 a", "[key_", "é\u{0}*",
];

async fn nothing_comes_of_hostile_ids(store: &Store) {
    let known = key_with("a", 1);
    create(store, &known).await.unwrap();
    for id in HOSTILE {
        let why = || change("any", id);
        assert_eq!(store.account(id).await.unwrap(), None, "{id:?}");
        assert_eq!(store.key(id).await.unwrap(), None, "{id:?}");
        let page = PageRequest::default();
        assert!(store.keys(Some(id), &page).await.unwrap().items.is_empty());
        assert_eq!(store.count_live_keys(id, at(0)).await.unwrap(), 0);
        let of_nobody = key_with(id, 2);
        let no_id = KeyRecord {
            id: id.to_owned(),
            ..key_with("b", 3)
        };
        for key in [&of_nobody, &no_id] {
            assert_conflict(create(store, key).await);
            let batch = [known.clone(), key.clone()];
            assert_conflict(store.import_keys(&batch, "standard", &why()).await);
            assert_not_found(store.update_key(key, &why()).await);
        }
        assert_conflict(store.put_account(&account(id, "standard"), &why()).await);
        assert_not_found(store.begin_erasure(id, &why()).await);
        assert_eq!(store.erase_some(id).await.unwrap(), ErasureStep::Done);
        let revoked = store.revoke_account_keys(id, at(0), &why()).await;
        assert!(revoked.unwrap().is_empty());
        let secret = &known.secrets[0];
        store.move_digest(id, &secret.digest, secret).await.unwrap();
        let used = LastUse {
            key_id: id.to_owned(),
            at: at(1),
            ip: None,
        };
        store.note_last_uses(&[used]).await.unwrap();
        assert_eq!(store.idempotent_answer(id, at(0)).await.unwrap(), None);
        let after = || PageRequest {
            limit: 9,
            after: Some(id.to_owned()),
        };
        store.keys(None, &after()).await.unwrap();
        store.keys(Some("a"), &after()).await.unwrap();
        store.accounts(&after()).await.unwrap();
        let filter = AuditFilter {
            account_id: Some(id.to_owned()),
            action: None,
            target: Some(id.to_owned()),
        };
        store.audit_log(&filter, &after()).await.unwrap();
    }
    assert_eq!(store.key(&known.id).await.unwrap(), Some(known));
    assert!(store.account("b").await.unwrap().is_none());
}

#[tokio::test]
async fn a_server_is_asked_nothing_strange() {
    let (store, _, settings) = nodes();
    nothing_comes_of_hostile_ids(&store).await;
    let names: Vec<String> = run(
        &store,
        redis::cmd("KEYS").arg(format!("{}:*", settings.key_prefix)),
    )
    .await;
    let tags: Vec<_> = names
        .iter()
        .filter_map(|n| n.split_once('{')?.1.split_once('}'))
        .map(|(tag, _)| tag)
        .filter(|tag| !tag.starts_with('~'))
        .collect();
    assert!(tags.iter().all(|t| *t == "a"), "{tags:?}");
}

#[tokio::test]
async fn a_cluster_is_asked_nothing_strange() {
    let store = Store::new(cluster_settings(), crate::base::clock::Clock::manual(at(0)));
    nothing_comes_of_hostile_ids(&store).await;
}
