//! Opens the database file: folders, mode, lock, settings, layout and damage check; never a row of a domain.

use std::fs::{OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::lock::{Lock, beside, failed};
use super::{Format, Options};
use crate::base::ceilings;

/// Why a database file was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file or a folder of it cannot be made or read.
    #[error("cannot use {path}: {cause}")]
    File {
        /// What was tried.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// Another process, or another store of this one, has it open.
    #[error("{0} is in use by another process; two must not share it")]
    InUse(PathBuf),
    /// A newer version of fuelgate wrote it.
    #[error("{path} has layout {found}, this version knows up to {known}: start a newer version")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its layout.
        found: i64,
        /// The newest that is known here.
        known: i64,
    },
    /// It is not what it should be, or not of fuelgate at all.
    #[error("{0} is not a fuelgate {1}")]
    Foreign(PathBuf, &'static str),
    /// The check after an unclean stop found damage.
    #[error("{path} is damaged: {what}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the check said first.
        what: String,
    },
    /// SQLite refused.
    #[error("cannot open {path}: {cause}")]
    Sql {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        cause: rusqlite::Error,
    },
}

/// A database file that belongs to this process until the value is dropped.
pub(in crate::store) struct OwnedFile {
    pub(in crate::store) path: PathBuf,
    format: &'static Format,
    _lock: Lock,
    /// Whether the last owner left a write-ahead log: it did not close.
    unclean: bool,
}

/// Makes folders and file, and takes the lock.
pub(in crate::store) fn take_file(
    path: &Path,
    format: &'static Format,
) -> Result<OwnedFile, OpenError> {
    let lock = Lock::take(path)?;
    let real = lock.path().to_owned();
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(&real)
        .map_err(failed(&real))?;
    std::fs::set_permissions(&real, Permissions::from_mode(0o600)).map_err(failed(&real))?;
    let unclean = std::fs::metadata(beside(&real, "-wal")).is_ok_and(|m| m.len() > 0);
    Ok(OwnedFile {
        path: real,
        format,
        _lock: lock,
        unclean,
    })
}

/// What an error of SQLite's says of a file.
pub(super) fn open_error(path: &Path, format: &Format, cause: rusqlite::Error) -> OpenError {
    match cause.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => OpenError::Foreign(path.to_owned(), format.what),
        Some(rusqlite::ErrorCode::DatabaseCorrupt) => OpenError::Damaged {
            path: path.to_owned(),
            what: cause.to_string(),
        },
        _ => OpenError::Sql {
            path: path.to_owned(),
            cause,
        },
    }
}

/// Whether the file is of this format, and its layout: 0 for one with nothing in it.
pub(super) fn check_owner(
    conn: &Connection,
    path: &Path,
    format: &Format,
) -> Result<i64, OpenError> {
    let sql = |cause| open_error(path, format, cause);
    let pragma = |name| conn.pragma_query_value(None, name, |r| r.get::<_, i64>(0));
    let found = pragma("user_version").map_err(sql)?;
    let id = pragma("application_id").map_err(sql)?;
    let tables: i64 = conn
        .query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0))
        .map_err(sql)?;
    if tables == 0 && found == 0 {
        return Ok(0);
    }
    if id != i64::from(format.application_id) {
        return Err(OpenError::Foreign(path.to_owned(), format.what));
    }
    let known = i64::try_from(format.layouts.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(OpenError::Newer {
            path: path.to_owned(),
            found,
            known,
        });
    }
    Ok(found)
}

