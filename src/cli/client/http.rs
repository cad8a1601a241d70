//! Calls of the admin API: addresses, the token, bounded answers and errors read as problem+json; never what a call means.

use std::fs;
use std::net::IpAddr;
use std::time::Duration;

use http::{Method, StatusCode};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder, Response, Url};
use serde_json::Value;

use crate::base::ceilings::{CLIENT_RESPONSE_BYTES, CLIENT_TIME};
use crate::base::secret::Secret;

use super::Connection;
use super::error::{CliError, Refusal};

/// Time to connect, TLS handshake included.
const CONNECT_TIME: Duration = Duration::from_secs(10);

/// Parameters of a query.
pub type Query = [(&'static str, String)];

/// A client of the admin API.
#[derive(Debug)]
pub struct Admin {
    client: Client,
    base: Url,
    answer_bytes: usize,
}

impl Admin {
    /// A client that sends `token` with each call. Proxies of the environment are not used and redirects not followed,
    /// since either would take the token elsewhere.
    ///
    /// # Errors
    /// An address, token or file of certificates that cannot be used.
    pub fn new(connection: &Connection, token: Secret) -> Result<Self, CliError> {
        let bad =
            |why: &str| CliError::usage(format!("--admin-url {}: {why}", connection.admin_url));
        let base: Url = connection
            .admin_url
            .parse()
            .map_err(|_| bad("is not a URL such as http://127.0.0.1:8082"))?;
        if !matches!(base.scheme(), "http" | "https") || base.cannot_be_a_base() {
            return Err(bad("must begin with http:// or https://"));
        }
        if base.query().is_some() || !base.username().is_empty() || base.password().is_some() {
            return Err(bad("must not hold a query, a user or a password"));
        }
        let mut builder = Client::builder()
            .default_headers(headers(connection, &token)?)
            .no_proxy()
            .redirect(Policy::none())
            .connect_timeout(CONNECT_TIME)
            .timeout(CLIENT_TIME);
        if let Some(path) = &connection.admin_ca_file {
            builder = trust(builder, path)?;
        }
        let client = builder
            .build()
            .map_err(|e| CliError::usage(format!("no HTTP client can be made: {e}")))?;
        Ok(Self {
            client,
            base,
            answer_bytes: CLIENT_RESPONSE_BYTES,
        })
    }

    /// Whether the token crosses a network in plain text.
    pub fn speaks_openly(&self) -> bool {
        let host = self.base.host_str().unwrap_or_default();
        let address: Result<IpAddr, _> = host.trim_matches(['[', ']']).parse();
        let local = host == "localhost" || address.is_ok_and(|a| a.is_loopback());
        self.base.scheme() == "http" && !local
    }

    /// GET with a query.
    ///
    /// # Errors
    /// See [`CliError`].
    pub async fn get(&self, path: &[&str], query: &Query) -> Result<Value, CliError> {
        self.call(Method::GET, path, query, None).await
    }

    /// POST with a JSON body.
    ///
    /// # Errors
    /// See [`CliError`].
    pub async fn post(&self, path: &[&str], body: &Value) -> Result<Value, CliError> {
        let text = body.to_string();
        self.call(Method::POST, path, &[], Some(text)).await
    }

    /// POST with JSON text, for bodies that were never parsed.
    ///
    /// # Errors
    /// See [`CliError`].
    pub async fn post_text(&self, path: &[&str], text: String) -> Result<Value, CliError> {
        self.call(Method::POST, path, &[], Some(text)).await
    }

    /// PATCH with a JSON body.
    ///
    /// # Errors
    /// See [`CliError`].
    pub async fn patch(&self, path: &[&str], body: &Value) -> Result<Value, CliError> {
        let text = body.to_string();
        self.call(Method::PATCH, path, &[], Some(text)).await
    }

    /// DELETE.
    ///
    /// # Errors
    /// See [`CliError`].
    pub async fn delete(&self, path: &[&str]) -> Result<Value, CliError> {
        self.call(Method::DELETE, path, &[], None).await
    }

    /// The address of `/admin/v1/` and the segments, each of which stays one segment whatever is in it.
    fn url(&self, path: &[&str], query: &Query) -> Result<Url, CliError> {
        if let Some(bad) = path.iter().find(|s| matches!(**s, "" | "." | "..")) {
            return Err(CliError::usage(format!("\"{bad}\" is not an id")));
        }
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| CliError::usage("--admin-url cannot be used as a base"))?
            .pop_if_empty()
            .extend(["admin", "v1"])
            .extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    async fn call(
        &self,
        method: Method,
        path: &[&str],
        query: &Query,
        body: Option<String>,
    ) -> Result<Value, CliError> {
        let mut request = self.client.request(method, self.url(path, query)?);
        if let Some(text) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(text);
        }
        let response = request.send().await.map_err(|e| self.unreachable(&e))?;
        let status = response.status();
        let bytes = self.bytes(response).await?;
        if status.is_success() {
            return parse(&bytes);
        }
        Err(self.refused(status, &bytes))
    }

    /// GET of an answer that goes on, for `limit` at most; it is for the caller to read.
    ///
    /// # Errors
    /// See [`CliError`].
    pub async fn stream(
        &self,
        path: &[&str],
        query: &Query,
        limit: Duration,
    ) -> Result<Response, CliError> {
        let request = self.client.get(self.url(path, query)?).timeout(limit);
        // What goes on for long begins at once all the same.
        let response = tokio::time::timeout(CLIENT_TIME, request.send())
            .await
            .map_err(|_| self.unreachable_because("it took too long".to_owned()))?
            .map_err(|e| self.unreachable(&e))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let bytes = self.bytes(response).await?;
        Err(self.refused(status, &bytes))
    }

    async fn bytes(&self, response: Response) -> Result<Vec<u8>, CliError> {
        read(response, self.answer_bytes)
            .await
            .map_err(|e| match e {
                ReadError::Broken(e) => self.unreachable(&e),
                ReadError::TooLarge => CliError::Unexpected(format!(
                    "the answer is larger than {} bytes: ask for less with --limit",
                    self.answer_bytes
                )),
            })
    }

    /// The error of a connection that was not made, or broke off.
    pub fn unreachable(&self, error: &reqwest::Error) -> CliError {
        self.unreachable_because(cause(error))
    }

    /// The same with a cause of the caller's.
    pub fn unreachable_because(&self, cause: String) -> CliError {
        CliError::Unreachable {
            url: self.base.to_string(),
            cause,
        }
    }

    fn refused(&self, status: StatusCode, bytes: &[u8]) -> CliError {
        match serde_json::from_slice::<Refusal>(bytes) {
            Ok(refusal) if !refusal.code.is_empty() => CliError::Refused(Box::new(Refusal {
                status: status.as_u16(),
                ..refusal
            })),
            _ => CliError::Unexpected(format!(
                "{} answered {status} and not as the admin API does",
                self.base
            )),
        }
    }
}

fn parse(bytes: &[u8]) -> Result<Value, CliError> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(bytes)
        .map_err(|_| CliError::Unexpected("the answer is not JSON: is this the admin API?".into()))
}

