//! Sends webhook requests over HTTP: no redirects, no proxy, vetted addresses, bounded replies; never signs or retries.

use std::sync::Arc;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use http::HeaderMap;
use http::header::RETRY_AFTER;
use parking_lot::Mutex;
use reqwest::{Body, Client, Response, redirect};
use tokio::time::{Instant, timeout_at};

use super::errors::public_text;
use super::names::{Dns, LookUp};
use super::paced::Paced;
use super::resolver::{Listed, VettingResolver};
use super::reuse::Reuse;
use super::targets::{Target, target};
use super::vet::Reach;
use crate::base::ceilings::{
    WEBHOOK_BODY_TIME, WEBHOOK_CONNECT_TIME, WEBHOOK_EXCERPT_BYTES, WEBHOOK_IDLE,
    WEBHOOK_IDLE_CONNECTIONS, WEBHOOK_REPLY_BYTES, WEBHOOK_REPLY_FIELD_BYTES, WEBHOOK_REPLY_FIELDS,
    WEBHOOK_REPLY_FIELDS_KEPT, WEBHOOK_REPLY_HEADER_BYTES, WEBHOOK_REPLY_WINDOW,
};
use crate::config::model::{AllowedTargets, NameServers};
use crate::webhooks::model::{OutgoingRequest, Reply};
use crate::webhooks::port::WebhookTransport;

const USER_AGENT: &str = concat!("fuelgate/", env!("CARGO_PKG_VERSION"));

/// The HTTP client for webhooks.
pub struct HttpTransport {
    listed: Listed,
    clients: ArcSwap<Clients>,
    /// A lock of nanoseconds, never held over an await.
    reuse: Mutex<Reuse>,
}

/// Targets and name servers that may be put in force.
pub struct PreparedTransport {
    listed: AllowedTargets,
    clients: Clients,
}

/// One client for each reach, since the resolver is told no more than a name; those of `kept` keep their connections.
struct Clients {
    names: Arc<dyn LookUp>,
    name_servers: NameServers,
    kept: Pair,
    once: Pair,
}

struct Pair {
    public: Client,
    listed_only: Client,
}

impl HttpTransport {
    /// A transport that may also go to what is in `listed`, and has names resolved by `name_servers`.
    ///
    /// # Errors
    /// The HTTP client cannot be made; text for the log.
    pub fn new(listed: AllowedTargets, name_servers: NameServers) -> Result<Self, String> {
        let listed = Arc::new(ArcSwap::from_pointee(listed));
        let names = Arc::new(Dns::new(name_servers.clone())?);
        let clients = Clients::new(&listed, names, name_servers)?;
        Ok(Self {
            listed,
            clients: ArcSwap::from_pointee(clients),
            reuse: Mutex::new(Reuse::new(Instant::now())),
        })
    }

    /// What allows these targets and asks these name servers, to be put in force by [`HttpTransport::put`]; `None` where all is so
    /// already.
    ///
    /// # Errors
    /// As [`HttpTransport::new`].
    pub fn prepare(
        &self,
        listed: AllowedTargets,
        name_servers: NameServers,
    ) -> Result<Option<PreparedTransport>, String> {
        let clients = self.clients.load();
        let is_known = clients.name_servers == name_servers;
        if is_known && **self.listed.load() == listed {
            return Ok(None);
        }
        let names = if is_known {
            Arc::clone(&clients.names)
        } else {
            Arc::new(Dns::new(name_servers.clone())?)
        };
        let clients = Clients::new(&self.listed, names, name_servers)?;
        Ok(Some(PreparedTransport { listed, clients }))
    }

    /// Prepares and puts in force, where nothing else changes with it.
    ///
    /// # Errors
    /// As [`HttpTransport::new`]; what is in force stays so.
    pub fn set(&self, listed: AllowedTargets, name_servers: NameServers) -> Result<(), String> {
        if let Some(prepared) = self.prepare(listed, name_servers)? {
            self.put(prepared);
        }
        Ok(())
    }

    /// Allows other targets, or asks other name servers, from now on. Connections that are open go with the old ones.
    pub fn put(&self, prepared: PreparedTransport) {
        self.listed.store(Arc::new(prepared.listed));
        self.clients.store(Arc::new(prepared.clients));
    }

    /// Sends the request and waits for the reply's header.
    async fn ask(&self, request: &OutgoingRequest) -> Result<Response, String> {
        let Target { url, reach } = target(&request.url, &self.listed.load())?;
        let clients = self.clients.load_full();
        let pair = if self.reuse.lock().may_keep(url.authority(), Instant::now()) {
            &clients.kept
        } else {
            &clients.once
        };
        let client = match reach {
            Reach::Public => &pair.public,
            Reach::ListedOnly | Reach::Named => &pair.listed_only,
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
}

impl Clients {
    fn new(
        listed: &Listed,
        names: Arc<dyn LookUp>,
        name_servers: NameServers,
    ) -> Result<Self, String> {
        // The client takes the process's provider and panics without one; a second install changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let pair = |idle| {
            let of = |reach| {
                let vetting = VettingResolver {
                    names: Arc::clone(&names),
                    listed: Arc::clone(listed),
                    reach,
                };
                client(Arc::new(vetting), idle)
            };
            Ok::<_, String>(Pair {
                public: of(Reach::Public)?,
                listed_only: of(Reach::ListedOnly)?,
            })
        };
        Ok(Self {
            kept: pair(WEBHOOK_IDLE_CONNECTIONS)?,
            once: pair(0)?,
            names: Arc::clone(&names),
            name_servers,
        })
    }
}

fn client(resolver: Arc<VettingResolver>, idle: usize) -> Result<Client, String> {
    let builder = || {
        Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .user_agent(USER_AGENT)
            .connect_timeout(WEBHOOK_CONNECT_TIME)
            .pool_idle_timeout(WEBHOOK_IDLE)
            .pool_max_idle_per_host(idle)
            .http1_max_headers(WEBHOOK_REPLY_FIELDS)
            .http2_max_header_list_size(WEBHOOK_REPLY_HEADER_BYTES)
            .http2_initial_stream_window_size(WEBHOOK_REPLY_WINDOW)
            .http2_initial_connection_window_size(WEBHOOK_REPLY_WINDOW)
            .dns_resolver(Arc::clone(&resolver))
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

/// The first fields of a reply, with values that are text and cut where they are long.
fn kept_fields(headers: &HeaderMap) -> Vec<(String, String)> {
    let field = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        let value = plain_text(value.as_bytes(), WEBHOOK_REPLY_FIELD_BYTES);
        (name.as_str().to_owned(), value)
    };
    let kept = headers.iter().take(WEBHOOK_REPLY_FIELDS_KEPT);
    kept.map(field).collect()
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
    let end = deadline.min(Instant::now() + WEBHOOK_BODY_TIME);
    let _ = timeout_at(end, read).await;
    plain_text(&kept, WEBHOOK_EXCERPT_BYTES)
}

/// Text without control characters, at most `most` bytes long: it is shown to people.
fn plain_text(bytes: &[u8], most: usize) -> String {
    let mut out = String::with_capacity(bytes.len().min(most));
    for c in String::from_utf8_lossy(bytes).chars() {
        let c = if c.is_control() && c != '\n' { ' ' } else { c };
        if out.len() + c.len_utf8() > most {
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
            headers: kept_fields(answer.headers()),
            excerpt: excerpt(answer, deadline).await,
        })
    }

    fn check_url(&self, url: &str) -> Result<(), String> {
        target(url, &self.listed.load()).map(drop)
    }
}
