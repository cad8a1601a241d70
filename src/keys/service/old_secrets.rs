//! Secrets that a rotation replaced: how long each stays with its key, and what still uses them; never the rotation itself.

use std::collections::HashMap;

use super::{KeyError, KeyService};
use crate::base::ceilings::KEY_SECRETS;
use crate::base::clock::Timestamp;
use crate::keys::model::{KeyRecord, StoredSecret};
use crate::keys::previous_uses::{OldSecrets, is_remembered};

impl KeyService {
    /// What there is to say of the old secrets of these keys, by id; nothing of those that have none. A page of keys costs
    /// one look at the store, and none where no key was rotated lately.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn old_secrets(
        &self,
        keys: &[KeyRecord],
        now: Timestamp,
    ) -> Result<HashMap<String, OldSecrets>, KeyError> {
        let ends = keys
            .iter()
            .filter_map(|key| Some((key, key.old_secrets_end(now)?)));
        let ends: Vec<_> = ends.collect();
        if ends.is_empty() {
            return Ok(HashMap::new());
        }
        let ids: Vec<_> = ends
            .iter()
            .map(|(key, _)| (key.account_id.as_str(), key.id.as_str()))
            .collect();
        let mut uses = self.store.previous_uses(&ids).await?;
        let found = ends.into_iter().map(|(key, ends_at)| {
            let uses = uses.remove(&key.id).unwrap_or_default();
            (key.id.clone(), OldSecrets { ends_at, uses })
        });
        Ok(found.collect())
    }
}

/// The new secret, then those before it, each good no longer than `until`. Those that have ended stay for a time: they are
/// refused, and told from secrets that never were.
pub(super) fn graced(
    new: StoredSecret,
    old: Vec<StoredSecret>,
    until: Timestamp,
    now: Timestamp,
) -> Vec<StoredSecret> {
    let limited = old.into_iter().map(|s| StoredSecret {
        valid_until: Some(s.valid_until.map_or(until, |v| v.min(until))),
        ..s
    });
    let kept = limited.filter(|s| s.valid_until.is_some_and(|end| is_remembered(end, now)));
    std::iter::once(new).chain(kept).take(KEY_SECRETS).collect()
}
