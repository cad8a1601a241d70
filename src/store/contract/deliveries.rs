//! What endpoints and deliveries may expect of a store; never how a request is signed or sent.

use super::events::{event, happen};
use super::{Stores, assert_conflict, assert_not_found, at, change};
use crate::base::clock::Timestamp;
use crate::base::ids;
use crate::base::page::PageRequest;
use crate::webhooks::health::Effect;
use crate::webhooks::model::{
    Attempt, ClaimedDelivery, Delivery, DeliveryState, Endpoint, EndpointStatus, EventState,
    HeaderField, Outcome, SealedSecret,
};
use crate::webhooks::port::{ClaimTerms, DeliveryFilter};

pub(crate) fn endpoint(account: &str, types: &[&str]) -> Endpoint {
    Endpoint {
        id: ids::new(ids::WEBHOOK),
        account_id: account.to_owned(),
        url: "https://receiver.example/hook".to_owned(),
        event_types: types.iter().map(|t| (*t).to_owned()).collect(),
        description: Some("theirs".to_owned()),
        status: EndpointStatus::Active,
        disabled_reason: None,
        created_at: at(0),
        secrets: vec![SealedSecret {
            pepper_id: "p1".to_owned(),
            sealed: "c2VhbGVk".to_owned(),
            valid_until: Some(at(60)),
        }],
        revision: 1,
    }
}

pub(crate) async fn make_endpoint(s: &Stores, e: Endpoint) -> Endpoint {
    let why = change("endpoint.create", &e.account_id);
    s.events.create_endpoint(&e, 50, &why).await.unwrap();
    e
}

/// Claims all that is due, for a minute.
pub(crate) async fn claim(s: &Stores, now: Timestamp) -> Vec<ClaimedDelivery> {
    let until = Timestamp::from_millis(now.millis() + 60_000);
    s.events
        .claim_due(&ClaimTerms::any(now, until, 100))
        .await
        .unwrap()
}

pub(crate) fn attempt(now: Timestamp) -> Attempt {
    Attempt {
        at: now,
        status: Some(500),
        latency_ms: 12,
        error: Some("500 Internal Server Error".to_owned()),
        reply_excerpt: Some("oops".to_owned()),
        reply_headers: vec![HeaderField::new("content-type", "text/plain")],
    }
}

pub(crate) async fn complete(s: &Stores, c: &ClaimedDelivery, outcome: Outcome, now: Timestamp) {
    s.events
        .complete(
            &c.delivery.id,
            &c.claim,
            &attempt(now),
            &outcome,
            &Effect::None,
            now,
        )
        .await
        .unwrap();
}

pub(crate) async fn set_status(s: &Stores, e: &mut Endpoint, status: EndpointStatus) {
    e.status = status;
    e.revision += 1;
    let why = change("endpoint.patch", &e.account_id);
    s.events.update_endpoint(e, &why).await.unwrap();
}

pub(crate) async fn stored(s: &Stores, id: &str) -> (Delivery, Vec<Attempt>) {
    s.events.delivery(id).await.unwrap().unwrap()
}

pub(crate) async fn an_account_has_no_more_endpoints_than_allowed(s: &Stores) {
    let why = || change("endpoint.create", "a");
    let create = |e: Endpoint| async move { s.events.create_endpoint(&e, 2, &why()).await };
    let one = endpoint("a", &["x"]);
    create(one.clone()).await.unwrap();
    create(endpoint("a", &["x"])).await.unwrap();
    assert_conflict(create(endpoint("a", &["x"])).await);
    create(endpoint("b", &["x"])).await.unwrap();
    assert_eq!(s.events.endpoint(&one.id).await.unwrap(), Some(one.clone()));
    let why = change("endpoint.delete", "a");
    s.events
        .delete_endpoint(&one.id, at(1), &why)
        .await
        .unwrap();
    assert_eq!(s.events.endpoint(&one.id).await.unwrap(), None);
    create(endpoint("a", &["x"])).await.unwrap();
    let why = change("endpoint.delete", "a");
    assert_not_found(s.events.delete_endpoint(&one.id, at(1), &why).await);
}

