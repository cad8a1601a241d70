//! A clock that a test moves while the processes that go by it run; never one that they can tell from the machine's.

use std::path::PathBuf;
use std::time::Duration;

use fuelgate::base::clock::Clock;
use tempfile::TempDir;

/// How far the clock of whoever was started with its variables is ahead of the machine's.
pub struct MovedClock {
    folder: TempDir,
    ahead: Duration,
}

impl MovedClock {
    /// Not ahead yet.
    pub fn new() -> Self {
        let clock = Self {
            folder: tempfile::tempdir().unwrap(),
            ahead: Duration::ZERO,
        };
        clock.write();
        clock
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ahead")
    }

    fn write(&self) {
        self.put(&format!("+{}", self.ahead.as_secs()));
    }

    fn put(&self, text: &str) {
        // In one step: a process may read it at any time.
        let new = self.folder.path().join("new");
        std::fs::write(&new, format!("{text}\n")).unwrap();
        std::fs::rename(&new, self.file()).unwrap();
    }

    /// Moves it on.
    pub fn advance(&mut self, by: Duration) {
        self.ahead += by;
        self.write();
    }

    /// Stops it where it is.
    pub fn stop(&self) {
        let now = Clock::system().now().plus(self.ahead).to_string();
        // `2026-11-27T22:20:25Z` as the library reads it.
        self.put(&now[..19].replace('T', " "));
    }

    /// What a process is started with that goes by it.
    pub fn environment(&self) -> Vec<(String, String)> {
        let set = [
            ("LD_PRELOAD", super::gateway::faketime()),
            ("FAKETIME_TIMESTAMP_FILE", self.file().display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("TZ", "UTC".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ];
        set.map(|(name, value)| (name.to_owned(), value)).to_vec()
    }
}
