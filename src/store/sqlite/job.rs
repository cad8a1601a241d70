//! A piece of work on its way to one of the store's threads and its answer on the way back; never SQL.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::fail::{Done, Fail};
use super::health::Histogram;
use crate::base::error::StoreError;

/// How the work came out, as far as its transaction is concerned.
pub(in crate::store) enum Ran {
    /// What it wrote stays.
    Kept,
    /// It refused or failed by itself: what it wrote goes, the rest of the transaction stays.
    Undone,
    /// The database cannot be written: the transaction is lost.
    StoreFailed(StoreError),
}

/// Work whose type of answer its thread need not know.
pub(in crate::store) trait Job: Send {
    /// Runs the work, once.
    fn run(&mut self, conn: &Connection) -> Ran;
    /// Whether its caller has stopped waiting.
    fn is_abandoned(&self) -> bool;
    /// Tells the caller, after the transaction ended as `outcome` says.
    fn answer(self: Box<Self>, outcome: &Result<(), StoreError>, took: &Histogram);
}

struct Typed<T, F> {
    work: Option<F>,
    result: Result<T, StoreError>,
    reply: oneshot::Sender<Result<T, StoreError>>,
    since: Instant,
}

/// Packs `work` and tells where its answer will come.
pub(in crate::store) fn pack<T, F>(
    work: F,
) -> (Box<dyn Job>, oneshot::Receiver<Result<T, StoreError>>)
where
    T: Send + 'static,
    F: FnOnce(&Connection) -> Done<T> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    let job = Typed {
        work: Some(work),
        result: Err(StoreError::Unavailable("the write was not run".to_owned())),
        reply,
        since: Instant::now(),
    };
    (Box::new(job), answer)
}

impl<T, F> Job for Typed<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> Done<T> + Send,
{
    fn run(&mut self, conn: &Connection) -> Ran {
        let Some(work) = self.work.take() else {
            return Ran::Undone;
        };
        // A defect in one piece of work must not end the thread that all others depend on.
        let done = catch_unwind(AssertUnwindSafe(|| work(conn)))
            .unwrap_or_else(|_| Err(Fail::corrupt("a store operation failed unexpectedly")));
        match done {
            Ok(v) => {
                self.result = Ok(v);
                Ran::Kept
            }
            Err(fail) => {
                let of_the_store = fail.is_of_the_store();
                let e = fail.into_store();
                self.result = Err(e.clone());
                if of_the_store {
                    Ran::StoreFailed(e)
                } else {
                    Ran::Undone
                }
            }
        }
    }

    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn answer(self: Box<Self>, outcome: &Result<(), StoreError>, took: &Histogram) {
        took.observe(self.since.elapsed());
        let answer = match outcome {
            Ok(()) => self.result,
            Err(e) => Err(e.clone()),
        };
        // The caller may have gone meanwhile.
        let _ = self.reply.send(answer);
    }
}
