//! The spool's file: entries in order, put at the end and taken from the front, within a bound; never what an entry means.

use parking_lot::Mutex;
use rusqlite::Connection;

use super::SpoolState;
use crate::base::ceilings::{
    SPOOL_RESERVE_PAGES, SPOOL_SPARE_PAGES, SPOOL_WINDOW_BYTES, SPOOL_WINDOW_ROWS,
};
use crate::base::clock::{Clock, Timestamp};
use crate::base::error::StoreError;
use crate::config::model::Spool as Settings;
use crate::store::sqlite::fail::{Done, Fail};
use crate::store::sqlite::rows::{first, run};
use crate::store::sqlite::{Database, Format, OpenError, Options};

/// `FGSP`.
static FORMAT: Format = Format {
    what: "spool",
    application_id: 0x4647_5350,
    layouts: &[include_str!("layout1.sql")],
};

const PAGE_BYTES: u64 = 4096;

/// Whose writes they are. What waits in one lane holds up nobody in the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LaneId {
    /// Batches of usage.
    Usage = 0,
    /// Events recorded or settled.
    Events = 1,
}

/// What is to be put in.
pub(super) struct Body {
    /// How many things it tells of.
    pub(super) items: u32,
    pub(super) bytes: Vec<u8>,
}

/// What waits.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) position: i64,
    pub(super) body: Vec<u8>,
}

/// What a lane has after a change of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Left {
    /// Entries that wait.
    pub(super) entries: u64,
    /// The last position that was given to anybody.
    pub(super) last: i64,
}

/// The open file.
pub(super) struct File {
    database: Database,
    clock: Clock,
    /// Bytes of entries that usage may take: events have the rest for themselves.
    usage_bytes: u64,
    // What the newest answer of the writer says, and how old that is; held for a comparison.
    state: Mutex<(i64, SpoolState)>,
}

impl File {
    /// Opens the file or makes it, and gives what was refused another try. Blocks while it does.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub(super) fn open(settings: &Settings, clock: Clock) -> Result<Self, OpenError> {
        let pages = u32::try_from(settings.max_bytes / PAGE_BYTES).unwrap_or(u32::MAX - 1);
        let options = Options {
            max_page_count: Some(pages),
            reserve_pages: SPOOL_RESERVE_PAGES.min(pages / 8),
            readers: 1,
            writer_cache_kib: 8_192,
            ..Options::default()
        };
        let database = Database::open(&settings.path, &FORMAT, &options)?;
        Ok(Self {
            database,
            clock,
            usage_bytes: settings.max_bytes / 2,
            state: Mutex::default(),
        })
    }

    /// Gives what an earlier process set aside another try, and tells what each lane has. Call it before anything else.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) async fn begin(&self) -> Result<[Left; 2], StoreError> {
        let again = self.database.write(|conn| {
            run(
                conn,
                "INSERT INTO entry (position, lane, at, items, body)
                     SELECT position, lane, at, items, body FROM refused",
                [],
            )?;
            run(conn, "DELETE FROM refused", [])
        });
        if let Err(error) = again.await {
            tracing::warn!(%error, "what the store refused before cannot be tried again now");
        }
        let (lanes, state) = self
            .database
            .read(|conn| {
                let lanes = [left(conn, LaneId::Usage)?, left(conn, LaneId::Events)?];
                Ok((lanes, look(conn)?.1))
            })
            .await?;
        self.note((0, state));
        Ok(lanes)
    }

    /// Whether more can be put in, and what is under way by now as well.
    pub(super) fn has_room(&self) -> bool {
        self.database.is_healthy()
    }

    /// Puts entries at the end of a lane, all or none; durable when it returns.
    ///
    /// # Errors
    /// `Unavailable` when the spool is full or its disk fails. The entries may be in it even so.
    pub(super) async fn put(&self, lane: LaneId, bodies: Vec<Body>) -> Result<Left, StoreError> {
        let (now, usage_bytes) = (self.clock.now(), self.usage_bytes);
        let (left, seen) = self
            .database
            .write(move |conn| {
                let bytes: u64 = bodies.iter().map(|b| b.bytes.len() as u64).sum();
                refuse_more(conn, lane, bytes, usage_bytes)?;
                for body in &bodies {
                    run(
                        conn,
                        "INSERT INTO entry (lane, at, items, body) VALUES (?1, ?2, ?3, ?4)",
                        (lane as u8, now, body.items, &body.bytes),
                    )?;
                }
                Ok((left(conn, lane)?, look(conn)?))
            })
            .await?;
        self.note(seen);
        Ok(left)
    }

    /// The entries that wait longest, a bounded number of them. Asked of the writer, behind every [`File::remove`] that began
    /// before, whether or not somebody still waits for its answer: an entry that is about to go must not be made again,
    /// since a record made after its event was dropped brings back what did not happen.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) async fn oldest(&self, lane: LaneId) -> Result<Vec<Entry>, StoreError> {
        self.database
            .write(move |conn| {
                let mut statement = conn.prepare_cached(
                    "SELECT position, body FROM entry WHERE lane = ?1 ORDER BY position LIMIT ?2",
                )?;
                let mut rows = statement.query((lane as u8, SPOOL_WINDOW_ROWS))?;
                let (mut found, mut bytes) = (Vec::new(), 0);
                while bytes < SPOOL_WINDOW_BYTES
                    && let Some(row) = rows.next()?
                {
                    let entry = Entry {
                        position: row.get(0)?,
                        body: row.get(1)?,
                    };
                    bytes += entry.body.len();
                    found.push(entry);
                }
                Ok(found)
            })
            .await
    }

    /// Takes entries out: those that the store has for good, those that it refused to be looked at by people. What it
    /// tells comes from the writer and so includes every entry whose [`File::put`] began before.
    ///
    /// # Errors
    /// When the file cannot be written: they wait on.
    pub(super) async fn remove(
        &self,
        lane: LaneId,
        done: Vec<i64>,
        refused: Vec<(i64, String)>,
    ) -> Result<Left, StoreError> {
        let (left, seen) = self
            .database
            .write(move |conn| {
                for (position, cause) in refused {
                    run(
                        conn,
                        "INSERT INTO refused (position, lane, at, items, body, cause)
                             SELECT position, lane, at, items, body, ?2 FROM entry WHERE position = ?1",
                        (position, cause),
                    )?;
                    run(conn, "DELETE FROM entry WHERE position = ?1", [position])?;
                }
                for position in done {
                    run(conn, "DELETE FROM entry WHERE position = ?1", [position])?;
                }
                Ok((left(conn, lane)?, look(conn)?))
            })
            .await?;
        self.note(seen);
        Ok(left)
    }

    /// What waits, as of the last change.
    pub(super) fn state(&self) -> SpoolState {
        self.state.lock().1
    }

    /// Closes the file. Blocks while it does.
    pub(super) fn close(&self) {
        self.database.close();
    }

    // Answers of the writer overtake one another on their way to those who asked.
    fn note(&self, seen: (i64, SpoolState)) {
        let mut known = self.state.lock();
        if seen.0 >= known.0 {
            *known = seen;
        }
    }
}

