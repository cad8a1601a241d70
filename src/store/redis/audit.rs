//! The audit log in Redis: its index, reading it newest first, and entries of no other change; never what is worth an entry.

use super::Store;
use super::change::carry_out;
use super::each::each;
use super::key_names::COMMON;
use super::link::{Call, Patience};
use super::lists::{LOG, Order, Walk};
use super::names::Names;
use super::script::script;
use crate::accounts::port::AuditFilter;
use crate::base::audit::{AuditEntry, Change};
use crate::base::ceilings::{AUDIT_SCAN, STORE_SCRIPT_KEYS};
use crate::base::error::StoreError;
use crate::base::page::{MAX_LIMIT, Page, PageRequest};

script!(RECORD, "change.lua", "audit_record.lua");

/// What the index says of an entry: enough to filter without reading it. The entry decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mention {
    pub(super) id: String,
    /// The tag of the slot that the entry lies in.
    pub(super) tag: String,
    pub(super) account_id: Option<String>,
    pub(super) action: String,
    pub(super) target: Option<String>,
}

impl Mention {
    /// That of an entry in the slot of `tag`.
    pub(super) fn of(entry: &AuditEntry, tag: &str) -> Self {
        Self {
            id: entry.id.clone(),
            tag: tag.to_owned(),
            account_id: entry.account_id.clone(),
            action: entry.action.clone(),
            target: entry.target.clone(),
        }
    }

    /// The index's member: the id places it. JSON has no line ends, so that the first one ends the id.
    pub(super) fn member(&self) -> String {
        let rest = serde_json::json!([self.tag, self.account_id, self.action, self.target]);
        format!("{}\n{rest}", self.id)
    }

    /// Reads a member.
    pub(super) fn parse(member: &str) -> Option<Self> {
        let (id, rest) = member.split_once('\n')?;
        let (tag, account_id, action, target) = serde_json::from_str(rest).ok()?;
        Some(Self {
            id: id.to_owned(),
            tag,
            account_id,
            action,
            target,
        })
    }

    /// The index's shard that it is in.
    pub(super) fn shard(&self) -> u32 {
        Names::shard_of(&self.id)
    }

    /// Where the entry lies.
    pub(super) fn entry_key(&self, names: &Names) -> String {
        names.account(&self.tag, &format!("audit:{}", self.id))
    }

    pub(super) async fn add(&self, store: &Store) -> Result<(), StoreError> {
        LOG.add(store, &[(&self.id, self.member())]).await
    }

    pub(super) async fn remove(&self, store: &Store) -> Result<(), StoreError> {
        LOG.remove(store, &[(&self.id, self.member())]).await
    }

    /// The entry itself, unless it was never written.
    pub(super) async fn read(&self, store: &Store) -> Result<Option<AuditEntry>, StoreError> {
        let mut cmd = redis::cmd("GET");
        cmd.arg(self.entry_key(&store.names));
        let text: Option<String> = store.link.run(Patience::Calm, &cmd).await?;
        text.as_deref().map(from_text).transpose()
    }

    fn is_wanted(&self, filter: &AuditFilter) -> bool {
        let is = |wanted: &Option<String>, is: Option<&str>| {
            wanted.as_deref().is_none_or(|w| is == Some(w))
        };
        is(&filter.account_id, self.account_id.as_deref())
            && is(&filter.action, Some(&self.action))
            && is(&filter.target, self.target.as_deref())
    }
}

/// An entry as it is kept.
pub(super) fn to_text(entry: &AuditEntry) -> Result<String, StoreError> {
    serde_json::to_string(entry).map_err(|e| StoreError::Corrupt(format!("an audit entry: {e}")))
}

pub(super) fn from_text(text: &str) -> Result<AuditEntry, StoreError> {
    serde_json::from_str(text).map_err(|e| StoreError::Corrupt(format!("an audit entry: {e}")))
}

/// The log, newest first. A page looks at [`AUDIT_SCAN`] entries of the index at most; one that then has fewer entries than
/// wanted says where to go on.
pub(super) async fn log(
    store: &Store,
    filter: &AuditFilter,
    page: &PageRequest,
) -> Result<Page<AuditEntry>, StoreError> {
    let limit = page.limit.clamp(1, MAX_LIMIT) as usize;
    let is_filtered =
        filter.account_id.is_some() || filter.action.is_some() || filter.target.is_some();
    let step = if is_filtered {
        16 * STORE_SCRIPT_KEYS
    } else {
        limit + 1
    };
    let after = page.after.as_deref();
    let mut walk = Walk::new(store, &LOG, Order::Descending, after, step / 16 + 8);
    let (mut items, mut looked_at, mut last) = (Vec::new(), 0, None);
    loop {
        let members = walk.next(step).await?;
        let at_end = members.len() < step;
        looked_at += members.len();
        let mentions: Vec<_> = members.iter().filter_map(|m| Mention::parse(m)).collect();
        last = mentions.last().map(|m| m.id.clone()).or(last);
        items.extend(wanted(store, filter, &mentions, limit + 1 - items.len()).await?);
        if items.len() > limit {
            items.truncate(limit);
            let next = items.last().map(|e: &AuditEntry| e.id.clone());
            return Ok(Page { items, next });
        }
        if at_end {
            return Ok(Page { items, next: None });
        }
        if looked_at >= AUDIT_SCAN {
            return Ok(Page { items, next: last });
        }
    }
}

/// The first `limit` of the entries that are there and wanted.
async fn wanted(
    store: &Store,
    filter: &AuditFilter,
    mentions: &[Mention],
    limit: usize,
) -> Result<Vec<AuditEntry>, StoreError> {
    let wanted: Vec<_> = mentions.iter().filter(|m| m.is_wanted(filter)).collect();
    let mut found = Vec::new();
    // Hardly any is missing, so that the first round reads almost exactly what is wanted.
    for some in wanted.chunks(limit.max(1)) {
        let entries = each(some.iter().map(|m| m.read(store))).await?;
        // The index may be older than the entry: an erasure renames the entry first.
        let entries = some.iter().zip(entries).filter_map(|(m, e)| {
            let entry = e?;
            Mention::of(&entry, &m.tag)
                .is_wanted(filter)
                .then_some(entry)
        });
        found.extend(entries);
        if found.len() >= limit {
            break;
        }
    }
    found.truncate(limit);
    Ok(found)
}

/// Writes an entry that no change of the store goes with.
pub(super) async fn record(store: &Store, change: &Change) -> Result<(), StoreError> {
    carry_out(store, &store.names.slot(COMMON), change, Call::new(&RECORD)).await
}

/// What [`record`] does once it is announced.
#[cfg(test)]
pub(super) async fn carry_out_announced(
    store: &Store,
    announced: &super::change::Announced,
) -> Result<(), StoreError> {
    let call = announced.add(Call::new(&RECORD));
    store.link.script(Patience::Calm, &call).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mention_is_read_as_it_was_written() {
        let mention = Mention {
            id: "aud_1".into(),
            tag: "q3".into(),
            account_id: Some("a".into()),
            action: "key.create".into(),
            target: Some("hostile\n[\"x\"] }{ target".into()),
        };
        assert_eq!(Mention::parse(&mention.member()), Some(mention.clone()));
        let none = Mention {
            account_id: None,
            target: None,
            ..mention
        };
        assert_eq!(Mention::parse(&none.member()), Some(none));
        assert_eq!(Mention::parse("aud_1"), None);
    }
}
