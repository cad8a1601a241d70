//! `fuelgate simulator dry-run`: an exchange, typed or of a HAR file, against the event rules; never how a rule decides.

use std::collections::BTreeMap;
use std::fs::File;

use clap::Args as ClapArgs;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::message::{json, written};
use super::{read, text_of};
use crate::base::ceilings::simulator::HAR_BYTES;
use crate::cli::client::error::CliError;
use crate::cli::client::http::Admin;
use crate::cli::client::print::{Column, Output, clean};

const RULES: &[Column] = &[
    ("RULE", "/rule"),
    ("TYPE", "/type"),
    ("FIRES", "/fires"),
    ("WHY NOT", "/why_not"),
    ("DETAIL", "/detail"),
    ("DATA", "/data"),
];

/// Arguments of `dry-run`.
#[derive(Debug, ClapArgs)]
#[command(group(clap::ArgGroup::new("exchange").required(true).args(["har", "url"])))]
pub(super) struct DryRun {
    /// The account whose key makes the request
    #[arg(long, alias = "account-id", value_name = "ID")]
    account: String,
    /// A HAR file with recorded exchanges, as browsers and proxies export them; - for standard input
    #[arg(long, value_name = "FILE")]
    har: Option<String>,
    /// Which exchange of the HAR file, from 0; the last without it
    #[arg(long, value_name = "N", requires = "har")]
    entry: Option<usize>,
    /// Method of the request
    #[arg(long, default_value = "POST", conflicts_with = "har")]
    method: String,
    /// Path and query of the request, or a whole URL
    #[arg(long)]
    url: Option<String>,
    /// A field of the request's header, such as 'content-type: text/plain'; may be repeated
    #[arg(long = "request-header", value_name = "FIELD", conflicts_with = "har")]
    request_headers: Vec<String>,
    /// JSON body of the request, @FILE or -
    #[arg(long, value_name = "JSON", conflicts_with = "har")]
    request_body: Option<String>,
    /// Status of the response
    #[arg(long, default_value_t = 201, conflicts_with = "har")]
    status: u16,
    /// A field of the response's header, such as 'location: /v1/contacts/c_1'; may be repeated
    #[arg(long = "response-header", value_name = "FIELD", conflicts_with = "har")]
    response_headers: Vec<String>,
    /// JSON body of the response, @FILE or -
    #[arg(long, value_name = "JSON", conflicts_with = "har")]
    response_body: Option<String>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Body<'a> {
    Typed {
        account_id: &'a str,
        request: Request<'a>,
        response: Response,
    },
    Recorded {
        account_id: &'a str,
        har_entry: Box<RawValue>,
    },
}

#[derive(Serialize)]
struct Request<'a> {
    method: &'a str,
    url: &'a str,
    headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct Response {
    status: u16,
    headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Box<RawValue>>,
}

/// A HAR file, as far as it is looked at here.
#[derive(Deserialize)]
struct Archive {
    log: Log,
}

#[derive(Deserialize)]
struct Log {
    entries: Vec<Box<RawValue>>,
}

impl DryRun {
    pub(super) async fn run(&self, admin: &Admin, output: &mut Output) -> Result<(), CliError> {
        let text = written(&self.body()?)?;
        let tried = admin.post_text(&["simulator", "dry-run"], text).await?;
        if output.is_json() {
            output.object(&tried, &[]);
            return Ok(());
        }
        match tried["route"]["path"].as_str() {
            Some(path) => output.note(&format!("route {}", clean(path))),
            None => {
                let why = tried["why_no_route"].as_str().unwrap_or_default();
                output.note(&format!("no route: {}", clean(why)));
            }
        }
        let list = serde_json::json!({"data": tried["rules"], "next_cursor": null});
        output.list(&list, RULES);
        Ok(())
    }

    fn body(&self) -> Result<Body<'_>, CliError> {
        let account_id = &self.account;
        if let Some(path) = &self.har {
            let har_entry = self.recorded(path)?;
            return Ok(Body::Recorded {
                account_id,
                har_entry,
            });
        }
        let body = |flag: &Option<String>, name: &str| {
            let text = flag.as_deref().map(text_of).transpose()?;
            text.map(|t| json(&t, name)).transpose()
        };
        Ok(Body::Typed {
            account_id,
            request: Request {
                method: &self.method,
                url: self.url.as_deref().unwrap_or_default(),
                headers: fields(&self.request_headers)?,
                body: body(&self.request_body, "--request-body")?,
            },
            response: Response {
                status: self.status,
                headers: fields(&self.response_headers)?,
                body: body(&self.response_body, "--response-body")?,
            },
        })
    }

    fn recorded(&self, path: &str) -> Result<Box<RawValue>, CliError> {
        let text = if path == "-" {
            read("standard input", std::io::stdin(), HAR_BYTES)?
        } else {
            let file = File::open(path).map_err(|e| CliError::usage(format!("{path}: {e}")))?;
            read(path, file, HAR_BYTES)?
        };
        let bad = |e: serde_json::Error| CliError::usage(format!("{path} is no HAR file: {e}"));
        let mut entries = serde_json::from_str::<Archive>(&text)
            .map_err(bad)?
            .log
            .entries;
        let count = entries.len();
        let wanted = self.entry.or(count.checked_sub(1));
        match wanted.filter(|n| *n < count) {
            Some(n) => Ok(entries.swap_remove(n)),
            None => Err(CliError::usage(format!("{path} has {count} entries"))),
        }
    }
}

fn fields(flags: &[String]) -> Result<BTreeMap<String, String>, CliError> {
    let one = |flag: &String| {
        let (name, value) = flag.split_once(':')?;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    };
    flags
        .iter()
        .map(|flag| {
            one(flag).ok_or_else(|| CliError::usage(format!("{flag}: expected `name: value`")))
        })
        .collect()
}
