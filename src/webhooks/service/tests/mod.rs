//! Tests of the operations over a store in memory.

mod events;

use super::*;
use crate::base::clock::Timestamp;
use crate::base::page::PageRequest;
use crate::config::model::Pepper;
use crate::webhooks::health::Allowance;
use crate::webhooks::model::{EndpointStatus, OutgoingRequest, Reply};
use crate::webhooks::seal::Sealer;
use crate::webhooks::settings::Settings;
use crate::webhooks::testing::{MemoryStore, context};
use std::time::Duration;

struct NoNetwork;

#[async_trait::async_trait]
impl WebhookTransport for NoNetwork {
    async fn send(&self, _: &OutgoingRequest) -> Result<Reply, String> {
        Err("no network".to_owned())
    }

    fn check_url(&self, url: &str) -> Result<(), String> {
        if url.starts_with("https://") {
            Ok(())
        } else {
            Err("expected https".to_owned())
        }
    }
}

fn settings(peppers: &[(&str, &str)]) -> Settings {
    let peppers: Vec<Pepper> = peppers
        .iter()
        .map(|(id, s)| Pepper {
            id: (*id).to_owned(),
            secret: Secret::new(*s),
        })
        .collect();
    Settings {
        sealer: Sealer::new(&peppers),
        event_types: vec!["contact.created".into(), "deal.won".into()],
        retry_delays: vec![Duration::from_secs(5)],
        timeout: Duration::from_secs(1),
        inbox_base: "http://inbox.test/inbox/".to_owned(),
        allowance: Allowance {
            most: 8,
            untried: 1,
            spacing: Duration::ZERO,
        },
        disable_after: None,
        retention: Duration::from_secs(30 * 86_400),
    }
}

struct Bench {
    store: Arc<MemoryStore>,
    settings: SharedSettings,
    service: WebhookService,
}

fn bench() -> Bench {
    let store = Arc::new(MemoryStore::default());
    let settings = settings(&[("p1", "one")]).shared();
    let service = WebhookService::new(
        store.clone(),
        Arc::new(NoNetwork),
        Arc::clone(&settings),
        Arc::new(Notify::new()),
    );
    Bench {
        store,
        settings,
        service,
    }
}

fn at(secs: i64) -> ChangeContext {
    context(Timestamp::from_secs(1_800_000_000 + secs))
}
use crate::base::audit::ChangeContext;

fn new_endpoint() -> NewEndpoint {
    NewEndpoint {
        account_id: "acct_1".to_owned(),
        url: "https://receiver.example/hook".to_owned(),
        event_types: vec!["contact.created".to_owned()],
        description: Some("CRM sync".to_owned()),
    }
}

fn new_event(id: Option<&str>) -> NewEvent {
    NewEvent {
        account_id: "acct_1".to_owned(),
        event_type: "contact.created".to_owned(),
        data: "{\"id\": 7}".to_owned(),
        id: id.map(str::to_owned),
    }
}

