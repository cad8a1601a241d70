//! What a webhook's body and signature cost for each attempt, with one secret and with two.

use criterion::{Criterion, criterion_group, criterion_main};
use fuelgate::base::clock::Timestamp;
use fuelgate::webhooks::model::{Event, EventState};
use fuelgate::webhooks::sign::{self, SigningKey};
use fuelgate::webhooks::{condition, envelope, facts};
use std::hint::black_box;

fn event(bytes: usize) -> Event {
    Event {
        id: "evt_0199e5c0b1d47cc2a1f3f0c2d4e5f607".to_owned(),
        account_id: "acct_demo".to_owned(),
        event_type: "contact.created".to_owned(),
        occurred_at: Timestamp::from_secs(1_800_000_000),
        state: EventState::Released,
        sequence: Some(42),
        data: Some(format!(
            "{{\"id\":\"c_1\",\"note\":\"{}\"}}",
            "x".repeat(bytes)
        )),
        truncated: false,
        request_id: None,
        route: None,
        method: None,
        status: None,
        resource_id: None,
        conditional: false,
    }
}

fn keys(n: usize) -> Vec<SigningKey> {
    (0..n)
        .filter_map(|_| SigningKey::new(&sign::generate().ok()?))
        .collect()
}

fn signing(c: &mut Criterion) {
    for (bytes, secrets) in [(200, 1), (200, 2), (65_536, 1)] {
        let keys = keys(secrets);
        let event = event(bytes);
        c.bench_function(&format!("sign/{bytes}_bytes_{secrets}_secrets"), |b| {
            b.iter(|| {
                let body = envelope::body(black_box(&event));
                sign::signatures(&keys, &event.id, 1_800_000_000, &body)
            });
        });
    }
}

fn conditions(c: &mut Criterion) {
    let text = "request.body.status == 'won' && response.body.status == 'won'";
    let Ok(condition) = condition::Condition::compile(text) else {
        return;
    };
    let headers = http::HeaderMap::new();
    let mut facts = facts::Facts::new(facts::FactSources {
        method: &http::Method::PATCH,
        path: "/v1/deals/d_1",
        query: None,
        params: &[],
        request_headers: &headers,
        status: 200,
        response_headers: &headers,
        route: "/v1/deals/{id}",
        account_id: "acct_demo",
    });
    let body = serde_json::json!({ "status": "won", "id": "d_1", "title": "A deal", "value": 100 });
    facts.set_bodies(&body, &body);
    c.bench_function("condition/two_members", |b| {
        b.iter(|| condition.holds(black_box(&facts)));
    });
}

criterion_group!(benches, signing, conditions);
criterion_main!(benches);
