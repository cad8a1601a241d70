//! `fuelgate webhooks log`: deliveries to any webhook, dead letters among them; never one webhook's own list.

use clap::Args as ClapArgs;

use super::sum_up_attempts;
use crate::cli::client::error::CliError;
use crate::cli::client::http::Admin;
use crate::cli::client::print::{Column, Output};
use crate::cli::client::{PageArgs, add};

const DELIVERIES: &[Column] = &[
    ("ID", "/id"),
    ("ACCOUNT", "/account_id"),
    ("WEBHOOK", "/webhook_id"),
    ("EVENT", "/event_id"),
    ("TYPE", "/type"),
    ("STATUS", "/status"),
    ("ATTEMPTS", "/attempt_count"),
    ("LAST REPLY", "/last/status"),
    ("LAST ERROR", "/last/error"),
    ("CREATED", "/created_at"),
];

#[derive(Debug, ClapArgs)]
pub(super) struct Log {
    /// Only those of this account
    #[arg(long, alias = "account-id", value_name = "ID")]
    account: Option<String>,
    /// Only those to this webhook
    #[arg(long, alias = "webhook-id", value_name = "WEBHOOK_ID")]
    webhook: Option<String>,
    /// Only those of this event
    #[arg(long, value_name = "EVENT_ID")]
    event: Option<String>,
    /// Only those of events of this type
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Option<String>,
    /// Only those that stand so; failed ones are dead letters
    #[arg(long, value_parser = ["pending", "succeeded", "failed", "cancelled"])]
    status: Option<String>,
    /// Only those made from this instant on, such as 2026-11-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Only those made before this instant
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    #[command(flatten)]
    page: PageArgs,
}

pub(super) async fn execute(
    wanted: Log,
    admin: &Admin,
    output: &mut Output,
) -> Result<(), CliError> {
    let mut query = wanted.page.query();
    let filters = [
        ("account_id", &wanted.account),
        ("webhook_id", &wanted.webhook),
        ("event_id", &wanted.event),
        ("type", &wanted.event_type),
        ("status", &wanted.status),
        ("from", &wanted.from),
        ("to", &wanted.to),
    ];
    add(&mut query, filters);
    let mut list = admin.get(&["deliveries"], &query).await?;
    if !output.is_json() {
        let rows = list["data"].as_array_mut();
        rows.into_iter().flatten().for_each(sum_up_attempts);
    }
    output.list(&list, DELIVERIES);
    Ok(())
}
