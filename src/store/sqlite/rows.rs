//! How values become columns and columns values again: times, JSON lists, flags and pages; never a table's name.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, Type, ValueRef};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Params, Row, ToSql};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::fail::{Done, Fail};
use crate::base::clock::Timestamp;
use crate::base::page::{MAX_LIMIT, Page, PageRequest};

impl ToSql for Timestamp {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.millis().into())
    }
}

impl FromSql for Timestamp {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let ms = value.as_i64()?;
        let t = Self::from_millis(ms);
        // Clamped means that it was never ours.
        if t.millis() == ms {
            Ok(t)
        } else {
            Err(FromSqlError::OutOfRange(ms))
        }
    }
}

/// A value as JSON text.
pub(in crate::store) fn to_json<T: Serialize>(value: &T) -> Done<String> {
    serde_json::to_string(value).map_err(|e| Fail::corrupt(e.to_string()))
}

/// A column's JSON text as a value; anything else is damage.
pub(in crate::store) fn json<T: DeserializeOwned>(
    row: &Row<'_>,
    column: &str,
) -> rusqlite::Result<T> {
    let index = row.as_ref().column_index(column)?;
    let text = row
        .get_ref(index)?
        .as_str()
        .map_err(|e| damaged(index, e))?;
    serde_json::from_str(text).map_err(|e| damaged(index, e))
}

/// A column's text as anything that can be parsed; anything else is damage.
pub(in crate::store) fn parsed<T>(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<T>>
where
    T: std::str::FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let index = row.as_ref().column_index(column)?;
    row.get::<_, Option<String>>(index)?
        .map(|s| s.parse().map_err(|e| damaged(index, e)))
        .transpose()
}

/// A small number as one of an enumeration's values; anything else is damage.
pub(in crate::store) fn code<T: Copy>(
    row: &Row<'_>,
    column: &str,
    known: &[T],
) -> rusqlite::Result<T> {
    let index = row.as_ref().column_index(column)?;
    let n: i64 = row.get(index)?;
    usize::try_from(n)
        .ok()
        .and_then(|i| known.get(i).copied())
        .ok_or(rusqlite::Error::IntegralValueOutOfRange(index, n))
}

fn damaged(index: usize, e: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(index, Type::Text, Box::new(e))
}

/// The first row, if any.
pub(in crate::store) fn first<T>(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    map: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Done<Option<T>> {
    Ok(conn
        .prepare_cached(sql)?
        .query_row(params, map)
        .optional()?)
}

/// All rows.
pub(in crate::store) fn all<T>(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    map: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Done<Vec<T>> {
    let mut statement: CachedStatement<'_> = conn.prepare_cached(sql)?;
    let rows = statement.query_map(params, map)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Runs a statement and tells how many rows it touched.
pub(in crate::store) fn run(conn: &Connection, sql: &str, params: impl Params) -> Done<usize> {
    Ok(conn.prepare_cached(sql)?.execute(params)?)
}

/// How many rows to ask for: one more than wanted tells whether there is a next page.
pub(in crate::store) fn fetch(page: &PageRequest) -> u32 {
    page.limit.clamp(1, MAX_LIMIT) + 1
}

/// Makes a page of up to [`fetch`] rows.
pub(in crate::store) fn paged<T>(
    mut items: Vec<T>,
    page: &PageRequest,
    cursor: impl Fn(&T) -> String,
) -> Page<T> {
    let limit = page.limit.clamp(1, MAX_LIMIT) as usize;
    let more = items.len() > limit;
    items.truncate(limit);
    let next = if more { items.last().map(cursor) } else { None };
    Page { items, next }
}
