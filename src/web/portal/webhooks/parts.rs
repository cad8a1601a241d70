//! Pieces that the pages of webhooks share: states, replies, types, bodies; never a whole page.

use maud::{Markup, html};

use super::payload::Indented;
use crate::base::ceilings::simulator::SIMULATOR_SHOWN_BYTES;
use crate::base::clock::Timestamp;
use crate::web::portal::ui::{self, Tone};
use crate::webhooks::model::{Attempt, DeliveryState, EndpointStatus};
use crate::webhooks::view::{DeliveryView, EndpointView};

/// Types of a webhook that are named in a list; the others are counted.
const TYPES_NAMED: usize = 3;

/// What a webhook's state and health come to, in a word.
pub(in crate::web::portal) fn webhook_badge(webhook: &EndpointView) -> Markup {
    let (tone, text) = match webhook.status {
        EndpointStatus::Disabled => (Tone::Bad, "Disabled"),
        EndpointStatus::Paused => (Tone::Info, "Paused"),
        EndpointStatus::Active if webhook.health.failures > 0 => (Tone::Warn, "Failing"),
        EndpointStatus::Active => (Tone::Ok, "Active"),
    };
    ui::badge(tone, text)
}

/// How a webhook fares, in a sentence.
pub(super) fn health(webhook: &EndpointView) -> Markup {
    let health = &webhook.health;
    html! {
        @if health.failures == 0 {
            "No failures"
        } @else {
            (count(u64::from(health.failures), "failure", "failures")) " in a row"
            @if let Some(since) = health.failing_since { ", since " (ui::time(since)) }
        }
        @if let Some(until) = health.hold_until {
            ". Nothing is sent before " (ui::time(until))
        }
    }
}

