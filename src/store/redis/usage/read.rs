//! Reads sums in bounded exchanges, slot by slot: series and totals; never endpoints or callers.

use std::collections::BTreeMap;

use redis::{Cmd, FromRedisValue, Pipeline};

use super::place::{self, Chunk, Slot, chunks, day_number};
use crate::base::ceilings::{USAGE_READ_COMMANDS, USAGE_ROWS};
use crate::base::clock::{DAY_MS, Timestamp};
use crate::base::error::StoreError;
use crate::store::redis::Store;
use crate::store::redis::link::Patience;
use crate::store::redis::names::{Names, SHARDS};
use crate::store::span::{Part, Span};
use crate::usage::model::{Granularity, UsagePoint};
use crate::usage::port::SeriesQuery;

/// Classes of status that rows have: 0 for what was refused.
const CLASSES: [u8; 6] = [0, 1, 2, 3, 4, 5];

/// The slots that have an account's sums, or everyone's.
pub(super) fn slots(account_id: Option<&str>) -> Vec<Slot<'_>> {
    match account_id {
        Some(id) => vec![Slot::Account(id)],
        None => (0..SHARDS).map(Slot::Shard).collect(),
    }
}

/// Runs commands on one slot, a bounded number in an exchange.
pub(super) async fn pipe<T: FromRedisValue>(
    store: &Store,
    commands: &[Cmd],
) -> Result<Vec<T>, StoreError> {
    let mut found = Vec::with_capacity(commands.len());
    for some in commands.chunks(USAGE_READ_COMMANDS) {
        let mut pipe = Pipeline::with_capacity(some.len());
        for cmd in some {
            pipe.add_command(cmd.clone());
        }
        let replies: Vec<T> = store.link.pipe(Patience::Calm, &pipe).await?;
        if replies.len() != some.len() {
            return Err(StoreError::Corrupt("usage: replies are missing".into()));
        }
        found.extend(replies);
    }
    Ok(found)
}

/// Numbers that a script wrote.
pub(super) fn numbers<const N: usize>(text: &str) -> Result<[u64; N], StoreError> {
    let all: Result<Vec<u64>, _> = text.split(' ').map(str::parse).collect();
    all.ok()
        .and_then(|all| all.try_into().ok())
        .ok_or_else(|| StoreError::Corrupt(format!("usage: {text:?}")))
}

/// The field beside them, see [`Floor`]; there is none where no earlier layout was taken over.
const UNNAMED: &str = "unnamed";

/// Notes that what earlier layouts counted up to `now` does not name its endpoints; the first one who says so is right.
pub(in crate::store::redis) fn note_unnamed(store: &Store, now: Timestamp) -> Cmd {
    let mut cmd = redis::cmd("HSETNX");
    cmd.arg(place::floor(&store.names))
        .arg(UNNAMED)
        .arg(now.month_start().millis());
    cmd
}

/// The instants before which hours and days are not shown any more.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Floor {
    hours: Timestamp,
    days: Timestamp,
    /// The last month of which an earlier layout may have counted endpoints that [`Slot::endpoints`] does not name.
    unnamed: Option<Timestamp>,
}

impl Floor {
    pub(super) async fn of(store: &Store) -> Result<Self, StoreError> {
        let mut cmd = redis::cmd("HMGET");
        cmd.arg(place::floor(&store.names))
            .arg("hours")
            .arg("days")
            .arg(UNNAMED);
        let (hours, days, unnamed): (Option<i64>, Option<i64>, Option<i64>) =
            store.link.run(Patience::Calm, &cmd).await?;
        let instant = |ms: Option<i64>| Timestamp::from_millis(ms.unwrap_or(0));
        Ok(Self {
            hours: instant(hours),
            days: instant(days),
            unnamed: unnamed.map(Timestamp::from_millis),
        })
    }

    /// Whether all endpoints that were called in a month are known by name.
    pub(super) fn names_endpoints(&self, month: Timestamp) -> bool {
        self.unnamed.is_none_or(|last| month > last)
    }

    pub(super) async fn set(
        store: &Store,
        hours: Timestamp,
        days: Timestamp,
    ) -> Result<(), StoreError> {
        let mut cmd = redis::cmd("HSET");
        cmd.arg(place::floor(&store.names));
        cmd.arg("hours").arg(hours.millis());
        cmd.arg("days").arg(days.millis());
        store.link.run(Patience::Calm, &cmd).await
    }

    /// What of a part is shown.
    pub(super) fn over(&self, part: Part) -> Part {
        let floor = match part.span {
            Span::Hour => self.hours,
            Span::Day => self.days,
        };
        Part {
            from: part.from.max(floor),
            ..part
        }
    }
}

/// The months of a range that a slot has sums of, by time.
pub(super) async fn months(
    store: &Store,
    slot: Slot<'_>,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Timestamp>, StoreError> {
    let mut cmd = redis::cmd("ZRANGEBYSCORE");
    cmd.arg(slot.months(&store.names))
        .arg(day_number(from.month_start()))
        .arg(day_number(to))
        .arg("LIMIT")
        .arg(0)
        // Each has 28 days at least.
        .arg(USAGE_ROWS / 28);
    let found: Vec<i64> = store.link.run(Patience::Calm, &cmd).await?;
    let start = |day: i64| Timestamp::from_millis(day.saturating_mul(DAY_MS));
    Ok(found.into_iter().map(start).collect())
}

