//! A receiver of webhooks that misbehaves as its path says, one thread for thousands of connections; never a good example.
//!
//! The first segment of the path is what it does; whatever follows tells receivers apart (`/never/17`).
//!
//! | path | what the receiver does |
//! | --- | --- |
//! | `/ok` | 200, and keeps the connection |
//! | `/status/N` | that status, and keeps the connection |
//! | `/gone` | 410 |
//! | `/busy-date/S`, `/busy-seconds/S` | 429 with a `Retry-After` of S seconds, as a date or as a number |
//! | `/redirect-metadata` | 302 to a metadata address |
//! | `/redirect-here` | 307 to its own `/ok` |
//! | `/never` | takes the request and never answers |
//! | `/drip-header` | a byte of an endless header now and then |
//! | `/drip` | a header with 200, then a byte of the body now and then |
//! | `/continue` | endless interim responses |
//! | `/endless` | 200 and a body that never ends |
//! | `/long-header` | a header of many megabytes |
//! | `/reset` | resets the connection before an answer |
//! | `/reset-after-headers` | 200 with the beginning of a body, then resets the connection |
//! | `/short` | 200 with less of a body than it says, then closes |
//! | `/bad-length` | 200 with a length that is no number |
//! | `/not-http` | the greeting of another protocol |

pub mod certificates;
pub mod dns;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use certificates::Identity;

/// Pause between two bytes of a drip.
const DRIP: Duration = Duration::from_millis(50);

/// Most of one request's header and body.
const MOST: usize = 1_048_576;

/// One request, and how it ended.
#[derive(Debug, Clone)]
pub struct Visit {
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Which connection it came on, counted from 0.
    pub connection: usize,
    pub at: SystemTime,
    /// Bytes of the answer that could be written so far.
    pub sent: usize,
    /// How long after the request the exchange was over: answered whole, or the connection was closed by either side.
    pub over: Option<Duration>,
}

impl Visit {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

#[derive(Default)]
struct Seen {
    visits: Mutex<Vec<Visit>>,
    accepted: AtomicUsize,
    open: AtomicUsize,
}

/// The receiver; stops when dropped, and all its connections with it.
pub struct Hostile {
    pub address: SocketAddr,
    seen: Arc<Seen>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

#[derive(Clone)]
enum Manner {
    Plain,
    Tls(TlsAcceptor),
    /// Accepts and then neither reads nor writes.
    Mute,
    /// Does not even accept, and has no room for a connection that waits.
    Deaf,
}

impl Hostile {
    /// A receiver on a free loopback port.
    pub fn start() -> Self {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    /// The same on an address of the test's.
    pub fn start_at(address: SocketAddr) -> Self {
        Self::run(address, Manner::Plain)
    }

    /// One that speaks TLS with this certificate.
    pub fn start_tls(identity: &Identity) -> Self {
        let acceptor = TlsAcceptor::from(identity.server());
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self::run(address, Manner::Tls(acceptor))
    }

    /// One that takes connections and is silent, so that no TLS handshake ends and no request is read.
    pub fn start_mute() -> Self {
        Self::run(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), Manner::Mute)
    }

    /// One that connections to it are never made.
    pub fn start_deaf() -> Self {
        Self::run(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), Manner::Deaf)
    }

