//! What may come back from an endpoint: answers, what is left of the limits, errors of the gateway; never what is sent.

use maud::{Markup, html};

use crate::base::error::Code;
use crate::web::docs::allowance;
use crate::web::docs::highlight::Language;
use crate::web::docs::markdown;
use crate::web::docs::model::operation::{Answer, Content, Detail};
use crate::web::docs::model::{DocsSet, Operation};
use crate::web::docs::ui::fields::Way;
use crate::web::docs::ui::{self, code, fields};

/// Everything that may come back, by status.
pub(super) fn answers(detail: &Detail) -> Markup {
    html! {
        @if !detail.answers.is_empty() {
            section {
                h2 #responses { "Responses" }
                @let first = detail.success().map(|a| a.status.as_str());
                @for a in &detail.answers {
                    (answer(a, first == Some(a.status.as_str())))
                }
            }
        }
    }
}

fn answer(a: &Answer, is_open: bool) -> Markup {
    let said = a.description.as_deref().unwrap_or_default();
    let name = if a.status == "default" {
        "others"
    } else {
        &a.status
    };
    html! {
        details.answer open[is_open] {
            summary {
                (ui::status(name))
                span { (markdown::plain(said)) }
            }
            div {
                @match &a.content {
                    Some(content) => {
                        p.small.muted {
                            code { (content.media_type) }
                            @if let Some(name) = &content.shape.name { " · " (fields::schema_link(name)) }
                        }
                        (fields::folded(&content.shape))
                        // The first of the first success stands beside the text.
                        @if !is_open || content.examples.len() > 1 {
                            (code::examples("Response", &content.examples))
                        }
                    }
                    None => p.muted { "Without a body." },
                }
                @for content in &a.others { (other(content, Way::Received)) }
                @if !a.fields.is_empty() {
                    h3 { "Header fields" }
                    (fields::headers(&a.fields))
                }
            }
        }
    }
}

/// A body in another media type than the first.
pub(super) fn other(content: &Content, way: Way) -> Markup {
    html! {
        details.folded {
            summary { "Also as " code { (content.media_type) } }
            (fields::body(&content.shape, way))
            (code::examples(&content.media_type, &content.examples))
        }
    }
}

/// What a request takes of the limits, and the fields of an answer that say what is left.
pub(super) fn limits(set: &DocsSet, o: &Operation) -> Markup {
    html! {
        @if o.needs_key() {
            section {
                h2 #limits { "Limits" }
                p {
                    "A request takes "
                    @if o.route.cost == 1 { "one token" } @else { strong { (o.route.cost) " tokens" } }
                    " from the key's bucket and counts once against the account's hour and month. Every answer says what is left; one with 429 says in "
                    code { "Retry-After" } " how many seconds to wait. "
                    a href="/docs/guides/rate-limits" { "Rate limits and quotas" }
                }
                @if let Some(fields) = allowance::first(&set.config, o.route.cost) {
                    (code::block("Rate-limit header fields", &fields, Language::Http))
                }
            }
        }
    }
}

/// The errors that the gateway itself may answer this endpoint's calls with.
pub(super) fn errors(o: &Operation, has_body: bool) -> Markup {
    let codes = codes(o, has_body);
    html! {
        section {
            h2 #errors { "Errors of the gateway" }
            p { "They come before the API is asked, or where it cannot be. Their " code { "code" } " is also in " code { "X-Fuelgate-Error" } "." }
            div.scroll tabindex="0" role="region" aria-label="Errors of the gateway" {
                table {
                    thead { tr { th scope="col" { "Status" } th scope="col" { "Code" } th scope="col" { "Means" } } }
                    tbody {
                        @for code in codes {
                            @let row = code.row();
                            tr {
                                td { (ui::status(&row.status.to_string())) }
                                td { a href={ "/docs/errors/" (row.code) } { code { (row.code) } } }
                                td { (row.title) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn codes(o: &Operation, has_body: bool) -> Vec<Code> {
    let mut all = vec![
        Code::BadRequest,
        Code::UriTooLong,
        Code::HeadersTooLarge,
        Code::RequestTimeout,
    ];
    if o.needs_key() {
        all.extend([
            Code::MissingCredentials,
            Code::MalformedCredentials,
            Code::InvalidKey,
            Code::ExpiredKey,
            Code::RevokedKey,
        ]);
        if !o.route.scopes.is_empty() {
            all.push(Code::InsufficientScope);
        }
        all.extend([
            Code::AddressNotAllowed,
            Code::AccountSuspended,
            Code::RateLimited,
            Code::QuotaExceeded,
        ]);
    }
    if has_body {
        all.push(Code::BodyTooLarge);
    }
    if o.route.json_only {
        all.push(Code::UnsupportedMediaType);
    }
    all.extend([
        Code::UpstreamUnreachable,
        Code::NoHealthyUpstream,
        Code::UpstreamTimeout,
        Code::Maintenance,
        Code::StoreUnavailable,
        Code::Overloaded,
    ]);
    all
}
