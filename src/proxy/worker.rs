//! One worker thread: accepts connections, drives HTTP on them through Pingora, and waits for them when it stops; never a request's rules.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pingora::apps::{HttpPersistentSettings, HttpServerApp, HttpServerOptions, ServerApp};
use pingora::prelude::fast_timeout::set_fast_timeout_to_tokio_threshold;
use pingora::protocols::Stream;
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::v2::server::{H2Options, default_h2_options};
use pingora::proxy::HttpProxy;
use pingora::server::ShutdownWatch;
use pingora::server::configuration::ServerConf;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_rustls::TlsAcceptor;

use super::connection::Connection;
use super::gateway::Gateway;
use super::inner::{Entrance, Inner};
use super::io::ClientIo;
use crate::base::ceilings::{
    CONNECT_ATTEMPTS, HANDSHAKE_TIME, KEEPALIVE_IDLE, KEEPALIVE_REQUESTS, UPSTREAM_IDLE_CONNECTIONS,
};

/// HTTP/2 flow-control windows of a client connection: an upload of one stream, and of all together, in bytes.
const H2_STREAM_WINDOW: u32 = 256 * 1024;
const H2_CONNECTION_WINDOW: u32 = 1024 * 1024;
/// Time limits of more whole seconds than these are timers of the worker's runtime instead of Pingora's own. Two are set for each
/// request, for its upstream's silence and for the connection when it is idle again, and hardly any is ever due: the
/// runtime's are cheaper to set, and forgotten when they are no longer wanted instead of when they are due.
const PINGORA_TIMERS: Duration = Duration::ZERO;
/// How often a runtime wakes up for nothing. It has to be told, by a call into the kernel, of a timer that is due before all
/// others; with this one no timer of a second or more is.
const BEAT: Duration = Duration::from_secs(1);
/// How long accepting pauses when the system has no descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// A listener's socket as one worker uses it.
pub(super) struct Endpoint {
    pub(super) socket: std::net::TcpListener,
    pub(super) tls: Option<Arc<rustls::ServerConfig>>,
}

type Proxy = Arc<HttpProxy<Gateway>>;

/// Runs a worker until `shutdown` turns true and its last connection has ended.
pub(super) fn run(
    endpoints: Vec<Endpoint>,
    entrance: Entrance,
    gateway: Gateway,
    shutdown: ShutdownWatch,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    // One setting of the process, which each worker makes alike.
    set_fast_timeout_to_tokio_threshold(Some(PINGORA_TIMERS));
    runtime.spawn(beat());
    runtime.block_on(serve(endpoints, entrance, gateway, shutdown))
}

async fn beat() {
    let mut beats = tokio::time::interval(BEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beats.tick().await;
    }
}

async fn serve(
    endpoints: Vec<Endpoint>,
    entrance: Entrance,
    gateway: Gateway,
    shutdown: ShutdownWatch,
) -> io::Result<()> {
    let proxy = proxy(gateway.clone());
    let mut acceptors = JoinSet::new();
    for endpoint in endpoints {
        let listener = TcpListener::from_std(endpoint.socket)?;
        let tls = endpoint.tls.map(TlsAcceptor::from);
        acceptors.spawn(accept(
            listener,
            tls,
            proxy.clone(),
            gateway.clone(),
            shutdown.clone(),
        ));
    }
    acceptors.spawn(take_in(entrance, proxy.clone(), gateway, shutdown));
    let mut connections = JoinSet::new();
    while let Some(accepted) = acceptors.join_next().await {
        if let Ok(mut rest) = accepted {
            connections.spawn(async move { while rest.join_next().await.is_some() {} });
        }
    }
    // Idle connections end now; those with a request on them when it is done.
    proxy.http_cleanup().await;
    while connections.join_next().await.is_some() {}
    Ok(())
}

fn proxy(gateway: Gateway) -> Proxy {
    let conf = ServerConf {
        threads: 1,
        upstream_keepalive_pool_size: UPSTREAM_IDLE_CONNECTIONS,
        max_retries: CONNECT_ATTEMPTS,
        ..ServerConf::default()
    };
    let mut proxy = HttpProxy::new(gateway, Arc::new(conf));
    let mut options = HttpServerOptions::default();
    // We answer CONNECT ourselves: Pingora's own 405 has neither our body nor a request id.
    options.allow_connect_method_proxying = true;
    options.keepalive_request_limit = Some(KEEPALIVE_REQUESTS);
    options.h2_idle_timeout = Some(KEEPALIVE_IDLE);
    proxy.server_options = Some(options);
    proxy.h2_options = Some(h2_options());
    Arc::new(proxy)
}

