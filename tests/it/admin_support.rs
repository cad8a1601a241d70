//! An admin API on a loopback port over an embedded store of its own, and a client for it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Once};
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use fuelgate::accounts::service::AccountService;
use fuelgate::accounts::state::Accounts;
use fuelgate::alerts::service::AlertService;
use fuelgate::base::clock::{Clock, Timestamp};
use fuelgate::base::hex;
use fuelgate::config::model::Config;
use fuelgate::keys::cache::KeyObserver;
use fuelgate::keys::service::KeyService;
use fuelgate::limits::Limiter;
use fuelgate::portal::service::SessionService;
use fuelgate::store::embedded::{EmbeddedStore, Options};
use fuelgate::web::admin::state::{
    AdminState, ConfigControl, ConfigFailure, ConfigProblem, ConfigStatus,
};
use fuelgate::web::health::{Health, Readiness};
use fuelgate::web::{admin, health, serve};
use fuelgate::webhooks::model::{OutgoingRequest, Reply};
use fuelgate::webhooks::port::WebhookTransport;
use fuelgate::webhooks::service::{ReplayService, WebhookService};
use fuelgate::webhooks::settings::Settings;
use fuelgate::webhooks::simulator::catch::Catcher;
use fuelgate::webhooks::simulator::own::WithInboxes;
use fuelgate::webhooks::simulator::service::Simulator;
use parking_lot::Mutex;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::{Notify, Semaphore, watch};

/// The token with every permission.
pub const ROOT: &str = "root-token-for-tests";
/// A token that may only see usage.
pub const READER: &str = "usage-token-for-tests";
/// When the tests' clock begins.
pub const START: Timestamp = Timestamp::from_secs(1_800_000_000);

const CONFIG: &str = r#"
listeners: [ { address: "127.0.0.1:0" } ]
admin:
  address: 127.0.0.1:0
  tokens:
    - { name: root, sha256: ROOT, permissions: [keys, webhooks, usage, portal, events, operator] }
    - { name: reader, sha256: READER, permissions: [usage] }
trusted_proxies: []
portal: { address: 127.0.0.1:0, public_url: "https://developers.example.com" }
keys:
  peppers: [ { id: p1, secret: "a pepper for tests only, long enough" } ]
  legacy: [ { pattern: "^oldkey_[0-9a-f]{32}$", hash: sha256 } ]
scopes: { "contacts:read": Read contacts, "contacts:write": Write contacts }
default_plan: standard
plans:
  standard: { rate: { requests: 50, per_seconds: 1, burst: 100 }, quotas: { hour: 1000, month: 20000 }, max_keys: 5 }
  small: { rate: { requests: 5, per_seconds: 1, burst: 10 }, quotas: { hour: 10, month: 100 }, max_keys: 1 }
upstreams: { crm: { targets: [ { address: "127.0.0.1:9" } ] } }
routes:
  - { path: /v1/contacts, methods: [GET, POST], auth: key, scopes: ["contacts:read"], upstream: crm }
events:
  - { type: contact.created, route: { method: POST, path: /v1/contacts }, status: [201] }
  - { type: contact.seen, route: { method: POST, path: /v1/contacts }, status: [202] }
"#;

/// The configuration of the tests, with `replace` put in the place of some of its text.
pub fn config(dir: &std::path::Path, replace: &[(&str, &str)]) -> Config {
    let hex = |token: &str| hex::encode(&Sha256::digest(token));
    let mut text = CONFIG
        .replace("sha256: ROOT", &format!("sha256: \"{}\"", hex(ROOT)))
        .replace("sha256: READER", &format!("sha256: \"{}\"", hex(READER)));
    for (from, to) in replace {
        assert!(text.contains(from), "{from} is not in the configuration");
        text = text.replace(from, to);
    }
    let env = |_: &str| None;
    let options = fuelgate::config::LoadOptions::default();
    fuelgate::config::load_bytes(text.as_bytes(), &dir.join("t.yaml"), &env, &options).unwrap()
}

