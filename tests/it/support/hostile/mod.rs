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

mod answers;
pub mod certificates;
pub mod dns;
pub mod http2;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use answers::serve;
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
        let acceptor = TlsAcceptor::from(identity.server(&[]));
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
