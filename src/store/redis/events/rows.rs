//! Hashes of Redis as values and back again; never which key one lies under.

use std::collections::HashMap;
use std::str::FromStr;

use redis::{FromRedisValue, Value};
use serde::de::DeserializeOwned;

use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::store::redis::link::Call;
use crate::webhooks::health::EndpointHealth;
use crate::webhooks::model::{
    Attempt, Delivery, DeliveryState, Endpoint, EndpointStatus, Event, EventState,
};

/// A hash as it comes.
pub(super) type Hash = HashMap<String, String>;
/// Names and values of a hash to write.
pub(super) type Fields = Vec<(&'static str, String)>;

const EVENT_STATES: [(&str, EventState); 3] = [
    ("pending", EventState::Pending),
    ("released", EventState::Released),
    ("unresolved", EventState::Unresolved),
];
const STATUSES: [(&str, EndpointStatus); 3] = [
    ("active", EndpointStatus::Active),
    ("paused", EndpointStatus::Paused),
    ("disabled", EndpointStatus::Disabled),
];
const DELIVERY_STATES: [(&str, DeliveryState); 4] = [
    ("pending", DeliveryState::Pending),
    ("succeeded", DeliveryState::Succeeded),
    ("failed", DeliveryState::Failed),
    ("cancelled", DeliveryState::Cancelled),
];

fn word<T: PartialEq>(words: &[(&'static str, T)], value: &T) -> &'static str {
    words
        .iter()
        .find(|(_, v)| v == value)
        .map_or("", |(word, _)| word)
}

fn meaning<T: Copy>(words: &[(&'static str, T)], text: &str) -> Option<T> {
    words.iter().find(|(w, _)| *w == text).map(|(_, v)| *v)
}

/// The word for a state.
pub(super) fn event_state(state: EventState) -> &'static str {
    word(&EVENT_STATES, &state)
}

/// The word for a state.
pub(super) fn delivery_state(state: DeliveryState) -> &'static str {
    word(&DELIVERY_STATES, &state)
}

/// The word for a status.
pub(super) fn status(status: EndpointStatus) -> &'static str {
    word(&STATUSES, &status)
}

/// The status that a word stands for.
pub(super) fn status_of(text: &str) -> Option<EndpointStatus> {
    meaning(&STATUSES, text)
}

/// One reply of several.
pub(super) fn parsed<T: FromRedisValue>(value: Value) -> Result<T, StoreError> {
    redis::from_redis_value(value).map_err(|e| StoreError::Corrupt(format!("from redis: {e}")))
}

/// A score as the instant that it is.
pub(super) fn instant(score: f64) -> Timestamp {
    Timestamp::from_millis(score as i64)
}

fn damaged(id: &str, field: &str) -> StoreError {
    StoreError::Corrupt(format!("{field} of {id}"))
}

/// A hash that is being read.
struct Row<'a> {
    id: &'a str,
    hash: Hash,
}

impl Row<'_> {
    fn maybe(&mut self, field: &str) -> Option<String> {
        self.hash.remove(field)
    }

    fn text(&mut self, field: &str) -> Result<String, StoreError> {
        self.maybe(field).ok_or_else(|| damaged(self.id, field))
    }

    fn maybe_number<T: FromStr>(&mut self, field: &str) -> Result<Option<T>, StoreError> {
        self.maybe(field)
            .map(|text| text.parse().map_err(|_| damaged(self.id, field)))
            .transpose()
    }

    fn number<T: FromStr>(&mut self, field: &str) -> Result<T, StoreError> {
        self.maybe_number(field)?
            .ok_or_else(|| damaged(self.id, field))
    }

    fn maybe_time(&mut self, field: &str) -> Result<Option<Timestamp>, StoreError> {
        let Some(ms) = self.maybe_number::<i64>(field)? else {
            return Ok(None);
        };
        let time = Timestamp::from_millis(ms);
        // Clamped means that it was never ours.
        if time.millis() != ms {
            return Err(damaged(self.id, field));
        }
        Ok(Some(time))
    }

    fn time(&mut self, field: &str) -> Result<Timestamp, StoreError> {
        self.maybe_time(field)?
            .ok_or_else(|| damaged(self.id, field))
    }

    fn flag(&mut self, field: &str) -> Result<bool, StoreError> {
        Ok(self.number::<u8>(field)? != 0)
    }

    fn one_of<T: Copy>(
        &mut self,
        words: &[(&'static str, T)],
        field: &str,
    ) -> Result<T, StoreError> {
        let text = self.text(field)?;
        meaning(words, &text).ok_or_else(|| damaged(self.id, field))
    }

    fn json<T: DeserializeOwned>(&mut self, field: &str) -> Result<T, StoreError> {
        let text = self.text(field)?;
        serde_json::from_str(&text).map_err(|_| damaged(self.id, field))
    }
}

/// An event of its hash; `None` where there is no such hash.
pub(super) fn event(id: &str, hash: Hash) -> Result<Option<Event>, StoreError> {
    if hash.is_empty() {
        return Ok(None);
    }
    let mut row = Row { id, hash };
    Ok(Some(Event {
        account_id: row.text("account")?,
        event_type: row.text("type")?,
        occurred_at: row.time("occurred_at")?,
        state: row.one_of(&EVENT_STATES, "state")?,
        sequence: row.maybe_number("sequence")?,
        data: row.maybe("data"),
        truncated: row.flag("truncated")?,
        request_id: row.maybe("request_id"),
        route: row.maybe("route"),
        method: row.maybe("method"),
        status: row.maybe_number("status")?,
        resource_id: row.maybe("resource_id"),
        conditional: row.flag("conditional")?,
        id: id.to_owned(),
    }))
}

/// What is written of an event in this state, besides its sequence and when it was recorded.
pub(super) fn event_fields(e: &Event, state: EventState) -> Fields {
    let flag = |f: bool| u8::from(f).to_string();
    let mut fields = vec![
        ("account", e.account_id.clone()),
        ("type", e.event_type.clone()),
        ("occurred_at", e.occurred_at.millis().to_string()),
        ("state", event_state(state).to_owned()),
        ("truncated", flag(e.truncated)),
        ("conditional", flag(e.conditional)),
    ];
    let status = e.status.map(|s| s.to_string());
    for (name, value) in [
        ("data", &e.data),
        ("request_id", &e.request_id),
        ("route", &e.route),
        ("method", &e.method),
        ("status", &status),
        ("resource_id", &e.resource_id),
    ] {
        if let Some(value) = value {
            fields.push((name, value.clone()));
        }
    }
    fields
}

/// An endpoint of its hash; `None` where there is no such hash.
pub(super) fn endpoint(id: &str, hash: Hash) -> Result<Option<Endpoint>, StoreError> {
    if hash.is_empty() {
        return Ok(None);
    }
    let mut row = Row { id, hash };
    Ok(Some(Endpoint {
        account_id: row.text("account")?,
        url: row.text("url")?,
        event_types: row.json("event_types")?,
        description: row.maybe("description"),
        status: row.one_of(&STATUSES, "status")?,
        disabled_reason: row.maybe("disabled_reason"),
        created_at: row.time("created_at")?,
        secrets: row.json("secrets")?,
        revision: row.number("revision")?,
        id: id.to_owned(),
    }))
}

/// How an endpoint fares, of its hash; scripts write it (`complete.lua`).
pub(super) fn health(id: &str, hash: Hash) -> Result<EndpointHealth, StoreError> {
    let mut row = Row { id, hash };
    Ok(EndpointHealth {
        failures: row.maybe_number("failures")?.unwrap_or(0),
        failing_since: row.maybe_time("failing_since")?,
        hold_until: row.maybe_time("hold_until")?,
        pace_ms: row.maybe_number("pace_ms")?.unwrap_or(0),
        successes: row.maybe_number("successes")?.unwrap_or(0),
    })
}

/// What is written of an endpoint when it changes; its account and its creation never do.
pub(super) fn endpoint_fields(e: &Endpoint) -> Result<Fields, StoreError> {
    let json = |e: serde_json::Error| StoreError::Corrupt(e.to_string());
    let mut fields = vec![
        ("url", e.url.clone()),
        (
            "event_types",
            serde_json::to_string(&e.event_types).map_err(json)?,
        ),
        ("status", status(e.status).to_owned()),
        ("secrets", serde_json::to_string(&e.secrets).map_err(json)?),
        ("revision", e.revision.to_string()),
    ];
    for (name, value) in [
        ("description", &e.description),
        ("disabled_reason", &e.disabled_reason),
    ] {
        if let Some(value) = value {
            fields.push((name, value.clone()));
        }
    }
    Ok(fields)
}

/// A delivery of its hash; `None` where there is no such hash. Scripts write it (`queue.lua`).
pub(super) fn delivery(id: &str, hash: Hash) -> Result<Option<Delivery>, StoreError> {
    if hash.is_empty() {
        return Ok(None);
    }
    let mut row = Row { id, hash };
    Ok(Some(Delivery {
        event_id: row.text("event")?,
        endpoint_id: row.text("endpoint")?,
        account_id: row.text("account")?,
        event_type: row.text("type")?,
        state: row.one_of(&DELIVERY_STATES, "state")?,
        attempts: row.number("attempts")?,
        next_attempt_at: row.maybe_time("next_attempt_at")?,
        created_at: row.time("created_at")?,
        finished_at: row.maybe_time("finished_at")?,
        id: id.to_owned(),
    }))
}

/// Attempts of the list that holds them.
pub(super) fn attempts(id: &str, list: &[String]) -> Result<Vec<Attempt>, StoreError> {
    list.iter()
        .map(|text| serde_json::from_str(text).map_err(|_| damaged(id, "attempts")))
        .collect()
}

/// Adds fields as `fields()` of `next.lua` takes them.
pub(super) fn add_fields(call: Call, fields: &[(&'static str, String)]) -> Call {
    fields
        .iter()
        .fold(call.arg(fields.len() * 2), |call, (name, value)| {
            call.arg(*name).arg(value)
        })
}
