//! Copies of a store that has everything, compared row by row through the ports of both; servers are real.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::accounts::model::Account;
use crate::accounts::port::AuditFilter;
use crate::base::audit::{AuditEntry, Change, ChangeContext, IdempotentAnswer};
use crate::base::clock::{DAY_MS, HOUR_MS, Timestamp};
use crate::base::ids;
use crate::base::page::{Page, PageRequest};
use crate::base::secret::Secret;
use crate::config::model::{LegacyHash, PlanOverrides, RedisStore};
use crate::keys::model::{Digest, DigestKind, KeyRecord, StoredSecret};
use crate::keys::port::{KeyStore, LastUse};
use crate::store::redis::testing::{Server, cluster_settings, settings};
use crate::usage::model::{Counts, Granularity, KeyUsageRow, RouteUsageRow, UsageBatch};
use crate::usage::port::{SeriesQuery, UsageStore};
use crate::webhooks::model::{
    Attempt, Endpoint, EndpointStatus, Event, EventState, Outcome, Settlement,
};
use crate::webhooks::port::{DeliveryFilter, EventFilter, EventStore};
use crate::webhooks::seal::Sealer;

const MOST: u32 = 50;

fn now() -> Timestamp {
    Clock::system().now()
}

fn ago(ms: i64) -> Timestamp {
    Timestamp::from_millis(now().millis() - ms)
}

/// A configuration with this store, and further peppers before the one that all have.
fn config(folder: &Path, store: &Store, peppers: &str) -> Config {
    let text = format!(
        r#"
listeners: [ {{ address: "127.0.0.1:0" }} ]
admin: {{ address: "127.0.0.1:0", token: test-admin-token-0123456789abcdef }}
keys:
  prefix: lf_live
  peppers: [ {peppers} {{ id: p1, secret: "0123456789abcdef0123456789abcdef" }} ]
  legacy: [ {{ pattern: "^oldkey_[0-9a-f]{{32}}$", hash: sha256 }} ]
default_plan: standard
plans:
  standard: {{ rate: {{ requests: 50, per_seconds: 1, burst: 100 }}, quotas: {{ hour: 10000, month: 1000000 }}, max_keys: 100 }}
  gold: {{ rate: {{ requests: 50, per_seconds: 1, burst: 100 }}, quotas: {{ hour: 10000, month: 1000000 }}, max_keys: 100 }}
upstreams:
  crm: {{ targets: [ {{ address: "127.0.0.1:9", weight: 1 }} ] }}
routes:
  - {{ path: /v1/x, methods: [GET], auth: none, upstream: crm }}
"#
    );
    let file = folder.join("fuelgate.yaml");
    std::fs::write(&file, text).unwrap();
    let mut config = crate::app::load(&file).unwrap_or_else(|report| panic!("{report}"));
    config.store = store.clone();
    config
}

struct Both {
    folder: TempDir,
    path: std::path::PathBuf,
    to: RedisStore,
}

impl Both {
    fn new(to: RedisStore) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fuelgate.db");
        Self { folder, path, to }
    }

    fn source(&self) -> Arc<EmbeddedStore> {
        EmbeddedStore::open(&self.path, Clock::system(), Options::default()).unwrap()
    }

    fn from(&self) -> Config {
        let path = self.path.clone();
        config(self.folder.path(), &Store::Embedded { path }, "")
    }

    async fn copy_with(&self, peppers: &str) -> Result<CopyReport, CopyError> {
        let to = Store::Redis(self.to.clone());
        let to = config(self.folder.path(), &to, peppers);
        copy(&self.from(), &to, &|_| {}).await
    }

    async fn copy(&self) -> CopyReport {
        let report = self.copy_with("").await.unwrap();
        assert!(report.is_same(), "{:#?}", report.kinds);
        report
    }

    /// The target as a gateway does not see it yet.
    fn target(&self) -> redis::Store {
        redis::Store::new(self.to.clone(), Clock::system())
    }
}

