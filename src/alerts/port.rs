//! What alerts need of a store, of a mail server and of the log of events; never how they do it.

use async_trait::async_trait;

use super::model::{AlertSettings, ClaimedMail, Mail, MailOutcome};
use super::text::Rendered;
use crate::base::audit::Change;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::page::{Page, PageRequest};

/// Settings at rest.
#[async_trait]
pub trait AlertStore: Send + Sync {
    /// What an account has set; `None` where it never set anything.
    async fn alerts(&self, account_id: &str) -> Result<Option<AlertSettings>, StoreError>;
    /// Replaces them. `Conflict` unless the stored revision is `revision - 1` (0 where none), or while the account is
    /// being erased.
    async fn put_alerts(&self, settings: &AlertSettings, change: &Change)
    -> Result<(), StoreError>;
    /// Those of all accounts, in an order of the store's own; one that is changed meanwhile may come twice.
    async fn all_alerts(&self, page: &PageRequest) -> Result<Page<AlertSettings>, StoreError>;
}

/// Messages that wait, and the marks that they were made.
#[async_trait]
pub trait MailStore: Send + Sync {
    /// Puts messages in line. One that is there already, sent or not, stays as it is, and one of an account that is being
    /// erased is left out; says of each whether it was put.
    async fn put_mails(&self, mails: &[Mail], now: Timestamp) -> Result<Vec<bool>, StoreError>;
    /// Takes some that are due at `now`, oldest due first: nobody else gets them until `until`.
    async fn claim_mails(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<ClaimedMail>, StoreError>;
    /// Notes what came of one; nothing where the claim was lost.
    async fn finish_mail(
        &self,
        mail: &ClaimedMail,
        outcome: &MailOutcome,
        now: Timestamp,
    ) -> Result<(), StoreError>;
    /// How many wait or are under way.
    async fn mails_waiting(&self) -> Result<u64, StoreError>;
    /// Forgets those that are kept no longer.
    async fn prune_mails(&self, now: Timestamp) -> Result<(), StoreError>;
}

/// Why a message could not be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct MailError {
    /// Whether it is of no use to try again.
    pub is_permanent: bool,
    /// What went wrong, for the log.
    pub text: String,
}

/// Sends e-mails.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Whether there is a server to give them to.
    fn is_set(&self) -> bool;
    /// Gives one to the server; returns when the server has taken it.
    async fn send(&self, mail: &Rendered) -> Result<(), MailError>;
}

/// Publishes events to an account's own webhooks.
#[async_trait]
pub trait Announcer: Send + Sync {
    /// Publishes what a message tells, unless that event is there already.
    async fn announce(&self, mail: &Mail) -> Result<(), StoreError>;
}
