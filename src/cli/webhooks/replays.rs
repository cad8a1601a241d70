//! `fuelgate webhooks replays`: starts many deliveries anew and watches over it; never which ones a step takes.

use clap::{Args as ClapArgs, Subcommand};
use serde_json::{Map, Value, json};

use crate::cli::client::PageArgs;
use crate::cli::client::error::CliError;
use crate::cli::client::http::Admin;
use crate::cli::client::print::{Column, Output};

const REPLAYS: &[Column] = &[
    ("ID", "/id"),
    ("STATUS", "/status"),
    ("ONLY", "/only"),
    ("ACCOUNT", "/account_id"),
    ("WEBHOOK", "/webhook_id"),
    ("FROM", "/from"),
    ("TO", "/to"),
    ("REPLAYED", "/replayed"),
];

const REPLAY: &[Column] = &[
    ("id", "/id"),
    ("status", "/status"),
    ("only", "/only"),
    ("account", "/account_id"),
    ("webhook", "/webhook_id"),
    ("event types", "/event_types"),
    ("from", "/from"),
    ("to", "/to"),
    ("per second", "/per_second"),
    ("replayed", "/replayed"),
    ("created", "/created_at"),
    ("finished", "/finished_at"),
];

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Start deliveries of a range of time anew, or make those that a webhook missed, at a rate; it goes on by itself
    Create(Create),
    /// List replays, newest first
    List {
        #[command(flatten)]
        page: PageArgs,
    },
    /// Show how far a replay came
    Get {
        /// Id of the replay
        #[arg(value_name = "REPLAY_ID")]
        id: String,
    },
    /// End a replay; what it has started anew goes its way
    Cancel {
        /// Id of the replay
        #[arg(value_name = "REPLAY_ID")]
        id: String,
    },
}

#[derive(Debug, ClapArgs)]
pub(super) struct Create {
    /// Deliveries made, or events that happened, from this instant on, such as 2026-11-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    from: String,
    /// Deliveries made, or events that happened, before this instant
    #[arg(long, value_name = "TIME")]
    to: String,
    /// Deliveries that have failed, or all that have ended; or events that the webhook missed, or that were not delivered
    /// to it for whatever reason
    #[arg(long, value_parser = ["failed", "all", "missed", "undelivered"], default_value = "failed")]
    only: String,
    /// Only those of this account
    #[arg(long, alias = "account-id", value_name = "ID")]
    account: Option<String>,
    /// Only those to this webhook
    #[arg(long, alias = "webhook-id", value_name = "WEBHOOK_ID")]
    webhook: Option<String>,
    /// Only those of this type, such as contact.created or contact.*; may be repeated
    #[arg(
        long = "event-type",
        alias = "event-types",
        value_delimiter = ',',
        value_name = "TYPE"
    )]
    event_types: Vec<String>,
    /// How many a second, 50 where it is left out
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000))]
    per_second: Option<u32>,
}

impl Create {
    fn body(&self) -> Value {
        let mut body = Map::new();
        let mut add = |name: &str, value: Value| body.insert(name.to_owned(), value);
        add("from", json!(self.from));
        add("to", json!(self.to));
        add("only", json!(self.only));
        for (name, value) in [("account_id", &self.account), ("webhook_id", &self.webhook)] {
            if let Some(value) = value {
                add(name, json!(value));
            }
        }
        if !self.event_types.is_empty() {
            add("event_types", json!(self.event_types));
        }
        if let Some(n) = self.per_second {
            add("per_second", json!(n));
        }
        Value::Object(body)
    }
}

pub(super) async fn execute(
    command: Command,
    admin: &Admin,
    output: &mut Output,
) -> Result<(), CliError> {
    match command {
        Command::Create(create) => {
            let made = admin.post(&["replays"], &create.body()).await?;
            output.object(&made, REPLAY);
            output.note(
                "It goes on by itself: `fuelgate webhooks replays get` shows how far it came.",
            );
        }
        Command::List { page } => {
            output.list(&admin.get(&["replays"], &page.query()).await?, REPLAYS);
        }
        Command::Get { id } => {
            output.object(&admin.get(&["replays", &id], &[]).await?, REPLAY);
        }
        Command::Cancel { id } => {
            let ended = admin.post(&["replays", &id, "cancel"], &json!({})).await?;
            output.object(&ended, REPLAY);
        }
    }
    Ok(())
}
