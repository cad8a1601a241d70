//! `fuelgate webhooks`: manages webhooks, their deliveries and events through the admin API; never how a delivery is made.

mod log;
mod replays;

use clap::{Args as ClapArgs, Subcommand};
use serde_json::{Map, Value, json};

use super::client::error::CliError;
use super::client::http::Admin;
use super::client::print::{Column, Output};
use super::client::{Connection, PageArgs, add};

const WEBHOOKS: &[Column] = &[
    ("ID", "/id"),
    ("ACCOUNT", "/account_id"),
    ("STATUS", "/status"),
    ("URL", "/url"),
    ("EVENT TYPES", "/event_types"),
    ("WHY DISABLED", "/disabled_reason"),
];

const WEBHOOK: &[Column] = &[
    ("id", "/id"),
    ("secret", "/secret"),
    ("account", "/account_id"),
    ("status", "/status"),
    ("why disabled", "/disabled_reason"),
    ("url", "/url"),
    ("event types", "/event_types"),
    ("description", "/description"),
    ("created", "/created_at"),
];

const DELIVERIES: &[Column] = &[
    ("ID", "/id"),
    ("EVENT", "/event_id"),
    ("TYPE", "/type"),
    ("STATUS", "/status"),
    ("ATTEMPTS", "/attempt_count"),
    ("LAST REPLY", "/last/status"),
    ("LAST ERROR", "/last/error"),
    ("CREATED", "/created_at"),
    ("NEXT ATTEMPT", "/next_attempt_at"),
];

const DELIVERY: &[Column] = &[
    ("id", "/id"),
    ("event", "/event_id"),
    ("webhook", "/webhook_id"),
    ("type", "/type"),
    ("status", "/status"),
    ("created", "/created_at"),
    ("next attempt", "/next_attempt_at"),
];

const EVENTS: &[Column] = &[
    ("ID", "/id"),
    ("ACCOUNT", "/account_id"),
    ("TYPE", "/type"),
    ("STATUS", "/status"),
    ("SEQUENCE", "/sequence"),
    ("TIME", "/timestamp"),
    ("RESOURCE", "/resource_id"),
    ("REQUEST", "/request_id"),
];

const EVENT: &[Column] = &[
    ("id", "/id"),
    ("account", "/account_id"),
    ("type", "/type"),
    ("status", "/status"),
    ("sequence", "/sequence"),
    ("time", "/timestamp"),
];

/// Manage webhooks, their deliveries and events.
#[derive(Debug, ClapArgs)]
pub struct Args {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a webhook and show its signing secret, once
    Create(Create),
    /// List webhooks, newest first
    List {
        /// Only those of this account
        #[arg(long, alias = "account-id", value_name = "ID")]
        account: Option<String>,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Change a webhook; what is not named stays
    Update(Update),
    /// Delete webhooks
    Delete {
        /// Ids of the webhooks
        #[arg(required = true, value_name = "WEBHOOK_ID")]
        ids: Vec<String>,
    },
    /// Give a webhook a new signing secret, shown once; the old one signs as well for a day
    RotateSecret {
        /// Id of the webhook
        #[arg(value_name = "WEBHOOK_ID")]
        id: String,
    },
    /// End the secrets before the present one at once, as one that others know requires
    RevokePreviousSecrets {
        /// Id of the webhook
        #[arg(value_name = "WEBHOOK_ID")]
        id: String,
    },
    /// Send an event of type webhook.test
    Test {
        /// Id of the webhook
        #[arg(value_name = "WEBHOOK_ID")]
        id: String,
    },
    /// List what was sent to a webhook, newest first
    Deliveries(Deliveries),
    /// List deliveries to any webhook, newest first; with --status failed the dead letters
    Log(log::Log),
    /// Start many deliveries anew: of a range of time, or all that have failed
    #[command(subcommand)]
    Replays(replays::Command),
    /// Attempt a delivery again, now
    Retry {
        /// Id of the delivery
        #[arg(value_name = "DELIVERY_ID")]
        id: String,
    },
    /// List events, newest first
    Events(Events),
    /// Deliver an event again to every webhook that wants it
    Replay {
        /// Id of the event
        #[arg(value_name = "EVENT_ID")]
        id: String,
    },
}

#[derive(Debug, ClapArgs)]
struct Create {
    /// The account whose events it gets
    #[arg(long, alias = "account-id", value_name = "ID")]
    account: String,
    /// Where deliveries go
    #[arg(long)]
    url: String,
    /// A type that it wants, such as contact.created; may be repeated
    #[arg(
        long = "event-type",
        alias = "event-types",
        required = true,
        value_delimiter = ',',
        value_name = "TYPE"
    )]
    event_types: Vec<String>,
    /// What its owner calls it
    #[arg(long)]
    description: Option<String>,
}

#[derive(Debug, ClapArgs)]
#[command(group(clap::ArgGroup::new("change").required(true).multiple(true)
    .args(["url", "event_types", "description", "status"])))]
struct Update {
    /// Id of the webhook
    #[arg(value_name = "WEBHOOK_ID")]
    id: String,
    /// Another target
    #[arg(long)]
    url: Option<String>,
    /// The types that it wants from now on; may be repeated
    #[arg(
        long = "event-type",
        alias = "event-types",
        value_delimiter = ',',
        value_name = "TYPE"
    )]
    event_types: Vec<String>,
    /// Another description; an empty one removes it
    #[arg(long)]
    description: Option<String>,
    /// paused lets deliveries wait, active lets them go, also after the webhook was disabled
    #[arg(long, value_parser = ["active", "paused", "disabled"])]
    status: Option<String>,
}

