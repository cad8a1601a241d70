//! Where usage and events wait, durably and bounded, while the store that all nodes share is away; never where they stay.
//!
//! A [`Spool`] stands between the domains and that store, behind the same ports. A write goes straight to the store as
//! long as that answers; where it does not, or something waits already, the write goes into a local SQLite file, and its
//! caller is answered once it is on disk. One task empties the file in order whenever the store answers.
//!
//! * Nothing overtakes what waits: batches of usage come to the store in their order, each the same however often it is
//!   sent; an event's settlement comes after its record. Every write is idempotent, so one whose reply was lost, or that a
//!   killed process had not taken out of the file yet, is sent again.
//! * Only what a request leaves behind may wait: usage, records and settlements. What an operator does needs the store.
//! * A full file takes nothing more, and the gateway is told before it is: it refuses before it forwards.
//! * What was written in the last seconds stays in memory and is sent again after [`Spool::resend`]: a failover may have
//!   lost it. Until that is done nothing else goes straight to the store.
//! * What the store refuses for what it is, is kept aside in the file and tried again by the next start; a refused batch of
//!   usage waits with all behind it.

mod event_store;
mod events;
mod file;
mod front;
mod lane;
mod recent;
mod shape;
mod usage;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

pub use event_store::SpooledEvents;
pub use usage::SpooledUsage;

use self::events::EventWrites;
use self::file::File;
use self::lane::Lane;
use self::usage::Batches;
use super::sqlite::OpenError;
use crate::base::ceilings::{SPOOL_SETTLE_TIME, SPOOL_USAGE_TIME};
use crate::base::clock::{Clock, Timestamp};
use crate::base::error::StoreError;
use crate::config::model::Spool as Settings;
use crate::usage::port::UsageStore;
use crate::webhooks::port::EventStore;

/// What waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpoolState {
    /// Batches of usage.
    pub batches: u64,
    /// Events recorded or settled; one that is both counts twice.
    pub events: u64,
    /// Bytes of all that, and of what was refused.
    pub bytes: u64,
    /// What the store refused and the next start tries again.
    pub refused: u64,
    /// Since when the oldest waits.
    pub oldest: Option<Timestamp>,
}

impl SpoolState {
    /// Whether nothing is in it, not even what was refused.
    pub const fn is_empty(&self) -> bool {
        self.batches == 0 && self.events == 0 && self.refused == 0
    }
}

impl std::fmt::Display for SpoolState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            batches, events, ..
        } = self;
        write!(
            f,
            "{batches} usage batches and {events} event writes wait in the spool"
        )?;
        if let Some(oldest) = self.oldest {
            write!(f, ", the oldest since {oldest}")?;
        }
        if self.refused > 0 {
            write!(f, "; {} more were refused by the store", self.refused)?;
        }
        Ok(())
    }
}

/// How long a write waits for the store before it goes into the spool.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// A record, for which a response waits.
    pub record: Duration,
    /// A settlement.
    pub settle: Duration,
    /// A batch of usage.
    pub usage: Duration,
}

impl Deadlines {
    /// The usual ones, with the store's own deadline on a request's path.
    pub const fn of(record: Duration) -> Self {
        Self {
            record,
            settle: SPOOL_SETTLE_TIME,
            usage: SPOOL_USAGE_TIME,
        }
    }
}

/// Why the spool cannot be used; fit to show to the operator.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// Its file.
    #[error("{0}")]
    Open(OpenError),
    /// Its file is damaged, or not of ours.
    #[error(
        "{cause}; it may hold events and usage that no store has yet: keep it, move {} and the files beside it of the same \
         name out of the way, and start again with a new spool",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        cause: String,
    },
}

/// The spool. Its ports are for the domains, the rest for whoever runs the process.
pub struct Spool {
    file: Arc<File>,
    usage: Arc<SpooledUsage>,
    events: Arc<SpooledEvents>,
}

impl std::fmt::Debug for Spool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spool").finish_non_exhaustive()
    }
}

impl Spool {
    /// Opens the spool before a store of usage and events, with what an earlier process left in it.
    ///
    /// # Errors
    /// See [`SpoolError`].
    pub async fn open(
        settings: &Settings,
        deadlines: Deadlines,
        clock: Clock,
        usage: Arc<dyn UsageStore>,
        events: Arc<dyn EventStore>,
    ) -> Result<Self, SpoolError> {
        let owned = settings.clone();
        let opened = tokio::task::spawn_blocking(move || File::open(&owned, clock)).await;
        let damaged = |cause: String| SpoolError::Damaged {
            path: settings.path.clone(),
            cause,
        };
        let file = match opened {
            Ok(Ok(file)) => Arc::new(file),
            Ok(Err(e @ (OpenError::Damaged { .. } | OpenError::Foreign(..)))) => {
                return Err(damaged(e.to_string()));
            }
            Ok(Err(e)) => return Err(SpoolError::Open(e)),
            Err(e) => return Err(damaged(e.to_string())),
        };
        let [batches, writes] = file.begin().await.map_err(|e: StoreError| {
            damaged(format!("{} cannot be read: {e}", settings.path.display()))
        })?;
        let spool = Self {
            usage: Arc::new(SpooledUsage::new(
                Arc::clone(&usage),
                Lane::new(Batches(usage), Arc::clone(&file), batches),
                deadlines,
            )),
            events: Arc::new(SpooledEvents::new(
                Lane::new(EventWrites::new(events), Arc::clone(&file), writes),
                deadlines,
            )),
            file,
        };
        let left = spool.pending();
        if !left.is_empty() {
            tracing::warn!("from an earlier process {left}");
        }
        Ok(spool)
    }

    /// The port of usage.
    pub fn usage(&self) -> Arc<SpooledUsage> {
        Arc::clone(&self.usage)
    }

    /// The port of events.
    pub fn events(&self) -> Arc<SpooledEvents> {
        Arc::clone(&self.events)
    }

    /// Empties the spool whenever something waits, until `stop` says true.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        tokio::select! {
            _ = stop.wait_for(|s| *s) => {}
            () = self.usage.lane.run() => {}
            () = self.events.lane.run() => {}
        }
    }

    /// Says that the store was reached anew, or another master of it: what was written in the last seconds is sent again
    /// before anything else, by [`Spool::run`], and what waits is tried at once.
    pub fn resend(&self) {
        self.usage.lane.front().ask_again();
        self.events.lane.front().ask_again();
    }

    /// What waits.
    pub fn pending(&self) -> SpoolState {
        self.file.state()
    }

    /// Empties the spool within a time, and tells what waits then: for a clean stop, after [`Spool::run`] and the last
    /// write.
    pub async fn drain(&self, within: Duration) -> SpoolState {
        let both = async {
            tokio::join!(self.usage.lane.drain(), self.events.lane.drain());
        };
        let _ = tokio::time::timeout(within, both).await;
        self.pending()
    }

    /// Closes the file. Blocks while it does, so call it off the async threads.
    pub fn close(&self) {
        self.file.close();
    }
}

#[cfg(test)]
mod tests;
