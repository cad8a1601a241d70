//! `GET /deliveries/{delivery}`, its body as a file, and its retry: what was sent, and what came back each time; never a signature.

use axum::extract::Path;
use maud::{Markup, html};

use super::{act, parts, styles};
use crate::web::portal::answer::{PageAnswer, PageResult};
use crate::web::portal::form::{FormData, Query};
use crate::web::portal::own::Own;
use crate::web::portal::refuse::PageError;
use crate::web::portal::shell::{self, Place};
use crate::web::portal::ui::{self, Kind};
use crate::webhooks::model::{Attempt, DeliveryState};
use crate::webhooks::service::SentRequest;
use crate::webhooks::view::DeliveryView;

/// What a redirect says was done.
const DONE: [(&str, &str); 2] = [
    ("tested", "The test is on its way. See below for the reply."),
    (
        "retried",
        "It is sent again at once. See below for the reply.",
    ),
];

pub(super) async fn show(own: Own, Path(id): Path<String>, query: Query) -> PageResult {
    let delivery = own.delivery(&id).await?;
    let request = own.request_of(&delivery).await?;
    let body = html! {
        (styles())
        (ui::crumbs(&[("/deliveries", "Deliveries")]))
        (heading(&own, &delivery))
        (ui::done(&query, &DONE))
        (live(&own, &delivery, request.as_ref()))
    };
    Ok(shell::page(&own, "Delivery", Place::Deliveries, body))
}

/// What changes with each attempt, and is kept fresh while there may be one.
fn live(own: &Own, delivery: &DeliveryView, request: Option<&SentRequest>) -> Markup {
    let is_over = delivery.status != DeliveryState::Pending;
    let count = delivery.attempts.len();
    html! {
        @if !is_over {
            p.small.muted role="status" data-live-status { "Load the page again to see what came since." }
            (ui::script("live.mjs"))
        }
        div.stack data-live={ (count) "/" (is_over) } data-live-over[is_over] {
        (facts(own, delivery))
        div.columns.is-even {
            (attempts(delivery))
            (sent(delivery, request))
        }
        }
    }
}

/// The body as it is sent, byte for byte.
pub(super) async fn body(own: Own, Path(id): Path<String>) -> PageResult {
    let delivery = own.delivery(&id).await?;
    let request = own
        .request_of(&delivery)
        .await?
        .ok_or(PageError::NotFound)?;
    let name = format!("{id}.json");
    Ok(PageAnswer::attachment(
        "application/json",
        &name,
        request.body,
    ))
}

pub(super) async fn retry(own: Own, Path(id): Path<String>, _: FormData) -> PageResult {
    own.retry_delivery(&id).await?;
    Ok(PageAnswer::see_other(&format!(
        "/deliveries/{id}?done=retried"
    )))
}

fn heading(own: &Own, delivery: &DeliveryView) -> Markup {
    let is_developer = own.is_developer();
    let simulate = format!(
        "/webhook-simulator?event={}&signer=webhook:{}",
        delivery.event_id, delivery.webhook_id
    );
    let retry = match delivery.status {
        DeliveryState::Pending => "Try now",
        _ => "Send again",
    };
    html! {
        header.head {
            div {
                h1 { (delivery.event_type) }
            }
            @if is_developer {
                div.actions {
                    (act(own, &format!("/deliveries/{}/retry", delivery.id), Kind::Primary, retry))
                    (ui::link_button(Kind::Secondary, &simulate, "Open in the simulator"))
                }
            }
        }
    }
}

fn facts(own: &Own, delivery: &DeliveryView) -> Markup {
    let finished = html! {
        @match delivery.finished_at {
            Some(at) => (ui::time(at)),
            None => (parts::next_attempt(delivery, own.visit.now)),
        }
    };
    let pairs = [
        ("Status", parts::delivery_badge(delivery)),
        ("Delivery", html! { code { (delivery.id) } }),
        (
            "Event",
            html! { a href={ "/events/" (delivery.event_id) } { code { (delivery.event_id) } } },
        ),
        (
            "Webhook",
            html! { a href={ "/webhooks/" (delivery.webhook_id) } { code { (delivery.webhook_id) } } },
        ),
        ("Made", ui::time(delivery.created_at)),
        (
            if delivery.finished_at.is_some() {
                "Finished"
            } else {
                "Next"
            },
            finished,
        ),
    ];
    ui::card(None, &html! { div.wide-pairs { (ui::key_values(&pairs)) } })
}

fn attempts(delivery: &DeliveryView) -> Markup {
    let last = delivery.attempts.len();
    let body = html! {
        @if delivery.attempts.is_empty() { p.muted { "None yet." } }
        ol.attempts reversed {
            @for (i, attempt) in delivery.attempts.iter().enumerate().rev() {
                li { (one(delivery, attempt, i + 1, i + 1 == last)) }
            }
        }
    };
    ui::card(Some("Attempts"), &body)
}

fn one(delivery: &DeliveryView, attempt: &Attempt, number: usize, is_open: bool) -> Markup {
    let after = attempt.at.since(delivery.created_at).as_secs();
    html! {
        details id={ "attempt-" (number) } open[is_open] {
            summary {
                span { "Attempt " (number) } " " (parts::reply_badge(attempt.status)) " "
                span.muted.small { (ui::time(attempt.at)) " (+" (parts::offset(after)) "), took " (parts::latency(attempt.latency_ms)) }
            }
            @if let Some(error) = &attempt.error { p.failure { (parts::sentence(error)) } }
            @if !attempt.reply_headers.is_empty() {
                p.small.muted { "Some of the reply’s header" }
                (parts::fields(attempt.reply_headers.iter().map(|f| (f.name.as_str(), f.value.as_str()))))
            }
            @match attempt.reply_excerpt.as_deref() {
                None => p.muted.small { "There was no reply." },
                Some("") => p.muted.small { "The reply had no body." },
                Some(text) => {
                    p.small.muted { "Beginning of the reply’s body" }
                    (parts::body(&format!("Reply to attempt {number}"), text))
                }
            }
        }
    }
}

fn sent(delivery: &DeliveryView, request: Option<&SentRequest>) -> Markup {
    let Some(request) = request else {
        let gone = html! { p.muted { "The event is not kept any more, and its body with it." } };
        return ui::card(Some("Request"), &gone);
    };
    let last = request.timestamps.last();
    let time = last.map_or_else(|| "when it is sent".to_owned(), i64::to_string);
    let body = html! {
        p.address {
            strong { "POST " }
            @match &request.url { Some(url) => (url), None => span.muted { "the webhook was deleted" } }
        }
        (parts::fields([
            ("content-type", "application/json"),
            ("webhook-id", request.id.as_str()),
            ("webhook-timestamp", &time),
            ("webhook-signature", "v1,… (not kept)"),
        ]))
        p.muted.small { "Every attempt sends the same body. Signatures are not kept; the simulator makes one for you to see." }
        (parts::body("Body", &request.body))
        p.actions.small { a href={ "/deliveries/" (delivery.id) "/body" } { "Download the body, byte for byte" } }
    };
    ui::card(Some("Request"), &body)
}
