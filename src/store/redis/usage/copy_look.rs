//! Reads all usage of a store, to compare it with that of the store that it came from; never changes it.

use std::collections::{BTreeMap, HashMap};

use super::copy_insight::look_at_totals;
use super::erase::filled;
use super::place::Slot;
use super::read::numbers;
use super::routes::{Page, scan, split, whole};
use crate::base::clock::{DAY_MS, HOUR_MS, Timestamp};
use crate::base::error::StoreError;
use crate::store::redis::Store;
use crate::store::redis::each::each;
use crate::store::redis::link::Patience;
use crate::store::redis::names::SHARDS;
use crate::store::span::Span;
use crate::store::transfer::{
    CALLERS, CallerRow, CodeRow, REJECTIONS, ROUTES, RouteRow, Slice, Sums, USAGE, UsageRow,
    caller_line, code_line, route_line, usage_line,
};

fn corrupt(field: &str) -> StoreError {
    StoreError::Corrupt(format!("usage: the field {field:?}"))
}

/// The hour or day at a position of a hash.
fn slice(span: Span, chunk: i64, position: u8) -> Slice {
    let ms = match span {
        Span::Hour => HOUR_MS,
        Span::Day => DAY_MS,
    };
    let start = Timestamp::from_millis((chunk + i64::from(position)).saturating_mul(ms));
    Slice { span, start }
}

async fn all(store: &Store, name: &str) -> Result<HashMap<String, String>, StoreError> {
    let first: Page = store.link.run(Patience::Calm, &scan(name, 0)).await?;
    whole(store, name, first).await
}

async fn months(store: &Store, slot: Slot<'_>) -> Result<Vec<Timestamp>, StoreError> {
    let mut cmd = redis::cmd("ZRANGE");
    cmd.arg(slot.months(&store.names)).arg(0).arg(-1);
    let days: Vec<i64> = store.link.run(Patience::Calm, &cmd).await?;
    let start = |day: i64| Timestamp::from_millis(day.saturating_mul(DAY_MS));
    Ok(days.into_iter().map(start).collect())
}

/// Sums of usage of these accounts.
pub(in crate::store::redis) async fn accounts(
    store: &Store,
    accounts: &[String],
) -> Result<Sums, StoreError> {
    let mut sums = Sums::default();
    for one in each(accounts.iter().map(|id| account(store, id))).await? {
        sums.join(&one);
    }
    Ok(sums)
}

async fn account(store: &Store, id: &str) -> Result<Sums, StoreError> {
    let slot = Slot::Account(id);
    let mut sums = Sums::default();
    for month in months(store, slot).await? {
        let keys = all(store, &slot.keys(&store.names, month)).await?;
        let keys: HashMap<&str, &str> = keys
            .iter()
            .map(|(key, number)| (number.as_str(), key.as_str()))
            .collect();
        look_at_totals(store, id, month, &keys, &mut sums).await?;
        for (span, chunk) in filled(store, slot, month).await? {
            for (field, value) in all(store, &slot.sums(&store.names, span, chunk)).await? {
                let (position, rest) = split(&field).ok_or_else(|| corrupt(&field))?;
                let at = slice(span, chunk, position);
                if let Some(endpoint) = rest.strip_prefix(':') {
                    let row = route(id, endpoint, numbers(&value)?);
                    let row = row.ok_or_else(|| corrupt(&field))?;
                    sums.add(ROUTES, &route_line(at, &row));
                    continue;
                }
                if let Some(code) = rest.strip_prefix('!') {
                    let [requests, _] = numbers(&value)?;
                    let row = CodeRow {
                        account_id: id.to_owned(),
                        code: code.to_owned(),
                        requests,
                    };
                    sums.add(REJECTIONS, &code_line(at, &row));
                    continue;
                }
                let (class, key) = match rest.split_once('.') {
                    None => (rest, ""),
                    Some((class, number)) => {
                        let key = keys.get(number).copied();
                        (class, key.ok_or_else(|| corrupt(&field))?)
                    }
                };
                let row = UsageRow {
                    account_id: id.to_owned(),
                    key_id: key.to_owned(),
                    class: class.parse().map_err(|_| corrupt(&field))?,
                    numbers: numbers(&value)?,
                };
                sums.add(USAGE, &usage_line(at, &row));
            }
        }
    }
    Ok(sums)
}

