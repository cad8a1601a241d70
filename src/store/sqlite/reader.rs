//! A thread with a connection that only reads; each read sees one state of the database.

use std::sync::Arc;

use rusqlite::Connection;

use super::health::Health;
use super::job::{Job, Ran};
use super::queue::Queue;
use crate::base::error::StoreError;

/// Works until the queue is closed and empty.
pub(in crate::store) fn run(
    conn: &Connection,
    queue: &Arc<Queue<Box<dyn Job>>>,
    health: &Arc<Health>,
) {
    let mut taken: Vec<Box<dyn Job>> = Vec::with_capacity(1);
    while queue.take(&mut taken, 1, None) {
        for mut job in taken.drain(..) {
            if job.is_abandoned() {
                continue;
            }
            let outcome = read(conn, &mut *job);
            job.answer(&outcome, &health.read);
        }
    }
}

fn read(conn: &Connection, job: &mut dyn Job) -> Result<(), StoreError> {
    let run = |sql| {
        conn.prepare_cached(sql)
            .and_then(|mut s| s.execute([]))
            .map(|_| ())
            .map_err(|e| StoreError::Unavailable(e.to_string()))
    };
    run("BEGIN")?;
    let ran = job.run(conn);
    if !conn.is_autocommit() {
        run("COMMIT").or_else(|_| run("ROLLBACK"))?;
    }
    match ran {
        Ran::StoreFailed(e) => Err(e),
        Ran::Kept | Ran::Undone => Ok(()),
    }
}
