//! `fuelgate usage`: shows what was used, of what and by whom, through the admin API; never how it is counted.

use clap::Args as ClapArgs;
use serde_json::{Value, json};

use crate::base::clock::Timestamp;

use super::client::error::CliError;
use super::client::http::Admin;
use super::client::print::{Column, Output};
use super::client::{Connection, add};

const SUMMARY: &[Column] = &[
    ("WINDOW", "/window"),
    ("USED", "/used"),
    ("LIMIT", "/limit"),
    ("RESETS", "/resets_at"),
];

const SERIES: &[Column] = &[
    ("START", "/start"),
    ("REQUESTS", "/requests"),
    ("REJECTED", "/rejected"),
    ("2XX", "/by_status/2xx"),
    ("3XX", "/by_status/3xx"),
    ("4XX", "/by_status/4xx"),
    ("5XX", "/by_status/5xx"),
    ("BYTES IN", "/bytes_in"),
    ("BYTES OUT", "/bytes_out"),
    ("UPSTREAM MS", "/upstream_ms"),
];

const ENDPOINTS: &[Column] = &[
    ("METHOD", "/method"),
    ("ROUTE", "/route"),
    ("REQUESTS", "/requests"),
    ("ERRORS", "/errors"),
];

const CALLERS: &[Column] = &[
    ("ACCOUNT", "/account_id"),
    ("KEY", "/key_id"),
    ("REQUESTS", "/requests"),
    ("LAST", "/last_at"),
];

/// Show usage: an account's quotas, or with a flag its requests over time, its endpoints, or a route's callers.
#[derive(Debug, ClapArgs)]
#[command(group(clap::ArgGroup::new("view").args(["series", "endpoints", "callers"])))]
pub struct Args {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    what: What,
}

#[derive(Debug, ClapArgs)]
struct What {
    /// The account; --series and --endpoints cover all accounts without it
    #[arg(long, alias = "account-id", value_name = "ID")]
    account: Option<String>,
    /// Requests over time: a line per UTC hour, day or month
    #[arg(long, value_parser = ["hour", "day", "month"], value_name = "WIDTH")]
    series: Option<String>,
    /// The most called endpoints
    #[arg(long)]
    endpoints: bool,
    /// Who calls this route, such as /v1/contacts/{id}
    #[arg(long, value_name = "ROUTE")]
    callers: Option<String>,
    /// With --series: only this key
    #[arg(long, requires = "series", value_name = "KEY_ID")]
    key: Option<String>,
    /// Beginning of the range, such as 2026-11-01T00:00:00Z
    #[arg(long, requires = "view", value_parser = Timestamp::parse, value_name = "INSTANT")]
    from: Option<Timestamp>,
    /// End of the range, exclusive
    #[arg(long, requires = "view", value_parser = Timestamp::parse, value_name = "INSTANT")]
    to: Option<Timestamp>,
    /// With --endpoints or --callers: lines at most
    #[arg(long, conflicts_with = "series", requires = "view", value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: Option<u32>,
}

impl What {
    fn query(&self) -> Vec<(&'static str, String)> {
        let mut query = Vec::new();
        let text = |t: &Option<Timestamp>| t.map(|t| t.to_string());
        add(
            &mut query,
            [
                ("account_id", &self.account),
                ("granularity", &self.series),
                ("route", &self.callers),
                ("key_id", &self.key),
                ("from", &text(&self.from)),
                ("to", &text(&self.to)),
                ("limit", &self.limit.map(|l| l.to_string())),
            ],
        );
        query
    }
}

/// Runs the command.
///
/// # Errors
/// See [`CliError`].
pub async fn run(args: Args) -> Result<(), CliError> {
    let (admin, mut output) = args.connection.open()?;
    execute(&args.what, &admin, &mut output).await
}

async fn execute(what: &What, admin: &Admin, output: &mut Output) -> Result<(), CliError> {
    let query = what.query();
    if what.callers.is_some() {
        if what.account.is_some() {
            return Err(CliError::usage(
                "--callers covers all accounts: leave --account out",
            ));
        }
        output.list(&admin.get(&["usage", "callers"], &query).await?, CALLERS);
    } else if what.endpoints {
        output.list(
            &admin.get(&["usage", "endpoints"], &query).await?,
            ENDPOINTS,
        );
    } else if what.series.is_some() {
        output.list(&admin.get(&["usage"], &query).await?, SERIES);
    } else if what.account.is_some() {
        let summary = admin.get(&["usage", "summary"], &query).await?;
        output.summary(&summary);
    } else {
        return Err(CliError::usage(
            "name an account with --account, or a view with --series, --endpoints or --callers",
        ));
    }
    Ok(())
}

