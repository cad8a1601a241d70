//! How a listener of the admin's kind is served: TLS, header ceilings and time, and its end.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use fuelgate::config::model::Listener;
use fuelgate::web::serve;
use tokio::sync::watch;

use crate::admin_support::Admin;

fn loopback() -> Listener {
    Listener {
        address: "127.0.0.1:0".parse().unwrap(),
        tls: None,
    }
}

#[tokio::test]
async fn tls_offers_http_2_and_http_1() {
    let pair = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = rustls::pki_types::PrivateKeyDer::try_from(pair.signing_key.serialize_der()).unwrap();
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![pair.cert.der().clone()], key)
        .unwrap();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = serve::bind(&loopback()).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (stop, stopped) = watch::channel(false);
    let router = Router::new().route("/", get(|| async { "hello" }));
    let grace = Duration::from_secs(5);
    let served = tokio::spawn(serve::serve(
        listener,
        Some(Arc::new(tls)),
        router,
        stopped,
        grace,
    ));
    let root = reqwest::Certificate::from_pem(pair.cert.pem().as_bytes()).unwrap();
    for (http1, version) in [
        (false, reqwest::Version::HTTP_2),
        (true, reqwest::Version::HTTP_11),
    ] {
        let mut client = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([root.clone()]);
        if http1 {
            client = client.http1_only();
        }
        let url = format!("https://localhost:{port}/");
        let response = client.build().unwrap().get(url).send().await.unwrap();
        assert_eq!(response.version(), version);
        assert_eq!(response.text().await.unwrap(), "hello");
    }
    stop.send(true).unwrap();
    served.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stop_lets_requests_finish_and_takes_no_new_ones() {
    let listener = serve::bind(&loopback()).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    let (started, mut has_started) = watch::channel(false);
    let (finish, may_finish) = watch::channel(false);
    let router = Router::new().route(
        "/slow",
        get(move || {
            let mut may_finish = may_finish.clone();
            let started = started.clone();
            async move {
                started.send(true).unwrap();
                may_finish.wait_for(|f| *f).await.unwrap();
                "done"
            }
        }),
    );
    let grace = Duration::from_secs(30);
    let served = tokio::spawn(serve::serve(listener, None, router, stopped, grace));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let slow = tokio::spawn(client.get(format!("http://{address}/slow")).send());
    has_started.wait_for(|s| *s).await.unwrap();
    stop.send(true).unwrap();
    while TcpStream::connect(address).is_ok() {
        tokio::task::yield_now().await;
    }
    finish.send(true).unwrap();
    let response = slow.await.unwrap().unwrap();
    assert_eq!(response.text().await.unwrap(), "done");
    served.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_over_the_ceiling_is_refused() {
    let admin = Admin::start().await;
    let address = admin.address;
    let answer = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let big = "x".repeat(70_000);
        let _ = write!(
            stream,
            "GET /healthz HTTP/1.1\r\nHost: a\r\nX-Big: {big}\r\n\r\n"
        );
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    })
    .await
    .unwrap();
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}
