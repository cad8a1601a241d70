//! Bodies pass in parts: the first is there while the last does not exist yet, in both directions; never what a body says.

use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Version;
use http_body::{Frame, SizeHint};
use reqwest::{Client, RequestBuilder, Response};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use crate::support::gateway::{Gateway, config};
use crate::support::hostile::certificates::Identity;

/// Far more than a part takes to pass; a gateway that waits for the whole body never passes it.
const LIMIT: Duration = Duration::from_secs(20);

/// So often is the first part of an answer with a length repeated: a quarter of a mebibyte.
const LONG: usize = 24_000;

/// A POST with a rule, whose bodies are copied on their way, and one without.
const MORE: &str =
    "  - { path: /v1/plain, methods: [POST], scopes: [contacts:write], upstream: crm }
events:
  - { type: contact.created, route: { method: POST, path: /v1/contacts }, status: [201] }
";

/// A backend that tells every byte as it comes and says what it is told to, when it is told to.
struct Puppet {
    address: SocketAddr,
    heard: UnboundedReceiver<Vec<u8>>,
    unread: Vec<u8>,
    /// The connection that was made last.
    latest: Arc<Mutex<Option<TcpStream>>>,
}

impl Puppet {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, heard) = unbounded_channel();
        let latest = Arc::new(Mutex::new(None));
        let place = Arc::clone(&latest);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                *place.lock().unwrap() = Some(stream.try_clone().unwrap());
                let tell = tell.clone();
                std::thread::spawn(move || tell_all(stream, &tell));
            }
        });
        Self {
            address,
            heard,
            unread: Vec::new(),
            latest,
        }
    }

    /// Waits until `text` has come, and gives everything since the last time, with it.
    async fn hear(&mut self, text: &str) -> String {
        loop {
            let windows = &mut self.unread.windows(text.len());
            if let Some(at) = windows.position(|w| w == text.as_bytes()) {
                let all: Vec<u8> = self.unread.drain(..at + text.len()).collect();
                return String::from_utf8(all).unwrap();
            }
            let Ok(Some(more)) = timeout(LIMIT, self.heard.recv()).await else {
                let unread = String::from_utf8_lossy(&self.unread);
                panic!("the backend has no {text:?}, only {unread:?}");
            };
            self.unread.extend(more);
        }
    }

    fn say(&self, text: &str) {
        let latest = self.latest.lock().unwrap();
        latest.as_ref().unwrap().write_all(text.as_bytes()).unwrap();
    }
}

fn tell_all(mut stream: TcpStream, tell: &UnboundedSender<Vec<u8>>) {
    let mut chunk = [0; 4096];
    while let Ok(n @ 1..) = stream.read(&mut chunk) {
        let _ = tell.send(chunk[..n].to_vec());
    }
}

/// A body whose parts come when they are sent; with a length it says so ahead.
struct Parts {
    parts: UnboundedReceiver<Bytes>,
    length: Option<u64>,
}

