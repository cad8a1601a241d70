//! What is known of one client connection for as long as it lives; never a request's state.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use std::time::Duration;

use http::HeaderValue;
use parking_lot::Mutex;

use crate::base::ceilings::{HEADER_TIME, KEEPALIVE_IDLE};

/// One accepted connection, shared between its socket and the requests on it.
#[derive(Debug)]
pub struct Connection {
    /// The peer's address, IPv4-mapped IPv6 unwrapped.
    pub peer: SocketAddr,
    /// The peer's address as a header value.
    pub peer_text: HeaderValue,
    /// Whether the client speaks TLS to us.
    pub tls: bool,
    // Odd while a request's header is awaited, another number for each. Read at every read of the socket: the time for a
    // header is limited in total, which Pingora's timeout per read does not do.
    phase: AtomicU32,
    /// Whether a request has come on it before.
    used: AtomicBool,
    has_fields: AtomicBool,
    // Written by a request before its response's header leaves, taken by the socket that writes it: one task.
    fields: Mutex<Vec<u8>>,
}

impl Connection {
    /// A connection that was just accepted and awaits its first header.
    pub fn new(peer: SocketAddr, tls: bool) -> Self {
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        Self {
            peer,
            peer_text: address_value(peer.ip()),
            tls,
            phase: AtomicU32::new(1),
            used: AtomicBool::new(false),
            has_fields: AtomicBool::new(false),
            fields: Mutex::default(),
        }
    }

    /// A request's header is awaited from now on.
    pub fn header_awaited(&self) {
        self.forget_fields();
        if !self.awaits_header() {
            self.phase.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The header has arrived.
    pub fn header_arrived(&self) {
        self.used.store(true, Ordering::Relaxed);
        if self.awaits_header() {
            self.phase.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How long the client may be silent before a request: a new connection is there to be used.
    pub fn silence(&self) -> Duration {
        if self.used.load(Ordering::Relaxed) {
            KEEPALIVE_IDLE
        } else {
            HEADER_TIME
        }
    }

    /// Has lines added to the next final response's header on its way out, in HTTP/1. `write` writes whole lines with
    /// their ends.
    ///
    /// Adding fields to Pingora's own map of a response cost more than everything that admission does: each is hashed and
    /// stored twice, for its spelling too, and each name of ours is allocated twice.
    pub fn add_fields(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut fields = self.fields.lock();
        fields.clear();
        write(&mut fields);
        self.has_fields.store(!fields.is_empty(), Ordering::Relaxed);
    }

    fn forget_fields(&self) {
        self.has_fields.store(false, Ordering::Relaxed);
    }

    /// Appends `header`, a response's header as it is written, with the waiting lines in it to `out`; whether there were
    /// any and `header` is one that takes them.
    pub fn with_fields(&self, header: &[u8], out: &mut Vec<u8>) -> bool {
        if !self.has_fields.load(Ordering::Relaxed) {
            return false;
        }
        let Some(head) = header.strip_suffix(b"\r\n").filter(|h| is_final(h)) else {
            return false;
        };
        self.forget_fields();
        out.extend_from_slice(head);
        out.extend_from_slice(&self.fields.lock());
        out.extend_from_slice(b"\r\n");
        true
    }

    /// A number for what the connection is at: each header that is awaited has its own.
    pub fn phase(&self) -> u32 {
        self.phase.load(Ordering::Relaxed)
    }

    /// Whether a header is awaited now.
    pub fn awaits_header(&self) -> bool {
        self.phase() % 2 == 1
    }
}

/// Whether this is a response's header without its last line end, and not a 1xx, which is no answer yet.
fn is_final(head: &[u8]) -> bool {
    head.starts_with(b"HTTP/1.") && head.get(9) != Some(&b'1') && head.ends_with(b"\r\n")
}

/// An address as a header value.
pub fn address_value(ip: IpAddr) -> HeaderValue {
    HeaderValue::try_from(ip.to_string()).unwrap_or(HeaderValue::from_static("unknown"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> Connection {
        Connection::new(([192, 0, 2, 1], 5000).into(), false)
    }

    fn sent(c: &Connection, header: &[u8]) -> Option<String> {
        let mut out = Vec::new();
        c.with_fields(header, &mut out)
            .then(|| String::from_utf8(out).unwrap())
    }

    #[test]
    fn lines_go_into_the_next_final_header_and_into_no_other() {
        let c = connection();
        let header = b"HTTP/1.1 200 OK\r\nA: 1\r\n\r\n";
        assert_eq!(sent(&c, header), None);
        c.add_fields(|out| out.extend_from_slice(b"B: 2\r\n"));
        assert_eq!(sent(&c, b"HTTP/1.1 103 Early Hints\r\nA: 1\r\n\r\n"), None);
        assert_eq!(sent(&c, b"a body that ends so\r\n\r\n"), None);
        assert_eq!(
            sent(&c, header).unwrap(),
            "HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\n\r\n"
        );
        assert_eq!(sent(&c, header), None);
    }

    #[test]
    fn lines_for_an_answer_that_never_left_are_forgotten_with_it() {
        let c = connection();
        let header = b"HTTP/1.1 200 OK\r\n\r\n";
        c.add_fields(|out| out.extend_from_slice(b"B: 2\r\n"));
        c.header_awaited();
        assert_eq!(sent(&c, header), None);
    }

    #[test]
    fn a_connection_that_was_used_may_be_silent_for_longer() {
        let c = connection();
        assert_eq!(c.silence(), HEADER_TIME);
        c.header_arrived();
        c.header_awaited();
        assert_eq!(c.silence(), KEEPALIVE_IDLE);
    }
}