fn headers(connection: &Connection, token: &Secret) -> Result<HeaderMap, CliError> {
    let mut headers = HeaderMap::new();
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
        .map_err(|_| CliError::usage("the admin token holds characters that no token has"))?;
    value.set_sensitive(true);
    headers.insert(AUTHORIZATION, value);
    if let Some(actor) = &connection.actor {
        let value = HeaderValue::from_str(actor)
            .map_err(|_| CliError::usage("--actor holds characters that no header takes"))?;
        headers.insert("x-actor", value);
    }
    Ok(headers)
}

fn trust(builder: ClientBuilder, path: &std::path::Path) -> Result<ClientBuilder, CliError> {
    let bad = |e: String| CliError::usage(format!("{}: {e}", path.display()));
    let pem = fs::read(path).map_err(|e| bad(e.to_string()))?;
    let certificates = Certificate::from_pem_bundle(&pem).map_err(|e| bad(e.to_string()))?;
    if certificates.is_empty() {
        return Err(bad("holds no certificate".to_owned()));
    }
    Ok(builder.tls_certs_only(certificates))
}

enum ReadError {
    Broken(reqwest::Error),
    TooLarge,
}

async fn read(mut response: Response, most: usize) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(ReadError::Broken)? {
        if bytes.len() + chunk.len() > most {
            return Err(ReadError::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// The innermost cause: the outer ones only repeat the address.
pub fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it took too long".to_owned();
    }
    let mut inner: &dyn std::error::Error = error;
    while let Some(next) = inner.source() {
        inner = next;
    }
    inner.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::client::testing::Fake;
    use serde_json::json;

    fn connection(url: &str) -> Connection {
        Connection {
            admin_url: url.to_owned(),
            admin_token_file: None,
            admin_ca_file: None,
            actor: None,
            json: false,
        }
    }

    fn admin(url: &str) -> Result<Admin, CliError> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Admin::new(&connection(url), Secret::new("t0ken"))
    }

    #[test]
    fn addresses_that_would_lose_something_are_refused() {
        for url in [
            "",
            "127.0.0.1:8082",
            "ftp://x",
            "http://u:p@x",
            "http://x/?a=b",
            "unix:/x",
        ] {
            assert_eq!(admin(url).unwrap_err().exit_code(), 2, "{url}");
        }
        let behind = admin("https://x.example/gateway/").unwrap();
        let url = behind
            .url(&["keys", "a?b/c"], &[("q", "1&2".to_owned())])
            .unwrap();
        assert_eq!(
            url.as_str(),
            "https://x.example/gateway/admin/v1/keys/a%3Fb%2Fc?q=1%262"
        );
    }

    #[test]
    fn plain_http_is_for_this_machine() {
        for (url, openly) in [
            ("http://127.0.0.1:1", false),
            ("http://[::1]:1", false),
            ("http://localhost", false),
            ("https://x.example", false),
            ("http://10.0.0.1", true),
            ("http://x.example", true),
        ] {
            assert_eq!(admin(url).unwrap().speaks_openly(), openly, "{url}");
        }
    }

    #[tokio::test]
    async fn a_token_comes_from_its_file_and_a_missing_one_is_told() {
        let fake = Fake::start(200, json!({})).await;
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "t0ken\n").unwrap();
        let mut connection = connection(&fake.url());
        connection.admin_token_file = Some(file.path().to_owned());
        let (admin, _) = connection.open().unwrap();
        admin.get(&["keys"], &[]).await.unwrap();
        assert_eq!(fake.requests().len(), 1);
        fs::write(file.path(), " \n").unwrap();
        assert_eq!(connection.open().err().unwrap().exit_code(), 2);
        connection.admin_token_file = Some("/nowhere".into());
        assert_eq!(connection.open().err().unwrap().exit_code(), 2);
    }

    #[tokio::test]
    async fn redirects_are_not_followed() {
        let fake = Fake::redirecting("/elsewhere").await;
        let error = fake.admin().get(&["keys"], &[]).await.unwrap_err();
        assert!(matches!(error, CliError::Unexpected(_)), "{error}");
        assert_eq!(fake.requests().len(), 1);
    }

    #[tokio::test]
    async fn an_answer_without_end_is_given_up() {
        let fake = Fake::start(200, json!("x".repeat(98))).await;
        let mut admin = fake.admin();
        admin.answer_bytes = 100;
        admin.get(&["events"], &[]).await.unwrap();
        admin.answer_bytes = 99;
        let error = admin.get(&["events"], &[]).await.unwrap_err();
        assert!(error.to_string().contains("--limit"), "{error}");
    }
}
