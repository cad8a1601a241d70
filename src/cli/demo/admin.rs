//! The demo's client of the admin API; never prints what it gets.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;

use crate::base::secret::Secret;
use crate::cli::Failure;

/// Time for one call.
const CALL_TIME: Duration = Duration::from_secs(10);

/// A client with the demo's token.
pub(super) struct Client {
    http: reqwest::Client,
    base: String,
    token: Secret,
}

impl Client {
    pub(super) fn new(admin: SocketAddr, token: Secret) -> Result<Self, Failure> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(CALL_TIME)
            .build()
            .map_err(|e| Failure::of("cannot make an HTTP client", e))?;
        Ok(Self {
            http,
            base: format!("http://{admin}"),
            token,
        })
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.call(reqwest::Method::GET, path, None).await
    }

    pub(super) async fn post(&self, path: &str, body: Option<Value>) -> Result<Value, Failure> {
        self.call(reqwest::Method::POST, path, body).await
    }

    pub(super) async fn delete(&self, path: &str) -> Result<Value, Failure> {
        self.call(reqwest::Method::DELETE, path, None).await
    }

    async fn call(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, Failure> {
        let what = format!("{method} {path}");
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(self.token.expose());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let failed = |e: reqwest::Error| Failure::of(&what, e.without_url());
        let response = request.send().await.map_err(failed)?;
        let status = response.status();
        let text = response.text().await.map_err(failed)?;
        if !status.is_success() {
            return Err(Failure::new(format!("{what}: {} {text}", status.as_u16())));
        }
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }
}

/// Takes "there is no such thing" for an answer.
pub(super) fn ignore_missing(failure: Failure) -> Result<Value, Failure> {
    if failure.to_string().contains("\"not_found\"") {
        Ok(Value::Null)
    } else {
        Err(failure)
    }
}
