//! Decides for one lane whether a write may go straight to the store or queues behind what waits; never makes one.

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::file::Left;
use crate::base::ceilings::{SPOOL_LONG_OUTAGE, SPOOL_NEAR, SPOOL_SWEEP_PAUSE};

/// What one lane knows of the store and of what waits.
pub(super) struct Front {
    // Held for comparisons only, never over an await.
    state: Mutex<State>,
    /// Somebody who waits for the way to be free may look again.
    freed: Notify,
    /// There may be something to do for the one who drains.
    work: Notify,
}

struct State {
    /// When the store last stopped answering; `None` while it answers.
    away_since: Option<Instant>,
    /// Until when other nodes may still have to tell the store what happened while it was away.
    settling_until: Option<Instant>,
    /// Entries are being put in now.
    putting: u64,
    /// Puts of which nobody knows how they ended, and how many of them had ended when the lane was last seen empty.
    unsure: u64,
    unsure_seen: u64,
    /// The last position put in, and the one up to which all are out again.
    last: i64,
    drained: i64,
    /// Entries that wait, as far as known.
    entries: u64,
    /// How often somebody asked to send again, and up to which time that is done.
    again_asked: u64,
    again_done: u64,
}

impl State {
    fn is_behind(&self) -> bool {
        self.putting > 0 || self.last > self.drained || self.unsure > self.unsure_seen
    }

    fn is_free(&self) -> bool {
        self.away_since.is_none() && !self.is_behind() && self.again_asked == self.again_done
    }

    fn has_work(&self) -> bool {
        self.away_since.is_some()
            || self.last > self.drained
            || self.unsure > self.unsure_seen
            || self.again_asked > self.again_done
    }
}

/// What was so when a step of draining began: all that the step may take as done at its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begun {
    unsure: u64,
    again: Option<u64>,
}

impl Begun {
    /// Whether what was written last is to be sent again.
    pub(super) fn is_again(self) -> bool {
        self.again.is_some()
    }
}

/// Entries on their way into the spool. Dropped without [`Putting::done`], nobody knows whether they are in it.
pub(super) struct Putting<'a>(Option<&'a Front>);

impl Putting<'_> {
    /// They are in it.
    pub(super) fn done(mut self, left: Left) {
        if let Some(front) = self.0.take() {
            let mut s = front.state.lock();
            s.putting -= 1;
            s.last = s.last.max(left.last);
            s.entries = left.entries;
            drop(s);
            front.work.notify_one();
        }
    }
}

impl Drop for Putting<'_> {
    fn drop(&mut self) {
        if let Some(front) = self.0 {
            let mut s = front.state.lock();
            s.putting -= 1;
            s.unsure += 1;
            drop(s);
            front.work.notify_one();
        }
    }
}

impl Front {
    /// The front of a lane with what an earlier process left in it.
    pub(super) fn new(left: Left) -> Self {
        Self {
            state: Mutex::new(State {
                away_since: None,
                settling_until: None,
                putting: 0,
                unsure: 0,
                unsure_seen: 0,
                last: left.last,
                drained: if left.entries == 0 { left.last } else { 0 },
                entries: left.entries,
                again_asked: 0,
                again_done: 0,
            }),
            freed: Notify::new(),
            work: Notify::new(),
        }
    }

