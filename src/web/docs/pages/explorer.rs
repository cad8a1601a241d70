//! The explorer's page: where the reader's key goes, and the place of the component that makes the calls; never a key of ours.

use axum::response::Response;
use maud::{Markup, html};
use serde_json::json;

use super::Docs;
use crate::web::docs::model::document::text;
use crate::web::portal::form::Query;
use crate::web::portal::own::KeyChoice;
use crate::web::portal::refuse::PageError;
use crate::web::portal::{assets, ui};

pub(super) async fn explorer(docs: Docs, query: Query) -> Result<Response, PageError> {
    let set = &docs.set;
    let asked = query.0.text("api")?;
    let api: usize = if asked.is_empty() {
        0
    } else {
        asked.parse().map_err(|_| PageError::NotFound)?
    };
    if api > 0 && api >= set.config.apis.len() {
        return Err(PageError::NotFound);
    }
    let keys = match &docs.own {
        Some(own) => own.key_choices().await?,
        None => Vec::new(),
    };
    let body = html! {
        (ui::style("explorer.css"))
        header.docs-head {
            p.eyebrow { "API reference" }
            h1 { "Explorer" }
            p.lead { "Call the API from here with your own key. Calls are real: they change what is there, and count like any other." }
        }
        @if set.config.apis.len() > 1 { (choice(&docs, api)) }
        noscript { p { "The explorer needs JavaScript. Each " a href="/docs/api" { "endpoint's page" } " has samples to run elsewhere." } }
        form.key-form #key-form hidden autocomplete="off" {
            div.field {
                label for="explorer-key" { "Your API key" }
                p.hint #explorer-key-hint { "It stays in this page and is gone when you leave it." }
                div.key-line {
                    input.mono type="password" id="explorer-key" autocomplete="off" spellcheck="false" aria-describedby="explorer-key-hint";
                    button.button.primary type="submit" { "Use this key" }
                }
            }
            @if !keys.is_empty() { (key_choice(&keys)) }
            p.key-status #key-status role="status" {}
        }
        div #explorer data-document={ "/docs/openapi/explorer-" (api) ".json" } {
            p.muted #explorer-loading { "The endpoints are loaded …" }
        }
        script src=(assets::url("swagger-ui-bundle.js")) defer {}
        (ui::script("explorer.mjs"))
        (ui::script("explorer-fix.mjs"))
    };
    Ok(docs.page("Explorer", "/docs/explorer", &body))
}

/// Which of several APIs.
fn choice(docs: &Docs, current: usize) -> Markup {
    let all = docs
        .set
        .config
        .apis
        .iter()
        .enumerate()
        .map(|(n, api)| ui::Tab {
            href: format!("/docs/explorer?api={n}"),
            label: api
                .document
                .get("info")
                .and_then(|i| text(i, "title"))
                .unwrap_or("API")
                .to_owned(),
            is_current: n == current,
        });
    ui::tabs("APIs", &all.collect::<Vec<_>>())
}

/// What one of the reader's keys may call can be seen without its secret.
fn key_choice(keys: &[KeyChoice]) -> Markup {
    html! {
        div.field {
            label for="explorer-choice" { "Show what one of your keys may call" }
            select id="explorer-choice" {
                option value="" { "All endpoints" }
                @for key in keys {
                    option value=(key.id) data-scopes=(json!(key.scopes)) { (key.name) }
                }
            }
        }
    }
}
