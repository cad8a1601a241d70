//! Sends a batch's pieces to their slots, a bounded number at a time, accounts before shards; never what is in them.
//!
//! # Why each row counts once
//!
//! Pieces of a slot are applied in their order, and each sets the marker of its process in the same script that adds its
//! rows, if the marker is not there already. So whatever was applied when an error came is known to be, and the batch
//! that comes again adds the rest. Batches of a process come in the order of their numbers (see the recorder), so that a
//! marker needs to tell the last piece only; a call that was held up on its way and arrives after a later one finds a
//! later marker.
//!
//! # Accounts that are gone
//!
//! The account's slot says so itself, in the script that would add: nothing can come in after it. Rows in the shards are
//! sent once all accounts have answered, without those that are gone. An erasure that begins between both is noted in
//! the shard before the account's rows there are looked for; the script refuses a piece with rows of an account that was
//! noted later than it was seen, less a margin for clocks, and the piece comes again without them. A piece keeps its
//! number whatever is left out of it, so that a retry neither adds another's rows twice nor misses them. What can happen
//! is that sums over everyone have some rows of an account that is gone by then: they name nobody; and that an account that
//! comes back within that margin after its erasure is missing among callers and everyone for so long.

use std::collections::HashSet;

use futures_util::future::try_join_all;
use parking_lot::Mutex;

use super::pieces::{Cut, Head, Piece};
use crate::base::ceilings::USAGE_CALLS;
use crate::base::error::StoreError;
use crate::store::redis::Store;
use crate::store::redis::link::{Call, Patience};
use crate::usage::model::UsageBatch;

/// Applies a batch. `after_call` is called after each script's reply; when it fails, so does the batch there.
pub(super) async fn apply<F>(
    store: &Store,
    batch: &UsageBatch,
    after_call: F,
) -> Result<(), StoreError>
where
    F: Fn() -> Result<(), StoreError> + Send + Sync,
{
    let cut = Cut::of(batch);
    let sender = Sender {
        store,
        head: Head {
            boot_id: &batch.boot_id,
            sequence: batch.sequence,
        },
        after_call,
    };
    // Workers take from one list, so that a large batch has no more futures than calls.
    let next = Mutex::new(cut.accounts.iter());
    let seen = Mutex::new(Seen::default());
    try_join_all((0..USAGE_CALLS.min(cut.accounts.len())).map(|_| async {
        loop {
            let Some((account, pieces)) = next.lock().next() else {
                return Ok::<_, StoreError>(());
            };
            let at = sender.account(pieces).await?;
            seen.lock().note(account, at);
        }
    }))
    .await?;
    let seen = seen.into_inner();
    let next = Mutex::new(cut.shards.iter());
    try_join_all((0..USAGE_CALLS.min(cut.shards.len())).map(|_| async {
        loop {
            let Some((shard, pieces)) = next.lock().next() else {
                return Ok::<_, StoreError>(());
            };
            sender.shard(*shard, pieces, &seen).await?;
        }
    }))
    .await?;
    Ok(())
}

/// What the accounts' slots said.
#[derive(Default)]
struct Seen<'a> {
    /// Accounts whose rows are left out.
    gone: HashSet<&'a str>,
    /// The first second in which one of the others was seen.
    at: Option<i64>,
}

impl<'a> Seen<'a> {
    fn note(&mut self, account: &'a str, at: Option<i64>) {
        match at {
            None => {
                self.gone.insert(account);
            }
            Some(at) => self.at = Some(self.at.map_or(at, |first| first.min(at))),
        }
    }
}

struct Sender<'a, F> {
    store: &'a Store,
    head: Head<'a>,
    after_call: F,
}

impl<F: Fn() -> Result<(), StoreError>> Sender<'_, F> {
    /// The second in which the account was there; `None` when it is gone.
    async fn account(&self, pieces: &[Piece<'_>]) -> Result<Option<i64>, StoreError> {
        let mut first = None;
        for (number, piece) in pieces.iter().enumerate() {
            let call = piece.for_account(&self.store.names, &self.head, number);
            let (second, refused) = self.send(&call).await?;
            if !refused.is_empty() {
                return Ok(None);
            }
            first.get_or_insert(second);
        }
        Ok(first)
    }

    async fn shard(
        &self,
        shard: u32,
        pieces: &[Piece<'_>],
        seen: &Seen<'_>,
    ) -> Result<(), StoreError> {
        let Some(at) = seen.at else {
            return Ok(());
        };
        for (number, piece) in pieces.iter().enumerate() {
            let mut gone = seen.gone.clone();
            // Each round leaves out at least one more account.
            while let Some(prepared) =
                piece.for_shard(&self.store.names, shard, &self.head, number, (at, &gone))
            {
                let (_, refused) = self.send(&prepared.call).await?;
                if refused.is_empty() {
                    break;
                }
                for place in refused {
                    let account = usize::try_from(place - 1)
                        .ok()
                        .and_then(|i| prepared.accounts.get(i));
                    let Some(account) = account else {
                        return Err(StoreError::Corrupt("usage: an unknown account".into()));
                    };
                    gone.insert(account);
                }
            }
        }
        Ok(())
    }

    /// The server's second and the places of the accounts that it refused.
    async fn send(&self, call: &Call) -> Result<(i64, Vec<i64>), StoreError> {
        let mut reply: Vec<i64> = self.store.link.script(Patience::Calm, call).await?;
        (self.after_call)()?;
        if reply.is_empty() {
            return Err(StoreError::Corrupt("usage: an empty reply".into()));
        }
        let second = reply.remove(0);
        Ok((second, reply))
    }
}
