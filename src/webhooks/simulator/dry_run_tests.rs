//! Tests of dry runs: each reason, and that the pipeline then does what a dry run said, over random exchanges.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use tokio::sync::{Notify, watch};

use super::*;
use crate::base::clock::{Clock, Timestamp};
use crate::webhooks::model::EventState;
use crate::webhooks::pipeline::{Events, ExchangeMeta};
use crate::webhooks::settler::pipeline;
use crate::webhooks::testing::MemoryStore;

const PATH: &str = "/v1/deals/{id}";

fn rule(index: usize, method: Method, status: &[u16], when: Option<&str>) -> Arc<EventRule> {
    Arc::new(EventRule {
        index,
        event_type: format!("deal.e{index}").into(),
        method,
        path: PATH.into(),
        status: status.to_vec(),
        when: when.map(str::to_owned),
        data: None,
    })
}

fn route(auth: Auth, events: &[usize]) -> Arc<Route> {
    Arc::new(Route {
        index: 0,
        path: PATH.into(),
        hosts: vec![],
        methods: vec![Method::PATCH, Method::PUT, Method::DELETE],
        auth,
        scopes: vec![],
        split: vec![(0, 1)],
        rewrite: None,
        cost: 1,
        json_only: false,
        body_bytes: None,
        deprecated: None,
        events: events.to_vec(),
    })
}

/// Rules with every kind of condition; the last one is of another route.
fn rules() -> Vec<Arc<EventRule>> {
    let patch = |i, status: &[u16], when| rule(i, Method::PATCH, status, when);
    vec![
        patch(0, &[200, 201, 204], None),
        patch(1, &[200], Some("response.body.stage == 'won'")),
        patch(2, &[200], Some("request.body.stage == 'won'")),
        patch(3, &[200, 201], Some("request.params.id == 'd_1'")),
        patch(4, &[200], Some("response.headers.etag == 'x'")),
        patch(
            5,
            &[200, 204],
            Some("request.body.stage == response.body.stage"),
        ),
        rule(6, Method::DELETE, &[200, 204], None),
        patch(7, &[200], None),
    ]
}

/// What an exchange is made of.
#[derive(Debug, Clone)]
struct Sides {
    method: Method,
    params: Vec<(String, String)>,
    status: u16,
    request_headers: HeaderMap,
    response_headers: HeaderMap,
    request: CapturedBody,
    response: CapturedBody,
}

impl Sides {
    fn facts<'a>(&'a self, account_id: &'a str) -> FactSources<'a> {
        FactSources {
            method: &self.method,
            path: "/v1/deals/d_1",
            query: None,
            params: &self.params,
            request_headers: &self.request_headers,
            status: self.status,
            response_headers: &self.response_headers,
            route: PATH,
            account_id,
        }
    }

    fn trial<'a>(&'a self, route: Option<&'a Route>) -> Trial<'a> {
        Trial {
            route,
            facts: self.facts("acct_1"),
            request: self.request.clone(),
            response: self.response.clone(),
        }
    }
}

fn json() -> HeaderMap {
    let mut h = HeaderMap::new();
    h.insert("content-type", HeaderValue::from_static("application/json"));
    h
}

fn whole(text: &'static str) -> CapturedBody {
    CapturedBody::whole(Bytes::from_static(text.as_bytes()))
}

fn won() -> Sides {
    Sides {
        method: Method::PATCH,
        params: vec![("id".to_owned(), "d_1".to_owned())],
        status: 200,
        request_headers: json(),
        response_headers: json(),
        request: whole("{\"stage\":\"won\"}"),
        response: whole("{\"id\": \"d_1\", \"stage\":\"won\"}"),
    }
}

fn reasons(answers: &[Answer]) -> Vec<Option<WhyNot>> {
    answers.iter().map(|a| a.why_not).collect()
}

#[test]
fn each_rule_says_whether_it_fires_and_if_not_why() {
    let events = rules();
    let route = route(Auth::Key, &[0, 1, 2, 3, 4, 5, 6]);
    let compiled = EventRules::of(std::slice::from_ref(&route), &events).unwrap();
    let answers = explain(&events, &compiled, &won().trial(Some(&route)));
    assert_eq!(
        reasons(&answers),
        [
            None,
            None,
            None,
            None,
            Some(WhyNot::ConditionError),
            None,
            Some(WhyNot::Method),
            Some(WhyNot::Route),
        ]
    );
    let made = answers[0].made.as_ref().unwrap();
    assert_eq!(made.data, "{\"id\": \"d_1\", \"stage\":\"won\"}");
    assert_eq!(made.resource_id.as_deref(), Some("d_1"));
    assert_eq!(answers[4].detail.as_deref(), Some("no such member: etag"));

    let mut lost = won();
    lost.status = 204;
    lost.response = CapturedBody::lost();
    let answers = explain(&events, &compiled, &lost.trial(Some(&route)));
    assert!(answers[0].made.as_ref().unwrap().truncated);
    assert_eq!(answers[1].why_not, Some(WhyNot::Status));
    assert_eq!(answers[5].why_not, Some(WhyNot::BodyLost));

    let mut other = won();
    other.response = whole("{\"stage\":\"lost\"}");
    let answers = explain(&events, &compiled, &other.trial(Some(&route)));
    assert_eq!(answers[1].why_not, Some(WhyNot::ConditionFalse));
}

