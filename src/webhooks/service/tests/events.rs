//! Tests of publishing, testing, retrying and replaying.

use super::*;
use crate::base::audit::IdempotentAnswer;
use crate::webhooks::health::Effect;
use crate::webhooks::model::*;
use crate::webhooks::port::{ClaimTerms, DeliveryFilter, EventFilter};
use crate::webhooks::view::EventView;

#[tokio::test]
async fn a_published_event_is_delivered_once_whatever_is_published_again() {
    let b = bench();
    b.service
        .create_endpoint(new_endpoint(), &at(0))
        .await
        .unwrap();
    let first = b
        .service
        .publish(new_event(Some("crm-1")), &at(1))
        .await
        .unwrap();
    assert_eq!(
        (first.status, first.sequence),
        (EventState::Released, Some(1))
    );
    let again = b
        .service
        .publish(new_event(Some("crm-1")), &at(2))
        .await
        .unwrap();
    assert_eq!(first, again);
    assert_eq!(b.store.all_deliveries().len(), 1);
    let stranger = NewEvent {
        account_id: "acct_2".to_owned(),
        ..new_event(Some("crm-1"))
    };
    assert!(matches!(
        b.service.publish(stranger, &at(3)).await,
        Err(WebhookError::Conflict(_))
    ));
    let own = b.service.publish(new_event(None), &at(4)).await.unwrap();
    assert!(own.id.starts_with("evt_"));
    let list = b
        .service
        .events(&EventFilter::default(), &PageRequest::default())
        .await
        .unwrap();
    assert_eq!(list.items.len(), 2);
    assert_eq!(
        b.service.event("crm-1").await.unwrap().data,
        Some(serde_json::json!({"id": 7}))
    );
}

/// What a call leaves for its repetition: the event as it was given, which the store has not seen yet.
fn left(new: NewEvent) -> IdempotentAnswer {
    let id = new.id.unwrap();
    let event = Event::published(id, new.account_id, new.event_type, at(1).at, new.data);
    IdempotentAnswer {
        key: "k".to_owned(),
        request_digest: [7; 32],
        status: 201,
        body: serde_json::json!(EventView::from(event)).to_string(),
        expires_at: at(9).at,
    }
}

#[tokio::test]
async fn a_repetition_is_answered_with_the_event_as_the_store_has_it() {
    let b = bench();
    let published = b.service.publish(new_event(Some("crm-1")), &at(1)).await;
    let first = serde_json::to_string(&published.unwrap()).unwrap();
    assert!(first.contains("\"sequence\":1"), "{first}");
    let again = b.service.published_before(left(new_event(Some("crm-1"))));
    let again = again.await.unwrap();
    assert_eq!((again.status, &again.body), (201, &first));
    // The id was there already, with other data.
    let other = || NewEvent {
        data: "{\"id\": 8}".to_owned(),
        ..new_event(Some("crm-1"))
    };
    let second = b.service.publish(other(), &at(2)).await.unwrap();
    assert_eq!(serde_json::to_string(&second).unwrap(), first);
    let again = b.service.published_before(left(other())).await.unwrap();
    assert_eq!(again.body, first);
}

#[tokio::test]
async fn a_repetition_whose_event_is_gone_is_answered_with_what_was_left() {
    let b = bench();
    let gone = left(new_event(Some("crm-1")));
    let again = b.service.published_before(gone.clone()).await.unwrap();
    assert_eq!(again, gone);
    // Another account has the id by now: nothing of it is shown.
    let stranger = NewEvent {
        account_id: "acct_2".to_owned(),
        ..new_event(Some("crm-1"))
    };
    b.service.publish(stranger, &at(2)).await.unwrap();
    let again = b.service.published_before(gone.clone()).await.unwrap();
    assert_eq!(again, gone);
}

#[tokio::test]
async fn what_cannot_be_published_is_refused() {
    let b = bench();
    let long = "x".repeat(65);
    for id in ["", "a.b", "a b", "ü", long.as_str()] {
        let e = b
            .service
            .publish(new_event(Some(id)), &at(0))
            .await
            .unwrap_err();
        assert_eq!(fields(e), ["id"], "{id}");
    }
    for t in ["no.such", "webhook.test", ""] {
        let new = NewEvent {
            event_type: t.to_owned(),
            ..new_event(None)
        };
        assert_eq!(
            fields(b.service.publish(new, &at(0)).await.unwrap_err()),
            ["type"]
        );
    }
    for data in [
        "{".to_owned(),
        format!(
            "\"{}\"",
            "x".repeat(crate::base::ceilings::EVENT_DATA_BYTES)
        ),
    ] {
        let new = NewEvent {
            data,
            ..new_event(None)
        };
        assert_eq!(
            fields(b.service.publish(new, &at(0)).await.unwrap_err()),
            ["data"]
        );
    }
}

#[tokio::test]
async fn a_test_goes_to_one_active_endpoint_only() {
    let b = bench();
    let id = b
        .service
        .create_endpoint(new_endpoint(), &at(0))
        .await
        .unwrap()
        .endpoint
        .id;
    b.service
        .create_endpoint(new_endpoint(), &at(0))
        .await
        .unwrap();
    let d = b.service.test_endpoint(&id, &at(1)).await.unwrap();
    assert_eq!(
        (d.event_type.as_str(), d.webhook_id.as_str()),
        ("webhook.test", id.as_str())
    );
    assert_eq!(b.store.all_deliveries().len(), 1);
    let pause = EndpointPatch {
        status: Some(EndpointStatus::Paused),
        ..EndpointPatch::default()
    };
    b.service.patch_endpoint(&id, pause, &at(2)).await.unwrap();
    assert!(matches!(
        b.service.test_endpoint(&id, &at(3)).await,
        Err(WebhookError::Conflict(_))
    ));
    assert!(matches!(
        b.service.test_endpoint("whk_0", &at(3)).await,
        Err(WebhookError::NotFound)
    ));
}

