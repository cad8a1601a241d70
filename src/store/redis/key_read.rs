//! Reading keys from Redis: by digest, by id, in lists; never a change.

use std::collections::HashMap;

use super::Store;
use super::digests;
use super::each::each;
use super::key_names::is_id;
use super::key_text;
use super::link::Patience;
use super::lists::{KEYS, Order, Walk};
use super::names::Names;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::ids::is_account_id;
use crate::base::page::{MAX_LIMIT, Page, PageRequest};
use crate::keys::model::{Digest, KeyRecord};

/// How many records to look for: one more than wanted tells whether there is a next page.
fn fetch(page: &PageRequest) -> usize {
    page.limit.clamp(1, MAX_LIMIT) as usize + 1
}

fn paged(mut items: Vec<KeyRecord>, page: &PageRequest) -> Page<KeyRecord> {
    let more = items.len() >= fetch(page);
    items.truncate(fetch(page) - 1);
    let last = items.last().map(|k| k.id.clone());
    Page {
        items,
        next: last.filter(|_| more),
    }
}

/// Two exchanges for a digest that is known: the index, and then in the account's slot the record and whether the account
/// is being erased.
pub(super) async fn by_digest(
    store: &Store,
    digests: &[Digest],
) -> Result<Option<KeyRecord>, StoreError> {
    let entries = digests
        .iter()
        .map(|d| digests::look(store, Patience::Hot, d));
    let entries = each(entries).await?;
    for (digest, entry) in digests.iter().zip(entries) {
        let Some(entry) = entry else { continue };
        let (account, id) = (&entry.account_id, &entry.key_id);
        let mut pipe = redis::pipe();
        pipe.get(store.names.key(account, id))
            .exists(store.names.erasing(account));
        let (text, is_erasing): (Option<String>, bool) =
            store.link.pipe(Patience::Hot, &pipe).await?;
        let Some(text) = text.filter(|_| !is_erasing) else {
            continue;
        };
        let record = key_text::from_text(account, id, &text)?;
        if digests::has(&record, digest) {
            return Ok(Some(record));
        }
    }
    Ok(None)
}

/// Splits a member of the list of keys into key id and account id.
pub(super) fn split(member: &str) -> Option<(&str, &str)> {
    member.split_once(' ')
}

/// A key's member in the list of keys.
pub(super) fn member(account_id: &str, key_id: &str) -> String {
    format!("{key_id} {account_id}")
}

/// The accounts of keys, as far as the index knows them.
pub(super) async fn accounts_of(
    store: &Store,
    ids: &[&str],
) -> Result<HashMap<String, String>, StoreError> {
    let mut shards: HashMap<u32, Vec<&str>> = HashMap::new();
    for id in ids.iter().filter(|id| is_id(id)) {
        shards.entry(Names::shard_of(id)).or_default().push(id);
    }
    let reads = shards.iter().map(|(shard, ids)| {
        let mut pipe = redis::pipe();
        for id in ids {
            // A space, which no id has, ends the id; what follows it in byte order is an exclamation mark.
            pipe.cmd("ZRANGE")
                .arg(KEYS.at(&store.names, *shard))
                .arg(format!("[{id} "))
                .arg(format!("({id}!"))
                .arg("BYLEX")
                .arg("LIMIT")
                .arg(0)
                .arg(1);
        }
        async move {
            store
                .link
                .pipe::<Vec<Vec<String>>>(Patience::Calm, &pipe)
                .await
        }
    });
    let members = each(reads).await?.into_iter().flatten().flatten();
    Ok(members
        .filter_map(|m| split(&m).map(|(id, account)| (id.to_owned(), account.to_owned())))
        .collect())
}

/// One key.
pub(super) async fn key(store: &Store, id: &str) -> Result<Option<KeyRecord>, StoreError> {
    match accounts_of(store, &[id]).await?.get(id) {
        Some(account) => digests::read(store, account, id).await,
        None => Ok(None),
    }
}

/// Keys of an account, newest first.
pub(super) async fn of_account(
    store: &Store,
    account_id: &str,
    page: &PageRequest,
) -> Result<Page<KeyRecord>, StoreError> {
    if !is_account_id(account_id) {
        return Ok(paged(Vec::new(), page));
    }
    let (mut found, mut after) = (Vec::new(), page.after.clone());
    // More than once only where a record went between the two reads.
    loop {
        let wanted = fetch(page) - found.len();
        let mut cmd = redis::cmd("ZRANGE");
        cmd.arg(store.names.key_ids(account_id));
        cmd.arg(after.map_or_else(|| "+".to_owned(), |a| format!("({a}")));
        cmd.arg("-").arg("BYLEX").arg("REV");
        cmd.arg("LIMIT").arg(0).arg(wanted);
        let ids: Vec<String> = store.link.run(Patience::Calm, &cmd).await?;
        found.extend(records(store, account_id, &ids).await?);
        if ids.len() < wanted || found.len() >= fetch(page) {
            return Ok(paged(found, page));
        }
        after = ids.last().cloned();
    }
}

/// Those of an account's keys that are there.
pub(super) async fn records(
    store: &Store,
    account_id: &str,
    ids: &[String],
) -> Result<Vec<KeyRecord>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut pipe = redis::pipe();
    for id in ids {
        pipe.get(store.names.key(account_id, id));
    }
    let texts: Vec<Option<String>> = store.link.pipe(Patience::Calm, &pipe).await?;
    let found = ids.iter().zip(texts);
    found
        .filter_map(|(id, text)| Some(key_text::from_text(account_id, id, &text?)))
        .collect()
}

/// All keys, newest first.
pub(super) async fn all(store: &Store, page: &PageRequest) -> Result<Page<KeyRecord>, StoreError> {
    let after = page.after.as_deref();
    let mut walk = Walk::new(store, &KEYS, Order::Descending, after, fetch(page) / 16 + 8);
    let mut found = Vec::new();
    loop {
        let wanted = fetch(page) - found.len();
        let members = walk.next(wanted).await?;
        let reads = members.iter().filter_map(|m| split(m));
        let reads = reads.map(|(id, account)| digests::read(store, account, id));
        found.extend(each(reads).await?.into_iter().flatten());
        if members.len() < wanted || found.len() >= fetch(page) {
            return Ok(paged(found, page));
        }
    }
}

/// How many keys of the account are neither revoked nor expired at `now`.
pub(super) async fn count_live(
    store: &Store,
    account_id: &str,
    now: Timestamp,
) -> Result<u64, StoreError> {
    if !is_account_id(account_id) {
        return Ok(0);
    }
    let mut cmd = redis::cmd("ZCOUNT");
    cmd.arg(store.names.live_keys(account_id))
        .arg(format!("({}", now.millis()))
        .arg("+inf");
    store.link.run(Patience::Calm, &cmd).await
}
