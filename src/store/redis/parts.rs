//! What an account has besides itself and its keys, each part by three calls for its erasure; never how a part is kept.
//!
//! A part adds a line to each function.

use super::{Store, events, usage};
use crate::base::error::StoreError;

/// Whether there is anything of an account that may have no record of its own.
pub(super) async fn has_any(store: &Store, account_id: &str) -> Result<bool, StoreError> {
    events::has_data(store, account_id).await
}

/// Tells each part that the account is being erased, so that its scripts in other slots leave out what comes late. Called
/// after the account is marked, perhaps more than once.
pub(super) async fn begin(store: &Store, account_id: &str) -> Result<(), StoreError> {
    events::begin_erasure(store, account_id).await
}

/// Erases some of a part, a bounded step. True when nothing of any part is left.
pub(super) async fn erase_some(store: &Store, account_id: &str) -> Result<bool, StoreError> {
    let events_are_gone = events::erase_some(store, account_id).await?;
    let more_usage = usage::erase_some(store, account_id).await?;
    Ok(events_are_gone && !more_usage)
}
