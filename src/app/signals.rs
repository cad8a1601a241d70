//! The process's signals: which ask for a reload and which for a stop; never what follows.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that the gateway answers to, caught from the moment this is made.
pub(super) struct Signals {
    hang_up: Signal,
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// SIGHUP: load the configuration anew.
    Reload,
    /// SIGTERM, SIGINT or SIGQUIT: finish what is in flight and end.
    Stop,
}

impl Signals {
    /// Catches the signals: before this a SIGHUP would kill the process, so it comes before the listeners.
    ///
    /// # Errors
    /// The system refuses.
    pub(super) fn catch() -> io::Result<Self> {
        Ok(Self {
            hang_up: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
        })
    }

    /// The next signal's wish.
    pub(super) async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.hang_up.recv() => Asked::Reload,
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.quit.recv() => Asked::Stop,
        }
    }
}
