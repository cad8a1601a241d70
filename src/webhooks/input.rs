//! What callers give to make or change endpoints and events, and its validation field by field; never a change itself.

use super::model::EndpointStatus;
use super::port::WebhookTransport;
use super::settings::Settings;
use super::types;
use crate::base::ceilings::{
    EVENT_DATA_BYTES, EVENT_ID_CHARS, EVENT_TYPES_PER_WEBHOOK, NAME_CHARS, WEBHOOK_URL_CHARS,
};
use crate::base::error::FieldError;
use crate::base::ids::{is_account_id, is_event_id, is_reserved_account};

/// An endpoint to be made.
#[derive(Debug, Clone)]
pub struct NewEndpoint {
    /// Its account.
    pub account_id: String,
    /// Where deliveries go.
    pub url: String,
    /// Types it wants: known ones, or patterns that fit one; at least one.
    pub event_types: Vec<String>,
    /// What its owner calls it.
    pub description: Option<String>,
}

/// A change of an endpoint; a missing member stays as it is.
#[derive(Debug, Clone, Default)]
pub struct EndpointPatch {
    /// Another target.
    pub url: Option<String>,
    /// Other types.
    pub event_types: Option<Vec<String>>,
    /// Another description; null removes it.
    pub description: Option<Option<String>>,
    /// Active or paused; either ends a disabling.
    pub status: Option<EndpointStatus>,
}

/// An event that a backend publishes.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// The account.
    pub account_id: String,
    /// Its type, a known one.
    pub event_type: String,
    /// What happened, as JSON text.
    pub data: String,
    /// The publisher's own id, by which publishing again changes nothing.
    pub id: Option<String>,
}

/// Collects what is wrong, so that a caller hears of everything at once.
#[derive(Default)]
pub(super) struct Check(Vec<FieldError>);

impl Check {
    fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(FieldError::new(field, message));
    }

    /// What was found.
    pub(super) fn done(self) -> Result<(), Vec<FieldError>> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(self.0)
        }
    }

    pub(super) fn account_id(&mut self, id: &str) {
        if !is_account_id(id) {
            self.add(
                "account_id",
                "expected 1 to 128 characters of A-Z a-z 0-9 _ - . : @",
            );
        }
    }

    pub(super) fn url(&mut self, url: &str, transport: &dyn WebhookTransport) {
        if url.chars().count() > WEBHOOK_URL_CHARS {
            self.add(
                "url",
                format!("expected at most {WEBHOOK_URL_CHARS} characters"),
            );
        } else if let Err(why) = transport.check_url(url) {
            self.add("url", why);
        }
    }

    /// An account that endpoints may have: anybody's, and the operator's.
    pub(super) fn endpoint_account(&mut self, id: &str) {
        if is_reserved_account(id) && id != types::OPERATOR_ACCOUNT {
            self.add("account_id", RESERVED);
        } else {
            self.account_id(id);
        }
    }

    /// Types that endpoints of this account may want.
    pub(super) fn event_types(&mut self, account: &str, types: &[String], settings: &Settings) {
        let is_operator = account == types::OPERATOR_ACCOUNT;
        if types.is_empty() {
            self.add("event_types", "expected at least one event type");
        }
        if types.len() > EVENT_TYPES_PER_WEBHOOK {
            self.add(
                "event_types",
                format!("expected at most {EVENT_TYPES_PER_WEBHOOK} event types"),
            );
            return;
        }
        for (i, t) in types.iter().enumerate() {
            let field = format!("event_types[{i}]");
            if types[..i].contains(t) {
                self.add(field, "this event type is there twice");
            } else if is_operator {
                if !types::is_operational(t) {
                    self.add(field, only_operational());
                }
            } else if t.contains('*') {
                if !types::is_pattern(t) {
                    self.add(field, "expected * alone or after a dot, such as contact.*");
                } else if !settings
                    .event_types
                    .iter()
                    .any(|known| types::wants(t, known))
                {
                    self.add(field, unknown_type(settings));
                }
            } else if !settings.knows(t) && !types::ACCOUNT_NOTICES.contains(&t.as_str()) {
                self.add(field, unknown_type(settings));
            }
        }
    }

    pub(super) fn description(&mut self, text: Option<&str>) {
        let Some(text) = text else { return };
        if text.chars().count() > NAME_CHARS || text.chars().any(char::is_control) {
            self.add(
                "description",
                format!(
                    "expected at most {NAME_CHARS} characters, none of them a control character"
                ),
            );
        }
    }

    pub(super) fn status(&mut self, status: EndpointStatus) {
        if status == EndpointStatus::Disabled {
            self.add("status", "expected active or paused");
        }
    }

    pub(super) fn event(&mut self, event: &NewEvent, settings: &Settings) {
        if is_reserved_account(&event.account_id) {
            self.add("account_id", RESERVED);
        } else {
            self.account_id(&event.account_id);
        }
        if !settings.knows(&event.event_type) {
            self.add("type", unknown_type(settings));
        }
        if event.id.as_ref().is_some_and(|id| !is_event_id(id)) {
            self.add("id", event_id_rule());
        }
        if event.data.len() > EVENT_DATA_BYTES {
            self.add(
                "data",
                format!("expected at most {EVENT_DATA_BYTES} bytes of JSON"),
            );
        } else if serde_json::from_str::<serde_json::Value>(&event.data).is_err() {
            self.add("data", "expected JSON");
        }
    }
}

/// What an event's id is expected to be.
pub(super) fn event_id_rule() -> String {
    format!("expected 1 to {EVENT_ID_CHARS} characters of A-Z a-z 0-9 _ -")
}

/// What is wrong with an account that is the gateway's own.
const RESERVED: &str = "expected another account: this one is the gateway's own";

fn only_operational() -> String {
    let all = types::OPERATIONAL.join(", ");
    format!("the operator's endpoint gets operational events only: {all}")
}

/// What is said of a type that nobody knows.
pub(super) fn unknown_type(settings: &Settings) -> String {
    let known: Vec<&str> = settings.event_types.iter().map(|t| &**t).collect();
    if known.is_empty() {
        return "unknown event type: the configuration has no event rules".to_owned();
    }
    format!("unknown event type; there are {}", known.join(", "))
}