/// Refuses what would not fit, before the database itself does: that would fail all that is written with it.
fn refuse_more(conn: &Connection, lane: LaneId, bytes: u64, usage_bytes: u64) -> Done<()> {
    let full = |why: &str| Err(Fail::Store(StoreError::Unavailable(why.to_owned())));
    let pragma =
        |sql| -> rusqlite::Result<u64> { conn.prepare_cached(sql)?.query_row([], |r| r.get(0)) };
    let most = pragma("PRAGMA max_page_count")?;
    let used = pragma("PRAGMA page_count")?;
    let free = most.saturating_sub(used) + pragma("PRAGMA freelist_count")?;
    // A few entries share a page and a large one has pages of its own, with a few bytes of each lost.
    let needed = bytes / (PAGE_BYTES - 64) + 3;
    if free < needed + u64::from(SPOOL_SPARE_PAGES) {
        return full("the spool is full");
    }
    if lane == LaneId::Usage {
        let waiting: Option<u64> =
            first(conn, "SELECT bytes FROM tally WHERE lane = 0", [], |row| {
                row.get(0)
            })?;
        if waiting.unwrap_or(0) + bytes > usage_bytes {
            return full("usage fills its half of the spool");
        }
    }
    Ok(())
}

fn left(conn: &Connection, lane: LaneId) -> Done<Left> {
    let entries = first(
        conn,
        "SELECT entries FROM tally WHERE lane = ?1",
        [lane as u8],
        |row| row.get(0),
    )?;
    let last = first(
        conn,
        "SELECT seq FROM sqlite_sequence WHERE name = 'entry'",
        [],
        |row| row.get(0),
    )?;
    Ok(Left {
        entries: entries.unwrap_or(0),
        last: last.unwrap_or(0),
    })
}

/// What waits, numbered by how often the writer changed anything.
fn look(conn: &Connection) -> Done<(i64, SpoolState)> {
    let change: Option<i64> = first(conn, "SELECT total_changes()", [], |row| row.get(0))?;
    let oldest: Option<Timestamp> = first(
        conn,
        "SELECT at FROM entry ORDER BY position LIMIT 1",
        [],
        |row| row.get(0),
    )?;
    let state = first(
        conn,
        "SELECT u.items, e.items, u.bytes + e.bytes, u.refused + e.refused
             FROM tally AS u, tally AS e WHERE u.lane = 0 AND e.lane = 1",
        [],
        |row| {
            Ok(SpoolState {
                batches: row.get(0)?,
                events: row.get(1)?,
                bytes: row.get(2)?,
                refused: row.get(3)?,
                oldest,
            })
        },
    )?;
    Ok((change.unwrap_or(0), state.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn body() -> Body {
        Body {
            items: 1,
            bytes: vec![7; 100],
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_being_taken_out_is_not_found_again_although_nobody_waits_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings {
            path: dir.path().join("spool.db"),
            max_bytes: 1 << 30,
        };
        let file = File::open(&settings, Clock::default()).unwrap();
        let positions = |found: Vec<Entry>| found.into_iter().map(|e| e.position);
        for round in 0..200 {
            file.put(LaneId::Events, vec![body(), body()])
                .await
                .unwrap();
            let all = positions(file.oldest(LaneId::Events).await.unwrap()).collect();
            let removing = file.remove(LaneId::Events, all, Vec::new());
            // Whoever removes is cut off somewhere on the way.
            let _ = tokio::time::timeout(Duration::from_micros(round * 5), removing).await;
            let found: Vec<i64> = positions(file.oldest(LaneId::Events).await.unwrap()).collect();
            let later: Vec<i64> = positions(file.oldest(LaneId::Events).await.unwrap()).collect();
            assert_eq!(found, later, "an entry was found that was about to go");
        }
        file.close();
    }
}
