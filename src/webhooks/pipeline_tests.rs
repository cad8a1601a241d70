//! Tests of recording, releasing, settling and sweeping over a store in memory.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use tokio::sync::{Notify, watch};

use super::*;
use crate::base::ceilings::EVENT_DATA_BYTES;
use crate::base::clock::Timestamp;
use crate::base::testing::eventually;
use crate::webhooks::facts::BODY_VALUES;
use crate::webhooks::settlement::CapturedBody;
use crate::webhooks::settler::{Settler, pipeline};
use crate::webhooks::sweeper::Sweeper;
use crate::webhooks::testing::MemoryStore;

#[path = "pipeline_tests/identity.rs"]
mod identities;
#[path = "pipeline_tests/shape.rs"]
mod shapes;
#[path = "pipeline_tests/sweep.rs"]
mod sweeps;

struct Bench {
    store: Arc<MemoryStore>,
    clock: Clock,
    events: Arc<Events>,
    wake: Arc<Notify>,
    settler: Option<Settler>,
    requests: AtomicU64,
}

fn bench() -> Bench {
    let store = Arc::new(MemoryStore::default());
    let clock = Clock::manual(Timestamp::from_secs(1_800_000_000));
    let wake = Arc::new(Notify::new());
    let (events, settler) = pipeline(store.clone(), clock.clone(), Arc::clone(&wake), 2);
    Bench {
        store,
        clock,
        events,
        wake,
        settler: Some(settler),
        requests: AtomicU64::new(1),
    }
}

fn json_headers() -> HeaderMap {
    let mut h = HeaderMap::new();
    h.insert("content-type", HeaderValue::from_static("application/json"));
    h
}

struct Call {
    method: Method,
    route: &'static str,
    params: Vec<(String, String)>,
    status: u16,
    response_headers: HeaderMap,
}

fn create() -> Call {
    let mut response_headers = json_headers();
    response_headers.insert("location", HeaderValue::from_static("/v1/contacts/c%5F9"));
    Call {
        method: Method::POST,
        route: "/v1/contacts",
        params: vec![],
        status: 201,
        response_headers,
    }
}

fn update() -> Call {
    Call {
        method: Method::PATCH,
        route: "/v1/deals/{id}",
        params: vec![("id".to_owned(), "d_1".to_owned())],
        status: 200,
        response_headers: json_headers(),
    }
}

impl Bench {
    async fn record(&self, rules: &RouteRules, call: &Call) -> Result<PendingExchange, StoreError> {
        self.record_within(rules, call, Duration::ZERO).await
    }

    async fn record_within(
        &self,
        rules: &RouteRules,
        call: &Call,
        patience: Duration,
    ) -> Result<PendingExchange, StoreError> {
        let n = self.requests.fetch_add(1, Ordering::Relaxed);
        self.record_as(rules, call, (&format!("r{n}"), false), patience)
            .await
    }

    /// With this request id, and whether it is somebody else's.
    async fn record_as(
        &self,
        rules: &RouteRules,
        call: &Call,
        request: (&str, bool),
        patience: Duration,
    ) -> Result<PendingExchange, StoreError> {
        let request_headers = json_headers();
        let facts = FactSources {
            method: &call.method,
            path: "/v1/x",
            query: None,
            params: &call.params,
            request_headers: &request_headers,
            status: call.status,
            response_headers: &call.response_headers,
            route: call.route,
            account_id: "acct_1",
        };
        let meta = ExchangeMeta {
            rules,
            request_id: request.0,
            is_foreign_id: request.1,
            facts,
        };
        self.events.record(meta, patience).await
    }

    /// Releases, and waits until the store has it.
    async fn settle(&mut self, exchange: PendingExchange, captured: Captured) {
        let (_keep, stop) = watch::channel(false);
        if let Some(s) = self.settler.take() {
            tokio::spawn(s.run(stop));
            std::mem::forget(_keep);
        }
        self.events.release(exchange, captured).await;
        self.until_let_go().await;
    }

    fn sweeper(&self) -> Sweeper {
        let (store, clock) = (self.store.clone(), self.clock.clone());
        Sweeper::new(store, clock, &self.events, Arc::clone(&self.wake))
    }

