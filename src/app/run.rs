//! A running gateway: its listeners served, its signals heard, its orderly end; never how its parts are made.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

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
use crate::proxy::listener::{self, Bound};
use crate::proxy::monitor;
use crate::web;
use crate::web::admin::state::ConfigControl;

/// How often a stop looks whether requests are still in flight.
const DRAIN_LOOK: Duration = Duration::from_millis(20);

/// What a stop could not finish.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    /// Usage of the last second is not in the store.
    #[error("the last usage could not be written to the store")]
    Usage,
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
    pub(super) doors: Vec<(Door, Router)>,
    pub(super) tasks: Tasks,
    pub(super) phase: Arc<Phase>,
    pub(super) addresses: Vec<(String, SocketAddr)>,
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
    doors_stop: Stop,
    clients: tokio::task::JoinHandle<()>,
    doors: JoinSet<()>,
    tasks: JoinSet<()>,
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
        let (clients_stop, tasks_stop, doors_stop) = (Stop::new(), Stop::new(), Stop::new());
        handle.block_on(monitor::resolve_once(&i.parts.snapshot.load()));
        let reloader = Arc::clone(&i.tasks.reloader);
        let in_flight = i.gateway.in_flight().clone();
        let tasks = i.tasks.start(&handle, &i.parts, &tasks_stop.signal());
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let mut service = listener::service(i.clients, i.gateway, threads);
        let stop = clients_stop.signal();
        let clients = handle.spawn(async move { service.run(&stop).await });
        let mut doors = JoinSet::new();
        for (door, router) in i.doors {
            let stop = doors_stop.signal();
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
        i.phase.ready();
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
            doors_stop,
            clients,
            doors,
            tasks,
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
        handle.block_on(async {
            while self.signals.next().await == Asked::Reload {
                // What is wrong is logged by the reload itself.
                let _ = self.reloader.reload().await;
            }
        });
        let grace = self.parts.snapshot.load().config.shutdown_grace;
        tracing::info!("stopping: no new connections, requests in flight are finished");
        let done = handle.block_on(self.stop(grace));
        self.parts.store.close();
        self.runtime.shutdown_timeout(SHUTDOWN_EXTRA);
        done
    }

    /// Clients first, then what their requests left behind, then the operators' side, which can watch it all.
    async fn stop(&mut self, grace: Duration) -> Result<(), StopError> {
        self.phase.draining();
        self.clients_stop.give();
        let drained = async {
            while self.in_flight.requests() > 0 {
                tokio::time::sleep(DRAIN_LOOK).await;
            }
        };
        if tokio::time::timeout(grace, drained).await.is_err() {
            tracing::warn!(
                requests = self.in_flight.requests(),
                "requests are cut off at the end of the grace period"
            );
        }
        // Connections without a request end by themselves, or with the process.
        let _ = tokio::time::timeout(SHUTDOWN_EXTRA, &mut self.clients).await;
        self.tasks_stop.give();
        let tasks = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(SHUTDOWN_EXTRA * 2, tasks)
            .await
            .is_err()
        {
            tracing::warn!("background work is cut off");
        }
        let flushed = tasks::flush_all(&self.parts).await;
        self.doors_stop.give();
        let doors = async { while self.doors.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(SHUTDOWN_EXTRA, doors).await;
        if let Some(log) = self.parts.access_log.load_full() {
            let written = tokio::task::spawn_blocking(move || log.flush(Duration::from_secs(2)));
            let _ = written.await;
        }
        if flushed {
            Ok(())
        } else {
            Err(StopError::Usage)
        }
    }
}
