//! The way of one kind of writes: straight to the store, or through the spool and in order; never what a write means.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::file::{Body, Entry, File, LaneId, Left};
use super::front::{Begun, Front};
use super::recent::Recent;
use crate::base::ceilings::{SPOOL_AGAIN_BYTES, SPOOL_AGAIN_TIME, SPOOL_RETRY, SPOOL_RETRY_MOST};
use crate::base::error::StoreError;

/// One kind of writes and the store that they are for.
#[async_trait]
pub(super) trait Kind: Send + Sync {
    /// One call of the port.
    type Write: Send + Sync;
    /// Its lane.
    const LANE: LaneId;

    /// A write as entries of the spool, each of which is a write of its own.
    fn encode(write: &Self::Write) -> Result<Vec<Body>, StoreError>;
    /// An entry as a write.
    fn decode(body: &[u8]) -> Result<Self::Write, String>;
    /// Bytes of memory that a write takes, about.
    fn bytes(write: &Self::Write) -> usize;
    /// Makes writes, in their order as far as it matters. Tells for each whether the store has it now; `Unavailable` where it may be
    /// tried again, anything else where that is no use. Whoever drops this midway makes them all again.
    async fn send(&self, writes: &[Arc<Self::Write>]) -> Vec<Result<(), StoreError>>;
    /// Those of the last writes that are worth being sent again.
    fn again(writes: Vec<Arc<Self::Write>>) -> Vec<Arc<Self::Write>> {
        writes
    }
}

/// How a step of draining came out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Go on.
    Done,
    /// Store or spool cannot be used now: try later.
    Blocked,
}

/// See the module.
pub(super) struct Lane<K: Kind> {
    kind: K,
    file: Arc<File>,
    front: Front,
    recent: Recent<K::Write>,
    /// One drains at a time, whoever asks. Held over the store's answers, so it is an async lock.
    turn: tokio::sync::Mutex<()>,
}

fn is_away<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Unavailable(_)))
}

