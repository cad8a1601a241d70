//! `GET /webhooks/{webhook}`: one webhook, how it fares and what was sent to it; never its secret.

use axum::extract::Path;
use maud::{Markup, html};

use super::deliveries::{self, Shown};
use super::edit::{self, Filled};
use super::{act, parts, recover, styles};
use crate::base::page::PageRequest;
use crate::web::portal::answer::PageResult;
use crate::web::portal::form::Query;
use crate::web::portal::own::Own;
use crate::web::portal::own::webhooks::Deliveries;
use crate::web::portal::shell::{self, Place};
use crate::web::portal::ui::{self, Kind, Tone};
use crate::webhooks::model::EndpointStatus;
use crate::webhooks::view::{DeliveryView, EndpointView, ReplayView};

/// Deliveries that the page sums up.
const SUMMED: u32 = 50;
/// Deliveries that the page lists.
const LISTED: usize = 10;
/// What a redirect says was done.
const DONE: [(&str, &str); 6] = [
    ("changed", "The webhook was changed."),
    ("paused", "The webhook is paused. Events are kept and wait."),
    ("resumed", "The webhook is active. What waited is sent now."),
    (
        "replayed",
        "Failed deliveries are being sent again, 20 a second at most.",
    ),
    (
        "old-secret-ended",
        "The old secret signs no more. Take it out of your endpoint as well.",
    ),
    (
        "recovering",
        "Missed events are being looked for. See below how many were found.",
    ),
];

pub(super) async fn show(own: Own, Path(id): Path<String>, query: Query) -> PageResult {
    let webhook = own.webhook(&id).await?;
    let filled = Filled::of(&webhook);
    page(&own, &webhook, &ui::done(&query, &DONE), &filled).await
}

/// The page, also with a form that could not be taken.
pub(super) async fn page(
    own: &Own,
    webhook: &EndpointView,
    done: &Markup,
    form: &Filled,
) -> PageResult {
    let wanted = Deliveries {
        webhook: Some(webhook.id.clone()),
        ..Deliveries::default()
    };
    let first = PageRequest {
        limit: SUMMED,
        after: None,
    };
    let sent = own.deliveries(&wanted, &first).await?.items;
    let recovered = own.last_recovery(webhook).await?;
    let body = html! {
        (styles())
        (ui::crumbs(&[("/webhooks", "Webhooks")]))
        (heading(own, webhook))
        (done)
        (state(own, webhook))
        div.columns {
            div {
                (activity(webhook, &sent))
                @if own.is_developer() { (changes(own, webhook, form, recovered.as_ref())) }
            }
            div { (facts(own, webhook)) }
        }
    };
    Ok(shell::page(own, "Webhook", Place::Webhooks, body))
}

fn heading(own: &Own, webhook: &EndpointView) -> Markup {
    let path = format!("/webhooks/{}", webhook.id);
    html! {
        header.head {
            div {
                h1.address { (webhook.url) }
                p {
                    (parts::webhook_badge(webhook))
                    @if let Some(text) = &webhook.description { " " span.muted { (text) } }
                }
            }
            @if own.is_developer() {
                div.actions {
                    @if webhook.status == EndpointStatus::Active {
                        (act(own, &format!("{path}/test"), Kind::Primary, "Send a test"))
                        (act(own, &format!("{path}/pause"), Kind::Secondary, "Pause"))
                    } @else {
                        (act(own, &format!("{path}/resume"), Kind::Primary, "Resume"))
                    }
                }
            }
        }
    }
}

