//! Everything the CRM knows, by account, and the locks around it; never what a request means.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::RwLock;

use crate::base::ceilings::{SAMPLE_RECORDS, SAMPLE_TENANT_RECORDS, SAMPLE_TENANTS};
use crate::base::clock::{Clock, Timestamp};

use super::activities::Activity;
use super::automations::{Automation, Run};
use super::contacts::Contact;
use super::deals::Deal;
use super::error::ApiError;
use super::seed;
use super::table::Table;
use super::users::User;

/// One account's records.
#[derive(Debug, Clone)]
pub(super) struct Tenant {
    pub(super) users: Table<User>,
    pub(super) contacts: Table<Contact>,
    /// Lower-case address to contact id: what makes an address unique.
    pub(super) emails: HashMap<String, String>,
    pub(super) deals: Table<Deal>,
    pub(super) activities: Table<Activity>,
    pub(super) automations: Table<Automation>,
    pub(super) runs: Table<Run>,
}

impl Tenant {
    pub(super) fn empty() -> Self {
        Self {
            users: Table::new("usr_"),
            contacts: Table::new("con_"),
            emails: HashMap::new(),
            deals: Table::new("deal_"),
            activities: Table::new("act_"),
            automations: Table::new("aut_"),
            runs: Table::new("run_"),
        }
    }

    /// Records that count against the ceilings; runs have a ceiling of their own.
    fn len(&self) -> usize {
        self.contacts.len() + self.deals.len() + self.activities.len() + self.automations.len()
    }

    /// Checks the ids that a body refers to.
    ///
    /// # Errors
    /// Names the first that is nobody's.
    pub(super) fn check_references(
        &self,
        contact: Option<&str>,
        deal: Option<&str>,
        user: Option<(&str, &str)>,
    ) -> Result<(), ApiError> {
        let missing = |field: &str, what: &str, id: &str| {
            let shown: String = id.chars().take(50).collect();
            Err(ApiError::field(
                field,
                format!("there is no {what} {shown}"),
            ))
        };
        if let Some(id) = contact.filter(|id| self.contacts.get(id).is_none()) {
            return missing("contact_id", "contact", id);
        }
        if let Some(id) = deal.filter(|id| self.deals.get(id).is_none()) {
            return missing("deal_id", "deal", id);
        }
        if let Some((field, id)) = user.filter(|(_, id)| self.users.get(id).is_none()) {
            return missing(field, "user", id);
        }
        Ok(())
    }

    /// Drops activities that belong to nothing any more.
    pub(super) fn drop_orphans(&mut self) {
        self.activities
            .retain(|a| a.contact_id.is_some() || a.deal_id.is_some());
    }
}

/// When a change to something last changed at `last` happens: later than that in any case, also within one millisecond and
/// when the clock went back, so that `updated_at` tells changes apart.
pub(super) fn later(now: Timestamp, last: Timestamp) -> Timestamp {
    now.max(last.plus(Duration::from_millis(1)))
}

/// All accounts. Those that never wrote read one shared copy of the seeded data, so reading costs no memory.
#[derive(Debug)]
pub(super) struct World {
    clock: Clock,
    seeded: Arc<RwLock<Tenant>>,
    // The outer lock is held only to find or add an account; the inner one for as long as a handler computes.
    tenants: RwLock<HashMap<String, Arc<RwLock<Tenant>>>>,
    records: AtomicUsize,
}

