//! Opens a store: asks its servers whether they keep what they take; never a rule of what is good.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::Store;
use super::check::{Finding, LAYOUT, NAMED_ENDPOINTS, Reading, Weight, findings, layout, lines};
use super::link::{Link, Patience};
use super::names::Names;
use crate::base::ceilings::REDIS_START_TIME;
use crate::base::clock::Clock;
use crate::base::error::StoreError;
use crate::config::model::RedisStore;

/// How long to wait before a store that cannot be reached is tried anew.
pub(super) const PAUSE: Duration = Duration::from_millis(200);

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No server answered in time, or not all of a cluster's did. Trying later may work.
    #[error("redis cannot be used: {0}")]
    Unavailable(String),
    /// The servers, or what is on them, are not what this store needs.
    #[error("{}", list(.0))]
    Refused(Vec<Finding>),
}

fn list(findings: &[Finding]) -> String {
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    lines.join("; ")
}

impl Store {
    /// Opens the store: waits for its servers, [`REDIS_START_TIME`] at most, refuses those that would lose data and logs
    /// what else is wrong with them.
    ///
    /// # Errors
    /// Why it cannot be opened.
    pub async fn open(settings: RedisStore, clock: Clock) -> Result<Self, OpenError> {
        Self::open_within(settings, clock, REDIS_START_TIME).await
    }

    pub(super) async fn open_within(
        settings: RedisStore,
        clock: Clock,
        most: Duration,
    ) -> Result<Self, OpenError> {
        let store = Self::unopened(settings.clone(), clock);
        let end = Instant::now() + most;
        let mut cause = "it did not answer in time".to_owned();
        let opening = async {
            loop {
                match store.try_open(&settings).await {
                    Err(OpenError::Unavailable(why)) => cause = why,
                    done => return done,
                }
                sleep(PAUSE).await;
            }
        };
        match timeout_at(end, opening).await {
            Ok(done) => done.map(|()| store),
            Err(_) => Err(OpenError::Unavailable(cause)),
        }
    }

    /// A store that takes no calls before [`Store::try_open`] has succeeded: until then it is as if it were away.
    pub fn unopened(settings: RedisStore, clock: Clock) -> Self {
        let link = Link::new(settings.clone());
        link.admit(false);
        Self {
            names: Arc::new(Names::new(&settings.key_prefix)),
            link,
            clocks: Arc::default(),
            clock,
        }
    }

    /// Opens the store if its servers answer now, refuses those that would lose data or do not know us, and logs what else
    /// is wrong with them.
    ///
    /// # Errors
    /// Why it cannot be opened.
    pub async fn try_open(&self, settings: &RedisStore) -> Result<(), OpenError> {
        let found = match self.take_layout(settings).await {
            Ok(found) => found,
            Err(_) if self.link.is_locked_out() => {
                let text = "does not take the user or the password of `store.nodes`";
                return Err(OpenError::Refused(vec![Finding::new(
                    Weight::Refuse,
                    "",
                    format!("redis {text}"),
                )]));
            }
            Err(e) => return Err(OpenError::Unavailable(e.to_string())),
        };
        let (refused, found): (Vec<_>, Vec<_>) = found
            .into_iter()
            .partition(|finding| finding.weight == Weight::Refuse);
        if !refused.is_empty() {
            return Err(OpenError::Refused(refused));
        }
        for finding in &found {
            match finding.weight {
                Weight::Warn => tracing::warn!(server = finding.server, "{}", finding.text),
                _ => tracing::info!(server = finding.server, "{}", finding.text),
            }
        }
        self.read_clocks(&self.clock).await;
        self.link.admit(true);
        Ok(())
    }

    /// Checks, and takes the layout where nobody has and nothing is refused.
    async fn take_layout(&self, settings: &RedisStore) -> Result<Vec<Finding>, StoreError> {
        let mut found = self.check(settings).await?;
        if found.iter().all(|finding| finding.weight < Weight::Refuse) {
            found.extend(self.unfinished_copy().await?);
        }
        if found.iter().all(|finding| finding.weight < Weight::Refuse) {
            let mut cmd = redis::cmd("GET");
            cmd.arg(self.names.layout());
            let before: Option<u32> = self.link.run_first(&cmd).await?;
            if before.is_some_and(|before| before < NAMED_ENDPOINTS) {
                let note = super::usage::note_unnamed(self, self.clock.now());
                self.link.run_first::<bool>(&note).await?;
            }
            let mut cmd = redis::cmd("SET");
            // All that earlier layouts have is in this one as it is, and what is new begins empty. A later one was refused
            // before.
            cmd.arg(self.names.layout()).arg(LAYOUT);
            let _: Option<String> = self.link.run_first(&cmd).await?;
            self.take_over_copy().await?;
        }
        Ok(found)
    }

    /// What is to be said of the servers and of the layout. Changes nothing.
    ///
    /// # Errors
    /// When one of the servers cannot be asked.
    pub async fn check(&self, settings: &RedisStore) -> Result<Vec<Finding>, StoreError> {
        let info = self
            .link
            .run_on_each::<String>(Patience::Calm, &redis::cmd("INFO"))
            .await;
        let mut readings = Vec::with_capacity(info.len());
        for (server, answer) in info {
            readings.push(Reading {
                server,
                info: lines(&answer?),
                settings: Some(BTreeMap::new()),
            });
        }
        for name in ["maxmemory-policy", "appendfsync", "min-replicas-to-write"] {
            let mut cmd = redis::cmd("CONFIG");
            cmd.arg("GET").arg(name);
            let answers = self
                .link
                .run_on_each::<BTreeMap<String, String>>(Patience::Calm, &cmd)
                .await;
            for (server, answer) in answers {
                let reading = readings.iter_mut().find(|r| r.server == server);
                let Some(reading) = reading else { continue };
                match (answer, &mut reading.settings) {
                    (Ok(values), Some(known)) => known.extend(values),
                    _ => reading.settings = None,
                }
            }
        }
        let mut found = findings(settings, &readings);
        // A server of another kind may not even be able to answer this.
        if found.iter().all(|finding| finding.weight < Weight::Refuse) {
            let mut cmd = redis::cmd("GET");
            cmd.arg(self.names.layout());
            let version: Option<String> = self.link.run_first(&cmd).await?;
            found.push(layout(version.as_deref()));
        }
        Ok(found)
    }
}
