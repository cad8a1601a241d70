//! Events about the gateway's own work, for the operator's endpoint or an account's own; never what leads to one.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Notify;

use super::model::Event;
use super::port::EventStore;
use super::port::notices::Notice;
use super::types::OPERATOR_ACCOUNT;
use crate::base::audit::ChangeContext;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::page::PageRequest;

/// Something to tell the operator, or an account.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The event's id: the same again is the same event, whoever tells it.
    pub id: String,
    /// One of [`super::types::OPERATIONAL`].
    pub event_type: &'static str,
    /// When it happened.
    pub at: Timestamp,
    /// What.
    pub data: Value,
}

/// What a notice tells; `None` where its kind is none of ours.
pub fn of_notice(notice: &Notice) -> Option<Told> {
    let event_type = super::types::OPERATIONAL
        .into_iter()
        .find(|t| *t == notice.kind)?;
    let mut data: Value = serde_json::from_str(&notice.details).unwrap_or_else(|_| json!({}));
    if let Value::Object(members) = &mut data {
        members.insert("account_id".to_owned(), json!(notice.account_id));
    }
    Some(Told {
        id: notice.id.clone(),
        event_type,
        at: notice.at,
        data,
    })
}

/// Publishes operational events.
#[derive(Clone)]
pub struct Teller {
    store: Arc<dyn EventStore>,
    wake: Arc<Notify>,
}

impl Teller {
    /// A teller. `wake` is notified when a delivery may have become due.
    pub fn new(store: Arc<dyn EventStore>, wake: Arc<Notify>) -> Self {
        Self { store, wake }
    }

    /// Whether the operator has an endpoint. Where there is none nothing is to be told: the log of events would fill with
    /// what nobody reads.
    ///
    /// # Errors
    /// The store's.
    pub async fn is_heard(&self) -> Result<bool, StoreError> {
        let page = PageRequest {
            limit: 1,
            after: None,
        };
        let found = self.store.endpoints(Some(OPERATOR_ACCOUNT), &page).await?;
        Ok(!found.items.is_empty())
    }

    /// Publishes it to the operator unless it is there already, from whichever node. Returns whether it was new.
    ///
    /// # Errors
    /// The store's.
    pub async fn tell(&self, told: Told, now: Timestamp) -> Result<bool, StoreError> {
        self.tell_to(OPERATOR_ACCOUNT, told, now).await
    }

    /// Publishes it to an account's own endpoints, as [`Teller::tell`] does to the operator's.
    ///
    /// # Errors
    /// The store's; `Conflict` while the account is being erased.
    pub async fn tell_to(
        &self,
        account_id: &str,
        told: Told,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        // Looked for first, so that what many nodes find again and again leaves one entry in the audit log.
        if self.store.event(&told.id).await?.is_some() {
            return Ok(false);
        }
        let event = Event::published(
            told.id,
            account_id.to_owned(),
            told.event_type.to_owned(),
            told.at,
            told.data.to_string(),
        );
        let change = ChangeContext::internal(now, "fuelgate").change(
            "event.publish",
            Some(account_id),
            Some(&event.id),
            json!({ "type": event.event_type }),
        );
        self.store.publish(&event, now, &change).await?;
        self.wake.notify_one();
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhooks::testing::MemoryStore;

    fn notice(kind: &str) -> Notice {
        Notice {
            id: "exhausted_dlv_1_5".to_owned(),
            account_id: "acct_1".to_owned(),
            kind: kind.to_owned(),
            at: Timestamp::from_secs(5),
            details: r#"{"delivery_id":"dlv_1"}"#.to_owned(),
        }
    }

    #[test]
    fn a_notice_names_its_account_in_the_data() {
        let told = of_notice(&notice("delivery.exhausted")).unwrap();
        assert_eq!(
            told.data,
            json!({"delivery_id": "dlv_1", "account_id": "acct_1"})
        );
        assert_eq!(of_notice(&notice("contact.created")), None);
    }

    #[tokio::test]
    async fn what_is_told_twice_is_one_event() {
        let store = Arc::new(MemoryStore::default());
        let teller = Teller::new(store.clone(), Arc::new(Notify::new()));
        let told = of_notice(&notice("endpoint.disabled")).unwrap();
        let now = Timestamp::from_secs(9);
        assert!(teller.tell(told.clone(), now).await.unwrap());
        assert!(!teller.tell(told, now).await.unwrap());
        let all = store.all_events();
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].account_id, OPERATOR_ACCOUNT);
        assert_eq!(all[0].event_type, "endpoint.disabled");
    }
}
