//! What tests of the request path share: configurations and a gateway with real sockets; never used outside tests.

pub(crate) mod client;
pub(crate) mod upstream;

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::{Notify, watch};

use super::attach::{Attacher, ScopeValues};
use super::gateway::{Gateway, GatewayParts};
use super::in_flight::InFlight;
use super::inner::{self, Door};
use super::listener;
use super::snapshot::Snapshot;
use crate::accounts::port::AccountStore;
use crate::accounts::state::Accounts;
use crate::base::audit::{AuditEntry, Change};
use crate::base::clock::{Clock, Timestamp};
use crate::config::model::{Config, TlsFiles};
use crate::config::{LoadOptions, load_bytes};
use crate::keys::cache::KeyCache;
use crate::keys::last_use::LastUses;
use crate::keys::model::KeyRecord;
use crate::keys::port::KeyStore;
use crate::keys::secret;
use crate::limits::Limiter;
use crate::observe::{Metrics, Pace};
use crate::store::embedded::{EmbeddedStore, Options};
use crate::usage::Recorder;
use crate::webhooks::settler::pipeline;
use crate::webhooks::testing::MemoryStore;
use client::Client;
use upstream::Upstream;

const HEAD: &str = r#"
listeners: [ { address: "127.0.0.1:0" } ]
admin: { address: "127.0.0.1:0", token: "0123456789abcdef0123456789abcdef" }
portal: { address: "127.0.0.1:0", public_url: "https://portal.example" }
realm: crm
store: { engine: embedded, path: none.db }
keys: { prefix: lf_live, peppers: [ { id: p1, secret: "0123456789abcdef0123456789abcdef" } ] }
scopes: { "contacts:read": Read, "contacts:write": Write }
default_plan: standard
plans:
  standard:
    rate: { requests: 50, per_seconds: 1, burst: 100 }
    quotas: { hour: 10000, month: 1000000 }
    max_keys: 100
"#;

const ROUTES: &str = r#"
upstreams:
  crm: { targets: [ { address: "127.0.0.1:9" } ] }
routes:
  - { path: "/v1/contacts", methods: [GET], scopes: ["contacts:read"], upstream: crm }
"#;

/// A small valid configuration.
pub(crate) fn config() -> Config {
    parse(ROUTES)
}

/// The configuration with these upstreams, routes and the like.
pub(crate) fn parse(rest: &str) -> Config {
    let none = |_: &str| None;
    let text = format!("{HEAD}{rest}");
    load_bytes(
        text.as_bytes(),
        Path::new("test.yaml"),
        &none,
        &LoadOptions::default(),
    )
    .unwrap()
}

/// A gateway on loopback sockets with its upstream; stops when dropped.
pub(crate) struct Harness {
    pub(crate) address: SocketAddr,
    pub(crate) tls_address: SocketAddr,
    pub(crate) upstream: Upstream,
    pub(crate) gateway: Gateway,
    pub(crate) events: Arc<MemoryStore>,
    pub(crate) clock: Clock,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) door: Door,
    store: Arc<EmbeddedStore>,
    stop: watch::Sender<bool>,
    _folder: tempfile::TempDir,
}

/// What a test's key has beside the usual.
#[derive(Default)]
pub(crate) struct KeyOptions<'a> {
    pub(crate) scopes: &'a [&'a str],
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) revoked_at: Option<Timestamp>,
    pub(crate) allowed_ips: &'a [&'a str],
}

impl Harness {
    /// Starts a gateway whose configuration is `rest` with `UPSTREAM` replaced by the upstream's address.
    pub(crate) async fn start(rest: &str) -> Self {
        let upstream = Upstream::start().await;
        let config = parse(&rest.replace("UPSTREAM", &upstream.address.to_string()));
        Self::with(config, upstream, Limiter::default())
    }

    /// The same with a limiter that holds no more than so many keys and accounts.
    pub(crate) async fn start_with_limits_for(most: usize, rest: &str) -> Self {
        let upstream = Upstream::start().await;
        let config = parse(&rest.replace("UPSTREAM", &upstream.address.to_string()));
        Self::with(config, upstream, Limiter::with_ceiling(most))
    }

