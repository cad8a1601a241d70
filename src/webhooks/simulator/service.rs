//! What the admin API does with the simulator: validates, composes, sends; no HTTP, no storage of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;

use super::catch::signing_keys;
use super::compose::{Composed, Content, Draft, DraftEvent};
use super::faults::{self, Expected, Fault, Signer, Step};
use super::inbox::{HeaderField, Keys, Token};
use super::places::{AccountPlace, Places};
use super::wanted::Wanted;
use crate::base::audit::{AuditEntry, ChangeContext};
use crate::base::ceilings::WEBHOOK_URL_CHARS;
use crate::base::ceilings::simulator::SIMULATOR_SHOWN_BYTES;
use crate::base::clock::{Clock, Timestamp};
use crate::base::error::FieldError;
use crate::base::ids;
use crate::base::secret::Secret;
use crate::webhooks::model::{OutgoingRequest, Reply};
use crate::webhooks::port::inboxes::InboxStore;
use crate::webhooks::port::{EventStore, WebhookTransport};
use crate::webhooks::service::WebhookError;
use crate::webhooks::settings::{Settings, SharedSettings, TEST_TYPE};
use crate::webhooks::sign::{self, SigningKey};

/// The account of a webhook that is of nobody's.
const NOBODY: &str = "acct_example";

/// A webhook as it would be sent.
#[derive(Debug)]
pub struct Sample {
    /// Its header, body and signed text.
    pub composed: Composed,
    /// The secret that was made for it, where the caller named none.
    pub secret: Option<Secret>,
}

/// One request that was made, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct SimulatedExchange {
    /// What the receiver is tested for.
    pub note: &'static str,
    /// What a good receiver answers.
    pub expected: Expected,
    /// Whether this one did.
    pub as_expected: bool,
    /// Header fields that were sent.
    pub headers: Vec<HeaderField>,
    /// The body that was sent; only its beginning where it is long.
    pub body: String,
    /// Bytes of the body that was sent.
    pub body_bytes: usize,
    /// From begin to end, in milliseconds.
    pub latency_ms: u64,
    /// Status of the reply; null where none came.
    pub status: Option<u16>,
    /// The reply's first header fields.
    pub reply_headers: Vec<HeaderField>,
    /// The beginning of the reply's body.
    pub reply_excerpt: Option<String>,
    /// Why no reply came.
    pub error: Option<String>,
}

/// What was sent, all of it.
#[derive(Debug)]
pub struct Sending {
    /// Where it went.
    pub url: String,
    /// Every request, in order.
    pub exchanges: Vec<SimulatedExchange>,
    /// The secret that was made for it, where the caller named none.
    pub secret: Option<Secret>,
}

/// A webhook that may be sent where it is to go.
pub struct Ready {
    url: String,
    is_inbox: bool,
    event_type: Option<String>,
    /// The webhook or inbox that signs.
    signer: Option<String>,
    timestamp: Option<i64>,
    fault: Option<Fault>,
    prepared: Prepared,
}

impl Ready {
    /// What the audit log says of it, before it is sent: nothing leaves of which the log says nothing. The address of an
    /// inbox is a credential, and not in it.
    pub fn entry(&self, ctx: &ChangeContext) -> AuditEntry {
        let details = json!({
            "url": (!self.is_inbox).then_some(&self.url),
            "event_type": self.event_type,
            "fault": self.fault,
        });
        let account = Some(&*self.prepared.account_id);
        ctx.entry("simulator.send", account, self.signer.as_deref(), details)
    }
}

/// Everything that a request is made of.
struct Prepared {
    draft: Draft,
    keys: Vec<SigningKey>,
    account_id: String,
    target: Option<String>,
    made: Option<Secret>,
}

/// The operations. Cheap to share.
#[derive(Clone)]
pub struct Simulator {
    pub(super) events: Arc<dyn EventStore>,
    pub(super) inboxes: Arc<dyn InboxStore>,
    pub(super) transport: Arc<dyn WebhookTransport>,
    pub(super) settings: SharedSettings,
    pub(super) clock: Clock,
    places: Arc<Places>,
}

impl Simulator {
    /// A simulator over a store and the network.
    pub fn new(
        events: Arc<dyn EventStore>,
        inboxes: Arc<dyn InboxStore>,
        transport: Arc<dyn WebhookTransport>,
        settings: SharedSettings,
        clock: Clock,
    ) -> Self {
        Self {
            events,
            inboxes,
            transport,
            settings,
            clock,
            places: Places::new(),
        }
    }

