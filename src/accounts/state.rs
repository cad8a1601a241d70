//! Accounts in memory: one state per account that all its keys share, read once and changed at once; never a store's rows.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use parking_lot::Mutex;

use super::model::Account;
use super::port::AccountStore;
use crate::base::ceilings::{ACCOUNT_AGE, ACCOUNT_LOADS, ACCOUNT_SWEEP, REVISION_TRIES};
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::flight::Flights;

/// Whether an account's requests are admitted at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// They are.
    Good,
    /// The operator suspended it.
    Suspended,
    /// It is being erased or was: its keys count as unknown.
    Gone,
}

impl Standing {
    const fn of(account: &Account) -> Self {
        if account.erasing {
            Self::Gone
        } else if account.suspended {
            Self::Suspended
        } else {
            Self::Good
        }
    }
}

/// An account as the request path sees it; its present form can change at any moment.
#[derive(Debug)]
pub struct AccountState {
    account: ArcSwap<Account>,
    /// What the account is admitted as: every request asks, and reads one byte for it.
    standing: AtomicU8,
    changing: Mutex<()>,
    read_at: AtomicI64,
    /// It may have changed since.
    stale: AtomicBool,
}

impl AccountState {
    fn new(account: Account, now: Timestamp) -> Self {
        Self {
            standing: AtomicU8::new(Standing::of(&account) as u8),
            account: ArcSwap::from_pointee(account),
            changing: Mutex::default(),
            read_at: AtomicI64::new(now.millis()),
            stale: AtomicBool::new(false),
        }
    }

    /// The account now.
    pub fn account(&self) -> Arc<Account> {
        self.account.load_full()
    }

    /// When it was read that way.
    pub fn read_at(&self) -> Timestamp {
        Timestamp::from_millis(self.read_at.load(Ordering::Relaxed))
    }

    /// Whether its requests are admitted now.
    pub fn standing(&self) -> Standing {
        const GOOD: u8 = Standing::Good as u8;
        const SUSPENDED: u8 = Standing::Suspended as u8;
        match self.standing.load(Ordering::Acquire) {
            GOOD => Standing::Good,
            SUSPENDED => Standing::Suspended,
            _ => Standing::Gone,
        }
    }

    /// Takes the account as it was read or written at `now`, and says whether it differs.
    fn replace(&self, account: Account, now: Timestamp) -> bool {
        self.read_at.store(now.millis(), Ordering::Relaxed);
        self.stale.store(false, Ordering::Relaxed);
        self.change(|_| account)
    }

    /// Puts another account in the place of the one there is, and says whether it differs.
    fn change(&self, to: impl FnOnce(&Account) -> Account) -> bool {
        // Of two at once one is wholly the later.
        let _alone = self.changing.lock();
        let before = self.account.load();
        let account = to(&before);
        let changed = **before != account;
        if changed {
            let standing = Standing::of(&account);
            self.account.store(Arc::new(account));
            self.standing.store(standing as u8, Ordering::Release);
        }
        changed
    }

    fn is_fresh(&self, now: Timestamp) -> bool {
        let read_at = self.read_at();
        let is_young = read_at <= now && now.since(read_at) < ACCOUNT_AGE;
        is_young && !self.stale.load(Ordering::Relaxed)
    }
}

/// Who must hear of a change of an account before the change is answered, such as limits and the key cache.
pub trait AccountObserver: Send + Sync {
    /// Plan, overrides or suspension changed; `state` has the present ones.
    fn account_changed(&self, state: &AccountState);
    /// The account is being erased: nothing of it may be served any longer.
    fn account_gone(&self, account_id: &str);
}

/// What reading an account came to.
#[derive(Clone)]
enum Read {
    Is(Option<Arc<AccountState>>),
    /// It changed while it was read.
    Stale,
}

fn unavailable(why: &str) -> StoreError {
    StoreError::Unavailable(why.to_owned())
}

/// The accounts that keys in memory belong to.
pub struct Accounts {
    store: Arc<dyn AccountStore>,
    states: DashMap<String, Arc<AccountState>>,
    flights: Flights<String, Result<Read, StoreError>>,
    /// Grows with every change made here, before memory changes: what was read before is not put over it.
    generation: AtomicU64,
    observers: ArcSwap<Vec<Arc<dyn AccountObserver>>>,
    sweep_at: AtomicUsize,
}

impl Accounts {
    /// None in memory yet.
    pub fn new(store: Arc<dyn AccountStore>) -> Self {
        Self {
            store,
            states: DashMap::new(),
            flights: Flights::new(ACCOUNT_LOADS),
            generation: AtomicU64::new(0),
            observers: ArcSwap::default(),
            sweep_at: AtomicUsize::new(ACCOUNT_SWEEP),
        }
    }

    /// Adds one who hears of changes. To be called while the gateway is put together.
    pub fn observe(&self, observer: Arc<dyn AccountObserver>) {
        self.observers.rcu(|all| {
            let mut all = Vec::clone(all);
            all.push(Arc::clone(&observer));
            all
        });
    }