impl Output {
    /// The windows of a summary as lines for people, as it is for scripts.
    fn summary(&mut self, summary: &Value) {
        if self.is_json() {
            return self.object(summary, &[]);
        }
        let window = |name: &str| {
            let window = summary.get(name)?.as_object()?;
            let mut row = window.clone();
            row.insert("window".into(), json!(name));
            if row.get("limit").is_some_and(Value::is_null) {
                row.insert("limit".into(), json!("none"));
            }
            Some(Value::Object(row))
        };
        let rows: Vec<_> = ["hour", "month"].into_iter().filter_map(window).collect();
        self.list(&json!({"data": rows}), SUMMARY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::client::print::testing;
    use crate::cli::client::testing::{Fake, parse};

    async fn shown(flags: &[&str], json: bool, answer: Value) -> (String, String) {
        let fake = Fake::start(200, answer).await;
        let args: Args = parse(flags).unwrap();
        let (mut output, out, _) = testing::output(json);
        execute(&args.what, &fake.admin(), &mut output)
            .await
            .unwrap();
        (fake.requests().join("\n"), out.text())
    }

    #[tokio::test]
    async fn without_flags_an_accounts_quotas_are_shown() {
        let answer = json!({"hour": {"used": 7, "limit": 100, "resets_at": "2026-11-23T13:00:00Z"}, "month": {"used": 9, "limit": null, "resets_at": "2026-12-01T00:00:00Z"}});
        let flags = ["--account", "acct 1"];
        let (request, out) = shown(&flags, false, answer.clone()).await;
        assert_eq!(request, "GET /admin/v1/usage/summary?account_id=acct+1");
        assert_eq!(
            out,
            " WINDOW  USED  LIMIT  RESETS\n hour    7     100    2026-11-23T13:00:00Z\n month   9     none   2026-12-01T00:00:00Z\n"
        );
        let (_, out) = shown(&flags, true, answer.clone()).await;
        assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), answer);
    }

    #[tokio::test]
    async fn each_view_has_its_call_and_its_table() {
        let point = json!({"start": "2026-11-23T00:00:00Z", "requests": 5, "rejected": 1, "by_status": {"2xx": 4, "4xx": 1}, "bytes_in": 10, "bytes_out": 20, "upstream_ms": 30});
        let flags = [
            "--series",
            "day",
            "--key",
            "key_1",
            "--from",
            "2026-11-01T00:00:00Z",
        ];
        let (request, out) =
            shown(&flags, false, json!({"data": [point], "next_cursor": null})).await;
        assert_eq!(
            request,
            "GET /admin/v1/usage?granularity=day&key_id=key_1&from=2026-11-01T00%3A00%3A00Z"
        );
        let row: Vec<_> = out.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(
            row,
            [
                "2026-11-23T00:00:00Z",
                "5",
                "1",
                "4",
                "-",
                "1",
                "-",
                "10",
                "20",
                "30"
            ]
        );

        let row =
            json!({"method": "GET", "route": "/v1/contacts/{id}", "requests": 5, "errors": 1});
        let (request, out) = shown(
            &["--endpoints", "--limit", "3"],
            false,
            json!({"data": [row]}),
        )
        .await;
        assert_eq!(request, "GET /admin/v1/usage/endpoints?limit=3");
        assert!(out.contains("/v1/contacts/{id}"));

        let row = json!({"account_id": "a", "key_id": "key_1", "requests": 5, "last_at": "2026-11-23T00:00:00Z"});
        let (request, out) =
            shown(&["--callers", "/v1/x/{id}"], false, json!({"data": [row]})).await;
        assert_eq!(
            request,
            "GET /admin/v1/usage/callers?route=%2Fv1%2Fx%2F%7Bid%7D"
        );
        assert!(out.contains("key_1"));
    }

    #[tokio::test]
    async fn flags_that_make_no_sense_together_are_refused() {
        for flags in [
            &["--series", "day", "--endpoints"][..],
            &["--from", "2026-11-01T00:00:00Z"],
            &["--key", "key_1"],
            &["--series", "week"],
        ] {
            assert!(parse::<Args>(flags).is_err(), "{flags:?}");
        }
        let fake = Fake::start(200, Value::Null).await;
        for flags in [&[][..], &["--callers", "/x", "--account", "a"]] {
            let args: Args = parse(flags).unwrap();
            let (mut output, ..) = testing::output(false);
            let done = execute(&args.what, &fake.admin(), &mut output).await;
            assert_eq!(done.unwrap_err().exit_code(), 2);
        }
    }
}
