//! Everything in an embedded store, table by table in bounded pages and a fixed order; never what a row means.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::fail::{Done, Fail};
use super::rows::all;

/// Rows of one page.
pub(super) const PAGE_ROWS: usize = 1_000;

/// What the writer probes with: no content.
const PROBE: &str = "probe";

/// A table as the file itself describes it, so that files of older layouts are walked as well.
#[derive(Debug)]
pub(super) struct Table {
    /// Its name.
    pub(super) name: String,
    /// Its columns, in the order of its layout.
    columns: Vec<String>,
    /// Places of the columns of its primary key among them, in the key's order.
    key: Vec<usize>,
}

/// A row: a value for each column.
pub(super) type Row = Vec<Value>;

/// All tables with content, by name.
pub(super) fn tables(conn: &Connection) -> Done<Vec<Table>> {
    let names: Vec<String> = all(
        conn,
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' AND name <> ?1
         ORDER BY name",
        [PROBE],
        |row| row.get(0),
    )?;
    names.into_iter().map(|name| table(conn, name)).collect()
}

fn table(conn: &Connection, name: String) -> Done<Table> {
    let described: Vec<(String, usize)> = all(
        conn,
        "SELECT name, pk FROM pragma_table_info(?1) ORDER BY cid",
        [&name],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let mut key: Vec<(usize, usize)> = described
        .iter()
        .enumerate()
        .filter(|(_, (_, pk))| *pk > 0)
        .map(|(place, (_, pk))| (*pk, place))
        .collect();
    if key.is_empty() {
        return Err(Fail::corrupt(format!("table {name} has no key")));
    }
    key.sort_unstable();
    Ok(Table {
        name,
        columns: described.into_iter().map(|(name, _)| name).collect(),
        key: key.into_iter().map(|(_, place)| place).collect(),
    })
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Table {
    /// The key of a row, from which the next page goes on.
    pub(super) fn key_of(&self, row: &Row) -> Row {
        let place = |p: &usize| row.get(*p).cloned().unwrap_or(Value::Null);
        self.key.iter().map(place).collect()
    }

    /// The rows that come after a key, in the key's order: at most [`PAGE_ROWS`], none at the end.
    pub(super) fn page(&self, conn: &Connection, after: Option<&Row>) -> Done<Vec<Row>> {
        let names = |places: &[usize]| {
            let names = places.iter().filter_map(|p| self.columns.get(*p));
            names.map(|n| quoted(n)).collect::<Vec<_>>().join(", ")
        };
        let (every, key) = (
            (0..self.columns.len()).collect::<Vec<_>>(),
            names(&self.key),
        );
        let from = match after {
            None => String::new(),
            Some(_) => {
                let marks = vec!["?"; self.key.len()].join(", ");
                format!(" WHERE ({key}) > ({marks})")
            }
        };
        let sql = format!(
            "SELECT {} FROM {}{from} ORDER BY {key} LIMIT {PAGE_ROWS}",
            names(&every),
            quoted(&self.name)
        );
        let params = params_from_iter(after.into_iter().flatten());
        all(conn, &sql, params, |row| {
            every.iter().map(|place| row.get(*place)).collect()
        })
    }
}
