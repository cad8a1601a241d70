//! A webhook as somebody asks for it, and everything that may be wrong with that; never the webhook itself.

use crate::base::ceilings::EVENT_DATA_BYTES;
use crate::base::ceilings::simulator::SIMULATOR_BODY_BYTES;
use crate::base::clock::Timestamp;
use crate::base::error::FieldError;
use crate::base::ids;
use crate::base::secret::Secret;
use crate::webhooks::input::{event_id_rule, unknown_type};
use crate::webhooks::settings::{Settings, TEST_TYPE};
use crate::webhooks::sign::SigningKey;
use crate::webhooks::types::ACCOUNT_NOTICES;

/// A webhook that somebody wants to see or send.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Type of the event; not with `body`.
    pub event_type: Option<String>,
    /// What happened, as JSON text.
    pub data: Option<String>,
    /// The whole body instead, byte for byte.
    pub body: Option<String>,
    /// The account that the event is of: that of the webhook or inbox where one is named.
    pub account_id: Option<String>,
    /// Signs with this webhook's secrets.
    pub webhook_id: Option<String>,
    /// Signs with this inbox's secret.
    pub inbox_id: Option<String>,
    /// Signs with this secret.
    pub secret: Option<Secret>,
    /// The `webhook-id`.
    pub id: Option<String>,
    /// Seconds of `webhook-timestamp`; now where nothing is said.
    pub timestamp: Option<i64>,
    /// The event's number.
    pub sequence: Option<u64>,
}

/// Whether an account's webhooks can be sent events of this type.
fn is_known(event_type: &str, settings: &Settings) -> bool {
    event_type == TEST_TYPE || ACCOUNT_NOTICES.contains(&event_type) || settings.knows(event_type)
}

impl Wanted {
    /// Everything that is wrong with what the caller gave.
    pub(super) fn check(&self, settings: &Settings) -> Result<(), Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut add = |field: &str, message: String| errors.push(FieldError::new(field, message));
        match (&self.event_type, &self.body) {
            (Some(_), Some(_)) => add("body", "expected either `type` or `body`".to_owned()),
            (None, None) => add("type", "missing; expected `type` or `body`".to_owned()),
            (Some(t), None) if !is_known(t, settings) => add("type", unknown_type(settings)),
            (None, Some(body)) if body.len() > SIMULATOR_BODY_BYTES => {
                add(
                    "body",
                    format!("expected at most {SIMULATOR_BODY_BYTES} bytes"),
                );
            }
            _ => {}
        }
        match &self.data {
            Some(_) if self.body.is_some() => {
                add("data", "expected no `data` beside `body`".to_owned())
            }
            Some(d) if d.len() > EVENT_DATA_BYTES => {
                add(
                    "data",
                    format!("expected at most {EVENT_DATA_BYTES} bytes of JSON"),
                );
            }
            _ => {}
        }
        let signers = [
            self.webhook_id.is_some(),
            self.inbox_id.is_some(),
            self.secret.is_some(),
        ];
        if signers.iter().filter(|is_named| **is_named).count() > 1 {
            let only = "expected one of `webhook_id`, `inbox_id` and `secret` at most";
            add("secret", only.to_owned());
        }
        if self
            .secret
            .as_ref()
            .is_some_and(|s| SigningKey::new(s).is_none())
        {
            add(
                "secret",
                "expected whsec_ and base64 of 24 to 64 bytes".to_owned(),
            );
        }
        if self
            .account_id
            .as_ref()
            .is_some_and(|a| !ids::is_account_id(a))
        {
            let form = "expected 1 to 128 characters of A-Z a-z 0-9 _ - . : @";
            add("account_id", form.to_owned());
        }
        if self.id.as_ref().is_some_and(|id| !ids::is_event_id(id)) {
            add("id", event_id_rule());
        }
        if self
            .timestamp
            .is_some_and(|t| Timestamp::from_secs(t).secs() != t)
        {
            add(
                "timestamp",
                "expected seconds since 1970, before the year 10000".to_owned(),
            );
        }
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors)
        }
    }
}