fn route(account_id: &str, endpoint: &str, numbers: [u64; 2]) -> Option<RouteRow> {
    let (method, route) = endpoint.split_once(' ')?;
    Some(RouteRow {
        account_id: account_id.to_owned(),
        route: route.to_owned(),
        method: method.to_owned(),
        numbers,
    })
}

/// Everyone's sums of a month, over all shards.
#[derive(Default)]
struct Everyone {
    classes: BTreeMap<(Slice, u8), [u64; 4]>,
    routes: BTreeMap<(Slice, String), [u64; 2]>,
}

fn more<const N: usize>(to: &mut [u64; N], what: [u64; N]) {
    for (a, b) in to.iter_mut().zip(what) {
        *a = a.saturating_add(b);
    }
}

/// Sums of usage over everyone, and of callers.
pub(in crate::store::redis) async fn everyone(store: &Store) -> Result<Sums, StoreError> {
    let mut sums = Sums::default();
    let mut by_month: BTreeMap<Timestamp, Vec<u32>> = BTreeMap::new();
    for shard in 0..SHARDS {
        for month in months(store, Slot::Shard(shard)).await? {
            by_month.entry(month).or_default().push(shard);
        }
    }
    for (month, shards) in by_month {
        let mut found = Everyone::default();
        for shard in shards {
            shard_of(store, shard, month, &mut found, &mut sums).await?;
        }
        for ((at, class), numbers) in found.classes {
            let row = UsageRow {
                account_id: String::new(),
                key_id: String::new(),
                class,
                numbers,
            };
            sums.add(USAGE, &usage_line(at, &row));
        }
        for ((at, endpoint), numbers) in found.routes {
            let row = route("", &endpoint, numbers).ok_or_else(|| corrupt(&endpoint))?;
            sums.add(ROUTES, &route_line(at, &row));
        }
    }
    Ok(sums)
}

async fn shard_of(
    store: &Store,
    shard: u32,
    month: Timestamp,
    found: &mut Everyone,
    sums: &mut Sums,
) -> Result<(), StoreError> {
    let slot = Slot::Shard(shard);
    for (span, chunk) in filled(store, slot, month).await? {
        let mut routes = BTreeMap::new();
        for (field, value) in all(store, &slot.sums(&store.names, span, chunk)).await? {
            let (position, rest) = split(&field).ok_or_else(|| corrupt(&field))?;
            let at = slice(span, chunk, position);
            if let Some(endpoint) = rest.strip_prefix(':') {
                let (_, route) = endpoint.split_once(' ').ok_or_else(|| corrupt(&field))?;
                routes.insert(route.to_owned(), ());
                let sum = found.routes.entry((at, endpoint.to_owned())).or_default();
                more(sum, numbers(&value)?);
            } else {
                let class = rest.parse().map_err(|_| corrupt(&field))?;
                more(
                    found.classes.entry((at, class)).or_default(),
                    numbers(&value)?,
                );
            }
        }
        for route in routes.keys() {
            let name = slot.callers(&store.names, span, chunk, route);
            callers(store, &name, (span, chunk), route, sums).await?;
        }
    }
    Ok(())
}

/// Callers of a route.
async fn callers(
    store: &Store,
    name: &str,
    (span, chunk): (Span, i64),
    route: &str,
    sums: &mut Sums,
) -> Result<(), StoreError> {
    for (field, value) in all(store, name).await? {
        let (position, rest) = split(&field).ok_or_else(|| corrupt(&field))?;
        let (account, key) = rest.split_once('\0').ok_or_else(|| corrupt(&field))?;
        let row = CallerRow {
            account_id: account.to_owned(),
            key_id: key.to_owned(),
            numbers: numbers(&value)?,
        };
        let at: Slice = slice(span, chunk, position);
        sums.add(CALLERS, &caller_line(at, route, &row));
    }
    Ok(())
}

impl Store {
    /// Whether quotas of these accounts go on here with what they had used; names the first for which they would not.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn used_differs(
        &self,
        hour: Timestamp,
        month: Timestamp,
        wanted: &[(String, u64, u64)],
    ) -> Result<Option<String>, StoreError> {
        let used = wanted
            .iter()
            .map(|(account, _, _)| super::read::used(self, account, hour, month));
        let found = each(used).await?;
        let mut both = wanted.iter().zip(found);
        let other = both.find(|((_, hour, month), used)| (*hour, *month) != *used);
        Ok(other.map(|((account, _, _), _)| account.clone()))
    }
}
