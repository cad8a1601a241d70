//! The account's keys: listed, made, changed, rotated and revoked; never another account's, never a secret twice.

use std::collections::HashMap;
use std::time::Duration;

use super::Own;
use super::once::Once;
use crate::base::ceilings::portal::OVERVIEW_PAGES;
use crate::base::ids;
use crate::base::page::{MAX_LIMIT, Page, PageRequest};
use crate::keys::input::{KeyPatch, NewKey};
use crate::keys::model::KeyRecord;
use crate::keys::previous_uses::OldSecrets;
use crate::keys::service::Made;
use crate::web::portal::refuse::PageError;

impl Own {
    /// A page of keys, newest first; of a filtered list those that `is_wanted` says, which may be a few more than the page asks
    /// for, or fewer, or none, before the end.
    pub(in crate::web::portal) async fn keys(
        &self,
        asked: &PageRequest,
        is_filtered: bool,
        is_wanted: impl Fn(&KeyRecord) -> bool,
    ) -> Result<Page<KeyRecord>, PageError> {
        let mut found = Page {
            items: Vec::new(),
            next: asked.after.clone(),
        };
        for _ in 0..OVERVIEW_PAGES {
            let page = PageRequest {
                limit: if is_filtered { MAX_LIMIT } else { asked.limit },
                after: found.next.take(),
            };
            let more = self.state.keys.list(Some(self.account_id()), &page).await?;
            found
                .items
                .extend(more.items.into_iter().filter(&is_wanted));
            found.next = more.next;
            let is_enough = u32::try_from(found.items.len()).is_ok_and(|n| n >= asked.limit);
            if is_enough || found.next.is_none() {
                break;
            }
        }
        Ok(found)
    }

    /// One key.
    pub(in crate::web::portal) async fn key(&self, id: &str) -> Result<KeyRecord, PageError> {
        if !ids::is_valid(ids::KEY, id) {
            return Err(PageError::NotFound);
        }
        let key = self.state.keys.get(id).await?;
        self.mine(&key.account_id)?;
        Ok(key)
    }

    /// Makes a key, once for the text that its form carries.
    pub(in crate::web::portal) async fn create_key(
        &self,
        new: &NewKey,
        once: &str,
    ) -> Result<Once<Made>, PageError> {
        let config = self.config();
        let accounts = &self.state.accounts;
        let most = accounts.max_keys(config, self.account_id()).await?;
        let expiry = format!("{:?}", new.expiry);
        let mut said = vec![new.name.as_str(), &expiry];
        said.extend(new.scopes.iter().map(String::as_str));
        said.push("");
        said.extend(new.allowed_ips.iter().map(String::as_str));
        self.once("keys.create", once, &said, async |ctx| {
            self.state.keys.create(config, most, new, &ctx).await
        })
        .await
    }

    /// Changes a key.
    pub(in crate::web::portal) async fn change_key(
        &self,
        id: &str,
        patch: &KeyPatch,
    ) -> Result<KeyRecord, PageError> {
        self.key(id).await?;
        let keys = &self.state.keys;
        Ok(keys
            .patch(self.config(), id, patch, &self.visit.ctx)
            .await?)
    }

    /// Gives a key a new secret, once for the text that its form carries.
    pub(in crate::web::portal) async fn rotate_key(
        &self,
        id: &str,
        grace: Duration,
        once: &str,
    ) -> Result<Once<Made>, PageError> {
        self.key(id).await?;
        let seconds = grace.as_secs().to_string();
        self.once("keys.rotate", once, &[id, &seconds], async |ctx| {
            let keys = &self.state.keys;
            keys.rotate(self.config(), id, grace, &ctx).await
        })
        .await
    }

    /// Revokes a key.
    pub(in crate::web::portal) async fn revoke_key(&self, id: &str) -> Result<(), PageError> {
        self.key(id).await?;
        self.state.keys.revoke(id, &self.visit.ctx).await?;
        Ok(())
    }

    /// What there is to say of the old secrets of keys of this account's, by id.
    pub(in crate::web::portal) async fn old_secrets(
        &self,
        keys: &[KeyRecord],
    ) -> Result<HashMap<String, OldSecrets>, PageError> {
        for key in keys {
            self.mine(&key.account_id)?;
        }
        Ok(self.state.keys.old_secrets(keys, self.visit.now).await?)
    }
}
