//! The store in one SQLite file, for one process; never a rule of a domain.
//!
//! How work reaches the file, group commit and health are those of every SQLite file of ours: see [`super::sqlite`].

mod accounts;
mod alerts;
pub mod backup;
mod change;
mod claims;
mod consistency;
mod delivery_rows;
mod endpoints;
mod erase;
mod erase_usage;
mod event_rows;
mod event_store;
mod feed;
pub mod hold;
mod inboxes;
mod key_rows;
mod keys;
mod notice_rows;
mod notices;
mod portal_sessions;
mod previous_uses;
mod pseudonym;
mod queue;
mod recovery;
mod replays;
mod settle;
pub mod source;
mod source_among;
mod source_events;
mod source_insight;
mod source_state;
mod source_usage;
mod usage;
mod usage_insight;
mod usage_prune;
mod usage_read;
mod usage_store;
pub mod verify;
mod walk;

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

pub use super::sqlite::{LATENCY_BOUNDS_US, Latency, OpenError, Options, Stats};

use super::sqlite::fail::Done;
use super::sqlite::{Database, Format, fail, rows};
use crate::base::clock::Clock;
use crate::base::error::StoreError;

/// `FGST`.
static FORMAT: Format = Format {
    what: "store",
    application_id: 0x4647_5354,
    layouts: &[
        include_str!("layout1.sql"),
        include_str!("layout2.sql"),
        include_str!("layout3.sql"),
        include_str!("layout4.sql"),
        include_str!("layout5.sql"),
    ],
};

/// The store. Cloning the `Arc` shares it; the last one dropped closes it.
pub struct EmbeddedStore {
    database: Database,
    clock: Clock,
}

impl std::fmt::Debug for EmbeddedStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedStore")
            .field("path", &self.database.path())
            .finish_non_exhaustive()
    }
}

impl EmbeddedStore {
    /// Opens the store at `path`, making folders and file as needed, and starts its threads. Blocks while it does.
    ///
    /// # Errors
    /// When another process has it open, a newer version wrote it, it is damaged or no store of ours, or the system
    /// refuses.
    pub fn open(path: &Path, clock: Clock, options: Options) -> Result<Arc<Self>, OpenError> {
        let database = Database::open(path, &FORMAT, &options)?;
        Ok(Arc::new(Self { database, clock }))
    }

    /// Takes no further work, finishes what is queued, moves the write-ahead log into the file and closes it. Blocks
    /// while it does, so call it off the async threads; a second call does nothing.
    pub fn close(&self) {
        self.database.close();
    }

    /// Numbers for the metrics.
    pub fn stats(&self) -> Stats {
        self.database.stats()
    }

    /// Bounds the file to `pages` of 4096 bytes from now on, though never below what it has.
    ///
    /// # Errors
    /// `Unavailable` when the writer does not answer.
    pub async fn set_max_page_count(&self, pages: u32) -> Result<u32, StoreError> {
        self.database.set_max_page_count(pages).await
    }

    /// Runs `work` in the writer's next transaction; the answer comes after it is on disk.
    async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Done<T> + Send + 'static,
    {
        self.database.write(work).await
    }

    /// Runs `work` on a connection that only reads.
    async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Done<T> + Send + 'static,
    {
        self.database.read(work).await
    }
}

#[cfg(test)]
mod tests;
