//! Records and settlements of events on their way to the store, through the spool where it is away; never a delivery.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use super::file::{Body, LaneId};
use super::lane::Kind;
use super::shape;
use crate::base::ceilings::{
    SPOOL_DRAIN_TIME, SPOOL_ENTRY_BYTES, SPOOL_SETTLE_SPAN, SPOOL_TOGETHER,
};
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::webhooks::model::{Event, Settlement};
use crate::webhooks::port::EventStore;

/// One call of the port.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum EventWrite {
    /// `record_pending`.
    Record(Vec<Event>),
    /// `settle`, at this instant.
    Settle(Vec<Settlement>, Timestamp),
}

impl EventWrite {
    fn items(&self) -> usize {
        match self {
            Self::Record(events) => events.len(),
            Self::Settle(settlements, _) => settlements.len(),
        }
    }
}

/// Bytes of an event or a settlement beside its texts, about.
const FRAME_BYTES: usize = 256;

fn event_bytes(e: &Event) -> usize {
    let texts = [&e.data, &e.request_id, &e.route, &e.method, &e.resource_id];
    let texts = texts.iter().filter_map(|t| t.as_ref().map(String::len));
    FRAME_BYTES + e.id.len() + e.account_id.len() + e.event_type.len() + texts.sum::<usize>()
}

fn settlement_bytes(s: &Settlement) -> usize {
    let data = match s {
        Settlement::Release { data, .. } => data.len(),
        Settlement::Drop { .. } | Settlement::Unresolved { .. } => 0,
    };
    FRAME_BYTES + data
}

/// Event writes on their way to the store.
pub(super) struct EventWrites {
    store: Arc<dyn EventStore>,
    /// Events that one call tells of: halved when the store does not take them in time, doubled when it does.
    most: AtomicUsize,
}

impl EventWrites {
    pub(super) fn new(store: Arc<dyn EventStore>) -> Self {
        Self {
            store,
            most: AtomicUsize::new(SPOOL_TOGETHER),
        }
    }

    pub(super) fn store(&self) -> &Arc<dyn EventStore> {
        &self.store
    }

    async fn make(&self, write: &EventWrite) -> Result<(), StoreError> {
        match write {
            EventWrite::Record(events) => in_time(self.store.record_pending(events)).await,
            EventWrite::Settle(settlements, now) => self.settle(settlements, *now).await,
        }
    }

    /// Settles all; those that the store will not take do not hold up the others.
    async fn settle(&self, settlements: &[Settlement], now: Timestamp) -> Result<(), StoreError> {
        let all = in_time(self.store.settle(settlements, now)).await;
        let Err(error) = all else { return Ok(()) };
        if matches!(error, StoreError::Unavailable(_)) || settlements.len() == 1 {
            return Err(error);
        }
        let mut result = Ok(());
        for one in settlements.chunks(1) {
            match in_time(self.store.settle(one, now)).await {
                Err(e @ StoreError::Unavailable(_)) => return Err(e),
                Err(e) => result = Err(e),
                Ok(()) => {}
            }
        }
        result
    }

    /// Makes writes of one sort in order and in as few calls as the store takes in time. True when it may be used
    /// further.
    async fn make_all(&self, writes: &[Part<'_>], results: &mut [Result<(), StoreError>]) -> bool {
        let mut rest = writes;
        while !rest.is_empty() {
            let most = self.most.load(Ordering::Relaxed);
            let (now, later) = rest.split_at(together(rest, most));
            let said = match now {
                [(_, alone)] => self.make(alone).await,
                several => self.make(&joined(several)).await,
            };
            if matches!(said, Err(StoreError::Unavailable(_))) {
                if now.len() > 1 {
                    self.most.store((most / 2).max(1), Ordering::Relaxed);
                }
                return false;
            }
            for (index, write) in now {
                let said = match &said {
                    // One of them: each for itself.
                    Err(_) if now.len() > 1 => self.make(write).await,
                    said => said.clone(),
                };
                let is_over = matches!(said, Err(StoreError::Unavailable(_)));
                if let Some(place) = results.get_mut(*index) {
                    *place = said;
                }
                if is_over {
                    return false;
                }
            }
            let made: usize = now.iter().map(|(_, w)| w.items()).sum();
            if made * 2 >= most {
                let grown = (most * 2).min(SPOOL_TOGETHER);
                self.most.store(grown, Ordering::Relaxed);
            }
            rest = later;
        }
        true
    }
}

/// A write and its place among all.
type Part<'a> = (usize, &'a EventWrite);

