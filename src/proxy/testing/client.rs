//! A raw HTTP/1.1 client: bytes out, one answer at a time in; never used outside tests.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(10);

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether the body ended as its framing said it would.
    pub(crate) whole: bool,
}

impl Answer {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let of = |(n, _): &&(String, String)| n.eq_ignore_ascii_case(name);
        assert!(self.headers.iter().filter(of).count() < 2, "{name} twice");
        self.headers.iter().find(of).map(|(_, v)| v.as_str())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The code of an answer of ours, checked for what each of them must have.
    pub(crate) fn code(&self) -> String {
        let problem = self.json();
        assert_eq!(self.get("content-type"), Some("application/problem+json"));
        assert_eq!(problem["status"], self.status);
        let id = self.get("x-request-id").expect("an id");
        assert_eq!(problem["request_id"], id);
        let code = problem["code"].as_str().unwrap().to_owned();
        assert_eq!(self.get("x-fuelgate-error"), Some(&*code));
        code
    }
}

/// A connection.
pub(crate) struct Client<S = TcpStream>(BufReader<S>);

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// A client on a connection that is open already.
    pub(crate) fn over(stream: S) -> Self {
        Self(BufReader::new(stream))
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Sends bytes that the other side may refuse to take.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.0.write_all(bytes.as_ref()).await.is_ok()
    }

    /// One request with a body, if it has one, and its answer.
    pub(crate) async fn ask(&mut self, head: &str, fields: &[&str], body: &str) -> Answer {
        let mut text = format!("{head} HTTP/1.1\r\nHost: api.example\r\n");
        for f in fields {
            text.push_str(f);
            text.push_str("\r\n");
        }
        if !body.is_empty() {
            text.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        self.send(format!("{text}\r\n{body}")).await;
        let is_head = head.starts_with("HEAD");
        self.answer(is_head).await.expect("an answer")
    }

    /// The next answer; `None` when the connection ends first. 1xx is skipped.
    pub(crate) async fn answer(&mut self, is_head: bool) -> Option<Answer> {
        timeout(PATIENCE, self.read(is_head))
            .await
            .expect("in time")
    }

    async fn read(&mut self, is_head: bool) -> Option<Answer> {
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).await.ok().filter(|n| *n > 0)?;
            let status: u16 = line.split(' ').nth(1)?.trim().parse().ok()?;
            let mut headers = Vec::new();
            loop {
                let mut line = String::new();
                self.0.read_line(&mut line).await.ok().filter(|n| *n > 0)?;
                let Some((name, value)) = line.trim_end().split_once(':') else {
                    break;
                };
                headers.push((name.to_owned(), value.trim().to_owned()));
            }
            if status < 200 {
                continue;
            }
            let mut answer = Answer {
                status,
                headers,
                body: Vec::new(),
                whole: true,
            };
            if !is_head && status != 204 {
                answer.whole = self.read_body(&mut answer).await;
            }
            return Some(answer);
        }
    }

    async fn read_body(&mut self, answer: &mut Answer) -> bool {
        if let Some(length) = answer.get("content-length") {
            let length: usize = length.parse().unwrap();
            let mut left = vec![0; length];
            let mut got = 0;
            while got < length {
                match self.0.read(&mut left[got..]).await {
                    Ok(n) if n > 0 => got += n,
                    _ => break,
                }
            }
            left.truncate(got);
            answer.body = left;
            return got == length;
        }
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).await.unwrap_or(0) == 0 {
                return false;
            }
            let size = usize::from_str_radix(line.trim(), 16).unwrap();
            let mut chunk = vec![0; size + 2];
            if self.0.read_exact(&mut chunk).await.is_err() {
                return false;
            }
            if size == 0 {
                return true;
            }
            answer.body.extend_from_slice(&chunk[..size]);
        }
    }

    /// Whether the other side closes, within the time that tests have.
    pub(crate) async fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        matches!(
            timeout(PATIENCE, self.0.read_to_end(&mut rest)).await,
            Ok(Ok(0) | Err(_))
        )
    }
}
