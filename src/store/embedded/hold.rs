//! Whether anything can still come into a store's file, and that only one copy of it is made at a time; never what is in it.

use std::path::Path;

use crate::store::sqlite::{Lock, OpenError, beside};

/// A store's file while it is copied into another store.
pub struct Hold {
    _copying: Lock,
    stopped: Option<Lock>,
}

impl Hold {
    /// Takes the file for a copy, and if no gateway serves on it keeps any from starting until this is dropped.
    ///
    /// # Errors
    /// When another copy is under way, or the system refuses.
    pub fn take(path: &Path) -> Result<Self, OpenError> {
        let copying = Lock::take(&beside(path, ".copy"))?;
        let stopped = match Lock::take(path) {
            Ok(lock) => Some(lock),
            Err(OpenError::InUse(_)) => None,
            Err(e) => return Err(e),
        };
        Ok(Self {
            _copying: copying,
            stopped,
        })
    }

    /// Whether nothing can come into the file while this is held.
    pub const fn is_last(&self) -> bool {
        self.stopped.is_some()
    }
}
