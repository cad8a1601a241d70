//! Cuts a batch into pieces, the same each time it comes, and sums each up for one call; never sends them.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::fields::{Field, Hash, Numbers};
use super::place::{self, Slot, Spot};
use crate::base::ceilings::{
    USAGE_ERASURE_MARGIN, USAGE_HASH_LEAST, USAGE_HASH_MOST, USAGE_MARKER_TIME, USAGE_MARKERS,
    USAGE_PIECE_ROWS,
};
use crate::base::clock::Timestamp;
use crate::store::redis::link::Call;
use crate::store::redis::names::Names;
use crate::store::redis::script::script;
use crate::store::span::Span;
use crate::usage::model::{KeyUsageRow, RejectionRow, RouteUsageRow, UsageBatch};

script!(USAGE_ADD, "usage_add.lua");

/// A row of either kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row<'a> {
    Key(&'a KeyUsageRow),
    Route(&'a RouteUsageRow),
    Rejection(&'a RejectionRow),
}

impl<'a> Row<'a> {
    fn account(self) -> &'a str {
        match self {
            Row::Key(r) => &r.account_id,
            Row::Route(r) => &r.account_id,
            Row::Rejection(r) => &r.account_id,
        }
    }

    fn key(self) -> Option<&'a str> {
        match self {
            Row::Key(r) => Some(&r.key_id),
            Row::Route(r) => Some(&r.key_id),
            Row::Rejection(_) => None,
        }
    }

    fn hour(self) -> Timestamp {
        match self {
            Row::Key(r) => r.hour,
            Row::Route(r) => r.hour,
            Row::Rejection(r) => r.hour,
        }
    }
}

/// Rows of one slot and one month that one call adds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    month: Timestamp,
    rows: Vec<Row<'a>>,
}

/// A batch by slots; each slot's pieces are in the order in which they are applied.
///
/// Only the batch decides what a piece has and which number it has, so that a marker says of each row whether it is
/// there.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Cut<'a> {
    pub(super) accounts: BTreeMap<&'a str, Vec<Piece<'a>>>,
    pub(super) shards: BTreeMap<u32, Vec<Piece<'a>>>,
}

impl<'a> Cut<'a> {
    pub(super) fn of(batch: &'a UsageBatch) -> Self {
        let mut accounts: BTreeMap<&str, BTreeMap<Timestamp, Vec<Row<'_>>>> = BTreeMap::new();
        let mut shards: BTreeMap<u32, BTreeMap<Timestamp, Vec<Row<'_>>>> = BTreeMap::new();
        let keys = batch.keys.iter().map(Row::Key);
        for row in keys.chain(batch.routes.iter().map(Row::Route)) {
            let month = row.hour().month_start();
            let account = accounts.entry(row.account()).or_default();
            account.entry(month).or_default().push(row);
            let shard = shards.entry(Names::shard_of(row.account())).or_default();
            shard.entry(month).or_default().push(row);
        }
        // Last, so that pieces of batches without any are cut as they always were.
        for row in batch.rejections.iter().map(Row::Rejection) {
            let account = accounts.entry(row.account()).or_default();
            let month = row.hour().month_start();
            account.entry(month).or_default().push(row);
        }
        Self {
            accounts: accounts.into_iter().map(|(a, m)| (a, pieces(m))).collect(),
            shards: shards.into_iter().map(|(s, m)| (s, pieces(m))).collect(),
        }
    }
}

fn pieces(months: BTreeMap<Timestamp, Vec<Row<'_>>>) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    for (month, rows) in months {
        for some in rows.chunks(USAGE_PIECE_ROWS) {
            found.push(Piece {
                month,
                rows: some.to_vec(),
            });
        }
    }
    found
}

/// What of a piece goes into each field.
#[derive(Default)]
struct Sums<'a>(BTreeMap<Hash<'a>, BTreeMap<Field<'a>, Numbers>>);

impl<'a> Sums<'a> {
    fn add(&mut self, hash: Hash<'a>, field: Field<'a>, more: Numbers) {
        match self.0.entry(hash).or_default().entry(field) {
            std::collections::btree_map::Entry::Occupied(mut e) => e.get_mut().add(&more),
            std::collections::btree_map::Entry::Vacant(e) => {
                e.insert(more);
            }
        }
    }

    fn key_row(&mut self, row: &'a KeyUsageRow, slot: Slot<'_>, month: Timestamp) {
        let c = &row.counts;
        for span in [Span::Hour, Span::Day] {
            let Spot { chunk, position } = place::spot(span, row.hour, month);
            let hash = Hash::Sums(span, chunk);
            let of_key = match slot {
                Slot::Account(_) => Some(Some(row.key_id.as_str())),
                Slot::Shard(_) => None,
            };
            for key in [Some(None), of_key].into_iter().flatten() {
                let field = Field::Sum {
                    position,
                    class: row.class,
                    key,
                };
                let numbers = [c.requests, c.bytes_in, c.bytes_out, c.upstream_us];
                self.add(hash, field, Numbers::Four(numbers));
            }
        }
        if let Slot::Account(_) = slot {
            self.key_totals(row, month);
        }
    }

    fn key_totals(&mut self, row: &'a KeyUsageRow, month: Timestamp) {
        let (n, key) = (row.counts.requests, row.key_id.as_str());
        let numbers = match row.class {
            0 => [0, 0, n, 0],
            1..=3 => [n, 0, 0, 0],
            _ => [n, n, 0, 0],
        };
        let Spot { chunk, position } = place::spot(Span::Day, row.hour, month);
        let position = Some(position);
        let field = Field::KeyTotal { position, key };
        self.add(Hash::KeyDays(chunk), field, Numbers::Four(numbers));
        let position = None;
        let field = Field::KeyTotal { position, key };
        self.add(Hash::KeyMonth(month), field, Numbers::Four(numbers));
    }

