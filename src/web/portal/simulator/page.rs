//! `GET /webhook-simulator`: the form, the account's inboxes and programs that verify; never anything sent.

use http::StatusCode;
use maud::{Markup, html};

use super::composer::Composer;
use super::{form, inboxes, snippets};
use crate::base::error::FieldError;
use crate::base::page::{MAX_LIMIT, PageRequest};
use crate::web::portal::answer::{PageAnswer, PageResult};
use crate::web::portal::form::Query;
use crate::web::portal::own::Own;
use crate::web::portal::refuse::PageError;
use crate::web::portal::shell::{self, Place};
use crate::web::portal::ui::{self, Tone};
use crate::web::portal::webhooks::styles;
use crate::webhooks::simulator::describe::{describe, types};
use crate::webhooks::simulator::inboxes::InboxView;
use crate::webhooks::view::EndpointView;

/// What a redirect says was done.
const DONE: [(&str, &str); 1] = [(
    "inbox-deleted",
    "The inbox was deleted, with what it caught.",
)];

/// What the page is made of besides the form.
pub(super) struct Around {
    pub(super) webhooks: Vec<EndpointView>,
    pub(super) inboxes: Vec<InboxView>,
}

impl Around {
    /// The account's webhooks and inboxes.
    pub(super) async fn of(own: &Own) -> Result<Self, PageError> {
        let most = PageRequest {
            limit: MAX_LIMIT,
            after: None,
        };
        Ok(Self {
            webhooks: own.webhooks(&most).await?.items,
            inboxes: own.inboxes(&most).await?.items,
        })
    }
}

/// The form as a link asks for it: a type, a signer, or an event that happened.
pub(super) async fn show(own: Own, query: Query) -> PageResult {
    let mut composer = Composer::of(&query.0)?;
    if let Some(id) = query.0.one("event")?.filter(|id| !id.is_empty()) {
        let event = own.event(id).await?;
        composer.event_type.clone_from(&event.event_type);
        composer.id.clone_from(&event.id);
        composer.sequence = event.sequence.map(|n| n.to_string()).unwrap_or_default();
        let data = event.data.unwrap_or_default();
        composer.data = serde_json::to_string_pretty(&data).unwrap_or_default();
    }
    let around = Around::of(&own).await?;
    begin(&own, &mut composer, &around);
    let result = html! {
        (ui::done(&query, &DONE))
        (nothing())
    };
    Ok(page(&own, &composer, &around, &[], &result))
}

/// Fills in what nobody said.
fn begin(own: &Own, composer: &mut Composer, around: &Around) {
    if composer.event_type.is_empty() {
        composer.event_type = types(own.config()).into_iter().next().unwrap_or_default();
    }
    if composer.data.is_empty() {
        composer.data = example(own, &composer.event_type);
    }
    if composer.signer.is_empty() {
        composer.signer = match (around.inboxes.first(), around.webhooks.first()) {
            (Some(inbox), _) => format!("inbox:{}", inbox.id),
            (None, Some(webhook)) => format!("webhook:{}", webhook.id),
            (None, None) => "new".to_owned(),
        };
    }
}

/// Data to begin with, indented for editing.
pub(super) fn example(own: &Own, event_type: &str) -> String {
    let doc = describe(own.config(), event_type);
    serde_json::to_string_pretty(doc.data()).unwrap_or_default()
}

fn nothing() -> Markup {
    html! {
        div.placeholder {
            h2 { "The result appears here" }
            p { strong { "Show" } " makes the request and the text that is signed. " strong { "Send" } " posts it and shows the reply." }
        }
    }
}

/// The page with what came of the form.
pub(super) fn page(
    own: &Own,
    composer: &Composer,
    around: &Around,
    errors: &[FieldError],
    result: &Markup,
) -> PageAnswer {
    let text = "Send a signed webhook to your endpoint or to an inbox here, well or with a fault, and see what comes back. It is in no log of deliveries.";
    let body = html! {
        (styles())
        (ui::head("Webhook simulator", Some(text), None))
        @if own.is_developer() {
            div.simulator {
                (form::form(own, composer, around, errors))
                section #result tabindex="0" aria-label="Result" aria-live="polite" { (result) }
            }
        } @else {
            (ui::notice(Tone::Info, &html! { "Your role is viewer: you see what inboxes caught. Sending is for developers." }))
        }
        (inboxes::panel(own, &around.inboxes))
        (ui::card(Some("Verify what arrives"), &html! {
            p.muted { "Whole endpoints with nothing to install. Give them the secret in " code { "WEBHOOK_SECRET" } " and send them something." }
            (snippets::samples())
        }))
        (ui::script("simulator.mjs"))
    };
    let answer = shell::page(own, "Webhook simulator", Place::Simulator, body);
    if errors.is_empty() {
        answer
    } else {
        answer.status(StatusCode::UNPROCESSABLE_ENTITY)
    }
}