pub(crate) async fn an_endpoint_is_replaced_only_from_its_present_revision(s: &Stores) {
    let mut e = make_endpoint(s, endpoint("a", &["x"])).await;
    e.url = "https://elsewhere.example/".to_owned();
    e.event_types = vec!["y".to_owned()];
    e.description = None;
    e.revision = 2;
    let update = |e: Endpoint| async move {
        let why = change("endpoint.patch", "a");
        s.events.update_endpoint(&e, &why).await
    };
    update(e.clone()).await.unwrap();
    assert_eq!(s.events.endpoint(&e.id).await.unwrap(), Some(e.clone()));
    assert_conflict(update(e).await);
    assert_not_found(update(endpoint("a", &["x"])).await);
}

pub(crate) async fn endpoints_are_listed_newest_first(s: &Stores) {
    let mut made = Vec::new();
    for account in ["a", "b", "a"] {
        made.push(make_endpoint(s, endpoint(account, &["x"])).await);
    }
    let page = |after| PageRequest { limit: 2, after };
    let first = s.events.endpoints(None, &page(None)).await.unwrap();
    assert_eq!(first.items, [made[2].clone(), made[1].clone()]);
    let second = s.events.endpoints(None, &page(first.next)).await.unwrap();
    assert_eq!(second.items, [made[0].clone()]);
    let of_a = s.events.endpoints(Some("a"), &page(None)).await.unwrap();
    assert_eq!(of_a.items, [made[2].clone(), made[0].clone()]);
    assert_eq!(of_a.next, None);
}

pub(crate) async fn a_due_delivery_is_claimed_by_one_and_again_after_the_claim(s: &Stores) {
    make_endpoint(s, endpoint("a", &["x"])).await;
    assert_eq!(s.events.next_due(true).await.unwrap(), None);
    happen(s, &event("a", "x")).await;
    assert_eq!(s.events.next_due(true).await.unwrap(), Some(at(0)));
    let first = claim(s, at(0)).await;
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].claimed_until, at(60));
    assert_eq!(first[0].delivery.state, DeliveryState::Pending);
    assert!(claim(s, at(59)).await.is_empty());
    assert_eq!(s.events.next_due(true).await.unwrap(), Some(at(60)));
    let second = claim(s, at(60)).await;
    assert_eq!(second.len(), 1);
    assert_ne!(second[0].claim, first[0].claim);
    complete(s, &second[0], Outcome::Succeeded, at(61)).await;
    let (d, attempts) = stored(s, &first[0].delivery.id).await;
    assert_eq!(d.state, DeliveryState::Succeeded);
    assert_eq!((d.attempts, d.next_attempt_at), (1, None));
    assert_eq!(d.finished_at, Some(at(61)));
    assert_eq!(attempts, [attempt(at(61))]);
    assert_eq!(s.events.next_due(true).await.unwrap(), None);
    assert!(claim(s, at(999)).await.is_empty());
}

pub(crate) async fn the_oldest_due_goes_first(s: &Stores) {
    make_endpoint(s, endpoint("a", &["x"])).await;
    let mut ids = Vec::new();
    for second in [5, 3, 4] {
        s.clock.set(at(second));
        ids.push(happen(s, &event("a", "x")).await.id);
    }
    let stats = s.events.queue_stats().await.unwrap();
    assert_eq!(stats.pending_deliveries, 3);
    assert_eq!(stats.oldest_pending, Some(at(3)));
    let due = s
        .events
        .claim_due(&ClaimTerms::any(at(9), at(60), 2))
        .await
        .unwrap();
    let got: Vec<_> = due.iter().map(|c| c.event.id.clone()).collect();
    assert_eq!(got, [ids[1].clone(), ids[2].clone()]);
    assert!(
        s.events
            .claim_due(&ClaimTerms::any(at(4), at(60), 9))
            .await
            .unwrap()
            .is_empty()
    );
}

