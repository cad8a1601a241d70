//! Errors of the gateway: a list, and the page that the `type` of each leads to; never an error that happened.

use axum::extract::Path;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::json;

use super::Docs;
use crate::base::error::Code;
use crate::base::problem::Problem;
use crate::web::docs::errors::{self, ErrorDoc};
use crate::web::docs::highlight::{Language, pretty};
use crate::web::docs::markdown;
use crate::web::docs::ui::{self, code};
use crate::web::portal::refuse::PageError;

/// The id of the request in examples.
const REQUEST_ID: &str = "0193a1b2c3d47e5f8a9b0c1d2e3f4a5b";

pub(super) async fn list(docs: Docs) -> Response {
    let of_api = errors::all().filter(|e| !errors::is_of_operators(e.code));
    let of_operators = errors::all().filter(|e| errors::is_of_operators(e.code));
    let body = html! {
        header.docs-head {
            p.eyebrow { "API reference" }
            h1 { "Error codes" }
            p.lead {
                "Errors of the gateway carry one of these codes, in " code { "code" } " and in " code { "X-Fuelgate-Error" } ". "
                a href="/docs/guides/errors" { "How errors look" }
            }
        }
        (table("Errors of API calls", of_api))
        h2 { "Errors of the operators' API" }
        p.muted { "Callers of the API do not see these." }
        (table("Errors of the operators' API", of_operators))
    };
    docs.page("Error codes", "/docs/errors", &body)
}

fn table(label: &str, all: impl Iterator<Item = ErrorDoc>) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(label) {
            table.error-table {
                thead {
                    tr {
                        th scope="col" { "Status" }
                        th scope="col" { "Code" }
                        th scope="col" { "Means" }
                        th scope="col" { "Try again?" }
                    }
                }
                tbody {
                    @for e in all {
                        @let row = e.code.row();
                        tr {
                            td { (ui::status(&row.status.to_string())) }
                            td { a href={ "/docs/errors/" (row.code) } { code { (row.code) } } }
                            td { (row.title) }
                            td { (e.retry.word()) }
                        }
                    }
                }
            }
        }
    }
}

pub(super) async fn error(docs: Docs, Path(code): Path<String>) -> Result<Response, PageError> {
    let e = errors::find(&code).ok_or(PageError::NotFound)?;
    let row = e.code.row();
    let example = example(&docs, e);
    let body = html! {
        article.operation {
            header.docs-head {
                p.eyebrow { a href="/docs/errors" { "Error codes" } }
                h1 { (row.title) }
                p.error-line { (ui::status(&row.status.to_string())) code { (row.code) } }
            }
            aside.samples-side aria-label="Example" {
                p.sample-title { "Response" }
                (code::block("Response", &example, Language::Json))
            }
            div.operation-text.prose {
                section { h2 #means { "What it means" } (markdown::text(e.meaning)) }
                section { h2 #helps { "What helps" } (markdown::text(e.remedy)) }
                section { h2 #again { "Try again?" } (markdown::text(e.retry.text())) }
            }
        }
    };
    Ok(docs.page(row.title, &format!("/docs/errors/{code}"), &body))
}

/// An answer with this error.
fn example(docs: &Docs, e: ErrorDoc) -> String {
    let problem = match e.code {
        Code::RateLimited => Problem::new(e.code).with("violated-policies", json!(["burst"])),
        Code::QuotaExceeded => Problem::new(e.code).with("violated-policies", json!(["hour"])),
        _ => Problem::new(e.code),
    };
    let body = problem.body(&docs.set.config.portal.public_url, REQUEST_ID);
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    pretty(&body)
}
