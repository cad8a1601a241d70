//! Usage of another store, hour by hour and day by day, written as it is; never added to what is there.
//!
//! A slice is an hour or a day. Sums over everyone lie here in the shards of accounts: a shard has what its accounts have
//! used, and the first one also what accounts have used that are gone.

use std::collections::BTreeMap;

use super::fields::{Field, MOST};
use super::place::{self, Slot, Spot};
use crate::base::ceilings::{USAGE_HASH_LEAST, USAGE_HASH_MOST, USAGE_PIECE_ROWS};
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::store::redis::Store;
use crate::store::redis::each::each;
use crate::store::redis::link::{Call, Patience};
use crate::store::redis::names::{Names, SHARDS};
use crate::store::redis::script::script;
use crate::store::transfer::{CallerRow, RouteRow, Slice, Sums, UsageRow};

script!(USAGE_PUT, "usage_put.lua");

/// A field: how it begins, the key whose number it ends with, its numbers.
pub(super) type Put<'a> = (String, Option<&'a str>, String);

pub(super) fn text(numbers: &[u64]) -> String {
    let texts: Vec<_> = numbers.iter().map(|n| n.min(&MOST).to_string()).collect();
    texts.join(" ")
}

/// Takes what is in the shards from what everyone has used.
fn less<const N: usize>(from: &mut [u64; N], what: [u64; N]) {
    for (a, b) in from.iter_mut().zip(what) {
        *a = a.saturating_sub(b);
    }
}

fn more<const N: usize>(to: &mut [u64; N], what: [u64; N]) {
    for (a, b) in to.iter_mut().zip(what) {
        *a = a.saturating_add(b);
    }
}

/// What everyone has used without what the shards have, and each shard's.
type Spread<const N: usize> = ([u64; N], BTreeMap<u32, [u64; N]>);

/// A slice that is being written, with what it has for the shards so far.
pub struct SliceCopy<'a> {
    pub(super) store: &'a Store,
    pub(super) at: Slice,
    pub(super) spot: Spot,
    /// By class.
    classes: BTreeMap<u8, Spread<4>>,
    /// By method and route.
    routes: BTreeMap<(String, String), Spread<2>>,
}

impl Store {
    pub(super) fn copied_usage(&self) -> String {
        self.names.index("copy", "usage")
    }

    /// Whether a slice was copied already as these sums of its rows say.
    ///
    /// # Errors
    /// When that cannot be read.
    pub async fn has_slice(&self, at: Slice, sums: &Sums) -> Result<bool, StoreError> {
        let mut cmd = redis::cmd("HGET");
        cmd.arg(self.copied_usage()).arg(slice_name(at));
        let there: Option<String> = self.link.run(Patience::Calm, &cmd).await?;
        Ok(there == Some(sums.text()))
    }

    /// Begins to write a slice.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn begin_slice(&self, at: Slice) -> Result<SliceCopy<'_>, StoreError> {
        let mut cmd = redis::cmd("HDEL");
        cmd.arg(self.copied_usage()).arg(slice_name(at));
        self.link.run::<()>(Patience::Calm, &cmd).await?;
        Ok(SliceCopy {
            store: self,
            at,
            spot: place::spot(at.span, at.start, at.start.month_start()),
            classes: BTreeMap::new(),
            routes: BTreeMap::new(),
        })
    }

    /// Forgets which slices were copied: something of them was deleted.
    pub(in crate::store::redis) async fn forget_slices(&self) -> Result<(), StoreError> {
        let mut cmd = redis::cmd("DEL");
        cmd.arg(self.copied_usage());
        self.link.run(Patience::Calm, &cmd).await
    }
}

fn endpoint_field(position: Option<u8>, (method, route): (&str, &str)) -> String {
    let field = Field::Endpoint {
        position,
        method,
        route,
    };
    field.text()
}

fn slice_name(at: Slice) -> String {
    format!("{:?} {}", at.span, at.start.millis())
}