    async fn until_let_go(&self) {
        for _ in 0..2000 {
            if self.events.held().is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("events were not settled");
    }

    fn only(&self) -> Event {
        let mut all = self.store.all_events();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }
}

fn captured(request: &'static str, response: &'static str) -> Captured {
    Captured {
        request: CapturedBody::whole(Bytes::from_static(request.as_bytes())),
        response: CapturedBody::whole(Bytes::from_static(response.as_bytes())),
    }
}

const CREATED: &[(&str, &[u16], Option<&str>)] = &[("contact.created", &[201], None)];
const WON: &[(&str, &[u16], Option<&str>)] = &[(
    "deal.won",
    &[200],
    Some("request.body.status == 'won' && response.body.status == 'won'"),
)];

#[tokio::test]
async fn an_event_is_pending_before_and_released_with_the_responses_json() {
    let mut b = bench();
    let rules = RouteRules::of(CREATED);
    let exchange = b.record(&rules, &create()).await.unwrap();
    let pending = b.only();
    assert_eq!(pending.state, EventState::Pending);
    assert_eq!(pending.resource_id.as_deref(), Some("c_9"));
    assert_eq!(
        (pending.request_id.as_deref(), pending.status),
        (Some("r1"), Some(201))
    );
    assert!(b.events.held().has(&pending.id));
    b.settle(exchange, captured("", " {\"id\": 7, \"name\":\"Ada\"}\n"))
        .await;
    let event = b.only();
    assert_eq!(event.state, EventState::Released);
    assert_eq!(event.data.as_deref(), Some("{\"id\": 7, \"name\":\"Ada\"}"));
    assert_eq!((event.sequence, event.truncated), (Some(1), false));
    assert_eq!(event.resource_id.as_deref(), Some("7"));
    assert_eq!(b.events.counters().released.get(), 1);
}

#[tokio::test]
async fn statuses_that_no_rule_names_make_no_event() {
    let b = bench();
    let rules = RouteRules::of(CREATED);
    let call = Call {
        status: 200,
        ..create()
    };
    assert!(b.record(&rules, &call).await.unwrap().is_empty());
    assert!(b.store.all_events().is_empty());
}

#[tokio::test]
async fn a_false_condition_drops_the_event_and_an_error_too_but_counted() {
    let mut b = bench();
    let rules = RouteRules::of(WON);
    let exchange = b.record(&rules, &update()).await.unwrap();
    assert!(b.only().conditional);
    b.settle(
        exchange,
        captured("{\"status\":\"lost\"}", "{\"status\":\"lost\"}"),
    )
    .await;
    assert!(b.store.all_events().is_empty());
    assert_eq!(b.events.counters().condition_errors.get(), 0);
    let exchange = b.record(&rules, &update()).await.unwrap();
    b.settle(exchange, captured("[]", "{\"status\":\"won\"}"))
        .await;
    assert!(b.store.all_events().is_empty());
    assert_eq!(b.events.counters().condition_errors.get(), 1);
    assert_eq!(b.events.counters().dropped.get(), 2);
    let exchange = b.record(&rules, &update()).await.unwrap();
    b.settle(
        exchange,
        captured("{\"status\":\"won\"}", "{\"status\":\"won\"}"),
    )
    .await;
    assert_eq!(b.only().state, EventState::Released);
}

#[tokio::test]
async fn a_condition_without_bodies_is_answered_before_anything_is_recorded() {
    let b = bench();
    let rules = RouteRules::of(&[
        ("a.no", &[200], Some("request.params.id == 'other'")),
        ("a.error", &[200], Some("request.params.gone == 'x'")),
        ("a.yes", &[200], Some("request.params.id == 'd_1'")),
    ]);
    let exchange = b.record(&rules, &update()).await.unwrap();
    assert_eq!(exchange.len(), 1);
    let event = b.only();
    assert_eq!(event.event_type, "a.yes");
    assert!(!event.conditional);
    assert_eq!(b.events.counters().condition_errors.get(), 1);
}

#[tokio::test]
async fn a_condition_over_bodies_is_left_to_the_settlers_threads() {
    let mut b = bench();
    let rules = RouteRules::of(WON);
    let exchange = b.record(&rules, &update()).await.unwrap();
    // Nobody settles yet, and the proxy goes on: an error of the condition would be counted where it is evaluated.
    b.events
        .release(exchange, captured("[]", "{\"status\":\"won\"}"))
        .await;
    tokio::task::yield_now().await;
    assert_eq!(b.events.counters().condition_errors.get(), 0);
    assert_eq!(b.only().state, EventState::Pending);
    let next = b.record(&rules, &update()).await.unwrap();
    b.settle(next, captured("[]", "{\"status\":\"won\"}")).await;
    assert_eq!(b.events.counters().condition_errors.get(), 2);
}

#[tokio::test]
async fn a_lost_body_makes_a_thin_event_or_an_unresolved_one() {
    let mut b = bench();
    let rules = RouteRules::of(CREATED);
    for (headers, body) in [
        (
            json_headers(),
            CapturedBody {
                bytes: Bytes::from_static(b"{\"id\":"),
                is_complete: false,
            },
        ),
        (
            json_headers(),
            CapturedBody::whole(Bytes::from_static(b"{\"id\":")),
        ),
        (
            HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("text/html"))]),
            CapturedBody::whole(Bytes::from_static(b"{}")),
        ),
        (
            HeaderMap::from_iter([(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))]),
            CapturedBody::whole(Bytes::from_static(b"{}")),
        ),
    ] {
        let mut call = Call {
            response_headers: headers,
            ..create()
        };
        call.response_headers.insert(
            "location",
            HeaderValue::from_static("https://h/v1/contacts/c_9/?x=1"),
        );
        let exchange = b.record(&rules, &call).await.unwrap();
        let id = exchange.events[0].0.clone();
        b.settle(
            exchange,
            Captured {
                request: CapturedBody::none(),
                response: body,
            },
        )
        .await;
        let id = identity::released(&id, "c_9");
        let event = b.store.event(&id).await.unwrap().unwrap();
        assert_eq!(event.data.as_deref(), Some("{\"id\":\"c_9\"}"));
        assert!(event.truncated);
    }
    // More values than anybody would look through are no better than none, and more text than an event may have.
    for much in ["1,".repeat(BODY_VALUES), " ".repeat(EVENT_DATA_BYTES)] {
        let body = format!("{{\"id\":\"c_9\",\"x\":[{much}1]}}");
        let exchange = b.record(&rules, &create()).await.unwrap();
        let response = CapturedBody::whole(body.into());
        let captured = Captured {
            request: CapturedBody::none(),
            response,
        };
        b.settle(exchange, captured).await;
    }
    let events = b.store.all_events();
    assert_eq!(events.len(), 6, "{events:?}");
    assert!(
        events
            .iter()
            .all(|e| e.truncated && e.data.as_deref() == Some("{\"id\":\"c_9\"}"))
    );
    let b = &mut bench();
    let exchange = b.record(&RouteRules::of(WON), &update()).await.unwrap();
    let response = CapturedBody::whole(Bytes::from_static(b"{\"status\":\"won\"}"));
    b.settle(
        exchange,
        Captured {
            request: CapturedBody::lost(),
            response,
        },
    )
    .await;
    assert_eq!(b.only().state, EventState::Unresolved);
    assert_eq!(b.events.counters().unresolved.get(), 1);
    // What is encoded may well be what the condition asks for.
    let b = &mut bench();
    let mut call = update();
    let gzip = HeaderValue::from_static("gzip");
    call.response_headers.insert(header::CONTENT_ENCODING, gzip);
    let exchange = b.record(&RouteRules::of(WON), &call).await.unwrap();
    b.settle(exchange, captured("{\"status\":\"won\"}", "gzip"))
        .await;
    assert_eq!(b.only().state, EventState::Unresolved);
}

