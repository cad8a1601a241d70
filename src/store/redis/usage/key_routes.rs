//! Reads which routes a key called, from the callers of the routes that its account called; never what others called.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use redis::Cmd;

use super::fields::Field;
use super::place::{Slot, chunks};
use super::read::{Floor, key_numbers, months, numbers, pipe};
use super::routes::add_endpoints;
use crate::base::ceilings::USAGE_ROWS;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::store::redis::Store;
use crate::store::redis::names::Names;
use crate::store::span::parts;
use crate::usage::model::RouteCalls;

pub(super) async fn key_routes(
    store: &Store,
    (account, key): (&str, &str),
    range: (Timestamp, Timestamp),
    limit: u32,
) -> Result<Vec<RouteCalls>, StoreError> {
    let (slot, shard) = (
        Slot::Account(account),
        Slot::Shard(Names::shard_of(account)),
    );
    let floor = Floor::of(store).await?;
    let months = months(store, slot, range.0, range.1).await?;
    // A key has no number in a month in which it did nothing.
    let numbered = key_numbers(store, slot, &months, key).await?;
    let months: Vec<_> = numbered.into_keys().collect();
    if months.is_empty() {
        return Ok(Vec::new());
    }
    let mut called = HashMap::new();
    add_endpoints(store, slot, floor, range, &mut called).await?;
    let routes: BTreeSet<&str> = called
        .keys()
        .filter_map(|endpoint| Some(endpoint.split_once(' ')?.1))
        .collect();
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for part in parts(range.0, range.1).map(|p| floor.over(p)) {
        let chunks = chunks(part.span, part.from, part.to, &months, USAGE_ROWS);
        for route in &routes {
            let commands: Vec<Cmd> = chunks
                .iter()
                .map(|chunk| {
                    let mut cmd = redis::cmd("HMGET");
                    cmd.arg(shard.callers(&store.names, part.span, chunk.number, route));
                    for (position, _) in &chunk.starts {
                        let position = *position;
                        let field = Field::Caller {
                            position,
                            account,
                            key,
                        };
                        cmd.arg(field.text());
                    }
                    cmd
                })
                .collect();
            let replies: Vec<Vec<Option<String>>> = pipe(store, &commands).await?;
            for text in replies.iter().flatten().flatten() {
                let [requests, _] = numbers(text)?;
                let sum = sums.entry(route).or_default();
                *sum = sum.saturating_add(requests);
            }
        }
    }
    let found = sums.into_iter().map(|(route, requests)| RouteCalls {
        route: route.to_owned(),
        requests,
    });
    let mut found: Vec<_> = found.collect();
    found.sort_unstable_by(RouteCalls::rank);
    found.truncate(limit as usize);
    Ok(found)
}
