//! A small HTTP/1.1 upstream that records what it gets and answers as its path says; never used outside tests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::AsyncBufReadExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    /// The values of a field, joined.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let all: Vec<_> = self
            .headers
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
            .collect();
        (!all.is_empty()).then(|| all.join(", "))
    }
}

/// The upstream.
#[derive(Clone)]
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<AtomicUsize>,
}

impl Upstream {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
            connections: Arc::default(),
        };
        let (seen, connections) = (upstream.seen.clone(), upstream.connections.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, seen.clone()));
            }
        });
        upstream
    }

    /// What arrived so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().clone()
    }

    /// Connections that were made to it so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The last that arrived.
    pub(crate) fn last(&self) -> Seen {
        self.seen.lock().last().cloned().unwrap()
    }
}

async fn serve(stream: TcpStream, seen: Arc<Mutex<Vec<Seen>>>) {
    let mut io = BufReader::new(stream);
    let mut served = 0;
    while let Some(request) = read(&mut io).await {
        let answer = answer(&request);
        let path = request.target.clone();
        seen.lock().push(request);
        match path.split('?').next().unwrap() {
            p if p.ends_with("/silent") => std::future::pending().await,
            p if p.ends_with("/cut") => {
                // Half a body, then the end of the connection.
                let _ = io
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
                    .await;
                return;
            }
            p if p.ends_with("/gone") => return,
            // As where a kept connection ends just when it is used again.
            p if p.ends_with("/tired") && served > 0 => return,
            p if p.ends_with("/late") => tokio::time::sleep(Duration::from_millis(50)).await,
            p if p.ends_with("/nonsense") => {
                let _ = io.write_all(b"nonsense\r\n\r\n").await;
                return;
            }
            _ => {}
        }
        if io.write_all(&answer).await.is_err() {
            return;
        }
        served += 1;
    }
}

/// Fields that the gateway sets as well.
const OWN: &str = "X-REQUEST-ID: upstream\r\nratelimit: \"upstream\";r=1\r\nRateLimit-Policy: \"upstream\";q=1\r\n";

fn answer(request: &Seen) -> Vec<u8> {
    let path = request.target.split('?').next().unwrap();
    let (status, extra) = match path.rsplit('/').next().unwrap() {
        "created" | "late" => ("201 Created", "location: /v1/contacts/c1\r\n"),
        "nothing" => return b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
        "missing" => ("404 Not Found", ""),
        "early" => return b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}".to_vec(),
        _ => ("200 OK", ""),
    };
    let body = "{\"id\":\"c1\"}";
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nx-fuelgate-error: spoofed\r\n{OWN}{extra}content-length: {}\r\n\r\n{}",
        body.len(),
        if request.method == "HEAD" { "" } else { body },
    )
    .into_bytes()
}

async fn read(io: &mut BufReader<TcpStream>) -> Option<Seen> {
    let mut line = String::new();
    io.read_line(&mut line).await.ok().filter(|n| *n > 0)?;
    let mut parts = line.split_whitespace();
    let (method, target) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        io.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut request = Seen {
        method,
        target,
        headers,
        body: Vec::new(),
    };
    if let Some(length) = request.get("content-length") {
        request.body = vec![0; length.parse().ok()?];
        io.read_exact(&mut request.body).await.ok()?;
    } else if request.get("transfer-encoding").is_some() {
        read_chunks(io, &mut request.body).await?;
    }
    Some(request)
}

async fn read_chunks(io: &mut BufReader<TcpStream>, body: &mut Vec<u8>) -> Option<()> {
    loop {
        let mut line = String::new();
        io.read_line(&mut line).await.ok().filter(|n| *n > 0)?;
        let size = usize::from_str_radix(line.trim(), 16).ok()?;
        let mut chunk = vec![0; size + 2];
        io.read_exact(&mut chunk).await.ok()?;
        if size == 0 {
            return Some(());
        }
        body.extend_from_slice(&chunk[..size]);
    }
}
