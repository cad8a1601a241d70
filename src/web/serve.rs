//! Serves a router on a bound listener, with or without TLS, until it is told to stop; never decides what is served.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::peer::Peer;
use crate::base::ceilings::{
    ADMIN_CONNECTIONS, ADMIN_HEADER_BYTES, HEADER_TIME, TLS_HANDSHAKE_TIME,
};
use crate::config::model::Listener;

/// Pause after an `accept` that failed, so that a lack of descriptors does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Binds a listener; its `local_addr` tells the port where the configuration says 0.
///
/// # Errors
/// What the system says, e.g. that the address is in use.
pub fn bind(listener: &Listener) -> io::Result<TcpListener> {
    let socket = TcpListener::bind(listener.address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Serves `router` until `shutdown` turns true or its sender is gone; then no connection is accepted, those that are
/// open finish what they are at, and what is left after `grace` is cut off.
///
/// # Errors
/// When the listener cannot be used at all.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    router: Router,
    shutdown: watch::Receiver<bool>,
    grace: Duration,
) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let acceptor = tls.map(TlsAcceptor::from);
    let places = Arc::new(Semaphore::new(ADMIN_CONNECTIONS));
    let mut connections = JoinSet::new();
    let mut stopped = pin!(stopped(shutdown.clone()));
    loop {
        // A place is taken before the connection is accepted: over the ceiling callers wait in the kernel's backlog.
        let place = tokio::select! {
            () = &mut stopped => break,
            place = places.clone().acquire_owned() => place.map_err(io::Error::other)?,
        };
        let accepted = tokio::select! {
            () = &mut stopped => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        while connections.try_join_next().is_some() {}
        let connection = Connection {
            peer,
            router: router.clone(),
            shutdown: shutdown.clone(),
        };
        let acceptor = acceptor.clone();
        connections.spawn(async move {
            connection.accept(stream, acceptor).await;
            drop(place);
        });
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if timeout(grace, drained).await.is_err() {
        tracing::warn!("connections were cut off at the end of the grace period");
    }
    Ok(())
}

/// Ends when the signal turns true, or nobody is left to give it.
async fn stopped(mut shutdown: watch::Receiver<bool>) {
    let _ = shutdown.wait_for(|stop| *stop).await;
}

struct Connection {
    peer: SocketAddr,
    router: Router,
    shutdown: watch::Receiver<bool>,
}

impl Connection {
    async fn accept(self, stream: TcpStream, acceptor: Option<TlsAcceptor>) {
        let _ = stream.set_nodelay(true);
        let Some(acceptor) = acceptor else {
            return self.run(stream, false).await;
        };
        match timeout(TLS_HANDSHAKE_TIME, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => {
                let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                self.run(stream, h2).await;
            }
            Ok(Err(error)) => tracing::debug!(%error, peer = %self.peer, "TLS handshake failed"),
            Err(_) => tracing::debug!(peer = %self.peer, "TLS handshake took too long"),
        }
    }

    async fn run<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(self, stream: S, h2: bool) {
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIME)
            .max_buf_size(ADMIN_HEADER_BYTES)
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(HEADER_TIME)
            .max_header_list_size(u32::try_from(ADMIN_HEADER_BYTES).unwrap_or(u32::MAX));
        // The protocol is known by ALPN, so nothing waits for a first byte without a timer.
        let builder = if h2 {
            builder.http2_only()
        } else {
            builder.http1_only()
        };
        let peer = Peer(self.peer);
        let service = TowerToHyperService::new(self.router.layer(axum::Extension(peer)));
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let served = tokio::select! {
            served = connection.as_mut() => served,
            () = stopped(self.shutdown) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = served {
            tracing::debug!(%error, peer = %self.peer, "connection ended badly");
        }
    }
}
