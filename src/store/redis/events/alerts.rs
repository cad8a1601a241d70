//! Settings of alerts in Redis, in their account's shard; never who is told.
//!
//! `alerts:all` is a hash of a shard: account → revision, line feed, JSON.

use std::collections::HashMap;

use async_trait::async_trait;

use super::shard::Shard;
use crate::alerts::model::AlertSettings;
use crate::alerts::port::AlertStore;
use crate::base::audit::Change;
use crate::base::error::StoreError;
use crate::base::page::{MAX_LIMIT, Page, PageRequest};
use crate::store::redis::Store;
use crate::store::redis::change::carry_out;
use crate::store::redis::link::{Call, Patience};
use crate::store::redis::names::SHARDS;
use crate::store::redis::script::script;

script!(
    PUT,
    "events/next.lua",
    "change.lua",
    "events/alerts_put.lua"
);

fn to_text(settings: &AlertSettings) -> Result<String, StoreError> {
    serde_json::to_string(settings).map_err(|e| StoreError::Corrupt(e.to_string()))
}

fn read(account_id: &str, text: &str) -> Result<AlertSettings, StoreError> {
    let damaged = || StoreError::Corrupt(format!("the alerts of {account_id}"));
    let (revision, json) = text.split_once('\n').ok_or_else(damaged)?;
    Ok(AlertSettings {
        revision: revision.parse().map_err(|_| damaged())?,
        ..serde_json::from_str(json).map_err(|_| damaged())?
    })
}

/// Where a list of all of them goes on: the shard, and the cursor in its hash.
fn position(after: Option<&str>) -> Result<(u32, u64), StoreError> {
    let Some(text) = after else { return Ok((0, 0)) };
    let parsed = text
        .split_once(':')
        .and_then(|(shard, cursor)| Some((shard.parse().ok()?, cursor.parse().ok()?)));
    parsed
        .filter(|(shard, _)| *shard < SHARDS)
        .ok_or_else(|| StoreError::Corrupt("a position in a list".to_owned()))
}

#[async_trait]
impl AlertStore for Store {
    async fn alerts(&self, account_id: &str) -> Result<Option<AlertSettings>, StoreError> {
        let shard = Shard::of(self, account_id);
        let cmd = redis::cmd("HGET")
            .arg(shard.alerts())
            .arg(account_id)
            .take();
        let found: Option<String> = self.link.run(Patience::Calm, &cmd).await?;
        found.map(|text| read(account_id, &text)).transpose()
    }

    async fn put_alerts(
        &self,
        settings: &AlertSettings,
        change: &Change,
    ) -> Result<(), StoreError> {
        let account = &settings.account_id;
        let shard = Shard::of(self, account);
        let call = Call::new(&PUT)
            .key(shard.erasing(account))
            .key(shard.alerts())
            .arg(account)
            .arg(settings.revision)
            .arg(to_text(settings)?);
        carry_out(self, shard.slot(), change, call).await
    }

    async fn all_alerts(&self, page: &PageRequest) -> Result<Page<AlertSettings>, StoreError> {
        let (number, cursor) = position(page.after.as_deref())?;
        let shard = Shard::new(self, number);
        let cmd = redis::cmd("HSCAN")
            .arg(shard.alerts())
            .arg(cursor)
            .arg("COUNT")
            .arg(page.limit.clamp(1, MAX_LIMIT))
            .take();
        let (next, found): (u64, HashMap<String, String>) =
            self.link.run(Patience::Calm, &cmd).await?;
        let items = found.iter().map(|(account, text)| read(account, text));
        Ok(Page {
            items: items.collect::<Result<_, _>>()?,
            next: match next {
                0 if number + 1 == SHARDS => None,
                0 => Some(format!("{}:0", number + 1)),
                next => Some(format!("{number}:{next}")),
            },
        })
    }
}
