//! `fuelgate listen`: an account's events, sent to a local URL as webhooks are, in order and none left out; never a delivery of the gateway's.

mod forward;
mod remembered;
mod stream;

use std::time::Duration;

use clap::Args as ClapArgs;
use serde_json::json;

use self::forward::Forwarder;
use self::remembered::Remembered;
use self::stream::Lines;
use super::client::http::Admin;
use super::client::print::Output;
use super::client::{CliError, Connection};
use super::runtime;
use crate::base::ceilings::{LISTEN_LIFE, LISTEN_SILENCE, LISTEN_WAIT_FIRST, LISTEN_WAIT_MOST};
use crate::webhooks::feed::Line;

/// Stream an account's events to a local URL, signed, with no public endpoint.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Each event is sent until it is answered with 2xx, then the next. The signing secret is made at the start and printed;
set WEBHOOK_SECRET (whsec_…) to give your own.")]
pub struct Args {
    #[command(flatten)]
    connection: Connection,
    /// Whose events
    #[arg(long, alias = "account-id", value_name = "ID")]
    account: String,
    /// Where they are sent to, such as http://127.0.0.1:8000/hooks
    #[arg(long, value_name = "URL")]
    forward_to: String,
    /// Only these types, or patterns such as 'contact.*'; all without it
    #[arg(long, alias = "event-type", value_name = "TYPE", value_delimiter = ',')]
    event_types: Vec<String>,
    /// Begin after the event with this number; 0 is the oldest that is kept. Without it: what happens from now on
    #[arg(long, value_name = "SEQUENCE")]
    after: Option<u64>,
}

/// Runs the command until it is told to stop.
///
/// # Errors
/// See [`CliError`].
pub async fn run(args: Args) -> Result<(), CliError> {
    let (admin, mut output) = args.connection.open()?;
    let (forwarder, made) = Forwarder::new(&args.forward_to)?;
    if let Some(secret) = made {
        output.note(&format!("signing secret of this run: {}", secret.expose()));
    }
    let mut listener = Listener {
        admin,
        forwarder,
        output,
        account: args.account,
        event_types: args.event_types,
        is_whole: args.after != Some(0),
        after: args.after,
        after_id: None,
        has_begun: false,
        remembered: Remembered::default(),
    };
    let ended = tokio::select! {
        ended = listener.listen() => ended,
        () = runtime::stopped() => Ok(()),
    };
    if let Some(after) = listener.after {
        let note = format!("stopped after event {after}: go on with --after {after}");
        listener.output.note(&note);
    }
    ended
}

/// One run of the command.
struct Listener {
    admin: Admin,
    forwarder: Forwarder,
    output: Output,
    account: String,
    event_types: Vec<String>,
    /// Whether a number that is no longer kept is an end, since something was lost; not for one who asked for the oldest.
    is_whole: bool,
    /// The last number that is done with, and its event.
    after: Option<u64>,
    after_id: Option<String>,
    has_begun: bool,
    remembered: Remembered,
}

impl Listener {
    /// Goes from one stream to the next; only an error ends it.
    async fn listen(&mut self) -> Result<(), CliError> {
        let mut wait = LISTEN_WAIT_FIRST;
        loop {
            let (error, was_heard) = match self.open().await {
                Ok(mut lines) => self.follow(&mut lines).await?,
                Err(error) if self.may_pass(&error) => (Some(error), false),
                Err(error) => return Err(error),
            };
            if was_heard {
                wait = LISTEN_WAIT_FIRST;
            }
            // A stream that has simply ended, as each does in time, is nothing to speak of.
            if let Some(error) = error {
                self.output.note(&format!("{error}; trying again"));
            }
            tokio::time::sleep(wait.mul_f64(0.5 + fastrand::f64())).await;
            wait = (wait * 2).min(LISTEN_WAIT_MOST);
        }
    }

    /// Whether the same call may succeed later: an address or token that never worked is told at once.
    fn may_pass(&self, error: &CliError) -> bool {
        self.has_begun
            && match error {
                CliError::Unreachable { .. } | CliError::Unexpected(_) => true,
                CliError::Refused(refusal) => refusal.status >= 500,
                CliError::Usage(_) => false,
            }
    }

    async fn open(&self) -> Result<Lines, CliError> {
        let mut query = vec![("account_id", self.account.clone())];
        if !self.event_types.is_empty() {
            query.push(("event_types", self.event_types.join(",")));
        }
        query.extend(self.after.map(|n| ("after", n.to_string())));
        query.extend(self.after_id.clone().map(|id| ("after_id", id)));
        let limit = LISTEN_LIFE + LISTEN_SILENCE;
        let response = self.admin.stream(&["event-stream"], &query, limit).await?;
        Ok(Lines::new(response))
    }

    /// Takes the lines of one stream. Gives why it broke off, if it did, and whether anything was heard of it.
    async fn follow(&mut self, lines: &mut Lines) -> Result<(Option<CliError>, bool), CliError> {
        let mut was_heard = false;
        loop {
            let line = match lines.next(&self.admin).await {
                Ok(Some(line)) => line,
                Ok(None) => return Ok((None, was_heard)),
                Err(error) => return Ok((Some(error), was_heard)),
            };
            was_heard = true;
            match line {
                Line::Event {
                    id,
                    event_type,
                    sequence,
                    body,
                } => {
                    if self.remembered.is_new(&id) {
                        self.deliver(&id, &event_type, sequence, &body).await;
                    }
                    self.remembered.add(id.clone());
                    (self.after, self.after_id) = (Some(sequence), Some(id));
                }
                Line::Missing { from, to } => self.miss(from, to)?,
                Line::Position { sequence, id } => {
                    if !self.has_begun {
                        self.begin(sequence);
                    }
                    (self.after, self.after_id) = (Some(sequence), id);
                }
            }
        }
    }

    fn begin(&mut self, sequence: u64) {
        self.has_begun = true;
        self.output.note(&format!(
            "listening to {} after event {sequence}, sending to {}",
            self.account,
            self.forwarder.url()
        ));
    }

    fn miss(&mut self, from: u64, to: u64) -> Result<(), CliError> {
        let what = match from == to {
            true => format!("event {from} is"),
            false => format!("events {from} to {to} are"),
        };
        if self.is_whole {
            return Err(CliError::Unexpected(format!(
                "{what} no longer kept and will not come: go on without with --after {to}"
            )));
        }
        self.output.note(&format!("{what} no longer kept"));
        Ok(())
    }

    /// Sends an event until it is taken.
    async fn deliver(&mut self, id: &str, event_type: &str, sequence: u64, body: &str) {
        let mut wait = LISTEN_WAIT_FIRST;
        loop {
            let sent = self.forwarder.send(id, body).await;
            let said = match &sent.result {
                Ok(status) => status.to_string(),
                Err(why) => why.clone(),
            };
            let latency_ms = u64::try_from(sent.latency.as_millis()).unwrap_or(u64::MAX);
            let object = json!({
                "id": id, "type": event_type, "sequence": sequence, "status": sent.result.as_ref().ok(),
                "error": sent.result.as_ref().err(), "latency_ms": latency_ms,
            });
            let sentence = format!("{sequence}  {event_type}  {id}  {said}  {latency_ms} ms");
            self.output
                .happened(&super::client::print::clean(&sentence), &object);
            if sent.is_taken() {
                return;
            }
            tokio::time::sleep(wait.mul_f64(0.5 + fastrand::f64())).await;
            wait = Duration::min(wait * 2, LISTEN_WAIT_MOST);
        }
    }
}
