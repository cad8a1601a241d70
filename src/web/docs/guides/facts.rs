//! Names and numbers of the configuration that stand in guides; never a text of its own.

use std::time::Duration;

use crate::base::number::grouped;
use crate::config::model::{Config, Plan, Rate};
use crate::web::docs::allowance;

/// Puts what the configuration says where a guide names it, as `{{name}}`.
pub(super) fn put_in(text: &str, config: &Config) -> String {
    let mut out = String::with_capacity(text.len() + 256);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let Some((name, after)) = after.split_once("}}") else {
            rest = after;
            continue;
        };
        out.push_str(&fact(name, config));
        rest = after;
    }
    out.push_str(rest);
    out
}

fn fact(name: &str, config: &Config) -> String {
    match name {
        "api_url" => config.portal.api_url.clone(),
        "portal_url" => config.portal.public_url.clone(),
        "prefix" => config.keys.prefix.clone(),
        "realm" => config.realm.clone(),
        "a_scope" => config
            .scopes
            .first()
            .map_or_else(|| "contacts:read".to_owned(), |(scope, _)| scope.clone()),
        "scopes" => scopes(config),
        "events_kept" => days(config.webhooks.retention),
        "limits" => config
            .plans
            .get(&config.default_plan)
            .map_or_else(String::new, limits),
        "allowance" => allowance::first(config, 1).unwrap_or_default(),
        _ => String::new(),
    }
}

fn scopes(config: &Config) -> String {
    let rows = config
        .scopes
        .iter()
        .map(|(scope, text)| format!("| `{scope}` | {} |\n", cell(text)));
    format!(
        "| scope | allows |\n| --- | --- |\n{}",
        rows.collect::<String>()
    )
}

/// A time in whole days.
fn days(time: Duration) -> String {
    match time.as_secs() / 86_400 {
        1 => "a day".to_owned(),
        n => format!("{n} days"),
    }
}

/// A text as one cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\r', '\n'], " ")
}

fn limits(plan: &Plan) -> String {
    let mut rows = vec![rate("each key", &plan.rate)];
    if let Some(shared) = &plan.account_rate {
        rows.push(rate("all keys of an account together", shared));
    }
    let quota = |window: &str, limit: Option<u64>| {
        limit.map(|n| {
            format!(
                "| each {window} (UTC) | {} requests of the account |\n",
                grouped(n.into())
            )
        })
    };
    rows.extend(quota("hour", plan.quotas.hour));
    rows.extend(quota("month", plan.quotas.month));
    format!(
        "| limit | standard plan |\n| --- | --- |\n{}",
        rows.concat()
    )
}

fn rate(what: &str, rate: &Rate) -> String {
    let unit = match rate.per_seconds {
        1 => "a second".to_owned(),
        60 => "a minute".to_owned(),
        n => format!("in {n} seconds"),
    };
    format!(
        "| {what} | {} requests {unit}, up to {} at once |\n",
        grouped(rate.requests.into()),
        grouped(rate.burst.into())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_put_in_and_others_vanish() {
        let config = crate::web::docs::testing::config();
        let text = put_in("a {{prefix}} b {{unknown}} {{realm}} {{open", &config);
        assert_eq!(text, "a lf_live b  crm open");
        let text = put_in("{{limits}}", &config);
        assert!(
            text.contains("| each key | 50 requests a second, up to 100 at once |"),
            "{text}"
        );
        assert!(text.contains("| each month (UTC) | 1,000,000 requests of the account |"));
        assert!(put_in("{{scopes}}", &config).contains("| `contacts:read` | "));
        assert_eq!(put_in("{{events_kept}}", &config), "30 days");
    }

    #[test]
    fn a_cell_stays_one() {
        assert_eq!(cell("a | b\nc"), "a \\| b c");
    }
}
