//! Upstreams over TLS, and those that are asked whether they are there: whom the gateway believes to be its backend; never what it says in plain HTTP.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::support::backend::Backend;
use crate::support::eventually;
use crate::support::gateway::{Gateway, config};
use crate::support::hostile::certificates::{Authority, Identity};

const LIMIT: Duration = Duration::from_secs(10);

/// What came of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Met {
    /// The other side ended the handshake, with these words.
    Refused(String),
    /// The name it asked for, and the header that came.
    Asked(Option<String>, String),
}

/// A backend that speaks TLS, in a thread that ends with the tests.
struct TlsBackend {
    port: u16,
    met: Arc<Mutex<Vec<Met>>>,
}

impl TlsBackend {
    fn start(identity: &Identity) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = identity.write(folder.path());
        let chain = CertificateDer::pem_file_iter(certificate).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                chain.map(Result::unwrap).collect(),
                PrivateKeyDer::from_pem_file(key).unwrap(),
            )
            .unwrap();
        let (config, met) = (Arc::new(config), Arc::new(Mutex::new(Vec::new())));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        // Where `localhost` stands for both, the gateway takes them in turn.
        let other = TcpListener::bind(("::1", port)).ok();
        for listener in std::iter::once(listener).chain(other) {
            let (config, met) = (Arc::clone(&config), Arc::clone(&met));
            std::thread::spawn(move || {
                for socket in listener.incoming().map_while(Result::ok) {
                    let one = serve(socket, &config);
                    met.lock().unwrap().push(one);
                }
            });
        }
        Self { port, met }
    }

    fn met(&self) -> Vec<Met> {
        self.met.lock().unwrap().clone()
    }
}

/// Answers one request with JSON.
fn serve(mut socket: TcpStream, config: &Arc<ServerConfig>) -> Met {
    let mut tls = ServerConnection::new(Arc::clone(config)).unwrap();
    while tls.is_handshaking() {
        if let Err(e) = tls.complete_io(&mut socket) {
            return Met::Refused(e.to_string());
        }
    }
    let name = tls.server_name().map(str::to_owned);
    let mut stream = StreamOwned::new(tls, socket);
    let mut header = Vec::new();
    while !header.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        // A client that does not like the certificate of TLS 1.3 says so only now.
        match stream.read(&mut byte) {
            Ok(1) => header.push(byte[0]),
            Ok(_) => break,
            Err(e) => return Met::Refused(e.to_string()),
        }
    }
    let body = r#"{"over":"tls"}"#;
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(answer.as_bytes());
    stream.conn.send_close_notify();
    let _ = stream.flush();
    Met::Asked(name, String::from_utf8(header).unwrap())
}

/// A gateway with one route, `/secure`, to a backend of this name and port; it trusts `authority` and nobody else.
fn gateway(plain: &Backend, authority: &Path, port: u16) -> Gateway {
    let text = config(
        plain.address,
        "  - { path: /secure, methods: [GET], scopes: [contacts:read], upstream: secure }\n",
    )
    .replace(
        "upstreams:\n",
        &format!("upstreams:\n  secure: {{ targets: [ {{ address: \"localhost:{port}\" }} ], tls: true, connect_timeout_ms: 10000 }}\n"),
    );
    let trusted = [("SSL_CERT_FILE", authority.to_str().unwrap())];
    Gateway::start_with_env(&text, &trusted)
}

