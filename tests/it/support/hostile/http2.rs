//! A receiver that speaks nothing but HTTP/2 over TLS, as most real ones can; never plain text.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, Version, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use super::certificates::Identity;

#[derive(Default)]
struct Seen {
    accepted: AtomicUsize,
    requests: AtomicUsize,
    /// Bytes of endless bodies that were asked for.
    sent: AtomicUsize,
}

/// The receiver: `/ok`, `/never`, `/endless`, `/long-header` (a field of 60,000 bytes) and `/redirect`. Stops when dropped.
pub struct Http2 {
    pub address: SocketAddr,
    seen: Arc<Seen>,
    stop: Option<oneshot::Sender<()>>,
}

impl Http2 {
    pub fn start(identity: &Identity) -> Self {
        let acceptor = TlsAcceptor::from(identity.server(&[b"h2"]));
        let seen = Arc::new(Seen::default());
        let (stop, stopped) = oneshot::channel();
        let (bound, ready) = std::sync::mpsc::channel();
        let log = Arc::clone(&seen);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
                bound.send(listener.local_addr().unwrap()).unwrap();
                tokio::select! {
                    _ = stopped => {}
                    () = accept(listener, acceptor, log) => {}
                }
            });
        });
        Self {
            address: ready.recv().unwrap(),
            seen,
            stop: Some(stop),
        }
    }

    /// A URL of this receiver, by its address.
    pub fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }

    /// Requests so far, all of them over HTTP/2.
    pub fn requests(&self) -> usize {
        self.seen.requests.load(Ordering::SeqCst)
    }

    /// Connections that were made so far.
    pub fn accepted(&self) -> usize {
        self.seen.accepted.load(Ordering::SeqCst)
    }

    /// Bytes of endless bodies that went out, or wait to.
    pub fn sent(&self) -> usize {
        self.seen.sent.load(Ordering::SeqCst)
    }
}

impl Drop for Http2 {
    fn drop(&mut self) {
        drop(self.stop.take());
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, seen: Arc<Seen>) {
    let app = app(&seen);
    while let Ok((stream, _)) = listener.accept().await {
        seen.accepted.fetch_add(1, Ordering::SeqCst);
        let (acceptor, app) = (acceptor.clone(), app.clone());
        tokio::spawn(async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                let service = TowerToHyperService::new(app);
                let server = Builder::new(TokioExecutor::new()).http2_only();
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            }
        });
    }
}

fn app(seen: &Arc<Seen>) -> Router {
    let note = |seen: &Arc<Seen>| {
        let seen = Arc::clone(seen);
        move |version: Version| {
            assert_eq!(version, Version::HTTP_2);
            seen.requests.fetch_add(1, Ordering::SeqCst);
            seen
        }
    };
    let (ok, never, endless, long) = (note(seen), note(seen), note(seen), note(seen));
    let redirect = note(seen);
    Router::new()
        .route(
            "/ok",
            post(async move |version: Version| {
                ok(version);
                "reply"
            }),
        )
        .route(
            "/never",
            post(async move |version: Version| -> StatusCode {
                never(version);
                std::future::pending().await
            }),
        )
        .route(
            "/endless",
            post(async move |version: Version| -> Response {
                let seen = endless(version);
                let chunks = futures_util::stream::repeat_with(move || {
                    seen.sent.fetch_add(16_384, Ordering::SeqCst);
                    Ok::<_, Infallible>(Bytes::from_static(&[b'x'; 16_384]))
                });
                Body::from_stream(chunks).into_response()
            }),
        )
        .route(
            "/long-header",
            post(async move |version: Version| -> Response {
                long(version);
                let value = HeaderValue::from_str(&"v".repeat(60_000)).unwrap();
                ([(HeaderName::from_static("x-long"), value)], "reply").into_response()
            }),
        )
        .route(
            "/redirect",
            post(async move |version: Version| -> Response {
                redirect(version);
                (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "/ok")]).into_response()
            }),
        )
}
