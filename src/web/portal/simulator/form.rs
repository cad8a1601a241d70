//! The simulator's form: event, data, signer, target, fault; never a secret that was typed before.

use maud::{Markup, html};

use super::composer::{Composer, fault_name};
use super::faults;
use super::page::{Around, example};
use crate::base::ceilings::WEBHOOK_URL_CHARS;
use crate::base::error::FieldError;
use crate::web::portal::form::CSRF;
use crate::web::portal::own::Own;
use crate::web::portal::ui::{self, Kind};
use crate::webhooks::simulator::describe::types;
use crate::webhooks::simulator::faults::Fault;
use crate::webhooks::types::ACCOUNT_NOTICES;

/// Names of the fields for the summary of what is wrong.
const NAMES: [(&str, &str); 10] = [
    ("type", "Event type"),
    ("data", "Data"),
    ("signer", "Signed with"),
    ("secret", "Secret"),
    ("target", "Sent to"),
    ("url", "URL"),
    ("fault", "Fault"),
    ("id", "webhook-id"),
    ("timestamp", "webhook-timestamp"),
    ("sequence", "sequence"),
];

pub(super) fn form(
    own: &Own,
    composer: &Composer,
    around: &Around,
    errors: &[FieldError],
) -> Markup {
    html! {
        form.card method="post" action="/webhook-simulator" data-simulator {
            (ui::hidden(CSRF, &own.visit.csrf))
            // What the Enter key presses is the first button, and that is not to be the one for examples.
            button type="submit" name="action" value="send" tabindex="-1" hidden {}
            div #errors { (ui::error_summary(errors, &NAMES)) }
            (event(own, composer, errors))
            (signer(composer, around, errors))
            (target(composer, around, errors))
            (fault(composer, errors))
            (more(composer, errors))
            p.actions.is-last {
                (ui::named_button(Kind::Primary, "action", "send", "Send"))
                (ui::named_button(Kind::Secondary, "action", "show", "Show"))
            }
        }
    }
}

fn event(own: &Own, composer: &Composer, errors: &[FieldError]) -> Markup {
    let data = ui::Field {
        name: "data",
        label: "Data",
        hint: Some("The JSON of “data”, sent as you write it."),
        error: ui::error_of(errors, "data"),
        value: &composer.data,
        is_required: true,
        is_mono: true,
        ..ui::Field::default()
    };
    html! {
        div.field {
            label for="f-type" { "Event type" }
            div.joined {
                select #f-type name="type" {
                    @for one in types(own.config()).iter().map(String::as_str).chain(ACCOUNT_NOTICES) {
                        option value=(one) selected[one == composer.event_type] data-example=(example(own, one)) { (one) }
                    }
                }
                (ui::named_button(Kind::Quiet, "action", "example", "Load example"))
            }
        }
        (ui::text_area(&data, 12))
        p.error.is-live data-json role="status" {}
    }
}

fn signer(composer: &Composer, around: &Around, errors: &[FieldError]) -> Markup {
    let secret = ui::Field {
        name: "secret",
        label: "Secret",
        hint: Some("For “A secret that I have”. It is used once and not kept."),
        error: ui::error_of(errors, "secret"),
        kind: "password",
        is_mono: true,
        ..ui::Field::default()
    };
    let is = |value: &str| composer.signer == value;
    html! {
        div.field {
            label for="f-signer" { "Signed with" }
            select #f-signer name="signer" {
                @if !around.inboxes.is_empty() {
                    optgroup label="An inbox’s secret" { (inboxes(around, &composer.signer)) }
                }
                @if !around.webhooks.is_empty() {
                    optgroup label="A webhook’s secret" {
                        @for webhook in &around.webhooks {
                            @let value = format!("webhook:{}", webhook.id);
                            option value=(value) selected[is(&value)] { (webhook.description.as_deref().unwrap_or(&webhook.url)) }
                        }
                    }
                }
                optgroup label="Another secret" {
                    option value="secret" selected[is("secret")] { "A secret that I have" }
                    option value="new" selected[is("new")] { "A new secret, shown with the result" }
                }
            }
        }
        div data-for="secret" { (ui::field(&secret)) }
    }
}

fn inboxes(around: &Around, chosen: &str) -> Markup {
    html! {
        @for inbox in &around.inboxes {
            @let value = format!("inbox:{}", inbox.id);
            option value=(value) selected[value == chosen] { "Inbox " (short(&inbox.id)) }
        }
    }
}

fn target(composer: &Composer, around: &Around, errors: &[FieldError]) -> Markup {
    let url = ui::Field {
        name: "url",
        label: "URL",
        hint: Some("For “Another URL”. A public address, as for webhooks."),
        error: ui::error_of(errors, "url"),
        value: &composer.url,
        kind: "url",
        most: WEBHOOK_URL_CHARS,
        is_mono: true,
        ..ui::Field::default()
    };
    html! {
        div.field {
            label for="f-target" { "Sent to" }
            select #f-target name="target" {
                option value="signer" selected[composer.target == "signer"] { "The webhook or inbox that it is signed with" }
                option value="url" selected[composer.target == "url"] { "Another URL" }
                (inboxes(around, &composer.target))
            }
        }
        div data-for="url" { (ui::field(&url)) }
    }
}

fn fault(composer: &Composer, errors: &[FieldError]) -> Markup {
    let choice = |value, label, hint| ui::Choice {
        value,
        label,
        hint: Some(hint),
        is_chosen: composer.fault == value,
    };
    let mut choices = vec![choice("", "None", "A delivery as it should be. Accept it.")];
    choices.extend(Fault::ALL.map(|fault| {
        let (label, hint) = faults::words(fault);
        choice(fault_name(fault), label, hint)
    }));
    let field = ui::Field {
        name: "fault",
        label: "Fault",
        error: ui::error_of(errors, "fault"),
        ..ui::Field::default()
    };
    html! { div.faults { (ui::radios(&field, &choices)) } }
}

fn more(composer: &Composer, errors: &[FieldError]) -> Markup {
    let fields = [
        ("id", "webhook-id", &composer.id, "A new one if left out."),
        (
            "timestamp",
            "webhook-timestamp",
            &composer.timestamp,
            "Seconds; now if left out.",
        ),
        ("sequence", "sequence", &composer.sequence, "1 if left out."),
    ];
    let is_open = fields.iter().any(|(_, _, value, _)| !value.is_empty());
    html! {
        details open[is_open] {
            summary { "Identity and time" }
            @for (name, label, value, hint) in fields {
                (ui::field(&ui::Field {
                    name,
                    label,
                    hint: Some(hint),
                    error: ui::error_of(errors, name),
                    value,
                    is_mono: true,
                    ..ui::Field::default()
                }))
            }
        }
    }
}

/// The end of an id, which tells it from the others.
pub(super) fn short(id: &str) -> String {
    let from = id.char_indices().rev().nth(5).map_or(0, |(i, _)| i);
    format!("…{}", id.get(from..).unwrap_or(id))
}