fn context() -> ChangeContext {
    ChangeContext::internal(now(), "test")
}

fn why(action: &str, account: &str) -> Change {
    Change {
        audit: context().entry(
            action,
            Some(account),
            Some("thing"),
            json!({ "of": account }),
        ),
        answer: None,
    }
}

fn digest(n: u64) -> Digest {
    use sha2::Digest as _;
    sha2::Sha256::digest(n.to_le_bytes()).into()
}

fn key(account: &str, n: u64) -> KeyRecord {
    let secret = |n, kind, valid_until| StoredSecret {
        digest: digest(n),
        kind,
        valid_until,
    };
    let mut secrets = vec![secret(2 * n, DigestKind::Pepper("p1".into()), None)];
    if n.is_multiple_of(2) {
        let old = DigestKind::Legacy(LegacyHash::Sha256);
        secrets.push(secret(2 * n + 1, old, Some(ago(-HOUR_MS))));
    }
    KeyRecord {
        id: ids::new(ids::KEY),
        account_id: account.to_owned(),
        name: format!("key {n}\n\"é\""),
        scopes: vec!["contacts:read".into(), "deals:write".into()],
        created_at: ago(DAY_MS),
        expires_at: n.is_multiple_of(3).then(|| ago(-DAY_MS)),
        last_used_at: None,
        last_used_ip: None,
        disabled: n.is_multiple_of(5),
        revoked_at: None,
        allowed_ips: vec!["10.0.0.0/8".parse().unwrap()],
        prefix: "lf_live".into(),
        last_four: "abcd".into(),
        secrets,
        revision: 1,
    }
}

fn event(account: &str, kind: &str) -> Event {
    Event {
        id: ids::new(ids::EVENT),
        account_id: account.to_owned(),
        event_type: kind.to_owned(),
        occurred_at: ago(5),
        state: EventState::Pending,
        sequence: None,
        data: None,
        truncated: false,
        request_id: Some("r".into()),
        route: Some("/v1/contacts".into()),
        method: Some("POST".into()),
        status: Some(201),
        resource_id: None,
        conditional: true,
    }
}

fn release(e: &Event) -> Settlement {
    Settlement::Release {
        event_id: e.id.clone(),
        account_id: e.account_id.clone(),
        data: r#"{"name":"Ada\n\u0000"}"#.into(),
        truncated: false,
        resource_id: Some("c1".into()),
    }
}

async fn endpoint(s: &EmbeddedStore, sealer: &Sealer, account: &str) -> Endpoint {
    let id = ids::new(ids::WEBHOOK);
    let endpoint = Endpoint {
        secrets: vec![
            sealer
                .seal(&id, &Secret::new(format!("whsec_{id}")))
                .unwrap(),
        ],
        id,
        account_id: account.to_owned(),
        url: "https://receiver.example/hook".into(),
        event_types: vec!["contact.created".into()],
        description: Some("theirs".into()),
        status: EndpointStatus::Active,
        disabled_reason: None,
        created_at: now(),
        revision: 1,
    };
    let made = why("webhook.create", account);
    s.create_endpoint(&endpoint, 50, &made).await.unwrap();
    endpoint
}

async fn events(s: &EmbeddedStore, account: &str) {
    let all: Vec<Event> = (0..4).map(|_| event(account, "contact.created")).collect();
    s.record_pending(&all).await.unwrap();
    let unresolved = Settlement::Unresolved {
        event_id: all[2].id.clone(),
        account_id: account.to_owned(),
    };
    let settled = [release(&all[0]), release(&all[1]), unresolved];
    s.settle(&settled, now()).await.unwrap();
    let published = Event {
        id: format!("theirs-{account}-{}", ids::request_id()),
        data: Some("{}".into()),
        state: EventState::Released,
        conditional: false,
        ..event(account, "deal.won")
    };
    s.publish(&published, now(), &why("event.publish", account))
        .await
        .unwrap();
}