#[tokio::test]
async fn a_body_is_json_where_its_header_says_nothing_else() {
    let identity = (
        header::CONTENT_ENCODING,
        HeaderValue::from_static("identity"),
    );
    for headers in [HeaderMap::new(), HeaderMap::from_iter([identity])] {
        let mut b = bench();
        let call = Call {
            response_headers: headers,
            ..create()
        };
        let exchange = b.record(&RouteRules::of(CREATED), &call).await.unwrap();
        b.settle(exchange, captured("", "{\"id\":\"c_1\"}")).await;
        let event = b.only();
        assert_eq!(event.data.as_deref(), Some("{\"id\":\"c_1\"}"));
        assert!(!event.truncated);
    }
}

#[tokio::test]
async fn an_id_that_is_empty_is_none() {
    let mut b = bench();
    let rules = RouteRules::of(CREATED);
    let exchange = b.record(&rules, &create()).await.unwrap();
    b.settle(exchange, captured("", "{\"id\":\"\"}")).await;
    assert_eq!(b.only().resource_id.as_deref(), Some("c_9"));
}

#[tokio::test]
async fn a_deletion_tells_the_id_and_nothing_is_missing() {
    let mut b = bench();
    let rules = RouteRules::of(&[("contact.deleted", &[204], None)]);
    let call = Call {
        method: Method::DELETE,
        status: 204,
        ..update()
    };
    let exchange = b.record(&rules, &call).await.unwrap();
    b.settle(exchange, captured("", "")).await;
    let event = b.only();
    assert_eq!(event.data.as_deref(), Some("{\"id\":\"d_1\"}"));
    assert!(!event.truncated);
}

