//! How an account's alerts are shown and given; never how they are checked.

use serde::{Deserialize, Serialize};

use crate::alerts::model::AlertSettings;

/// Per cent of the quotas from which their use is told.
#[derive(Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Thresholds {
    /// Of the UTC hour's quota: at most five numbers from 1 to 100.
    pub(super) hour: Vec<u32>,
    /// Of the UTC month's quota: at most five numbers from 1 to 100.
    pub(super) month: Vec<u32>,
}

/// What an account is told of, and who is told.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({
    "account_id": "acct_42", "thresholds": {"hour": [80], "month": [80, 100]},
    "key_expiry_days": [14, 7, 1], "emails": ["dev@example.com"]
}))]
pub(super) struct AlertsView {
    /// The account.
    account_id: String,
    /// Per cent of the quotas.
    thresholds: Thresholds,
    /// Days before a key expires.
    key_expiry_days: Vec<u32>,
    /// Addresses that get an e-mail. The account's webhooks that want `usage.threshold_reached` or `key.expiring` by name
    /// are told as well.
    emails: Vec<String>,
}

impl From<AlertSettings> for AlertsView {
    fn from(settings: AlertSettings) -> Self {
        Self {
            account_id: settings.account_id,
            thresholds: Thresholds {
                hour: settings.hour_percent,
                month: settings.month_percent,
            },
            key_expiry_days: settings.key_expiry_days,
            emails: settings.emails,
        }
    }
}
