//! Inboxes: the panel that lists them, `POST` that makes one and the one that deletes it; never a secret a second time.

use axum::extract::Path;
use maud::{Markup, html};

use crate::base::ceilings::simulator::INBOXES_PER_ACCOUNT;
use crate::web::portal::answer::{PageAnswer, PageResult};
use crate::web::portal::form::FormData;
use crate::web::portal::own::Own;
use crate::web::portal::own::once::{self, Once};
use crate::web::portal::refuse::PageError;
use crate::web::portal::shell::{self, Place};
use crate::web::portal::ui::{self, Column, Kind};
use crate::web::portal::webhooks::styles;
use crate::webhooks::simulator::inboxes::{InboxView, MadeInbox};

/// How long an inbox may live, as it is chosen: minutes and words.
const LIVES: [(u64, &str); 3] = [(15, "15 minutes"), (60, "an hour"), (1_440, "a day")];
/// What is chosen at first.
const LIFE: u64 = 60;

pub(super) fn panel(own: &Own, inboxes: &[InboxView]) -> Markup {
    let may_create = own.is_developer() && inboxes.len() < INBOXES_PER_ACCOUNT;
    let create = create_form(own);
    let body = html! {
        p.muted.inset { "An inbox is an address that catches what is posted to it and says whether it verifies. Give it to the simulator, or to a webhook." }
        @if inboxes.is_empty() { p.inset { "There is none at the moment." } }
        @else { (table(own, inboxes)) }
    };
    html! {
        div #inboxes { (ui::card_flush(Some("Inboxes"), may_create.then_some(&create), &body)) }
    }
}

fn create_form(own: &Own) -> Markup {
    let form = html! {
        (ui::hidden("once", &once::fresh()))
        label for="f-minutes" { "For" }
        select #f-minutes name="minutes" {
            @for (minutes, text) in LIVES { option value=(minutes) selected[minutes == LIFE] { (text) } }
        }
        (ui::button(Kind::Secondary, "Make an inbox"))
    };
    html! { div.inline { (ui::form(&own.visit.csrf, "/webhook-simulator/inboxes", &form)) } }
}

fn table(own: &Own, inboxes: &[InboxView]) -> Markup {
    let columns = [
        Column::text("Inbox"),
        Column::text("Address"),
        Column::text("Ends"),
    ];
    let row = |inbox: &InboxView| {
        let id = &inbox.id;
        vec![
            html! { a.nowrap href={ "/webhook-simulator/inboxes/" (id) } { "Inbox " (super::form::short(id)) } },
            address(own, inbox),
            ui::time(inbox.expires_at),
        ]
    };
    let rows: Vec<Vec<Markup>> = inboxes.iter().map(row).collect();
    ui::table("Inboxes", &columns, &rows)
}

/// The address, for those who may post there.
pub(super) fn address(own: &Own, inbox: &InboxView) -> Markup {
    html! {
        @match &inbox.url {
            _ if !own.is_developer() => span.muted { "shown to developers" },
            Some(url) => div.code.is-wrapped {
                code.address data-copy-from { (url) }
                (ui::copy_button("Copy: address of the inbox"))
            },
            None => span.muted { "cannot be read any more" },
        }
    }
}

pub(super) async fn create(own: Own, data: FormData) -> PageResult {
    let minutes = data.text("minutes")?.parse::<u64>().ok();
    let minutes = minutes
        .filter(|m| LIVES.iter().any(|(known, _)| known == m))
        .ok_or_else(|| PageError::field("minutes", "expected 15, 60 or 1440"))?;
    Ok(
        match own.create_inbox(minutes * 60, data.text("once")?).await? {
            Once::Made(made) => made_page(&own, &made),
            Once::Before(_) => PageAnswer::see_other("/webhook-simulator#inboxes"),
        },
    )
}

fn made_page(own: &Own, made: &MadeInbox) -> PageAnswer {
    let id = &made.inbox.id;
    let text = "What is posted to its address is kept and verified until it ends.";
    let body = html! {
        (styles())
        (ui::crumbs(&[("/webhook-simulator", "Webhook simulator")]))
        (ui::head("Your inbox is ready", Some(text), None))
        (ui::card(None, &html! {
            (ui::key_values(&[
                ("Address", address(own, &made.inbox)),
                ("Ends", ui::time(made.inbox.expires_at)),
            ]))
            (ui::secret_once("Its signing secret", &made.secret))
            p.muted { "The simulator signs with it by itself. You need it only to sign messages of your own." }
            p.actions {
                (ui::link_button(Kind::Primary, &format!("/webhook-simulator?signer=inbox:{id}"), "Send something to it"))
                (ui::link_button(Kind::Secondary, &format!("/webhooks/new?inbox={id}"), "Add a webhook with its address"))
                (ui::link_button(Kind::Quiet, &format!("/webhook-simulator/inboxes/{id}"), "Open the inbox"))
            }
        }))
    };
    shell::page(own, "Your inbox is ready", Place::Simulator, body)
}

pub(super) async fn delete(own: Own, Path(id): Path<String>, _: FormData) -> PageResult {
    own.delete_inbox(&id).await?;
    Ok(PageAnswer::see_other(
        "/webhook-simulator?done=inbox-deleted",
    ))
}
