//! A database file of ours as others look at it, or put it in order, while it is no open [`super::Database`]; never a change of its content.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::lock::{beside, failed};
use super::open::{check_owner, open_error};
use super::{Format, OpenError, writer};

/// How long a look waits for a moment in which the file's own process lets nobody in.
const WAIT: Duration = Duration::from_secs(5);

/// A file that is looked at.
pub(in crate::store) struct Look {
    /// Reads, and cannot write.
    pub(in crate::store) conn: Connection,
    /// The file's layout.
    pub(in crate::store) layout: i64,
}

/// Opens a file to read it, beside the process that works on it or where there is none.
///
/// # Errors
/// When it is not there, not of this format, of a newer version, or cannot be read.
pub(in crate::store) fn open_to_read(
    path: &Path,
    format: &'static Format,
) -> Result<Look, OpenError> {
    let real = path.canonicalize().map_err(failed(path))?;
    let error = |cause| open_error(path, format, cause);
    let conn = match connect(&real, "ro") {
        // The folder is read-only to us. Without a write-ahead log nobody has the file open, so that it does not change.
        Err(e)
            if e.sqlite_error_code() == Some(ErrorCode::CannotOpen)
                && !beside(&real, "-wal").exists() =>
        {
            connect(&real, "ro&immutable=1")
        }
        other => other,
    }
    .map_err(error)?;
    let layout = check_owner(&conn, path, format)?;
    if layout == 0 {
        return Err(OpenError::Foreign(path.to_owned(), format.what));
    }
    Ok(Look { conn, layout })
}

fn connect(real: &Path, mode: &str) -> rusqlite::Result<Connection> {
    let name = percent_encode(real.as_os_str().as_bytes(), NON_ALPHANUMERIC);
    let conn = Connection::open_with_flags(
        format!("file:{name}?mode={mode}"),
        OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    conn.busy_timeout(WAIT)?;
    // Without `query_only`, which would forbid VACUUM INTO another file as well.
    conn.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;")?;
    // The first look at the file itself.
    conn.query_row("PRAGMA schema_version", [], |_| Ok(()))?;
    Ok(conn)
}

/// Moves what a process that was killed left in the write-ahead log into the file, as its next start would. Only under
/// its [`super::Lock`].
///
/// # Errors
/// When the file is damaged or cannot be written.
pub(in crate::store) fn close_in_order(path: &Path) -> rusqlite::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    writer::checkpoint(&conn, "TRUNCATE")?;
    // Being the last, it takes the log away.
    conn.close().map_err(|(_, e)| e)
}