fn usage(boot: &str, sequence: u64, accounts: &[String], hours: &[i64], n: u64) -> UsageBatch {
    let (mut keys, mut routes) = (Vec::new(), Vec::new());
    for (i, account) in accounts.iter().enumerate() {
        for back in hours {
            let hour = ago(back * HOUR_MS).hour_start();
            for (class, requests) in [(0, 1), (2, n), (5, 2)] {
                keys.push(KeyUsageRow {
                    account_id: account.clone(),
                    key_id: format!("key_{}", i % 3),
                    hour,
                    class,
                    counts: Counts {
                        requests,
                        bytes_in: requests * 10,
                        bytes_out: requests * 100,
                        upstream_us: requests * 700,
                    },
                });
            }
            routes.push(RouteUsageRow {
                account_id: account.clone(),
                key_id: format!("key_{}", i % 3),
                route: format!("/v1/{{x}}/{}", i % 2),
                method: "GET".into(),
                hour,
                requests: n,
                errors: 1,
                last_at: hour,
            });
        }
    }
    UsageBatch {
        boot_id: boot.to_owned(),
        sequence,
        keys,
        routes,
    }
}

fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}_{n}@a.b")).collect()
}

/// Fills a store with something of every kind; `round` makes it another time.
async fn fill(s: &EmbeddedStore, round: u64) {
    let peppers = config_peppers();
    let sealer = Sealer::new(&peppers);
    let accounts = names(&format!("acct{round}"), 12);
    for (n, account) in accounts.iter().enumerate() {
        let n = n as u64;
        for k in 0..3 {
            let mut key = key(account, round * 1000 + n * 10 + k);
            let answer = context();
            let mut made = why("key.create", account);
            made.answer = Some(IdempotentAnswer {
                key: format!("test/keys.create/{}", key.id),
                request_digest: digest(n),
                status: 201,
                body: "{\"a\":\n1}".into(),
                expires_at: answer.at.plus(Duration::from_secs(24 * 3600)),
            });
            s.create_key(&key, "standard", 100, now(), &made)
                .await
                .unwrap();
            if k == 1 {
                key.revision += 1;
                key.revoked_at = Some(now());
                let revoked = why("key.revoke", account);
                s.update_key(&key, &revoked).await.unwrap();
            }
            let used = LastUse {
                key_id: key.id.clone(),
                at: now(),
                ip: Some("2001:db8::1".parse().unwrap()),
            };
            s.note_last_uses(&[used]).await.unwrap();
        }
        if n.is_multiple_of(3) {
            let changed = Account {
                id: account.clone(),
                plan: "gold".into(),
                overrides: PlanOverrides {
                    max_keys: Some(7),
                    ..PlanOverrides::default()
                },
                suspended: n == 3,
                created_at: now(),
                erasing: false,
            };
            let put = why("account.update", account);
            s.put_account(&changed, &put).await.unwrap();
        }
        for status in [
            EndpointStatus::Active,
            EndpointStatus::Paused,
            EndpointStatus::Disabled,
        ] {
            let mut endpoint = endpoint(s, &sealer, account).await;
            if n.is_multiple_of(4) {
                events(s, account).await;
            }
            if status != EndpointStatus::Active {
                endpoint.status = status;
                endpoint.revision += 1;
                let changed = why("webhook.update", account);
                s.update_endpoint(&endpoint, &changed).await.unwrap();
            }
            if n == 4 && status == EndpointStatus::Active {
                let gone = why("webhook.delete", account);
                s.delete_endpoint(&endpoint.id, now(), &gone).await.unwrap();
            }
        }
        events(s, account).await;
    }
    let claimed = s.claim_due(now(), ago(-600_000), 12).await.unwrap();
    for (n, c) in claimed.iter().enumerate() {
        let outcome = match n % 4 {
            0 => Outcome::Succeeded,
            1 => Outcome::Retry(ago(-900_000)),
            2 => Outcome::Exhausted,
            // Still claimed when it is copied.
            _ => continue,
        };
        let attempt = Attempt {
            at: now(),
            status: Some(500),
            latency_ms: 12,
            error: Some("500".into()),
            reply_excerpt: Some("oops".into()),
        };
        s.complete(&c.delivery.id, &c.claim, &attempt, &outcome, now())
            .await
            .unwrap();
    }
    let hours = [0, 1, 2, 30, 24 * 20, 24 * 33, 24 * 70];
    let boot = format!("boot{round}");
    s.apply(&usage(&boot, 1, &accounts, &hours, 3))
        .await
        .unwrap();
    s.apply(&usage(&boot, 2, &accounts, &[0], 4)).await.unwrap();
    s.record_audit(&AuditEntry {
        account_id: None,
        ..context().entry("config.reload", None, None, json!(null))
    })
    .await
    .unwrap();
}