/// How many of the writes at the front make one call: no more than `most` events, and of settlements those of about the
/// same time.
fn together(writes: &[Part<'_>], most: usize) -> usize {
    let (mut items, mut bytes) = (0, 0);
    let mut first = None;
    let fits = |(_, write): &&Part<'_>| {
        items += write.items();
        bytes += EventWrites::bytes(write);
        let is_near = match write {
            EventWrite::Record(_) => true,
            EventWrite::Settle(_, now) => {
                now.since(*first.get_or_insert(*now)) <= SPOOL_SETTLE_SPAN
            }
        };
        items <= most && bytes <= SPOOL_ENTRY_BYTES && is_near
    };
    writes.iter().take_while(fits).count().max(1)
}

/// Writes of one sort as one, at the time of the last.
fn joined(writes: &[Part<'_>]) -> EventWrite {
    let (mut events, mut settlements, mut last) = (Vec::new(), Vec::new(), None);
    for (_, write) in writes {
        match write {
            EventWrite::Record(more) => events.extend_from_slice(more),
            EventWrite::Settle(more, now) => {
                settlements.extend_from_slice(more);
                last = last.max(Some(*now));
            }
        }
    }
    match last {
        Some(now) => EventWrite::Settle(settlements, now),
        None => EventWrite::Record(events),
    }
}

async fn in_time(call: impl Future<Output = Result<(), StoreError>>) -> Result<(), StoreError> {
    match tokio::time::timeout(SPOOL_DRAIN_TIME, call).await {
        Ok(result) => result,
        Err(_) => Err(StoreError::Unavailable("no answer in time".to_owned())),
    }
}

#[async_trait]
impl Kind for EventWrites {
    type Write = EventWrite;
    const LANE: LaneId = LaneId::Events;

    fn encode(write: &EventWrite) -> Result<Vec<Body>, StoreError> {
        let body = |write: EventWrite| {
            Ok(Body {
                items: u32::try_from(write.items()).unwrap_or(u32::MAX),
                bytes: shape::event_write_to_bytes(write)?,
            })
        };
        match write {
            EventWrite::Record(events) => Ok(vec![body(EventWrite::Record(events.clone()))?]),
            EventWrite::Settle(settlements, now) => pieces(settlements)
                .into_iter()
                .map(|p| body(EventWrite::Settle(p.to_vec(), *now)))
                .collect(),
        }
    }

    fn decode(body: &[u8]) -> Result<EventWrite, String> {
        shape::event_write_from_bytes(body)
    }

    fn bytes(write: &EventWrite) -> usize {
        match write {
            EventWrite::Record(events) => events.iter().map(event_bytes).sum(),
            EventWrite::Settle(settlements, _) => settlements.iter().map(settlement_bytes).sum(),
        }
    }

    /// All records first, then all settlements: an event is recorded before it is settled, and no record cares for what
    /// is settled before it. The order of settlements is that of the events' numbers.
    async fn send(&self, writes: &[Arc<EventWrite>]) -> Vec<Result<(), StoreError>> {
        let untried = || Err(StoreError::Unavailable("not tried".to_owned()));
        let mut results: Vec<_> = writes.iter().map(|_| untried()).collect();
        let (records, settlements): (Vec<Part<'_>>, Vec<Part<'_>>) = writes
            .iter()
            .map(|w| &**w)
            .enumerate()
            .partition(|(_, w)| matches!(w, EventWrite::Record(_)));
        if self.make_all(&records, &mut results).await {
            self.make_all(&settlements, &mut results).await;
        }
        results
    }

    /// Without records of events that are dropped already: sent alone they would bring back what did not happen.
    fn again(writes: Vec<Arc<EventWrite>>) -> Vec<Arc<EventWrite>> {
        let mut dropped = HashSet::new();
        for write in &writes {
            if let EventWrite::Settle(settlements, _) = &**write {
                dropped.extend(settlements.iter().filter_map(|s| match s {
                    Settlement::Drop { event_id, .. } => Some(event_id.as_str()),
                    Settlement::Release { .. } | Settlement::Unresolved { .. } => None,
                }));
            }
        }
        let happened = |write: &Arc<EventWrite>| match &**write {
            EventWrite::Record(events) => {
                let left: Vec<Event> = events
                    .iter()
                    .filter(|e| !dropped.contains(e.id.as_str()))
                    .cloned()
                    .collect();
                (!left.is_empty()).then(|| Arc::new(EventWrite::Record(left)))
            }
            EventWrite::Settle(..) => Some(Arc::clone(write)),
        };
        writes.iter().filter_map(happened).collect()
    }
}

/// Settlements in pieces of a bounded size, in order.
fn pieces(settlements: &[Settlement]) -> Vec<&[Settlement]> {
    let (mut found, mut rest) = (Vec::new(), settlements);
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = |s: &&Settlement| {
            bytes += settlement_bytes(s);
            bytes <= SPOOL_ENTRY_BYTES
        };
        let count = rest.iter().take_while(fits).count().max(1);
        let (piece, later) = rest.split_at(count);
        found.push(piece);
        rest = later;
    }
    found
}