    fn rejection_row(&mut self, row: &'a RejectionRow, month: Timestamp) {
        for span in [Span::Hour, Span::Day] {
            let Spot { chunk, position } = place::spot(span, row.hour, month);
            let code = row.code.as_str();
            let field = Field::Rejection { position, code };
            self.add(
                Hash::Sums(span, chunk),
                field,
                Numbers::Two([row.requests, 0]),
            );
        }
    }

    fn route_row(&mut self, row: &'a RouteUsageRow, slot: Slot<'_>, month: Timestamp) {
        let endpoint = |position| Field::Endpoint {
            position,
            method: &row.method,
            route: &row.route,
        };
        let numbers = [row.requests, row.errors];
        // Its name alone, by which reads ask for the fields of its hours and days among all those of keys.
        let of_month = Hash::EndpointMonth(month);
        self.add(of_month, endpoint(None), Numbers::Two([0, 0]));
        for span in [Span::Hour, Span::Day] {
            let Spot { chunk, position } = place::spot(span, row.hour, month);
            let hash = Hash::Sums(span, chunk);
            self.add(hash, endpoint(Some(position)), Numbers::Two(numbers));
            if let Slot::Shard(_) = slot {
                let hash = Hash::Callers(span, chunk, &row.route);
                let field = Field::Caller {
                    position,
                    account: &row.account_id,
                    key: &row.key_id,
                };
                let last = u64::try_from(row.last_at.millis()).unwrap_or(0);
                self.add(hash, field, Numbers::Last([row.requests, last]));
            }
        }
    }
}

/// Which batch a piece is of.
pub(super) struct Head<'a> {
    pub(super) boot_id: &'a str,
    pub(super) sequence: u64,
}

/// A call, and the accounts whose rows it adds in the order in which the script may name them.
pub(super) struct Prepared<'a> {
    pub(super) call: Call,
    pub(super) accounts: Vec<&'a str>,
}

impl<'a> Piece<'a> {
    /// The call that adds the piece to its account.
    pub(super) fn for_account(&self, names: &Names, head: &Head<'_>, number: usize) -> Call {
        let account = self.rows.first().map_or("", |r| r.account());
        self.call(
            names,
            Slot::Account(account),
            head,
            number,
            (None, &[]),
            &self.rows,
        )
    }

    /// The call that adds the piece to a shard, without what is of accounts that are `gone`; `seen` is the server's
    /// second after which the others were still there. `None` when nothing is left.
    pub(super) fn for_shard(
        &self,
        names: &Names,
        shard: u32,
        head: &Head<'_>,
        number: usize,
        (seen, gone): (i64, &HashSet<&str>),
    ) -> Option<Prepared<'a>> {
        let rows: Vec<_> = self
            .rows
            .iter()
            .filter(|r| !gone.contains(r.account()))
            .copied()
            .collect();
        let accounts: BTreeSet<_> = rows.iter().map(|r| r.account()).collect();
        let accounts: Vec<_> = accounts.into_iter().collect();
        if rows.is_empty() {
            return None;
        }
        let since = seen - i64::try_from(USAGE_ERASURE_MARGIN.as_secs()).unwrap_or(0);
        let who = (Some(since), &accounts[..]);
        let call = self.call(names, Slot::Shard(shard), head, number, who, &rows);
        Some(Prepared { call, accounts })
    }

    fn call(
        &self,
        names: &Names,
        slot: Slot<'_>,
        head: &Head<'_>,
        number: usize,
        (since, accounts): (Option<i64>, &[&str]),
        rows: &[Row<'a>],
    ) -> Call {
        let mut sums = Sums::default();
        let mut keys: BTreeMap<&str, usize> = BTreeMap::new();
        for row in rows {
            match row {
                Row::Key(r) => sums.key_row(r, slot, self.month),
                Row::Route(r) => sums.route_row(r, slot, self.month),
                Row::Rejection(r) => sums.rejection_row(r, self.month),
            }
            if let (Slot::Account(_), Some(key)) = (slot, row.key()) {
                keys.insert(key, 0);
            }
        }
        for (i, place) in keys.values_mut().enumerate() {
            *place = i + 1;
        }
        let mut call = Call::new(&USAGE_ADD)
            .key(slot.markers(names))
            .key(slot.erasures(names))
            .key(slot.months(names))
            .key(slot.keys(names, self.month))
            .arg(head.boot_id)
            .arg(head.sequence)
            .arg(number)
            .arg(USAGE_MARKER_TIME.as_secs())
            .arg(USAGE_MARKERS)
            .arg(USAGE_HASH_LEAST.as_secs())
            .arg(USAGE_HASH_MOST.as_secs())
            .arg(since.map_or_else(String::new, |s| s.to_string()))
            .arg(place::day_number(self.month))
            .arg(place::month_ends(self.month))
            .arg(accounts.len());
        for account in accounts {
            call = call.arg(*account);
        }
        call = call.arg(keys.len());
        for key in keys.keys() {
            call = call.arg(*key);
        }
        for (hash, fields) in &sums.0 {
            call = call
                .key(hash.name(slot, names))
                .arg(hash.kind())
                .arg(hash.ends())
                .arg(fields.len());
            for (field, numbers) in fields {
                let key = field.key().and_then(|key| keys.get(key));
                let key = key.map(usize::to_string);
                call = call
                    .arg(field.text())
                    .arg(key.unwrap_or_default())
                    .arg(numbers.text());
            }
        }
        call
    }
}
