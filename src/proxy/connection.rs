//! What is known of one client connection for as long as it lives; never a request's state.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};

use http::HeaderValue;

/// One accepted connection, shared between its socket and the requests on it.
#[derive(Debug)]
pub struct Connection {
    /// The peer's address, IPv4-mapped IPv6 unwrapped.
    pub peer: SocketAddr,
    /// The peer's address as a header value.
    pub peer_text: HeaderValue,
    /// Whether the client speaks TLS to us.
    pub tls: bool,
    // Set while a request's header is awaited, read at every read of the socket: the time for a header is limited in
    // total, which Pingora's timeout per read does not do.
    awaits_header: AtomicBool,
}

impl Connection {
    /// A connection that was just accepted and awaits its first header.
    pub fn new(peer: SocketAddr, tls: bool) -> Self {
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        Self {
            peer,
            peer_text: address_value(peer.ip()),
            tls,
            awaits_header: AtomicBool::new(true),
        }
    }

    /// A request's header is awaited from now on.
    pub fn header_awaited(&self) {
        self.awaits_header.store(true, Ordering::Relaxed);
    }

    /// The header has arrived.
    pub fn header_arrived(&self) {
        self.awaits_header.store(false, Ordering::Relaxed);
    }

    /// Whether a header is awaited now.
    pub fn awaits_header(&self) -> bool {
        self.awaits_header.load(Ordering::Relaxed)
    }
}

/// An address as a header value.
pub fn address_value(ip: IpAddr) -> HeaderValue {
    HeaderValue::try_from(ip.to_string()).unwrap_or(HeaderValue::from_static("unknown"))
}
