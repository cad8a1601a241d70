//! `GET /alerts`: what the account is told of, with the form that changes it for developers; never a change.

use maud::{Markup, html};

use super::{DAYS, FIELDS};
use crate::alerts::model::AlertSettings;
use crate::base::ceilings::alerts::ALERT_EMAILS;
use crate::base::error::FieldError;
use crate::web::portal::answer::PageResult;
use crate::web::portal::form::Query;
use crate::web::portal::own::Own;
use crate::web::portal::shell::{self, Place};
use crate::web::portal::table;
use crate::web::portal::ui::{self, Choice, Field, Kind, Tone};

/// What the form's text fields hold, and what is wrong with it.
pub(super) struct Said<'a> {
    pub(super) hour: String,
    pub(super) month: String,
    pub(super) days: Vec<u32>,
    pub(super) mail_me: bool,
    pub(super) remove: Vec<String>,
    pub(super) errors: &'a [FieldError],
}

pub(super) async fn show(own: Own, query: Query) -> PageResult {
    let settings = own.alerts().await?;
    let said = Said {
        hour: listed(&settings.hour_percent),
        month: listed(&settings.month_percent),
        days: settings.key_expiry_days.clone(),
        mail_me: false,
        remove: Vec::new(),
        errors: &[],
    };
    let done = ui::done(&query, &[("saved", "The alerts were saved.")]);
    Ok(shell::page(
        &own,
        "Alerts",
        Place::Alerts,
        body(&own, &settings, &said, &done),
    ))
}

/// The page. `settings` are those in force, `said` is what the form holds.
pub(super) fn body(own: &Own, settings: &AlertSettings, said: &Said<'_>, done: &Markup) -> Markup {
    html! {
        (ui::head("Alerts", Some("Be told before a quota is used up or a key expires. Each mark is told once."), None))
        (done)
        (ui::error_summary(said.errors, &FIELDS))
        @if own.config().smtp.is_none() {
            (ui::notice(Tone::Info, &html! { "E-mails are not sent from here. Alerts reach you by webhook." }))
        }
        @if own.is_developer() {
            (ui::form(&own.visit.csrf, "/alerts", &fields(own, settings, said)))
        } @else {
            (ui::card(None, &shown(settings)))
        }
        (by_webhook())
    }
}

fn fields(own: &Own, settings: &AlertSettings, said: &Said<'_>) -> Markup {
    html! {
        (ui::card(Some("Usage"), &html! {
            (percent(0, &said.hour, said.errors))
            (percent(1, &said.month, said.errors))
        }))
        (ui::card(Some("Keys"), &days(said)))
        (ui::card(Some("E-mail"), &emails(own, settings, said)))
        p.actions { (ui::button(Kind::Primary, "Save alerts")) }
    }
}

fn percent(n: usize, value: &str, errors: &[FieldError]) -> Markup {
    let (name, label) = FIELDS[n];
    ui::field(&Field {
        name,
        label,
        hint: Some("Per cent used at which you are told: up to five numbers, such as 80, 100."),
        error: ui::error_of(errors, name),
        value,
        most: 40,
        ..Field::default()
    })
}

/// Text of a number of days.
fn days_text(days: u32) -> String {
    match days {
        1 => "1 day before".to_owned(),
        n => format!("{n} days before"),
    }
}

fn days(said: &Said<'_>) -> Markup {
    // Those that were set by other means are kept as long as they are ticked.
    let mut all: Vec<u32> = DAYS.to_vec();
    all.extend(said.days.iter().filter(|d| !DAYS.contains(d)));
    all.sort_unstable_by(|a, b| b.cmp(a));
    let texts: Vec<(String, String)> = all.iter().map(|d| (d.to_string(), days_text(*d))).collect();
    let choices: Vec<Choice<'_>> = texts
        .iter()
        .zip(&all)
        .map(|((value, label), days)| Choice {
            value,
            label,
            hint: None,
            is_chosen: said.days.contains(days),
        })
        .collect();
    let (name, label) = FIELDS[2];
    let field = Field {
        name,
        label,
        hint: Some("When you are told that a key will expire."),
        error: ui::error_of(said.errors, name),
        ..Field::default()
    };
    ui::checks(&field, &choices)
}

fn emails(own: &Own, settings: &AlertSettings, said: &Said<'_>) -> Markup {
    let mine = own.visit.session.person.email.as_deref();
    let is_in = |email: &str| {
        let mut all = settings.emails.iter();
        all.any(|e| e.eq_ignore_ascii_case(email))
    };
    let removals: Vec<Choice<'_>> = settings
        .emails
        .iter()
        .map(|email| Choice {
            value: email,
            label: email,
            hint: None,
            is_chosen: said.remove.contains(email),
        })
        .collect();
    let removing = Field {
        name: "remove",
        label: "Addresses that are told",
        hint: Some("Tick those to be told no longer."),
        ..Field::default()
    };
    let (name, _) = FIELDS[3];
    let adding = |email| {
        let label = format!("E-mail me at {email}");
        let choice = Choice {
            value: "yes",
            label: &label,
            hint: None,
            is_chosen: said.mail_me,
        };
        let field = Field {
            name,
            label: "You",
            error: ui::error_of(said.errors, name),
            ..Field::default()
        };
        ui::checks(&field, &[choice])
    };
    html! {
        @if removals.is_empty() { p.muted { "Nobody is told by e-mail." } }
        @else { (ui::checks(&removing, &removals)) }
        @match mine {
            Some(email) if !is_in(email) && settings.emails.len() < ALERT_EMAILS => (adding(email)),
            Some(_) => {}
            None => p.muted { "You signed in without an e-mail address, so that yours cannot be added here." },
        }
        p.small.muted {
            "You can add your own address only. Others are added by whoever manages your account, up to "
            (ALERT_EMAILS) " in all."
        }
    }
}

/// What viewers see.
fn shown(settings: &AlertSettings) -> Markup {
    let or_none = |text: String| html! { @if text.is_empty() { "Not told" } @else { (text) } };
    let per_cent = |marks: &[u32]| {
        let texts: Vec<String> = marks.iter().map(|m| format!("{m} %")).collect();
        or_none(texts.join(", "))
    };
    let days: Vec<String> = settings
        .key_expiry_days
        .iter()
        .map(|d| days_text(*d))
        .collect();
    ui::key_values(&[
        (FIELDS[0].1, per_cent(&settings.hour_percent)),
        (FIELDS[1].1, per_cent(&settings.month_percent)),
        (FIELDS[2].1, or_none(days.join(", "))),
        ("E-mail to", or_none(settings.emails.join(", "))),
    ])
}

fn by_webhook() -> Markup {
    let body = html! {
        p {
            "A webhook is told too, where it has the events " code { "usage.threshold_reached" } " or "
            code { "key.expiring" } " among its own. They have to be named: " code { "*" } " does not stand for them."
        }
        @if table::has("/webhooks") { p.actions { (ui::link_button(Kind::Secondary, "/webhooks", "Webhooks")) } }
    };
    ui::card(Some("By webhook"), &body)
}

/// Numbers as the form shows them.
fn listed(marks: &[u32]) -> String {
    let texts: Vec<String> = marks.iter().map(u32::to_string).collect();
    texts.join(", ")
}