fn fields(e: WebhookError) -> Vec<String> {
    match e {
        WebhookError::Invalid(f) => f.into_iter().map(|f| f.field).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_endpoint_is_made_with_a_secret_that_the_store_does_not_show() {
    let b = bench();
    let made = b
        .service
        .create_endpoint(new_endpoint(), &at(0))
        .await
        .unwrap();
    assert!(made.secret.expose().starts_with("whsec_"));
    assert_eq!(made.endpoint.status, EndpointStatus::Active);
    let stored = b.service.endpoint(&made.endpoint.id).await.unwrap();
    assert!(!format!("{stored:?}").contains(&made.secret.expose()[6..]));
    let opened = b
        .settings
        .load()
        .sealer
        .open(&stored.id, &stored.secrets[0])
        .unwrap();
    assert_eq!(opened, made.secret);
    assert_eq!(b.store.actions(), ["webhook.create"]);
    let listed = b
        .service
        .endpoints(Some("acct_1"), &PageRequest::default())
        .await
        .unwrap();
    assert_eq!(listed.items.len(), 1);
    assert!(
        b.service
            .endpoints(Some("acct_2"), &PageRequest::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
}

#[tokio::test]
async fn everything_wrong_is_told_at_once() {
    let b = bench();
    let bad = NewEndpoint {
        account_id: "a b".to_owned(),
        url: "http://x".to_owned(),
        event_types: [
            "deal.won",
            "deal.won",
            "no.such",
            "no.*",
            "*.won",
            "webhook.test",
        ]
        .map(str::to_owned)
        .to_vec(),
        description: Some("a\nb".to_owned()),
    };
    let e = b.service.create_endpoint(bad, &at(0)).await.unwrap_err();
    assert_eq!(
        fields(e),
        [
            "account_id",
            "url",
            "event_types[1]",
            "event_types[2]",
            "event_types[3]",
            "event_types[4]",
            "event_types[5]",
            "description"
        ]
    );
    let none = NewEndpoint {
        event_types: vec![],
        ..new_endpoint()
    };
    assert_eq!(
        fields(b.service.create_endpoint(none, &at(0)).await.unwrap_err()),
        ["event_types"]
    );
    assert!(b.store.actions().is_empty());
}

#[tokio::test]
async fn a_pattern_is_taken_where_it_fits_a_known_type() {
    let b = bench();
    let new = NewEndpoint {
        event_types: ["*", "deal.*", "deal.won"].map(str::to_owned).to_vec(),
        ..new_endpoint()
    };
    let made = b.service.create_endpoint(new, &at(0)).await.unwrap();
    assert_eq!(made.endpoint.event_types, ["*", "deal.*", "deal.won"]);
    b.service.publish(new_event(None), &at(1)).await.unwrap();
    assert_eq!(b.store.all_deliveries().len(), 1);
}

#[tokio::test]
async fn an_account_has_a_bounded_number_of_endpoints() {
    let b = bench();
    for _ in 0..crate::base::ceilings::WEBHOOKS_PER_ACCOUNT {
        b.service
            .create_endpoint(new_endpoint(), &at(0))
            .await
            .unwrap();
    }
    let e = b
        .service
        .create_endpoint(new_endpoint(), &at(0))
        .await
        .unwrap_err();
    assert!(matches!(e, WebhookError::Conflict(_)));
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_nothing_else() {
    let b = bench();
    let id = b
        .service
        .create_endpoint(new_endpoint(), &at(0))
        .await
        .unwrap()
        .endpoint
        .id;
    let patch = EndpointPatch {
        status: Some(EndpointStatus::Paused),
        ..EndpointPatch::default()
    };
    let v = b.service.patch_endpoint(&id, patch, &at(1)).await.unwrap();
    assert_eq!(
        (v.status, v.description.as_deref()),
        (EndpointStatus::Paused, Some("CRM sync"))
    );
    let patch = EndpointPatch {
        url: Some("https://other.example/".to_owned()),
        event_types: Some(vec!["deal.won".to_owned()]),
        description: Some(None),
        status: None,
    };
    let v = b.service.patch_endpoint(&id, patch, &at(2)).await.unwrap();
    assert_eq!(v.url, "https://other.example/");
    assert_eq!(
        (v.event_types, v.description),
        (vec!["deal.won".to_owned()], None)
    );
    assert_eq!(v.status, EndpointStatus::Paused);
    let bad = EndpointPatch {
        status: Some(EndpointStatus::Disabled),
        ..EndpointPatch::default()
    };
    assert_eq!(
        fields(
            b.service
                .patch_endpoint(&id, bad, &at(3))
                .await
                .unwrap_err()
        ),
        ["status"]
    );
    let e = b
        .service
        .patch_endpoint("whk_none", EndpointPatch::default(), &at(3))
        .await;
    assert!(matches!(e, Err(WebhookError::NotFound)));
}

#[tokio::test]
async fn after_a_rotation_both_secrets_sign_for_a_day() {
    let b = bench();
    let first = b
        .service
        .create_endpoint(new_endpoint(), &at(0))
        .await
        .unwrap();
    let id = first.endpoint.id.clone();
    let second = b.service.rotate_secret(&id, &at(10)).await.unwrap();
    assert_ne!(first.secret, second.secret);
    assert_eq!(
        second.endpoint.previous_secret_valid_until,
        Some(at(10 + 24 * 3600).at)
    );
    let stored = b.service.endpoint(&id).await.unwrap();
    let open = |i: usize| {
        b.settings
            .load()
            .sealer
            .open(&id, &stored.secrets[i])
            .unwrap()
    };
    assert_eq!((open(0), open(1)), (second.secret, first.secret));
    for n in 0..10 {
        b.service.rotate_secret(&id, &at(20 + n)).await.unwrap();
    }
    let stored = b.service.endpoint(&id).await.unwrap();
    assert_eq!(stored.secrets.len(), crate::base::ceilings::WEBHOOK_SECRETS);
    b.service.rotate_secret(&id, &at(48 * 3600)).await.unwrap();
    assert_eq!(b.service.endpoint(&id).await.unwrap().secrets.len(), 2);
}

#[tokio::test]
async fn secrets_are_sealed_anew_under_the_first_pepper() {
    let b = bench();
    let made = b
        .service
        .create_endpoint(new_endpoint(), &at(0))
        .await
        .unwrap();
    b.service
        .rotate_secret(&made.endpoint.id, &at(1))
        .await
        .unwrap();
    b.settings
        .store(Arc::new(settings(&[("p2", "two"), ("p1", "one")])));
    assert_eq!(b.service.reseal(&at(2)).await.unwrap(), 1);
    assert_eq!(b.service.reseal(&at(3)).await.unwrap(), 0);
    b.settings.store(Arc::new(settings(&[("p2", "two")])));
    let stored = b.service.endpoint(&made.endpoint.id).await.unwrap();
    let opened = b
        .settings
        .load()
        .sealer
        .open(&stored.id, &stored.secrets[1])
        .unwrap();
    assert_eq!(opened, made.secret);
    assert!(stored.secrets[1].valid_until.is_some());
}
