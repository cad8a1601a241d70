//! What goes wrong inside a statement and what it means for its caller and for the store; never a public text.

use rusqlite::ErrorCode;

use crate::base::error::StoreError;

/// Why a piece of work on the database did not succeed.
#[derive(Debug)]
pub(in crate::store) enum Fail {
    /// The work's own decision; the store itself is well.
    Store(StoreError),
    /// SQLite's error.
    Sql(rusqlite::Error),
}

pub(in crate::store) type Done<T> = Result<T, Fail>;

impl From<rusqlite::Error> for Fail {
    fn from(e: rusqlite::Error) -> Self {
        Self::Sql(e)
    }
}

impl From<StoreError> for Fail {
    fn from(e: StoreError) -> Self {
        Self::Store(e)
    }
}

impl Fail {
    pub(in crate::store) fn conflict(what: &str) -> Self {
        Self::Store(StoreError::Conflict(what.to_owned()))
    }

    pub(in crate::store) fn corrupt(what: impl Into<String>) -> Self {
        Self::Store(StoreError::Corrupt(what.into()))
    }

    /// Whether the failure says that nothing can be written now, whatever it is.
    pub(in crate::store) fn is_of_the_store(&self) -> bool {
        matches!(self, Self::Sql(e) if to_store(e).is_unavailable())
    }

    pub(in crate::store) fn into_store(self) -> StoreError {
        match self {
            Self::Store(e) => e,
            Self::Sql(e) => to_store(&e),
        }
    }
}

trait IsUnavailable {
    fn is_unavailable(&self) -> bool;
}

impl IsUnavailable for StoreError {
    fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

/// SQLite's text names tables and columns but never holds bound values, so it is fit for the log.
pub(in crate::store) fn to_store(e: &rusqlite::Error) -> StoreError {
    use rusqlite::Error as E;
    match e {
        E::SqliteFailure(f, _) => match f.code {
            ErrorCode::ConstraintViolation => StoreError::Conflict(e.to_string()),
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::TypeMismatch => {
                StoreError::Corrupt(e.to_string())
            }
            _ => StoreError::Unavailable(e.to_string()),
        },
        E::QueryReturnedNoRows => StoreError::NotFound,
        E::FromSqlConversionFailure(..)
        | E::IntegralValueOutOfRange(..)
        | E::InvalidColumnType(..) => StoreError::Corrupt(e.to_string()),
        // A value that does not fit the database (a count over i64) or a misuse: retrying does not help.
        _ => StoreError::Corrupt(e.to_string()),
    }
}
