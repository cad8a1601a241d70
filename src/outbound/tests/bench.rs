//! A worker, its client and a receiver on loopback for tests of delivery; never an assertion.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use crate::base::audit::ChangeContext;
use crate::base::clock::{Clock, Timestamp};
use crate::base::secret::Secret;
use crate::config::model::{AllowedTargets, NameServers, Pepper};
use crate::outbound::webhook::HttpTransport;
use crate::webhooks::delivery::Worker;
use crate::webhooks::health::Allowance;
use crate::webhooks::model::{Attempt, Delivery};
use crate::webhooks::seal::Sealer;
use crate::webhooks::service::{NewEndpoint, NewEvent, WebhookService};
use crate::webhooks::settings::{Settings, SharedSettings};
use crate::webhooks::testing::{MemoryStore, context};
#[derive(Default)]
pub(super) struct Inbox(pub(super) Mutex<Vec<(HeaderMap, String)>>);

impl Inbox {
    pub(super) fn len(&self) -> usize {
        self.0.lock().len()
    }
}

pub(super) type Shared = Arc<Inbox>;

async fn good(State(inbox): State<Shared>, headers: HeaderMap, body: String) -> &'static str {
    inbox.0.lock().push((headers, body));
    "thank\u{1b}you"
}

async fn status(
    State(inbox): State<Shared>,
    path: axum::extract::Path<u16>,
    headers: HeaderMap,
    body: String,
) -> Response {
    inbox.0.lock().push((headers, body));
    let code = StatusCode::from_u16(*path).unwrap();
    (code, [(header::RETRY_AFTER, "120")], "no").into_response()
}

async fn flaky(State(inbox): State<Shared>, headers: HeaderMap, body: String) -> StatusCode {
    inbox.0.lock().push((headers, body));
    if inbox.len() < 3 {
        StatusCode::INTERNAL_SERVER_ERROR
    } else {
        StatusCode::NO_CONTENT
    }
}

async fn never() -> StatusCode {
    std::future::pending().await
}

async fn huge() -> Vec<u8> {
    vec![b'x'; 8_000_000]
}

async fn moved() -> Response {
    (StatusCode::FOUND, [(header::LOCATION, "/good")]).into_response()
}

async fn fields(path: axum::extract::Path<usize>) -> Response {
    let mut response = "reply".into_response();
    for n in 0..*path {
        let name = axum::http::HeaderName::try_from(format!("x-field-{n}")).unwrap();
        let value = axum::http::HeaderValue::try_from("é".repeat(400)).unwrap();
        response.headers_mut().insert(name, value);
    }
    response
}

/// A receiver on loopback that ends with the test.
pub(super) async fn receiver() -> (SocketAddr, Shared) {
    let inbox = Shared::default();
    let app = Router::new()
        .route("/good", any(good))
        .route("/status/{code}", post(status))
        .route("/flaky", post(flaky))
        .route("/never", post(never))
        .route("/huge", post(huge))
        .route("/moved", post(moved))
        .route("/fields/{count}", post(fields))
        .with_state(Arc::clone(&inbox));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    (address, inbox)
}

pub(super) struct Bench {
    pub(super) store: Arc<MemoryStore>,
    pub(super) clock: Clock,
    pub(super) wake: Arc<Notify>,
    pub(super) worker: Arc<Worker>,
    pub(super) service: WebhookService,
    pub(super) stop: watch::Sender<bool>,
    pub(super) running: Option<tokio::task::JoinHandle<()>>,
    pub(super) receiver: SocketAddr,
    pub(super) inbox: Shared,
}

pub(super) fn loopback() -> Arc<HttpTransport> {
    Arc::new(transport(&["127.0.0.0/8"], &[]))
}

/// A transport for these networks and hosts, and the system's name servers.
pub(super) fn transport(networks: &[&str], hosts: &[&str]) -> HttpTransport {
    HttpTransport::new(allowed(networks, hosts), NameServers::default()).unwrap()
}

pub(super) fn allowed(networks: &[&str], hosts: &[&str]) -> AllowedTargets {
    AllowedTargets {
        networks: networks.iter().map(|n| n.parse().unwrap()).collect(),
        hosts: hosts.iter().map(|h| (*h).to_owned()).collect(),
    }
}

pub(super) fn settings(timeout: Duration) -> SharedSettings {
    let pepper = Pepper {
        id: "p1".to_owned(),
        secret: Secret::new("pepper"),
    };
    Settings {
        sealer: Sealer::new(&[pepper]),
        event_types: vec!["contact.created".into()],
        retry_delays: [5, 300, 1800].map(Duration::from_secs).to_vec(),
        timeout,
        inbox_base: "http://inbox.test/inbox/".to_owned(),
        allowance: Allowance {
            most: 8,
            untried: 1,
            spacing: Duration::ZERO,
        },
        disable_after: None,
        retention: Duration::from_secs(30 * 86_400),
    }
    .shared()
}

impl Bench {
    pub(super) async fn new(timeout: Duration) -> Self {
        Self::at(Clock::manual(Clock::system().now()), timeout).await
    }

    pub(super) async fn at(clock: Clock, timeout: Duration) -> Self {
        let (receiver, inbox) = receiver().await;
        let store = Arc::new(MemoryStore::default());
        let wake = Arc::new(Notify::new());
        let settings = settings(timeout);
        let transport = loopback();
        let service = WebhookService::new(
            store.clone(),
            transport.clone(),
            Arc::clone(&settings),
            Arc::clone(&wake),
        );
        let worker = Arc::new(Worker::new(
            store.clone(),
            transport,
            settings,
            clock.clone(),
            Arc::clone(&wake),
        ));
        let (stop, stopping) = watch::channel(false);
        let running = Some(tokio::spawn(Arc::clone(&worker).run(stopping)));
        Self {
            store,
            clock,
            wake,
            worker,
            service,
            stop,
            running,
            receiver,
            inbox,
        }
    }

    pub(super) fn ctx(&self) -> ChangeContext {
        context(self.clock.now())
    }

    /// Makes an endpoint for a path of the receiver and publishes an event.
    pub(super) async fn publish_to(&self, path: &str) -> (String, Secret) {
        let made = self.make_endpoint(path).await;
        self.publish().await;
        made
    }

    pub(super) async fn make_endpoint(&self, path: &str) -> (String, Secret) {
        let new = NewEndpoint {
            account_id: "acct_1".to_owned(),
            url: format!("http://{}{path}", self.receiver),
            event_types: vec!["contact.created".to_owned()],
            description: None,
        };
        let made = self
            .service
            .create_endpoint(new, &self.ctx())
            .await
            .unwrap();
        (made.endpoint.id, made.secret)
    }

    pub(super) async fn publish(&self) {
        let event = NewEvent {
            account_id: "acct_1".to_owned(),
            event_type: "contact.created".to_owned(),
            data: "{\"id\": 7, \"name\": \"Zoë\"}".to_owned(),
            id: None,
        };
        self.service.publish(event, &self.ctx()).await.unwrap();
    }

    /// The newest delivery once it has so many attempts.
    pub(super) async fn after_attempts(&self, n: usize) -> (Delivery, Vec<Attempt>) {
        for _ in 0..2000 {
            if let Some(d) = self.store.all_deliveries().into_iter().last()
                && d.1.len() >= n
            {
                return d;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("no {n} attempts: {:?}", self.store.all_deliveries());
    }

    /// Moves the clock to the next attempt.
    pub(super) fn skip_to(&self, at: Timestamp) {
        self.clock.set(at);
        self.wake.notify_one();
    }
}