impl SliceCopy<'_> {
    /// Writes rows of the slice, which come in the order of their accounts, everyone's first.
    ///
    /// # Errors
    /// When one cannot be written; then others may be.
    pub async fn usage(&mut self, rows: &[UsageRow]) -> Result<(), StoreError> {
        for row in rows {
            let (everyone, shards) = self.classes.entry(row.class).or_default();
            if row.account_id.is_empty() {
                *everyone = row.numbers;
            } else if row.key_id.is_empty() {
                less(everyone, row.numbers);
                let shard = Names::shard_of(&row.account_id);
                more(shards.entry(shard).or_default(), row.numbers);
            }
        }
        let of_accounts = rows.chunk_by(|a, b| a.account_id == b.account_id);
        let position = self.spot.position;
        let calls = of_accounts.filter_map(|rows| {
            let account = rows.first().map(|r| r.account_id.as_str());
            let account = account.filter(|a| !a.is_empty())?;
            let puts: Vec<Put<'_>> = rows
                .iter()
                .map(|row| {
                    let key = Some(row.key_id.as_str()).filter(|key| !key.is_empty());
                    let field = Field::Sum {
                        position,
                        class: row.class,
                        key,
                    };
                    (field.text(), key, text(&row.numbers))
                })
                .collect();
            Some((account, puts))
        });
        let calls: Vec<_> = calls.collect();
        self.accounts(&calls).await
    }

    /// The same for rows by endpoint.
    ///
    /// # Errors
    /// When one cannot be written; then others may be.
    pub async fn routes(&mut self, rows: &[RouteRow]) -> Result<(), StoreError> {
        for row in rows {
            let name = (row.method.clone(), row.route.clone());
            let (everyone, shards) = self.routes.entry(name).or_default();
            if row.account_id.is_empty() {
                *everyone = row.numbers;
            } else {
                less(everyone, row.numbers);
                let shard = Names::shard_of(&row.account_id);
                more(shards.entry(shard).or_default(), row.numbers);
            }
        }
        let of_accounts = rows.chunk_by(|a, b| a.account_id == b.account_id);
        let position = self.spot.position;
        let calls = of_accounts.filter_map(|rows| {
            let account = rows.first().map(|r| r.account_id.as_str());
            let account = account.filter(|a| !a.is_empty())?;
            let puts: Vec<Put<'_>> = rows
                .iter()
                .map(|row| {
                    let endpoint = (row.method.as_str(), row.route.as_str());
                    (
                        endpoint_field(Some(position), endpoint),
                        None,
                        text(&row.numbers),
                    )
                })
                .collect();
            Some((account, puts))
        });
        let calls: Vec<_> = calls.collect();
        self.accounts(&calls).await?;
        let named = rows.chunk_by(|a, b| a.account_id == b.account_id);
        each(named.filter_map(|rows| {
            let account = rows.first().map(|r| r.account_id.as_str());
            let account = account.filter(|a| !a.is_empty())?;
            let endpoints = rows.iter().map(|r| (r.method.as_str(), r.route.as_str()));
            Some(self.name_endpoints(Slot::Account(account), endpoints.collect()))
        }))
        .await?;
        Ok(())
    }

    /// Writes by which names the month's endpoints are asked for.
    async fn name_endpoints(
        &self,
        slot: Slot<'_>,
        endpoints: Vec<(&str, &str)>,
    ) -> Result<(), StoreError> {
        let month = self.at.start.month_start();
        let puts: Vec<Put<'_>> = endpoints
            .into_iter()
            .map(|endpoint| (endpoint_field(None, endpoint), None, text(&[0, 0])))
            .collect();
        let name = slot.endpoints(&self.store.names, month);
        let ends = place::month_ends(month);
        put(self.store, slot, (&name, ends), month, &puts).await
    }

    /// Writes callers of a route.
    ///
    /// # Errors
    /// When one cannot be written; then others may be.
    pub async fn callers(&mut self, route: &str, rows: &[CallerRow]) -> Result<(), StoreError> {
        let mut shards: BTreeMap<u32, Vec<Put<'_>>> = BTreeMap::new();
        for row in rows {
            let field = Field::Caller {
                position: self.spot.position,
                account: &row.account_id,
                key: &row.key_id,
            };
            let puts = shards.entry(Names::shard_of(&row.account_id)).or_default();
            puts.push((field.text(), None, text(&row.numbers)));
        }
        let names = &self.store.names;
        let calls = shards.iter().map(|(shard, puts)| {
            let slot = Slot::Shard(*shard);
            let name = slot.callers(names, self.at.span, self.spot.chunk, route);
            (slot, name, puts.as_slice())
        });
        let calls: Vec<_> = calls.collect();
        each(
            calls
                .iter()
                .map(|(slot, name, puts)| self.put(*slot, name, puts)),
        )
        .await?;
        Ok(())
    }

    /// Writes what the slice has for the shards, and notes that it is whole.
    ///
    /// # Errors
    /// When that cannot be written.
    pub async fn finish(self, sums: &Sums) -> Result<(), StoreError> {
        let position = self.spot.position;
        let mut shards: BTreeMap<u32, Vec<Put<'_>>> = BTreeMap::new();
        let mut named: BTreeMap<u32, Vec<(&str, &str)>> = BTreeMap::new();
        for shard in 0..SHARDS {
            let puts = shards.entry(shard).or_default();
            for (class, (gone, of)) in &self.classes {
                let mut numbers = of.get(&shard).copied().unwrap_or_default();
                if shard == 0 {
                    more(&mut numbers, *gone);
                }
                if numbers.iter().any(|n| *n > 0) || of.contains_key(&shard) {
                    let field = Field::Sum {
                        position,
                        class: *class,
                        key: None,
                    };
                    puts.push((field.text(), None, text(&numbers)));
                }
            }
            for ((method, route), (gone, of)) in &self.routes {
                let mut numbers = of.get(&shard).copied().unwrap_or_default();
                if shard == 0 {
                    more(&mut numbers, *gone);
                }
                if numbers.iter().any(|n| *n > 0) || of.contains_key(&shard) {
                    let endpoint = (method.as_str(), route.as_str());
                    puts.push((
                        endpoint_field(Some(position), endpoint),
                        None,
                        text(&numbers),
                    ));
                    named.entry(shard).or_default().push(endpoint);
                }
            }
        }
        each(
            named
                .into_iter()
                .map(|(shard, endpoints)| self.name_endpoints(Slot::Shard(shard), endpoints)),
        )
        .await?;
        let names = &self.store.names;
        let calls = shards.iter().map(|(shard, puts)| {
            let slot = Slot::Shard(*shard);
            let name = slot.sums(names, self.at.span, self.spot.chunk);
            (slot, name, puts.as_slice())
        });
        let calls: Vec<_> = calls.collect();
        each(
            calls
                .iter()
                .map(|(slot, name, puts)| self.put(*slot, name, puts)),
        )
        .await?;
        let mut cmd = redis::cmd("HSET");
        cmd.arg(self.store.copied_usage())
            .arg(slice_name(self.at))
            .arg(sums.text());
        self.store.link.run(Patience::Calm, &cmd).await
    }

    pub(super) async fn accounts(&self, calls: &[(&str, Vec<Put<'_>>)]) -> Result<(), StoreError> {
        each(calls.iter().map(|(account, puts)| async move {
            let slot = Slot::Account(account);
            let name = slot.sums(&self.store.names, self.at.span, self.spot.chunk);
            self.put(slot, &name, puts).await
        }))
        .await?;
        Ok(())
    }

    pub(super) async fn put(
        &self,
        slot: Slot<'_>,
        name: &str,
        puts: &[Put<'_>],
    ) -> Result<(), StoreError> {
        let ends = place::ends(self.at.span, self.spot.chunk);
        let month = self.at.start.month_start();
        put(self.store, slot, (name, ends), month, puts).await
    }
}

/// Puts fields into a hash of a month, which ends in that second.
pub(super) async fn put(
    store: &Store,
    slot: Slot<'_>,
    (name, ends): (&str, i64),
    month: Timestamp,
    puts: &[Put<'_>],
) -> Result<(), StoreError> {
    let names = &store.names;
    for some in puts.chunks(USAGE_PIECE_ROWS) {
        let mut keys: BTreeMap<&str, usize> = BTreeMap::new();
        keys.extend(some.iter().filter_map(|(_, key, _)| Some(((*key)?, 0))));
        for (i, place) in keys.values_mut().enumerate() {
            *place = i + 1;
        }
        let mut call = Call::new(&USAGE_PUT)
            .key(slot.months(names))
            .key(slot.keys(names, month))
            .key(name)
            .arg(place::day_number(month))
            .arg(place::month_ends(month))
            .arg(ends)
            .arg(USAGE_HASH_LEAST.as_secs())
            .arg(USAGE_HASH_MOST.as_secs())
            .arg(keys.len());
        for key in keys.keys() {
            call = call.arg(*key);
        }
        call = call.arg(some.len());
        for (begins, key, numbers) in some {
            let key = key.and_then(|key| keys.get(key));
            let key = key.map(usize::to_string).unwrap_or_default();
            call = call.arg(begins).arg(key).arg(numbers);
        }
        store.link.script::<()>(Patience::Calm, &call).await?;
    }
    Ok(())
}
