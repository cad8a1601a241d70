//! Lists that are merged from all shards, newest first, in bounded steps; never what an entry holds.

use futures_util::future::try_join_all;

use super::shard::Shard;
use crate::base::ceilings::{REDIS_LIST_ROUNDS, REDIS_LOOK};
use crate::base::error::StoreError;
use crate::base::page::MAX_LIMIT;
use crate::store::redis::Store;
use crate::store::redis::link::Patience;
use crate::store::redis::names::SHARDS;

/// An entry of a list: where it stands, the greatest first, and where it lies.
pub(super) struct Entry<O> {
    pub(super) order: O,
    pub(super) shard: u32,
    pub(super) id: String,
}

impl Entry<String> {
    /// An entry of a list that is ordered by id.
    pub(super) fn by_id(shard: u32, id: String) -> Self {
        Self {
            order: id.clone(),
            shard,
            id,
        }
    }
}

impl<O> Entry<O> {
    /// Where it lies.
    pub(super) fn place(&self) -> (u32, &str) {
        (self.shard, &self.id)
    }
}

/// What a shard gives of a list.
pub(super) struct Part<O> {
    /// Entries that are wanted, in any order.
    pub(super) entries: Vec<Entry<O>>,
    /// How far it looked; `None` when it looked at everything.
    pub(super) reached: Option<O>,
}

/// Some entries and where to go on.
pub(super) struct Merged<O> {
    pub(super) entries: Vec<Entry<O>>,
    pub(super) next: Option<O>,
}

/// How many entries a shard looks at for a list of `want`: all of them are wanted, or some are left out.
pub(super) fn step(want: usize, is_filtered: bool) -> usize {
    if is_filtered {
        REDIS_LOOK.max(want)
    } else {
        want
    }
}

/// Merges what `ask` finds after some point in each shard, or in the one that is given. Where a filter leaves out so much
/// that many steps do not fill a page, the page is short, maybe empty, and says where to go on.
pub(super) async fn newest<O, F>(
    store: &Store,
    shard: Option<u32>,
    limit: u32,
    after: Option<O>,
    ask: impl Fn(Shard, Option<O>, usize) -> F,
) -> Result<Merged<O>, StoreError>
where
    O: Ord + Clone,
    F: Future<Output = Result<Part<O>, StoreError>>,
{
    let limit = limit.clamp(1, MAX_LIMIT) as usize;
    let shards: Vec<u32> = shard.map_or_else(|| (0..SHARDS).collect(), |n| vec![n]);
    let mut entries: Vec<Entry<O>> = Vec::new();
    let mut after = after;
    for _ in 0..REDIS_LIST_ROUNDS {
        // One more than wanted tells whether there is a next page.
        let want = limit + 1 - entries.len();
        let asked = shards
            .iter()
            .map(|n| ask(Shard::new(store, *n), after.clone(), want));
        let parts = try_join_all(asked).await?;
        // Beyond the point that all shards have looked up to, one may still have something newer than another.
        let reached = parts.iter().filter_map(|p| p.reached.clone()).max();
        let mut more: Vec<Entry<O>> = parts.into_iter().flat_map(|p| p.entries).collect();
        if let Some(reached) = &reached {
            more.retain(|e| e.order >= *reached);
        }
        more.sort_by(|a, b| b.order.cmp(&a.order));
        entries.extend(more);
        if entries.len() > limit {
            entries.truncate(limit);
            let next = entries.last().map(|e| e.order.clone());
            return Ok(Merged { entries, next });
        }
        match reached {
            Some(point) => after = Some(point),
            None => {
                return Ok(Merged {
                    entries,
                    next: None,
                });
            }
        }
    }
    Ok(Merged {
        entries,
        next: after,
    })
}

/// Up to `want` entries of a sorted set that is ordered by id, from after one on, down to another where there is one.
pub(super) async fn by_id(
    store: &Store,
    shard: &Shard,
    name: &str,
    after: Option<String>,
    least: Option<&str>,
    want: usize,
) -> Result<Part<String>, StoreError> {
    let from = after.map_or_else(|| "+".to_owned(), |a| format!("({a}"));
    let least = least.map_or_else(|| "-".to_owned(), |l| format!("[{l}"));
    let cmd = redis::cmd("ZREVRANGEBYLEX")
        .arg(name)
        .arg(from)
        .arg(least)
        .arg("LIMIT")
        .arg(0)
        .arg(want)
        .take();
    let ids: Vec<String> = store.link.run(Patience::Calm, &cmd).await?;
    Ok(Part {
        reached: ids.last().filter(|_| ids.len() == want).cloned(),
        entries: ids
            .into_iter()
            .map(|id| Entry::by_id(shard.number, id))
            .collect(),
    })
}
