//! Events from the record to a verified delivery over the embedded store and real sockets, a crash in between included.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::routing::post;
use bytes::Bytes;
use fuelgate::base::audit::ChangeContext;
use fuelgate::base::clock::Clock;
use fuelgate::base::ids;
use fuelgate::base::page::PageRequest;
use fuelgate::base::secret::Secret;
use fuelgate::config::model::Config;
use fuelgate::config::{LoadOptions, load_bytes};
use fuelgate::outbound::webhook::HttpTransport;
use fuelgate::store::embedded::{EmbeddedStore, Options};
use fuelgate::webhooks::condition::check_condition;
use fuelgate::webhooks::delivery::Worker;
use fuelgate::webhooks::facts::FactSources;
use fuelgate::webhooks::model::{DeliveryState, EventState};
use fuelgate::webhooks::pipeline::{Events, ExchangeMeta, PendingExchange};
use fuelgate::webhooks::port::{DeliveryFilter, EventFilter};
use fuelgate::webhooks::rules::EventRules;
use fuelgate::webhooks::service::{NewEndpoint, WebhookService};
use fuelgate::webhooks::settings::Settings;
use fuelgate::webhooks::settlement::{Captured, CapturedBody};
use fuelgate::webhooks::settler::pipeline;
use fuelgate::webhooks::sweeper::Sweeper;
use tokio::sync::{Notify, watch};

use crate::support::backend::verifies;

const CONFIG: &str = r#"
listeners: [ { address: "127.0.0.1:0" } ]
admin: { address: "127.0.0.1:0", token: a-token-of-an-operator-1234 }
portal: { address: "127.0.0.1:0", public_url: "http://127.0.0.1:1" }
store: { engine: embedded, path: unused.db }
keys: { prefix: lf_test, peppers: [ { id: p1, secret: a-pepper-of-32-characters-or-more } ] }
scopes: { "contacts:write": All }
default_plan: standard
plans: { standard: { rate: { requests: 1, per_seconds: 1, burst: 1 }, max_keys: 1 } }
upstreams: { crm: { targets: [ { address: "127.0.0.1:9" } ] } }
routes:
  - { path: /v1/contacts, methods: [POST], scopes: ["contacts:write"], upstream: crm }
  - { path: "/v1/deals/{id}", methods: [PATCH], scopes: ["contacts:write"], upstream: crm }
events:
  - { type: contact.created, route: { method: POST, path: /v1/contacts }, status: [201] }
  - { type: deal.won, route: { method: PATCH, path: "/v1/deals/{id}" }, status: [200], when: "response.body.stage == 'won'" }
webhooks: { allowed_private_targets: [127.0.0.0/8] }
"#;

fn config() -> Config {
    let options = LoadOptions {
        check_condition: Some(&check_condition),
        ..LoadOptions::default()
    };
    load_bytes(
        CONFIG.as_bytes(),
        Path::new("test.yaml"),
        &|_: &str| None,
        &options,
    )
    .unwrap()
}

type Inbox = Arc<std::sync::Mutex<Vec<(HeaderMap, String)>>>;

async fn receiver() -> (SocketAddr, Inbox) {
    let inbox = Inbox::default();
    let take = |State(inbox): State<Inbox>, headers: HeaderMap, body: String| async move {
        inbox.lock().unwrap().push((headers, body));
    };
    let app = Router::new()
        .route("/hook", post(take))
        .with_state(Arc::clone(&inbox));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    (address, inbox)
}

/// One life of a gateway's webhooks.
struct Life {
    store: Arc<EmbeddedStore>,
    events: Arc<Events>,
    service: WebhookService,
    rules: EventRules,
    stop: watch::Sender<bool>,
    running: Vec<tokio::task::JoinHandle<()>>,
}

