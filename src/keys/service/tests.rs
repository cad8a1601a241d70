//! What the operations over keys promise: validation, one secret, changes that hold at once; never a real store.

use std::net::IpAddr;
use std::path::Path;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;

use super::*;
use crate::base::audit::Idempotency;
use crate::base::ceilings::{IMPORT_KEYS, KEY_SECRETS};
use crate::config::{LoadOptions, load_bytes};
use crate::keys::input::{Expiry, ImportHash, ImportKey};
use crate::keys::model::KeyStatus;
use crate::keys::testing::FakeStore;
use crate::keys::verify::{Asked, Grant, Refusal, authorise};

mod again;
mod old_secrets;

const YAML: &str = r#"
listeners: [ { address: "127.0.0.1:0" } ]
admin: { address: "127.0.0.1:0", token: "0123456789abcdef0123456789abcdef" }
store: { engine: embedded, path: /tmp/unused.db }
keys:
  prefix: lf_live
  peppers: [ { id: p1, secret: "0123456789abcdef0123456789abcdef" } ]
  legacy: [ { pattern: "^oldkey_[0-9a-f]{32}$", hash: sha256 } ]
scopes: { "contacts:read": "r", "contacts:write": "w" }
default_plan: standard
plans: { standard: { rate: { requests: 50, per_seconds: 1, burst: 100 } } }
upstreams: { crm: { targets: [ { address: "127.0.0.1:9" } ] } }
routes:
  - { path: "/v1/contacts", methods: [GET], scopes: ["contacts:read"], upstream: crm }
"#;

#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl KeyObserver for Heard {
    fn key_changed(&self, key_id: &str) {
        self.0.lock().push(key_id.into());
    }
    fn account_keys_changed(&self, account_id: &str) {
        self.0.lock().push(account_id.into());
    }
    fn keys_added(&self) {
        self.0.lock().push("added".into());
    }
}

struct Desk {
    config: Config,
    store: Arc<FakeStore>,
    heard: Arc<Heard>,
    service: KeyService,
}

const NOW: Timestamp = Timestamp::from_secs(1_000_000);

fn ctx() -> ChangeContext {
    ChangeContext::internal(NOW, "test")
}

fn new_key() -> NewKey {
    NewKey {
        account_id: "acct_1".into(),
        name: "CI".into(),
        scopes: vec!["contacts:read".into()],
        expiry: Expiry::Days(30),
        allowed_ips: vec![],
    }
}

fn desk() -> Desk {
    let options = LoadOptions::default();
    let config = load_bytes(YAML.as_bytes(), Path::new("t.yaml"), &|_| None, &options).unwrap();
    let (store, heard) = (Arc::new(FakeStore::default()), Arc::new(Heard::default()));
    Desk {
        config,
        service: KeyService::new(store.clone(), heard.clone()),
        store,
        heard,
    }
}

impl Desk {
    async fn create(&self) -> Made {
        let (key, ctx) = (new_key(), ctx());
        let made = self.service.create(&self.config, 100, &key, &ctx).await;
        made.unwrap()
    }

    /// What the request path would decide for a secret at an instant.
    fn decide(&self, secret: &Secret, now: Timestamp) -> Result<(), Refusal> {
        let shown = Digester::new(&self.config.keys)
            .shown(secret.expose())
            .unwrap();
        let all = self.store.keys.lock();
        let found = all.iter().find_map(|k| Some((k, shown.matching(k)?)));
        let (key, stored) = found.ok_or(Refusal::Invalid)?;
        let grant = Grant::new(key, stored, key.scopes.join(" ").into());
        let asked = Asked {
            now,
            address: IpAddr::from([127, 0, 0, 1]),
            scopes: &[],
            deny: &[],
        };
        authorise(&grant, &asked)
    }

