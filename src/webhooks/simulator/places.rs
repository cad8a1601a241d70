//! Places for what takes long in the simulator: a few on a node, fewer for each account; never a queue for them.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::base::ceilings::simulator::{SIMULATOR_ACCOUNT_REQUESTS, SIMULATOR_REQUESTS};

/// The places of a node.
#[derive(Debug)]
pub(super) struct Places {
    all: Arc<Semaphore>,
    taken: Mutex<HashMap<String, usize>>,
}

/// A place of an account's; free again when dropped.
#[derive(Debug)]
pub struct AccountPlace {
    places: Arc<Places>,
    account_id: String,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            all: Arc::new(Semaphore::new(SIMULATOR_REQUESTS)),
            taken: Mutex::default(),
        })
    }

    /// A place for the operator.
    pub(super) fn any(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.all).try_acquire_owned().ok()
    }

    /// A place for an account, which has not all of them.
    pub(super) fn of_account(self: &Arc<Self>, account_id: &str) -> Option<AccountPlace> {
        let permit = self.any()?;
        let mut taken = self.taken.lock();
        let count = taken.get(account_id).copied().unwrap_or_default();
        if count >= SIMULATOR_ACCOUNT_REQUESTS {
            return None;
        }
        taken.insert(account_id.to_owned(), count + 1);
        Some(AccountPlace {
            places: Arc::clone(self),
            account_id: account_id.to_owned(),
            _permit: permit,
        })
    }
}

impl Drop for AccountPlace {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock();
        match taken.get_mut(&self.account_id) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                taken.remove(&self.account_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_account_leaves_places_to_the_others_and_gives_its_own_back() {
        let places = Places::new();
        let own: Vec<_> = (0..SIMULATOR_ACCOUNT_REQUESTS)
            .map(|_| places.of_account("acct_1").unwrap())
            .collect();
        assert!(places.of_account("acct_1").is_none());
        let other = places.of_account("acct_2").unwrap();
        drop(own);
        assert!(places.of_account("acct_1").is_some());
        drop(other);
        assert!(places.taken.lock().is_empty(), "nothing is remembered");
        let all: Vec<_> = (0..SIMULATOR_REQUESTS)
            .map(|_| places.any().unwrap())
            .collect();
        assert!(places.any().is_none() && places.of_account("acct_3").is_none());
        drop(all);
        assert!(places.any().is_some());
    }
}