impl http_body::Body for Parts {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let part = self.parts.poll_recv(cx);
        part.map(|part| part.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn size_hint(&self) -> SizeHint {
        self.length
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

struct Bench {
    backend: Puppet,
    g: Gateway,
    client: Client,
    key: String,
    base: String,
    version: Version,
    _folder: tempfile::TempDir,
}

impl Bench {
    /// A gateway, and a client that speaks `version` to its listener `what`, which is named like the scheme.
    fn start(what: &str, version: Version) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let backend = Puppet::start();
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = Identity::self_signed("localhost").write(folder.path());
        let tls = format!(
            "  - address: 127.0.0.1:0\n  - address: 127.0.0.1:0\n    tls: {{ certificate: {}, private_key: {} }}\n",
            certificate.display(),
            key.display()
        );
        let g = Gateway::start(
            &config(backend.address, MORE).replace("  - address: 127.0.0.1:0\n", &tls),
        );
        let (_, key) = g.key("acct_1", &["contacts:read", "contacts:write"]);
        let client = Client::builder()
            .no_proxy()
            .danger_accept_invalid_certs(true);
        // Without it the two choose HTTP/2 by ALPN.
        let client = match version {
            Version::HTTP_11 => client.http1_only(),
            _ => client,
        };
        Self {
            backend,
            client: client.build().unwrap(),
            key,
            base: format!("{what}://{}", g.listener(what)),
            g,
            version,
            _folder: folder,
        }
    }

    fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.client
            .request(method.parse().unwrap(), format!("{}{path}", self.base))
            .bearer_auth(&self.key)
            .header("content-type", "application/json")
    }

    fn sent(&self, request: RequestBuilder) -> tokio::task::JoinHandle<Response> {
        let version = self.version;
        tokio::spawn(async move {
            let response = timeout(LIMIT, request.send()).await;
            let response = response.expect("an answer in time").unwrap();
            assert_eq!(response.version(), version);
            response
        })
    }

    /// The backend has read the first part of an upload when the last is sent.
    async fn upload(&mut self, path: &str, is_length_known: bool) {
        let (send, parts) = unbounded_channel();
        let length = is_length_known.then_some("first-part;last-part".len() as u64);
        let body = reqwest::Body::wrap(Parts { parts, length });
        let answer = self.sent(self.request("POST", path).body(body));
        let head = self.backend.hear("\r\n\r\n").await.to_lowercase();
        assert!(head.contains("x-fuelgate-account: acct_1"), "{head}");
        assert_eq!(
            head.contains("content-length: 20"),
            is_length_known,
            "{head}"
        );
        send.send(Bytes::from_static(b"first-part;")).unwrap();
        self.backend.hear("first-part;").await;
        assert!(!answer.is_finished());
        send.send(Bytes::from_static(b"last-part")).unwrap();
        drop(send);
        self.backend.hear("last-part").await;
        if !is_length_known {
            self.backend.hear("0\r\n\r\n").await;
        }
        let reply = "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{\"id\":\"c\"}";
        self.backend.say(reply);
        let answer = answer.await.unwrap();
        assert_eq!(answer.status(), 201);
        assert_eq!(answer.text().await.unwrap(), "{\"id\":\"c\"}");
    }

    /// The client has the first part of an answer when the last is sent.
    async fn download(&mut self, method: &str, is_length_known: bool) {
        let answer = self.sent(self.request(method, "/v1/contacts"));
        let head = self.backend.hear("\r\n\r\n").await.to_lowercase();
        assert!(head.contains("x-fuelgate-account: acct_1"), "{head}");
        // What has a length is no conversation: what fills no packet may wait for more, and what is half a record of TLS.
        let (first, last, may_wait) = if is_length_known {
            ("first-part;".repeat(LONG), "last-part".to_owned(), 18_000)
        } else {
            ("first-part;".to_owned(), "last-part".to_owned(), 0)
        };
        let whole = format!("{first}{last}");
        let framing = if is_length_known {
            format!("Content-Length: {}", whole.len())
        } else {
            "Transfer-Encoding: chunked".to_owned()
        };
        let framed = |part: &str| match is_length_known {
            true => part.to_owned(),
            false => format!("{:x}\r\n{part}\r\n", part.len()),
        };
        self.backend.say(&format!(
            "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n{framing}\r\n\r\n{}",
            framed(&first)
        ));
        let mut answer = answer.await.unwrap();
        assert_eq!(answer.status(), 201);
        assert_eq!(answer.content_length().is_some(), is_length_known);
        let mut got = Vec::new();
        while got.len() + may_wait < first.len() {
            got.extend(part(&mut answer).await.expect("the first part"));
        }
        assert!(first.as_bytes().starts_with(&got));
        self.backend.say(&framed(&last));
        if !is_length_known {
            self.backend.say("0\r\n\r\n");
        }
        while let Some(part) = part(&mut answer).await {
            got.extend(part);
        }
        assert!(got == whole.as_bytes(), "{} bytes", got.len());
    }
}

/// What comes next of an answer's body; HTTP/2 may end one with an empty frame.
async fn part(answer: &mut Response) -> Option<Bytes> {
    loop {
        let part = timeout(LIMIT, answer.chunk()).await;
        let part = part.expect("a part of the answer in time").unwrap();
        if part.as_ref().is_none_or(|p| !p.is_empty()) {
            return part;
        }
    }
}

async fn uploads(what: &str, version: Version) {
    let mut b = Bench::start(what, version);
    for path in ["/v1/plain", "/v1/contacts"] {
        b.upload(path, false).await;
        b.upload(path, true).await;
    }
    is_metered(&b, 4);
}

async fn downloads(what: &str, version: Version) {
    let mut b = Bench::start(what, version);
    for method in ["GET", "POST"] {
        b.download(method, false).await;
        b.download(method, true).await;
    }
    is_metered(&b, 4);
}

/// The requests were the key's: each has counted.
fn is_metered(b: &Bench, requests: u64) {
    let path = "/admin/v1/usage/summary?account_id=acct_1";
    crate::support::eventually("the requests are counted", LIMIT, || {
        let used = b.g.admin("GET", path, None).json()["hour"]["used"].as_u64();
        (used == Some(requests)).then_some(())
    });
}

#[tokio::test]
async fn an_uploads_first_part_passes_before_its_last_over_http_1() {
    uploads("http", Version::HTTP_11).await;
    uploads("https", Version::HTTP_11).await;
}

#[tokio::test]
async fn an_uploads_first_part_passes_before_its_last_over_http_2() {
    uploads("https", Version::HTTP_2).await;
}

#[tokio::test]
async fn an_answers_first_part_passes_before_its_last_over_http_1() {
    downloads("http", Version::HTTP_11).await;
    downloads("https", Version::HTTP_11).await;
}

#[tokio::test]
async fn an_answers_first_part_passes_before_its_last_over_http_2() {
    downloads("https", Version::HTTP_2).await;
}
