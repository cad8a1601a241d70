//! What the admin API and the portal do with alerts: validates, changes, notes who did it; no HTTP, no storage of its own.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::input::{self, NewAlerts};
use super::model::AlertSettings;
use super::port::AlertStore;
use crate::base::audit::{ChangeContext, differences};
use crate::base::ceilings::REVISION_TRIES;
use crate::base::ceilings::alerts::{ALERT_RECENT, ALERT_RECENT_AGE};
use crate::base::clock::Timestamp;
use crate::base::error::{FieldError, StoreError};

/// Why an operation was refused.
#[derive(Debug, thiserror::Error)]
pub enum AlertError {
    /// The present state does not allow it; public text.
    #[error("{0}")]
    Conflict(String),
    /// What the caller gave is not acceptable.
    #[error("{} fields are not valid", .0.len())]
    Invalid(Vec<FieldError>),
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
}

/// The operations. Cheap to share.
#[derive(Clone)]
pub struct AlertService {
    store: Arc<dyn AlertStore>,
    changed: mpsc::Sender<AlertSettings>,
    /// What was read lately, and when. A lock held for a look only.
    recent: Arc<Mutex<HashMap<String, (Timestamp, AlertSettings)>>>,
}

impl AlertService {
    /// A service over a store. What it changes is told to `changed`, so that this node knows it at once.
    pub fn new(store: Arc<dyn AlertStore>, changed: mpsc::Sender<AlertSettings>) -> Self {
        Self {
            store,
            changed,
            recent: Arc::default(),
        }
    }

    /// What an account has set; nothing where it never set anything.
    ///
    /// # Errors
    /// The store's, and `Invalid` for what can be no account.
    pub async fn get(&self, account_id: &str) -> Result<AlertSettings, AlertError> {
        input::account(account_id).map_err(|e| AlertError::Invalid(vec![e]))?;
        let found = self.store.alerts(account_id).await;
        let none = || AlertSettings::none(account_id);
        Ok(found.map_err(AlertError::Store)?.unwrap_or_else(none))
    }

    /// What an account has set, as it was [`ALERT_RECENT_AGE`] ago at worst where another node changed it: for pages, each
    /// of which would ask the store for it otherwise.
    ///
    /// # Errors
    /// As [`AlertService::get`].
    pub async fn recent(
        &self,
        account_id: &str,
        now: Timestamp,
    ) -> Result<AlertSettings, AlertError> {
        let known = self.recent.lock().get(account_id).cloned();
        if let Some((at, settings)) = known
            && at <= now
            && now.since(at) < ALERT_RECENT_AGE
        {
            return Ok(settings);
        }
        let settings = self.get(account_id).await?;
        let mut recent = self.recent.lock();
        if recent.len() >= ALERT_RECENT {
            recent.clear();
        }
        recent.insert(account_id.to_owned(), (now, settings.clone()));
        Ok(settings)
    }

    /// Replaces all that an account has set.
    ///
    /// # Errors
    /// `Invalid`; `Conflict` while the account is being erased.
    pub async fn put(
        &self,
        account_id: &str,
        new: NewAlerts,
        ctx: &ChangeContext,
    ) -> Result<AlertSettings, AlertError> {
        self.edit(account_id, ctx, |_| new.clone()).await
    }

    /// Replaces what an account has set by what `edit` makes of it. It is asked again where somebody else changed it
    /// meanwhile.
    ///
    /// # Errors
    /// As [`AlertService::put`].
    pub async fn edit(
        &self,
        account_id: &str,
        ctx: &ChangeContext,
        edit: impl Fn(&AlertSettings) -> NewAlerts,
    ) -> Result<AlertSettings, AlertError> {
        for _ in 0..REVISION_TRIES {
            let known = self.get(account_id).await?;
            let new = edit(&known).checked().map_err(AlertError::Invalid)?;
            if new == NewAlerts::from(known.clone()) {
                return Ok(known);
            }
            let settings = AlertSettings {
                account_id: account_id.to_owned(),
                hour_percent: new.hour_percent,
                month_percent: new.month_percent,
                key_expiry_days: new.key_expiry_days,
                emails: new.emails,
                revision: known.revision + 1,
            };
            let details = differences(&public(&known), &public(&settings));
            let change = ctx.change("alerts.put", Some(account_id), None, details);
            match self.store.put_alerts(&settings, &change).await {
                Ok(()) => {
                    self.recent.lock().remove(account_id);
                    // Where too many wait it is known with the next look at all of them.
                    let _ = self.changed.try_send(settings.clone());
                    return Ok(settings);
                }
                Err(StoreError::Conflict(_)) => {}
                Err(e) => return Err(AlertError::Store(e)),
            }
        }
        Err(AlertError::Conflict(
            "The alerts were changed by other calls at the same time, or the account is being erased."
                .to_owned(),
        ))
    }
}

