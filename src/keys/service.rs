//! Making, changing and ending keys for the admin API: validate, write with its audit entry, tell the cache; never HTTP.

mod import;
mod old_secrets;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::cache::KeyObserver;
use super::digest::Digester;
use super::input::{Errors, KeyPatch, NewKey};
use super::model::{KeyRecord, StoredSecret};
use super::port::KeyStore;
use super::secret;
use crate::base::audit::{ChangeContext, differences};
use crate::base::ceilings::{REVISION_TRIES, ROTATION_GRACE};
use crate::base::clock::Timestamp;
use crate::base::error::{FieldError, StoreError};
use crate::base::ids;
use crate::base::page::{Page, PageRequest};
use crate::base::secret::Secret;
use crate::config::model::Config;

/// Why a call over keys failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KeyError {
    /// There is no such key or account.
    #[error("not found")]
    NotFound,
    /// The present state does not allow it; public text.
    #[error("{0}")]
    Conflict(String),
    /// What the caller gave is not acceptable.
    #[error("{} fields are not valid", .0.len())]
    Invalid(Vec<FieldError>),
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
    /// No secret could be made.
    #[error(transparent)]
    NoRandom(#[from] secret::NoRandom),
}

impl From<StoreError> for KeyError {
    fn from(e: StoreError) -> Self {
        match e {
            StoreError::NotFound => Self::NotFound,
            StoreError::Conflict(_) => Self::Conflict(
                "Something else changed at the same time, or this was done before.".into(),
            ),
            e => Self::Store(e),
        }
    }
}

/// A key with its secret, in the one moment in which the secret is known.
#[derive(Debug, Clone)]
pub struct Made {
    /// The key.
    pub key: KeyRecord,
    /// Its secret, for exactly one response.
    pub secret: Secret,
}

/// The operations over keys. What the configuration decides comes with each call, since it may be reloaded.
#[derive(Clone)]
pub struct KeyService {
    store: Arc<dyn KeyStore>,
    observer: Arc<dyn KeyObserver>,
}

impl KeyService {
    /// Works on `store`; `observer` (the cache) hears of every change before the call returns.
    pub fn new(store: Arc<dyn KeyStore>, observer: Arc<dyn KeyObserver>) -> Self {
        Self { store, observer }
    }

    /// Makes a key. `max_keys` is what the account's plan and overrides say. With an Idempotency-Key the answer is
    /// remembered without the secret.
    ///
    /// # Errors
    /// [`KeyError::Invalid`], or [`KeyError::Conflict`] when the account has its number of keys or is being erased.
    pub async fn create(
        &self,
        config: &Config,
        max_keys: u64,
        input: &NewKey,
        ctx: &ChangeContext,
    ) -> Result<Made, KeyError> {
        let mut errors = Errors::under("");
        let Some(checked) = input.check(config, ctx.at, &mut errors) else {
            return Err(KeyError::Invalid(errors.found()));
        };
        let (secret, stored) = new_secret(config)?;
        let key = KeyRecord {
            id: ids::new(ids::KEY),
            account_id: input.account_id.clone(),
            name: checked.name,
            scopes: checked.scopes,
            created_at: ctx.at,
            expires_at: checked.expires_at,
            last_used_at: None,
            last_used_ip: None,
            disabled: false,
            revoked_at: None,
            allowed_ips: checked.allowed_ips,
            prefix: config.keys.prefix.clone(),
            last_four: secret::last_four(secret.expose()).to_owned(),
            secrets: vec![stored],
            revision: 1,
        };
        let change = ctx
            .change(
                "key.create",
                Some(&key.account_id),
                Some(&key.id),
                public(&key, ctx.at),
            )
            .answered(ctx, 201, &public(&key, ctx.at));
        let made = self
            .store
            .create_key(&key, &config.default_plan, max_keys, ctx.at, &change)
            .await;
        if let Err(e) = made {
            return Err(self
                .why_not_created(e, &key.account_id, max_keys, ctx.at)
                .await);
        }
        self.observer.keys_added();
        Ok(Made { key, secret })
    }

