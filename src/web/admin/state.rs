//! What operations work with: the services and ports that the wiring hands over; no logic of its own.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{Semaphore, watch};

use crate::accounts::port::AccountStore;
use crate::accounts::service::AccountService;
use crate::alerts::service::AlertService;
use crate::base::clock::{Clock, Timestamp};
use crate::config::model::Config;
use crate::keys::service::KeyService;
use crate::limits::Limiter;
use crate::portal::service::SessionService;
use crate::usage::port::UsageStore;
use crate::webhooks::port::EventFeed;
use crate::webhooks::service::{ReplayService, WebhookService};
use crate::webhooks::simulator::service::Simulator;

/// What every operation may use.
pub struct AdminState {
    /// Where `now` comes from.
    pub clock: Clock,
    /// The configuration in use, and how to load it anew.
    pub control: Arc<dyn ConfigControl>,
    /// Audit log and remembered answers.
    pub store: Arc<dyn AccountStore>,
    /// Accounts.
    pub accounts: AccountService,
    /// Keys.
    pub keys: KeyService,
    /// What accounts in use have used, to the request.
    pub limiter: Arc<Limiter>,
    /// Usage at rest.
    pub usage: Arc<dyn UsageStore>,
    /// Webhooks, deliveries and events.
    pub webhooks: WebhookService,
    /// Webhooks to try receivers with, and inboxes.
    pub simulator: Simulator,
    /// Replays of many deliveries.
    pub replays: ReplayService,
    /// Sessions of the portal.
    pub sessions: SessionService,
    /// Released events in their order.
    pub feed: Arc<dyn EventFeed>,
    /// What accounts are told of.
    pub alerts: AlertService,
    /// True once the process stops: what goes on for long ends then.
    pub stopping: watch::Receiver<bool>,
    /// Places of streams of events, which go on for long.
    pub streams: Arc<Semaphore>,
}

/// The configuration as the admin API sees it.
#[async_trait]
pub trait ConfigControl: Send + Sync {
    /// The configuration in use.
    fn current(&self) -> Arc<Config>;
    /// Since when it is in use, and why a later one is not.
    fn status(&self) -> ConfigStatus;
    /// Loads, validates and swaps in the file as it is now; the one in use stays where it is not valid.
    ///
    /// # Errors
    /// Every problem of the file; never empty.
    async fn reload(&self) -> Result<(), Vec<ConfigProblem>>;
}

/// How the configuration in use came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigStatus {
    /// When it was loaded.
    pub loaded_at: Timestamp,
    /// The last attempt to load another one, where it failed.
    pub failure: Option<ConfigFailure>,
}

/// An attempt to load a configuration that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFailure {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub problems: Vec<ConfigProblem>,
}

/// Something wrong with a configuration file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct ConfigProblem {
    /// `file:line:column`.
    #[schema(example = "fuelgate.yaml:12:7")]
    pub place: String,
    /// The setting; empty where the file as a whole is meant.
    #[schema(example = "plans.standard.rate.burst")]
    pub setting: String,
    /// What was expected; never a secret's value.
    #[schema(example = "expected a whole number from 1")]
    pub message: String,
}