impl World {
    pub(super) fn new(clock: Clock) -> Self {
        let seeded = seed::tenant(clock.now());
        Self {
            clock,
            seeded: Arc::new(RwLock::new(seeded)),
            tenants: RwLock::new(HashMap::new()),
            records: AtomicUsize::new(0),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Reads an account's records.
    pub(super) fn read<R>(&self, account: &str, f: impl FnOnce(&Tenant) -> R) -> R {
        let found = self.tenants.read().get(account).cloned();
        let tenant = found.unwrap_or_else(|| Arc::clone(&self.seeded));
        let guard = tenant.read();
        f(&guard)
    }

    /// Changes an account's records without adding any.
    ///
    /// # Errors
    /// What `f` refuses, or no room for one more account.
    pub(super) fn write<R>(
        &self,
        account: &str,
        f: impl FnOnce(&mut Tenant, Timestamp) -> Result<R, ApiError>,
    ) -> Result<R, ApiError> {
        let tenant = self.tenant(account)?;
        let mut guard = tenant.write();
        let before = guard.len();
        let result = f(&mut guard, self.clock.now());
        let after = guard.len();
        self.records
            .fetch_add(after.saturating_sub(before), Ordering::Relaxed);
        self.records
            .fetch_sub(before.saturating_sub(after), Ordering::Relaxed);
        result
    }

    /// Adds to an account's records.
    ///
    /// # Errors
    /// What `f` refuses, or no room.
    pub(super) fn create<R>(
        &self,
        account: &str,
        f: impl FnOnce(&mut Tenant, Timestamp) -> Result<R, ApiError>,
    ) -> Result<R, ApiError> {
        if self.records.load(Ordering::Relaxed) >= SAMPLE_RECORDS {
            return Err(ApiError::full());
        }
        self.write(account, |tenant, now| {
            if tenant.len() >= SAMPLE_TENANT_RECORDS {
                return Err(ApiError::full());
            }
            f(tenant, now)
        })
    }

    /// The account's own records, copied from the seeded ones at its first write.
    fn tenant(&self, account: &str) -> Result<Arc<RwLock<Tenant>>, ApiError> {
        if let Some(tenant) = self.tenants.read().get(account) {
            return Ok(Arc::clone(tenant));
        }
        let mut tenants = self.tenants.write();
        if let Some(tenant) = tenants.get(account) {
            return Ok(Arc::clone(tenant));
        }
        if tenants.len() >= SAMPLE_TENANTS {
            return Err(ApiError::full());
        }
        let own = self.seeded.read().clone();
        self.records.fetch_add(own.len(), Ordering::Relaxed);
        let own = Arc::new(RwLock::new(own));
        tenants.insert(account.to_owned(), Arc::clone(&own));
        Ok(own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world() -> World {
        World::new(Clock::manual(Timestamp::from_secs(1_780_000_000)))
    }

    #[test]
    fn changes_have_their_own_instants_whatever_the_clock_does() {
        let t = Timestamp::from_secs(10);
        assert!(later(t, t) > t);
        assert!(later(Timestamp::from_secs(5), t) > t);
        assert_eq!(later(Timestamp::from_secs(11), t), Timestamp::from_secs(11));
    }

    #[test]
    fn accounts_beyond_the_ceiling_still_read() {
        let w = world();
        for n in 0..SAMPLE_TENANTS {
            w.write(&n.to_string(), |_, _| Ok(())).unwrap();
        }
        assert!(w.write("one too many", |_, _| Ok(())).is_err());
        assert!(w.read("one too many", |t| t.contacts.len()) > 0);
        assert!(w.write("0", |_, _| Ok(())).is_ok());
    }

    #[test]
    fn records_beyond_the_ceiling_are_refused_until_one_is_deleted() {
        let w = world();
        w.write("a", |t, now| {
            let one = t.activities.iter().next().unwrap().clone();
            while t.len() < SAMPLE_TENANT_RECORDS {
                t.activities.insert(|id| Activity {
                    id,
                    created_at: now,
                    ..one.clone()
                });
            }
            Ok(())
        })
        .unwrap();
        assert!(w.create("a", |_, _| Ok(())).is_err());
        w.write("a", |t, _| {
            t.activities.remove("act_1001");
            Ok(())
        })
        .unwrap();
        assert!(w.create("a", |_, _| Ok(())).is_ok());
        assert!(w.create("b", |_, _| Ok(())).is_ok());
    }
}
