//! Takes an erased account's name out of the audit log and puts its pseudonym there; never out of anything else.
//!
//! Every entry is looked at, shard by shard, since any may name the account in its details. One that lies in the
//! account's slot moves to the pseudonym's, for the name of its place tells the account too: the new one is written, the old
//! one deleted, and then the index led to the new one. Done again from any point this ends the same way.

use super::Store;
use super::audit::{Mention, to_text};
use super::each::each;
use super::erase::{note_progress, progress};
use super::link::{Call, Patience};
use super::lists::{LOG, Order};
use super::names::SHARDS;
use super::script::script;
use crate::base::audit::AuditEntry;
use crate::base::ceilings::STORE_SCRIPT_KEYS;
use crate::base::error::StoreError;
use crate::base::ids;
use crate::store::rename::{rename, rename_in};

script!(SWAP, "list_swap.lua");

/// Ids of entries come from the clocks of nodes and may be older than the entries themselves by this many seconds.
const LATE_SECONDS: u64 = 600;

/// Some of the log. True when no entry names the account any more.
pub(super) async fn some(store: &Store, id: &str, name: &str) -> Result<bool, StoreError> {
    let of = Renaming { store, id, name };
    for shard in 0..SHARDS {
        let field = format!("log:{shard}");
        let after = progress(store, id, &field).await?;
        let members = LOG
            .read(
                store,
                shard,
                Order::Ascending,
                after.as_deref(),
                STORE_SCRIPT_KEYS,
            )
            .await?;
        let Some(last) = members.last() else { continue };
        each(members.iter().map(|m| of.member(m))).await?;
        note_progress(store, id, &field, last).await?;
        return Ok(false);
    }
    of.late().await
}

struct Renaming<'a> {
    store: &'a Store,
    id: &'a str,
    name: &'a str,
}

impl Renaming<'_> {
    /// Looks once more, by the index alone, for entries that came since the erasure began: one may have come behind where
    /// the first look was by then. True when there are none.
    async fn late(&self) -> Result<bool, StoreError> {
        let begun = progress(self.store, self.id, "begun").await?;
        let begun: u64 = begun.and_then(|b| b.parse().ok()).unwrap_or(0);
        let from_ms = begun.saturating_sub(LATE_SECONDS) * 1000;
        let from = format!("{}{from_ms:012x}", ids::AUDIT);
        let found = each((0..SHARDS).map(|shard| self.late_in(shard, &from))).await?;
        Ok(!found.contains(&true))
    }

    async fn late_in(&self, shard: u32, from: &str) -> Result<bool, StoreError> {
        let (mut after, mut found) = (from.to_owned(), false);
        loop {
            let members = LOG
                .read(
                    self.store,
                    shard,
                    Order::Ascending,
                    Some(&after),
                    STORE_SCRIPT_KEYS,
                )
                .await?;
            for member in &members {
                if Mention::parse(member).is_some_and(|m| self.is_named(&m)) {
                    self.member(member).await?;
                    found = true;
                }
            }
            match members.into_iter().last() {
                Some(last) => after = last,
                None => return Ok(found),
            }
        }
    }

    /// An account may be called as a shard is; in that slot lie entries of others too.
    fn is_in_their_slot(&self, mention: &Mention) -> bool {
        let is_shard = (0..SHARDS).any(|n| self.id == format!("q{n}"));
        mention.tag == self.id && (!is_shard || mention.account_id.as_deref() == Some(self.id))
    }

    fn is_named(&self, mention: &Mention) -> bool {
        let id = Some(self.id);
        self.is_in_their_slot(mention)
            || mention.account_id.as_deref() == id
            || mention.target.as_deref() == id
    }

    fn renamed(&self, entry: &AuditEntry) -> AuditEntry {
        let again = |text: &Option<String>| text.as_ref().map(|t| rename(t, self.id, self.name));
        let mut details = entry.details.clone();
        rename_in(&mut details, self.id, self.name);
        AuditEntry {
            account_id: again(&entry.account_id),
            target: again(&entry.target),
            actor: again(&entry.actor),
            details,
            ..entry.clone()
        }
    }

    async fn member(&self, member: &str) -> Result<(), StoreError> {
        let Some(mention) = Mention::parse(member) else {
            return Ok(());
        };
        let is_theirs = self.is_in_their_slot(&mention);
        let tag = if is_theirs { self.name } else { &mention.tag };
        let moved = Mention {
            tag: tag.to_owned(),
            ..mention.clone()
        };
        let entry = match mention.read(self.store).await? {
            None if is_theirs => moved.read(self.store).await?,
            entry => entry,
        };
        let Some(entry) = entry else {
            // Of a change that never came, or is still to come and will be refused.
            if self.is_named(&mention) {
                mention.remove(self.store).await?;
            }
            return Ok(());
        };
        let renamed = self.renamed(&entry);
        let new = Mention::of(&renamed, tag);
        if renamed == entry && new == mention {
            return Ok(());
        }
        let mut set = redis::cmd("SET");
        set.arg(new.entry_key(&self.store.names))
            .arg(to_text(&renamed)?);
        self.store.link.run::<()>(Patience::Calm, &set).await?;
        if is_theirs {
            let mut del = redis::cmd("DEL");
            del.arg(mention.entry_key(&self.store.names));
            self.store.link.run::<()>(Patience::Calm, &del).await?;
        }
        let call = Call::new(&SWAP).key(LOG.at(&self.store.names, mention.shard()));
        let call = call.arg(member).arg(new.member());
        self.store.link.script(Patience::Calm, &call).await
    }
}
