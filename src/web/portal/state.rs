//! What the portal's pages work with: the services and ports that the wiring hands over; no page takes one from here but `own` and `sign_in`.

use std::sync::Arc;

use super::api::ApiDoor;
use crate::accounts::port::AccountStore;
use crate::accounts::service::AccountService;
use crate::alerts::service::AlertService;
use crate::base::clock::Clock;
use crate::keys::service::KeyService;
use crate::limits::Limiter;
use crate::observe::PortalMetrics;
use crate::portal::service::SessionService;
use crate::usage::port::UsageStore;
use crate::web::admin::state::ConfigControl;
use crate::web::docs::DocsCache;
use crate::web::sources::Sources;
use crate::webhooks::service::{ReplayService, WebhookService};
use crate::webhooks::simulator::service::Simulator;

/// What every page may be made of. Its services take ids of any account: pages go through [`super::own::Own`].
pub struct PortalState {
    /// Where `now` comes from.
    pub clock: Clock,
    /// The configuration in use.
    pub control: Arc<dyn ConfigControl>,
    /// Who is signed in.
    pub sessions: SessionService,
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
    /// Replays of many deliveries.
    pub replays: ReplayService,
    /// Webhooks to try receivers with, and inboxes.
    pub simulator: Simulator,
    /// What accounts are told of.
    pub alerts: AlertService,
    /// What is counted of the portal.
    pub metrics: Arc<PortalMetrics>,
    /// Bounds how often one source may try links and cookies.
    pub sources: Sources,
    /// The documentation of the configuration in use.
    pub docs: DocsCache,
    /// The way into the gateway.
    pub api: Arc<dyn ApiDoor>,
}
