//! Changes that meet a large backlog: they take effect at once, run in pieces, and go on after a restart.

use tempfile::TempDir;

use super::open;
use crate::accounts::port::{AccountStore, ErasureStep};
use crate::base::ceilings;
use crate::base::page::PageRequest;
use crate::keys::port::KeyStore;
use crate::store::contract::deliveries::endpoint;
use crate::store::contract::events::event;
use crate::store::contract::keys::key;
use crate::store::contract::{at, change};
use crate::store::embedded::{EmbeddedStore, Options};
use crate::webhooks::model::{DeliveryState, Endpoint, EndpointStatus, Event, Settlement};
use crate::webhooks::port::{ClaimTerms, DeliveryFilter, EventStore};

/// More than one piece takes.
const BACKLOG: usize = ceilings::STORE_DELETE_ROWS as usize * 5 / 2;

/// An endpoint with a backlog of deliveries.
async fn backlog(store: &EmbeddedStore) -> Endpoint {
    let e = endpoint("a", &["x"]);
    let why = change("endpoint.create", "a");
    store.create_endpoint(&e, 9, &why).await.unwrap();
    let events: Vec<Event> = (0..BACKLOG).map(|_| event("a", "x")).collect();
    store.record_pending(&events).await.unwrap();
    let settlements: Vec<_> = events
        .iter()
        .map(|e| Settlement::Release {
            event_id: e.id.clone(),
            account_id: e.account_id.clone(),
            data: "{}".to_owned(),
            truncated: false,
            resource_id: None,
            released_id: None,
        })
        .collect();
    store.settle(&settlements, at(0)).await.unwrap();
    e
}

async fn set_status(store: &EmbeddedStore, e: &mut Endpoint, status: EndpointStatus) {
    e.status = status;
    e.revision += 1;
    let why = change("endpoint.patch", "a");
    store.update_endpoint(e, &why).await.unwrap();
}

/// Claims as the delivery worker does: as long as something is said to be due.
async fn claim_all(store: &EmbeddedStore) -> usize {
    let mut claimed = 0;
    for _ in 0..100 {
        match store.next_due(true).await.unwrap() {
            Some(due) if due <= at(1) => {
                claimed += store
                    .claim_due(&ClaimTerms::any(at(1), at(60), 500))
                    .await
                    .unwrap()
                    .len();
            }
            _ => return claimed,
        }
    }
    panic!("what is due does not end");
}

#[tokio::test]
async fn a_paused_endpoints_backlog_is_set_aside_and_comes_back() {
    let dir = TempDir::new().unwrap();
    let store = open(dir.path(), Options::default());
    let mut e = backlog(&store).await;
    set_status(&store, &mut e, EndpointStatus::Paused).await;
    assert_eq!(claim_all(&store).await, 0);
    let stats = store.queue_stats().await.unwrap();
    assert_eq!(stats.pending_deliveries, BACKLOG as u64);
    set_status(&store, &mut e, EndpointStatus::Active).await;
    drop(store);
    let store = open(dir.path(), Options::default());
    assert_eq!(claim_all(&store).await, BACKLOG);
}

#[tokio::test]
async fn a_deleted_endpoints_backlog_is_cancelled_to_the_last() {
    let dir = TempDir::new().unwrap();
    let store = open(dir.path(), Options::default());
    let mut e = backlog(&store).await;
    set_status(&store, &mut e, EndpointStatus::Paused).await;
    assert_eq!(claim_all(&store).await, 0);
    let why = change("endpoint.delete", "a");
    store.delete_endpoint(&e.id, at(1), &why).await.unwrap();
    assert_eq!(claim_all(&store).await, 0);
    let stats = store.queue_stats().await.unwrap();
    assert_eq!((stats.pending_deliveries, stats.oldest_pending), (0, None));
    let cancelled = DeliveryFilter {
        state: Some(DeliveryState::Cancelled),
        ..DeliveryFilter::default()
    };
    let page = PageRequest::default();
    let found = store.deliveries(&cancelled, &page).await.unwrap();
    assert_eq!(found.items.len(), page.limit as usize);
    store.prune_events(at(9), at(9)).await.unwrap();
    let none = store.deliveries(&cancelled, &page).await.unwrap();
    assert!(none.items.is_empty());
}

#[tokio::test]
async fn an_erasure_goes_on_after_a_restart() {
    let dir = TempDir::new().unwrap();
    let mut steps = 0;
    let store = open(dir.path(), Options::default());
    let k = key("a", 1);
    let why = change("key.create", "a");
    store
        .create_key(&k, "standard", 9, at(0), &why)
        .await
        .unwrap();
    backlog(&store).await;
    let why = change("account.erase", "a");
    store.begin_erasure("a", &why).await.unwrap();
    drop(store);
    loop {
        let store = open(dir.path(), Options::default());
        assert_eq!(store.by_digest(&[[1; 32]]).await.unwrap(), None);
        steps += 1;
        if store.erase_some("a").await.unwrap() == ErasureStep::Done {
            break;
        }
        assert_eq!(store.erasing().await.unwrap(), ["a"]);
    }
    assert!(steps > BACKLOG * 2 / ceilings::STORE_DELETE_ROWS as usize);
    let store = open(dir.path(), Options::default());
    assert!(store.stale_pending(at(99), 9).await.unwrap().is_empty());
    assert_eq!(store.queue_stats().await.unwrap().pending_deliveries, 0);
    assert_eq!(store.account("a").await.unwrap(), None);
}
