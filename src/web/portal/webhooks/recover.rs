//! `POST /webhooks/{webhook}/recover` and its card: deliveries of events that a webhook missed; never one of another account's events.

use std::time::Duration;

use axum::extract::Path;
use maud::{Markup, html};

use super::buttons::{ranges, since};
use super::parts;
use crate::web::portal::answer::{PageAnswer, PageResult};
use crate::web::portal::form::FormData;
use crate::web::portal::own::Own;
use crate::web::portal::ui::{self, Kind};
use crate::webhooks::model::EndpointStatus;
use crate::webhooks::port::replays::{ReplayOnly, ReplayState};
use crate::webhooks::view::{EndpointView, ReplayView};

const DAY: Duration = Duration::from_secs(86_400);

pub(super) async fn recover(own: Own, Path(id): Path<String>, data: FormData) -> PageResult {
    // Not found whatever the form says, where it is another account's.
    own.webhook(&id).await?;
    let from = since(&own, &data, "since")?;
    let only = if data.has("failed") {
        ReplayOnly::Undelivered
    } else {
        ReplayOnly::Missed
    };
    own.replay(&id, from, only).await?;
    let place = format!("/webhooks/{id}?done=recovering#recover");
    Ok(PageAnswer::see_other(&place))
}

/// The card on the webhook's page; `last` is its last recovery.
pub(super) fn card(own: &Own, webhook: &EndpointView, last: Option<&ReplayView>) -> Markup {
    let path = format!("/webhooks/{}/recover", webhook.id);
    let days = own.config().webhooks.retention.as_secs() / DAY.as_secs();
    let kept = parts::count(days, "day", "days");
    let since = ui::Field {
        name: "since",
        label: "Happened in the last",
        is_required: true,
        ..ui::Field::default()
    };
    let failed = ui::Field {
        name: "failed",
        label: "What else is sent",
        ..ui::Field::default()
    };
    let also = ui::Choice {
        value: "yes",
        label: "Also what was tried and failed for good",
        ..ui::Choice::default()
    };
    html! {
        div.recover #recover {
            (ui::card(Some("Recover missed events"), &html! {
                p.muted {
                    "Events that happened while the webhook was disabled, or before it was added, were never sent to it. Each of them is sent once, with its own "
                    code { "webhook-id" } ", 20 a second at most; what you have already is not sent again. Events are kept for " (kept) ", and none older can be recovered."
                }
                @if webhook.status == EndpointStatus::Disabled {
                    p { "Resume the webhook first." }
                } @else {
                    (ui::form(&own.visit.csrf, &path, &html! {
                        (ui::select(&since, &ranges()))
                        (ui::checks(&failed, &[also]))
                        p.actions { (ui::button(Kind::Secondary, "Recover missed events")) }
                    }))
                }
                @if let Some(last) = last { (state(last)) }
            }))
        }
    }
}

/// How far the last recovery came, kept fresh while it runs.
fn state(last: &ReplayView) -> Markup {
    let is_over = last.status != ReplayState::Running;
    let found = parts::count(last.replayed, "event", "events");
    html! {
        @if !is_over {
            p.small.muted role="status" data-live-status { "Load the page again to see how many were found since." }
            (ui::script("live.mjs"))
        }
        p data-live={ (last.replayed) "/" (is_over) } data-live-over[is_over] {
            @match last.status {
                ReplayState::Running => { "Looking through events since " (ui::time(last.from)) ": " strong { (found) " found" } " so far." }
                ReplayState::Done if last.replayed == 0 => { "The last recovery, at " (ui::time(last.created_at)) ", found nothing that was missed." }
                ReplayState::Done => { "The last recovery, at " (ui::time(last.created_at)) ": " strong { (found) " found" } "; see the deliveries above." }
                ReplayState::Cancelled => { "The last recovery, at " (ui::time(last.created_at)) ", was ended by the operator: " strong { (found) " found" } "." }
            }
        }
    }
}
