//! Whether a file is a sound store, and what is in it: counts and digests; never a change of it.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::types::Value;
use sha2::{Digest, Sha256};

use super::FORMAT;
use super::backup::BackupError;
use super::consistency;
use super::fail::Done;
use super::walk::{self, Row, Table};
use crate::base::hex;
use crate::store::sqlite::{OpenError, open_to_read};

/// Findings of the check for damage that are told.
const FINDINGS: u32 = 100;

/// What a store has in it. Two with the same digest hold the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The file.
    pub path: PathBuf,
    /// Its size in bytes, without a write-ahead log.
    pub bytes: u64,
    /// Its layout.
    pub layout: i64,
    /// Its tables, by name.
    pub tables: Vec<TableReport>,
    /// SHA-256 over all of it, in hex.
    pub sha256: String,
    /// Where its rows disagree, in words; the file itself is sound.
    pub problems: Vec<String>,
}

/// What one table has in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableReport {
    /// Its name.
    pub name: String,
    /// Its rows.
    pub rows: u64,
    /// SHA-256 over its rows in the order of their keys, in hex.
    pub sha256: String,
}

impl Report {
    /// Rows of all tables.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|t| t.rows).sum()
    }
}

/// Checks a file for damage and reads all of it, in one state of it: a gateway may have it open. Blocks while it does.
///
/// # Errors
/// When it is no store of ours, of a newer version, damaged, or cannot be read.
pub fn verify(path: &Path) -> Result<Report, BackupError> {
    let file = open_to_read(path, &FORMAT)?;
    let damaged = |what: String| OpenError::Damaged {
        path: path.to_owned(),
        what,
    };
    let read = || -> Done<Report> {
        // One transaction from here to the end.
        file.conn.execute_batch("BEGIN")?;
        let found = check(&file.conn)?;
        if !found.is_empty() {
            return Err(super::fail::Fail::corrupt(found.join("; ")));
        }
        report(&file.conn, path, file.layout)
    };
    match read() {
        Ok(report) => Ok(report),
        Err(fail) => match fail.into_store() {
            crate::base::error::StoreError::Corrupt(what) => Err(damaged(what).into()),
            other => Err(BackupError::Read {
                path: path.to_owned(),
                cause: other.to_string(),
            }),
        },
    }
}

fn check(conn: &Connection) -> Done<Vec<String>> {
    let sql = format!("PRAGMA integrity_check({FINDINGS})");
    let mut found: Vec<String> = super::rows::all(conn, &sql, [], |row| row.get(0))?;
    found.retain(|line| line != "ok");
    Ok(found)
}

fn report(conn: &Connection, path: &Path, layout: i64) -> Done<Report> {
    let mut tables = Vec::new();
    let mut whole = Sha256::new();
    for table in walk::tables(conn)? {
        let (rows, digest) = digest(conn, &table)?;
        text(&mut whole, &table.name);
        whole.update(rows.to_le_bytes());
        whole.update(digest);
        tables.push(TableReport {
            name: table.name,
            rows,
            sha256: hex::encode(&digest),
        });
    }
    Ok(Report {
        path: path.to_owned(),
        bytes: std::fs::metadata(path).map_or(0, |m| m.len()),
        layout,
        tables,
        sha256: hex::encode(&whole.finalize()),
        problems: consistency::problems(conn)?,
    })
}

fn digest(conn: &Connection, table: &Table) -> Done<(u64, [u8; 32])> {
    let (mut rows, mut digest, mut after) = (0, Sha256::new(), None);
    loop {
        let page = table.page(conn, after.as_ref())?;
        let Some(last) = page.last() else {
            return Ok((rows, digest.finalize().into()));
        };
        after = Some(table.key_of(last));
        for row in &page {
            rows += 1;
            add(&mut digest, row);
        }
    }
}

/// Each value with its kind and length, so that no two rows look alike.
fn add(digest: &mut Sha256, row: &Row) {
    for value in row {
        match value {
            Value::Null => digest.update([0]),
            Value::Integer(n) => {
                digest.update([1]);
                digest.update(n.to_le_bytes());
            }
            Value::Real(x) => {
                digest.update([2]);
                digest.update(x.to_bits().to_le_bytes());
            }
            Value::Text(t) => {
                digest.update([3]);
                text(digest, t);
            }
            Value::Blob(b) => {
                digest.update([4]);
                digest.update((b.len() as u64).to_le_bytes());
                digest.update(b);
            }
        }
    }
}

fn text(digest: &mut Sha256, text: &str) {
    digest.update((text.len() as u64).to_le_bytes());
    digest.update(text);
}