    /// A place for something that takes long; `None` while all are taken.
    pub fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.places.any()
    }

    /// A place for an account's own; `None` while all are taken, or those of the account.
    pub fn place_of(&self, account_id: &str) -> Option<AccountPlace> {
        self.places.of_account(account_id)
    }

    /// The webhook as it would be sent now. `example` gives data where the caller has none.
    ///
    /// # Errors
    /// `Invalid`, `NotFound`.
    pub async fn compose(
        &self,
        wanted: &Wanted,
        example: impl FnOnce(&str) -> String + Send,
    ) -> Result<Sample, WebhookError> {
        let prepared = self.prepare(wanted, example).await?;
        let at = self.at(wanted.timestamp);
        Ok(Sample {
            composed: prepared.draft.compose(&prepared.keys, at),
            secret: prepared.made,
        })
    }

    /// Makes ready what `wanted` says, well or with a fault, for `url` or for where the webhook or inbox is that it names.
    ///
    /// # Errors
    /// `Invalid`, `NotFound`.
    pub async fn ready(
        &self,
        wanted: &Wanted,
        url: Option<&str>,
        fault: Option<Fault>,
        example: impl FnOnce(&str) -> String + Send,
    ) -> Result<Ready, WebhookError> {
        let prepared = self.prepare(wanted, example).await?;
        let target = url.map(str::to_owned).or(prepared.target.clone());
        let missing = || invalid("url", "missing: name a webhook, an inbox or a URL");
        let url = target.ok_or_else(missing)?;
        if url.chars().count() > WEBHOOK_URL_CHARS {
            let most = format!("expected at most {WEBHOOK_URL_CHARS} characters");
            return Err(invalid("url", most));
        }
        self.transport
            .check_url(&url)
            .map_err(|why| invalid("url", why))?;
        Ok(Ready {
            is_inbox: Token::in_url(&self.settings.load().inbox_base, &url).is_some(),
            url,
            event_type: wanted.event_type.clone(),
            signer: wanted.webhook_id.clone().or(wanted.inbox_id.clone()),
            timestamp: wanted.timestamp,
            fault,
            prepared,
        })
    }

    /// Sends what is ready and waits for the replies.
    ///
    /// # Errors
    /// `Secret` where the system has no randomness.
    pub async fn send(&self, ready: Ready) -> Result<Sending, WebhookError> {
        let prepared = ready.prepared;
        let ids = [ids::new(ids::EVENT), ids::new(ids::EVENT)];
        let stranger = signing_key(&new_secret()?)?;
        let mut exchanges = Vec::new();
        for step in faults::plan(ready.fault, &prepared.draft, ids) {
            tokio::time::sleep(step.delay).await;
            let keys = match step.signer {
                Signer::Own => &prepared.keys[..],
                Signer::Stranger => std::slice::from_ref(&stranger),
            };
            let at = self.at(ready.timestamp);
            exchanges.push(self.exchange(&step, keys, &ready.url, at).await);
        }
        Ok(Sending {
            url: ready.url,
            exchanges,
            secret: prepared.made,
        })
    }

    async fn exchange(
        &self,
        step: &Step,
        keys: &[SigningKey],
        url: &str,
        at: Timestamp,
    ) -> SimulatedExchange {
        let composed = step.draft.compose(keys, at.minus(step.back));
        let timeout = self.settings.load().timeout + step.pace.map_or(Duration::ZERO, |p| p.time);
        let request = OutgoingRequest {
            url: url.to_owned(),
            headers: composed.headers,
            body: composed.body,
            timeout,
            pace: step.pace,
        };
        let began = Instant::now();
        let result = self.transport.send(&request).await;
        let latency_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        shown(step, request, latency_ms, result)
    }

    /// The time that a signature says; the machine's own clock, as deliveries are signed by it.
    fn at(&self, timestamp: Option<i64>) -> Timestamp {
        timestamp.map_or_else(|| self.clock.own(), Timestamp::from_secs)
    }

    async fn prepare(
        &self,
        wanted: &Wanted,
        example: impl FnOnce(&str) -> String + Send,
    ) -> Result<Prepared, WebhookError> {
        let settings = self.settings.load_full();
        wanted.check(&settings).map_err(WebhookError::Invalid)?;
        let signer = self.signer(wanted, &settings).await?;
        let content = match (&wanted.body, &wanted.event_type) {
            (Some(body), _) => Content::Body(body.clone()),
            (None, event_type) => {
                let event_type = event_type.clone().unwrap_or_else(|| TEST_TYPE.to_owned());
                Content::Event(Box::new(DraftEvent {
                    data: wanted.data.clone().unwrap_or_else(|| example(&event_type)),
                    event_type,
                    account_id: signer.account_id.clone(),
                    occurred_at: self.clock.now(),
                    sequence: wanted.sequence.unwrap_or(1),
                }))
            }
        };
        Ok(Prepared {
            draft: Draft {
                id: wanted.id.clone().unwrap_or_else(|| ids::new(ids::EVENT)),
                content,
            },
            ..signer
        })
    }

    /// Who signs, for which account and where it would go; the draft is still empty.
    async fn signer(&self, wanted: &Wanted, settings: &Settings) -> Result<Prepared, WebhookError> {
        let now = self.clock.now();
        let mut found = Prepared {
            draft: Draft {
                id: String::new(),
                content: Content::Body(String::new()),
            },
            keys: Vec::new(),
            account_id: wanted
                .account_id
                .clone()
                .unwrap_or_else(|| NOBODY.to_owned()),
            target: None,
            made: None,
        };
        if let Some(id) = &wanted.webhook_id {
            let endpoint = self
                .events
                .endpoint(id)
                .await?
                .ok_or(WebhookError::NotFound)?;
            found.keys = signing_keys(&endpoint, settings, now);
            found.account_id = endpoint.account_id;
            found.target = Some(endpoint.url);
        } else if let Some(id) = &wanted.inbox_id {
            let inbox = self
                .inboxes
                .inbox(id, now)
                .await?
                .ok_or(WebhookError::NotFound)?;
            let keys = settings.sealer.open(&inbox.id, &inbox.sealed)?;
            if let Some(keys) = Keys::parse(&keys) {
                found.target = Some(keys.token.url(&settings.inbox_base));
                found.keys.extend(SigningKey::new(&keys.secret));
            }
            found.account_id = inbox.account_id;
        } else if let Some(secret) = &wanted.secret {
            found.keys.extend(SigningKey::new(secret));
        } else {
            let secret = new_secret()?;
            found.keys.push(signing_key(&secret)?);
            found.made = Some(secret);
        }
        if wanted
            .account_id
            .as_ref()
            .is_some_and(|a| *a != found.account_id)
        {
            // It is another account's, which is nobody's business.
            return Err(WebhookError::NotFound);
        }
        if found.keys.is_empty() {
            return Err(WebhookError::Secret("a secret cannot be opened".to_owned()));
        }
        Ok(found)
    }
}

