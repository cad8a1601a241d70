//! Copies of a store that has everything, compared row by row through the ports of both; servers are real.

mod fill;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use self::fill::{ago, alerts, erase, fill, key, names, now, release_pending, usage, why};
use super::*;
use crate::accounts::port::AuditFilter;
use crate::alerts::port::AlertStore;
use crate::base::clock::{DAY_MS, HOUR_MS, Timestamp};
use crate::base::page::{Page, PageRequest};
use crate::base::secret::Secret;
use crate::config::model::RedisStore;
use crate::keys::port::KeyStore;
use crate::store::redis::testing::{Server, cluster_settings, settings};
use crate::usage::model::Granularity;
use crate::usage::port::{SeriesQuery, UsageStore};
use crate::webhooks::port::{
    ClaimTerms, DeliveryFilter, EventFilter, EventStore, NoticeStore, ReplayStore,
};

const MOST: u32 = 50;

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

async fn said<S>(s: &S, at: Timestamp) -> Said
where
    S: AccountStore + KeyStore + EventStore + UsageStore + NoticeStore + ReplayStore + AlertStore,
{
    let accounts = pages!(s, page, s.accounts(&page));
    let keys = pages!(s, page, s.keys(None, &page));
    let (mut by_digest, mut answers, mut used, mut series) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut previous, mut insight, mut told) = (Vec::new(), Vec::new(), Vec::new());
    for key in &keys {
        for secret in &key.secrets {
            by_digest.push(s.by_digest(&[secret.digest]).await.unwrap());
        }
        let name = format!("test/keys.create/{}", key.id);
        answers.push(s.idempotent_answer(&name, at).await.unwrap());
        let of_key = [(key.account_id.as_str(), key.id.as_str())];
        previous.push(s.previous_uses(&of_key).await.unwrap());
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
            told.push(format!("{:?}", s.alerts(id).await.unwrap()));
            insight.push(format!("{:?}", s.rejections(id, from, to).await.unwrap()));
            for by in [Granularity::Day, Granularity::Month] {
                let busiest = s.busiest_keys(id, (from, to), by, 100).await;
                insight.push(format!("{:?}", busiest.unwrap()));
            }
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
    let health = s.endpoint_health(&endpoints).await.unwrap();
    let mut replays = pages!(s, page, s.replay_jobs(None, &page));
    // Where one stands each store says in its own words.
    for job in &mut replays {
        job.cursor = None;
    }
    let notices = s.waiting_notices(10_000).await.unwrap();
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
            ("insight", insight),
            ("alerts", told),
            ("uses of old secrets", texts(previous)),
            ("health", texts(health)),
            ("replays", texts(replays)),
            ("notices", texts(notices)),
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
        let some = s
            .claim_due(&ClaimTerms::any(at, ago(-9 * HOUR_MS), 100))
            .await
            .unwrap();
        all.extend(some.into_iter().map(|c| c.delivery.id));
    }
    all
}

async fn everything_goes_over(to: RedisStore) {
    let both = Both::new(to);
    let source = both.source();
    fill(&source, 1).await;
    alerts(&source, "acct1").await;
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
    release_pending(&source).await;
    fill(&source, 2).await;
    alerts(&source, "acct1").await;
    alerts(&source, "acct2").await;
    let told = source.waiting_notices(2).await.unwrap();
    assert_eq!(told.len(), 2);
    source.remove_notices(&told).await.unwrap();
    erase(&source, "acct1_0@a.b").await;
    erase(&source, "acct2_1@a.b").await;
    let back = key("acct1_0@a.b", 77_777);
    let made = why("key.create", "acct1_0@a.b");
    source
        .create_key(&back, "gold", 9, now(), &made)
        .await
        .unwrap();
    source
        .prune_events(ago(-DAY_MS), ago(-DAY_MS))
        .await
        .unwrap();
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
        (
            with(&|c| {
                c.plans.remove("standard");
            }),
            "plans has no standard, which ",
        ),
    ] {
        let refused = copy(&from, &to, &|_| {}).await.err().unwrap().to_string();
        assert!(refused.contains(expected), "{refused}");
    }
    // One more that signs from now on is no hindrance.
    let more = r#"{ id: p2, secret: "fedcba9876543210fedcba9876543210" },"#;
    assert!(both.copy_with(more).await.unwrap().is_same());
}
