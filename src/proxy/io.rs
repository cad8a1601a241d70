//! A client's socket as Pingora takes it: plain, TLS or from inside, small writes gathered, our fields put in, waiting limited; never a request's rule.

use std::fmt;
use std::io;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl,
    TimingDigest, UniqueID, UniqueIDType,
};
use pingora::proxy::Session;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufWriter, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::server::TlsStream;

use super::connection::Connection;
use super::waiting::Waiting;
use crate::base::ceilings::WRITE_BUFFER_BYTES;

/// The bytes' way.
enum Transport {
    // Reads go straight into Pingora's own buffer; a header and a small body leave in one write.
    Plain(BufWriter<TcpStream>),
    Tls(Box<BufWriter<TlsStream<TcpStream>>>),
    Inner(BufWriter<UnixStream>),
}

/// A client's socket.
pub struct ClientIo {
    transport: Transport,
    connection: Arc<Connection>,
    fd: UniqueIDType,
    digest: Arc<SocketDigest>,
    waiting: Waiting,
    /// A response's header that our fields were put in, and how much of it the transport has.
    header: Vec<u8>,
    header_sent: usize,
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

    /// A connection from inside this process, whose [`Connection`] says who is at its far end.
    pub fn inner(stream: UnixStream, connection: Arc<Connection>) -> Self {
        let fd = stream.as_raw_fd();
        Self::new(
            Transport::Inner(BufWriter::with_capacity(WRITE_BUFFER_BYTES, stream)),
            connection,
            fd,
        )
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
            waiting: Waiting::default(),
            header: Vec::new(),
            header_sent: 0,
        }
    }

    /// The socket of an HTTP/1 session. It is at hand there, so that no request has to carry a share of it.
    pub fn of(session: &Session) -> Option<&Self> {
        let stream = session.as_downstream().as_http1()?.stream();
        (**stream).as_any().downcast_ref()
    }

    /// What is known of the connection.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The protocol that the TLS handshake chose.
    pub fn alpn(&self) -> Option<&[u8]> {
        match &self.transport {
            Transport::Plain(_) | Transport::Inner(_) => None,
            Transport::Tls(s) => s.get_ref().get_ref().1.alpn_protocol(),
        }
    }

    /// Gives the transport what is left of a header that was put together here.
    fn poll_header(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self
            .header
            .get(self.header_sent..)
            .filter(|r| !r.is_empty())
        {
            let sent = ready!(self.transport.write(cx, rest))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.header_sent += sent;
        }
        self.header.clear();
        self.header_sent = 0;
        Poll::Ready(Ok(()))
    }
}

impl Transport {
    fn write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(s) => Pin::new(s).poll_write(cx, buf),
            Self::Tls(s) => Pin::new(s.as_mut()).poll_write(cx, buf),
            Self::Inner(s) => Pin::new(s).poll_write(cx, buf),
        }
    }
}

impl AsyncRead for ClientIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let phase = self.connection.phase();
        self.waiting.entered(phase);
        let awaits_header = self.connection.awaits_header();
        if awaits_header {
            self.waiting.check_header(cx)?;
        }
        let before = buf.filled().len();
        let read = match &mut self.transport {
            Transport::Plain(s) => Pin::new(s).poll_read(cx, buf),
            Transport::Tls(s) => Pin::new(s.as_mut()).poll_read(cx, buf),
            Transport::Inner(s) => Pin::new(s).poll_read(cx, buf),
        };
        if awaits_header {
            match &read {
                Poll::Ready(Ok(())) if buf.filled().len() > before => self.waiting.header_began(),
                Poll::Pending => {
                    let silence = self.connection.silence();
                    return self.waiting.poll(silence, cx);
                }
                Poll::Ready(_) => {}
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
        let this = &mut *self;
        ready!(this.poll_header(cx))?;
        if this.connection.with_fields(buf, &mut this.header) {
            // It is ours now, whether or not the transport takes all of it at once.
            return match this.poll_header(cx) {
                Poll::Ready(Err(e)) => Poll::Ready(Err(e)),
                _ => Poll::Ready(Ok(buf.len())),
            };
        }
        this.transport.write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_header(cx))?;
        match &mut self.transport {
            Transport::Plain(s) => Pin::new(s).poll_flush(cx),
            Transport::Tls(s) => Pin::new(s.as_mut()).poll_flush(cx),
            Transport::Inner(s) => Pin::new(s).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_header(cx))?;
        match &mut self.transport {
            Transport::Plain(s) => Pin::new(s).poll_shutdown(cx),
            Transport::Tls(s) => Pin::new(s.as_mut()).poll_shutdown(cx),
            Transport::Inner(s) => Pin::new(s).poll_shutdown(cx),
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
    use crate::base::ceilings::{HEADER_TIME, KEEPALIVE_IDLE};

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

    #[tokio::test]
    async fn our_fields_leave_inside_the_header_however_little_the_socket_takes() {
        let (mut client, mut io, connection) = pair().await;
        // More than the buffers on the way hold, so that the header leaves in parts.
        let filler = vec![b'x'; 8_000_000];
        let writer = tokio::spawn(async move {
            for n in 0..3 {
                connection.add_fields(|out| {
                    out.extend_from_slice(format!("N: {n}\r\nLong: ").as_bytes());
                    out.extend_from_slice(&[b'y'; 100_000]);
                    out.extend_from_slice(b"\r\n");
                });
                io.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n")
                    .await
                    .unwrap();
                io.write_all(&filler).await.unwrap();
            }
            io.flush().await.unwrap();
            AsyncWriteExt::shutdown(&mut io).await.unwrap();
        });
        let mut got = Vec::new();
        client.read_to_end(&mut got).await.unwrap();
        writer.await.unwrap();
        let mut wanted = Vec::new();
        for n in 0..3 {
            wanted.extend_from_slice(b"HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n");
            wanted.extend_from_slice(format!("N: {n}\r\nLong: ").as_bytes());
            wanted.extend_from_slice(&[b'y'; 100_000]);
            wanted.extend_from_slice(b"\r\n\r\n");
            wanted.extend_from_slice(&vec![b'x'; 8_000_000]);
        }
        assert!(
            got == wanted,
            "{} bytes, wanted {}",
            got.len(),
            wanted.len()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_client_is_let_go_when_its_time_is_over_and_not_before() {
        let (_client, mut io, _) = pair().await;
        let begun = tokio::time::Instant::now();
        let mut buffer = [0; 64];
        assert_eq!(io.read(&mut buffer).await.unwrap(), 0);
        assert_eq!(begun.elapsed().as_secs(), HEADER_TIME.as_secs());
        // Twice, since the timer of the first silence is still set when the second begins.
        for rounds in 1..3 {
            let (mut client, mut io, connection) = pair().await;
            for _ in 0..rounds {
                client.write_all(b"header").await.unwrap();
                assert!(io.read(&mut buffer).await.unwrap() > 0);
                connection.header_arrived();
                tokio::time::sleep(HEADER_TIME / 4).await;
                connection.header_awaited();
            }
            let begun = tokio::time::Instant::now();
            assert_eq!(io.read(&mut buffer).await.unwrap(), 0);
            assert_eq!(begun.elapsed().as_secs(), KEEPALIVE_IDLE.as_secs());
        }
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