/// How often an account's requests were sent upstream in this hour and in this month. Sums by class and day tell it, so
/// that there are no others to keep.
pub(super) async fn used(
    store: &Store,
    account_id: &str,
    hour: Timestamp,
    month: Timestamp,
) -> Result<(u64, u64), StoreError> {
    let slot = Slot::Account(account_id);
    let of_hour = chunks(
        Span::Hour,
        hour,
        Timestamp::from_millis(hour.millis() + 1),
        &[hour.month_start()],
        1,
    );
    let of_month = chunks(
        Span::Day,
        month,
        month.next_month_start(),
        &[month],
        USAGE_ROWS,
    );
    let mut pipe = Pipeline::new();
    for (span, chunk) in of_hour
        .iter()
        .map(|c| (Span::Hour, c))
        .chain(of_month.iter().map(|c| (Span::Day, c)))
    {
        pipe.add_command(sums_of(
            &store.names,
            slot,
            span,
            chunk,
            &CLASSES[1..],
            None,
        ));
    }
    let replies: Vec<Vec<Option<String>>> = store.link.pipe(Patience::Hot, &pipe).await?;
    let mut totals = [0_u64; 2];
    for (i, reply) in replies.iter().enumerate() {
        let total = &mut totals[usize::from(i >= of_hour.len())];
        for text in reply.iter().flatten() {
            let [requests, ..] = numbers::<4>(text)?;
            *total = total.saturating_add(requests);
        }
    }
    Ok((totals[0], totals[1]))
}

/// Asks for these classes of a hash's hours or days; of a key with this number, or of all.
fn sums_of(
    names: &Names,
    slot: Slot<'_>,
    span: Span,
    chunk: &Chunk,
    classes: &[u8],
    key: Option<u64>,
) -> Cmd {
    let mut cmd = redis::cmd("HMGET");
    cmd.arg(slot.sums(names, span, chunk.number));
    for (position, _) in &chunk.starts {
        for class in classes {
            cmd.arg(match key {
                None => format!("{position}{class}"),
                Some(number) => format!("{position}{class}.{number}"),
            });
        }
    }
    cmd
}

/// Points by their start, with microseconds for milliseconds as long as they are summed.
type Points = BTreeMap<Timestamp, UsagePoint>;

pub(super) async fn series(
    store: &Store,
    query: &SeriesQuery,
    account_id: Option<&str>,
) -> Result<Vec<UsagePoint>, StoreError> {
    let span = match query.granularity {
        Granularity::Hour => Span::Hour,
        Granularity::Day | Granularity::Month => Span::Day,
    };
    let part = Floor::of(store).await?.over(Part {
        span,
        from: query.from,
        to: query.to,
    });
    let mut points = Points::new();
    for slot in slots(account_id) {
        add_slot(store, slot, part, query, &mut points).await?;
    }
    let mut points: Vec<_> = points.into_values().collect();
    for p in &mut points {
        p.upstream_ms /= 1000;
    }
    Ok(points)
}

async fn add_slot(
    store: &Store,
    slot: Slot<'_>,
    part: Part,
    query: &SeriesQuery,
    points: &mut Points,
) -> Result<(), StoreError> {
    let months = months(store, slot, part.from, part.to).await?;
    let key_numbers = match &query.key_id {
        Some(key) => Some(key_numbers(store, slot, &months, key).await?),
        None => None,
    };
    let mut wanted = chunks(part.span, part.from, part.to, &months, USAGE_ROWS);
    if let Some(known) = &key_numbers {
        wanted.retain(|c| known.contains_key(&c.month));
    }
    let commands: Vec<_> = wanted
        .iter()
        .map(|chunk| {
            let key = key_numbers.as_ref().and_then(|k| k.get(&chunk.month));
            sums_of(&store.names, slot, part.span, chunk, &CLASSES, key.copied())
        })
        .collect();
    let replies: Vec<Vec<Option<String>>> = pipe(store, &commands).await?;
    for (chunk, reply) in wanted.iter().zip(&replies) {
        for ((_, start), texts) in chunk.starts.iter().zip(reply.chunks(CLASSES.len())) {
            for (class, text) in CLASSES.iter().zip(texts) {
                let Some(text) = text else { continue };
                let begins = match query.granularity {
                    Granularity::Hour | Granularity::Day => *start,
                    Granularity::Month => chunk.month,
                };
                let point = points.entry(begins).or_insert_with(|| UsagePoint {
                    start: begins,
                    ..UsagePoint::default()
                });
                add(point, *class, numbers(text)?);
            }
        }
    }
    Ok(())
}

/// A key's number in each of these months in which it has one.
pub(super) async fn key_numbers(
    store: &Store,
    slot: Slot<'_>,
    months: &[Timestamp],
    key: &str,
) -> Result<BTreeMap<Timestamp, u64>, StoreError> {
    let commands: Vec<_> = months
        .iter()
        .map(|month| {
            let mut cmd = redis::cmd("HGET");
            cmd.arg(slot.keys(&store.names, *month)).arg(key);
            cmd
        })
        .collect();
    let found: Vec<Option<u64>> = pipe(store, &commands).await?;
    let known = months.iter().zip(found);
    Ok(known.filter_map(|(m, n)| Some((*m, n?))).collect())
}

fn add(p: &mut UsagePoint, class: u8, [requests, bytes_in, bytes_out, upstream_us]: [u64; 4]) {
    if class == 0 {
        p.rejected = p.rejected.saturating_add(requests);
    } else {
        p.requests = p.requests.saturating_add(requests);
        let of_class = p.by_status.entry(format!("{class}xx")).or_default();
        *of_class = of_class.saturating_add(requests);
    }
    p.bytes_in = p.bytes_in.saturating_add(bytes_in);
    p.bytes_out = p.bytes_out.saturating_add(bytes_out);
    p.upstream_ms = p.upstream_ms.saturating_add(upstream_us);
}
