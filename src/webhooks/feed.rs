//! A reader's way through an account's released events, with no event left out unsaid; never how they are sent.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::envelope;
use super::model::Event;
use super::port::EventFeed;
use super::types;
use crate::base::ceilings::{LISTEN_BACK, LISTEN_PAGE};
use crate::base::error::StoreError;

/// One line of a stream of events, as it is written and read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// An event that was released.
    Event {
        /// Its id, the `webhook-id` of its deliveries.
        id: String,
        /// Its type.
        #[serde(rename = "type")]
        event_type: String,
        /// Its number among the account's events.
        sequence: u64,
        /// The body of its deliveries, byte for byte.
        body: String,
    },
    /// Events with these numbers are no longer kept.
    Missing {
        /// The first.
        from: u64,
        /// The last.
        to: u64,
    },
    /// Where the stream stands: whatever has this number or a lower one was sent, or is of a type that nobody asked for.
    Position {
        /// The number.
        sequence: u64,
        /// The event that has it.
        id: Option<String>,
    },
}

/// What a reader asks for.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The account.
    pub account_id: String,
    /// Types and patterns of them; empty: all but tests.
    pub event_types: Vec<String>,
    /// The number after which to begin: 0 is the oldest event that is kept, `None` what happens from now on.
    pub after: Option<u64>,
    /// The event that had this number when the reader saw it.
    pub after_id: Option<String>,
}

/// Why a reader cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The account has not given this number yet.
    #[error("the account has given no number above {last}")]
    Ahead {
        /// The last that it gave.
        last: u64,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A place in an account's events.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    sequence: u64,
    /// The event with this number. Numbers are given anew where a store lost its last writes, as a failover or a restored
    /// backup may; then another event has it, or none, and what came between would be left out.
    id: Option<String>,
}

/// What one look at the store gave.
#[derive(Debug, Default)]
pub struct Step {
    /// Lines to be sent, none of them a position.
    pub lines: Vec<Line>,
    /// Whether the reader stands elsewhere now.
    pub moved: bool,
    /// Whether the store may have more at once.
    pub more: bool,
}

/// A reader of an account's events.
pub struct Reader {
    feed: Arc<dyn EventFeed>,
    account_id: String,
    event_types: Vec<String>,
    place: Place,
    /// Whether a number that is not there is told: not to one who asked for whatever is kept, before it has read that.
    is_strict: bool,
}

impl Reader {
    /// A reader that begins where `wanted` says.
    ///
    /// # Errors
    /// See [`FeedError`].
    pub async fn open(feed: Arc<dyn EventFeed>, wanted: Wanted) -> Result<Self, FeedError> {
        let last = feed.last_sequence(&wanted.account_id).await?;
        let sequence = wanted.after.unwrap_or(last);
        if sequence > last && wanted.after_id.is_none() {
            return Err(FeedError::Ahead { last });
        }
        let mut event_types = wanted.event_types;
        if event_types.is_empty() {
            event_types.push("*".to_owned());
        }
        let mut reader = Self {
            feed,
            account_id: wanted.account_id,
            event_types,
            place: Place {
                sequence,
                id: wanted.after_id,
            },
            is_strict: sequence > 0,
        };
        if reader.place.id.is_none() && sequence > 0 {
            let there = reader.after(sequence - 1, 1).await?;
            let there = there.into_iter().find(|e| e.sequence == Some(sequence));
            reader.place.id = there.map(|e| e.id);
        }
        Ok(reader)
    }

    /// Where it stands.
    pub fn position(&self) -> Line {
        Line::Position {
            sequence: self.place.sequence,
            id: self.place.id.clone(),
        }
    }

    /// Reads on.
    ///
    /// # Errors
    /// Those of the store; nothing is passed over then.
    pub async fn next(&mut self) -> Result<Step, StoreError> {
        let before = self.place.clone();
        let mut events = self.read().await?;
        if !self.follows(&mut events).await? {
            let last = self.feed.last_sequence(&self.account_id).await?;
            self.place = Place {
                sequence: before.sequence.min(last).saturating_sub(LISTEN_BACK),
                id: None,
            };
            self.is_strict = false;
            events = self.read().await?;
        }
        let mut step = Step {
            more: events.len() >= LISTEN_PAGE as usize,
            ..Step::default()
        };
        for event in events {
            self.pass(event, &mut step);
        }
        self.is_strict |= !step.more;
        step.moved = self.place != before;
        Ok(step)
    }

    /// The place's own event, where that is known, and those after it.
    async fn read(&self) -> Result<Vec<Event>, StoreError> {
        let from = self.place.sequence;
        match self.place.id {
            Some(_) => self.after(from.saturating_sub(1), LISTEN_PAGE + 1).await,
            None => self.after(from, LISTEN_PAGE).await,
        }
    }

    async fn after(&self, sequence: u64, limit: u32) -> Result<Vec<Event>, StoreError> {
        self.feed
            .released_after(&self.account_id, sequence, limit)
            .await
    }

    /// Whether what was read goes on from the place; takes the place's own event out of it.
    async fn follows(&mut self, events: &mut Vec<Event>) -> Result<bool, StoreError> {
        let (at, Some(id)) = (self.place.sequence, &self.place.id) else {
            return Ok(true);
        };
        match events.first() {
            Some(own) if own.sequence == Some(at) => {
                let is_known = own.id == *id;
                if is_known {
                    events.remove(0);
                }
                Ok(is_known)
            }
            // It is no longer kept, and later ones are.
            Some(_) => Ok(true),
            None if self.feed.last_sequence(&self.account_id).await? < at => Ok(false),
            None => {
                self.place.id = None;
                Ok(true)
            }
        }
    }

    fn pass(&mut self, event: Event, step: &mut Step) {
        // Released events have a number; one without could not be gone on from.
        let Some(sequence) = event.sequence else {
            return;
        };
        let expected = self.place.sequence + 1;
        if self.is_strict && sequence > expected {
            step.lines.push(Line::Missing {
                from: expected,
                to: sequence - 1,
            });
        }
        self.place = Place {
            sequence,
            id: Some(event.id.clone()),
        };
        if types::wants_any(&self.event_types, &event.event_type) {
            step.lines.push(Line::Event {
                body: envelope::body(&event),
                id: event.id,
                event_type: event.event_type,
                sequence,
            });
        }
    }
}

#[cfg(test)]
#[path = "feed_tests.rs"]
mod tests;