/// The control of a configuration that the test sets.
pub struct Control {
    pub config: ArcSwap<Config>,
    pub next: Mutex<Result<Config, Vec<ConfigProblem>>>,
    pub failure: Mutex<Option<ConfigFailure>>,
}

#[async_trait]
impl ConfigControl for Control {
    fn current(&self) -> Arc<Config> {
        self.config.load_full()
    }

    fn status(&self) -> ConfigStatus {
        ConfigStatus {
            loaded_at: START,
            failure: self.failure.lock().clone(),
        }
    }

    async fn reload(&self) -> Result<(), Vec<ConfigProblem>> {
        match &*self.next.lock() {
            Ok(config) => {
                self.config.store(Arc::new(config.clone()));
                *self.failure.lock() = None;
                Ok(())
            }
            Err(problems) => {
                *self.failure.lock() = Some(ConfigFailure {
                    at: START,
                    problems: problems.clone(),
                });
                Err(problems.clone())
            }
        }
    }
}

/// Hears of changed keys.
#[derive(Default)]
pub struct Heard(pub Mutex<Vec<String>>);

impl KeyObserver for Heard {
    fn key_changed(&self, key_id: &str) {
        self.0.lock().push(key_id.to_owned());
    }
    fn account_keys_changed(&self, account_id: &str) {
        self.0.lock().push(account_id.to_owned());
    }
    fn keys_added(&self) {}
}

/// Takes every https URL; sends nothing.
struct NoNetwork;

#[async_trait]
impl WebhookTransport for NoNetwork {
    async fn send(&self, _: &OutgoingRequest) -> Result<Reply, String> {
        Err("nothing is sent in these tests".to_owned())
    }
    fn check_url(&self, url: &str) -> Result<(), String> {
        if url.starts_with("https://") {
            Ok(())
        } else {
            Err("expected an https URL".to_owned())
        }
    }
}

/// Ready unless the test says otherwise.
pub struct Ready(pub Mutex<Result<(), &'static str>>);

impl Readiness for Ready {
    fn check(&self) -> Result<(), &'static str> {
        *self.0.lock()
    }
}

/// A running admin API.
pub struct Admin {
    pub address: SocketAddr,
    pub status_address: SocketAddr,
    pub clock: Clock,
    pub control: Arc<Control>,
    pub heard: Arc<Heard>,
    pub limiter: Arc<Limiter>,
    pub store: Arc<EmbeddedStore>,
    pub ready: Arc<Ready>,
    pub dir: tempfile::TempDir,
    _stop: watch::Sender<bool>,
    client: reqwest::Client,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    /// Asserts status and code of an error, and what all errors have.
    pub fn is_error(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.header("x-fuelgate-error"), code);
        let body = self.json();
        assert_eq!(body["code"], code, "{body}");
        assert_eq!(body["status"], status);
        assert_eq!(body["request_id"], self.header("x-request-id"));
        let kind = format!("https://developers.example.com/docs/errors/{code}");
        assert_eq!(body["type"], kind.as_str());
        body
    }

    /// Asserts an `invalid` with exactly these fields.
    pub fn is_invalid(&self, fields: &[&str]) -> Value {
        let body = self.is_error(422, "invalid");
        let named: Vec<_> = body["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["field"].as_str().unwrap())
            .collect();
        assert_eq!(named, fields, "{body}");
        body
    }

    /// Asserts the status of a success.
    pub fn is(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("cache-control"), "no-store");
        assert!(!self.header("x-request-id").is_empty());
        if self.text.is_empty() {
            Value::Null
        } else {
            assert_eq!(self.header("content-type"), "application/json");
            self.json()
        }
    }
}

fn install_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

