//! A client's socket as Pingora takes it: plain or TLS, small writes gathered, the time for a header limited; never HTTP.

use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl,
    TimingDigest, UniqueID, UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufWriter, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;
use tokio_rustls::server::TlsStream;

use super::connection::Connection;
use crate::base::ceilings::{HEADER_TIME, WRITE_BUFFER_BYTES};

/// The bytes' way.
enum Transport {
    // Reads go straight into Pingora's own buffer; a header and a small body leave in one write.
    Plain(BufWriter<TcpStream>),
    Tls(Box<BufWriter<TlsStream<TcpStream>>>),
}

/// A client's socket.
pub struct ClientIo {
    transport: Transport,
    connection: Arc<Connection>,
    fd: UniqueIDType,
    digest: Arc<SocketDigest>,
    // Runs only while a header has come in part: a header that comes in one piece costs no timer.
    header_timer: Option<Pin<Box<Sleep>>>,
    header_begun: bool,
}

impl ClientIo {
    /// A plain-text connection.
    pub fn plain(stream: TcpStream, connection: Arc<Connection>) -> Self {
        let fd = stream.as_raw_fd();
        Self::new(
            Transport::Plain(BufWriter::with_capacity(WRITE_BUFFER_BYTES, stream)),
            connection,
            fd,
        )
    }

    /// A connection whose TLS handshake is done.
    pub fn tls(stream: TlsStream<TcpStream>, connection: Arc<Connection>) -> Self {
        let fd = stream.get_ref().0.as_raw_fd();
        let stream = BufWriter::with_capacity(WRITE_BUFFER_BYTES, stream);
        Self::new(Transport::Tls(Box::new(stream)), connection, fd)
    }

    fn new(transport: Transport, connection: Arc<Connection>, fd: UniqueIDType) -> Self {
        let digest = SocketDigest::from_raw_fd(fd);
        // A cell that was just made is empty.
        let _ = digest.peer_addr.set(Some(connection.peer.into()));
        Self {
            transport,
            connection,
            fd,
            digest: Arc::new(digest),
            header_timer: None,
            header_begun: false,
        }
    }

    /// The protocol that the TLS handshake chose.
    pub fn alpn(&self) -> Option<&[u8]> {
        match &self.transport {
            Transport::Plain(_) => None,
            Transport::Tls(s) => s.get_ref().get_ref().1.alpn_protocol(),
        }
    }

    /// Whether a header that began to come has taken too long; wakes the task when that happens.
    fn header_is_late(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.header_begun {
            return false;
        }
        self.header_timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(HEADER_TIME)))
            .as_mut()
            .poll(cx)
            .is_ready()
    }
}

fn late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the header did not arrive in time")
}

impl AsyncRead for ClientIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let awaits_header = self.connection.awaits_header();
        if !awaits_header && self.header_begun {
            self.header_begun = false;
            self.header_timer = None;
        }
        // A timer that runs was begun by a read that found nothing; dripping bytes do not stop it.
        if awaits_header && self.header_timer.is_some() && self.header_is_late(cx) {
            return Poll::Ready(Err(late()));
        }
        let before = buf.filled().len();
        let read = match &mut self.transport {
            Transport::Plain(s) => Pin::new(s).poll_read(cx, buf),
            Transport::Tls(s) => Pin::new(s.as_mut()).poll_read(cx, buf),
        };
        if awaits_header {
            match &read {
                Poll::Ready(Ok(())) if buf.filled().len() > before => self.header_begun = true,
                Poll::Pending if self.header_is_late(cx) => return Poll::Ready(Err(late())),
                _ => {}
            }
        }
        read
    }
}

impl AsyncWrite for ClientIo {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.transport {
            Transport::Plain(s) => Pin::new(s).poll_write(cx, buf),
            Transport::Tls(s) => Pin::new(s.as_mut()).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(s) => Pin::new(s).poll_flush(cx),
            Transport::Tls(s) => Pin::new(s.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(s) => Pin::new(s).poll_shutdown(cx),
            Transport::Tls(s) => Pin::new(s.as_mut()).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.transport {
            Transport::Plain(s) => Pin::new(s).poll_write_vectored(cx, bufs),
            Transport::Tls(s) => Pin::new(s.as_mut()).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.transport {
            Transport::Plain(s) => s.is_write_vectored(),
            Transport::Tls(s) => s.is_write_vectored(),
        }
    }
}

#[async_trait]
impl Shutdown for ClientIo {
    async fn shutdown(&mut self) {
        // The peer may be gone already; there is nobody to tell.
        let _ = AsyncWriteExt::shutdown(self).await;
    }
}

impl UniqueID for ClientIo {
    fn id(&self) -> UniqueIDType {
        self.fd
    }
}

impl Ssl for ClientIo {
    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.alpn().and_then(|p| match p {
            b"h2" => Some(ALPN::H2),
            b"http/1.1" => Some(ALPN::H1),
            _ => None,
        })
    }
}

impl GetTimingDigest for ClientIo {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for ClientIo {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        None
    }
}

impl GetSocketDigest for ClientIo {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        Some(self.digest.clone())
    }
}

#[async_trait]
impl Peek for ClientIo {}

impl fmt::Debug for ClientIo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientIo")
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;

    async fn pair() -> (TcpStream, ClientIo, Arc<Connection>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (socket, peer) = listener.accept().await.unwrap();
        let connection = Arc::new(Connection::new(peer, false));
        (
            client,
            ClientIo::plain(socket, connection.clone()),
            connection,
        )
    }

    // Time stands still and jumps to the next timer whenever nothing else is to be done.
    #[tokio::test(start_paused = true)]
    async fn a_header_that_drips_is_cut_off_in_total_not_per_read() {
        let (mut client, mut io, _) = pair().await;
        let begun = tokio::time::Instant::now();
        let drip = tokio::spawn(async move {
            loop {
                if client.write_all(b"x").await.is_err() {
                    return;
                }
                tokio::time::sleep(HEADER_TIME / 10).await;
            }
        });
        let mut buffer = [0; 64];
        let error = loop {
            match io.read(&mut buffer).await {
                Ok(n) => assert!(n > 0),
                Err(e) => break e,
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() < HEADER_TIME * 2);
        drip.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn once_the_header_has_arrived_a_body_may_take_its_time() {
        let (mut client, mut io, connection) = pair().await;
        let mut buffer = [0; 64];
        client.write_all(b"header").await.unwrap();
        assert!(io.read(&mut buffer).await.unwrap() > 0);
        connection.header_arrived();
        let late = tokio::time::timeout(HEADER_TIME * 3, io.read(&mut buffer)).await;
        assert!(late.is_err());
        client.write_all(b"body").await.unwrap();
        assert!(io.read(&mut buffer).await.unwrap() > 0);
    }
}