    async fn why_not_created(
        &self,
        e: StoreError,
        account_id: &str,
        max_keys: u64,
        now: Timestamp,
    ) -> KeyError {
        if matches!(e, StoreError::Conflict(_))
            && let Ok(live) = self.store.count_live_keys(account_id, now).await
            && live >= max_keys
        {
            return KeyError::Conflict(format!(
                "The account has {live} keys, and may have {max_keys}. Revoke one first."
            ));
        }
        e.into()
    }

    /// One key.
    ///
    /// # Errors
    /// [`KeyError::NotFound`] or the store's failure.
    pub async fn get(&self, id: &str) -> Result<KeyRecord, KeyError> {
        self.store.key(id).await?.ok_or(KeyError::NotFound)
    }

    /// Keys of an account, or of all, newest first.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn list(
        &self,
        account_id: Option<&str>,
        page: &PageRequest,
    ) -> Result<Page<KeyRecord>, KeyError> {
        Ok(self.store.keys(account_id, page).await?)
    }

    /// The key that a secret belongs to, whatever its state: for a secret that was found where it should not be.
    ///
    /// # Errors
    /// [`KeyError::NotFound`] or the store's failure.
    pub async fn lookup(&self, config: &Config, secret: &Secret) -> Result<KeyRecord, KeyError> {
        let shown = Digester::new(&config.keys).shown(secret.expose());
        let shown = shown.ok_or(KeyError::NotFound)?;
        let found = self.store.by_digest(&shown.candidates).await?;
        found.ok_or(KeyError::NotFound)
    }

    /// Changes name, scopes, addresses, end, or switches off and on.
    ///
    /// # Errors
    /// [`KeyError::Invalid`]; [`KeyError::Conflict`] for a revoked key.
    pub async fn patch(
        &self,
        config: &Config,
        id: &str,
        patch: &KeyPatch,
        ctx: &ChangeContext,
    ) -> Result<KeyRecord, KeyError> {
        let mut errors = Errors::under("");
        let name = patch.name.as_deref().and_then(|n| errors.name(n));
        let scopes = patch
            .scopes
            .as_deref()
            .and_then(|s| errors.scopes(config, s));
        let ips = patch
            .allowed_ips
            .as_deref()
            .and_then(|i| errors.allowed_ips(i));
        let expiry = patch.expiry.and_then(|e| errors.take(e.instant(ctx.at)));
        let found = errors.found();
        if !found.is_empty() {
            return Err(KeyError::Invalid(found));
        }
        let apply = |key: &mut KeyRecord| {
            not_revoked(key)?;
            key.name = name.clone().unwrap_or_else(|| key.name.clone());
            key.scopes = scopes.clone().unwrap_or_else(|| key.scopes.clone());
            key.allowed_ips = ips.clone().unwrap_or_else(|| key.allowed_ips.clone());
            key.expires_at = expiry.unwrap_or(key.expires_at);
            key.disabled = patch.disabled.unwrap_or(key.disabled);
            Ok(())
        };
        self.change(id, "key.update", ctx, false, apply).await
    }

    /// Ends a key for ever. A key that is revoked already stays as it is.
    ///
    /// # Errors
    /// [`KeyError::NotFound`] or the store's failure.
    pub async fn revoke(&self, id: &str, ctx: &ChangeContext) -> Result<KeyRecord, KeyError> {
        let apply = |key: &mut KeyRecord| {
            key.revoked_at = key.revoked_at.or(Some(ctx.at));
            Ok(())
        };
        self.change(id, "key.revoke", ctx, false, apply).await
    }

    /// Gives a key a new secret. The old one, and those already in their grace, are good for `grace` at most: with a
    /// grace of zero only the new one is.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] for too long a grace; [`KeyError::Conflict`] for a revoked or expired key.
    pub async fn rotate(
        &self,
        config: &Config,
        id: &str,
        grace: Duration,
        ctx: &ChangeContext,
    ) -> Result<Made, KeyError> {
        if grace > ROTATION_GRACE {
            let most = ROTATION_GRACE.as_secs();
            let e = FieldError::new("grace_seconds", format!("expected 0 to {most}"));
            return Err(KeyError::Invalid(vec![e]));
        }
        let (secret, stored) = new_secret(config)?;
        let until = ctx.at.plus(grace);
        let apply = |key: &mut KeyRecord| {
            not_revoked(key)?;
            if key.expires_at.is_some_and(|e| e <= ctx.at) {
                let text = "The key has expired; give it another expiry first.";
                return Err(KeyError::Conflict(text.into()));
            }
            let old = std::mem::take(&mut key.secrets);
            key.secrets = old_secrets::graced(stored.clone(), old, until, ctx.at);
            key.prefix.clone_from(&config.keys.prefix);
            key.last_four = secret::last_four(secret.expose()).to_owned();
            Ok(())
        };
        let key = self.change(id, "key.rotate", ctx, true, apply).await?;
        // The key is rotated whatever becomes of this: at worst an earlier use is shown.
        if let Err(error) = self.store.forget_previous_uses(&key.account_id, id).await {
            tracing::warn!(%error, key = id, "uses of a rotated key's old secrets are not forgotten");
        }
        Ok(Made { key, secret })
    }

    /// Revokes all keys of an account, and names those that were not revoked before.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn revoke_account(
        &self,
        account_id: &str,
        ctx: &ChangeContext,
    ) -> Result<Vec<String>, KeyError> {
        let change = ctx.change(
            "account.revoke_keys",
            Some(account_id),
            Some(account_id),
            json!({}),
        );
        let revoked = self
            .store
            .revoke_account_keys(account_id, ctx.at, &change)
            .await;
        // Whatever came of it: a failed call may be written for all that, and one that finds nothing to revoke may
        // repeat one that this node did not hear of.
        self.observer.account_keys_changed(account_id);
        let revoked = revoked?;
        for id in &revoked {
            self.observer.key_changed(id);
        }
        Ok(revoked)
    }

    /// Reads, changes and writes a key, anew when another change came between. What changes nothing is not written,
    /// but told like any change.
    async fn change(
        &self,
        id: &str,
        action: &str,
        ctx: &ChangeContext,
        remember: bool,
        apply: impl Fn(&mut KeyRecord) -> Result<(), KeyError>,
    ) -> Result<KeyRecord, KeyError> {
        for _ in 0..REVISION_TRIES {
            let before = self.get(id).await?;
            let mut key = before.clone();
            apply(&mut key)?;
            if key == before {
                // An earlier try may have been written without this node's hearing of it: it took too long, or its
                // caller went away.
                self.observer.key_changed(id);
                return Ok(key);
            }
            key.revision += 1;
            let details = differences(&public(&before, ctx.at), &public(&key, ctx.at));
            let mut change = ctx.change(action, Some(&key.account_id), Some(id), details);
            if remember {
                change = change.answered(ctx, 200, &public(&key, ctx.at));
            }
            match self.store.update_key(&key, &change).await {
                Ok(()) => {
                    self.observer.key_changed(id);
                    return Ok(key);
                }
                Err(StoreError::Conflict(_)) => {}
                Err(e) => {
                    // It may be written for all that.
                    self.observer.key_changed(id);
                    return Err(e.into());
                }
            }
        }
        Err(StoreError::Conflict("revision".into()).into())
    }
}

fn not_revoked(key: &KeyRecord) -> Result<(), KeyError> {
    match key.revoked_at {
        None => Ok(()),
        Some(_) => Err(KeyError::Conflict("The key is revoked for ever.".into())),
    }
}

fn new_secret(config: &Config) -> Result<(Secret, StoredSecret), KeyError> {
    let secret = secret::generate(&config.keys.prefix)?;
    let stored = Digester::new(&config.keys)
        .at_rest(secret.expose())
        .ok_or_else(|| {
            KeyError::Store(StoreError::Unavailable("no pepper is configured".into()))
        })?;
    Ok((secret, stored))
}

/// The key's public fields as JSON: audit details, and the answer that a repetition gets.
fn public(key: &KeyRecord, now: Timestamp) -> Value {
    json!(key.view(now))
}

#[cfg(test)]
mod tests;