fn config_peppers() -> Vec<crate::config::model::Pepper> {
    vec![crate::config::model::Pepper {
        id: "p1".into(),
        secret: Secret::new("0123456789abcdef0123456789abcdef"),
    }]
}

async fn erase(s: &EmbeddedStore, account: &str) {
    let gone = why("account.erase", account);
    s.begin_erasure(account, &gone).await.unwrap();
    while s.erase_some(account).await.unwrap() != ErasureStep::Done {}
}

/// All pages of a list.
macro_rules! pages {
    ($store:expr, $page:ident, $call:expr) => {{
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let $page = PageRequest { after, limit: MOST };
            let found: Page<_> = $call.await.unwrap();
            all.extend(found.items);
            after = found.next;
            if after.is_none() {
                break all;
            }
        }
    }};
}

/// What a store says through its ports: everything, as text.
struct Said {
    kinds: Vec<(&'static str, Vec<String>)>,
}

fn texts<T: std::fmt::Debug>(all: Vec<T>) -> Vec<String> {
    all.iter().map(|one| format!("{one:?}")).collect()
}

async fn said<S: AccountStore + KeyStore + EventStore + UsageStore>(s: &S, at: Timestamp) -> Said {
    let accounts = pages!(s, page, s.accounts(&page));
    let keys = pages!(s, page, s.keys(None, &page));
    let (mut by_digest, mut answers, mut used, mut series) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for key in &keys {
        for secret in &key.secrets {
            by_digest.push(s.by_digest(&[secret.digest]).await.unwrap());
        }
        let name = format!("test/keys.create/{}", key.id);
        answers.push(s.idempotent_answer(&name, at).await.unwrap());
    }
    let ids: Vec<Option<String>> = accounts.iter().map(|a| Some(a.id.clone())).collect();
    let (mut counts, mut of_account) = (Vec::new(), Vec::new());
    for account in ids.iter().chain([&None]) {
        let (from, to) = (ago(24 * 100 * HOUR_MS), ago(-DAY_MS));
        for granularity in [Granularity::Hour, Granularity::Day, Granularity::Month] {
            let query = SeriesQuery {
                account_id: account.clone(),
                key_id: None,
                from: from.month_start(),
                to: to.month_start().next_month_start(),
                granularity,
            };
            series.push(s.series(&query).await.unwrap());
        }
        let (from, to) = (from.month_start(), to.day_start());
        let routes = UsageStore::endpoints(s, account.as_deref(), from, to, 100).await;
        used.push(format!("{:?}", routes.unwrap()));
        if let Some(id) = account {
            let (hour, month) = (at.hour_start(), at.month_start());
            used.push(format!("{:?}", s.used(id, hour, month).await.unwrap()));
            counts.push(s.count_live_keys(id, at).await.unwrap());
            of_account.push(pages!(s, page, s.keys(Some(id), &page)));
        }
    }
    for route in ["/v1/{x}/0", "/v1/{x}/1"] {
        let (from, to) = (
            ago(24 * 100 * HOUR_MS).month_start(),
            ago(-DAY_MS).day_start(),
        );
        let callers = s.callers(route, from, to, 100).await.unwrap();
        used.push(format!("{callers:?}"));
    }
    let filter = EventFilter::default();
    let events = pages!(s, page, s.events(&filter, &page));
    let pending = s.stale_pending(ago(-DAY_MS), 1000).await.unwrap();
    let pending: BTreeSet<String> = pending.into_iter().map(|e| e.id).collect();
    let filter = DeliveryFilter::default();
    let deliveries = pages!(s, page, s.deliveries(&filter, &page));
    let endpoints = pages!(s, page, EventStore::endpoints(s, None, &page));
    let filter = AuditFilter::default();
    let log = pages!(s, page, s.audit_log(&filter, &page));
    Said {
        kinds: vec![
            ("accounts", texts(accounts)),
            ("plans", texts(s.plans_in_use().await.unwrap())),
            ("keys", texts(keys)),
            ("keys of accounts", texts(of_account)),
            ("live keys", texts(counts)),
            ("keys by digest", texts(by_digest)),
            ("answers", texts(answers)),
            ("audit log", texts(log)),
            ("endpoints", texts(endpoints)),
            ("events", texts(events)),
            ("pending", texts(vec![pending])),
            ("deliveries", texts(deliveries)),
            ("series", texts(series)),
            ("used", used),
        ],
    }
}

fn assert_same(source: &Said, target: &Said) {
    for ((kind, a), (_, b)) in source.kinds.iter().zip(&target.kinds) {
        assert_eq!(a.len(), b.len(), "{kind}");
        for (a, b) in a.iter().zip(b) {
            assert_eq!(a, b, "{kind}");
        }
    }
}

/// Both sides claim the same deliveries of active endpoints once all are due.
async fn claims(s: &impl EventStore) -> BTreeSet<String> {
    let at = ago(-2 * HOUR_MS);
    let mut all = BTreeSet::new();
    // What waits for endpoints that are gone is cancelled on the way, some with each claim.
    for _ in 0..40 {
        let some = s.claim_due(at, ago(-9 * HOUR_MS), 100).await.unwrap();
        all.extend(some.into_iter().map(|c| c.delivery.id));
    }
    all
}

async fn everything_goes_over(to: RedisStore) {
    let both = Both::new(to);
    let source = both.source();
    fill(&source, 1).await;
    erase(&source, "acct1_7@a.b").await;
    let first = both.copy().await;
    assert!(!first.is_last);
    let again = both.copy().await;
    for kind in &again.kinds {
        assert_eq!(kind.written, 0, "{}", kind.kind);
        assert!(kind.source.rows > 0, "{}", kind.kind);
    }
    assert_eq!(again.deleted, 0);
    assert_same(
        &said(&*source, now()).await,
        &said(&both.target(), now()).await,
    );
    // No gateway starts on what is behind.
    let refused = redis::Store::open(both.to.clone(), Clock::system()).await;
    let refused = refused.err().unwrap().to_string();
    assert!(refused.contains("lacks what came since"), "{refused}");

    // The source goes on, and the next run takes it all over.
    fill(&source, 2).await;
    erase(&source, "acct1_0@a.b").await;
    erase(&source, "acct2_1@a.b").await;
    let back = key("acct1_0@a.b", 77_777);
    let made = why("key.create", "acct1_0@a.b");
    source
        .create_key(&back, "gold", 9, now(), &made)
        .await
        .unwrap();
    source.prune_events(ago(-DAY_MS)).await.unwrap();
    let begun = why("account.erase", "acct1_1@a.b");
    source.begin_erasure("acct1_1@a.b", &begun).await.unwrap();
    let third = both.copy().await;
    assert!(third.deleted > 0, "{}", third.deleted);
    source.close();
    drop(source);
    let last = both.copy().await;
    assert!(last.is_last);
    let source = both.source();
    assert!(source.erasing().await.unwrap().is_empty());
    let target = redis::Store::open(both.to.clone(), Clock::system())
        .await
        .unwrap();
    assert_same(&said(&*source, now()).await, &said(&target, now()).await);
    let due = claims(&*source).await;
    assert!(due.len() > 10);
    assert_eq!(due, claims(&target).await);
    assert!(matches!(
        both.copy_with("").await,
        Err(CopyError::Target(redis::CopyRefused::Taken))
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_goes_over_to_a_server() {
    everything_goes_over(settings()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_goes_over_to_a_cluster() {
    everything_goes_over(cluster_settings()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_ends_anywhere_is_gone_on_with() {
    let both = Both::new(settings());
    let source = both.source();
    fill(&source, 1).await;
    let mut ended = 0;
    for round in 0..12 {
        let most = Duration::from_millis(20 + 45 * round);
        if tokio::time::timeout(most, both.copy_with(""))
            .await
            .is_err()
        {
            ended += 1;
            let refused = redis::Store::open(both.to.clone(), Clock::system()).await;
            let text = refused.err().map(|e| e.to_string()).unwrap_or_default();
            assert!(text.is_empty() || text.contains("copy"), "{text}");
        }
        let accounts = names("acct1", 12);
        let more = usage("later", round + 1, &accounts, &[0, 1], 2);
        source.apply(&more).await.unwrap();
    }
    assert!(ended > 3, "{ended}");
    both.copy().await;
    assert_same(
        &said(&*source, now()).await,
        &said(&both.target(), now()).await,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_target_must_not_be_is_refused() {
    let server = Server::start(&[]);
    let both = Both::new(server.settings());
    let source = both.source();
    fill(&source, 1).await;
    // A store of its own is there.
    let theirs = redis::Store::open(both.to.clone(), Clock::system())
        .await
        .unwrap();
    let made = why("key.create", "theirs");
    let theirs_key = key("theirs", 1);
    theirs
        .create_key(&theirs_key, "standard", 9, now(), &made)
        .await
        .unwrap();
    let refused = both.copy_with("").await;
    assert!(matches!(
        refused,
        Err(CopyError::Target(redis::CopyRefused::NotEmpty))
    ));
    // A copy of another store.
    let other = Both::new(RedisStore {
        key_prefix: "other".into(),
        ..both.to.clone()
    });
    fill(&other.source(), 2).await;
    other.copy().await;
    let both = Both {
        to: other.to.clone(),
        ..both
    };
    let refused = both.copy_with("").await;
    assert!(matches!(
        refused,
        Err(CopyError::Target(redis::CopyRefused::Other))
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_would_refuse_keys_are_refused() {
    let both = Both::new(settings());
    let source = both.source();
    fill(&source, 1).await;
    let store = Store::Redis(both.to.clone());
    let good = config(both.folder.path(), &store, "");
    let with = |change: &dyn Fn(&mut Config)| {
        let mut to = good.clone();
        change(&mut to);
        to
    };
    let from = both.from();
    for (to, expected) in [
        (
            with(&|c| c.keys.peppers[0].id = "p9".into()),
            "keys.peppers has no p1",
        ),
        (
            with(&|c| c.keys.peppers[0].secret = Secret::new("another")),
            "keys.peppers has another secret for p1",
        ),
        (
            with(&|c| c.keys.legacy.clear()),
            "keys.legacy has no format",
        ),
        (
            with(&|c| c.keys.prefix = "other".into()),
            "keys.prefix is other, and lf_live in --from",
        ),
    ] {
        let refused = copy(&from, &to, &|_| {}).await.err().unwrap().to_string();
        assert!(refused.contains(expected), "{refused}");
    }
    // One more that signs from now on is no hindrance.
    let more = r#"{ id: p2, secret: "fedcba9876543210fedcba9876543210" },"#;
    assert!(both.copy_with(more).await.unwrap().is_same());
}