fn shown(
    step: &Step,
    request: OutgoingRequest,
    latency_ms: u64,
    result: Result<Reply, String>,
) -> SimulatedExchange {
    let (reply, error) = match result {
        Ok(reply) => (Some(reply), None),
        Err(error) => (None, Some(error)),
    };
    let status = reply.as_ref().map(|r| r.status);
    let body_bytes = request.body.len();
    let mut body = request.body;
    body.truncate(body.floor_char_boundary(SIMULATOR_SHOWN_BYTES));
    let fields = request.headers.into_iter();
    let (reply_headers, reply_excerpt) = reply
        .map(|r| (r.headers, Some(r.excerpt)))
        .unwrap_or_default();
    let reply_headers = reply_headers.into_iter();
    SimulatedExchange {
        note: step.note,
        expected: step.expected,
        as_expected: step.expected.is_met_by(status),
        headers: fields.map(|(n, v)| HeaderField::new(n, v)).collect(),
        body,
        body_bytes,
        latency_ms,
        status,
        reply_headers: reply_headers.map(|(n, v)| HeaderField::new(n, v)).collect(),
        reply_excerpt,
        error,
    }
}

pub(super) fn invalid(field: &str, message: impl Into<String>) -> WebhookError {
    WebhookError::Invalid(vec![FieldError::new(field, message)])
}

pub(super) fn new_secret() -> Result<Secret, WebhookError> {
    sign::generate().map_err(|e| WebhookError::Secret(e.to_string()))
}

fn signing_key(secret: &Secret) -> Result<SigningKey, WebhookError> {
    SigningKey::new(secret)
        .ok_or_else(|| WebhookError::Secret("a secret was made badly".to_owned()))
}