    async fn invalid_fields(&self, key: &NewKey) -> Vec<String> {
        match self.service.create(&self.config, 100, key, &ctx()).await {
            Err(KeyError::Invalid(e)) => e.into_iter().map(|e| e.field).collect(),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_created_key_works_and_its_secret_is_nowhere_else() {
    let d = desk();
    let mut ctx = ctx();
    ctx.idempotency = Some(Idempotency {
        key: "k".into(),
        request_digest: [1; 32],
    });
    let made = d
        .service
        .create(&d.config, 100, &new_key(), &ctx)
        .await
        .unwrap();
    assert!(secret::check("lf_live", made.secret.expose()));
    assert!(made.secret.expose().ends_with(&made.key.last_four));
    assert_eq!(
        made.key.expires_at,
        Some(NOW.plus(Duration::from_secs(30 * 86_400)))
    );
    assert_eq!(d.decide(&made.secret, NOW), Ok(()));
    assert_eq!(*d.heard.0.lock(), ["added"]);
    let changes = d.store.changes.lock();
    let everything = format!("{:?} {:?} {made:?}", changes, d.store.keys.lock());
    assert!(!everything.contains(&made.secret.expose()[8..]));
    let answer = changes[0].answer.as_ref().unwrap();
    assert_eq!(answer.status, 201);
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(
        (&body["id"], &body["status"]),
        (&json!(made.key.id), &json!("active"))
    );
    assert!(body.get("secret").is_none() && body.get("secrets").is_none());
}

#[tokio::test]
async fn every_wrong_field_is_named_at_once() {
    let d = desk();
    let key = NewKey {
        account_id: "a b".into(),
        name: "a\nb".into(),
        scopes: vec![
            "contacts:read".into(),
            "nope".into(),
            "contacts:read".into(),
        ],
        expiry: Expiry::Days(31),
        allowed_ips: vec!["10.0.0.0/8".into(), "10.0.0.0/33".into()],
    };
    let want = [
        "account_id",
        "name",
        "scopes[1]",
        "scopes[2]",
        "expires_in_days",
        "allowed_ips[1]",
    ];
    assert_eq!(d.invalid_fields(&key).await, want);
    let empty = NewKey {
        account_id: String::new(),
        name: "  ".into(),
        scopes: vec![],
        expiry: Expiry::At(NOW),
        allowed_ips: vec!["::/0".into(); 101],
    };
    let want = ["account_id", "name", "scopes", "expires_at", "allowed_ips"];
    assert_eq!(d.invalid_fields(&empty).await, want);
    assert!(d.store.keys.lock().is_empty());
}

#[test]
fn an_expiry_must_be_said_once() {
    let at = Some(Some(NOW));
    assert!(Expiry::said(None, None).is_err() && Expiry::said(Some(None), at).is_err());
    assert_eq!(Expiry::said(Some(None), None).unwrap(), Expiry::Never);
    assert_eq!(Expiry::said(None, Some(None)).unwrap(), Expiry::Never);
    assert_eq!(
        Expiry::said(Some(Some(90)), None).unwrap(),
        Expiry::Days(90)
    );
    assert_eq!(Expiry::said(None, at).unwrap(), Expiry::At(NOW));
}

#[tokio::test]
async fn networks_are_written_in_one_way() {
    let d = desk();
    let mut key = new_key();
    key.allowed_ips = [
        "10.1.2.3/8",
        "192.0.2.7",
        "::ffff:192.0.2.0/120",
        "2001:db8::1",
    ]
    .map(String::from)
    .into();
    let made = d
        .service
        .create(&d.config, 100, &key, &ctx())
        .await
        .unwrap();
    let want = [
        "10.0.0.0/8",
        "192.0.2.7/32",
        "192.0.2.0/24",
        "2001:db8::1/128",
    ];
    assert_eq!(made.key.view(NOW).allowed_ips, want);
}

#[tokio::test]
async fn the_account_has_its_number_of_keys_and_no_more() {
    let d = desk();
    for _ in 0..2 {
        d.service
            .create(&d.config, 2, &new_key(), &ctx())
            .await
            .unwrap();
    }
    let third = d.service.create(&d.config, 2, &new_key(), &ctx()).await;
    assert!(matches!(third, Err(KeyError::Conflict(text)) if text.contains("may have 2")));
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_tells_the_cache() {
    let d = desk();
    let made = d.create().await;
    let patch = KeyPatch {
        name: Some("New".into()),
        disabled: Some(true),
        expiry: Some(Expiry::Never),
        ..KeyPatch::default()
    };
    let id = &made.key.id;
    let key = d
        .service
        .patch(&d.config, id, &patch, &ctx())
        .await
        .unwrap();
    assert_eq!(
        (key.name.as_str(), key.revision, key.expires_at),
        ("New", 2, None)
    );
    assert_eq!(key.scopes, made.key.scopes);
    assert_eq!(d.decide(&made.secret, NOW), Err(Refusal::Revoked));
    assert_eq!(d.heard.0.lock().last(), Some(id));
    let details = d.store.changes.lock()[1].audit.details.clone();
    assert_eq!(details["name"], json!({"from": "CI", "to": "New"}));
    assert!(details.get("scopes").is_none());
    // The same again changes nothing, and so writes nothing.
    d.service
        .patch(&d.config, id, &patch, &ctx())
        .await
        .unwrap();
    assert_eq!(d.store.changes.lock().len(), 2);
}

#[tokio::test]
async fn a_change_that_loses_is_made_again_but_not_for_ever() {
    let d = desk();
    let made = d.create().await;
    let patch = KeyPatch {
        name: Some("New".into()),
        ..KeyPatch::default()
    };
    d.store.lose.store(3, Ordering::SeqCst);
    let key = d
        .service
        .patch(&d.config, &made.key.id, &patch, &ctx())
        .await
        .unwrap();
    assert_eq!(key.revision, 5);
    d.store.lose.store(1000, Ordering::SeqCst);
    let patch = KeyPatch {
        name: Some("Newer".into()),
        ..KeyPatch::default()
    };
    let lost = d
        .service
        .patch(&d.config, &made.key.id, &patch, &ctx())
        .await;
    assert!(matches!(lost, Err(KeyError::Conflict(_))));
    assert_eq!(d.store.lose.load(Ordering::SeqCst), 1000 - REVISION_TRIES);
}

#[tokio::test]
async fn a_revoked_key_stays_revoked() {
    let d = desk();
    let made = d.create().await;
    let id = &made.key.id;
    let first = d.service.revoke(id, &ctx()).await.unwrap();
    assert_eq!(first.status(NOW), KeyStatus::Revoked);
    let later = ChangeContext::internal(NOW.plus(Duration::from_secs(9)), "test");
    assert_eq!(d.service.revoke(id, &later).await.unwrap(), first);
    assert_eq!(d.decide(&made.secret, NOW), Err(Refusal::Revoked));
    let patch = KeyPatch {
        disabled: Some(false),
        ..KeyPatch::default()
    };
    let patched = d.service.patch(&d.config, id, &patch, &ctx()).await;
    assert!(matches!(patched, Err(KeyError::Conflict(_))));
    let rotated = d
        .service
        .rotate(&d.config, id, Duration::ZERO, &ctx())
        .await;
    assert!(matches!(rotated, Err(KeyError::Conflict(_))));
    let none = d.service.revoke("key_none", &ctx()).await;
    assert!(matches!(none, Err(KeyError::NotFound)));
}

#[tokio::test]
async fn a_rotated_key_keeps_its_id_and_its_old_secret_for_the_grace() {
    let d = desk();
    let first = d.create().await;
    let id = &first.key.id;
    let rotate = async |secs, at| {
        let ctx = ChangeContext::internal(at, "test");
        let made = d
            .service
            .rotate(&d.config, id, Duration::from_secs(secs), &ctx);
        made.await
    };
    let second = rotate(3600, NOW).await.unwrap();
    assert_eq!(second.key.id, *id);
    assert_ne!(second.secret, first.secret);
    let (almost, over) = (
        NOW.plus(Duration::from_secs(3599)),
        NOW.plus(Duration::from_secs(3600)),
    );
    assert_eq!(d.decide(&first.secret, almost), Ok(()));
    assert_eq!(d.decide(&second.secret, over), Ok(()));
    assert_eq!(d.decide(&first.secret, over), Err(Refusal::Invalid));
    // No grace ends what is still in its grace too: that is what one rotates for after a leak.
    let third = rotate(0, almost).await.unwrap();
    assert_eq!(d.decide(&first.secret, almost), Err(Refusal::Invalid));
    assert_eq!(d.decide(&second.secret, almost), Err(Refusal::Invalid));
    assert_eq!(d.decide(&third.secret, almost), Ok(()));
    for _ in 0..10 {
        rotate(60, almost).await.unwrap();
    }
    assert_eq!(d.service.get(id).await.unwrap().secrets.len(), KEY_SECRETS);
    let long = rotate(ROTATION_GRACE.as_secs() + 1, NOW).await;
    assert!(matches!(long, Err(KeyError::Invalid(e)) if e[0].field == "grace_seconds"));
}

#[tokio::test]
async fn a_leaked_secret_leads_to_its_key() {
    let d = desk();
    let made = d.create().await;
    d.service.revoke(&made.key.id, &ctx()).await.unwrap();
    let found = d.service.lookup(&d.config, &made.secret).await.unwrap();
    assert_eq!(found.id, made.key.id);
    let other = secret::generate("lf_live").unwrap();
    for unknown in [other, Secret::new("garbage")] {
        let found = d.service.lookup(&d.config, &unknown).await;
        assert!(matches!(found, Err(KeyError::NotFound)));
    }
}

fn import(account: &str, digest: &str, hash: ImportHash) -> ImportKey {
    let mut key = new_key();
    key.account_id = account.into();
    key.expiry = Expiry::Never;
    ImportKey {
        key,
        digest: digest.into(),
        hash,
        prefix: "oldkey".into(),
        last_four: "cdef".into(),
    }
}

/// SHA-256 of `oldkey_0123456789abcdef0123456789abcdef`.
fn old_digest() -> String {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(b"oldkey_0123456789abcdef0123456789abcdef");
    crate::base::hex::encode(&digest).to_ascii_uppercase()
}

#[tokio::test]
async fn imported_digests_work_and_come_once() {
    let d = desk();
    let keys = [import("acct_1", &old_digest(), ImportHash::Sha256)];
    let done = d.service.import(&d.config, &keys, &ctx()).await.unwrap();
    assert_eq!((done.created, done.existing), (1, 0));
    let old = Secret::new("oldkey_0123456789abcdef0123456789abcdef");
    assert_eq!(d.decide(&old, NOW), Ok(()));
    let again = d.service.import(&d.config, &keys, &ctx()).await.unwrap();
    assert_eq!((again.created, again.existing), (0, 1));
    let theft = [import("acct_2", &old_digest(), ImportHash::Sha256)];
    let theft = d.service.import(&d.config, &theft, &ctx()).await;
    assert!(matches!(theft, Err(KeyError::Conflict(_))));
}

#[tokio::test]
async fn a_wrong_import_names_its_keys_and_makes_none() {
    let d = desk();
    let unknown = ImportHash::HmacSha256 {
        pepper: "p9".into(),
    };
    let mut long = import("acct_1", &old_digest(), ImportHash::Sha256);
    long.last_four = "89abcdef".into();
    let keys = [
        import("acct_1", &old_digest(), ImportHash::Sha256),
        import("acct_1", &"é".repeat(32), ImportHash::Sha256),
        import("acct_1", &"ab".repeat(32), unknown),
        long,
    ];
    let wrong = match d.service.import(&d.config, &keys, &ctx()).await {
        Err(KeyError::Invalid(e)) => e.into_iter().map(|e| e.field).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    let want = [
        "keys[1].digest",
        "keys[2].pepper",
        "keys[3].last_four",
        "keys[3].digest",
    ];
    assert_eq!(wrong, want);
    assert!(d.store.keys.lock().is_empty());
    for many in [0, IMPORT_KEYS + 1] {
        let keys = vec![keys[0].clone(); many];
        let refused = d.service.import(&d.config, &keys, &ctx()).await;
        assert!(matches!(refused, Err(KeyError::Invalid(e)) if e[0].field == "keys"));
    }
}

#[tokio::test]
async fn all_keys_of_an_account_go_at_once() {
    let d = desk();
    let (one, two) = (d.create().await, d.create().await);
    let ids = d.service.revoke_account("acct_1", &ctx()).await.unwrap();
    assert_eq!(ids, [one.key.id, two.key.id]);
    assert_eq!(d.heard.0.lock()[2], "acct_1");
    assert_eq!(d.heard.0.lock()[3..], ids);
    assert_eq!(d.decide(&one.secret, NOW), Err(Refusal::Revoked));
    let none = d.service.revoke_account("acct_1", &ctx()).await.unwrap();
    assert!(none.is_empty());
    assert_eq!(d.heard.0.lock()[5..], ["acct_1"]);
}

#[tokio::test]
async fn a_store_that_is_away_is_told_apart() {
    let d = desk();
    let made = d.create().await;
    d.store.fail(true);
    let got = d.service.get(&made.key.id).await;
    assert!(matches!(
        got,
        Err(KeyError::Store(StoreError::Unavailable(_)))
    ));
}