pub(crate) async fn a_lost_claim_completes_nothing(s: &Stores) {
    make_endpoint(s, endpoint("a", &["x"])).await;
    happen(s, &event("a", "x")).await;
    let lost = claim(s, at(0)).await.remove(0);
    let held = claim(s, at(60)).await.remove(0);
    complete(s, &lost, Outcome::Exhausted, at(61)).await;
    let (d, attempts) = stored(s, &lost.delivery.id).await;
    assert_eq!(d.state, DeliveryState::Pending);
    assert!(attempts.is_empty());
    complete(s, &held, Outcome::Succeeded, at(62)).await;
    complete(s, &held, Outcome::Exhausted, at(63)).await;
    let (d, attempts) = stored(s, &lost.delivery.id).await;
    assert_eq!(d.state, DeliveryState::Succeeded);
    assert_eq!(attempts.len(), 1);
}

pub(crate) async fn a_failed_attempt_is_logged_and_comes_again_when_due(s: &Stores) {
    make_endpoint(s, endpoint("a", &["x"])).await;
    happen(s, &event("a", "x")).await;
    let c = claim(s, at(0)).await.remove(0);
    complete(s, &c, Outcome::Retry(at(300)), at(1)).await;
    let (d, attempts) = stored(s, &c.delivery.id).await;
    assert_eq!((d.attempts, d.next_attempt_at), (1, Some(at(300))));
    assert_eq!(attempts, [attempt(at(1))]);
    assert_eq!(s.events.next_due(true).await.unwrap(), Some(at(300)));
    assert!(claim(s, at(299)).await.is_empty());
    let again = claim(s, at(300)).await.remove(0);
    assert_eq!(again.delivery.attempts, 1);
}

pub(crate) async fn an_exhausted_delivery_has_failed_and_a_retry_starts_it_anew(s: &Stores) {
    let e = make_endpoint(s, endpoint("a", &["x"])).await;
    happen(s, &event("a", "x")).await;
    let c = claim(s, at(0)).await.remove(0);
    complete(s, &c, Outcome::Exhausted, at(1)).await;
    let (d, _) = stored(s, &c.delivery.id).await;
    assert_eq!(
        (d.state, d.finished_at),
        (DeliveryState::Failed, Some(at(1)))
    );
    let retry = |id: String| async move {
        let why = change("delivery.retry", "a");
        s.events.retry_delivery(&id, at(9), &why).await
    };
    let d = retry(c.delivery.id.clone()).await.unwrap();
    assert_eq!((d.state, d.attempts), (DeliveryState::Pending, 0));
    assert_eq!((d.next_attempt_at, d.finished_at), (Some(at(9)), None));
    let stats = s.events.queue_stats().await.unwrap();
    assert_eq!(stats.oldest_pending, Some(at(9)));
    let again = claim(s, at(9)).await.remove(0);
    complete(s, &again, Outcome::Succeeded, at(10)).await;
    let (_, attempts) = stored(s, &c.delivery.id).await;
    assert_eq!(attempts, [attempt(at(1)), attempt(at(10))]);
    assert_not_found(retry("dlv_none".to_owned()).await);
    let why = change("endpoint.delete", "a");
    s.events.delete_endpoint(&e.id, at(11), &why).await.unwrap();
    assert_conflict(retry(c.delivery.id).await);
}

pub(crate) async fn deliveries_of_a_paused_endpoint_wait(s: &Stores) {
    let mut e = make_endpoint(s, endpoint("a", &["x"])).await;
    let other = make_endpoint(s, endpoint("b", &["x"])).await;
    happen(s, &event("a", "x")).await;
    set_status(s, &mut e, EndpointStatus::Paused).await;
    happen(s, &event("a", "x")).await;
    happen(s, &event("b", "x")).await;
    let due = claim(s, at(1)).await;
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].endpoint.id, other.id);
    complete(s, &due[0], Outcome::Succeeded, at(1)).await;
    assert_eq!(s.events.next_due(true).await.unwrap(), None);
    let stats = s.events.queue_stats().await.unwrap();
    assert_eq!(stats.pending_deliveries, 2);
    set_status(s, &mut e, EndpointStatus::Active).await;
    assert!(s.events.next_due(true).await.unwrap().is_some());
    assert_eq!(claim(s, at(2)).await.len(), 2);
}

