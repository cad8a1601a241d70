//! A running gateway: its listeners served, its signals heard, its orderly end; never how its parts are made.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::backend::{Engine, Shared};
use super::hear;
use super::listeners::Door;
use super::ready::Phase;
use super::reload::Reloader;
use super::signals::{Asked, Signals};
use super::stop::Stop;
use super::tasks::{self, Tasks};
use super::wire::{Parts, StartError};
use crate::base::ceilings::SHUTDOWN_EXTRA;
use crate::observe::diagnostics::Diagnostics;
use crate::proxy::gateway::Gateway;
use crate::proxy::in_flight::InFlight;
use crate::proxy::inner::Entrance;
use crate::proxy::listener::{self, Bound};
use crate::proxy::monitor;
use crate::store::redis::OpenError;
use crate::store::spool::SpoolState;
use crate::web;
use crate::web::admin::state::ConfigControl;

/// Shortest time that a stop gives the spool.
const DRAIN_LEAST: Duration = Duration::from_secs(1);
/// How often a stop looks whether requests are still in flight.
const DRAIN_LOOK: Duration = Duration::from_millis(20);

/// What a stop could not finish.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    /// Usage of the last second is not in the store.
    #[error("the last usage could not be written to the store")]
    Usage,
    /// The store has not got all that this node wrote.
    #[error(
        "{} ({} bytes) holds what the store has not got: {state}; keep the file, the next start sends it",
        file.display(), state.bytes
    )]
    Spooled {
        /// The spool's file.
        file: PathBuf,
        /// What is in it.
        state: SpoolState,
    },
    /// The store was reached at last and cannot be used.
    #[error("the store: {0}")]
    Store(#[from] OpenError),
    /// Signals cannot be heard.
    #[error("signals: {0}")]
    Signals(std::io::Error),
}

/// What [`Running::start`] takes.
pub(super) struct Ingredients {
    pub(super) runtime: Runtime,
    pub(super) diagnostics: Diagnostics,
    pub(super) parts: Arc<Parts>,
    pub(super) gateway: Gateway,
    pub(super) clients: Vec<Bound>,
    /// Where the workers take connections from inside; there are as many workers.
    pub(super) entrances: Vec<Entrance>,
    pub(super) doors: Vec<(Door, Router)>,
    pub(super) tasks: Tasks,
    pub(super) phase: Arc<Phase>,
    /// Given when the operators' side is to end.
    pub(super) doors_stop: Stop,
    pub(super) addresses: Vec<(String, SocketAddr)>,
    /// Whether the store was reached.
    pub(super) contacted: bool,
}

/// A gateway whose listeners are open.
pub struct Running {
    runtime: Runtime,
    signals: Signals,
    parts: Arc<Parts>,
    in_flight: InFlight,
    reloader: Arc<Reloader>,
    phase: Arc<Phase>,
    addresses: Vec<(String, SocketAddr)>,
    clients_stop: Stop,
    tasks_stop: Stop,
    /// Given when the last write of this process is made.
    writes_stop: Stop,
    doors_stop: Stop,
    /// Tells when a store that was away at the start turns out to be no good.
    refused: oneshot::Receiver<OpenError>,
    clients: tokio::task::JoinHandle<()>,
    doors: JoinSet<()>,
    tasks: JoinSet<()>,
    /// What serves a store that nodes share; none where this node is the only one.
    sharing: JoinSet<()>,
    // Last: it writes what the others had to say.
    _diagnostics: Diagnostics,
}

impl Running {
    pub(super) fn start(i: Ingredients) -> Result<Self, StartError> {
        let handle = i.runtime.handle().clone();
        let signals = {
            let _entered = handle.enter();
            Signals::catch()?
        };
        let (clients_stop, tasks_stop) = (Stop::new(), Stop::new());
        let writes_stop = Stop::new();
        handle.block_on(monitor::resolve_once(&i.parts.snapshot.load()));
        let reloader = Arc::clone(&i.tasks.reloader);
        let in_flight = i.gateway.in_flight().clone();
        let tasks = i.tasks.start(&handle, &i.parts, &tasks_stop.signal());
        let mut service = listener::service(i.clients, i.gateway, i.entrances);
        let stop = clients_stop.signal();
        let clients = handle.spawn(async move { service.run(&stop).await });
        let mut doors = JoinSet::new();
        for (door, router) in i.doors {
            let stop = i.doors_stop.signal();
            doors.spawn_on(
                async move {
                    let served =
                        web::serve::serve(door.socket, door.tls, router, stop, SHUTDOWN_EXTRA);
                    if let Err(e) = served.await {
                        tracing::error!("a listener of the operators' side failed: {e}");
                    }
                },
                &handle,
            );
        }
        let (refuse, refused) = oneshot::channel();
        let mut sharing = JoinSet::new();
        if let Engine::Redis(shared) = &i.parts.backend.engine {
            sharing = hear::start(&handle, &i.parts, shared, &writes_stop.signal());
            if !i.contacted {
                let waiting = wait_for_store(Arc::clone(shared), Arc::clone(&i.phase), refuse);
                handle.spawn(waiting);
            }
        }
        if i.contacted {
            i.phase.ready();
        }
        Ok(Self {
            runtime: i.runtime,
            signals,
            parts: i.parts,
            in_flight,
            reloader,
            phase: i.phase,
            addresses: i.addresses,
            clients_stop,
            tasks_stop,
            writes_stop,
            doors_stop: i.doors_stop,
            refused,
            clients,
            doors,
            tasks,
            sharing,
            _diagnostics: i.diagnostics,
        })
    }

