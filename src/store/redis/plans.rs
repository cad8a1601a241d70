//! Which plans accounts have; never what a plan allows.
//!
//! Beside each shard of the list of accounts lie the names of plans (`plans`) and for each the accounts that were given it,
//! by when (`plan:<name>`). An account is put there before it gets the plan, so that a plan that it has is never missed.
//! Whether it has it still, its record says: it is taken out when it has another, by who changed that or who looks, but
//! not within [`INDEX_GRACE`] of being put there, since the record may be about to follow.

use std::collections::BTreeSet;

use super::Store;
use super::each::each;
use super::link::{Call, Patience};
use super::lists::ACCOUNTS;
use super::names::{Names, SHARDS};
use super::script::script;
use crate::base::ceilings::{INDEX_GRACE, STORE_CALLS};
use crate::base::error::StoreError;

script!(FORGET, "plan_forget.lua");

/// Names of plans in a shard.
pub(super) fn names(names: &Names, shard: u32) -> String {
    ACCOUNTS.beside(names, shard, "plans")
}

/// Accounts of a plan in a shard.
pub(super) fn accounts(names: &Names, shard: u32, plan: &str) -> String {
    ACCOUNTS.beside(names, shard, &format!("plan:{plan}"))
}

/// Takes an account out of the accounts of a plan that it has no more; tells whether that was done.
pub(super) async fn forget(store: &Store, id: &str, plan: &str) -> Result<bool, StoreError> {
    let grace_ms = i64::try_from(INDEX_GRACE.as_millis()).unwrap_or(i64::MAX);
    forget_after(store, id, plan, grace_ms).await
}

async fn forget_after(
    store: &Store,
    id: &str,
    plan: &str,
    grace_ms: i64,
) -> Result<bool, StoreError> {
    let shard = Names::shard_of(id);
    let call = Call::new(&FORGET)
        .key(names(&store.names, shard))
        .key(accounts(&store.names, shard, plan))
        .arg(id)
        .arg(plan)
        .arg(grace_ms);
    store.link.script(Patience::Calm, &call).await
}

async fn plans_at(store: &Store, shard: u32) -> Result<Vec<String>, StoreError> {
    let mut cmd = redis::cmd("SMEMBERS");
    cmd.arg(names(&store.names, shard));
    store.link.run(Patience::Calm, &cmd).await
}

/// Takes an account that is erased out of all plans.
pub(super) async fn erase(store: &Store, id: &str) -> Result<(), StoreError> {
    let plans = plans_at(store, Names::shard_of(id)).await?;
    // Whenever it was put there, be it in the future of a clock that was set back.
    let at_once = -(1_i64 << 52);
    each(
        plans
            .iter()
            .map(|plan| forget_after(store, id, plan, at_once)),
    )
    .await?;
    Ok(())
}

/// Plans that accounts have which are not being erased, by name.
pub(super) async fn in_use(store: &Store) -> Result<Vec<String>, StoreError> {
    let mut found = BTreeSet::new();
    for shard in 0..SHARDS {
        for plan in plans_at(store, shard).await? {
            if !found.contains(&plan) && is_in_use(store, shard, &plan).await? {
                found.insert(plan);
            }
        }
    }
    Ok(found.into_iter().collect())
}

async fn is_in_use(store: &Store, shard: u32, plan: &str) -> Result<bool, StoreError> {
    let mut from = 0;
    loop {
        let mut cmd = redis::cmd("ZRANGE");
        cmd.arg(accounts(&store.names, shard, plan));
        cmd.arg(from).arg(from + STORE_CALLS - 1);
        let ids: Vec<String> = store.link.run(Patience::Calm, &cmd).await?;
        if ids.is_empty() {
            return Ok(false);
        }
        let has = each(ids.iter().map(|id| has(store, id, plan))).await?;
        if has.contains(&true) {
            return Ok(true);
        }
        let forgotten = each(ids.iter().map(|id| forget(store, id, plan))).await?;
        from += forgotten.iter().filter(|gone| !**gone).count();
    }
}

/// Whether the account has the plan, by its record.
pub(super) async fn has(store: &Store, id: &str, plan: &str) -> Result<bool, StoreError> {
    let mut cmd = redis::cmd("HMGET");
    cmd.arg(store.names.of_account(id))
        .arg("plan")
        .arg("erasing");
    let (has, erasing): (Option<String>, Option<String>) =
        store.link.run(Patience::Calm, &cmd).await?;
    Ok(erasing.is_none() && has.as_deref() == Some(plan))
}