fn h2_options() -> H2Options {
    // Pingora's defaults carry the limits on header lists and streams; a fresh H2Options would lose them.
    let mut options = default_h2_options();
    options.initial_window_size(H2_STREAM_WINDOW);
    options.initial_connection_window_size(H2_CONNECTION_WINDOW);
    options
}

/// Accepts until `shutdown` turns true; gives back the connections that are still open.
async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    proxy: Proxy,
    gateway: Gateway,
    mut shutdown: ShutdownWatch,
) -> JoinSet<()> {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            () = stopped(&mut shutdown) => break,
        };
        match accepted {
            Ok((socket, peer)) => {
                let counted = gateway.in_flight().connection();
                let (tls, proxy, shutdown) = (tls.clone(), proxy.clone(), shutdown.clone());
                connections.spawn(async move {
                    let _counted = counted;
                    serve_connection(socket, peer, tls, proxy, shutdown).await;
                });
            }
            Err(e) => {
                tracing::warn!("cannot accept a connection: {e}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    connections
}

/// Takes connections from inside until `shutdown` turns true; gives back those that are still open.
async fn take_in(
    mut entrance: Entrance,
    proxy: Proxy,
    gateway: Gateway,
    mut shutdown: ShutdownWatch,
) -> JoinSet<()> {
    let mut connections = JoinSet::new();
    loop {
        let inner = tokio::select! {
            Some(inner) = entrance.next() => inner,
            Some(_) = connections.join_next() => continue,
            () = stopped(&mut shutdown) => break,
        };
        let counted = gateway.in_flight().connection();
        let (proxy, shutdown) = (proxy.clone(), shutdown.clone());
        connections.spawn(async move {
            let _counted = counted;
            serve_inner(inner, &proxy, &shutdown).await;
        });
    }
    connections
}

async fn serve_inner(inner: Inner, proxy: &Proxy, shutdown: &ShutdownWatch) {
    // Its place is free again when the last of the connection is done here, not when its other end is let go.
    let (stream, connection, _place) = match inner.arrive() {
        Ok(arrived) => arrived,
        Err(e) => return tracing::warn!("a connection from inside cannot be used: {e}"),
    };
    let connection = Arc::new(connection);
    let io = ClientIo::inner(stream, connection.clone());
    serve_http1(Box::new(io), &connection, proxy, shutdown).await;
}

/// Waits until the server stops.
async fn stopped(shutdown: &mut ShutdownWatch) {
    // An error means that the server is gone, which is a stop too.
    let _ = shutdown.wait_for(|stop| *stop).await;
}

async fn serve_connection(
    socket: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    proxy: Proxy,
    shutdown: ShutdownWatch,
) {
    // Without this a small response waits for the acknowledgement of the one before.
    if socket.set_nodelay(true).is_err() {
        return;
    }
    let connection = Arc::new(Connection::new(peer, tls.is_some()));
    let io = match tls {
        None => ClientIo::plain(socket, connection.clone()),
        Some(acceptor) => {
            match tokio::time::timeout(HANDSHAKE_TIME, acceptor.accept(socket)).await {
                Ok(Ok(stream)) => ClientIo::tls(stream, connection.clone()),
                Ok(Err(e)) => {
                    tracing::debug!("TLS handshake failed: {e}");
                    return;
                }
                Err(_) => return,
            }
        }
    };
    if io.alpn() == Some(b"h2") {
        connection.header_arrived();
        proxy.process_new(Box::new(io), &shutdown).await;
    } else {
        serve_http1(Box::new(io), &connection, &proxy, &shutdown).await;
    }
}

/// Requests one after the other on one connection.
async fn serve_http1(
    stream: Stream,
    connection: &Arc<Connection>,
    proxy: &Proxy,
    shutdown: &ShutdownWatch,
) {
    let mut next = Some((stream, None::<HttpPersistentSettings>));
    while let Some((stream, settings)) = next {
        let mut session = ServerSession::new_http1(stream);
        if let Some(settings) = settings {
            settings.apply_to_session(&mut session);
        } else {
            // Without a limit of Pingora's, which would start a timer for each request: the socket has its own.
            session.set_keepalive(Some(0));
            session.set_keepalive_reuses_remaining(Some(KEEPALIVE_REQUESTS));
        }
        connection.header_awaited();
        next = proxy
            .process_new_http(session, shutdown)
            .await
            .map(pingora::apps::ReusedHttpStream::consume);
    }
}
