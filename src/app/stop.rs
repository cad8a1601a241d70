//! The two signals of an orderly stop: first the clients' side, then what their requests left behind; never the order of steps.

use tokio::sync::watch;

/// A signal that turns true once.
#[derive(Debug, Clone)]
pub(super) struct Stop(watch::Sender<bool>);

impl Stop {
    pub(super) fn new() -> Self {
        Self(watch::channel(false).0)
    }

    /// What those who stop listen to.
    pub(super) fn signal(&self) -> watch::Receiver<bool> {
        self.0.subscribe()
    }

    /// Gives the signal.
    pub(super) fn give(&self) {
        self.0.send_replace(true);
    }
}

/// Waits for `period`, or for the signal: whether to go on.
pub(super) async fn pause(period: std::time::Duration, stop: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        () = tokio::time::sleep(period) => true,
        // An error means that nobody is left to give the signal, which is a stop too.
        _ = stop.wait_for(|s| *s) => false,
    }
}