pub(crate) async fn a_gone_receiver_disables_the_endpoint_and_fails_what_waits(s: &Stores) {
    let e = make_endpoint(s, endpoint("a", &["x"])).await;
    happen(s, &event("a", "x")).await;
    let c = claim(s, at(0)).await.remove(0);
    let waiting = happen(s, &event("a", "x")).await;
    let reason = "the receiver answered 410 Gone".to_owned();
    complete(s, &c, Outcome::DisableEndpoint(reason.clone()), at(1)).await;
    let disabled = s.events.endpoint(&e.id).await.unwrap().unwrap();
    assert_eq!(disabled.status, EndpointStatus::Disabled);
    assert_eq!(disabled.disabled_reason, Some(reason));
    assert_eq!(disabled.revision, 2);
    assert_eq!(
        stored(s, &c.delivery.id).await.0.state,
        DeliveryState::Failed
    );
    let stats = s.events.queue_stats().await.unwrap();
    assert_eq!(stats.pending_deliveries, 0);
    assert!(claim(s, at(99)).await.is_empty());
    let filter = DeliveryFilter {
        event_id: Some(waiting.id),
        state: Some(DeliveryState::Failed),
        ..DeliveryFilter::default()
    };
    let failed = s.events.deliveries(&filter, &PageRequest::default()).await;
    let (dead, log) = failed.unwrap().items.remove(0);
    assert_eq!((dead.attempts, dead.finished_at), (0, Some(at(1))));
    let said = Attempt {
        at: at(1),
        status: None,
        latency_ms: 0,
        error: Some("the webhook was disabled: the receiver answered 410 Gone".to_owned()),
        reply_excerpt: None,
        reply_headers: Vec::new(),
    };
    assert_eq!(log, [said]);
    let unheard = happen(s, &event("a", "x")).await;
    let filter = DeliveryFilter {
        event_id: Some(unheard.id),
        ..DeliveryFilter::default()
    };
    let none = s.events.deliveries(&filter, &PageRequest::default()).await;
    assert!(none.unwrap().items.is_empty());
    let why = change("delivery.retry", "a");
    assert_conflict(s.events.retry_delivery(&c.delivery.id, at(2), &why).await);
}

pub(crate) async fn a_deleted_endpoint_cancels_what_waits_and_what_is_under_way(s: &Stores) {
    let e = make_endpoint(s, endpoint("a", &["x"])).await;
    happen(s, &event("a", "x")).await;
    let under_way = claim(s, at(0)).await.remove(0);
    happen(s, &event("a", "x")).await;
    let why = change("endpoint.delete", "a");
    let may_begin = s.events.delete_endpoint(&e.id, at(1), &why).await;
    assert!(may_begin.unwrap());
    let filter = DeliveryFilter {
        endpoint_id: Some(e.id),
        ..DeliveryFilter::default()
    };
    complete(s, &under_way, Outcome::Succeeded, at(2)).await;
    let page = PageRequest::default();
    let all = s.events.deliveries(&filter, &page).await.unwrap().items;
    assert_eq!(all.len(), 2);
    for (d, attempts) in all {
        assert_eq!(d.state, DeliveryState::Cancelled);
        assert_eq!((d.finished_at, d.next_attempt_at), (Some(at(1)), None));
        assert!(attempts.is_empty());
    }
    assert!(claim(s, at(99)).await.is_empty());
    assert_eq!(s.events.next_due(true).await.unwrap(), None);
}

pub(crate) async fn a_test_goes_to_one_endpoint_whatever_it_wants(s: &Stores) {
    let one = make_endpoint(s, endpoint("a", &["x"])).await;
    make_endpoint(s, endpoint("a", &["webhook.test"])).await;
    let mut test = event("a", "webhook.test");
    test.data = Some("{}".to_owned());
    let why = change("endpoint.test", "a");
    let d = s
        .events
        .deliver_to(&test, &one.id, at(1), &why)
        .await
        .unwrap();
    assert_eq!(
        (d.endpoint_id, d.next_attempt_at),
        (one.id.clone(), Some(at(1)))
    );
    let due = claim(s, at(1)).await;
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].event.state, EventState::Released);
    assert_eq!(due[0].event.sequence, Some(1));
    let why = change("endpoint.test", "b");
    let foreign = event("b", "webhook.test");
    assert_not_found(s.events.deliver_to(&foreign, &one.id, at(1), &why).await);
    assert_not_found(s.events.deliver_to(&test, "whk_none", at(1), &why).await);
}
