//! `fuelgate simulator compose` and `send`: a webhook as flags, and what came of it; never how one is signed.

use clap::Args as ClapArgs;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::text_of;
use crate::cli::client::error::CliError;
use crate::cli::client::http::Admin;
use crate::cli::client::print::{Column, Output, clean};

const EXCHANGES: &[Column] = &[
    ("SENT", "/note"),
    ("EXPECTED", "/expected"),
    ("STATUS", "/status"),
    ("MS", "/latency_ms"),
    ("AS EXPECTED", "/as_expected"),
    ("ERROR", "/error"),
    ("REPLY", "/reply_excerpt"),
];

/// What a webhook is made of, and whose secret signs it.
#[derive(Debug, ClapArgs)]
pub(super) struct Message {
    /// Type of the event
    #[arg(
        long = "type",
        value_name = "TYPE",
        required_unless_present = "body",
        conflicts_with = "body"
    )]
    event_type: Option<String>,
    /// What happened, as JSON, @FILE or - for standard input; an example of the type without it
    #[arg(long, value_name = "JSON", conflicts_with = "body")]
    data: Option<String>,
    /// The whole body instead, as text, @FILE or -
    #[arg(long, value_name = "TEXT")]
    body: Option<String>,
    /// The account that the event is of
    #[arg(long, alias = "account-id", value_name = "ID")]
    account: Option<String>,
    /// Sign with the secrets of this webhook
    #[arg(long, value_name = "WEBHOOK_ID", group = "signer")]
    webhook: Option<String>,
    /// Sign with the secret of this inbox
    #[arg(long, value_name = "INBOX_ID", group = "signer")]
    inbox: Option<String>,
    /// Sign with the secret (whsec_…) in this file; without any of the three one is made and shown
    #[arg(long, value_name = "FILE", group = "signer")]
    secret_file: Option<String>,
    /// The webhook-id; a new one without it
    #[arg(long)]
    id: Option<String>,
    /// Seconds of webhook-timestamp; now without it
    #[arg(long)]
    timestamp: Option<i64>,
    /// The event's number
    #[arg(long)]
    sequence: Option<u64>,
}

/// The same as the admin API takes it. JSON goes on as it was written.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    event_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inbox_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<u64>,
}

impl Message {
    fn body(&self) -> Result<Body<'_>, CliError> {
        let secret = self
            .secret_file
            .as_ref()
            .map(|path| text_of(&format!("@{path}")));
        let data = self.data.as_deref().map(text_of).transpose()?;
        Ok(Body {
            event_type: self.event_type.as_deref(),
            data: data.map(|text| json(&text, "--data")).transpose()?,
            body: self.body.as_deref().map(text_of).transpose()?,
            account_id: self.account.as_deref(),
            webhook_id: self.webhook.as_deref(),
            inbox_id: self.inbox.as_deref(),
            secret: secret.transpose()?.map(|text| text.trim().to_owned()),
            id: self.id.as_deref(),
            timestamp: self.timestamp,
            sequence: self.sequence,
        })
    }
}

/// JSON text, as it was written.
pub(super) fn json(text: &str, flag: &str) -> Result<Box<RawValue>, CliError> {
    RawValue::from_string(text.trim().to_owned())
        .map_err(|e| CliError::usage(format!("{flag} is not JSON: {e}")))
}

/// Text of a request.
pub(super) fn written(body: &impl Serialize) -> Result<String, CliError> {
    serde_json::to_string(body).map_err(|e| CliError::usage(format!("cannot be sent: {e}")))
}

/// Arguments of `compose`.
#[derive(Debug, ClapArgs)]
pub(super) struct Compose {
    #[command(flatten)]
    message: Message,
}

impl Compose {
    pub(super) async fn run(&self, admin: &Admin, output: &mut Output) -> Result<(), CliError> {
        let text = written(&self.message.body()?)?;
        let composed = admin.post_text(&["simulator", "compose"], text).await?;
        if output.is_json() {
            output.object(&composed, &[]);
            return Ok(());
        }
        for field in composed["headers"].as_array().into_iter().flatten() {
            let of = |name: &str| clean(field[name].as_str().unwrap_or_default());
            output.done(&format!("{}: {}", of("name"), of("value")), &Value::Null);
        }
        let of = |name: &str| composed[name].as_str().unwrap_or_default();
        output.done(&format!("\n{}", shown(of("body"))), &Value::Null);
        output.done(
            &format!("\nsigned: {}", shown(of("signed_text"))),
            &Value::Null,
        );
        show_secret(&composed, output);
        Ok(())
    }
}

/// Arguments of `send`.
#[derive(Debug, ClapArgs)]
pub(super) struct Send {
    #[command(flatten)]
    message: Message,
    /// Where to; the address of the webhook or inbox that signs without it
    #[arg(long)]
    url: Option<String>,
    /// What is wrong with it
    #[arg(long, value_parser = ["duplicate", "out_of_order", "old_timestamp", "wrong_signature", "slow", "huge"])]
    fault: Option<String>,
}

#[derive(Serialize)]
struct SendBody<'a> {
    message: Body<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<&'a str>,
}

impl Send {
    pub(super) async fn run(&self, admin: &Admin, output: &mut Output) -> Result<(), CliError> {
        let text = written(&SendBody {
            message: self.message.body()?,
            url: self.url.as_deref(),
            fault: self.fault.as_deref(),
        })?;
        let sent = admin.post_text(&["simulator", "send"], text).await?;
        if output.is_json() {
            output.object(&sent, &[]);
        } else {
            let list = serde_json::json!({"data": sent["exchanges"], "next_cursor": null});
            output.list(&list, EXCHANGES);
            show_secret(&sent, output);
        }
        if sent["as_expected"] == true {
            return Ok(());
        }
        Err(CliError::Unexpected(
            "the receiver did not do as a good one does".to_owned(),
        ))
    }
}

/// Text on lines of its own; other control characters must not steer a terminal.
fn shown(text: &str) -> String {
    text.lines().map(clean).collect::<Vec<_>>().join("\n")
}

fn show_secret(answer: &Value, output: &mut Output) {
    if let Some(secret) = answer["secret"].as_str() {
        output.done(&format!("\nsecret: {}", clean(secret)), &Value::Null);
        output.note("The secret was made for this webhook; nobody else has it.");
    }
}