/// `1 failure`, `2 failures`.
pub(in crate::web::portal) fn count(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// Where a delivery stands, in a word.
pub(in crate::web::portal) fn delivery_badge(delivery: &DeliveryView) -> Markup {
    let (tone, text) = match delivery.status {
        DeliveryState::Succeeded => (Tone::Ok, "Succeeded"),
        DeliveryState::Failed => (Tone::Bad, "Failed"),
        DeliveryState::Cancelled => (Tone::Neutral, "Cancelled"),
        DeliveryState::Pending if delivery.attempts.is_empty() => (Tone::Info, "Pending"),
        DeliveryState::Pending => (Tone::Warn, "Retrying"),
    };
    ui::badge(tone, text)
}

/// The status of a reply, or that there was none.
pub(in crate::web::portal) fn reply_badge(status: Option<u16>) -> Markup {
    let Some(status) = status else {
        return ui::badge(Tone::Bad, "No reply");
    };
    let text = match http::StatusCode::from_u16(status)
        .ok()
        .and_then(|s| s.canonical_reason())
    {
        Some(reason) => format!("{status} {reason}"),
        None => status.to_string(),
    };
    ui::badge(reply_tone(status), &text)
}

const fn reply_tone(status: u16) -> Tone {
    match status {
        200..300 => Tone::Ok,
        300..500 => Tone::Warn,
        _ => Tone::Bad,
    }
}

/// What the last attempt of a delivery came to.
pub(super) fn last_reply(delivery: &DeliveryView) -> Markup {
    html! {
        @match delivery.attempts.last() {
            None => span.muted { "not sent yet" }
            Some(Attempt { status: None, error: Some(error), .. }) => span.muted { (error) }
            Some(Attempt { status: Some(status), .. }) => (ui::badge(reply_tone(*status), &status.to_string())),
            Some(attempt) => (reply_badge(attempt.status)),
        }
    }
}

/// The types that a webhook wants, the first few by name.
pub(super) fn types(types: &[String]) -> Markup {
    let (named, others) = types.split_at(types.len().min(TYPES_NAMED));
    html! {
        span.chips {
            @for one in named { (type_chip(one)) " " }
            @if !others.is_empty() {
                span.muted title=(others.join(", ")) { "and " (others.len()) " more" }
            }
        }
    }
}

/// One type or pattern.
pub(in crate::web::portal) fn type_chip(text: &str) -> Markup {
    html! { code.chip { @if text == "*" { "all events" } @else { (text) } } }
}

/// A body: indented where it is JSON, only its beginning where it is long. `label` names it for those who do not see it.
pub(in crate::web::portal) fn body(label: &str, text: &str) -> Markup {
    let indented = Indented::of(text, SIMULATOR_SHOWN_BYTES);
    let (is_whole, shown) = match &indented {
        Some(indented) => (indented.is_whole, indented.markup()),
        None => {
            let beginning = beginning(text, SIMULATOR_SHOWN_BYTES);
            (beginning.len() == text.len(), html! { (beginning) })
        }
    };
    html! {
        div.code {
            pre tabindex="0" role="region" aria-label=(label) { code data-copy-from { (shown) } }
            (ui::copy_button(&format!("Copy: {label}")))
        }
        @if !is_whole {
            p.muted.small { "Only the beginning is shown; the whole has " (text.len()) " bytes." }
        }
    }
}

/// The first characters of a text, `most` bytes of them.
pub(in crate::web::portal) fn beginning(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}

/// Header fields, one a line.
pub(in crate::web::portal) fn fields<'a>(
    fields: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Markup {
    html! {
        dl.fields {
            @for (name, value) in fields {
                div { dt { (name) } dd { (value) } }
            }
        }
    }
}

/// How the last deliveries went, as a strip of one bar each, oldest first.
pub(super) fn strip(deliveries: &[DeliveryView]) -> Markup {
    const STEP: usize = 10;
    let of = |state: DeliveryState| deliveries.iter().filter(|d| d.status == state).count();
    let said = format!(
        "Last {}: {} succeeded, {} failed, {} on their way",
        count(deliveries.len() as u64, "delivery", "deliveries"),
        of(DeliveryState::Succeeded),
        of(DeliveryState::Failed),
        of(DeliveryState::Pending),
    );
    let width = deliveries.len() * STEP;
    html! {
        figure.strip {
            svg viewBox=(format!("0 0 {width} 28")) role="img" aria-label=(said) preserveAspectRatio="xMinYMid meet" {
                @for (i, delivery) in deliveries.iter().rev().enumerate() {
                    @let (class, word) = bar(delivery);
                    rect class=(class) x=(i * STEP + 1) y="2" width=(STEP - 3) height="24" rx="2" {
                        title { (word) ", " (delivery.event_type) ", " (delivery.created_at) }
                    }
                }
            }
            figcaption.muted.small { (said) }
        }
    }
}

fn bar(delivery: &DeliveryView) -> (&'static str, &'static str) {
    match delivery.status {
        DeliveryState::Succeeded => ("is-ok", "succeeded"),
        DeliveryState::Failed => ("is-bad", "failed"),
        DeliveryState::Cancelled => ("is-off", "cancelled"),
        DeliveryState::Pending if delivery.attempts.is_empty() => ("is-wait", "pending"),
        DeliveryState::Pending => ("is-warn", "retrying"),
    }
}

/// A time span in words that somebody would use.
pub(in crate::web::portal) fn latency(ms: u64) -> String {
    if ms < 1_000 {
        format!("{ms} ms")
    } else {
        format!("{}.{} s", ms / 1_000, ms % 1_000 / 100)
    }
}

/// How long after its event an attempt was made.
pub(super) fn offset(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Text with what stands between backticks as code, which is all of CommonMark that summaries use.
pub(super) fn prose(text: &str) -> Markup {
    html! {
        @for (i, part) in text.split('`').enumerate() {
            @if i % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// A text that begins in lower case, as a sentence.
pub(in crate::web::portal) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    format!("{first}{}.", letters.as_str())
}

/// When the next attempt is, as far as that is known.
pub(super) fn next_attempt(delivery: &DeliveryView, now: Timestamp) -> Markup {
    html! {
        @match delivery.next_attempt_at {
            Some(at) if at > now => { "Attempt at " (ui::time(at)) }
            Some(_) => "Due now"
            None => "No further attempt"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_ends_between_characters() {
        assert_eq!(beginning("aé", 2), "a");
        assert_eq!(beginning("aé", 3), "aé");
        assert_eq!(beginning("", 3), "");
    }

    #[test]
    fn what_stands_between_backticks_is_code() {
        let shown = prose("`data` holds <the> `id`").into_string();
        let want = "<code>data</code> holds &lt;the&gt; <code>id</code>";
        assert_eq!(shown, want);
    }

    #[test]
    fn times_of_a_second_and_more_have_one_digit_after_the_point() {
        assert_eq!(
            (latency(0), latency(999)),
            ("0 ms".to_owned(), "999 ms".to_owned())
        );
        assert_eq!(
            (latency(1_000), latency(15_980)),
            ("1.0 s".to_owned(), "15.9 s".to_owned())
        );
    }

    #[test]
    fn a_body_that_is_markup_is_shown_as_text() {
        for hostile in [
            "<script>alert(1)</script>",
            "{\"a\":\"<script>alert(1)</script>\"}",
        ] {
            let shown = body("Body", hostile).into_string();
            assert!(!shown.contains("<script"), "{shown}");
            assert!(shown.contains("&lt;script&gt;"), "{shown}");
        }
    }
}