#[test]
fn without_a_route_or_a_key_no_rule_fires() {
    let events = rules();
    let open = route(Auth::Passthrough, &[0]);
    let compiled = EventRules::of(std::slice::from_ref(&open), &events).unwrap();
    let answers = explain(&events, &compiled, &won().trial(None));
    assert!(answers.iter().all(|a| a.why_not == Some(WhyNot::Route)));
    let answers = explain(&events, &compiled, &won().trial(Some(&open)));
    assert_eq!(answers[0].why_not, Some(WhyNot::NoKey));
}

fn random(rng: &mut fastrand::Rng) -> Sides {
    let body = |rng: &mut fastrand::Rng| match rng.u8(0..8) {
        0 => CapturedBody::none(),
        1 => CapturedBody::lost(),
        2 => whole("not json"),
        3 => whole("[]"),
        4 => whole("{\"stage\":\"lost\",\"id\":7}"),
        5 => whole(" {\"id\": \"d_9\", \"stage\": \"won\"}\n"),
        _ => whole("{\"stage\":\"won\"}"),
    };
    let headers = |rng: &mut fastrand::Rng| {
        let mut h = json();
        match rng.u8(0..8) {
            0 => drop(h.remove("content-type")),
            1 => drop(h.insert("content-type", HeaderValue::from_static("text/html"))),
            2 => drop(h.insert("content-encoding", HeaderValue::from_static("gzip"))),
            3 => drop(h.insert("etag", HeaderValue::from_static("x"))),
            4 => drop(h.insert("location", HeaderValue::from_static("/v1/deals/d%5F5"))),
            _ => {}
        }
        h
    };
    let methods = [
        Method::PATCH,
        Method::PATCH,
        Method::PUT,
        Method::DELETE,
        Method::GET,
    ];
    Sides {
        method: methods[rng.usize(0..methods.len())].clone(),
        params: vec![("id".to_owned(), format!("d_{}", rng.u8(1..3)))],
        status: [200, 200, 200, 201, 204, 404][rng.usize(0..6)],
        request_headers: headers(rng),
        response_headers: headers(rng),
        request: body(rng),
        response: body(rng),
    }
}

/// What the gateway does with an exchange of a request that has a key.
async fn really(events: &Events, compiled: &EventRules, sides: &Sides, account: &str) {
    let Some(rules) = compiled
        .watching(0, &sides.method)
        .filter(|r| r.matches_status(sides.status))
    else {
        return;
    };
    let meta = ExchangeMeta {
        rules,
        request_id: "r1",
        is_foreign_id: false,
        facts: sides.facts(account),
    };
    let pending = events.record(meta, Duration::ZERO).await.unwrap();
    let request = match rules.wants_request_body() {
        true => sides.request.clone(),
        false => CapturedBody::none(),
    };
    let captured = Captured {
        request,
        response: sides.response.clone(),
    };
    events.release(pending, captured).await;
}

#[tokio::test]
async fn a_dry_run_says_what_the_gateway_then_does() {
    let events = rules();
    let route = route(Auth::Key, &[0, 1, 2, 3, 4, 5, 6]);
    let compiled = EventRules::of(std::slice::from_ref(&route), &events).unwrap();
    let store = Arc::new(MemoryStore::default());
    let clock = Clock::manual(Timestamp::from_secs(1_800_000_000));
    let (way_in, settler) = pipeline(store.clone(), clock, Arc::new(Notify::new()), 2);
    let (_keep, stop) = watch::channel(false);
    tokio::spawn(settler.run(stop));
    let mut rng = fastrand::Rng::with_seed(4);
    let mut said = Vec::new();
    for n in 0..400 {
        let sides = random(&mut rng);
        said.push((
            explain(&events, &compiled, &sides.trial(Some(&route))),
            sides.clone(),
        ));
        really(&way_in, &compiled, &sides, &format!("acct_{n}")).await;
    }
    for _ in 0..4000 {
        if way_in.held().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(way_in.held().is_empty());
    let all = store.all_events();
    let mut kinds = std::collections::HashMap::new();
    for (n, (answers, sides)) in said.iter().enumerate() {
        let account = format!("acct_{n}");
        for answer in answers {
            let real = all
                .iter()
                .find(|e| e.account_id == account && *e.event_type == *answer.event_type);
            *kinds.entry(answer.why_not).or_insert(0) += 1;
            match (answer.why_not, real) {
                (None, Some(event)) => {
                    let made = answer.made.as_ref().unwrap();
                    assert_eq!(event.state, EventState::Released, "{sides:?}");
                    assert_eq!(event.data.as_deref(), Some(&*made.data), "{sides:?}");
                    assert_eq!(event.truncated, made.truncated, "{sides:?}");
                    assert_eq!(event.resource_id, made.resource_id, "{sides:?}");
                }
                (Some(WhyNot::BodyLost), Some(event)) => {
                    assert_eq!(event.state, EventState::Unresolved, "{sides:?}");
                }
                (Some(WhyNot::BodyLost) | None, None) | (Some(_), Some(_)) => {
                    panic!("said {answer:?} of {sides:?}, and there is {real:?}")
                }
                (Some(_), None) => {}
            }
        }
    }
    // Every kind of answer was among them, so that none of them goes unchecked.
    for kind in [
        None,
        Some(WhyNot::Method),
        Some(WhyNot::Status),
        Some(WhyNot::ConditionFalse),
        Some(WhyNot::ConditionError),
        Some(WhyNot::BodyLost),
    ] {
        assert!(
            kinds.get(&kind).is_some_and(|n| *n > 5),
            "{kind:?} {kinds:?}"
        );
    }
}
