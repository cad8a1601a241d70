//! The client-facing listeners: bound early, served by worker threads that share nothing hot, stopped gently; never a request's rules.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use async_trait::async_trait;
use pingora::server::{ListenFds, ShutdownWatch};
use pingora::services::{ServiceReadyNotifier, ServiceWithDependents};
use tokio::sync::oneshot;

use super::gateway::Gateway;
use super::inner::Entrance;
use super::worker;
use crate::base::ceilings::ACCEPT_BACKLOG;
use crate::config::certificates::{CertificateError, Certificates};
use crate::config::model::Listener;

/// Why a listener cannot be opened; fit to show to the operator.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address is taken, not ours, or not permitted.
    #[error("cannot listen on {address}: {cause}")]
    Address {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        cause: io::Error,
    },
    /// Its certificate or key cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The TLS library refuses the settings.
    #[error("TLS settings: {0}")]
    Tls(#[from] rustls::Error),
}

/// A listener whose address is taken; it accepts once its service runs.
#[derive(Debug)]
pub struct Bound {
    address: SocketAddr,
    socket: TcpListener,
    tls: Option<BoundTls>,
}

#[derive(Debug)]
struct BoundTls {
    certificates: Arc<Certificates>,
    config: Arc<rustls::ServerConfig>,
}

impl Bound {
    /// The address with its real port, where the configuration asked for port 0.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its certificate, to reload it and to show when it ends; `None` without TLS.
    pub fn certificates(&self) -> Option<&Arc<Certificates>> {
        self.tls.as_ref().map(|t| &t.certificates)
    }

    /// A second handle on the same socket for another worker: the kernel gives each connection to whoever is free.
    fn share(&self) -> io::Result<worker::Endpoint> {
        Ok(worker::Endpoint {
            socket: self.socket.try_clone()?,
            tls: self.tls.as_ref().map(|t| t.config.clone()),
        })
    }
}

/// Takes the address and loads the certificate.
///
/// # Errors
/// The address or the certificate cannot be used.
pub fn bind(listener: &Listener) -> Result<Bound, BindError> {
    let tls = match &listener.tls {
        None => None,
        Some(files) => {
            let certificates = Certificates::load(files)?;
            let config = certificates.server_config(&[b"h2", b"http/1.1"])?;
            Some(BoundTls {
                certificates,
                config,
            })
        }
    };
    let cause = |cause| BindError::Address {
        address: listener.address,
        cause,
    };
    let socket = TcpListener::bind(listener.address).map_err(cause)?;
    socket.set_nonblocking(true).map_err(cause)?;
    // The standard library's backlog is short for a burst of new connections; listening again only changes it.
    rustix::net::listen(&socket, ACCEPT_BACKLOG).map_err(|e| cause(e.into()))?;
    Ok(Bound {
        address: socket.local_addr().map_err(cause)?,
        socket,
        tls,
    })
}

/// The service that answers clients on all bound listeners.
///
/// Each worker thread has its own single-threaded runtime, its own connections and its own pool of upstream
/// connections: a request never changes threads, so nothing on its way is contended.
pub struct ClientService {
    bound: Vec<Bound>,
    gateway: Gateway,
    entrances: Vec<Entrance>,
}

/// Makes the service of the client-facing listeners, with a worker thread for each entrance.
pub fn service(bound: Vec<Bound>, gateway: Gateway, entrances: Vec<Entrance>) -> ClientService {
    ClientService {
        bound,
        gateway,
        entrances,
    }
}

impl ClientService {
    fn start_worker(
        &self,
        number: usize,
        entrance: Entrance,
        shutdown: &ShutdownWatch,
    ) -> io::Result<oneshot::Receiver<()>> {
        let endpoints = self
            .bound
            .iter()
            .map(Bound::share)
            .collect::<io::Result<Vec<_>>>()?;
        let (gateway, shutdown) = (self.gateway.clone(), shutdown.clone());
        let (done, ended) = oneshot::channel();
        std::thread::Builder::new()
            .name(format!("gateway-{number}"))
            .spawn(move || {
                if let Err(e) = worker::run(endpoints, entrance, gateway, shutdown) {
                    tracing::error!("worker {number} cannot run: {e}");
                }
                // Nobody waits any more when the server's own time is over.
                let _ = done.send(());
            })?;
        Ok(ended)
    }

    /// Serves until `shutdown` turns true, then until the last connection has ended.
    pub async fn run(&mut self, shutdown: &ShutdownWatch) {
        let entrances = std::mem::take(&mut self.entrances);
        let mut workers = Vec::with_capacity(entrances.len());
        for (number, entrance) in entrances.into_iter().enumerate() {
            match self.start_worker(number, entrance, shutdown) {
                Ok(ended) => workers.push(ended),
                Err(e) => tracing::error!("worker {number} cannot start: {e}"),
            }
        }
        // The workers hold the sockets now: when they stop, the addresses are free.
        self.bound.clear();
        for ended in workers {
            let _ = ended.await;
        }
    }
}

#[async_trait]
impl ServiceWithDependents for ClientService {
    async fn start_service(
        &mut self,
        _: Option<ListenFds>,
        shutdown: ShutdownWatch,
        _: usize,
        ready: ServiceReadyNotifier,
    ) {
        ready.notify_ready();
        self.run(&shutdown).await;
    }

    fn name(&self) -> &'static str {
        "gateway"
    }

    fn threads(&self) -> Option<usize> {
        // Pingora's own runtime only waits for the workers.
        Some(1)
    }
}
