//! Refusals by code and totals of keys of another store, written as they are and read again to compare; never added to what is there.

use std::collections::HashMap;

use super::copy_in::{Put, SliceCopy, put, text};
use super::fields::Field;
use super::place::{self, Slot, chunks_of_month};
use super::read::numbers;
use super::routes::{Page, scan, split, whole};
use crate::base::clock::{DAY_MS, Timestamp};
use crate::base::error::StoreError;
use crate::store::redis::Store;
use crate::store::redis::each::each;
use crate::store::redis::link::Patience;
use crate::store::span::Span;
use crate::store::transfer::{CodeRow, KEY_TOTALS, KeyTotalRow, Sums, TotalOf, key_total_line};

/// Rows of one account after another, each with what is put for it.
fn by_account<'a, R>(
    rows: &'a [R],
    account_of: impl Fn(&'a R) -> &'a str,
    put: impl Fn(&'a R) -> Put<'a>,
) -> Vec<(&'a str, Vec<Put<'a>>)> {
    let mut found: Vec<(&str, Vec<Put<'_>>)> = Vec::new();
    for row in rows {
        let account = account_of(row);
        match found.last_mut() {
            Some((last, puts)) if *last == account => puts.push(put(row)),
            _ => found.push((account, vec![put(row)])),
        }
    }
    found
}

fn totals(rows: &[KeyTotalRow], position: Option<u8>) -> Vec<(&str, Vec<Put<'_>>)> {
    by_account(
        rows,
        |row| &row.account_id,
        |row| {
            let key = row.key_id.as_str();
            let field = Field::KeyTotal { position, key }.text();
            let [requests, errors, rejected] = row.numbers;
            (field, Some(key), text(&[requests, errors, rejected, 0]))
        },
    )
}

impl SliceCopy<'_> {
    /// Writes refusals of the slice, which come in the order of their accounts.
    ///
    /// # Errors
    /// When one cannot be written; then others may be.
    pub async fn codes(&mut self, rows: &[CodeRow]) -> Result<(), StoreError> {
        let position = self.spot.position;
        let calls = by_account(
            rows,
            |row| &row.account_id,
            |row| {
                let code = row.code.as_str();
                let field = Field::Rejection { position, code }.text();
                (field, None, text(&[row.requests, 0]))
            },
        );
        self.accounts(&calls).await
    }

    /// Writes what keys did in the slice, which is a day.
    ///
    /// # Errors
    /// When one cannot be written; then others may be.
    pub async fn key_totals(&mut self, rows: &[KeyTotalRow]) -> Result<(), StoreError> {
        let this = &*self;
        let calls = totals(rows, Some(this.spot.position));
        each(calls.iter().map(|(account, puts)| async move {
            let slot = Slot::Account(account);
            let name = slot.key_days(&this.store.names, this.spot.chunk);
            this.put(slot, &name, puts).await
        }))
        .await?;
        Ok(())
    }
}

fn month_name(month: Timestamp) -> String {
    format!("Month {}", month.millis())
}

impl Store {
    /// Whether a month of totals of keys was copied already as these sums of its rows say.
    ///
    /// # Errors
    /// When that cannot be read.
    pub async fn has_key_month(&self, month: Timestamp, sums: &Sums) -> Result<bool, StoreError> {
        let mut cmd = redis::cmd("HGET");
        cmd.arg(self.copied_usage()).arg(month_name(month));
        let there: Option<String> = self.link.run(Patience::Calm, &cmd).await?;
        Ok(there == Some(sums.text()))
    }

    /// Writes some of what keys did in a month.
    ///
    /// # Errors
    /// When one cannot be written; then others may be.
    pub async fn copy_key_month(
        &self,
        month: Timestamp,
        rows: &[KeyTotalRow],
    ) -> Result<(), StoreError> {
        let calls = totals(rows, None);
        each(calls.iter().map(|(account, puts)| async move {
            let slot = Slot::Account(account);
            let name = slot.key_month(&self.names, month);
            let ends = place::month_ends(month);
            put(self, slot, (&name, ends), month, puts).await
        }))
        .await?;
        Ok(())
    }

    /// Notes that a month of totals of keys is whole; `None` before it is begun.
    ///
    /// # Errors
    /// When that cannot be written.
    pub async fn note_key_month(
        &self,
        month: Timestamp,
        sums: Option<&Sums>,
    ) -> Result<(), StoreError> {
        let name = month_name(month);
        let cmd = match sums {
            Some(sums) => redis::cmd("HSET")
                .arg(self.copied_usage())
                .arg(name)
                .arg(sums.text())
                .take(),
            None => redis::cmd("HDEL").arg(self.copied_usage()).arg(name).take(),
        };
        self.link.run(Patience::Calm, &cmd).await
    }
}

/// Adds what an account's keys did in a month and its days; `keys` are known by their number.
pub(super) async fn look_at_totals(
    store: &Store,
    account_id: &str,
    month: Timestamp,
    keys: &HashMap<&str, &str>,
    sums: &mut Sums,
) -> Result<(), StoreError> {
    let slot = Slot::Account(account_id);
    let days = chunks_of_month(month).into_iter();
    let days = days.filter(|(span, _)| *span == Span::Day);
    let names = days.map(|(_, chunk)| (slot.key_days(&store.names, chunk), Some(chunk)));
    let of_month = (slot.key_month(&store.names, month), None);
    for (name, chunk) in names.chain([of_month]) {
        let first: Page = store.link.run(Patience::Calm, &scan(&name, 0)).await?;
        for (field, value) in whole(store, &name, first).await? {
            let damaged = || StoreError::Corrupt(format!("usage: the field {field:?}"));
            let (of, number) = match chunk {
                None => (TotalOf::Month(month), field.strip_prefix('.')),
                Some(chunk) => {
                    let (position, rest) = split(&field).ok_or_else(damaged)?;
                    let day = (chunk + i64::from(position)).saturating_mul(DAY_MS);
                    let day = Timestamp::from_millis(day);
                    (TotalOf::Day(day), rest.strip_prefix('.'))
                }
            };
            let key = number.and_then(|n| keys.get(n)).ok_or_else(damaged)?;
            let [requests, errors, rejected, _] = numbers(&value)?;
            let row = KeyTotalRow {
                account_id: account_id.to_owned(),
                key_id: (*key).to_owned(),
                numbers: [requests, errors, rejected],
            };
            sums.add(KEY_TOTALS, &key_total_line(of, &row));
        }
    }
    Ok(())
}