    /// Whether a write may go to the store now. Where little waits this waits for it to be gone, no longer than `until`.
    pub(super) async fn is_free(&self, until: Instant) -> bool {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            // Listens from here on, so that nothing that happens after the look is missed.
            freed.as_mut().enable();
            {
                let s = self.state.lock();
                if s.is_free() {
                    return true;
                }
                if s.away_since.is_some() || s.entries > SPOOL_NEAR {
                    return false;
                }
            }
            if tokio::time::timeout_at(until, freed).await.is_err() {
                return false;
            }
        }
    }

    /// Whether a write may go to the store at this moment: nothing is left to do.
    pub(super) fn is_free_now(&self) -> bool {
        self.state.lock().is_free()
    }

    /// Whether anything waits, or may.
    pub(super) fn is_behind(&self) -> bool {
        self.state.lock().is_behind()
    }

    /// Whether the store may not have heard yet what happened while it was away, from this node or another.
    pub(super) fn is_settling(&self) -> bool {
        let s = self.state.lock();
        s.is_behind() || s.settling_until.is_some_and(|t| Instant::now() < t)
    }

    /// Says that entries are on their way into the spool, before they are.
    pub(super) fn put(&self) -> Putting<'_> {
        self.state.lock().putting += 1;
        Putting(Some(self))
    }

    /// The store does not answer: until [`Front::back`] nobody else waits for it.
    pub(super) fn away(&self) {
        let mut s = self.state.lock();
        s.away_since.get_or_insert_with(Instant::now);
        drop(s);
        // Whoever waits for the way to be free need not.
        self.freed.notify_waiters();
        self.work.notify_one();
    }

    /// The store answers.
    pub(super) fn back(&self) {
        let mut s = self.state.lock();
        Self::return_now(&mut s);
        self.tell(&s);
    }

    fn return_now(s: &mut State) {
        if let Some(since) = s.away_since.take()
            && since.elapsed() >= SPOOL_LONG_OUTAGE
        {
            s.settling_until = Some(Instant::now() + SPOOL_SWEEP_PAUSE);
        }
    }

    /// What was written last is to be sent again before anything else is written.
    pub(super) fn ask_again(&self) {
        self.state.lock().again_asked += 1;
        self.work.notify_one();
    }

    /// Waits until there is something to do for the one who drains.
    pub(super) async fn work(&self) {
        loop {
            if self.state.lock().has_work() {
                return;
            }
            self.work.notified().await;
        }
    }

    /// Waits until somebody puts in more or asks to send again.
    pub(super) async fn nudged(&self) {
        self.work.notified().await;
    }

    /// Before the first look of a step of draining.
    pub(super) fn begin(&self) -> Begun {
        let s = self.state.lock();
        Begun {
            unsure: s.unsure,
            again: (s.again_asked > s.again_done).then_some(s.again_asked),
        }
    }

    /// All that was to be sent again is.
    pub(super) fn sent_again(&self, begun: Begun) {
        let mut s = self.state.lock();
        if let Some(asked) = begun.again {
            s.again_done = asked;
        }
        self.tell(&s);
    }

    /// What the writer says of the lane at the end of a step.
    pub(super) fn left(&self, left: Left, begun: Begun) {
        let mut s = self.state.lock();
        s.entries = left.entries;
        if left.entries == 0 {
            s.last = s.last.max(left.last);
            s.drained = s.drained.max(left.last);
            s.unsure_seen = s.unsure_seen.max(begun.unsure);
            if s.putting == 0 {
                // Nothing waits by which a return could be noticed: the next write tries.
                Self::return_now(&mut s);
            }
        }
        self.tell(&s);
    }

    fn tell(&self, s: &State) {
        if s.is_free() {
            self.freed.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: Left = Left {
        entries: 0,
        last: 0,
    };

    fn left(entries: u64, last: i64) -> Left {
        Left { entries, last }
    }

    async fn is_free(front: &Front) -> bool {
        front.is_free(Instant::now()).await
    }

    #[tokio::test]
    async fn nothing_goes_past_a_put_of_which_nobody_knows_how_it_ended() {
        let front = Front::new(EMPTY);
        let before = front.begin();
        drop(front.put());
        assert!(front.is_behind() && !is_free(&front).await);
        // Empty as of a look that began before the put ended says nothing of it.
        front.left(EMPTY, before);
        assert!(front.is_behind());
        front.left(EMPTY, front.begin());
        assert!(!front.is_behind() && is_free(&front).await);
    }

    #[tokio::test]
    async fn an_entry_that_came_after_the_look_is_not_taken_for_drained() {
        let front = Front::new(left(2, 7));
        assert!(front.is_behind());
        let (begun, putting) = (front.begin(), front.put());
        // The writer saw the lane empty, then put in 8, and the answers crossed.
        putting.done(left(1, 8));
        front.left(left(0, 7), begun);
        assert!(front.is_behind() && !is_free(&front).await);
        front.left(left(0, 8), front.begin());
        assert!(is_free(&front).await);
    }

    #[tokio::test]
    async fn while_entries_are_on_their_way_an_empty_lane_is_no_sign_of_a_return() {
        let front = Front::new(EMPTY);
        let putting = front.put();
        front.away();
        front.left(EMPTY, front.begin());
        putting.done(left(1, 1));
        // Neither the first nor whoever comes next is let through to a store that hangs.
        assert!(!is_free(&front).await);
        let s = front.state.lock();
        assert!(s.away_since.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_outage_lets_other_nodes_drain_before_the_sweeper_looks() {
        let front = Front::new(EMPTY);
        front.away();
        tokio::time::advance(SPOOL_LONG_OUTAGE / 2).await;
        front.back();
        assert!(!front.is_settling(), "a short one does not");
        front.away();
        tokio::time::advance(SPOOL_LONG_OUTAGE).await;
        front.back();
        assert!(front.is_settling());
        tokio::time::advance(SPOOL_SWEEP_PAUSE).await;
        assert!(!front.is_settling());
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_waits_for_its_turn_behind_few_and_not_behind_many() {
        let until = Instant::now() + std::time::Duration::from_secs(3);
        let many = Front::new(left(SPOOL_NEAR + 1, 900));
        assert!(!many.is_free(until).await);
        assert!(Instant::now() < until, "it did not wait");
        let few = Front::new(left(SPOOL_NEAR, 900));
        assert!(!few.is_free(until).await);
        assert!(Instant::now() >= until, "it waited");
        let until = until + std::time::Duration::from_secs(3);
        let (free, ()) = tokio::join!(few.is_free(until), async {
            few.left(left(0, 900), few.begin());
        });
        assert!(free && Instant::now() < until);
    }
}
