//! `GET /deliveries`: what was sent, to any webhook, newest first; never a body.

use maud::{Markup, html};

use super::choice::ACCOUNT_NOTICES;
use super::{parts, styles};
use crate::base::clock::Timestamp;
use crate::base::page::{MAX_LIMIT, PageRequest};
use crate::web::portal::answer::PageResult;
use crate::web::portal::form::{FormData, Query};
use crate::web::portal::own::Own;
use crate::web::portal::own::webhooks::Deliveries;
use crate::web::portal::refuse::PageError;
use crate::web::portal::shell::{self, Place};
use crate::web::portal::ui::{self, Column, Kind};
use crate::webhooks::model::DeliveryState;
use crate::webhooks::simulator::describe;
use crate::webhooks::view::{DeliveryView, EndpointView};

/// Name of the list in its cursors.
const LIST: &str = "portal_deliveries";
/// The states that one may ask for.
const STATES: [(&str, &str, DeliveryState); 4] = [
    ("pending", "Pending", DeliveryState::Pending),
    ("succeeded", "Succeeded", DeliveryState::Succeeded),
    ("failed", "Failed", DeliveryState::Failed),
    ("cancelled", "Cancelled", DeliveryState::Cancelled),
];

pub(super) async fn list(own: Own, Query(query): Query) -> PageResult {
    let wanted = wanted(&query)?;
    let page = query.page(LIST)?;
    let found = own.deliveries(&wanted, &page).await?;
    let most = PageRequest {
        limit: MAX_LIMIT,
        after: None,
    };
    let webhooks = own.webhooks(&most).await?.items;
    let is_filtered = wanted != Deliveries::default();
    let body = html! {
        (styles())
        (ui::head("Deliveries", Some("Every event on its way to every webhook, with the replies."), None))
        (filter(&own, &wanted, &webhooks))
        @if found.items.is_empty() && found.next.is_some() {
            (ui::empty("Not among these", "None of the deliveries that were looked through is like that. There are older ones.", None))
        } @else if found.items.is_empty() {
            (none(is_filtered))
        } @else {
            (ui::card_flush(None, None, &table(&found.items, Shown::All(&webhooks))))
        }
        (ui::pager(&path(&wanted), LIST, &page, found.next.as_deref()))
    };
    Ok(shell::page(&own, "Deliveries", Place::Deliveries, body))
}

fn none(is_filtered: bool) -> Markup {
    let all = ui::link_button(Kind::Secondary, "/deliveries", "Show all");
    if is_filtered {
        let text = "No delivery is like that. Take something out of the filter.";
        ui::empty("No such deliveries", text, Some(&all))
    } else {
        let text = "Deliveries appear here as events happen.";
        ui::empty("Nothing was sent yet", text, None)
    }
}

