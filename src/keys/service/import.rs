//! Importing keys of which only the digests are known: all or none, and each once; never a secret.

use serde_json::json;

use super::{KeyError, KeyService};
use crate::base::audit::ChangeContext;
use crate::base::ceilings::IMPORT_KEYS;
use crate::base::clock::Timestamp;
use crate::base::error::{FieldError, StoreError};
use crate::base::ids;
use crate::config::model::Config;
use crate::keys::digest::Digester;
use crate::keys::input::{Errors, ImportKey};
use crate::keys::model::KeyRecord;
use crate::keys::port::Imported;

impl KeyService {
    /// Makes keys of digests. Those that are there already (same digest and account) are counted and left alone.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] with paths like `keys[3].digest`; [`KeyError::Conflict`] when a digest is another account's.
    /// Either way nothing is made.
    pub async fn import(
        &self,
        config: &Config,
        keys: &[ImportKey],
        ctx: &ChangeContext,
    ) -> Result<Imported, KeyError> {
        let records = import_records(config, keys, ctx.at).map_err(KeyError::Invalid)?;
        let mut accounts: Vec<_> = records.iter().map(|k| k.account_id.as_str()).collect();
        accounts.sort_unstable();
        accounts.dedup();
        let account = (accounts.len() == 1).then(|| accounts[0]);
        let details = json!({"keys": records.len(), "accounts": accounts.len()});
        let change = ctx.change("key.import", account, None, details);
        let imported = self
            .store
            .import_keys(&records, &config.default_plan, &change)
            .await
            .map_err(|e| match e {
                StoreError::Conflict(_) => {
                    KeyError::Conflict("A digest belongs to a key of another account.".into())
                }
                e => e.into(),
            })?;
        self.observer.keys_added();
        Ok(imported)
    }
}

fn import_records(
    config: &Config,
    keys: &[ImportKey],
    now: Timestamp,
) -> Result<Vec<KeyRecord>, Vec<FieldError>> {
    if !(1..=IMPORT_KEYS).contains(&keys.len()) {
        return Err(vec![FieldError::new(
            "keys",
            format!("expected 1 to {IMPORT_KEYS} keys"),
        )]);
    }
    let digester = Digester::new(&config.keys);
    let mut seen = std::collections::HashSet::new();
    let (mut records, mut wrong) = (Vec::with_capacity(keys.len()), Vec::new());
    for (i, key) in keys.iter().enumerate() {
        let mut errors = Errors::under(&format!("keys[{i}]."));
        let stored = key.check_secret(config, &digester, &mut errors);
        if stored.as_ref().is_some_and(|s| !seen.insert(s.digest)) {
            let twice = FieldError::new("digest", "expected each digest once");
            errors.take::<()>(Err(twice));
        }
        let checked = key.key.check(config, now, &mut errors);
        if let (Some(stored), Some(c)) = (stored, checked) {
            records.push(KeyRecord {
                id: ids::new(ids::KEY),
                account_id: key.key.account_id.clone(),
                name: c.name,
                scopes: c.scopes,
                created_at: now,
                expires_at: c.expires_at,
                last_used_at: None,
                last_used_ip: None,
                disabled: false,
                revoked_at: None,
                allowed_ips: c.allowed_ips,
                prefix: key.prefix.clone(),
                last_four: key.last_four.clone(),
                secrets: vec![stored],
                revision: 1,
            });
        }
        wrong.extend(errors.found());
    }
    if wrong.is_empty() {
        Ok(records)
    } else {
        Err(wrong)
    }
}