#[derive(Debug, ClapArgs)]
struct Deliveries {
    /// Id of the webhook
    #[arg(value_name = "WEBHOOK_ID")]
    id: String,
    /// Only those of this event
    #[arg(long, value_name = "EVENT_ID")]
    event: Option<String>,
    /// Only those that stand so
    #[arg(long, value_parser = ["pending", "succeeded", "failed", "cancelled"])]
    status: Option<String>,
    #[command(flatten)]
    page: PageArgs,
}

#[derive(Debug, ClapArgs)]
struct Events {
    /// Only those of this account
    #[arg(long, alias = "account-id", value_name = "ID")]
    account: Option<String>,
    /// Only those of this type
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Option<String>,
    /// Only those that stand so
    #[arg(long, value_parser = ["pending", "released", "unresolved"])]
    status: Option<String>,
    #[command(flatten)]
    page: PageArgs,
}

impl Create {
    fn body(&self) -> Value {
        let mut body = Map::new();
        body.insert("account_id".into(), json!(self.account));
        body.insert("url".into(), json!(self.url));
        body.insert("event_types".into(), json!(self.event_types));
        if let Some(description) = &self.description {
            body.insert("description".into(), json!(description));
        }
        Value::Object(body)
    }
}

impl Update {
    fn body(&self) -> Value {
        let mut body = Map::new();
        if let Some(url) = &self.url {
            body.insert("url".into(), json!(url));
        }
        if !self.event_types.is_empty() {
            body.insert("event_types".into(), json!(self.event_types));
        }
        if let Some(text) = &self.description {
            let text = Some(text).filter(|t| !t.is_empty());
            body.insert("description".into(), json!(text));
        }
        if let Some(status) = &self.status {
            body.insert("status".into(), json!(status));
        }
        Value::Object(body)
    }
}

/// Runs the command.
///
/// # Errors
/// See [`CliError`].
pub async fn run(args: Args) -> Result<(), CliError> {
    let (admin, mut output) = args.connection.open()?;
    execute(args.command, &admin, &mut output).await
}

async fn execute(command: Command, admin: &Admin, output: &mut Output) -> Result<(), CliError> {
    match command {
        Command::Create(create) => {
            let made = admin.post(&["webhooks"], &create.body()).await?;
            show_secret(output, &made);
        }
        Command::List { account, page } => {
            let mut query = page.query();
            add(&mut query, [("account_id", &account)]);
            output.list(&admin.get(&["webhooks"], &query).await?, WEBHOOKS);
        }
        Command::Update(update) => {
            let changed = admin
                .patch(&["webhooks", &update.id], &update.body())
                .await?;
            output.object(&changed, WEBHOOK);
        }
        Command::Delete { ids } => {
            for id in ids {
                admin.delete(&["webhooks", &id]).await?;
                let object = json!({"id": id, "deleted": true});
                output.done(&format!("{id} is deleted"), &object);
            }
        }
        Command::RotateSecret { id } => {
            let made = admin
                .post(&["webhooks", &id, "rotate-secret"], &json!({}))
                .await?;
            show_secret(output, &made);
        }
        Command::RevokePreviousSecrets { id } => {
            let changed = admin
                .post(&["webhooks", &id, "revoke-previous-secrets"], &json!({}))
                .await?;
            output.object(&changed, WEBHOOK);
        }
        Command::Test { id } => {
            let delivery = admin.post(&["webhooks", &id, "test"], &json!({})).await?;
            output.object(&delivery, DELIVERY);
        }
        Command::Deliveries(wanted) => deliveries(wanted, admin, output).await?,
        Command::Log(wanted) => log::execute(wanted, admin, output).await?,
        Command::Replays(command) => replays::execute(command, admin, output).await?,
        Command::Retry { id } => {
            let delivery = admin
                .post(&["deliveries", &id, "retry"], &json!({}))
                .await?;
            output.object(&delivery, DELIVERY);
        }
        Command::Events(wanted) => events(wanted, admin, output).await?,
        Command::Replay { id } => {
            let event = admin.post(&["events", &id, "replay"], &json!({})).await?;
            output.object(&event, EVENT);
        }
    }
    Ok(())
}

async fn deliveries(
    wanted: Deliveries,
    admin: &Admin,
    output: &mut Output,
) -> Result<(), CliError> {
    let mut query = wanted.page.query();
    let filters = [("event_id", &wanted.event), ("status", &wanted.status)];
    add(&mut query, filters);
    let path = ["webhooks", wanted.id.as_str(), "deliveries"];
    let mut list = admin.get(&path, &query).await?;
    if !output.is_json() {
        let rows = list["data"].as_array_mut();
        rows.into_iter().flatten().for_each(sum_up_attempts);
    }
    output.list(&list, DELIVERIES);
    Ok(())
}

/// Adds how many attempts there were and the last of them, which is what fits on a line.
fn sum_up_attempts(delivery: &mut Value) {
    let attempts = delivery["attempts"].as_array().cloned().unwrap_or_default();
    if let Value::Object(map) = delivery {
        map.insert("attempt_count".into(), json!(attempts.len()));
        map.insert("last".into(), json!(attempts.last()));
    }
}

async fn events(wanted: Events, admin: &Admin, output: &mut Output) -> Result<(), CliError> {
    let mut query = wanted.page.query();
    let filters = [
        ("account_id", &wanted.account),
        ("type", &wanted.event_type),
        ("status", &wanted.status),
    ];
    add(&mut query, filters);
    output.list(&admin.get(&["events"], &query).await?, EVENTS);
    Ok(())
}

fn show_secret(output: &mut Output, webhook: &Value) {
    output.object(webhook, WEBHOOK);
    output.note("Keep the secret now: it is shown this once and cannot be had again.");
}

#[cfg(test)]
mod tests;
