//! What the account is told of, and the banner of every page; never another account's.

use super::Own;
use crate::alerts::decide::{self, Used};
use crate::alerts::input::NewAlerts;
use crate::alerts::model::{AlertSettings, UsageMark, Window};
use crate::alerts::service::AlertError;
use crate::web::portal::refuse::PageError;

impl From<AlertError> for PageError {
    fn from(error: AlertError) -> Self {
        match error {
            AlertError::Conflict(why) => Self::Conflict(why),
            AlertError::Invalid(errors) => Self::Invalid(errors),
            AlertError::Store(e) => e.into(),
        }
    }
}

impl Own {
    /// What the account is told of.
    ///
    /// # Errors
    /// The store's.
    pub async fn alerts(&self) -> Result<AlertSettings, PageError> {
        Ok(self.state.alerts.get(self.account_id()).await?)
    }

    /// Replaces it by what `edit` makes of it.
    ///
    /// # Errors
    /// `Invalid`; `Conflict` while the account is being erased.
    pub async fn edit_alerts(
        &self,
        edit: impl Fn(&AlertSettings) -> NewAlerts,
    ) -> Result<AlertSettings, PageError> {
        let account = self.account_id();
        let ctx = &self.visit.ctx;
        Ok(self.state.alerts.edit(account, ctx, edit).await?)
    }

    /// The mark that a quota has reached, for pages to show. A page is not refused because it cannot be told.
    pub(in crate::web::portal) async fn banner(&self) -> Option<UsageMark> {
        let quotas = self.quotas().await.ok()?;
        let (alerts, now) = (&self.state.alerts, self.visit.now);
        let settings = alerts.recent(self.account_id(), now).await.ok()?;
        let used = [(Window::Hour, quotas.hour), (Window::Month, quotas.month)];
        let used = used.map(|(window, quota)| Used {
            window,
            used: quota.used,
            limit: quota.limit,
            resets_at: quota.resets_at,
        });
        decide::banner(&settings, &used, now)
    }
}
