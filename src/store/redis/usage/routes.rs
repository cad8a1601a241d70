//! Reads what was called and by whom, in bounded exchanges; never series.

use std::collections::{BTreeMap, HashMap};

use redis::Cmd;

use super::place::{Chunk, Slot, chunks};
use super::read::{Floor, months, numbers, pipe, slots};
use crate::base::ceilings::{USAGE_ROWS, USAGE_SCAN_FIELDS, USAGE_SCAN_PASSED};
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::store::redis::Store;
use crate::store::redis::link::Patience;
use crate::store::span::{Span, parts};
use crate::usage::model::{EndpointUsage, RouteCaller};

/// What a page of HSCAN has: where to go on (zero: nowhere), and fields with their values.
pub(super) type Page = (u64, Vec<(String, String)>);

/// A page of a hash from a cursor on. A small hash comes whole.
pub(super) fn scan(name: &str, cursor: u64) -> Cmd {
    let mut cmd = redis::cmd("HSCAN");
    cmd.arg(name)
        .arg(cursor)
        .arg("COUNT")
        .arg(USAGE_SCAN_FIELDS);
    cmd
}

/// The same of its fields by endpoint alone: an account with many keys has few of those among many others.
fn scan_endpoints(name: &str, cursor: u64) -> Cmd {
    let mut cmd = redis::cmd("HSCAN");
    cmd.arg(name)
        .arg(cursor)
        .arg("MATCH")
        .arg("?:*")
        .arg("COUNT")
        .arg(USAGE_SCAN_PASSED);
    cmd
}

/// All fields of a hash of which the first page is known. A scan may name a field twice, so they come by name.
pub(super) async fn whole(
    store: &Store,
    name: &str,
    first: Page,
) -> Result<HashMap<String, String>, StoreError> {
    rest(store, name, first, scan).await
}

/// All fields that a scan gives, of which the first page is known.
async fn rest(
    store: &Store,
    name: &str,
    (mut cursor, page): Page,
    scan: fn(&str, u64) -> Cmd,
) -> Result<HashMap<String, String>, StoreError> {
    let mut fields: HashMap<_, _> = page.into_iter().collect();
    while cursor != 0 {
        let (next, more): Page = store.link.run(Patience::Calm, &scan(name, cursor)).await?;
        fields.extend(more);
        cursor = next;
    }
    Ok(fields)
}

/// A field's position, and what follows it.
pub(super) fn split(field: &str) -> Option<(u8, &str)> {
    let position = field.as_bytes().first()?.checked_sub(b'0')?;
    Some((position, field.get(1..)?))
}

/// Gives `take` all fields of a range in these months of a slot that a scan gives, without their position; `name_of` names
/// the hashes.
async fn each_field(
    store: &Store,
    months: &[Timestamp],
    floor: Floor,
    (from, to): (Timestamp, Timestamp),
    (name_of, scan): (
        impl Fn(Span, i64) -> String + Send + Sync,
        fn(&str, u64) -> Cmd,
    ),
    mut take: impl FnMut(&str, &str) -> Result<(), StoreError> + Send,
) -> Result<(), StoreError> {
    for part in parts(from, to).map(|p| floor.over(p)) {
        let chunks = chunks(part.span, part.from, part.to, months, USAGE_ROWS);
        let names: Vec<_> = chunks
            .iter()
            .map(|c| name_of(part.span, c.number))
            .collect();
        let commands: Vec<_> = names.iter().map(|name| scan(name, 0)).collect();
        let pages: Vec<Page> = pipe(store, &commands).await?;
        for ((chunk, name), page) in chunks.iter().zip(&names).zip(pages) {
            for (field, value) in rest(store, name, page, scan).await? {
                if let Some((position, rest)) = split(&field)
                    && chunk.starts.iter().any(|(p, _)| *p == position)
                {
                    take(rest, &value)?;
                }
            }
        }
    }
    Ok(())
}

/// Requests and errors of endpoints, by method and route with a blank between them.
type EndpointSums = HashMap<String, [u64; 2]>;

fn add(sums: &mut EndpointSums, endpoint: &str, value: &str) -> Result<(), StoreError> {
    let more: [u64; 2] = numbers(value)?;
    match sums.get_mut(endpoint) {
        Some(sum) => *sum = std::array::from_fn(|i| sum[i].saturating_add(more[i])),
        None => {
            sums.insert(endpoint.to_owned(), more);
        }
    }
    Ok(())
}

/// Fields of endpoints that one command asks for, in their order.
struct Asked<'a> {
    endpoints: Vec<&'a str>,
    cmd: Cmd,
}

/// Asks a hash for what its hours or days have of these endpoints, in commands of a bounded size.
fn ask<'a>(
    name: &str,
    chunk: &'a Chunk,
    endpoints: &'a [String],
) -> impl Iterator<Item = Asked<'a>> {
    let per_command = (USAGE_SCAN_FIELDS / chunk.starts.len().max(1)).max(1);
    endpoints.chunks(per_command).map(move |some| {
        let mut cmd = redis::cmd("HMGET");
        cmd.arg(name);
        let mut asked = Vec::with_capacity(some.len() * chunk.starts.len());
        for (position, _) in &chunk.starts {
            for endpoint in some {
                cmd.arg(format!("{position}:{endpoint}"));
                asked.push(endpoint.as_str());
            }
        }
        Asked {
            endpoints: asked,
            cmd,
        }
    })
}

