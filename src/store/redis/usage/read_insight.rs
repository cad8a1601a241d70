//! Reads an account's refusals by code and what its keys did, in bounded exchanges; never series.
//!
//! Codes and numbers of keys are known beforehand, so that fields are asked for by name: the hashes also hold what each key
//! did by class, which may be thousands of fields.

use std::collections::{BTreeMap, HashMap};

use redis::Cmd;

use super::fields::Field;
use super::place::{Slot, chunks};
use super::read::{Floor, months, numbers, pipe};
use super::routes::{Page, scan, whole};
use crate::base::ceilings::{USAGE_ROWS, USAGE_SCAN_FIELDS};
use crate::base::clock::Timestamp;
use crate::base::error::{Code, StoreError};
use crate::store::redis::Store;
use crate::store::span::{Part, Span, parts};
use crate::usage::model::{CLIENT_LEFT, Granularity, KeyTotals, OTHER, RejectedBy};

/// Codes of refusals that there can be.
fn codes() -> impl Iterator<Item = &'static str> + Clone {
    let all = Code::ALL.into_iter().map(Code::as_str);
    all.chain([CLIENT_LEFT, OTHER])
}

/// Asks for these fields of a hash.
fn fields_of(name: String, fields: &[String]) -> Cmd {
    let mut cmd = redis::cmd("HMGET");
    cmd.arg(name).arg(fields);
    cmd
}

pub(super) async fn rejections(
    store: &Store,
    account_id: &str,
    (from, to): (Timestamp, Timestamp),
) -> Result<Vec<RejectedBy>, StoreError> {
    let slot = Slot::Account(account_id);
    let floor = Floor::of(store).await?;
    let months = months(store, slot, from, to).await?;
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for part in parts(from, to).map(|p| floor.over(p)) {
        let commands: Vec<Cmd> = chunks(part.span, part.from, part.to, &months, USAGE_ROWS)
            .iter()
            .map(|chunk| {
                let fields = chunk.starts.iter().flat_map(|(position, _)| {
                    let position = *position;
                    codes().map(move |code| Field::Rejection { position, code }.text())
                });
                let fields: Vec<_> = fields.collect();
                fields_of(slot.sums(&store.names, part.span, chunk.number), &fields)
            })
            .collect();
        let replies: Vec<Vec<Option<String>>> = pipe(store, &commands).await?;
        for (code, text) in replies.iter().flat_map(|reply| codes().cycle().zip(reply)) {
            let Some(text) = text else { continue };
            let [requests, _] = numbers(text)?;
            let sum = sums.entry(code).or_default();
            *sum = sum.saturating_add(requests);
        }
    }
    let found = sums.into_iter().map(|(code, requests)| RejectedBy {
        code: code.to_owned(),
        requests,
    });
    let mut found: Vec<_> = found.collect();
    // Those of one number stay in the order of their codes.
    found.sort_by_key(|r| std::cmp::Reverse(r.requests));
    Ok(found)
}

/// Numbers of keys in a month with the key of each.
type Numbered = Vec<(String, String)>;

pub(super) async fn busiest(
    store: &Store,
    account_id: &str,
    (from, to): (Timestamp, Timestamp),
    by: Granularity,
    limit: u32,
) -> Result<Vec<KeyTotals>, StoreError> {
    let slot = Slot::Account(account_id);
    let part = Floor::of(store).await?.over(Part {
        span: Span::Day,
        from: match by {
            Granularity::Hour | Granularity::Day => from.day_start(),
            Granularity::Month => from.month_start(),
        },
        to,
    });
    let keys = numbered(store, slot, months(store, slot, part.from, part.to).await?).await?;
    let mut asked = Asked::default();
    match by {
        Granularity::Hour | Granularity::Day => {
            let months: Vec<_> = keys.keys().copied().collect();
            for chunk in chunks(Span::Day, part.from, part.to, &months, USAGE_ROWS) {
                let name = slot.key_days(&store.names, chunk.number);
                let Some(keys) = keys.get(&chunk.month) else {
                    continue;
                };
                for (position, _) in chunk.starts {
                    asked.add(&name, Some(position), keys);
                }
            }
        }
        Granularity::Month => {
            for (month, keys) in keys.iter().filter(|(month, _)| **month < part.to) {
                let name = slot.key_month(&store.names, *month);
                asked.add(&name, None, keys);
            }
        }
    }
    let mut found = asked.sums(store).await?;
    found.sort_unstable_by(KeyTotals::rank);
    found.truncate(limit as usize);
    Ok(found)
}

/// The keys of each of these months; the first pages of all of them come in one exchange.
async fn numbered(
    store: &Store,
    slot: Slot<'_>,
    months: Vec<Timestamp>,
) -> Result<BTreeMap<Timestamp, Numbered>, StoreError> {
    let names = months.iter().map(|month| slot.keys(&store.names, *month));
    let names: Vec<_> = names.collect();
    let commands: Vec<Cmd> = names.iter().map(|name| scan(name, 0)).collect();
    let pages: Vec<Page> = pipe(store, &commands).await?;
    let mut keys = BTreeMap::new();
    for ((month, name), page) in months.into_iter().zip(&names).zip(pages) {
        let all = whole(store, name, page).await?;
        let all = all.into_iter().map(|(key, number)| (number, key));
        keys.insert(month, all.collect());
    }
    Ok(keys)
}

/// Fields that are asked for, with the key that each is of.
#[derive(Default)]
struct Asked<'a> {
    commands: Vec<Cmd>,
    keys: Vec<&'a [(String, String)]>,
}

impl<'a> Asked<'a> {
    fn add(&mut self, name: &str, position: Option<u8>, keys: &'a [(String, String)]) {
        for some in keys.chunks(USAGE_SCAN_FIELDS) {
            let fields = some.iter().map(|(number, key)| {
                let begins = Field::KeyTotal { position, key }.text();
                format!("{begins}{number}")
            });
            let fields: Vec<_> = fields.collect();
            self.commands.push(fields_of(name.to_owned(), &fields));
            self.keys.push(some);
        }
    }

    async fn sums(self, store: &Store) -> Result<Vec<KeyTotals>, StoreError> {
        let replies: Vec<Vec<Option<String>>> = pipe(store, &self.commands).await?;
        let mut sums: HashMap<&str, [u64; 4]> = HashMap::new();
        for (keys, reply) in self.keys.iter().zip(&replies) {
            for ((_, key), text) in keys.iter().zip(reply) {
                let Some(text) = text else { continue };
                let sum = sums.entry(key).or_default();
                for (a, b) in sum.iter_mut().zip(numbers::<4>(text)?) {
                    *a = a.saturating_add(b);
                }
            }
        }
        let found = sums.into_iter();
        let found = found.map(|(key, [requests, errors, rejected, _])| KeyTotals {
            key_id: key.to_owned(),
            requests,
            errors,
            rejected,
        });
        Ok(found.collect())
    }
}
