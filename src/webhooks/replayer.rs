//! Carries replays out, a step at a time at the rate of each; never which deliveries a step takes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::port::ReplayStore;
use super::port::replays::ClaimedReplay;
use crate::base::ceilings::operations::{REPLAY_CLAIM, REPLAY_POLL, REPLAY_STEP};
use crate::base::clock::Clock;
use crate::base::error::StoreError;

/// Carries out one job after another. Every node has one; a job whose node ended is gone on with by another.
pub struct Replayer {
    store: Arc<dyn ReplayStore>,
    clock: Clock,
    wake: Arc<Notify>,
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
    pub fn new(store: Arc<dyn ReplayStore>, clock: Clock, wake: Arc<Notify>) -> Self {
        Self { store, clock, wake }
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
            let step = self.store.replay_some(&claimed.job, limit, now).await?;
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
}
