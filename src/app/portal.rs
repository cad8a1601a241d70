//! Makes the developer portal of the parts of a gateway; never a page of it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use tokio::net::UnixStream;

use super::simulator::Simulation;
use super::wire::Parts;
use crate::base::ceilings::portal::{SIGN_IN_BURST, SIGN_IN_PER_SECOND, SIGN_IN_SOURCES};
use crate::proxy::inner::{self, Door};
use crate::web::admin::state::AdminState;
use crate::web::docs::DocsCache;
use crate::web::portal;
use crate::web::portal::api::{ApiDoor, DoorError};
use crate::web::portal::state::PortalState;
use crate::web::sources::{Rate, Sources};

/// What the portal's listener serves. Its pages and the admin API work on the same services.
pub(super) fn router(
    parts: &Parts,
    simulation: &Simulation,
    admin: &AdminState,
    door: Door,
) -> Router {
    let state = Arc::new(PortalState {
        clock: parts.clock.clone(),
        control: Arc::clone(&admin.control),
        sessions: admin.sessions.clone(),
        store: Arc::clone(&admin.store),
        accounts: admin.accounts.clone(),
        keys: admin.keys.clone(),
        limiter: Arc::clone(&parts.limiter),
        usage: Arc::clone(&admin.usage),
        webhooks: admin.webhooks.clone(),
        replays: admin.replays.clone(),
        simulator: admin.simulator.clone(),
        alerts: admin.alerts.clone(),
        metrics: Arc::clone(&parts.metrics.portal),
        sources: Sources::new(Rate {
            per_second: SIGN_IN_PER_SECOND,
            burst: SIGN_IN_BURST,
            sources: SIGN_IN_SOURCES,
        }),
        docs: DocsCache::default(),
        api: Arc::new(Inside(door)),
    });
    portal::router(
        &state,
        simulation.inboxes(parts, Arc::clone(&admin.control)),
    )
}

/// The gateway's door as the portal knows it.
struct Inside(Door);

#[async_trait]
impl ApiDoor for Inside {
    async fn open(
        &self,
        peer: SocketAddr,
        source: IpAddr,
        tls: bool,
    ) -> Result<UnixStream, DoorError> {
        let opened = self.0.open(peer, source, tls).await;
        opened.map_err(|error| match error {
            inner::DoorError::SourceFull => DoorError::SourceFull,
            inner::DoorError::Io(error) => DoorError::Io(error),
        })
    }
}