    fn with(config: Config, upstream: Upstream, limiter: Limiter) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Timestamp::parse("2026-11-23T12:00:00Z").unwrap());
        let path = folder.path().join("store.db");
        let store = EmbeddedStore::open(&path, clock.clone(), Options::default()).unwrap();
        let events = Arc::new(MemoryStore::default());
        let metrics = Arc::new(Metrics::new().unwrap());
        let cache = config.keys.cache;
        let snapshot = Snapshot::build(Arc::new(config), None, None, &metrics).unwrap();
        let snapshot = Arc::new(ArcSwap::new(snapshot));
        let recorder = Arc::new(Recorder::new("boot", Some(metrics.clone())));
        let attacher = Attacher {
            accounts: Arc::new(Accounts::new(store.clone())),
            limiter: Arc::new(limiter),
            usage: store.clone(),
            recorder: recorder.clone(),
            snapshot: snapshot.clone(),
            clock: clock.clone(),
            scope_values: ScopeValues::default(),
        };
        let (stop, stopped) = watch::channel(false);
        let wake = Arc::new(Notify::new());
        let (pipeline, settler) = pipeline(events.clone(), clock.clone(), wake, 1);
        tokio::spawn(settler.run(stopped.clone()));
        let gateway = Gateway::new(GatewayParts {
            snapshot,
            keys: KeyCache::new(cache, store.clone(), Arc::new(attacher)),
            last_uses: Arc::new(LastUses::new()),
            events: pipeline,
            metrics,
            clock: clock.clone(),
            in_flight: InFlight::default(),
            failures: Pace::default(),
        });
        let plain = listener::bind(&listener_of(None)).unwrap();
        let tls = listener::bind(&listener_of(Some(certificate(folder.path())))).unwrap();
        let (address, tls_address) = (plain.address(), tls.address());
        let (door, entrances) = inner::door(1);
        let mut service = listener::service(vec![plain, tls], gateway.clone(), entrances);
        tokio::spawn(async move { service.run(&stopped).await });
        Self {
            address,
            tls_address,
            upstream,
            gateway,
            events,
            clock,
            recorder,
            door,
            store,
            stop,
            _folder: folder,
        }
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    /// Makes a key and gives the `Authorization` field that presents it.
    pub(crate) async fn key(&self, options: KeyOptions<'_>) -> String {
        let text = secret::generate("lf_live").unwrap();
        let snapshot = self.gateway.parts().snapshot.load_full();
        let now = self.clock.now();
        let record = KeyRecord {
            id: crate::base::ids::new(crate::base::ids::KEY),
            account_id: "acct_1".into(),
            name: "test".into(),
            scopes: options.scopes.iter().map(|s| (*s).to_owned()).collect(),
            created_at: now,
            expires_at: options.expires_at,
            last_used_at: None,
            last_used_ip: None::<IpAddr>,
            disabled: false,
            revoked_at: options.revoked_at,
            allowed_ips: options
                .allowed_ips
                .iter()
                .map(|n| n.parse().unwrap())
                .collect(),
            prefix: "lf_live".into(),
            last_four: secret::last_four(text.expose()).into(),
            secrets: vec![snapshot.digester.at_rest(text.expose()).unwrap()],
            revision: 1,
        };
        self.store
            .create_key(&record, "standard", 100, now, &change(now))
            .await
            .unwrap();
        format!("Authorization: Bearer {}", text.expose())
    }

    /// A key that may read and write.
    pub(crate) async fn full_key(&self) -> String {
        self.key(KeyOptions {
            scopes: &["contacts:read", "contacts:write"],
            ..KeyOptions::default()
        })
        .await
    }

    /// Suspends the account of the keys, which none of them has called for yet.
    pub(crate) async fn suspend(&self) {
        let mut account = self.store.account("acct_1").await.unwrap().unwrap();
        account.suspended = true;
        let change = change(self.clock.now());
        self.store.put_account(&account, &change).await.unwrap();
    }

    /// Reads and writes that the store of keys, accounts and usage was ever asked for.
    pub(crate) fn store_calls(&self) -> (u64, u64) {
        let stats = self.store.stats();
        (stats.read.buckets.iter().sum(), stats.writes)
    }

    /// Starts the gentle stop.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        self.stop();
    }
}

fn listener_of(tls: Option<TlsFiles>) -> crate::config::model::Listener {
    crate::config::model::Listener {
        address: ([127, 0, 0, 1], 0).into(),
        tls,
    }
}

fn certificate(folder: &Path) -> TlsFiles {
    let pair = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let files = TlsFiles {
        certificate: folder.join("tls.crt"),
        private_key: folder.join("tls.key"),
    };
    std::fs::write(&files.certificate, pair.cert.pem()).unwrap();
    std::fs::write(&files.private_key, pair.signing_key.serialize_pem()).unwrap();
    files
}

fn change(at: Timestamp) -> Change {
    Change {
        audit: AuditEntry {
            id: crate::base::ids::new(crate::base::ids::AUDIT),
            at,
            token: "admin".into(),
            actor: None,
            address: None,
            action: "key.create".into(),
            account_id: None,
            target: None,
            details: serde_json::Value::Null,
            request_id: "r1".into(),
        },
        answer: None,
    }
}
