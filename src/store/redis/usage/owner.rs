//! Whose a key is, where a series is asked for by key alone; never anything else of keys.

use crate::base::error::StoreError;
use crate::store::redis::{Store, key_read};

/// The account of a key, as far as the index of keys knows it.
pub(super) async fn owner(store: &Store, key_id: &str) -> Result<Option<String>, StoreError> {
    Ok(key_read::key(store, key_id)
        .await?
        .map(|key| key.account_id))
}
