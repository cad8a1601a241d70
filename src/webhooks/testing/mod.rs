//! What tests of webhooks share: a store in memory, callers, events; never part of the product.

mod state;
mod store;

pub(crate) use self::store::MemoryStore;

use super::model::{Event, EventState};
use crate::base::audit::ChangeContext;
use crate::base::clock::Timestamp;
use crate::base::ids;

/// A caller for tests.
pub(crate) fn context(at: Timestamp) -> ChangeContext {
    ChangeContext {
        token: "admin".to_owned(),
        actor: None,
        address: None,
        request_id: "r1".to_owned(),
        at,
        idempotency: None,
    }
}

impl Event {
    /// A pending event of a request with nothing known but account and type, for tests that say what matters to them:
    /// a further field is given its value here and nowhere else.
    pub(crate) fn blank(account_id: &str, event_type: &str) -> Self {
        Self {
            state: EventState::Pending,
            data: None,
            ..Self::published(
                ids::new(ids::EVENT),
                account_id.to_owned(),
                event_type.to_owned(),
                Timestamp::from_millis(0),
                String::new(),
            )
        }
    }
}