    fn run(address: SocketAddr, manner: Manner) -> Self {
        allow_many_descriptors();
        let seen = Arc::new(Seen::default());
        let (stop, stopped) = oneshot::channel();
        let (bound, ready) = std::sync::mpsc::channel();
        let log = Arc::clone(&seen);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = listen(address, &manner).unwrap();
                let address = listener.local_addr().unwrap();
                let _waiting = match manner {
                    Manner::Deaf => fill(address).await,
                    _ => Vec::new(),
                };
                bound.send(address).unwrap();
                tokio::select! {
                    _ = stopped => {}
                    () = accept(listener, manner, log) => {}
                }
            });
        });
        Self {
            address: ready.recv().unwrap(),
            seen,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// A URL of this receiver, by its address.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The requests so far whose path begins with `path`.
    pub fn visits(&self, path: &str) -> Vec<Visit> {
        let all = self.seen.visits.lock().unwrap();
        let found = all.iter().filter(|v| v.path.starts_with(path));
        found.cloned().collect()
    }

    /// How many there are.
    pub fn count(&self, path: &str) -> usize {
        let all = self.seen.visits.lock().unwrap();
        all.iter().filter(|v| v.path.starts_with(path)).count()
    }

    /// Forgets the requests so far whose exchange is over.
    pub fn forget(&self) {
        let mut all = self.seen.visits.lock().unwrap();
        assert!(all.iter().all(|v| v.over.is_some()), "one is under way");
        all.clear();
    }

    /// Connections that were made so far.
    pub fn accepted(&self) -> usize {
        self.seen.accepted.load(Ordering::SeqCst)
    }

    /// Connections that are open now.
    pub fn open(&self) -> usize {
        self.seen.open.load(Ordering::SeqCst)
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// As many open files as the system lets this process have: a connection takes one on either side.
fn allow_many_descriptors() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}

fn listen(address: SocketAddr, manner: &Manner) -> io::Result<TcpListener> {
    let socket = match address.ip() {
        IpAddr::V4(_) => TcpSocket::new_v4()?,
        IpAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(match manner {
        Manner::Deaf => 1,
        _ => 4_096,
    })
}

/// Connects until there is no more room to wait in.
async fn fill(address: SocketAddr) -> Vec<TcpStream> {
    let mut waiting = Vec::new();
    let limit = Duration::from_millis(300);
    while let Ok(Ok(stream)) = tokio::time::timeout(limit, TcpStream::connect(address)).await {
        waiting.push(stream);
    }
    waiting
}

async fn accept(listener: TcpListener, manner: Manner, seen: Arc<Seen>) {
    if matches!(manner, Manner::Deaf) {
        return std::future::pending().await;
    }
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(DRIP).await;
            continue;
        };
        let connection = seen.accepted.fetch_add(1, Ordering::SeqCst);
        let (manner, seen) = (manner.clone(), Arc::clone(&seen));
        tokio::spawn(async move {
            seen.open.fetch_add(1, Ordering::SeqCst);
            let _ = stream.set_nodelay(true);
            let _ = match manner {
                Manner::Plain => serve(stream, connection, &seen).await,
                Manner::Tls(acceptor) => match acceptor.accept(stream).await {
                    Ok(stream) => serve(stream, connection, &seen).await,
                    Err(error) => Err(error),
                },
                Manner::Mute | Manner::Deaf => until_closed(stream).await,
            };
            seen.open.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

/// Takes no notice of what comes until the other side has closed.
async fn until_closed(mut stream: impl AsyncRead + Unpin) -> io::Result<()> {
    let mut ignored = [0; 4_096];
    while stream.read(&mut ignored).await? > 0 {}
    Ok(())
}

trait Wire: AsyncRead + AsyncWrite + Unpin {
    fn tcp(&self) -> &TcpStream;
}

impl Wire for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Wire for tokio_rustls::server::TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

async fn serve(mut stream: impl Wire, connection: usize, seen: &Seen) -> io::Result<()> {
    let mut unread = Vec::new();
    while let Some(visit) = read_request(&mut stream, &mut unread, connection).await? {
        let (path, began) = (visit.path.clone(), Instant::now());
        let number = {
            let mut visits = seen.visits.lock().unwrap();
            visits.push(visit);
            visits.len() - 1
        };
        let note = |change: &dyn Fn(&mut Visit)| {
            if let Some(visit) = seen.visits.lock().unwrap().get_mut(number) {
                change(visit);
            }
        };
        let mut answer = Answer {
            stream: &mut stream,
            sent: &|n| note(&|v| v.sent += n),
        };
        let result = answer.give(&path).await;
        note(&|v| v.over = Some(began.elapsed()));
        if !result? {
            return Ok(());
        }
    }
    Ok(())
}

async fn read_request(
    stream: &mut impl Wire,
    unread: &mut Vec<u8>,
    connection: usize,
) -> io::Result<Option<Visit>> {
    let header_end = loop {
        if let Some(at) = unread.windows(4).position(|w| w == b"\r\n\r\n") {
            break at;
        }
        if unread.len() > MOST || stream.read_buf(unread).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&unread[..header_end]).into_owned();
    let mut lines = head.split("\r\n");
    let path = lines.next().and_then(|l| l.split(' ').nth(1)).unwrap_or("");
    let headers: Vec<(String, String)> = lines
        .filter_map(|l| l.split_once(':'))
        .map(|(n, v)| (n.to_owned(), v.trim().to_owned()))
        .collect();
    let mut visit = Visit {
        path: path.to_owned(),
        headers,
        body: Vec::new(),
        connection,
        at: SystemTime::now(),
        sent: 0,
        over: None,
    };
    let length = visit.header("content-length").map_or(Ok(0), str::parse);
    let end = header_end + 4 + length.unwrap_or(MOST).min(MOST);
    while unread.len() < end {
        if stream.read_buf(unread).await? == 0 {
            return Ok(None);
        }
    }
    visit.body = unread[header_end + 4..end].to_vec();
    unread.drain(..end);
    visit.at = SystemTime::now();
    Ok(Some(visit))
}

struct Answer<'a, S> {
    stream: &'a mut S,
    sent: &'a (dyn Fn(usize) + Sync),
}

impl<S: Wire> Answer<'_, S> {
    /// Answers as the path says; whether another request may follow on the connection.
    async fn give(&mut self, path: &str) -> io::Result<bool> {
        let mut words = path.trim_start_matches('/').split(['/', '?']);
        let behaviour = words.next().unwrap_or("");
        let number: u64 = words.next().and_then(|w| w.parse().ok()).unwrap_or(120);
        match behaviour {
            "ok" => self.reply("200 OK", "").await?,
            "status" => self.reply(&format!("{number} Status"), "").await?,
            "gone" => self.reply("410 Gone", "").await?,
            "busy-seconds" => {
                let field = format!("Retry-After: {number}\r\n");
                self.reply("429 Too Many Requests", &field).await?;
            }
            "busy-date" => {
                let at = SystemTime::now() + Duration::from_secs(number);
                let field = format!("Retry-After: {}\r\n", httpdate::fmt_http_date(at));
                self.reply("429 Too Many Requests", &field).await?;
            }
            "redirect-metadata" => {
                let field = "Location: http://169.254.169.254/latest/meta-data/\r\n";
                self.reply("302 Found", field).await?;
            }
            "redirect-here" => {
                self.reply("307 Temporary Redirect", "Location: /ok/redirected\r\n")
                    .await?;
            }
            _ => {
                self.misbehave(behaviour).await?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What ends the connection, if the other side does not do so first.
    async fn misbehave(&mut self, behaviour: &str) -> io::Result<()> {
        const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        match behaviour {
            "never" => until_closed(&mut *self.stream).await,
            "drip-header" => {
                self.write(b"HTTP/1.1 200 OK\r\nX-Slow: ").await?;
                self.repeat(b"a", DRIP).await
            }
            "drip" => {
                self.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
                    .await?;
                self.repeat(b"a", DRIP).await
            }
            "continue" => {
                self.repeat(b"HTTP/1.1 100 Continue\r\n\r\n", DRIP / 10)
                    .await
            }
            "endless" => {
                self.write(CHUNKED.as_bytes()).await?;
                let mut chunk = b"4000\r\n".to_vec();
                chunk.resize(chunk.len() + 0x4000, b'x');
                chunk.extend_from_slice(b"\r\n");
                self.repeat(&chunk, Duration::ZERO).await
            }
            "long-header" => {
                self.write(b"HTTP/1.1 200 OK\r\n").await?;
                for n in 0..200 {
                    let value = "v".repeat(65_536);
                    self.write(format!("X-Long-{n}: {value}\r\n").as_bytes())
                        .await?;
                }
                self.write(b"Content-Length: 0\r\n\r\n").await
            }
            "reset" => self.stream.tcp().set_zero_linger(),
            "reset-after-headers" => {
                self.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegun")
                    .await?;
                // Time for the other side to see that much of it.
                tokio::time::sleep(DRIP * 2).await;
                self.stream.tcp().set_zero_linger()
            }
            "short" => {
                self.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegun")
                    .await
            }
            "bad-length" => {
                self.write(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n")
                    .await
            }
            "not-http" => self.write(b"SSH-2.0-OpenSSH_9.6\r\n").await,
            _ => self.reply("404 Not Found", "Connection: close\r\n").await,
        }
    }

    async fn reply(&mut self, status: &str, fields: &str) -> io::Result<()> {
        let text = format!("HTTP/1.1 {status}\r\n{fields}Content-Length: 5\r\n\r\nreply");
        self.write(text.as_bytes()).await
    }

    async fn repeat(&mut self, bytes: &[u8], pause: Duration) -> io::Result<()> {
        loop {
            self.write(bytes).await?;
            if pause.is_zero() {
                // Other connections have their turn.
                tokio::task::yield_now().await;
            } else {
                tokio::time::sleep(pause).await;
            }
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await?;
        (self.sent)(bytes.len());
        Ok(())
    }
}
