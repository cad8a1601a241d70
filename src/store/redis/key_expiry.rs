//! Keys by when they expire, account by account: each has its own keys in that order; never what is told of them.

use super::each::each;
use super::link::Patience;
use super::lists::{ACCOUNTS, Order, Walk};
use super::{Store, key_read};
use crate::base::ceilings::REDIS_STEP;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::page::{MAX_LIMIT, Page, PageRequest};
use crate::keys::model::KeyRecord;

/// Keys of the next accounts, as many of these as a page has entries, that expire from `from` on and before `to`. Where to go
/// on is the last of these accounts.
pub(super) async fn expiring(
    store: &Store,
    from: Timestamp,
    to: Timestamp,
    page: &PageRequest,
) -> Result<Page<KeyRecord>, StoreError> {
    let limit = page.limit.clamp(1, MAX_LIMIT) as usize;
    let after = page.after.as_deref();
    let mut walk = Walk::new(store, &ACCOUNTS, Order::Ascending, after, limit / 16 + 8);
    let accounts = walk.next(limit).await?;
    let looks = accounts
        .iter()
        .map(|account| of_account(store, account, from, to));
    Ok(Page {
        items: each(looks).await?.into_iter().flatten().collect(),
        next: accounts.last().filter(|_| accounts.len() == limit).cloned(),
    })
}

async fn of_account(
    store: &Store,
    account_id: &str,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<KeyRecord>, StoreError> {
    let mut cmd = redis::cmd("ZRANGEBYSCORE");
    cmd.arg(store.names.live_keys(account_id))
        .arg(from.millis())
        .arg(format!("({}", to.millis()));
    let ids: Vec<String> = store.link.run(Patience::Calm, &cmd).await?;
    let mut found = Vec::new();
    for some in ids.chunks(REDIS_STEP) {
        found.extend(key_read::records(store, account_id, some).await?);
    }
    // The record decides: the list beside it may be a moment behind.
    found.retain(|k| {
        let expires = k.expires_at.is_some_and(|e| e >= from && e < to);
        expires && k.revoked_at.is_none()
    });
    Ok(found)
}
