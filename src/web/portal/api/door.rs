//! The port by which calls of the portal's pages reach the gateway; never what happens to them there.

use std::io;
use std::net::{IpAddr, SocketAddr};

use async_trait::async_trait;
use tokio::net::UnixStream;

/// Why no connection was opened.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// Whoever asks has as many as one source may have.
    #[error("as many calls of this source are under way as may be")]
    SourceFull,
    /// There is no room for another one now, or the gateway stops.
    #[error(transparent)]
    Io(io::Error),
}

/// Opens connections to the gateway from inside this process.
#[async_trait]
pub trait ApiDoor: Send + Sync {
    /// Opens a connection on behalf of `peer`, who speaks TLS to us or not: the gateway takes it as if they had come to one
    /// of its own listeners. `source` is whom it is counted for: the client behind a trusted proxy.
    ///
    /// # Errors
    /// [`DoorError`].
    async fn open(
        &self,
        peer: SocketAddr,
        source: IpAddr,
        tls: bool,
    ) -> Result<UnixStream, DoorError>;
}
