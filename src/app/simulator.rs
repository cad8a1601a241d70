//! Joins the simulator and its inboxes to the store, the network and their public address; never what they do.

use std::sync::Arc;

use axum::Router;

use super::wire::Parts;
use crate::web::admin::state::ConfigControl;
use crate::web::inbox;
use crate::webhooks::port::WebhookTransport;
use crate::webhooks::simulator::catch::Catcher;
use crate::webhooks::simulator::own::WithInboxes;
use crate::webhooks::simulator::service::Simulator;

/// The simulator, and the network with the inboxes before it: deliveries take that way as well.
pub(super) struct Simulation {
    pub(super) simulator: Simulator,
    pub(super) transport: Arc<dyn WebhookTransport>,
    catcher: Catcher,
}

impl Simulation {
    pub(super) fn new(parts: &Parts) -> Self {
        let backend = &parts.backend;
        let catcher = Catcher::new(
            Arc::clone(&backend.inboxes),
            Arc::clone(&backend.events),
            Arc::clone(&parts.settings),
            parts.clock.clone(),
        );
        let network: Arc<dyn WebhookTransport> = parts.transport.clone();
        let transport: Arc<dyn WebhookTransport> =
            Arc::new(WithInboxes::new(network, catcher.clone()));
        let simulator = Simulator::new(
            Arc::clone(&backend.events),
            Arc::clone(&backend.inboxes),
            Arc::clone(&transport),
            Arc::clone(&parts.settings),
            parts.clock.clone(),
        );
        Self {
            simulator,
            transport,
            catcher,
        }
    }

    /// The public way into the inboxes.
    pub(super) fn inboxes(&self, parts: &Parts, control: Arc<dyn ConfigControl>) -> Router {
        inbox::router(self.catcher.clone(), control, parts.clock.clone())
    }
}
