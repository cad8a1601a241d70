//! Writes as bytes of the spool and back; a form that has landed is read for ever, since another version may have written it.

use serde::{Deserialize, Serialize};

use super::events::EventWrite;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::usage::model::{Counts, KeyUsageRow, RejectionRow, RouteUsageRow, UsageBatch};
use crate::webhooks::model::{Event, EventState, Settlement};

// Rows by position, since a batch has thousands: times are milliseconds, counts as in the model.
type KeyRow<T> = (T, T, i64, u8, u64, u64, u64, u64);
type RouteRow<T> = (T, T, T, T, i64, u64, u64, i64);
type CodeRow<T> = (T, i64, T, u64);

#[derive(Serialize, Deserialize)]
struct BatchShape<T> {
    boot: T,
    sequence: u64,
    keys: Vec<KeyRow<T>>,
    routes: Vec<RouteRow<T>>,
    // Batches of earlier versions have none.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    rejections: Vec<CodeRow<T>>,
}

pub(super) fn batch_to_bytes(batch: &UsageBatch) -> Result<Vec<u8>, StoreError> {
    let keys = batch.keys.iter().map(|r| {
        let c = &r.counts;
        (
            r.account_id.as_str(),
            r.key_id.as_str(),
            r.hour.millis(),
            r.class,
            c.requests,
            c.bytes_in,
            c.bytes_out,
            c.upstream_us,
        )
    });
    let routes = batch.routes.iter().map(|r| {
        (
            r.account_id.as_str(),
            r.key_id.as_str(),
            r.route.as_str(),
            r.method.as_str(),
            r.hour.millis(),
            r.requests,
            r.errors,
            r.last_at.millis(),
        )
    });
    let rejections = batch.rejections.iter().map(|r| {
        (
            r.account_id.as_str(),
            r.hour.millis(),
            r.code.as_str(),
            r.requests,
        )
    });
    to_bytes(&BatchShape {
        boot: batch.boot_id.as_str(),
        sequence: batch.sequence,
        keys: keys.collect(),
        routes: routes.collect(),
        rejections: rejections.collect(),
    })
}

pub(super) fn batch_from_bytes(bytes: &[u8]) -> Result<UsageBatch, String> {
    let shape: BatchShape<String> = from_bytes(bytes)?;
    let keys = shape.keys.into_iter().map(|r| KeyUsageRow {
        account_id: r.0,
        key_id: r.1,
        hour: Timestamp::from_millis(r.2),
        class: r.3,
        counts: Counts {
            requests: r.4,
            bytes_in: r.5,
            bytes_out: r.6,
            upstream_us: r.7,
        },
    });
    let routes = shape.routes.into_iter().map(|r| RouteUsageRow {
        account_id: r.0,
        key_id: r.1,
        route: r.2,
        method: r.3,
        hour: Timestamp::from_millis(r.4),
        requests: r.5,
        errors: r.6,
        last_at: Timestamp::from_millis(r.7),
    });
    let rejections = shape.rejections.into_iter().map(|r| RejectionRow {
        account_id: r.0,
        hour: Timestamp::from_millis(r.1),
        code: r.2,
        requests: r.3,
    });
    Ok(UsageBatch {
        boot_id: shape.boot,
        sequence: shape.sequence,
        keys: keys.collect(),
        routes: routes.collect(),
        rejections: rejections.collect(),
    })
}

// These follow the model field by field, which the compiler checks; a new field there needs a default here.

#[derive(Serialize, Deserialize)]
#[serde(remote = "Event")]
struct EventShape {
    id: String,
    account_id: String,
    event_type: String,
    occurred_at: Timestamp,
    state: EventState,
    sequence: Option<u64>,
    data: Option<String>,
    truncated: bool,
    request_id: Option<String>,
    route: Option<String>,
    method: Option<String>,
    status: Option<u16>,
    resource_id: Option<String>,
    conditional: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Settlement", rename_all = "snake_case")]
enum SettlementShape {
    Release {
        event_id: String,
        account_id: String,
        data: String,
        truncated: bool,
        resource_id: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        released_id: Option<String>,
    },
    Drop {
        event_id: String,
        account_id: String,
    },
    Unresolved {
        event_id: String,
        account_id: String,
    },
}

#[derive(Serialize, Deserialize)]
struct OneEvent(#[serde(with = "EventShape")] Event);

#[derive(Serialize, Deserialize)]
struct OneSettlement(#[serde(with = "SettlementShape")] Settlement);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum EventWriteShape {
    Record(Vec<OneEvent>),
    Settle {
        at: Timestamp,
        settlements: Vec<OneSettlement>,
    },
}

pub(super) fn event_write_to_bytes(write: EventWrite) -> Result<Vec<u8>, StoreError> {
    to_bytes(&match write {
        EventWrite::Record(events) => {
            EventWriteShape::Record(events.into_iter().map(OneEvent).collect())
        }
        EventWrite::Settle(settlements, at) => EventWriteShape::Settle {
            at,
            settlements: settlements.into_iter().map(OneSettlement).collect(),
        },
    })
}

pub(super) fn event_write_from_bytes(bytes: &[u8]) -> Result<EventWrite, String> {
    Ok(match from_bytes(bytes)? {
        EventWriteShape::Record(events) => {
            EventWrite::Record(events.into_iter().map(|e| e.0).collect())
        }
        EventWriteShape::Settle { at, settlements } => {
            EventWrite::Settle(settlements.into_iter().map(|s| s.0).collect(), at)
        }
    })
}

fn to_bytes<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|e| StoreError::Corrupt(e.to_string()))
}