/// What the reader should know before anything else.
fn state(own: &Own, webhook: &EndpointView) -> Markup {
    let reason = webhook.disabled_reason.as_deref();
    let said = match webhook.status {
        EndpointStatus::Disabled => Some((
            Tone::Bad,
            html! {
                p { strong { "Nothing is sent to this webhook." } " It was disabled: " (reason.unwrap_or("no reason is known")) "." }
                p { "Events since then make no deliveries. Resume it once your endpoint works again, then recover what it missed, at the end of this page." }
            },
        )),
        EndpointStatus::Paused => Some((
            Tone::Info,
            html! {
                strong { "Paused." } " Events are kept, and sent once it is resumed."
            },
        )),
        EndpointStatus::Active if webhook.health.failures > 0 => Some((
            Tone::Warn,
            html! {
                strong { "The last attempt failed." } " " (parts::health(webhook)) ". Deliveries are retried; the replies are below."
            },
        )),
        EndpointStatus::Active => None,
    };
    html! {
        @if let Some((tone, text)) = said { (ui::notice(tone, &text)) }
        @if let Some(until) = webhook.previous_secret_valid_until {
            (ui::notice(Tone::Info, &html! {
                "The secret was changed. The old one signs as well until " (ui::time(until)) ": put the new one in by then."
                @if own.is_developer() { " Does somebody else know the old one? " a href={ "/webhooks/" (webhook.id) "/old-secret" } { "End it now" } "." }
            }))
        }
    }
}

fn activity(webhook: &EndpointView, sent: &[DeliveryView]) -> Markup {
    let all = html! { a href={ "/deliveries?webhook=" (webhook.id) } { "All deliveries" } };
    let body = html! {
        @if sent.is_empty() {
            p.muted.inset { "Nothing was sent yet. Send a test to see one." }
        } @else {
            div.inset { (parts::strip(sent)) }
            (deliveries::table(sent.get(..LISTED).unwrap_or(sent), Shown::OfWebhook))
        }
    };
    ui::card_flush(
        Some("Deliveries"),
        (!sent.is_empty()).then_some(&all),
        &body,
    )
}

fn facts(own: &Own, webhook: &EndpointView) -> Markup {
    let secret = html! {
        "Shown once, when it was made. "
        @if own.is_developer() { a href={ "/webhooks/" (webhook.id) "/secret" } { "Make a new secret" } }
    };
    ui::card(
        Some("Details"),
        &html! {
            (ui::key_values(&[
                ("Webhook id", html! { code { (webhook.id) } }),
                ("Events", html! { span.chips { @for one in &webhook.event_types { (parts::type_chip(one)) " " } } }),
                ("Health", parts::health(webhook)),
                ("Added", ui::time(webhook.created_at)),
                ("Signing secret", secret),
            ]))
            p.small { a href="/docs/guides/webhooks" { "How to verify what is sent" } }
        },
    )
}

fn changes(
    own: &Own,
    webhook: &EndpointView,
    form: &Filled,
    recovered: Option<&ReplayView>,
) -> Markup {
    let path = format!("/webhooks/{}", webhook.id);
    let from = ui::Field {
        name: "from",
        label: "Made in the last",
        is_required: true,
        ..ui::Field::default()
    };
    html! {
        @if webhook.status != EndpointStatus::Disabled { (ui::card(Some("Send failed deliveries again"), &html! {
            p.muted { "What has failed for good is sent again with the same " code { "webhook-id" } ", so that your endpoint can tell what it has already." }
            div.inline { (ui::form(&own.visit.csrf, &format!("{path}/replay-failed"), &html! {
                (ui::select(&from, &super::buttons::ranges()))
                (ui::button(Kind::Secondary, "Send again"))
            })) }
        })) }
        (recover::card(own, webhook, recovered))
        details.card #edit open[form.has_errors()] {
            summary { h2 { "Change address, description or events" } }
            (ui::form(&own.visit.csrf, &path, &html! {
                (edit::fields(own, form))
                p.actions { (ui::button(Kind::Primary, "Save changes")) }
            }))
        }
        (ui::card(Some("Delete this webhook"), &html! {
            p.muted { "What waits for it is cancelled. Its deliveries stay in the log." }
            p.actions { (ui::link_button(Kind::Danger, &format!("{path}/delete"), "Delete…")) }
        }))
        (ui::script("webhooks.mjs"))
    }
}