#[test]
fn a_backend_with_a_certificate_of_its_name_is_asked_by_that_name_and_answers() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("the tests");
    let file = authority.write(folder.path());
    let (plain, secure) = (
        Backend::ok(),
        TlsBackend::start(&authority.issue("localhost")),
    );
    let g = gateway(&plain, &file, secure.port);
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    let r = g.get("/secure", &key);
    assert_eq!((r.status, r.text().as_str()), (200, r#"{"over":"tls"}"#));
    assert_eq!(r.header("x-fuelgate-error"), None);
    let met = eventually("it is met", LIMIT, || secure.met().pop());
    let Met::Asked(name, header) = met else {
        panic!("{met:?}")
    };
    assert_eq!(name.as_deref(), Some("localhost"));
    assert!(header.starts_with("GET /secure HTTP/1.1\r\n"), "{header}");
    let header = header.to_lowercase();
    assert!(header.contains("x-fuelgate-account: acct_1"), "{header}");
    // That is what TLS here must keep to itself.
    assert!(!header.contains(&key.to_lowercase()), "{header}");
    assert_eq!(secure.met().len(), 1);
    assert_eq!(plain.count(), 0);
}

#[test]
fn a_backend_that_cannot_prove_its_name_gets_no_request() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("the tests");
    let file = authority.write(folder.path());
    let stranger = Authority::new("the tests");
    let cases = [
        ("self-signed", Identity::self_signed("localhost")),
        ("of an authority nobody trusts", stranger.issue("localhost")),
        ("of another name", authority.issue("other.example")),
        ("expired", authority.issue_expired("localhost")),
    ];
    let plain = Backend::ok();
    for (what, identity) in cases {
        let secure = TlsBackend::start(&identity);
        let g = gateway(&plain, &file, secure.port);
        let (_, key) = g.key("acct_1", &["contacts:read"]);
        let r = g.get("/secure", &key);
        assert_eq!(r.status, 502, "{what}: {}", r.text());
        assert_eq!(r.header("x-fuelgate-error"), Some("upstream_unreachable"));
        assert_eq!(r.json()["code"], "upstream_unreachable", "{what}");
        let met = eventually("it is met", LIMIT, || {
            Some(secure.met()).filter(|met| !met.is_empty())
        });
        for one in met {
            let Met::Refused(why) = one else {
                panic!("{what}: {one:?}")
            };
            assert!(why.contains("alert"), "{what}: {why}");
        }
        let path = "/admin/v1/usage/summary?account_id=acct_1";
        let used = g.admin("GET", path, None).json()["hour"]["used"].clone();
        assert_eq!(used, 0, "{what}: nothing was sent");
    }
    assert_eq!(plain.count(), 0);
}

#[test]
fn an_online_check_names_the_target_that_does_not_answer() {
    let folder = tempfile::tempdir().unwrap();
    let backend = Backend::ok();
    // The near end of a connection: nobody listens there, and nobody else can take the port while it is open.
    let held = TcpStream::connect(backend.address).unwrap();
    let closed: SocketAddr = held.local_addr().unwrap();
    let file = folder.path().join("fuelgate.yaml");
    let text = config(backend.address, "")
        .replace(
            "upstreams:\n",
            &format!("upstreams:\n  gone: {{ targets: [ {{ address: \"{}\" }}, {{ address: \"{closed}\" }} ] }}\n", backend.address),
        )
        .replace("$DIR", folder.path().to_str().unwrap());
    std::fs::write(&file, text).unwrap();
    let check = |more: &[&str]| {
        let done = Command::new(env!("CARGO_BIN_EXE_fuelgate"))
            .args(["check", "--config"])
            .arg(&file)
            .args(more)
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (done.status.code(), text(done.stdout), text(done.stderr))
    };
    let (code, _, wrong) = check(&[]);
    assert_eq!((code, wrong.as_str()), (Some(0), ""), "the file is valid");
    let (code, good, wrong) = check(&["--online"]);
    assert_eq!(code, Some(1), "{good}{wrong}");
    let named = format!("upstreams.gone.targets[1] {closed}: cannot connect");
    assert!(wrong.contains(&named), "{wrong}");
    assert_eq!(wrong.lines().count(), 1, "nothing else is wrong: {wrong}");
    for there in ["upstreams.gone.targets[0]", "upstreams.crm.targets[0]"] {
        let line = format!("{there} {}: accepts connections", backend.address);
        assert!(good.contains(&line), "{line} in {good}");
    }
}