#[tokio::test]
async fn a_failed_delivery_can_be_tried_again_until_its_endpoint_is_gone() {
    let b = bench();
    let id = b
        .service
        .create_endpoint(new_endpoint(), &at(0))
        .await
        .unwrap()
        .endpoint
        .id;
    b.service.publish(new_event(None), &at(1)).await.unwrap();
    let claimed = b
        .store
        .claim_due(&ClaimTerms::any(at(1).at, at(60).at, 10))
        .await
        .unwrap()
        .remove(0);
    let attempt = Attempt {
        at: at(1).at,
        status: Some(500),
        latency_ms: 3,
        error: None,
        reply_excerpt: None,
        reply_headers: Vec::new(),
    };
    let delivery = claimed.delivery.id;
    b.store
        .complete(
            &delivery,
            &claimed.claim,
            &attempt,
            &Outcome::Exhausted,
            &Effect::None,
            at(2).at,
        )
        .await
        .unwrap();
    let shown = b.service.delivery(&delivery).await.unwrap();
    assert_eq!(
        (shown.status, shown.attempts.len()),
        (DeliveryState::Failed, 1)
    );
    let again = b.service.retry_delivery(&delivery, &at(3)).await.unwrap();
    assert_eq!(
        (again.status, again.next_attempt_at),
        (DeliveryState::Pending, Some(at(3).at))
    );
    let listed = b
        .service
        .deliveries(&id, DeliveryFilter::default(), &PageRequest::default())
        .await
        .unwrap();
    assert_eq!(listed.items.len(), 1);
    b.service.delete_endpoint(&id, &at(4)).await.unwrap();
    assert!(matches!(
        b.service.retry_delivery(&delivery, &at(5)).await,
        Err(WebhookError::Conflict(_))
    ));
    assert!(matches!(
        b.service.delete_endpoint(&id, &at(5)).await,
        Err(WebhookError::NotFound)
    ));
}

#[tokio::test]
async fn an_unresolved_event_is_released_by_hand_and_a_pending_one_is_not() {
    let b = bench();
    b.service
        .create_endpoint(new_endpoint(), &at(0))
        .await
        .unwrap();
    let mut event = Event {
        id: "evt_1".to_owned(),
        account_id: "acct_1".to_owned(),
        event_type: "contact.created".to_owned(),
        occurred_at: at(0).at,
        state: EventState::Pending,
        sequence: None,
        data: None,
        truncated: false,
        request_id: None,
        route: None,
        method: None,
        status: None,
        resource_id: Some("c_1".to_owned()),
        conditional: true,
    };
    b.store
        .record_pending(std::slice::from_ref(&event))
        .await
        .unwrap();
    assert!(matches!(
        b.service.replay("evt_1", &at(1)).await,
        Err(WebhookError::Conflict(_))
    ));
    event.id = "evt_2".to_owned();
    event.state = EventState::Unresolved;
    b.store
        .record_pending(std::slice::from_ref(&event))
        .await
        .unwrap();
    let replayed = b.service.replay("evt_2", &at(1)).await.unwrap();
    assert_eq!(
        (replayed.status, replayed.truncated),
        (EventState::Released, true)
    );
    assert_eq!(replayed.data, Some(serde_json::json!({"id": "c_1"})));
    b.service.replay("evt_2", &at(2)).await.unwrap();
    assert_eq!(b.store.all_deliveries().len(), 2);
    assert!(matches!(
        b.service.replay("evt_0", &at(1)).await,
        Err(WebhookError::NotFound)
    ));
}

#[tokio::test]
async fn what_a_delivery_sent_is_known_for_as_long_as_its_event() {
    let b = bench();
    let made = b.service.create_endpoint(new_endpoint(), &at(0)).await;
    let webhook = made.unwrap().endpoint.id;
    b.service
        .publish(new_event(Some("crm-1")), &at(1))
        .await
        .unwrap();
    let claimed = b
        .store
        .claim_due(&ClaimTerms::any(at(1).at, at(60).at, 10))
        .await
        .unwrap()
        .remove(0);
    let attempt = Attempt {
        at: at(2).at,
        status: None,
        latency_ms: 3,
        error: Some("no answer in time".to_owned()),
        reply_excerpt: None,
        reply_headers: Vec::new(),
    };
    let (id, outcome) = (&claimed.delivery.id, Outcome::Retry(at(9).at));
    b.store
        .complete(
            id,
            &claimed.claim,
            &attempt,
            &outcome,
            &Effect::None,
            at(3).at,
        )
        .await
        .unwrap();
    let delivery = b.service.delivery(id).await.unwrap();
    let sent = b.service.request_of(&delivery).await.unwrap().unwrap();
    assert_eq!(sent.id, "crm-1");
    assert_eq!(sent.url.as_deref(), Some("https://receiver.example/hook"));
    assert_eq!(
        sent.body,
        crate::webhooks::envelope::body(&claimed.event),
        "byte for byte what the worker sends"
    );
    assert!(
        sent.body.ends_with("\"data\":{\"id\": 7}}"),
        "{}",
        sent.body
    );
    assert_eq!(sent.timestamps, [at(2).at.secs()]);
    b.service.delete_endpoint(&webhook, &at(4)).await.unwrap();
    let sent = b.service.request_of(&delivery).await.unwrap().unwrap();
    assert_eq!(sent.url, None);
    let forgotten = crate::webhooks::view::DeliveryView {
        event_id: "crm-2".to_owned(),
        ..delivery
    };
    assert_eq!(b.service.request_of(&forgotten).await.unwrap(), None);
}