impl OwnedFile {
    fn sql(&self) -> impl Fn(rusqlite::Error) -> OpenError + '_ {
        |cause| open_error(&self.path, self.format, cause)
    }

    /// The one connection that writes, with the newest layout.
    pub(in crate::store) fn open_writer(&self, options: &Options) -> Result<Connection, OpenError> {
        let sql = self.sql();
        let mut conn =
            Connection::open_with_flags(&self.path, OpenFlags::SQLITE_OPEN_READ_WRITE | COMMON)
                .map_err(&sql)?;
        settings(&conn, options.writer_cache_kib).map_err(&sql)?;
        check_owner(&conn, &self.path, self.format)?;
        if self.unclean {
            self.check_damage(&conn)?;
        }
        conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))
            .map_err(&sql)?;
        self.migrate(&mut conn)?;
        if let Some(pages) = options.max_page_count {
            set_max_page_count(&conn, pages).map_err(&sql)?;
        }
        Ok(conn)
    }

    /// A connection that only reads.
    pub(in crate::store) fn open_reader(&self, options: &Options) -> Result<Connection, OpenError> {
        let sql = self.sql();
        let conn =
            Connection::open_with_flags(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY | COMMON)
                .map_err(&sql)?;
        settings(&conn, options.reader_cache_kib).map_err(&sql)?;
        conn.pragma_update(None, "query_only", true).map_err(&sql)?;
        Ok(conn)
    }

    /// A connection that moves the write-ahead log into the file.
    pub(in crate::store) fn open_checkpointer(&self) -> Result<Connection, OpenError> {
        let sql = self.sql();
        let conn =
            Connection::open_with_flags(&self.path, OpenFlags::SQLITE_OPEN_READ_WRITE | COMMON)
                .map_err(&sql)?;
        settings(&conn, 64).map_err(&sql)?;
        Ok(conn)
    }

    /// A quick check, bounded in time: a large store must not keep a restart waiting for long.
    fn check_damage(&self, conn: &Connection) -> Result<(), OpenError> {
        let (ended, waits) = std::sync::mpsc::channel::<()>();
        let handle = conn.get_interrupt_handle();
        let guard = std::thread::spawn(move || {
            if waits.recv_timeout(ceilings::STORE_CHECK_TIME)
                == Err(std::sync::mpsc::RecvTimeoutError::Timeout)
            {
                handle.interrupt();
            }
        });
        let said = conn.query_row("PRAGMA quick_check(1)", [], |r| r.get::<_, String>(0));
        drop(ended);
        // A guard cannot panic; if it ever did, the check's own result still stands.
        let _ = guard.join();
        match said {
            Ok(s) if s == "ok" => Ok(()),
            Ok(what) => Err(OpenError::Damaged {
                path: self.path.clone(),
                what,
            }),
            Err(e) if e.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted) => {
                tracing::warn!(
                    "the {} is too large to be checked in full after the unclean stop",
                    self.format.what
                );
                Ok(())
            }
            Err(e) => Err((self.sql())(e)),
        }
    }

    fn migrate(&self, conn: &mut Connection) -> Result<(), OpenError> {
        let sql = self.sql();
        let have: i64 = conn
            .pragma_query_value(None, "user_version", |r| r.get(0))
            .map_err(&sql)?;
        let have = usize::try_from(have).unwrap_or(0);
        for (i, layout) in self.format.layouts.iter().enumerate().skip(have) {
            let tx = conn
                .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
                .map_err(&sql)?;
            tx.execute_batch(layout).map_err(&sql)?;
            tx.pragma_update(None, "application_id", self.format.application_id)
                .map_err(&sql)?;
            tx.pragma_update(None, "user_version", i64::try_from(i + 1).unwrap_or(0))
                .map_err(&sql)?;
            tx.commit().map_err(&sql)?;
        }
        Ok(())
    }
}

const COMMON: OpenFlags = OpenFlags::SQLITE_OPEN_NO_MUTEX;

/// What every connection has. `secure_delete` overwrites what an erasure frees where that costs no extra write.
fn settings(conn: &Connection, cache_kib: u32) -> rusqlite::Result<()> {
    conn.busy_timeout(Duration::from_secs(1))?;
    conn.set_prepared_statement_cache_capacity(256);
    conn.execute_batch(&format!(
        "PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = OFF;
         PRAGMA trusted_schema = OFF;
         PRAGMA cell_size_check = ON;
         PRAGMA temp_store = MEMORY;
         PRAGMA secure_delete = FAST;
         PRAGMA cache_size = -{cache_kib};
         PRAGMA journal_size_limit = {};",
        ceilings::STORE_WAL_BYTES
    ))
}

/// Bounds the file; SQLite never sets it below what the file has.
pub(in crate::store) fn set_max_page_count(conn: &Connection, pages: u32) -> rusqlite::Result<u32> {
    conn.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |r| {
        r.get(0)
    })
}
