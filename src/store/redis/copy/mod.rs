//! Taking in another store's rows as they are: whose copy is here, how far it is, and who may use it; never which rows come.
//!
//! While rows come in nobody else uses this store, which the mark `P:{~copy}:mark` sees to: a gateway does not start on a
//! copy that is under way or behind, and once one has started nothing is copied here any more. So rows are written by plain
//! pipelines, not by scripts that decide. Each write may come again, and is left out where the row is there as it should be;
//! what leads to a row is written before it, so that one that is there needs nothing else. Whatever a copy that was killed
//! left half done, the next one finds different and writes again.
//!
//! | name | type | holds |
//! | --- | --- | --- |
//! | `P:{~copy}:mark` | hash | `source`: whose copy; `state`: `copying`, `behind`, `ready` or `taken` |
//! | `P:{~copy}:usage` | hash | hour or day → the sum of its rows when they were written, so that old ones are passed over |

mod accounts;
mod log;
mod look;
mod sweep;

pub use self::sweep::Known;

use std::collections::HashMap;

use tokio::time::{Instant, sleep};

use super::Store;
use super::check::{Finding, LAYOUT, Weight};
use super::link::Patience;
use super::lists::{ACCOUNTS, KEYS, LOG};
use super::names::SHARDS;
use super::open::OpenError;
use crate::base::ceilings::{NODE_LIVE, REDIS_START_TIME};
use crate::base::clock::Clock;
use crate::base::error::StoreError;
use crate::config::model::RedisStore;

const COPYING: &str = "copying";
const BEHIND: &str = "behind";
const READY: &str = "ready";
const TAKEN: &str = "taken";

/// A source that has no identity yet, since nothing was ever changed in it.
const NOBODY: &str = "-";

/// Why nothing is copied here.
#[derive(Debug, thiserror::Error)]
pub enum CopyRefused {
    /// Its servers are not what a store needs.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A server does not answer.
    #[error("redis does not answer: {0}")]
    Store(#[from] StoreError),
    /// There is something that no copy brought.
    #[error(
        "the target holds data already that this copy did not bring; expected another store.key_prefix, or an empty store"
    )]
    NotEmpty,
    /// It is a copy of another store.
    #[error("the target holds a copy of another store; expected another store.key_prefix")]
    Other,
    /// A gateway was started on it.
    #[error(
        "a gateway has been started on the target since it was copied: what it wrote there would be lost"
    )]
    Taken,
    /// A gateway serves there now.
    #[error("{0} gateways serve on the target now")]
    Served(u64),
}

impl Store {
    fn mark(&self) -> String {
        self.names.index("copy", "mark")
    }

    async fn read_mark(&self) -> Result<HashMap<String, String>, StoreError> {
        let mut cmd = redis::cmd("HGETALL");
        cmd.arg(self.mark());
        // A store that is being opened asks as well.
        self.link.run_first(&cmd).await
    }

    async fn write_mark(&self, fields: &[(&str, &str)]) -> Result<(), StoreError> {
        let mut cmd = redis::cmd("HSET");
        cmd.arg(self.mark());
        for (name, value) in fields {
            cmd.arg(name).arg(value);
        }
        self.link.run_first(&cmd).await
    }

    /// What keeps a gateway from starting on this store: a copy that is not whole.
    pub(super) async fn unfinished_copy(&self) -> Result<Option<Finding>, StoreError> {
        let mark = self.read_mark().await?;
        let what = match mark.get("state").map(String::as_str) {
            Some(COPYING) => "a copy into it has not come to its end",
            Some(BEHIND) => {
                "a copy into it was made while a gateway served on the source, and lacks what came since"
            }
            _ => return Ok(None),
        };
        let text = format!(
            "{what}; expected the source's gateway to be stopped and `fuelgate store copy` to be run once more (to do without that, delete the key {})",
            self.mark()
        );
        Ok(Some(Finding {
            weight: Weight::Refuse,
            server: String::new(),
            text,
        }))
    }

    /// Says that a gateway uses this store from now on.
    pub(super) async fn take_over_copy(&self) -> Result<(), StoreError> {
        match self.read_mark().await?.get("state").map(String::as_str) {
            Some(READY) => self.write_mark(&[("state", TAKEN)]).await,
            _ => Ok(()),
        }
    }

    /// Opens a store to copy into it, and marks it as such. `source` is whose copy it is.
    ///
    /// # Errors
    /// See [`CopyRefused`].
    pub async fn open_for_copy(
        settings: RedisStore,
        clock: Clock,
        source: Option<&str>,
    ) -> Result<Self, CopyRefused> {
        let store = Self::new(settings.clone(), clock.clone());
        let end = Instant::now() + REDIS_START_TIME;
        let found = loop {
            match store.check(&settings).await {
                Ok(found) => break found,
                Err(e) if Instant::now() > end => {
                    return Err(OpenError::Unavailable(e.to_string()).into());
                }
                Err(_) => sleep(super::open::PAUSE).await,
            }
        };
        let refused: Vec<Finding> = found
            .into_iter()
            .filter(|finding| finding.weight == Weight::Refuse)
            .collect();
        if !refused.is_empty() {
            return Err(OpenError::Refused(refused).into());
        }
        let _ = store.read_clocks(&clock).await;
        let live = store.live_nodes().await?;
        if live > 0 {
            return Err(CopyRefused::Served(live));
        }
        let mark = store.read_mark().await?;
        let known = mark.get("source").map(String::as_str);
        match (known, mark.get("state").map(String::as_str)) {
            (_, Some(TAKEN)) => return Err(CopyRefused::Taken),
            (None, _) if store.has_rows().await? => return Err(CopyRefused::NotEmpty),
            (Some(known), _) if known != NOBODY && Some(known) != source => {
                return Err(CopyRefused::Other);
            }
            _ => {}
        }
        store
            .write_mark(&[("source", source.unwrap_or(NOBODY)), ("state", COPYING)])
            .await?;
        let mut cmd = redis::cmd("SET");
        cmd.arg(store.names.layout()).arg(LAYOUT);
        let _: Option<String> = store.link.run(Patience::Calm, &cmd).await?;
        Ok(store)
    }

    /// Says that the copy is whole; `is_last` where nothing can have come into the source since.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn finish_copy(&self, is_last: bool) -> Result<(), StoreError> {
        let state = if is_last { READY } else { BEHIND };
        self.write_mark(&[("state", state)]).await
    }

    /// Gateways that gave a sign of life lately.
    async fn live_nodes(&self) -> Result<u64, StoreError> {
        let ms = i64::try_from(NODE_LIVE.as_millis()).unwrap_or(i64::MAX);
        let now = self.clock.now();
        let now = self.clock().map_or(now, |c| c.at(now));
        let mut cmd = redis::cmd("ZCOUNT");
        cmd.arg(self.names.index("nodes", "live"))
            .arg(now.millis() - ms)
            .arg("+inf");
        self.link.run(Patience::Calm, &cmd).await
    }

    async fn has_rows(&self) -> Result<bool, StoreError> {
        for shard in 0..SHARDS {
            let lists = [&ACCOUNTS, &KEYS, &LOG].map(|list| list.at(&self.names, shard));
            for name in lists.into_iter().chain(super::events::lists(self, shard)) {
                let mut cmd = redis::cmd("EXISTS");
                cmd.arg(name);
                if self.link.run(Patience::Calm, &cmd).await? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}
