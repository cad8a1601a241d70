//! An account's endpoints as its events see them, and the deliveries that are chosen by them; never an endpoint's URL.
//!
//! The roster has a line for each endpoint, its status and the types that it wants, and a revision that is another one
//! after each change. Deliveries are chosen here and written by a script that does nothing when the roster has another
//! revision by then: so all its keys can be named, and no endpoint is missed or hit by mistake.

use std::collections::HashMap;

use super::rows::{self, Hash};
use super::shard::Shard;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::ids;
use crate::store::redis::link::Call;
use crate::webhooks::model::{Endpoint, EndpointStatus};
use crate::webhooks::types;

/// The field that has the revision; no endpoint's id is like it.
const REVISION: &str = "revision";

/// An endpoint on the roster.
pub(super) struct Member {
    /// Its id.
    pub(super) id: String,
    /// Its status.
    pub(super) status: EndpointStatus,
    types: Vec<String>,
}

/// An account's endpoints.
pub(super) struct Roster {
    /// What the roster must still be at when something is written by it.
    pub(super) revision: String,
    /// The endpoints.
    pub(super) members: Vec<Member>,
}

/// A delivery that is to be made or restarted.
pub(super) struct Target {
    endpoint: String,
    delivery: String,
    is_active: bool,
}

/// A revision that no roster had before.
pub(super) fn new_revision() -> String {
    ids::request_id()
}

/// An endpoint's line.
pub(super) fn line(e: &Endpoint) -> String {
    let mut line = rows::status(e.status).to_owned();
    for wanted in &e.event_types {
        line.push('\n');
        line.push_str(wanted);
    }
    line
}

/// Ids of the endpoints in a roster's fields.
pub(super) fn ids_among(fields: Vec<String>) -> Vec<String> {
    fields.into_iter().filter(|f| f != REVISION).collect()
}

impl Roster {
    /// Reads a roster.
    pub(super) fn read(mut hash: Hash) -> Result<Self, StoreError> {
        let revision = hash.remove(REVISION).unwrap_or_default();
        let members = hash
            .into_iter()
            .map(|(id, line)| {
                let mut words = line.split('\n');
                let status = words
                    .next()
                    .and_then(rows::status_of)
                    .ok_or_else(|| StoreError::Corrupt(format!("line of {id}")))?;
                Ok(Member {
                    status,
                    types: words.map(str::to_owned).collect(),
                    id,
                })
            })
            .collect::<Result<_, StoreError>>()?;
        Ok(Self { revision, members })
    }

    /// A delivery for each endpoint that is active or paused and wants the type; `known` are those that the event has
    /// already, by endpoint.
    pub(super) fn targets(
        &self,
        event_type: &str,
        known: &HashMap<String, String>,
        now: Timestamp,
    ) -> Vec<Target> {
        self.members
            .iter()
            .filter(|m| m.status != EndpointStatus::Disabled)
            .filter(|m| types::wants_any(&m.types, event_type))
            .map(|m| m.target(known, now))
            .collect()
    }

    /// An endpoint by id.
    pub(super) fn member(&self, id: &str) -> Option<&Member> {
        self.members.iter().find(|m| m.id == id)
    }
}

impl Member {
    /// A delivery to this endpoint, made at `now` unless there is one.
    pub(super) fn target(&self, known: &HashMap<String, String>, now: Timestamp) -> Target {
        Target {
            delivery: known
                .get(&self.id)
                .cloned()
                .unwrap_or_else(|| ids::at(ids::DELIVERY, now)),
            endpoint: self.id.clone(),
            is_active: self.status == EndpointStatus::Active,
        }
    }
}

/// Adds deliveries as `take_deliveries()` of `queue.lua` takes them.
pub(super) fn add_targets(call: Call, shard: &Shard, targets: &[Target]) -> Call {
    targets.iter().fold(call.arg(targets.len()), |call, t| {
        call.key(shard.delivery(&t.delivery))
            .key(shard.queue(&t.endpoint))
            .key(shard.sent(&t.endpoint))
            .key(shard.health(&t.endpoint))
            .arg(&t.delivery)
            .arg(&t.endpoint)
            .arg(u8::from(t.is_active))
    })
}
