//! `fuelgate keys`: makes, lists, revokes, rotates and imports API keys through the admin API; never what a key may do.

mod import;

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};
use serde_json::{Map, Value, json};

use crate::base::clock::Timestamp;

use super::client::error::CliError;
use super::client::http::Admin;
use super::client::print::{Column, Output};
use super::client::{Connection, PageArgs, add};

/// Where the old secret of a rotated key ends unless the caller says otherwise: a day, time enough to deploy the new one.
const GRACE_SECONDS: u64 = 86_400;

const COLUMNS: &[Column] = &[
    ("ID", "/id"),
    ("ACCOUNT", "/account_id"),
    ("NAME", "/name"),
    ("STATUS", "/status"),
    ("PREFIX", "/prefix"),
    ("LAST FOUR", "/last_four"),
    ("SCOPES", "/scopes"),
    ("EXPIRES", "/expires_at"),
    ("LAST USED", "/last_used_at"),
];

const FIELDS: &[Column] = &[
    ("id", "/id"),
    ("secret", "/secret"),
    ("account", "/account_id"),
    ("name", "/name"),
    ("status", "/status"),
    ("scopes", "/scopes"),
    ("expires", "/expires_at"),
    ("allowed ips", "/allowed_ips"),
];

/// Manage API keys.
#[derive(Debug, ClapArgs)]
pub struct Args {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a key and show its secret, once
    Create(Create),
    /// List keys, newest first
    List {
        /// Only those of this account
        #[arg(long, alias = "account-id", value_name = "ID")]
        account: Option<String>,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Revoke keys for ever
    Revoke {
        /// Ids of the keys
        #[arg(required = true, value_name = "KEY_ID")]
        ids: Vec<String>,
    },
    /// Give a key a new secret, shown once; its id stays
    Rotate {
        /// Id of the key
        #[arg(value_name = "KEY_ID")]
        id: String,
        /// How long the old secret still works; 0 ends it at once
        #[arg(long, default_value_t = GRACE_SECONDS, value_name = "SECONDS")]
        grace_seconds: u64,
    },
    /// Take over digests of existing keys, from JSON lines or a JSON array
    Import {
        /// The file; - reads standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

#[derive(Debug, ClapArgs)]
#[command(group(clap::ArgGroup::new("expiry").required(true).args(["expires_in_days", "expires_at"])))]
struct Create {
    /// The account that owns the key; an unknown one is made with the default plan
    #[arg(long, alias = "account-id", value_name = "ID")]
    account: String,
    /// What its owner calls it
    #[arg(long)]
    name: String,
    /// What it may do; may be repeated
    #[arg(
        long = "scope",
        alias = "scopes",
        required = true,
        value_delimiter = ',',
        value_name = "SCOPE"
    )]
    scopes: Vec<String>,
    /// Its life
    #[arg(long, value_parser = ["30", "90", "180", "never"], value_name = "DAYS")]
    expires_in_days: Option<String>,
    /// The instant at which it ends, such as 2027-01-31T00:00:00Z
    #[arg(long, value_parser = Timestamp::parse, value_name = "INSTANT")]
    expires_at: Option<Timestamp>,
    /// Addresses and networks that it may be used from; may be repeated; everywhere when left out
    #[arg(
        long = "allowed-ip",
        alias = "allowed-ips",
        value_delimiter = ',',
        value_name = "CIDR"
    )]
    allowed_ips: Vec<String>,
}

impl Create {
    fn body(&self) -> Value {
        let mut body = Map::new();
        body.insert("account_id".into(), json!(self.account));
        body.insert("name".into(), json!(self.name));
        body.insert("scopes".into(), json!(self.scopes));
        if let Some(instant) = self.expires_at {
            body.insert("expires_at".into(), json!(instant));
        } else {
            let days = self.expires_in_days.as_deref();
            let days: Option<u32> = days.and_then(|d| d.parse().ok());
            body.insert("expires_in_days".into(), json!(days));
        }
        if !self.allowed_ips.is_empty() {
            body.insert("allowed_ips".into(), json!(self.allowed_ips));
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
            let key = admin.post(&["keys"], &create.body()).await?;
            show_secret(output, &key);
        }
        Command::List { account, page } => {
            let mut query = page.query();
            add(&mut query, [("account_id", &account)]);
            output.list(&admin.get(&["keys"], &query).await?, COLUMNS);
        }
        Command::Revoke { ids } => {
            for id in ids {
                admin.delete(&["keys", &id]).await?;
                let object = json!({"id": id, "status": "revoked"});
                output.done(&format!("{id} is revoked"), &object);
            }
        }
        Command::Rotate { id, grace_seconds } => {
            let body = json!({"grace_seconds": grace_seconds});
            let key = admin.post(&["keys", &id, "rotate"], &body).await?;
            show_secret(output, &key);
            output.note(&format!(
                "The old secret works for another {grace_seconds} seconds."
            ));
        }
        Command::Import { file } => import::run(&file, admin, output).await?,
    }
    Ok(())
}

fn show_secret(output: &mut Output, key: &Value) {
    output.object(key, FIELDS);
    output.note("Keep the secret now: it is shown this once and cannot be had again.");
}

#[cfg(test)]
mod tests;
