//! `GET /events`, `GET /events/{event}` and its replay: what happened, and to whom it was told; never how it came to be known.

use axum::extract::Path;
use maud::{Markup, html};

use super::deliveries::{self, Shown};
use super::{Tab, act, head, parts, styles};
use crate::base::page::{MAX_LIMIT, PageRequest};
use crate::web::portal::answer::{PageAnswer, PageResult};
use crate::web::portal::form::{FormData, Query};
use crate::web::portal::own::Own;
use crate::web::portal::own::webhooks::Deliveries;
use crate::web::portal::shell::{self, Place};
use crate::web::portal::ui::{self, Column, Kind, Tone};
use crate::webhooks::model::EventState;
use crate::webhooks::view::{DeliveryView, EndpointView, EventView};

/// Name of the list in its cursors.
const LIST: &str = "portal_events";
/// The same of an event's deliveries.
const SENT: &str = "portal_event_deliveries";

pub(super) async fn list(own: Own, Query(query): Query) -> PageResult {
    let wanted = Some(query.text("type")?).filter(|t| !t.is_empty());
    let page = query.page(LIST)?;
    let found = own.events(wanted, &page).await?;
    let path = match wanted {
        None => "/events".to_owned(),
        Some(t) => {
            let mut query = form_urlencoded::Serializer::new(String::new());
            format!("/events?{}", query.append_pair("type", t).finish())
        }
    };
    let body = html! {
        (head(&own, Tab::Events))
        div.filter {
            (ui::get_form("/events", &html! {
                (deliveries::filter_by_type(&own, wanted))
                (ui::button(Kind::Secondary, "Filter"))
            }))
        }
        @if found.items.is_empty() {
            (ui::empty("No events", "They appear here as your data changes.", None))
        } @else {
            (ui::card_flush(None, None, &table(&found.items)))
        }
        (ui::pager(&path, LIST, &page, found.next.as_deref()))
    };
    Ok(shell::page(&own, "Events", Place::Webhooks, body))
}

fn table(events: &[EventView]) -> Markup {
    let columns = [
        Column::text("Event"),
        Column::number("Number"),
        Column::text("Resource"),
        Column::text("Made by"),
        Column::text("Happened"),
    ];
    let rows: Vec<Vec<Markup>> = events.iter().map(row).collect();
    ui::table("Events", &columns, &rows)
}

fn row(event: &EventView) -> Vec<Markup> {
    let name = html! {
        a href={ "/events/" (event.id) } { (event.event_type) } " " (state(event))
        div.muted.small { code { (event.id) } }
    };
    vec![
        name,
        number(event),
        id(event.resource_id.as_deref()),
        source(event),
        html! { span.nowrap { (ui::time(event.timestamp)) } },
    ]
}

fn number(event: &EventView) -> Markup {
    html! { @match event.sequence { Some(n) => (n), None => "–" } }
}

fn id(id: Option<&str>) -> Markup {
    html! { @match id { Some(id) => code { (id) }, None => "–" } }
}

fn source(event: &EventView) -> Markup {
    html! {
        @match (&event.method, &event.route) {
            (Some(method), Some(route)) => code { (method) " " (route) },
            _ => span.muted { "not an API call" },
        }
    }
}

/// What is unusual about where an event stands.
fn state(event: &EventView) -> Markup {
    match event.status {
        EventState::Released => html! {},
        EventState::Pending => ui::badge(Tone::Info, "Pending"),
        EventState::Unresolved => ui::badge(Tone::Warn, "Unresolved"),
    }
}

/// What a redirect says was done.
const DONE: [(&str, &str); 1] = [(
    "replayed",
    "The event is sent again to every webhook that wants it now.",
)];

pub(super) async fn show(own: Own, Path(id): Path<String>, query: Query) -> PageResult {
    let event = own.event(&id).await?;
    let wanted = Deliveries {
        event: Some(event.id.clone()),
        ..Deliveries::default()
    };
    let page = query.0.page(SENT)?;
    let sent = own.deliveries(&wanted, &page).await?;
    let pager = ui::pager(&format!("/events/{id}"), SENT, &page, sent.next.as_deref());
    let most = PageRequest {
        limit: MAX_LIMIT,
        after: None,
    };
    let webhooks = own.webhooks(&most).await?.items;
    let body = html! {
        (styles())
        (ui::crumbs(&[("/events", "Events")]))
        (heading(&own, &event))
        (ui::done(&query, &DONE))
        @if event.status == EventState::Unresolved {
            (ui::notice(Tone::Warn, &html! { "Whether this happened could not be told: the API’s answer was lost. Replay it to send it with the resource’s id only." }))
        }
        div.columns {
            div {
                (told(&sent.items, &webhooks, page.after.is_none()))
                (pager)
                (data(&event))
            }
            div { (facts(&event)) }
        }
    };
    Ok(shell::page(&own, "Event", Place::Webhooks, body))
}

fn heading(own: &Own, event: &EventView) -> Markup {
    let simulate = format!("/webhook-simulator?event={}", event.id);
    html! {
        header.head {
            div { h1 { (event.event_type) } p { (state(event)) } }
            @if own.is_developer() {
                div.actions {
                    @if event.status != EventState::Pending {
                        (act(own, &format!("/events/{}/replay", event.id), Kind::Primary, "Replay"))
                    }
                    (ui::link_button(Kind::Secondary, &simulate, "Open in the simulator"))
                }
            }
        }
    }
}

fn told(sent: &[DeliveryView], webhooks: &[EndpointView], is_first: bool) -> Markup {
    let none = html! { p.muted.inset { "No webhook wanted it. Replay it to send it to those that want it now." } };
    let body = if sent.is_empty() && is_first {
        none
    } else if sent.is_empty() {
        html! { p.muted.inset { "There are no older ones." } }
    } else {
        deliveries::table(sent, Shown::OfEvent(webhooks))
    };
    ui::card_flush(Some("Deliveries"), None, &body)
}

fn data(event: &EventView) -> Markup {
    let body = html! {
        @if event.truncated { p.muted { "Only the resource’s id could be kept; fetch the rest from the API." } }
        @match &event.data {
            Some(data) => (parts::body("Data", &data.to_string())),
            None => p.muted { "Not known yet." },
        }
    };
    ui::card(Some("Data"), &body)
}

fn facts(event: &EventView) -> Markup {
    let pairs = [
        ("Event id", html! { code { (event.id) } }),
        ("Happened", ui::time(event.timestamp)),
        ("Number", number(event)),
        ("Resource", id(event.resource_id.as_deref())),
        ("Made by", source(event)),
        ("Request id", id(event.request_id.as_deref())),
    ];
    ui::card(Some("Details"), &ui::key_values(&pairs))
}

pub(super) async fn replay(own: Own, Path(id): Path<String>, _: FormData) -> PageResult {
    own.replay_event(&id).await?;
    Ok(PageAnswer::see_other(&format!(
        "/events/{id}?done=replayed"
    )))
}
