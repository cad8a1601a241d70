//! Sends webhook requests over HTTP: no redirects, no proxy, vetted addresses, bounded replies; never signs or retries.

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue};
use ipnet::IpNet;
use reqwest::{Body, Client, Response, Url, redirect};
use tokio::time::{Instant, timeout_at};

use super::errors::public_text;
use super::paced::Paced;
use super::resolver::{Listed, Unreachable, VettingResolver};
use super::vet::{self, Reach};
use crate::base::ceilings::simulator::{WEBHOOK_REPLY_FIELD_BYTES, WEBHOOK_REPLY_FIELDS};
use crate::base::ceilings::{WEBHOOK_EXCERPT_BYTES, WEBHOOK_IDLE, WEBHOOK_REPLY_BYTES};
use crate::webhooks::model::{OutgoingRequest, Reply};
use crate::webhooks::port::WebhookTransport;

const USER_AGENT: &str = concat!("fuelgate/", env!("CARGO_PKG_VERSION"));

/// The HTTP client for webhooks.
pub struct HttpTransport {
    listed: Listed,
    clients: ArcSwap<Clients>,
}

/// One client for each reach: the resolver is not told the scheme.
struct Clients {
    https: Client,
    http: Client,
}

impl HttpTransport {
    /// A transport that may also go to the networks in `listed`.
    ///
    /// # Errors
    /// The HTTP client cannot be made; text for the log.
    pub fn new(listed: Vec<IpNet>) -> Result<Self, String> {
        let listed = Arc::new(ArcSwap::from_pointee(listed));
        let clients = ArcSwap::from_pointee(Clients::new(&listed)?);
        Ok(Self { listed, clients })
    }

    /// Allows other networks from now on. Connections that are open go with the old list.
    ///
    /// # Errors
    /// As [`HttpTransport::new`]; the new list holds all the same.
    pub fn set_listed(&self, listed: Vec<IpNet>) -> Result<(), String> {
        if **self.listed.load() == listed {
            return Ok(());
        }
        self.listed.store(Arc::new(listed));
        self.clients.store(Arc::new(Clients::new(&self.listed)?));
        Ok(())
    }

    /// Sends the request and waits for the reply's header.
    async fn ask(&self, request: &OutgoingRequest) -> Result<Response, String> {
        let url = self.target(&request.url)?;
        let clients = self.clients.load_full();
        let client = match reach(&url) {
            Reach::Public => &clients.https,
            Reach::ListedOnly => &clients.http,
        };
        let body = match request.pace {
            None => Body::from(request.body.clone()),
            Some(pace) => Body::wrap(Paced::new(request.body.clone().into(), pace)),
        };
        let mut outgoing = client.post(url).body(body);
        for (name, value) in &request.headers {
            outgoing = outgoing.header(*name, value);
        }
        outgoing.send().await.map_err(|e| public_text(&e))
    }

    /// The URL of a target that may be connected to as far as can be told without a look-up.
    fn target(&self, text: &str) -> Result<Url, String> {
        let url =
            Url::parse(text).map_err(|_| "expected a URL such as https://example.com/hook")?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err("expected an https URL".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("a URL must not have a user name or a password".to_owned());
        }
        let host = url
            .host_str()
            .filter(|h| !h.is_empty())
            .ok_or("the URL has no host")?;
        let listed = self.listed.load();
        let reach = reach(&url);
        // The URL parser has made one spelling of them all: 0x7f.1, 2130706433 and the like are 127.0.0.1 here.
        let literal = host.trim_start_matches('[').trim_end_matches(']');
        let is_possible = match literal.parse::<IpAddr>() {
            Ok(ip) => vet::is_allowed(ip, &listed, reach),
            Err(_) => reach == Reach::Public || !listed.is_empty(),
        };
        match (is_possible, reach) {
            (true, _) => Ok(url),
            (false, Reach::Public) => Err(Unreachable::NotAllowed.to_string()),
            (false, Reach::ListedOnly) => {
                Err("expected https; http only goes to targets that the operator lists".to_owned())
            }
        }
    }
}

impl Clients {
    fn new(listed: &Listed) -> Result<Self, String> {
        // The client takes the process's provider and panics without one; a second install changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self {
            https: client(listed, Reach::Public)?,
            http: client(listed, Reach::ListedOnly)?,
        })
    }
}

fn client(listed: &Listed, reach: Reach) -> Result<Client, String> {
    let builder = || {
        Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .user_agent(USER_AGENT)
            .pool_idle_timeout(WEBHOOK_IDLE)
            .pool_max_idle_per_host(1)
            .dns_resolver(VettingResolver {
                listed: Arc::clone(listed),
                reach,
            })
    };
    builder().build().or_else(|e| {
        // A machine without certificate authorities can still deliver over http to listed targets.
        tracing::warn!(error = %e, "no certificate authorities found: https webhooks will fail");
        builder()
            .tls_certs_only([])
            .build()
            .map_err(|e| format!("the HTTP client cannot be made: {e}"))
    })
}

fn reach(url: &Url) -> Reach {
    if url.scheme() == "https" {
        Reach::Public
    } else {
        Reach::ListedOnly
    }
}

/// The first fields of a reply as text, each cut to [`WEBHOOK_REPLY_FIELD_BYTES`]: they are shown to people.
fn fields(headers: &HeaderMap) -> Vec<(String, String)> {
    let shown = |value: &HeaderValue| {
        let bytes = value.as_bytes();
        plain_text(bytes.get(..WEBHOOK_REPLY_FIELD_BYTES).unwrap_or(bytes))
    };
    headers
        .iter()
        .take(WEBHOOK_REPLY_FIELDS)
        .map(|(name, value)| (name.to_string(), shown(value)))
        .collect()
}

/// The beginning of a reply as text. The status has come: a body that is slow, long or broken changes nothing.
async fn excerpt(mut answer: Response, deadline: Instant) -> String {
    let mut kept: Vec<u8> = Vec::new();
    let read = async {
        let mut seen = 0;
        while let Ok(Some(chunk)) = answer.chunk().await {
            seen += chunk.len();
            let room = WEBHOOK_EXCERPT_BYTES.saturating_sub(kept.len());
            kept.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
            if seen >= WEBHOOK_REPLY_BYTES {
                return;
            }
        }
    };
    let _ = timeout_at(deadline, read).await;
    plain_text(&kept)
}

/// Text without control characters, at most [`WEBHOOK_EXCERPT_BYTES`] long: it is shown to people.
fn plain_text(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for c in String::from_utf8_lossy(bytes).chars() {
        let c = if c.is_control() && c != '\n' { ' ' } else { c };
        if out.len() + c.len_utf8() > WEBHOOK_EXCERPT_BYTES {
            break;
        }
        out.push(c);
    }
    out
}

#[async_trait]
impl WebhookTransport for HttpTransport {
    async fn send(&self, request: &OutgoingRequest) -> Result<Reply, String> {
        let deadline = Instant::now() + request.timeout;
        let answer = timeout_at(deadline, self.ask(request))
            .await
            .unwrap_or_else(|_| {
                let ms = request.timeout.as_millis();
                Err(format!("no answer within {ms} ms"))
            })?;
        let retry_after = answer.headers().get(RETRY_AFTER);
        Ok(Reply {
            status: answer.status().as_u16(),
            retry_after: retry_after.and_then(|v| v.to_str().ok()).map(str::to_owned),
            headers: fields(answer.headers()),
            excerpt: excerpt(answer, deadline).await,
        })
    }

    fn check_url(&self, url: &str) -> Result<(), String> {
        self.target(url).map(drop)
    }
}
