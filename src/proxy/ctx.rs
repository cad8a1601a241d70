//! What a request carries through its phases; never shared between requests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderValue;
use pingora::Result;
use pingora::http::ResponseHeader;
use pingora::proxy::Session;
use smallvec::SmallVec;

use super::attach::Attached;
use super::client::Client;
use super::connection::Connection;
use super::events::Exchange;
use super::in_flight::Counted;
use super::io::ClientIo;
use super::refusal::Refusal;
use super::request_id::RequestId;
use super::snapshot::{RouteRuntime, Snapshot};
use crate::base::clock::{Clock, Timestamp};
use crate::base::error::Code;
use crate::config::model::Auth;
use crate::keys::cache::Entry;
use crate::limits::Ticket;
use crate::limits::fields::RateLimit;

/// How far a request came towards its upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Progress {
    /// It has not left.
    #[default]
    Held,
    /// Its header went out: from here on it counts, and is never sent again.
    Sent,
    /// The upstream's final header came.
    Answered,
}

/// The rate-limit fields of one answer.
#[derive(Debug, Clone)]
pub struct RateFields {
    /// `RateLimit-Policy`.
    pub policy: HeaderValue,
    /// `RateLimit`.
    pub limit: RateLimit,
}

/// What a request carries through its phases.
pub struct Ctx {
    /// The configuration it began with, and finishes on.
    pub snapshot: Arc<Snapshot>,
    /// What is known of its connection in HTTP/2; in HTTP/1 the socket has it, see [`Ctx::connection`].
    pub stream: Option<Box<Connection>>,
    /// When it began, for durations.
    pub started: Instant,
    /// When it began, for decisions.
    pub now: Timestamp,
    /// Its id.
    pub request_id: RequestId,
    /// Who sent it.
    pub client: Option<Client>,
    /// Index of its route.
    pub route: Option<usize>,
    /// Path and query for the upstream, where they differ from what came.
    pub forward_target: Option<String>,
    /// Its key, once that was found.
    pub key: Option<Arc<Entry<Attached>>>,
    /// Whether its `Authorization` goes on untouched.
    pub passes_credentials: bool,
    /// Rate-limit fields of its answer.
    pub rate: Option<RateFields>,
    /// What was taken from the limits for it; goes back if it never leaves.
    pub ticket: Option<Ticket>,
    /// What event rules need of it, on routes that have some.
    pub exchange: Option<Box<Exchange>>,
    /// Index of the upstream it goes to.
    pub upstream: Option<usize>,
    /// Index of the target that it went to last.
    pub target: Option<usize>,
    /// Targets of that upstream that were tried.
    pub tried: SmallVec<[usize; 4]>,
    /// How far it came.
    pub progress: Progress,
    /// When the way to the upstream began, connecting included.
    pub upstream_began: Option<Instant>,
    /// Time until the upstream's response was complete.
    pub upstream_time: Duration,
    /// Bytes of its body so far.
    pub bytes_in: u64,
    /// Bytes of the response's body so far.
    pub bytes_out: u64,
    /// Status that the client got; 0 where it got none.
    pub status: u16,
    /// The code of an answer of ours.
    pub refused: Option<Code>,
    /// What an error in flight is to be answered with.
    pub failing: Option<Refusal>,
    /// Whether the client's side broke: its body is not worth reading.
    pub client_failed: bool,
    _counted: Counted,
}

impl Ctx {
    /// The state of a request that begins now.
    pub fn new(snapshot: Arc<Snapshot>, clock: &Clock, counted: Counted) -> Self {
        let started = Instant::now();
        Self {
            snapshot,
            stream: None,
            started,
            now: clock.at(started),
            request_id: RequestId::random(),
            client: None,
            route: None,
            forward_target: None,
            key: None,
            passes_credentials: false,
            rate: None,
            ticket: None,
            exchange: None,
            upstream: None,
            target: None,
            tried: SmallVec::new(),
            progress: Progress::Held,
            upstream_began: None,
            upstream_time: Duration::ZERO,
            bytes_in: 0,
            bytes_out: 0,
            status: 0,
            refused: None,
            failing: None,
            client_failed: false,
            _counted: counted,
        }
    }

    /// The connection that it came on.
    pub fn connection<'a>(&'a self, session: &'a Session) -> Option<&'a Connection> {
        self.stream
            .as_deref()
            .or_else(|| ClientIo::of(session).map(ClientIo::connection))
    }

    /// Its route, once that was found.
    pub fn route(&self) -> Option<&RouteRuntime> {
        self.snapshot.routes.get(self.route?)
    }

    /// Who may call its route.
    pub fn auth(&self) -> Option<Auth> {
        self.route().map(|r| r.route.auth)
    }

    /// Writes what every answer carries as lines of a header, but for what is deprecated.
    pub fn write_fields(&self, out: &mut Vec<u8>) {
        let mut line = |name: &[u8], value: &[u8]| {
            out.extend_from_slice(name);
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
        };
        line(b"X-Request-Id: ", self.request_id.as_bytes());
        if let Some(rate) = &self.rate {
            line(b"RateLimit-Policy: ", rate.policy.as_bytes());
            line(b"RateLimit: ", rate.limit.as_bytes());
        }
    }

    /// Adds what every answer carries, whoever made it.
    ///
    /// # Errors
    /// Never with values that were made here.
    pub fn add_fields(&self, header: &mut ResponseHeader) -> Result<()> {
        header.insert_header("X-Request-Id", self.request_id.value())?;
        if let Some(rate) = &self.rate {
            header.insert_header("RateLimit-Policy", rate.policy.clone())?;
            header.insert_header("RateLimit", rate.limit.value())?;
        }
        self.add_deprecation(header)
    }

    /// Adds what the answers of a deprecated route carry.
    ///
    /// # Errors
    /// Never with values that were made here.
    pub fn add_deprecation(&self, header: &mut ResponseHeader) -> Result<()> {
        if let Some(deprecated) = self.route().and_then(|r| r.deprecated.as_ref()) {
            deprecated.add_to(header)?;
        }
        Ok(())
    }
}