impl Admin {
    pub async fn start() -> Self {
        install_provider();
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::manual(START);
        let store = EmbeddedStore::open(
            &PathBuf::from(dir.path()).join("fuelgate.db"),
            clock.clone(),
            Options::default(),
        )
        .unwrap();
        let config = config(dir.path(), &[]);
        let settings = Settings::of(&config).shared();
        let control = Arc::new(Control {
            next: Mutex::new(Ok(config.clone())),
            config: ArcSwap::from_pointee(config),
            failure: Mutex::new(None),
        });
        let heard = Arc::new(Heard::default());
        let limiter = Arc::new(Limiter::with_ceiling(1000));
        let accounts = Arc::new(Accounts::new(store.clone()));
        let (stop, stopped) = watch::channel(false);
        let catcher = Catcher::new(
            store.clone(),
            store.clone(),
            settings.clone(),
            clock.clone(),
        );
        let transport: Arc<dyn WebhookTransport> =
            Arc::new(WithInboxes::new(Arc::new(NoNetwork), catcher));
        let state = Arc::new(AdminState {
            clock: clock.clone(),
            control: control.clone(),
            store: store.clone(),
            accounts: AccountService::new(store.clone(), accounts),
            keys: KeyService::new(store.clone(), heard.clone()),
            limiter: limiter.clone(),
            usage: store.clone(),
            webhooks: WebhookService::new(
                store.clone(),
                transport.clone(),
                settings.clone(),
                Arc::new(Notify::new()),
            ),
            simulator: Simulator::new(
                store.clone(),
                store.clone(),
                transport,
                settings,
                clock.clone(),
            ),
            replays: ReplayService::new(store.clone(), store.clone()),
            sessions: SessionService::new(store.clone()),
            feed: store.clone(),
            alerts: AlertService::new(store.clone(), tokio::sync::mpsc::channel(8).0),
            stopping: stopped.clone(),
            streams: Arc::new(Semaphore::new(64)),
        });
        let ready = Arc::new(Ready(Mutex::new(Ok(()))));
        let health = Health {
            readiness: ready.clone(),
            metrics: Arc::new(|| Ok(b"# TYPE up gauge\nup 1\n".to_vec())),
        };
        let listener = serve::bind(&state.control.current().admin.listener).unwrap();
        let address = listener.local_addr().unwrap();
        let router = admin::router(&state, health.clone());
        let grace = Duration::from_secs(5);
        tokio::spawn(serve::serve(listener, None, router, stopped.clone(), grace));
        let listener = serve::bind(&state.control.current().admin.listener).unwrap();
        let status_address = listener.local_addr().unwrap();
        let router = health::status_router(health);
        tokio::spawn(serve::serve(listener, None, router, stopped, grace));
        Self {
            address,
            status_address,
            clock,
            control,
            heard,
            limiter,
            store,
            ready,
            dir,
            _stop: stop,
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    /// A request to build on, with the token of all permissions.
    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        self.client
            .request(method, format!("http://{}{path}", self.address))
            .bearer_auth(ROOT)
    }

    /// A request without any credential.
    pub fn anonymous(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        self.client
            .request(method, format!("http://{}{path}", self.address))
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(self.request("GET", path)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        send(self.request("DELETE", path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        send(self.request("POST", path).json(&body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        send(self.request("PUT", path).json(&body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        send(self.request("PATCH", path).json(&body)).await
    }

    /// Makes a key and answers with it, secret included.
    pub async fn key(&self, account_id: &str) -> Value {
        let body = serde_json::json!({
            "account_id": account_id, "name": "test", "scopes": ["contacts:read"], "expires_in_days": 30
        });
        self.post("/admin/v1/keys", body).await.is(201)
    }

    /// The actions in the audit log, newest first.
    pub async fn actions(&self) -> Vec<String> {
        let log = self.get("/admin/v1/audit-log").await.is(200);
        let entries = log["data"].as_array().unwrap();
        let action = |e: &Value| e["action"].as_str().unwrap().to_owned();
        entries.iter().map(action).collect()
    }
}

/// Sends a request and reads the answer.
pub async fn send(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        text: response.text().await.unwrap(),
    }
}