    /// The state of an account; `None` when there is no such account. It is read from the store the first time and
    /// again at [`ACCOUNT_AGE`]; while the store is away a known state serves on.
    ///
    /// # Errors
    /// The store's failure, for an account that is not in memory.
    pub async fn get(
        &self,
        id: &str,
        now: Timestamp,
    ) -> Result<Option<Arc<AccountState>>, StoreError> {
        let known = self.known(id);
        if let Some(state) = &known
            && state.is_fresh(now)
        {
            return Ok(known);
        }
        match self.read(id, now).await {
            Err(_) if known.is_some() => Ok(known),
            read => read,
        }
    }

    /// The state of an account that is in memory.
    pub fn known(&self, id: &str) -> Option<Arc<AccountState>> {
        self.states.get(id).map(|s| Arc::clone(&s))
    }

    /// Every account in memory: to plan limits anew after a reload of the configuration.
    pub fn all(&self) -> Vec<Arc<AccountState>> {
        self.states.iter().map(|s| Arc::clone(&s)).collect()
    }

    /// Reads an account, anew while changes come between: each is a call of the admin API, so that this ends soon.
    async fn read(
        &self,
        id: &str,
        now: Timestamp,
    ) -> Result<Option<Arc<AccountState>>, StoreError> {
        for _ in 0..REVISION_TRIES {
            let generation = self.generation.load(Ordering::SeqCst);
            let fetch = || self.fetch(id, generation, now);
            match self.flights.run(id.to_owned(), generation, fetch).await {
                Some(Ok(Read::Stale)) => {}
                Some(Ok(Read::Is(state))) => return Ok(state),
                Some(Err(e)) => return Err(e),
                None => return Err(unavailable("too many accounts are being read")),
            }
        }
        Err(unavailable("accounts change all the time"))
    }

    async fn fetch(&self, id: &str, generation: u64, now: Timestamp) -> Result<Read, StoreError> {
        let Some(account) = self.store.account(id).await? else {
            self.states
                .remove_if(id, |_, _| self.is_current(generation));
            return Ok(Read::Is(None));
        };
        let kept = self.keep(account, Some(generation), now);
        Ok(kept.map_or(Read::Stale, |state| Read::Is(Some(state))))
    }

    /// Whether no account changed here since `generation`. Asked under the map's lock, for a change bumps the
    /// generation before it comes there.
    fn is_current(&self, generation: u64) -> bool {
        self.generation.load(Ordering::SeqCst) == generation
    }

    /// Puts what was read or written into memory and tells the observers if it differs. What was read before a change
    /// (of another generation) gives way to what the change put there; `None` where that is gone again.
    fn keep(
        &self,
        account: Account,
        read_in: Option<u64>,
        now: Timestamp,
    ) -> Option<Arc<AccountState>> {
        let current = || read_in.is_none_or(|g| self.is_current(g));
        let (state, changed) = match self.states.entry(account.id.clone()) {
            Entry::Occupied(slot) => {
                let state = Arc::clone(slot.get());
                let changed = current() && state.replace(account, now);
                (state, changed)
            }
            Entry::Vacant(slot) if current() => {
                let state = Arc::new(AccountState::new(account, now));
                (Arc::clone(slot.insert(state).value()), read_in.is_none())
            }
            Entry::Vacant(_) => return None,
        };
        if changed {
            self.tell(|o| o.account_changed(&state));
        }
        self.sweep();
        Some(state)
    }

    /// A change was written: it holds from now on.
    pub(super) fn changed(&self, account: Account, now: Timestamp) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.keep(account, None, now);
    }

    /// Another node says that it changed an account. One that is in memory is read at once, or where the store cannot be
    /// asked now, with the next key of it that is.
    pub async fn changed_elsewhere(&self, id: &str, now: Timestamp) {
        // What is being read at this moment may be older than the change.
        self.generation.fetch_add(1, Ordering::SeqCst);
        let Some(state) = self.known(id) else { return };
        state.stale.store(true, Ordering::Relaxed);
        if let Err(error) = self.read(id, now).await {
            tracing::debug!(%error, "a changed account cannot be read now");
        }
    }

    /// Accounts changed, nobody knows which: each is read again with the next key of it that is.
    pub fn age_all(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        for state in &self.states {
            state.stale.store(true, Ordering::Relaxed);
        }
    }

    /// An erasure began, here or on another node: nothing of the account is served from now on.
    pub fn gone(&self, id: &str) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        if let Some((_, state)) = self.states.remove(id) {
            state.change(|account| Account {
                erasing: true,
                ..account.clone()
            });
        }
        self.tell(|o| o.account_gone(id));
    }

    /// An erasure ended: the id is free for another account.
    pub fn erased(&self, id: &str) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.states.remove_if(id, |_, s| s.account.load().erasing);
    }

    fn tell(&self, what: impl Fn(&dyn AccountObserver)) {
        for observer in self.observers.load().iter() {
            what(observer.as_ref());
        }
    }

    /// Forgets accounts that nobody holds, once there are twice as many as the last time.
    fn sweep(&self) {
        let at = self.sweep_at.load(Ordering::Relaxed);
        if self.states.len() < at {
            return;
        }
        self.states.retain(|_, s| Arc::strong_count(s) > 1);
        let next = (self.states.len() * 2).max(ACCOUNT_SWEEP);
        self.sweep_at.store(next, Ordering::Relaxed);
    }
}