/// The list with its filter, as a path.
fn path(wanted: &Deliveries) -> String {
    let state = STATES.iter().find(|(_, _, s)| wanted.state == Some(*s));
    let mut query = form_urlencoded::Serializer::new(String::new());
    let (from, to) = (wanted.from.map(moment), wanted.to.map(moment));
    for (name, value) in [
        ("status", state.map(|(value, _, _)| *value)),
        ("webhook", wanted.webhook.as_deref()),
        ("type", wanted.event_type.as_deref()),
        ("event", wanted.event.as_deref()),
        ("from", from.as_deref()),
        ("to", to.as_deref()),
    ] {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    match query.finish() {
        query if query.is_empty() => "/deliveries".to_owned(),
        query => format!("/deliveries?{query}"),
    }
}

fn wanted(query: &FormData) -> Result<Deliveries, PageError> {
    let said = |name: &str| -> Result<Option<String>, PageError> {
        let text = query.text(name)?;
        Ok((!text.is_empty()).then(|| text.to_owned()))
    };
    let state = match said("status")? {
        None => None,
        Some(word) => {
            let found = STATES.iter().find(|(value, _, _)| *value == word);
            let (_, _, state) = found.ok_or_else(|| {
                PageError::field("status", "expected pending, succeeded, failed or cancelled")
            })?;
            Some(*state)
        }
    };
    let instant = |name: &str| -> Result<Option<Timestamp>, PageError> {
        let Some(text) = said(name)? else {
            return Ok(None);
        };
        let read = read_moment(&text);
        let read = read.ok_or_else(|| PageError::field(name, "expected a date and a time"))?;
        Ok(Some(read))
    };
    let (from, to) = (instant("from")?, instant("to")?);
    if from.zip(to).is_some_and(|(from, to)| from >= to) {
        return Err(PageError::field("from", "expected a time before the end"));
    }
    Ok(Deliveries {
        webhook: said("webhook")?,
        event_type: said("type")?,
        event: said("event")?,
        state,
        from,
        to,
    })
}

/// An instant as an input of date and time has it, in UTC: `2026-11-27T14:09`, with seconds where there are any.
fn moment(at: Timestamp) -> String {
    let text = at.to_string();
    let text = text.get(..19).unwrap_or(&text);
    text.strip_suffix(":00").unwrap_or(text).to_owned()
}

/// What such an input says.
fn read_moment(text: &str) -> Option<Timestamp> {
    let is_whole = |length: usize| text.len() == length && text.is_ascii();
    let whole = match () {
        () if is_whole("2026-11-27T14:09".len()) => format!("{text}:00Z"),
        () if is_whole("2026-11-27T14:09:37".len()) => format!("{text}Z"),
        () => return None,
    };
    Timestamp::parse(&whole).ok()
}

fn filter(own: &Own, wanted: &Deliveries, webhooks: &[EndpointView]) -> Markup {
    let any = ui::Choice {
        label: "Any",
        ..ui::Choice::default()
    };
    let choice = |value, label, is_chosen| ui::Choice {
        value,
        label,
        hint: None,
        is_chosen,
    };
    let mut states = vec![any];
    states.extend(STATES.map(|(value, label, s)| choice(value, label, wanted.state == Some(s))));
    let mut hooks = vec![any];
    hooks.extend(webhooks.iter().map(|w| {
        let label = w.description.as_deref().unwrap_or(&w.url);
        choice(&w.id, label, wanted.webhook.as_ref() == Some(&w.id))
    }));
    html! {
        div.filter {
            (ui::get_form("/deliveries", &html! {
                (filter_by("status", "Status", &states))
                (filter_by("webhook", "Webhook", &hooks))
                (filter_by_type(own, wanted.event_type.as_deref()))
                (filter_by_time("from", "From (UTC)", wanted.from))
                (filter_by_time("to", "Before (UTC)", wanted.to))
                @if let Some(event) = &wanted.event { (ui::hidden("event", event)) }
                (ui::button(Kind::Secondary, "Filter"))
            }))
            @if let Some(event) = &wanted.event { p.small { "Of event " code { (event) } ". " a href="/deliveries" { "Show all" } } }
        }
    }
}

/// A list that opens, without a word about what is optional: all of it is.
fn filter_by(name: &str, label: &str, choices: &[ui::Choice<'_>]) -> Markup {
    html! {
        div.field {
            label for={ "f-" (name) } { (label) }
            select id={ "f-" (name) } name=(name) {
                @for c in choices { option value=(c.value) selected[c.is_chosen] { (c.label) } }
            }
        }
    }
}

fn filter_by_time(name: &str, label: &str, at: Option<Timestamp>) -> Markup {
    html! {
        div.field {
            label for={ "f-" (name) } { (label) }
            input type="datetime-local" id={ "f-" (name) } name=(name) value=[at.map(moment)] step=[at.filter(|t| t.secs() % 60 != 0).map(|_| "1")];
        }
    }
}

/// The types that events may have, to choose one from.
pub(super) fn filter_by_type(own: &Own, chosen: Option<&str>) -> Markup {
    let types = describe::types(own.config());
    let choice = |value, label, is_chosen| ui::Choice {
        value,
        label,
        hint: None,
        is_chosen,
    };
    let mut choices = vec![choice("", "Any", false)];
    let all = types.iter().map(String::as_str).chain(ACCOUNT_NOTICES);
    choices.extend(all.map(|t| choice(t, t, chosen == Some(t))));
    filter_by("type", "Event type", &choices)
}

/// What is told of deliveries in a table: not what all of them have in common.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shown<'a> {
    /// Deliveries of many events to many webhooks, which are called so.
    All(&'a [EndpointView]),
    /// Those to one webhook.
    OfWebhook,
    /// Those of one event.
    OfEvent(&'a [EndpointView]),
}

/// A table of deliveries.
pub(super) fn table(deliveries: &[DeliveryView], shown: Shown<'_>) -> Markup {
    let first = match shown {
        Shown::OfEvent(_) => "Webhook",
        _ => "Event",
    };
    let mut columns = vec![
        Column::text(first),
        Column::text("Status"),
        Column::text("Last reply"),
    ];
    if let Shown::All(_) = shown {
        columns.push(Column::text("Webhook"));
    }
    columns.extend([Column::number("Attempts"), Column::text("Made")]);
    let rows: Vec<Vec<Markup>> = deliveries.iter().map(|d| row(d, shown)).collect();
    ui::table("Deliveries", &columns, &rows)
}

fn row(delivery: &DeliveryView, shown: Shown<'_>) -> Vec<Markup> {
    let event = html! {
        a href={ "/deliveries/" (delivery.id) } {
            @match shown {
                Shown::OfEvent(webhooks) => (name(&delivery.webhook_id, webhooks)),
                _ => (delivery.event_type),
            }
        }
        @if let Shown::All(_) = shown { div.muted.small { code { (delivery.event_id) } } }
    };
    let mut row = vec![
        event,
        parts::delivery_badge(delivery),
        parts::last_reply(delivery),
    ];
    if let Shown::All(webhooks) = shown {
        let id = &delivery.webhook_id;
        let is_there = webhooks.iter().any(|w| w.id == *id);
        row.push(html! {
            @if is_there { a href={ "/webhooks/" (id) } { (name(id, webhooks)) } } @else { (name(id, webhooks)) }
        });
    }
    let time = html! { span.nowrap { (ui::time(delivery.created_at)) } };
    row.extend([html! { (delivery.attempts.len()) }, time]);
    row
}

/// What a webhook is called.
fn name(id: &str, webhooks: &[EndpointView]) -> Markup {
    html! {
        @match webhooks.iter().find(|w| w.id == id) {
            Some(EndpointView { description: Some(text), .. }) => (text),
            Some(webhook) => span.address { (webhook.url) },
            None => span.muted { "a deleted webhook" },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_input_of_time_says_is_read_in_utc_and_written_as_it_was() {
        for text in [
            "2026-11-27T14:09",
            "2026-11-27T14:09:37",
            "1999-01-01T00:00",
        ] {
            let at = read_moment(text).unwrap();
            assert_eq!(moment(at), text);
        }
        let at = read_moment("2026-11-27T14:09").unwrap();
        assert_eq!(at, Timestamp::from_secs(1_795_788_540));
        for text in [
            "",
            "2026-11-27",
            "2026-11-27 14:09x",
            "2026-13-27T14:09",
            "2026-11-27T14:09Z",
            "2026-11-27T14:09:37+01:00",
            "éééééééé",
        ] {
            assert_eq!(read_moment(text), None, "{text}");
        }
    }
}