impl<K: Kind> Lane<K> {
    /// A lane with what an earlier process left in it.
    pub(super) fn new(kind: K, file: Arc<File>, left: Left) -> Self {
        Self {
            kind,
            file,
            front: Front::new(left),
            recent: Recent::new(SPOOL_AGAIN_TIME, SPOOL_AGAIN_BYTES),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    pub(super) fn kind(&self) -> &K {
        &self.kind
    }

    pub(super) fn front(&self) -> &Front {
        &self.front
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Makes a write, or keeps it in the spool where the store does not have it within `patience`.
    ///
    /// # Errors
    /// What the store says of the write itself; `Unavailable` where neither store nor spool take it.
    pub(super) async fn write(
        &self,
        write: K::Write,
        patience: Duration,
    ) -> Result<(), StoreError> {
        let until = Instant::now() + patience;
        let write = Arc::new(write);
        let Some(number) = self.enter(&write, until).await else {
            return self.put(&write, false).await;
        };
        let sent = self.kind.send(std::slice::from_ref(&write));
        let result = match tokio::time::timeout_at(until, sent).await {
            Ok(results) => results.into_iter().next().unwrap_or(Ok(())),
            Err(_) => Err(StoreError::Unavailable(
                "the store did not answer in time".to_owned(),
            )),
        };
        if result.is_ok() {
            return result;
        }
        self.recent.forget(number);
        if is_away(&result) {
            return self.put(&write, true).await;
        }
        result
    }

    /// Keeps a write that goes straight to the store; `None` where the way is not free until then.
    ///
    /// It is kept before it is sent, and the way looked at once more: whatever is sent again from now on includes it, to be
    /// in order.
    async fn enter(&self, write: &Arc<K::Write>, until: Instant) -> Option<u64> {
        while self.front.is_free(until).await {
            let number = self.recent.keep(write, K::bytes(write));
            if self.front.is_free_now() {
                return Some(number);
            }
            self.recent.forget(number);
        }
        None
    }

    async fn put(&self, write: &K::Write, is_away: bool) -> Result<(), StoreError> {
        let bodies = K::encode(write)?;
        // In this order: from here on nothing of this lane goes past what is put in.
        let putting = self.front.put();
        if is_away {
            self.front.away();
        }
        putting.done(self.file.put(K::LANE, bodies).await?);
        Ok(())
    }

    /// Drains until there is nothing to do; then waits for more, for ever.
    pub(super) async fn run(&self) {
        let mut pauses = Pauses::default();
        loop {
            self.front.work().await;
            self.step_or_pause(&mut pauses).await;
        }
    }

    /// Drains until nothing waits.
    pub(super) async fn drain(&self) {
        let mut pauses = Pauses::default();
        while self.front.is_behind() {
            self.step_or_pause(&mut pauses).await;
        }
    }

    async fn step_or_pause(&self, pauses: &mut Pauses) {
        match self.step().await {
            Step::Done => *pauses = Pauses::default(),
            Step::Blocked => {
                let asked = self.front.begin().is_again();
                tokio::select! {
                    () = tokio::time::sleep(pauses.next()) => {}
                    // A link that is up again is worth a look at once.
                    () = self.asked_again(), if !asked => {}
                }
            }
        }
    }

    async fn asked_again(&self) {
        while !self.front.begin().is_again() {
            self.front.nudged().await;
        }
    }

    /// Sends again what is to be sent again, then what waits longest. May be dropped at any point: what was sent and
    /// not taken out is sent once more, which changes nothing.
    pub(super) async fn step(&self) -> Step {
        let _turn = self.turn.lock().await;
        let begun = self.front.begin();
        if begun.is_again() && !self.send_again(begun).await {
            return Step::Blocked;
        }
        match self.send_oldest(begun).await {
            Ok(step) => step,
            Err(error) => {
                tracing::warn!(%error, "the spool cannot be drained");
                Step::Blocked
            }
        }
    }

    async fn send_again(&self, begun: Begun) -> bool {
        let writes = K::again(self.recent.all());
        let results = self.kind.send(&writes).await;
        if results.iter().any(is_away) {
            self.front.away();
            return false;
        }
        for error in results.into_iter().filter_map(Result::err) {
            tracing::error!(%error, "a write could not be sent again");
        }
        if !writes.is_empty() {
            tracing::info!(writes = writes.len(), "sent again what was written last");
        }
        self.front.sent_again(begun);
        true
    }

    async fn send_oldest(&self, begun: Begun) -> Result<Step, StoreError> {
        let window = self.file.oldest(K::LANE).await?;
        let is_empty = window.is_empty();
        let (mut done, mut refused) = (Vec::new(), Vec::new());
        let (mut positions, mut writes) = (Vec::new(), Vec::new());
        for Entry { position, body } in window {
            match K::decode(&body) {
                Ok(write) => {
                    positions.push(position);
                    writes.push(Arc::new(write));
                }
                Err(cause) => refused.push((position, cause)),
            }
        }
        let numbers: Vec<u64> = writes
            .iter()
            .map(|w| self.recent.keep(w, K::bytes(w)))
            .collect();
        let results = self.kind.send(&writes).await;
        let mut away = None;
        for ((position, number), result) in positions.into_iter().zip(numbers).zip(results) {
            match result {
                Ok(()) => {
                    done.push(position);
                    continue;
                }
                Err(StoreError::Unavailable(why)) => away = Some(why),
                Err(e) => refused.push((position, e.to_string())),
            }
            self.recent.forget(number);
        }
        for (position, cause) in &refused {
            tracing::error!(position, cause, "an entry of the spool is set aside");
        }
        if is_empty || !done.is_empty() || !refused.is_empty() {
            let left = self.file.remove(K::LANE, done, refused).await?;
            self.front.left(left, begun);
        }
        if let Some(why) = away {
            tracing::debug!(why, "the spool waits for the store");
            self.front.away();
            return Ok(Step::Blocked);
        }
        if !is_empty {
            self.front.back();
        }
        Ok(Step::Done)
    }
}

/// Pauses that grow, each of a random length so that nodes do not come back all at once.
struct Pauses(Duration);

impl Default for Pauses {
    fn default() -> Self {
        Self(SPOOL_RETRY)
    }
}

impl Pauses {
    fn next(&mut self) -> Duration {
        let pause = self.0.mul_f64(0.5 + fastrand::f64() / 2.0);
        self.0 = (self.0 * 2).min(SPOOL_RETRY_MOST);
        pause
    }
}
