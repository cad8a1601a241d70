//! `fuelgate simulator inbox`: makes, lists, reads and deletes inboxes; never what is caught there.

use clap::Subcommand;
use serde_json::{Map, Value, json};

use crate::cli::client::PageArgs;
use crate::cli::client::error::CliError;
use crate::cli::client::http::Admin;
use crate::cli::client::print::{Column, Output};

const INBOX: &[Column] = &[
    ("id", "/id"),
    ("url", "/url"),
    ("secret", "/secret"),
    ("account", "/account_id"),
    ("expires", "/expires_at"),
];

const INBOXES: &[Column] = &[
    ("ID", "/id"),
    ("ACCOUNT", "/account_id"),
    ("EXPIRES", "/expires_at"),
    ("URL", "/url"),
];

const MESSAGES: &[Column] = &[
    ("RECEIVED", "/received_at"),
    ("VERIFIED", "/verified"),
    ("SIGNED BY", "/signed_by"),
    ("WHY NOT", "/why_not"),
    ("WEBHOOK-ID", "/webhook_id"),
    ("BODY", "/body/text"),
];

/// What to do with inboxes.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make an inbox and show its address and its secret
    Create {
        /// Its account
        #[arg(long, alias = "account-id", value_name = "ID")]
        account: String,
        /// How long it lives, a day at most; an hour without it
        #[arg(long, value_name = "SECONDS")]
        expires_in_seconds: Option<u64>,
    },
    /// List the inboxes of an account, newest first
    List {
        /// The account
        #[arg(long, alias = "account-id", value_name = "ID")]
        account: String,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Show what an inbox caught, newest first
    Messages {
        /// Id of the inbox
        #[arg(value_name = "INBOX_ID")]
        id: String,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Delete an inbox and what it caught
    Delete {
        /// Id of the inbox
        #[arg(value_name = "INBOX_ID")]
        id: String,
    },
}

pub(super) async fn run(
    command: Command,
    admin: &Admin,
    output: &mut Output,
) -> Result<(), CliError> {
    match command {
        Command::Create {
            account,
            expires_in_seconds,
        } => {
            let mut body = Map::new();
            body.insert("account_id".into(), json!(account));
            if let Some(seconds) = expires_in_seconds {
                body.insert("expires_in_seconds".into(), json!(seconds));
            }
            let made = admin.post(&["simulator", "inboxes"], &body.into()).await?;
            output.object(&made, INBOX);
            output.note("Keep the secret now: it is shown this once. Give the address to a webhook, or send to it with `simulator send --inbox`.");
        }
        Command::List { account, page } => {
            let mut query = page.query();
            query.push(("account_id", account));
            output.list(
                &admin.get(&["simulator", "inboxes"], &query).await?,
                INBOXES,
            );
        }
        Command::Messages { id, page } => {
            let path = ["simulator", "inboxes", &id, "messages"];
            let mut list = admin.get(&path, &page.query()).await?;
            if !output.is_json() {
                let rows = list["data"].as_array_mut();
                rows.into_iter().flatten().for_each(add_webhook_id);
            }
            output.list(&list, MESSAGES);
        }
        Command::Delete { id } => {
            admin.delete(&["simulator", "inboxes", &id]).await?;
            let object = json!({"id": id, "deleted": true});
            output.done(&format!("{id} is deleted"), &object);
        }
    }
    Ok(())
}

/// Adds the webhook's id, which is among the header fields.
fn add_webhook_id(message: &mut Value) {
    let fields = message["headers"].as_array();
    let id = fields
        .into_iter()
        .flatten()
        .find(|f| f["name"] == "webhook-id")
        .map(|f| f["value"].clone());
    if let Value::Object(map) = message {
        map.insert("webhook_id".into(), id.unwrap_or_default());
    }
}
