//! Carries replays out, a step at a time at the rate of each; never which deliveries a step takes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::port::ReplayStore;
use super::port::replays::{ClaimedReplay, ReplayJob};
use super::settings::SharedSettings;
use crate::base::ceilings::operations::{RECOVERY_MARGIN, REPLAY_CLAIM, REPLAY_POLL, REPLAY_STEP};
use crate::base::clock::{Clock, Timestamp};
use crate::base::error::StoreError;

/// Carries out one job after another. Every node has one; a job whose node ended is gone on with by another.
pub struct Replayer {
    store: Arc<dyn ReplayStore>,
    settings: SharedSettings,
    clock: Clock,
    wake: Arc<Notify>,
}

/// The job as a step at `now` carries it out. Of an event whose delivery may have been deleted for its age nobody knows
/// whether it was missed: a recovery leaves it alone.
fn bounded(job: &ReplayJob, retention: Duration, now: Timestamp) -> ReplayJob {
    let mut job = job.clone();
    if job.scope.only.is_recovery() {
        let since = now.minus(retention).plus(RECOVERY_MARGIN);
        job.scope.from = job.scope.from.max(since);
    }
    job
}

/// How many deliveries a step takes at this rate: no more than a second's, so that a stop or a cancellation is soon heard.
pub fn step_size(per_second: u32) -> u32 {
    per_second.clamp(1, REPLAY_STEP)
}

/// How long to wait after a step that started so many anew. After one that only looked the next comes at once.
pub fn pause_after(restarted: u64, per_second: u32) -> Duration {
    let restarted = u32::try_from(restarted).unwrap_or(u32::MAX);
    Duration::from_secs(1) * restarted / per_second.max(1)
}

impl Replayer {
    /// A replayer. `wake` is notified when a delivery may have become due.
    pub fn new(
        store: Arc<dyn ReplayStore>,
        settings: SharedSettings,
        clock: Clock,
        wake: Arc<Notify>,
    ) -> Self {
        Self {
            store,
            settings,
            clock,
            wake,
        }
    }

    /// Carries out jobs until `stop`.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        loop {
            let now = self.clock.now();
            match self.store.claim_replay(now, now.plus(REPLAY_CLAIM)).await {
                Ok(Some(claimed)) => {
                    if let Err(e) = self.carry_out(claimed, &mut stop).await {
                        // The claim ends in its time, and the job goes on from its last step.
                        tracing::debug!("a replay cannot go on now: {e}");
                    }
                }
                Ok(None) => {}
                Err(e) => tracing::debug!("replays cannot be looked for now: {e}"),
            }
            if !pause(REPLAY_POLL, &mut stop).await {
                return;
            }
        }
    }

    async fn carry_out(
        &self,
        mut claimed: ClaimedReplay,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), StoreError> {
        let per_second = claimed.job.scope.per_second;
        let limit = step_size(per_second);
        loop {
            let now = self.clock.now();
            let job = bounded(&claimed.job, self.settings.load().retention, now);
            let step = self.store.replay_some(&job, limit, now).await?;
            if step.restarted > 0 {
                self.wake.notify_one();
            }
            let until = now.plus(REPLAY_CLAIM);
            let goes_on = self
                .store
                .advance_replay(&claimed, &step, until, now)
                .await?;
            claimed.job.done += step.restarted;
            let is_end = step.cursor.is_none();
            claimed.job.cursor = step.cursor;
            if is_end && goes_on {
                tracing::info!(
                    replay = claimed.job.id,
                    replayed = claimed.job.done,
                    "a replay is done"
                );
            }
            if is_end || !goes_on || !pause(pause_after(step.restarted, per_second), stop).await {
                return Ok(());
            }
        }
    }
}

/// Waits, or for the signal: whether to go on.
async fn pause(period: Duration, stop: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        biased;
        _ = stop.wait_for(|s| *s) => false,
        () = tokio::time::sleep(period) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhooks::port::replays::{ReplayOnly, ReplayScope, ReplayState};

    #[test]
    fn steps_and_pauses_keep_to_the_rate() {
        for per_second in [1, 3, 50, 100, 1_000] {
            let step = step_size(per_second);
            assert!((1..=REPLAY_STEP).contains(&step));
            // A minute of full steps.
            let steps = Duration::from_secs(60).as_nanos()
                / pause_after(u64::from(step), per_second).as_nanos();
            let restarted = steps * u128::from(step);
            let allowed = u128::from(per_second) * 60;
            assert!(
                restarted <= allowed + u128::from(step),
                "{per_second}: {restarted}"
            );
            assert!(
                restarted + u128::from(step) >= allowed,
                "{per_second}: {restarted}"
            );
        }
        assert_eq!(pause_after(0, 50), Duration::ZERO);
        assert_eq!(pause_after(25, 50), Duration::from_millis(500));
    }

    #[test]
    fn a_recovery_goes_no_further_back_than_every_delivery_is_kept() {
        let day = Duration::from_secs(86_400);
        let now = Timestamp::from_secs(30 * 86_400);
        let job = |only, from| ReplayJob {
            id: "rpl_1".to_owned(),
            scope: ReplayScope {
                account_id: None,
                endpoint_id: None,
                event_types: Vec::new(),
                from,
                to: now,
                only,
                per_second: 1,
            },
            state: ReplayState::Running,
            cursor: None,
            done: 0,
            created_at: now,
            finished_at: None,
        };
        let from = |only, from| bounded(&job(only, from), day, now).scope.from;
        let long_ago = now.minus(day * 9);
        let edge = now.minus(day).plus(RECOVERY_MARGIN);
        assert_eq!(from(ReplayOnly::Failed, long_ago), long_ago);
        for only in [ReplayOnly::Missed, ReplayOnly::Undelivered] {
            assert_eq!(from(only, long_ago), edge);
            assert_eq!(from(only, now), now);
        }
    }
}
