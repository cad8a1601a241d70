//! A running sample CRM and a client for it; never what is expected of it.

use std::net::SocketAddr;

use fuelgate::base::clock::{Clock, Timestamp};
use serde_json::Value;

/// A sample CRM on a free port whose clock stands still; it stops when this is dropped.
pub struct Crm {
    pub clock: Clock,
    address: SocketAddr,
    client: reqwest::Client,
    server: tokio::task::JoinHandle<()>,
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    /// A header as text, empty where it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
}

impl Crm {
    pub async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clock = Clock::manual(Timestamp::parse("2026-11-23T12:00:00Z").unwrap());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = fuelgate::sample::router(clock.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            clock,
            address,
            client,
            server,
        }
    }

    /// Sends a request for `account` with an exact body and content type.
    pub async fn send(
        &self,
        account: &str,
        method: &str,
        path: &str,
        body: Option<(&str, String)>,
    ) -> Answer {
        let url = format!("http://{}{path}", self.address);
        let mut request = self
            .client
            .request(method.parse().unwrap(), url)
            .header("X-Fuelgate-Account", account);
        if let Some((media, text)) = body {
            request = request.header("Content-Type", media).body(text);
        }
        let response = request.send().await.unwrap();
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await.unwrap(),
        }
    }

    /// Sends JSON, or no body where `body` is null.
    pub async fn json(&self, account: &str, method: &str, path: &str, body: Value) -> Answer {
        let body = (!body.is_null()).then(|| ("application/json", body.to_string()));
        self.send(account, method, path, body).await
    }

    /// Sends JSON and takes the JSON of an answer that has to have `status`.
    pub async fn expect(&self, status: u16, method: &str, path: &str, body: Value) -> Value {
        let answer = self.json("acme", method, path, body).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
        if answer.text.is_empty() {
            Value::Null
        } else {
            answer.json()
        }
    }
}

impl Drop for Crm {
    fn drop(&mut self) {
        self.server.abort();
    }
}