impl Life {
    fn start(folder: &Path) -> Self {
        let config = config();
        let clock = Clock::system();
        let store =
            EmbeddedStore::open(&folder.join("s.db"), clock.clone(), Options::default()).unwrap();
        let transport = HttpTransport::new(
            config.webhooks.allowed_private_targets.clone(),
            config.webhooks.name_servers.clone(),
        )
        .unwrap();
        let transport = Arc::new(transport);
        let settings = Settings::of(&config).shared();
        let wake = Arc::new(Notify::new());
        let (events, settler) = pipeline(store.clone(), clock.clone(), Arc::clone(&wake), 2);
        let worker = Arc::new(Worker::new(
            store.clone(),
            transport.clone(),
            Arc::clone(&settings),
            clock.clone(),
            Arc::clone(&wake),
        ));
        let sweeper = Sweeper::new(store.clone(), clock.clone(), &events, Arc::clone(&wake));
        let service = WebhookService::new(store.clone(), transport, settings, wake);
        let (stop, stopping) = watch::channel(false);
        let running = vec![
            tokio::spawn(worker.run(stopping.clone())),
            tokio::spawn(sweeper.run(clock.now(), stopping.clone())),
            tokio::spawn(service.clone().keep_sealed(clock, stopping.clone())),
            tokio::spawn(async move { settler.run(stopping).await.unwrap() }),
        ];
        Self {
            store,
            events,
            service,
            rules: EventRules::build(&config).unwrap(),
            stop,
            running,
        }
    }

    fn ctx() -> ChangeContext {
        ChangeContext::internal(Clock::system().now(), "test")
    }

    async fn endpoint(&self, receiver: SocketAddr) -> Secret {
        let new = NewEndpoint {
            account_id: "acct_1".to_owned(),
            url: format!("http://{receiver}/hook"),
            event_types: vec!["contact.created".to_owned(), "deal.won".to_owned()],
            description: None,
        };
        self.service
            .create_endpoint(new, &Self::ctx())
            .await
            .unwrap()
            .secret
    }

    async fn record(&self, is_deal: bool) -> PendingExchange {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        headers.insert("location", HeaderValue::from_static("/v1/contacts/c_9"));
        let (route, method, status, params) = if is_deal {
            (
                "/v1/deals/{id}",
                Method::PATCH,
                200,
                vec![("id".to_owned(), "d_1".to_owned())],
            )
        } else {
            ("/v1/contacts", Method::POST, 201, vec![])
        };
        let rules = self.rules.for_route(usize::from(is_deal), &method).unwrap();
        let facts = FactSources {
            method: &method,
            path: route,
            query: None,
            params: &params,
            request_headers: &headers,
            status,
            response_headers: &headers,
            route,
            account_id: "acct_1",
        };
        let meta = ExchangeMeta {
            rules,
            request_id: &ids::request_id(),
            is_foreign_id: false,
            facts,
        };
        self.events
            .record(meta, Duration::from_secs(5))
            .await
            .unwrap()
    }

    /// Ends at once: nothing is finished, as if the process had been killed.
    fn crash(self) {
        for task in &self.running {
            task.abort();
        }
        self.store.close();
    }

    async fn stop(mut self) {
        self.stop.send(true).unwrap();
        for task in self.running.drain(..) {
            task.await.unwrap();
        }
        self.store.close();
    }
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..2000 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{what}");
}

fn verified(secret: &Secret, message: &(HeaderMap, String)) -> serde_json::Value {
    let (headers, body) = message;
    assert!(verifies(headers, body.as_bytes(), secret.expose()));
    serde_json::from_str(&message.1).unwrap()
}

