//! What came of the simulator's form: the request and its signed text, or every exchange; a made secret once, never a webhook's.

use maud::{Markup, html};

use crate::web::portal::ui::{self, Tone};
use crate::web::portal::webhooks::parts;
use crate::webhooks::simulator::faults::Expected;
use crate::webhooks::simulator::inbox::HeaderField;
use crate::webhooks::simulator::service::{Sample, Sending, SimulatedExchange};

pub(super) fn none() -> Markup {
    html! { div.placeholder { h2 { "Nothing sent" } p { "Change the form and press Show or Send." } } }
}

pub(super) fn busy(why: &str) -> Markup {
    ui::notice(Tone::Warn, &html! { (why) })
}

/// The request as it would be sent now.
pub(super) fn shown(sample: &Sample) -> Markup {
    let made = &sample.composed;
    html! {
        div.card.stack {
            h2 { "The request" }
            @if let Some(secret) = &sample.secret { (ui::secret_once("Secret that was made for it", secret)) }
            h3 { "Headers" }
            (parts::fields(made.headers.iter().map(|(n, v)| (*n, v.as_str()))))
            h3 { "Signed text" }
            p.hint { "The signature is the HMAC-SHA-256 of exactly this, " code { "id.timestamp.body" } ", under the secret." }
            (raw("Signed text", &made.signed_text))
            h3 { "Body" }
            (parts::body("Body", &made.body))
        }
    }
}

fn raw(label: &str, text: &str) -> Markup {
    let shown = parts::beginning(
        text,
        crate::base::ceilings::simulator::SIMULATOR_SHOWN_BYTES,
    );
    html! {
        div.code.is-wrapped {
            pre tabindex="0" role="region" aria-label=(label) { code data-copy-from data-exact { (shown) } }
            (ui::copy_button(&format!("Copy: {label}")))
        }
        @if shown.len() < text.len() { p.muted.small { "Only the beginning is shown; the whole has " (text.len()) " bytes." } }
    }
}

/// Everything that was sent, and what came back.
pub(super) fn sent(sending: &Sending) -> Markup {
    let good = sending.exchanges.iter().filter(|e| e.as_expected).count();
    let all = sending.exchanges.len();
    html! {
        div.stack {
            @if good == all {
                (ui::notice(Tone::Ok, &html! { strong { "As expected." } " The receiver did what a good one does." }))
            } @else {
                (ui::notice(Tone::Bad, &html! { strong { "Not as expected." } " " (all - good) " of " (parts::count(all as u64, "request", "requests")) " came to something else." }))
            }
            @if let Some(secret) = &sending.secret { (ui::secret_once("Secret that was made for it", secret)) }
            p.small { "Sent to " span.address { (sending.url) } }
            @for (i, exchange) in sending.exchanges.iter().enumerate() { (one(i + 1, all, exchange)) }
        }
    }
}

fn one(number: usize, of: usize, exchange: &SimulatedExchange) -> Markup {
    let (tone, verdict) = match (exchange.as_expected, exchange.expected) {
        (true, _) => (Tone::Ok, "As expected"),
        (false, Expected::Accept) => (Tone::Bad, "Should have been accepted"),
        (false, Expected::Refuse) => (Tone::Bad, "Should have been refused"),
    };
    html! {
        section.card.exchange aria-label={ "Request " (number) } {
            div.card-head {
                h3 { @if of > 1 { "Request " (number) " of " (of) } @else { "Request" } }
                (ui::badge(tone, verdict))
            }
            p.muted { (parts::sentence(exchange.note)) }
            p { (parts::reply_badge(exchange.status)) " " span.muted { "after " (parts::latency(exchange.latency_ms)) } }
            @if let Some(error) = &exchange.error { p.failure { (parts::sentence(error)) } }
            details {
                summary { "Request: headers and body" }
                (pairs(&exchange.headers))
                (parts::body("Body that was sent", &exchange.body))
                @if exchange.body.len() < exchange.body_bytes { p.muted.small { "The body had " (exchange.body_bytes) " bytes." } }
            }
            (reply(exchange))
        }
    }
}

fn reply(exchange: &SimulatedExchange) -> Markup {
    let body = exchange.reply_excerpt.as_deref().unwrap_or_default();
    let is_empty = body.is_empty() && exchange.reply_headers.is_empty();
    html! {
        @if exchange.status.is_some() && is_empty {
            p.muted.small { "The reply had neither header fields nor a body." }
        } @else if exchange.status.is_some() {
            details open {
                summary { "Reply" }
                (pairs(&exchange.reply_headers))
                @if body.is_empty() { p.muted.small { "No body." } }
                @else { (parts::body("Body of the reply", body)) }
            }
        }
    }
}

fn pairs(fields: &[HeaderField]) -> Markup {
    parts::fields(fields.iter().map(|f| (f.name.as_str(), f.value.as_str())))
}
