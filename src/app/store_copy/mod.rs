//! Copies an embedded store into Redis: which checks, which rows in which order, what both sides must agree on; never how a store keeps a row.
//!
//! A run copies one state of the source. It deletes in the target what the source has no more, writes what is not there as
//! it should be, and then reads all of the target by what leads to its rows and compares counts and digests. So each run
//! goes on where the one before ended, however that ended, and takes what changed since. Where no gateway serves on the
//! source it is the last one, after which a gateway may start on the target.

mod covers;
mod known;
mod rows;
mod slices;
mod state;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::{Duration, Instant};

pub use self::covers::NotCovered;
pub use self::rows::Written;

use self::known::FromSource;
use self::rows::Copying;
use super::store_file::{self, StoreFileError};
use crate::accounts::port::{AccountStore, ErasureStep};
use crate::base::clock::Clock;
use crate::base::error::StoreError;
use crate::config::model::{Config, Store};
use crate::store::embedded::backup::BackupError;
use crate::store::embedded::hold::Hold;
use crate::store::embedded::source::Source;
use crate::store::embedded::{EmbeddedStore, OpenError, Options};
use crate::store::redis;
use crate::store::transfer::{KINDS, Sum};

/// Answers that expire sooner than this are copied, but not compared: they may expire meanwhile.
const ANSWERS_MARGIN: Duration = Duration::from_secs(3600);

/// Why a store was not copied, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The source.
    #[error("--from: {0}")]
    From(#[from] StoreFileError),
    /// The source's file.
    #[error("--from: {0}")]
    Source(#[from] BackupError),
    /// The source's file cannot be taken.
    #[error("--from: {0}")]
    Open(#[from] OpenError),
    /// Another copy is under way.
    #[error("--from: another copy of {0} is under way")]
    Busy(PathBuf),
    /// The target is no Redis.
    #[error("--to: store.engine is embedded; a store is copied into `engine: redis`")]
    NotRedis,
    /// The target's settings would not do for what the source has.
    #[error("--to: {0}")]
    NotCovered(#[from] NotCovered),
    /// The target.
    #[error("--to: {0}")]
    Target(#[from] redis::CopyRefused),
    /// Source or target failed on the way.
    #[error("{0}; run it again, and it goes on from here")]
    Store(#[from] StoreError),
    /// An account's quotas would begin anew.
    #[error(
        "the target has other usage of {0} in this hour or month than the source; run it again"
    )]
    Quota(String),
}

/// A kind of rows when it is copied.
#[derive(Debug, Clone)]
pub struct KindReport {
    /// Its name.
    pub kind: &'static str,
    /// Those that were written; the others were there.
    pub written: u64,
    /// The source's.
    pub source: Sum,
    /// The target's.
    pub target: Sum,
}

impl KindReport {
    /// Whether both sides have the same.
    pub fn is_same(&self) -> bool {
        self.source == self.target
    }
}

/// What a run did.
#[derive(Debug)]
pub struct CopyReport {
    /// Every kind of rows.
    pub kinds: Vec<KindReport>,
    /// What was deleted in the target, since the source has it no more.
    pub deleted: u64,
    /// Whether no gateway served on the source.
    pub is_last: bool,
    /// How long it took.
    pub took: Duration,
}

impl CopyReport {
    /// Whether the target has what the source has.
    pub fn is_same(&self) -> bool {
        self.kinds.iter().all(KindReport::is_same)
    }
}

/// What is told on the way.
#[derive(Debug, Clone, Copy)]
pub enum Progress {
    /// What the source has no more is looked for.
    Sweeping,
    /// So many rows of a kind were looked at, so many of them written.
    Copying(&'static str, Written),
    /// All of the target is read.
    Comparing,
}

/// Copies the embedded store of one configuration into the Redis of another.
///
/// # Errors
/// See [`CopyError`].
pub async fn copy(
    from: &Config,
    to: &Config,
    tell: &(dyn Fn(Progress) + Send + Sync),
) -> Result<CopyReport, CopyError> {
    let began = Instant::now();
    let path = store_file::file(from)?;
    let Store::Redis(settings) = &to.store else {
        return Err(CopyError::NotRedis);
    };
    if !path.exists() {
        return Err(StoreFileError::Missing(path.to_owned()).into());
    }
    let clock = Clock::system();
    finish_erasures(path, &clock).await?;
    let hold = Hold::take(path).map_err(|e| match e {
        OpenError::InUse(_) => CopyError::Busy(path.to_owned()),
        e => e.into(),
    })?;
    let source = Source::open(path)?;
    covers::check(from, to, &source)?;
    let identity = source.identity()?;
    let opened =
        redis::Store::open_for_copy(settings.clone(), clock.clone(), identity.as_deref()).await;
    let target = opened?;
    tell(Progress::Sweeping);
    let deleted = target.sweep_copy(&FromSource(&source)).await?;
    let now = clock.now();
    let compared_from = now.plus(ANSWERS_MARGIN);
    let mut copying = Copying::new(&source, &target, tell, compared_from);
    copying.all(now).await?;
    tell(Progress::Comparing);
    let (written, wanted, mut found) = copying.done();
    found.join(&target.look_at_copy(compared_from).await?);
    let kinds = KINDS.map(|kind| KindReport {
        kind,
        written: written.get(kind).copied().unwrap_or_default(),
        source: wanted.of(kind),
        target: found.of(kind),
    });
    let report = CopyReport {
        kinds: kinds.to_vec(),
        deleted,
        is_last: hold.is_last(),
        took: began.elapsed(),
    };
    if report.is_same() {
        compare_quotas(&source, &target, &clock).await?;
        target.finish_copy(report.is_last).await?;
    }
    Ok(report)
}

/// Ends erasures that a gateway began and did not end, as the next one would at its start. Where a gateway serves it does so
/// itself, and what it erases is left out.
async fn finish_erasures(path: &std::path::Path, clock: &Clock) -> Result<(), CopyError> {
    let options = Options {
        readers: 1,
        ..Options::default()
    };
    let store = match EmbeddedStore::open(path, clock.clone(), options) {
        Ok(store) => store,
        Err(OpenError::InUse(_)) => return Ok(()),
        Err(e) => return Err(e.into()),
    };
    for account in store.erasing().await? {
        while store.erase_some(&account).await? != ErasureStep::Done {}
    }
    store.close();
    Ok(())
}

/// Quotas compare with what was used in this hour and month; the target must say the same.
async fn compare_quotas(
    source: &Source,
    target: &redis::Store,
    clock: &Clock,
) -> Result<(), CopyError> {
    let now = clock.now();
    let (hour, month) = (now.hour_start(), now.month_start());
    let mut after = String::new();
    loop {
        let used = source.used(hour, month, &after)?;
        let Some((last, _, _)) = used.last() else {
            return Ok(());
        };
        if let Some(account) = target.used_differs(hour, month, &used).await? {
            return Err(CopyError::Quota(account));
        }
        after = last.clone();
    }
}