    /// Each listener's name and address, with real ports.
    pub fn addresses(&self) -> &[(String, SocketAddr)] {
        &self.addresses
    }

    /// Runs until a signal asks for the end, then ends in order.
    ///
    /// # Errors
    /// What could not be finished.
    pub fn run_until_signal(mut self) -> Result<(), StopError> {
        let handle = self.runtime.handle().clone();
        let refused = handle.block_on(self.until_the_end());
        let grace = self.parts.snapshot.load().config.shutdown_grace;
        tracing::info!("stopping: no new connections, requests in flight are finished");
        let done = handle.block_on(self.stop(grace));
        self.parts.backend.engine.close();
        self.runtime.shutdown_timeout(SHUTDOWN_EXTRA);
        match refused {
            Some(why) => Err(why.into()),
            None => done,
        }
    }

    /// Reloads as often as it is asked to; returns at a signal to stop, or with what is wrong with the store.
    async fn until_the_end(&mut self) -> Option<OpenError> {
        loop {
            tokio::select! {
                asked = self.signals.next() => match asked {
                    // What is wrong is logged by the reload itself.
                    Asked::Reload => drop(self.reloader.reload().await),
                    Asked::Stop => return None,
                },
                // The other end is dropped without a word once the store is reached.
                Ok(why) = &mut self.refused, if !self.refused.is_terminated() => {
                    tracing::error!("the store cannot be used: {why}");
                    return Some(why);
                }
            }
        }
    }

    /// Clients first, then what their requests left behind, then the operators' side, which can watch it all.
    async fn stop(&mut self, grace: Duration) -> Result<(), StopError> {
        let end = Instant::now() + grace;
        self.phase.draining();
        self.clients_stop.give();
        let in_flight = self.in_flight.clone();
        let drained = async || {
            while in_flight.requests() > 0 {
                tokio::time::sleep(DRAIN_LOOK).await;
            }
        };
        if tokio::time::timeout(grace, drained()).await.is_err() {
            tracing::warn!(
                requests = self.in_flight.requests(),
                "requests are cut off at the end of the grace period"
            );
        }
        // Connections without a request end by themselves, or with the process.
        let _ = tokio::time::timeout(SHUTDOWN_EXTRA, &mut self.clients).await;
        // A request that came before its connection had heard of the stop has the grace like any other.
        let _ = tokio::time::timeout_at(end, drained()).await;
        self.tasks_stop.give();
        let tasks = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(SHUTDOWN_EXTRA * 2, tasks)
            .await
            .is_err()
        {
            tracing::warn!("background work is cut off");
        }
        let mut done = match tasks::flush_all(&self.parts).await {
            true => Ok(()),
            false => Err(StopError::Usage),
        };
        if let Engine::Redis(shared) = &self.parts.backend.engine {
            self.writes_stop.give();
            while self.sharing.join_next().await.is_some() {}
            done = drain(shared, end).await.and(done);
        }
        self.doors_stop.give();
        let doors = async { while self.doors.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(SHUTDOWN_EXTRA, doors).await;
        if let Some(log) = self.parts.snapshot.load().access_log.clone() {
            let written = tokio::task::spawn_blocking(move || log.flush(Duration::from_secs(2)));
            let _ = written.await;
        }
        done
    }
}

/// Makes the first contact with a store that was away at the start, however long it takes.
async fn wait_for_store(
    shared: Arc<Shared>,
    phase: Arc<Phase>,
    refuse: oneshot::Sender<OpenError>,
) {
    match shared.contact().await {
        Ok(()) => {
            tracing::info!("the store is reached");
            phase.reached();
        }
        // Nobody listens any more where the process stops anyway.
        Err(why) => drop(refuse.send(why)),
    }
}

/// Brings what waits in the spool to the store until `end`, and a moment more where requests took all the time.
async fn drain(shared: &Shared, end: Instant) -> Result<(), StopError> {
    let within = end
        .saturating_duration_since(Instant::now())
        .max(DRAIN_LEAST);
    let state = shared.spool.drain(within).await;
    if state.is_empty() {
        return Ok(());
    }
    let file = shared.spool_file.clone();
    Err(StopError::Spooled { file, state })
}
