//! What a receiver that misbehaves reads and how it answers, by the path; never how connections come.

use std::io;
use std::time::{Duration, Instant, SystemTime};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{DRIP, MOST, Seen, Visit, until_closed};

pub(super) trait Wire: AsyncRead + AsyncWrite + Unpin {
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

pub(super) async fn serve(mut stream: impl Wire, connection: usize, seen: &Seen) -> io::Result<()> {
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
        // A TLS handshake: web servers answer that in plain text.
        if unread.first() == Some(&0x16) {
            let text = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
            stream.write_all(text).await?;
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