/// What the audit log says of settings: of addresses only how many, since the log outlives the account.
fn public(settings: &AlertSettings) -> Value {
    json!({
        "hour": settings.hour_percent,
        "month": settings.month_percent,
        "key_expiry_days": settings.key_expiry_days,
        "emails": settings.emails.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::testing::{MemoryStore, NOW};

    fn service() -> (
        AlertService,
        Arc<MemoryStore>,
        mpsc::Receiver<AlertSettings>,
    ) {
        let store = Arc::new(MemoryStore::default());
        let (changed, changes) = mpsc::channel(4);
        (AlertService::new(store.clone(), changed), store, changes)
    }

    async fn put(
        service: &AlertService,
        account: &str,
        new: NewAlerts,
    ) -> Result<AlertSettings, AlertError> {
        let ctx = ChangeContext::internal(NOW, "test");
        service.put(account, new, &ctx).await
    }

    fn new(hour: u32, email: &str) -> NewAlerts {
        NewAlerts {
            hour_percent: vec![hour],
            emails: vec![email.to_owned()],
            ..NewAlerts::default()
        }
    }

    #[tokio::test]
    async fn nothing_is_set_until_somebody_sets_it() {
        let (service, _, mut changes) = service();
        let none = service.get("a").await.unwrap();
        assert_eq!(none, AlertSettings::none("a"));
        let set = put(&service, "a", new(80, "a@example.com")).await.unwrap();
        assert_eq!((set.revision, &set.hour_percent), (1, &vec![80]));
        assert_eq!(service.get("a").await.unwrap(), set);
        assert_eq!(changes.try_recv().unwrap(), set);
    }

    #[tokio::test]
    async fn pages_go_by_what_was_read_lately_until_it_is_changed_here_or_old() {
        let (service, store, _changes) = service();
        let shown = async |now| service.recent("a", now).await.unwrap().hour_percent;
        assert_eq!(shown(NOW).await, Vec::<u32>::new());
        put(&service, "a", new(80, "a@example.com")).await.unwrap();
        assert_eq!(shown(NOW).await, [80]);
        store.set(AlertSettings {
            hour_percent: vec![90],
            ..AlertSettings::none("a")
        });
        let almost = NOW.plus(ALERT_RECENT_AGE - std::time::Duration::from_millis(1));
        assert_eq!(shown(almost).await, [80]);
        assert_eq!(shown(NOW.plus(ALERT_RECENT_AGE)).await, [90]);
        // A clock that was set back makes nothing new.
        store.set(AlertSettings::none("a"));
        assert_eq!(shown(NOW).await, Vec::<u32>::new());
        for n in 0..=ALERT_RECENT {
            service.recent(&format!("b{n}"), NOW).await.unwrap();
        }
        assert!(service.recent.lock().len() <= ALERT_RECENT);
    }

    #[tokio::test]
    async fn the_same_again_changes_nothing() {
        let (service, _, mut changes) = service();
        for _ in 0..2 {
            let set = put(&service, "a", new(80, "a@example.com")).await.unwrap();
            assert_eq!(set.revision, 1);
        }
        changes.try_recv().unwrap();
        assert!(changes.try_recv().is_err());
    }

    #[tokio::test]
    async fn a_change_by_another_at_the_same_time_is_made_again_on_top() {
        let (service, store, _changes) = service();
        let refusal = StoreError::Conflict(String::new());
        store.refusals.lock().push(refusal.clone());
        let set = put(&service, "a", new(80, "a@example.com")).await.unwrap();
        assert_eq!(set.revision, 1);
        let refusals = vec![refusal; REVISION_TRIES];
        store.refusals.lock().extend(refusals);
        let late = put(&service, "a", new(90, "a@example.com")).await;
        assert!(matches!(late, Err(AlertError::Conflict(_))));
    }

    #[tokio::test]
    async fn what_is_wrong_is_refused_before_the_store_is_asked() {
        let (service, store, _changes) = service();
        let wrong = put(&service, "a", new(0, "nobody")).await;
        let Err(AlertError::Invalid(errors)) = wrong else {
            panic!("{wrong:?}")
        };
        assert_eq!(errors.len(), 2);
        let reserved = put(&service, "fuelgate:operator", new(80, "a@example.com")).await;
        assert!(matches!(reserved, Err(AlertError::Invalid(_))));
        assert_eq!(store.alerts("a").await.unwrap(), None);
    }

    #[test]
    fn the_audit_log_has_no_address() {
        let settings = crate::alerts::testing::settings("a");
        assert!(!public(&settings).to_string().contains('@'));
    }
}