#[tokio::test]
async fn the_parent_in_a_path_is_not_taken_for_what_was_created() {
    let b = bench();
    let rules = RouteRules::of(&[("activity.logged", &[201], None)]);
    let call = Call {
        route: "/v1/contacts/{id}/activities",
        params: vec![("id".to_owned(), "c_1".to_owned())],
        response_headers: json_headers(),
        ..create()
    };
    b.record(&rules, &call).await.unwrap();
    assert_eq!(b.only().resource_id, None);
}

#[tokio::test]
async fn a_store_that_is_down_refuses_the_record_and_delays_the_settlement() {
    let mut b = bench();
    let rules = RouteRules::of(CREATED);
    b.store.set_down(true);
    assert!(!b.events.is_healthy());
    assert!(b.record(&rules, &create()).await.is_err());
    assert!(b.events.held().is_empty());
    b.store.set_down(false);
    let exchange = b.record(&rules, &create()).await.unwrap();
    b.store.set_down(true);
    let store = Arc::clone(&b.store);
    let counters = Arc::clone(b.events.counters());
    tokio::spawn(async move {
        eventually("a retry", || counters.settle_retries.get() > 0).await;
        store.set_down(false);
    });
    b.settle(exchange, captured("", "{}")).await;
    assert_eq!(b.only().state, EventState::Released);
    assert_eq!(b.events.counters().record_failures.get(), 1);
}

#[tokio::test]
async fn a_short_failure_of_the_store_is_waited_out() {
    let b = bench();
    b.store.set_down(true);
    let store = Arc::clone(&b.store);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(60)).await;
        store.set_down(false);
    });
    let rules = RouteRules::of(CREATED);
    let exchange = b
        .record_within(&rules, &create(), Duration::from_secs(10))
        .await
        .unwrap();
    assert_eq!(b.only().id, exchange.events[0].0);
    assert_eq!(b.events.counters().record_failures.get(), 0);
}

#[tokio::test]
async fn a_stop_finishes_what_is_in_hand() {
    let mut b = bench();
    let rules = RouteRules::of(CREATED);
    let (stop, stopping) = watch::channel(false);
    let running = tokio::spawn(b.settler.take().unwrap().run(stopping));
    for _ in 0..50 {
        let exchange = b.record(&rules, &create()).await.unwrap();
        b.events.release(exchange, captured("", "{}")).await;
    }
    stop.send(true).unwrap();
    running.await.unwrap().unwrap();
    assert!(b.events.held().is_empty());
    let all = b.store.all_events();
    assert!(all.iter().all(|e| e.state == EventState::Released));
    let mut sequences: Vec<_> = all.iter().filter_map(|e| e.sequence).collect();
    sequences.sort_unstable();
    assert_eq!(sequences, (1..=50).collect::<Vec<_>>());
}
