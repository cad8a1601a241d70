//! The port by which calls of the portal's pages reach the gateway; never what happens to them there.

use std::io;
use std::net::SocketAddr;

use async_trait::async_trait;
use tokio::net::UnixStream;

/// Opens connections to the gateway from inside this process.
#[async_trait]
pub trait ApiDoor: Send + Sync {
    /// Opens a connection on behalf of `peer`, who speaks TLS to us or not: the gateway takes it as if they had come to one
    /// of its own listeners.
    ///
    /// # Errors
    /// There is no room for another one now, or the gateway stops.
    async fn open(&self, peer: SocketAddr, tls: bool) -> io::Result<UnixStream>;
}
