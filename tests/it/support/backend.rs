//! A backend that answers as a test says and remembers every request; a plain thread per connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// A request as the backend saw it.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Which connection it came on, counted from 0.
    pub connection: usize,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }

    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
            .collect()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Whether it is a webhook that this secret signed, by a client that others use.
    pub fn verifies(&self, secret: &str) -> bool {
        let mut headers = ::http::HeaderMap::new();
        for (name, value) in &self.headers {
            let name = ::http::HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.insert(name, value.parse().unwrap());
        }
        verifies(&headers, &self.body, secret)
    }
}

/// See [`Seen::verifies`].
pub fn verifies(headers: &::http::HeaderMap, body: &[u8], secret: &str) -> bool {
    let receiver = standardwebhooks::Webhook::new(secret).unwrap();
    receiver.verify(body, headers).is_ok()
}

/// What the backend does with a request.
pub enum Answer {
    /// Status, fields and body, framed by Content-Length.
    Reply(u16, Vec<(String, String)>, Vec<u8>),
    /// Exactly these bytes, then the connection is closed.
    Raw(Vec<u8>),
    /// Nothing, and the connection is closed.
    Hang(std::time::Duration),
}

/// JSON with a status.
pub fn json(status: u16, body: &serde_json::Value) -> Answer {
    Answer::Reply(
        status,
        vec![("Content-Type".into(), "application/json".into())],
        body.to_string().into_bytes(),
    )
}

type Handler = dyn Fn(&Seen) -> Answer + Send + Sync;

/// A backend on a free loopback port; stops when dropped.
pub struct Backend {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    stop: Arc<AtomicBool>,
}

impl Backend {
    pub fn start(handler: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let (handler, log, stopped): (Arc<Handler>, _, _) =
            (Arc::new(handler), seen.clone(), stop.clone());
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let (handler, log) = (handler.clone(), log.clone());
                let Ok(stream) = stream else { continue };
                std::thread::spawn(move || serve(stream, number, &*handler, &log));
            }
        });
        Self {
            address,
            seen,
            stop,
        }
    }

    /// A backend that answers everything with 200 and the JSON `{"ok":true}`.
    pub fn ok() -> Self {
        Self::start(|_| json(200, &serde_json::json!({"ok": true})))
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    pub fn last(&self) -> Seen {
        self.seen
            .lock()
            .unwrap()
            .last()
            .cloned()
            .expect("a request at the backend")
    }

    pub fn clear(&self) {
        self.seen.lock().unwrap().clear();
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(stream: TcpStream, connection: usize, handler: &Handler, log: &Mutex<Vec<Seen>>) {
    let _ = stream.set_nodelay(true);
    let Ok(mut out) = stream.try_clone() else {
        return;
    };
    let mut reader = BufReader::new(stream);
    while let Some(seen) = read_request(&mut reader, &mut out, connection) {
        log.lock().unwrap().push(seen.clone());
        let sent = match handler(&seen) {
            Answer::Reply(status, headers, body) => {
                let mut bytes = format!("HTTP/1.1 {status} Status\r\n").into_bytes();
                for (n, v) in headers {
                    bytes.extend_from_slice(format!("{n}: {v}\r\n").as_bytes());
                }
                if status != 204 && status != 304 {
                    bytes.extend_from_slice(
                        format!("Content-Length: {}\r\n", body.len()).as_bytes(),
                    );
                }
                bytes.extend_from_slice(b"\r\n");
                if seen.method != "HEAD" {
                    bytes.extend_from_slice(&body);
                }
                out.write_all(&bytes)
            }
            Answer::Raw(bytes) => {
                let _ = out.write_all(&bytes);
                return;
            }
            Answer::Hang(time) => {
                std::thread::sleep(time);
                return;
            }
        };
        if sent.is_err() {
            return;
        }
    }
}

fn read_request(
    reader: &mut BufReader<TcpStream>,
    out: &mut TcpStream,
    connection: usize,
) -> Option<Seen> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let mut parts = line.split_whitespace();
    let (method, target) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (n, v) = line.split_once(':')?;
        headers.push((n.to_owned(), v.trim().to_owned()));
    }
    let mut seen = Seen {
        method,
        target,
        headers,
        body: Vec::new(),
        connection,
    };
    if seen.header("expect").is_some() {
        out.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
    }
    if seen.header("transfer-encoding").is_some() {
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let n = usize::from_str_radix(line.trim(), 16).ok()?;
            let mut chunk = vec![0; n + 2];
            reader.read_exact(&mut chunk).ok()?;
            seen.body.extend_from_slice(&chunk[..n]);
            if n == 0 {
                break;
            }
        }
    } else if let Some(n) = seen.header("content-length") {
        let mut body = vec![0; n.parse().ok()?];
        reader.read_exact(&mut body).ok()?;
        seen.body = body;
    }
    Some(seen)
}