/// Sums of these months, whose endpoints are known by name: the hashes also hold what each key did by class, which may be
/// tens of thousands of fields.
async fn add_named(
    store: &Store,
    slot: Slot<'_>,
    floor: Floor,
    (from, to): (Timestamp, Timestamp),
    months: &[Timestamp],
    sums: &mut EndpointSums,
) -> Result<(), StoreError> {
    let mut known: BTreeMap<Timestamp, Vec<String>> = BTreeMap::new();
    for month in months {
        known.insert(*month, called(store, slot, *month).await?);
    }
    for part in parts(from, to).map(|p| floor.over(p)) {
        let chunks = chunks(part.span, part.from, part.to, months, USAGE_ROWS);
        let asked: Vec<Asked<'_>> = chunks
            .iter()
            .filter_map(|chunk| Some((chunk, known.get(&chunk.month)?)))
            .flat_map(|(chunk, endpoints)| {
                let name = slot.sums(&store.names, part.span, chunk.number);
                ask(&name, chunk, endpoints).collect::<Vec<_>>()
            })
            .collect();
        let commands: Vec<Cmd> = asked.iter().map(|a| a.cmd.clone()).collect();
        let replies: Vec<Vec<Option<String>>> = pipe(store, &commands).await?;
        for (asked, reply) in asked.iter().zip(&replies) {
            for (endpoint, value) in asked.endpoints.iter().zip(reply) {
                if let Some(value) = value {
                    add(sums, endpoint, value)?;
                }
            }
        }
    }
    Ok(())
}

/// Endpoints that were called in a month.
async fn called(
    store: &Store,
    slot: Slot<'_>,
    month: Timestamp,
) -> Result<Vec<String>, StoreError> {
    let name = slot.endpoints(&store.names, month);
    let first: Page = store.link.run(Patience::Calm, &scan(&name, 0)).await?;
    Ok(whole(store, &name, first).await?.into_keys().collect())
}

/// Sums of endpoints in a slot.
pub(super) async fn add_endpoints(
    store: &Store,
    slot: Slot<'_>,
    floor: Floor,
    range: (Timestamp, Timestamp),
    sums: &mut EndpointSums,
) -> Result<(), StoreError> {
    let months = months(store, slot, range.0, range.1).await?;
    let (named, unnamed): (Vec<_>, Vec<_>) =
        months.into_iter().partition(|m| floor.names_endpoints(*m));
    add_named(store, slot, floor, range, &named, sums).await?;
    let name_of = |span, chunk| slot.sums(&store.names, span, chunk);
    let wanted = (name_of, scan_endpoints as fn(&str, u64) -> Cmd);
    each_field(
        store,
        &unnamed,
        floor,
        range,
        wanted,
        |field, value| match field.strip_prefix(':') {
            Some(endpoint) => add(sums, endpoint, value),
            None => Ok(()),
        },
    )
    .await
}

pub(super) async fn endpoints(
    store: &Store,
    account_id: Option<&str>,
    range: (Timestamp, Timestamp),
    limit: u32,
) -> Result<Vec<EndpointUsage>, StoreError> {
    let floor = Floor::of(store).await?;
    let mut sums = EndpointSums::new();
    for slot in slots(account_id) {
        add_endpoints(store, slot, floor, range, &mut sums).await?;
    }
    let found = sums
        .into_iter()
        .filter_map(|(endpoint, [requests, errors])| {
            let (method, route) = endpoint.split_once(' ')?;
            Some(EndpointUsage {
                method: method.to_owned(),
                route: route.to_owned(),
                requests,
                errors,
            })
        });
    let mut found: Vec<_> = found.collect();
    found.sort_unstable_by(|a, b| {
        b.requests
            .cmp(&a.requests)
            .then_with(|| (&a.route, &a.method).cmp(&(&b.route, &b.method)))
    });
    found.truncate(limit as usize);
    Ok(found)
}

pub(super) async fn callers(
    store: &Store,
    route: &str,
    range: (Timestamp, Timestamp),
    limit: u32,
) -> Result<Vec<RouteCaller>, StoreError> {
    let floor = Floor::of(store).await?;
    let mut found: Vec<RouteCaller> = Vec::new();
    for slot in slots(None) {
        let name_of = |span, chunk| slot.callers(&store.names, span, chunk, route);
        let mut sums: HashMap<String, (u64, u64)> = HashMap::new();
        let wanted = (name_of, scan as fn(&str, u64) -> Cmd);
        let months = months(store, slot, range.0, range.1).await?;
        each_field(store, &months, floor, range, wanted, |caller, value| {
            let [requests, last_at] = numbers(value)?;
            let sum = sums.entry(caller.to_owned()).or_default();
            *sum = (sum.0.saturating_add(requests), sum.1.max(last_at));
            Ok(())
        })
        .await?;
        found.extend(sums.into_iter().filter_map(|(caller, (requests, last))| {
            let (account_id, key_id) = caller.split_once('\0')?;
            Some(RouteCaller {
                account_id: account_id.to_owned(),
                key_id: key_id.to_owned(),
                requests,
                last_at: Timestamp::from_millis(i64::try_from(last).unwrap_or(i64::MAX)),
            })
        }));
        // An account lies in one shard, so that who is first of all is among the first of his.
        first(&mut found, limit);
    }
    Ok(found)
}

/// Keeps those with the most requests.
fn first(callers: &mut Vec<RouteCaller>, limit: u32) {
    callers.sort_unstable_by(|a, b| {
        b.requests
            .cmp(&a.requests)
            .then_with(|| (&a.account_id, &a.key_id).cmp(&(&b.account_id, &b.key_id)))
    });
    callers.truncate(limit as usize);
}
