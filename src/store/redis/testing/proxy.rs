//! A proxy in front of a server that delays, cuts and refuses; never one that understands what passes.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

/// What the proxy does to connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing: everything passes.
    None,
    /// Each piece of a reply waits this long.
    Delay(Duration),
    /// The next reply ends after so many bytes, then its connection is closed; afterwards everything passes.
    CutAfter(usize),
    /// Connections are closed as soon as they are made, and those there are as well.
    Refuse,
}

/// A running proxy on a port of its own. It runs on threads, so that no test's runtime slows it.
pub(crate) struct Proxy {
    /// Its port on 127.0.0.1.
    pub(crate) port: u16,
    state: Arc<State>,
}

struct State {
    target: u16,
    fault: Mutex<Fault>,
    open: Mutex<Vec<TcpStream>>,
    accepted: AtomicU64,
    /// Connections of an earlier epoch are wedged.
    epoch: AtomicU64,
}

impl Proxy {
    /// Starts a proxy to `target` on 127.0.0.1.
    pub(crate) fn start(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            target,
            fault: Mutex::new(Fault::None),
            open: Mutex::default(),
            accepted: AtomicU64::new(0),
            epoch: AtomicU64::new(0),
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                shared.accepted.fetch_add(1, Ordering::SeqCst);
                if let Ok(client) = client
                    && *shared.fault.lock() != Fault::Refuse
                {
                    State::join(&shared, client);
                }
            }
        });
        Self { port, state }
    }

    /// From now on does this to what passes.
    pub(crate) fn set(&self, fault: Fault) {
        *self.state.fault.lock() = fault;
        if fault == Fault::Refuse {
            self.cut_all();
        }
    }

    /// Closes every connection there is.
    pub(crate) fn cut_all(&self) {
        for stream in self.state.open.lock().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// From now on swallows all that is sent over the connections there are, as a network does that forgot them.
    pub(crate) fn wedge_all(&self) {
        self.state.epoch.fetch_add(1, Ordering::SeqCst);
    }

    /// Connections made through it so far.
    pub(crate) fn accepted(&self) -> u64 {
        self.state.accepted.load(Ordering::SeqCst)
    }
}

impl State {
    fn join(state: &Arc<Self>, client: TcpStream) {
        let Ok(server) = TcpStream::connect(("127.0.0.1", state.target)) else {
            return;
        };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let pairs = [
            (&client, &server, Self::forward as fn(&Self, _, _)),
            (&server, &client, Self::reply),
        ];
        for (from, to, pass) in pairs {
            let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else {
                return;
            };
            let state = Arc::clone(state);
            std::thread::spawn(move || pass(&state, from, to));
        }
        state.open.lock().extend([client, server]);
    }

    fn forward(&self, from: TcpStream, to: TcpStream) {
        self.pass(from, to, |_, bytes, to| to.write_all(bytes).is_ok());
    }

    fn reply(&self, from: TcpStream, to: TcpStream) {
        self.pass(from, to, |state, bytes, to| {
            let fault = *state.fault.lock();
            match fault {
                Fault::Delay(time) => std::thread::sleep(time),
                Fault::CutAfter(count) => {
                    *state.fault.lock() = Fault::None;
                    let _ = to.write_all(&bytes[..count.min(bytes.len())]);
                    return false;
                }
                Fault::None | Fault::Refuse => {}
            }
            to.write_all(bytes).is_ok()
        });
    }

    fn pass(
        &self,
        mut from: TcpStream,
        mut to: TcpStream,
        send: impl Fn(&Self, &[u8], &mut TcpStream) -> bool,
    ) {
        let mut buffer = [0; 16_384];
        let epoch = self.epoch.load(Ordering::SeqCst);
        loop {
            let count = match from.read(&mut buffer) {
                Ok(0) | Err(_) => break,
                Ok(count) => count,
            };
            if self.epoch.load(Ordering::SeqCst) != epoch {
                continue;
            }
            if !send(self, &buffer[..count], &mut to) {
                break;
            }
        }
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }
}
