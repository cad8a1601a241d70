//! The erasure of an account that has much, stopped between any two steps and gone on with by another node.

use std::collections::BTreeMap;

use serde_json::json;

use super::{account, create, digest, key_with, log_of, nodes, run};
use crate::accounts::port::{AccountStore, AuditFilter, ErasureStep};
use crate::base::ceilings::REDIS_STEP;
use crate::base::clock::Clock;
use crate::keys::port::{KeyStore, LastUse};
use crate::portal::port::SessionStore;
use crate::store::contract::portal_sessions::session;
use crate::store::contract::{at, change, change_with_answer, context};
use crate::store::redis::Store;
use crate::store::redis::repair::Report;

/// All names, and what they hold as text.
async fn everything(store: &Store, prefix: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let names: Vec<String> = run(store, redis::cmd("KEYS").arg(format!("{prefix}:*"))).await;
    for name in names {
        let kind: String = run(store, redis::cmd("TYPE").arg(&name)).await;
        let cmd = match kind.as_str() {
            "string" => redis::cmd("GET").arg(&name).to_owned(),
            "hash" => redis::cmd("HGETALL").arg(&name).to_owned(),
            "set" => redis::cmd("SMEMBERS").arg(&name).to_owned(),
            "zset" => redis::cmd("ZRANGE").arg(&name).arg(0).arg(-1).to_owned(),
            other => panic!("{name} is a {other}"),
        };
        let value: redis::Value = run(store, &cmd).await;
        let text = match &value {
            redis::Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            // Shows bytes as text.
            other => format!("{other:?}"),
        };
        all.insert(name, text);
    }
    all
}

#[tokio::test]
async fn an_erasure_goes_on_on_any_node_and_leaves_no_trace_of_the_name() {
    let (store, _, settings) = nodes();
    let id = "acct_gone";
    for n in 0..450 {
        create(&store, &key_with(id, n)).await.unwrap();
    }
    let kept = key_with("acct_gone2", 1_000);
    create(&store, &kept).await.unwrap();
    for key in ["k1", "k2"] {
        let why = change_with_answer("account.put", id, key);
        store
            .put_account(&account(id, "other"), &why)
            .await
            .unwrap();
    }
    for _ in 0..REDIS_STEP + 1 {
        let new = session(id, 3_600);
        let why = change("portal_session.create", id);
        store
            .create_session(&new, 1_000, at(0), &why)
            .await
            .unwrap();
    }
    let mut entry = context().entry("any", None, None, json!({"of": [id, "acct_gone2"]}));
    entry.actor = Some(format!("who sees {id}."));
    store.record_audit(&entry).await.unwrap();
    let keys = store.keys(Some(id), &Default::default()).await.unwrap();
    let used = keys.items[0].id.clone();

    let why = change("account.erase", id);
    store.begin_erasure(id, &why).await.unwrap();
    let mut steps = 0;
    loop {
        // Each step on a node of its own, and each twice: the first may have died before it said that it was done.
        let node = Store::new(settings.clone(), Clock::manual(at(0)));
        if node.erase_some(id).await.unwrap() == ErasureStep::Done {
            break;
        }
        assert_eq!(store.erasing().await.unwrap(), [id]);
        assert_eq!(store.by_digest(&[digest(0)]).await.unwrap(), None);
        steps += 1;
        assert!(steps < 200);
    }
    assert!(steps >= 4, "{steps}");
    assert!(store.erasing().await.unwrap().is_empty());
    // What comes late does not come back.
    let late = LastUse {
        key_id: used,
        at: at(9),
        ip: None,
    };
    store.note_last_uses(&[late]).await.unwrap();

    let left = everything(&store, &settings.key_prefix).await;
    let named = left.iter().filter(|(name, text)| {
        let all = format!("{name} {text}").replace("acct_gone2", "");
        all.contains(id)
    });
    let named: Vec<_> = named.map(|(name, _)| name.as_str()).collect();
    // The marks that what comes late is left out by: here, and where events lie. Each ends within a day.
    assert!(named.iter().all(|n| n.contains("erasing")), "{named:?}");
    for name in &named {
        let seconds: i64 = run(&store, redis::cmd("TTL").arg(name)).await;
        assert!((1..=86_400).contains(&seconds), "{name} {seconds}");
    }
    assert_eq!(store.by_digest(&[digest(1_000)]).await.unwrap(), Some(kept));

    let log = log_of(&store, AuditFilter::default()).await;
    let erased = log.iter().find(|e| e.action == "account.erase").unwrap();
    let pseudonym = erased.account_id.clone().unwrap();
    assert!(pseudonym.starts_with("erased_"));
    let any = log.iter().find(|e| e.action == "any").unwrap();
    assert_eq!(any.details, json!({"of": [pseudonym, "acct_gone2"]}));
    let theirs = AuditFilter {
        account_id: Some(pseudonym),
        action: Some("account.put".into()),
        ..AuditFilter::default()
    };
    assert_eq!(log_of(&store, theirs).await.len(), 2);
    let report: Report = store.repair(false, Clock::system().now()).await.unwrap();
    assert!(report.is_clean(), "{report:?}");
}

#[tokio::test]
async fn an_entry_that_was_moved_halfway_is_moved_to_the_end() {
    let (store, _, settings) = nodes();
    create(&store, &key_with("a", 1)).await.unwrap();
    store
        .begin_erasure("a", &change("account.erase", "a"))
        .await
        .unwrap();
    let name: String = run(&store, redis::cmd("GET").arg(store.names.erasing("a"))).await;
    // As a node leaves it that died after it deleted the old one: the index leads there still.
    let all = everything(&store, &settings.key_prefix).await;
    let audit = store.names.account("a", "audit:");
    let (old, text) = all
        .iter()
        .find(|(n, t)| n.starts_with(&audit) && t.contains("key.create"))
        .unwrap();
    let new = old.replace("{a}", &format!("{{{name}}}"));
    let text = text.replace("\"a\"", &format!("\"{name}\""));
    run::<()>(&store, redis::cmd("SET").arg(new).arg(text)).await;
    run::<()>(&store, redis::cmd("DEL").arg(old)).await;
    while store.erase_some("a").await.unwrap() != ErasureStep::Done {}
    let theirs = AuditFilter {
        account_id: Some(name),
        ..AuditFilter::default()
    };
    assert_eq!(log_of(&store, theirs).await.len(), 2);
}

#[tokio::test]
async fn entries_of_others_stay_where_an_account_is_called_as_a_shard() {
    let (store, _, _) = nodes();
    create(&store, &key_with("q3", 1)).await.unwrap();
    let mut why = change("webhook.create", "other");
    why.audit.target = Some("whk_1".into());
    let slot = store.names.slot("q3");
    let announced = crate::store::redis::change::announce(&store, &slot, &why)
        .await
        .unwrap();
    crate::store::redis::audit::carry_out_announced(&store, &announced)
        .await
        .unwrap();
    store
        .begin_erasure("q3", &change("account.erase", "q3"))
        .await
        .unwrap();
    while store.erase_some("q3").await.unwrap() != ErasureStep::Done {}
    let others = AuditFilter {
        account_id: Some("other".into()),
        ..AuditFilter::default()
    };
    assert_eq!(log_of(&store, others).await, [why.audit.clone()]);
    let there = store
        .names
        .account("q3", &format!("audit:{}", why.audit.id));
    assert!(run::<bool>(&store, redis::cmd("EXISTS").arg(there)).await);
}
