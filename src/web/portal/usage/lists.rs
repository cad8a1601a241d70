//! The tables below the chart: endpoints, reasons of refusals, keys; never more rows than they are given.

use maud::{Markup, html};

use super::totals::Totals;
use crate::base::error::Code;
use crate::usage::model::RejectedBy;
use crate::web::portal::chart::number::{grouped, share};
use crate::web::portal::own::Called;
use crate::web::portal::ui;

/// The most called endpoints, and the way to all of them.
pub(super) fn endpoints(rows: &[Called], all: &str) -> Markup {
    let most = rows.iter().map(|r| r.requests).max().unwrap_or(0);
    let link = (!rows.is_empty()).then(|| html! { a href=(all) { "All endpoints" } });
    ui::card_flush(
        Some("Most called endpoints"),
        link.as_ref(),
        &called(rows, most),
    )
}

/// Endpoints, each with its share of errors and a bar as long as it is called often, of which `most` is the longest.
pub(super) fn called(rows: &[Called], most: u64) -> Markup {
    let has_errors = rows.iter().any(|row| row.errors.is_some());
    let all = ["Endpoint", "Requests", "Errors"];
    let names = if has_errors { &all[..] } else { &all[..2] };
    html! {
        @if rows.is_empty() {
            p.nothing { "No endpoint was called in this range." }
        } @else {
            table.ranks {
                (columns("Most called endpoints", names))
                tbody { @for row in rows { (endpoint(row, most)) } }
            }
        }
    }
}

fn columns(caption: &str, names: &[&str]) -> Markup {
    html! {
        caption.hidden { (caption) }
        thead { tr {
            @for (at, name) in names.iter().enumerate() {
                th scope="col" class=[(at > 0).then_some("number")] { (name) }
            }
        } }
    }
}

fn endpoint(row: &Called, most: u64) -> Markup {
    html! {
        tr {
            th scope="row" {
                div.endpoint {
                    @if let Some(method) = &row.method {
                        span.method.(method_class(method)) { (method) } " "
                    }
                    code { (row.route) }
                }
                (bar(row.requests, most, "c-accent"))
            }
            td.number { (grouped(row.requests.into())) }
            @if let Some(failed) = row.errors {
                td.number { (errors(failed.into(), row.requests.into())) }
            }
        }
    }
}

fn method_class(method: &str) -> &'static str {
    match method {
        "GET" | "HEAD" => "reads",
        "DELETE" => "deletes",
        _ => "writes",
    }
}

/// A share of errors: quiet where there is none.
fn errors(errors: u128, requests: u128) -> Markup {
    html! {
        @if errors == 0 { span.muted { "0%" } }
        @else { span title={ (grouped(errors)) " of " (grouped(requests)) } { (share(errors, requests)) } }
    }
}

/// Why requests were refused, most first, each with the page that says what to do about it.
pub(super) fn rejections(rows: &[RejectedBy]) -> Markup {
    let all: u128 = rows.iter().map(|r| u128::from(r.requests)).sum();
    let most = rows.iter().map(|r| r.requests).max().unwrap_or(0);
    let body = html! {
        @if rows.is_empty() {
            p.nothing { "No request was rejected in this range." }
        } @else {
            table.ranks {
                (columns("Rejected requests by reason", &["Reason", "Requests", "Share"]))
                tbody {
                    @for row in rows {
                        tr {
                            th scope="row" {
                                (reason(&row.code))
                                (bar(row.requests, most, "c-rejected"))
                            }
                            td.number { (grouped(row.requests.into())) }
                            td.number { (share(row.requests.into(), all)) }
                        }
                    }
                }
            }
            p.ranks-note { "Rejected requests do not count against your quotas." }
        }
    };
    ui::card_flush(Some("Rejected by reason"), None, &body)
}

/// What a code is called, and where it is explained. A code of a later version that shares the store is shown as it is.
fn reason(code: &str) -> Markup {
    let row = Code::ALL.iter().map(|c| c.row()).find(|r| r.code == code);
    html! {
        @match (row, code) {
            // Nobody heard of these two, so that no page explains them.
            (_, "client_left") => "The client closed the connection",
            (_, "other") => "Other reasons",
            (Some(row), _) => {
                a href={ "/docs/errors/" (row.code) } { (row.title) }
                " " code.reason { (row.code) }
            },
            (None, code) => code { (code) },
        }
    }
}

/// A key of the chart, or those that it leaves out.
pub(super) struct KeyLine {
    /// Its id; `None` for several.
    pub(super) id: Option<String>,
    /// What it is called.
    pub(super) name: String,
    /// Class of its colour.
    pub(super) class: &'static str,
    /// Its sums over the range.
    pub(super) totals: Totals,
}

/// The keys of a chart by key, with what else they did.
pub(super) fn keys(lines: &[KeyLine]) -> Markup {
    let names = ["Key", "Requests", "4xx", "5xx", "Rejected"];
    let body = html! {
        div.scroll tabindex="0" role="region" aria-label="Busiest keys" {
            table.ranks {
                (columns("Busiest keys", &names))
                tbody { @for line in lines { (key(line)) } }
            }
        }
    };
    ui::card_flush(Some("Busiest keys"), None, &body)
}

fn key(line: &KeyLine) -> Markup {
    let t = &line.totals;
    html! {
        tr {
            th scope="row" {
                span.swatch.(line.class) aria-hidden="true" {}
                @match &line.id {
                    Some(id) => a href={ "/keys/" (id) } { (line.name) },
                    None => span.muted { (line.name) },
                }
            }
            td.number { (grouped(t.requests)) }
            td.number { (errors(t.client_errors, t.requests)) }
            td.number { (errors(t.server_errors, t.requests)) }
            td.number { (grouped(t.rejected)) }
        }
    }
}

/// A thin bar of a row's share of the first one's; its number stands beside it.
fn bar(part: u64, most: u64, class: &str) -> Markup {
    let hundredths = (u128::from(part) * 10_000)
        .checked_div(most.into())
        .unwrap_or(0)
        .clamp(u128::from(part > 0) * 100, 10_000);
    html! {
        svg.share-bar width="100%" height="4" aria-hidden="true" {
            rect.(class) width={ (hundredths / 100) "." (format!("{:02}", hundredths % 100)) "%" } height="4" {}
        }
    }
}