fn from_bytes<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(bytes).map_err(|e| format!("an entry of the spool is damaged: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: Timestamp = Timestamp::from_millis(1_794_916_800_123);

    fn settlements() -> Vec<Settlement> {
        let (event_id, account_id) = ("evt_1".to_owned(), "a".to_owned());
        vec![
            Settlement::Release {
                event_id: event_id.clone(),
                account_id: account_id.clone(),
                data: "{\"a\": [1.0, {}, []]}".to_owned(),
                truncated: true,
                resource_id: None,
                released_id: None,
            },
            Settlement::Drop {
                event_id: event_id.clone(),
                account_id: account_id.clone(),
            },
            Settlement::Unresolved {
                event_id,
                account_id,
            },
        ]
    }

    // What an earlier version wrote; never to be changed, only added to.
    const RECORD: &str = r#"{"record":[{"id":"evt_1","account_id":"a","event_type":"x","occurred_at":"2026-11-17T12:00:00.123Z","state":"pending","sequence":null,"data":null,"truncated":false,"request_id":"r1","route":"/v1/c","method":"POST","status":201,"resource_id":"7","conditional":true}]}"#;
    const SETTLE: &str = r#"{"settle":{"at":"2026-11-17T12:00:00.123Z","settlements":[{"release":{"event_id":"evt_1","account_id":"a","data":"{\"a\": [1.0, {}, []]}","truncated":true,"resource_id":null}},{"drop":{"event_id":"evt_1","account_id":"a"}},{"unresolved":{"event_id":"evt_1","account_id":"a"}}]}}"#;
    const BATCH: &str = r#"{"boot":"boot_1","sequence":7,"keys":[["a","k",1794916800123,2,3,4,5,6]],"routes":[["a","k","/v1/c","GET",1794916800123,3,1,1794916800123]]}"#;

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn event_writes_have_the_form_that_has_landed() {
        let event = Event {
            id: "evt_1".to_owned(),
            account_id: "a".to_owned(),
            event_type: "x".to_owned(),
            occurred_at: T,
            state: EventState::Pending,
            sequence: None,
            data: None,
            truncated: false,
            request_id: Some("r1".to_owned()),
            route: Some("/v1/c".to_owned()),
            method: Some("POST".to_owned()),
            status: Some(201),
            resource_id: Some("7".to_owned()),
            conditional: true,
        };
        for (write, form) in [
            (EventWrite::Record(vec![event]), RECORD),
            (EventWrite::Settle(settlements(), T), SETTLE),
        ] {
            assert_eq!(event_write_from_bytes(form.as_bytes()).unwrap(), write);
            assert_eq!(text(event_write_to_bytes(write).unwrap()), form);
        }
        assert!(event_write_from_bytes(b"{\"record\":[{}]}").is_err());
    }

    // The same of a release that has all its members.
    const RELEASE: &str = r#"{"settle":{"at":"2026-11-17T12:00:00.123Z","settlements":[{"release":{"event_id":"evt_1","account_id":"a","data":"{}","truncated":false,"resource_id":"7","released_id":"evt_2"}}]}}"#;

    #[test]
    fn a_release_with_another_id_has_the_form_that_has_landed() {
        let release = Settlement::Release {
            event_id: "evt_1".to_owned(),
            account_id: "a".to_owned(),
            data: "{}".to_owned(),
            truncated: false,
            resource_id: Some("7".to_owned()),
            released_id: Some("evt_2".to_owned()),
        };
        let write = EventWrite::Settle(vec![release], T);
        assert_eq!(event_write_from_bytes(RELEASE.as_bytes()).unwrap(), write);
        assert_eq!(text(event_write_to_bytes(write).unwrap()), RELEASE);
    }

    fn batch() -> UsageBatch {
        UsageBatch {
            boot_id: "boot_1".to_owned(),
            sequence: 7,
            keys: vec![KeyUsageRow {
                account_id: "a".to_owned(),
                key_id: "k".to_owned(),
                hour: T,
                class: 2,
                counts: Counts {
                    requests: 3,
                    bytes_in: 4,
                    bytes_out: 5,
                    upstream_us: 6,
                },
            }],
            routes: vec![RouteUsageRow {
                account_id: "a".to_owned(),
                key_id: "k".to_owned(),
                route: "/v1/c".to_owned(),
                method: "GET".to_owned(),
                hour: T,
                requests: 3,
                errors: 1,
                last_at: T,
            }],
            rejections: Vec::new(),
        }
    }

    #[test]
    fn batches_have_the_form_that_has_landed() {
        assert_eq!(text(batch_to_bytes(&batch()).unwrap()), BATCH);
        assert_eq!(batch_from_bytes(BATCH.as_bytes()).unwrap(), batch());
    }

    // The same of a batch with refusals.
    const REFUSED: &str = r#"{"boot":"boot_1","sequence":7,"keys":[["a","k",1794916800123,2,3,4,5,6]],"routes":[["a","k","/v1/c","GET",1794916800123,3,1,1794916800123]],"rejections":[["a",1794916800123,"rate_limited",9]]}"#;

    #[test]
    fn batches_with_refusals_have_the_form_that_has_landed() {
        let mut batch = batch();
        batch.rejections.push(RejectionRow {
            account_id: "a".to_owned(),
            hour: T,
            code: "rate_limited".to_owned(),
            requests: 9,
        });
        assert_eq!(text(batch_to_bytes(&batch).unwrap()), REFUSED);
        assert_eq!(batch_from_bytes(REFUSED.as_bytes()).unwrap(), batch);
    }
}