fn response(body: &'static str) -> Captured {
    Captured {
        request: CapturedBody::none(),
        response: CapturedBody::whole(Bytes::from_static(body.as_bytes())),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_reaches_its_receiver_verified() {
    let folder = tempfile::tempdir().unwrap();
    let (address, inbox) = receiver().await;
    let life = Life::start(folder.path());
    let secret = life.endpoint(address).await;
    let exchange = life.record(false).await;
    life.events
        .release(exchange, response("{\"id\":\"c_9\",\"name\":\"Zoë\"}"))
        .await;
    let exchange = life.record(true).await;
    life.events
        .release(exchange, response("{\"id\":\"d_1\",\"stage\":\"lost\"}"))
        .await;
    let exchange = life.record(true).await;
    life.events
        .release(exchange, response("{\"id\":\"d_1\",\"stage\":\"won\"}"))
        .await;
    until("two deliveries", async || inbox.lock().unwrap().len() == 2).await;
    let messages = inbox.lock().unwrap().clone();
    let mut bodies: Vec<_> = messages.iter().map(|m| verified(&secret, m)).collect();
    bodies.sort_by_key(|b| b["sequence"].as_u64());
    assert_eq!(bodies[0]["type"], "contact.created");
    assert_eq!(bodies[0]["data"]["name"], "Zoë");
    assert_eq!(bodies[1]["type"], "deal.won");
    let store = Arc::clone(&life.store);
    until("the result is noted", async || {
        use fuelgate::webhooks::port::EventStore;
        store.queue_stats().await.unwrap().pending_deliveries == 0
    })
    .await;
    life.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_crash_left_is_released_or_kept_for_a_human() {
    let folder = tempfile::tempdir().unwrap();
    let (address, inbox) = receiver().await;
    let life = Life::start(folder.path());
    let secret = life.endpoint(address).await;
    drop(life.record(false).await);
    drop(life.record(true).await);
    life.crash();

    let life = Life::start(folder.path());
    until("the unconditional one", async || {
        !inbox.lock().unwrap().is_empty()
    })
    .await;
    let body = verified(&secret, &inbox.lock().unwrap()[0]);
    assert_eq!(body["type"], "contact.created");
    assert_eq!(body["data"], serde_json::json!({"id": "c_9"}));
    assert_eq!(body["truncated"], true);
    let unresolved = EventFilter {
        state: Some(EventState::Unresolved),
        ..EventFilter::default()
    };
    let listed = life
        .service
        .events(&unresolved, &PageRequest::default())
        .await
        .unwrap();
    assert_eq!(listed.items.len(), 1);
    let id = listed.items[0].id.clone();
    life.service.replay(&id, &Life::ctx()).await.unwrap();
    until("the one released by hand", async || {
        inbox.lock().unwrap().len() == 2
    })
    .await;
    let body = verified(&secret, &inbox.lock().unwrap()[1]);
    assert_eq!(body["data"], serde_json::json!({"id": "d_1"}));
    life.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_wait_for_a_paused_endpoint_and_go_on_when_it_is_active() {
    use fuelgate::webhooks::model::EndpointStatus;
    use fuelgate::webhooks::service::{EndpointPatch, NewEvent};

    let folder = tempfile::tempdir().unwrap();
    let (address, inbox) = receiver().await;
    let life = Life::start(folder.path());
    life.endpoint(address).await;
    let list = life
        .service
        .endpoints(None, &PageRequest::default())
        .await
        .unwrap();
    let id = list.items[0].id.clone();
    let set = |status| EndpointPatch {
        status: Some(status),
        ..EndpointPatch::default()
    };
    life.service
        .patch_endpoint(&id, set(EndpointStatus::Paused), &Life::ctx())
        .await
        .unwrap();
    let event = NewEvent {
        account_id: "acct_1".to_owned(),
        event_type: "deal.won".to_owned(),
        data: "{}".to_owned(),
        id: Some("crm-7".to_owned()),
    };
    life.service.publish(event, &Life::ctx()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(inbox.lock().unwrap().is_empty());
    life.service
        .patch_endpoint(&id, set(EndpointStatus::Active), &Life::ctx())
        .await
        .unwrap();
    until("the delivery", async || !inbox.lock().unwrap().is_empty()).await;
    assert_eq!(inbox.lock().unwrap()[0].0["webhook-id"], "crm-7");
    let service = &life.service;
    until("its success", async || {
        let found = service
            .deliveries(&id, DeliveryFilter::default(), &PageRequest::default())
            .await
            .unwrap();
        found.items[0].status == DeliveryState::Succeeded
    })
    .await;
    let found = service
        .deliveries(&id, DeliveryFilter::default(), &PageRequest::default())
        .await
        .unwrap();
    let tested = service.test_endpoint(&id, &Life::ctx()).await.unwrap();
    assert_ne!(tested.id, found.items[0].id);
    until("the test", async || inbox.lock().unwrap().len() == 2).await;
    assert!(
        inbox.lock().unwrap()[1]
            .1
            .contains("\"type\":\"webhook.test\"")
    );
    life.stop().await;
}
