//! What all keys of an account share on one node: terms, the account's bucket and quotas as the store showed them, and whether the store is away; never a lease.

use http::HeaderValue;
use smallvec::SmallVec;

use super::alone::Alone;
use super::ask::{Amount, Grant, Seed, WindowView};
use super::shadow::Shadow;
use super::terms::Terms;
use super::{Tick, ms};
use crate::base::ceilings::{LEASE_LIFE, LEASE_RECHECK, LEASE_RETRY, LEASE_RETRY_MOST};
use crate::base::clock::{HOUR_MS, Timestamp};
use crate::limits::decision::Policy;
use crate::limits::fields::{PolicyTerms, policy_field};

/// A window of a quota, in the store's time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) start: u64,
    pub(super) end: u64,
    /// Places that the store has granted to all nodes.
    pub(super) used: u64,
    /// Of those, what this node's leases still hold.
    pub(super) held: u64,
    /// Requests that this node admitted on its own and the store has not heard of.
    pub(super) alone: u64,
}

/// The store does not grant: since when, and what this node may admit meanwhile.
#[derive(Debug, Clone, Copy)]
pub(super) struct Away {
    pub(super) since: Tick,
    pub(super) retry_at: Tick,
    tries: u32,
    /// Whether a call is under way that finds out whether it is back.
    pub(super) probing: bool,
    /// Live nodes by the last count.
    pub(super) nodes: u64,
    pub(super) account: Option<Alone>,
    /// Places left of the hour's and the month's quota for this node.
    pub(super) places: [Option<u64>; 2],
}

/// Limits of one account on one node.
#[derive(Debug)]
pub struct Shared {
    own: Terms,
    force: Terms,
    generation: u64,
    /// The store's clock less this node's, in milliseconds.
    ahead: i64,
    pub(super) account: Option<Shadow>,
    pub(super) hour: Window,
    pub(super) month: Window,
    quota_recheck: Tick,
    seed: Seed,
    away: Option<Away>,
    field: HeaderValue,
}

impl Shared {
    /// Limits under `terms`, with what usage counted in the hour and the month of the wall clock's `wall`, which is the
    /// node's tick `now`.
    pub fn new(terms: Terms, used: (u64, u64), wall: Timestamp, now: Tick) -> Self {
        let store_now = wall.millis().unsigned_abs();
        let (hour, month) = (hour_of(store_now, used.0), month_of(store_now, used.1));
        let mut new = Self {
            own: terms,
            force: terms,
            generation: 0,
            ahead: difference(store_now, now),
            account: terms.account.map(|spec| Shadow::full(spec, now)),
            hour,
            month,
            quota_recheck: 0,
            seed: Seed {
                hour: hour.start,
                hour_used: used.0,
                month: month.start,
                month_used: used.1,
            },
            away: None,
            field: HeaderValue::from_static(""),
        };
        new.write_field();
        new
    }

    /// Puts other terms in force, unless the store said that newer ones are: what is in hand under others is void.
    pub fn set_terms(&mut self, terms: Terms, now: Tick) {
        self.own = terms;
        if terms.revision >= self.force.revision {
            self.enforce(terms, now);
        }
    }

    /// Takes over the number that this node's configuration has among all nodes' now.
    pub fn set_config(&mut self, number: u64, now: Tick) {
        if number > self.own.revision.config {
            self.own.revision.config = number;
            self.set_terms(self.own, now);
        }
    }

    fn enforce(&mut self, terms: Terms, now: Tick) {
        let same = self.force.same_limits(&terms);
        self.force = terms;
        if same {
            return;
        }
        self.generation += 1;
        self.quota_recheck = 0;
        self.account = terms.account.map(|spec| {
            let mut shadow = self.account.unwrap_or_else(|| Shadow::full(spec, now));
            shadow.set_spec(spec, now);
            shadow
        });
        self.write_field();
    }

    /// Terms that this node's configuration and account say.
    pub const fn own(&self) -> &Terms {
        &self.own
    }

    /// Terms in force: its own, or newer ones that the store told of.
    pub const fn terms(&self) -> &Terms {
        &self.force
    }

    pub(super) const fn generation(&self) -> u64 {
        self.generation
    }

    pub(super) const fn seed(&self) -> Seed {
        self.seed
    }

    /// The text of `RateLimit-Policy`.
    pub const fn field(&self) -> &HeaderValue {
        &self.field
    }

    /// Tokens and the place that a request takes.
    pub(super) fn need(&self, cost: u64) -> Amount {
        let terms = &self.force;
        Amount {
            key: terms.key.effective(cost),
            account: terms.account.map_or(0, |a| a.effective(cost)),
            places: 1,
        }
    }

    /// The store's time, by estimate.
    pub(super) fn store_time(&self, now: Tick) -> u64 {
        now.saturating_add_signed(self.ahead)
    }

    /// Opens the windows that `now` lies in.
    pub(super) fn roll(&mut self, now: Tick) {
        let time = self.store_time(now);
        if time < self.hour.end {
            return;
        }
        self.hour = hour_of(time, 0);
        self.quota_recheck = 0;
        let month_begins = time >= self.month.end;
        if month_begins {
            self.month = month_of(time, 0);
            self.write_field();
        }
        if let Some(mut away) = self.away {
            away.places[0] = self.part_of(self.force.hour, 0, away.nodes);
            if month_begins {
                away.places[1] = self.part_of(self.force.month, 0, away.nodes);
            }
            self.away = Some(away);
        }
    }

    fn part_of(&self, quota: Option<u64>, used: u64, nodes: u64) -> Option<u64> {
        quota.map(|q| q.saturating_sub(used) / nodes.max(1))
    }

    /// Takes over what the store said; whether it had been away.
    pub(super) fn heard(&mut self, grant: &Grant, needed: u64, now: Tick, jitter: u64) -> bool {
        // The answer took some time: this estimate is late rather than early, so that no window opens before its time.
        self.ahead = difference(grant.now, now);
        let force = grant.terms.filter(|t| t.revision > self.own.revision);
        self.enforce(force.unwrap_or(self.own), now);
        let new_month = self.month.start != grant.month.start;
        take_over(&mut self.hour, &grant.hour);
        take_over(&mut self.month, &grant.month);
        if new_month {
            self.write_field();
        }
        let needed = self.force.account.map_or(0, |a| a.effective(needed));
        if let Some(account) = self.account.as_mut() {
            account.heard(&grant.account, needed, now, jitter);
        }
        let believed = if grant.account.active > 1 {
            ms(LEASE_LIFE)
        } else {
            ms(LEASE_RECHECK)
        };
        self.quota_recheck = now + believed * jitter.min(256) / 256;
        self.away.take().is_some()
    }

    /// A call failed: from here on the node is on its own, until a call goes through. Whether that begins now.
    pub(super) fn failed(&mut self, nodes: u64, now: Tick, jitter: u64) -> bool {
        let begins = self.away.is_none();
        let mut away = self.away.unwrap_or_else(|| Away {
            since: now,
            retry_at: now,
            tries: 0,
            probing: false,
            nodes,
            account: self.force.account.map(|spec| Alone::new(spec, nodes, now)),
            places: [
                self.part_of(self.force.hour, self.hour.used, nodes),
                self.part_of(self.force.month, self.month.used, nodes),
            ],
        });
        let pause = (ms(LEASE_RETRY) << away.tries.min(16)).min(ms(LEASE_RETRY_MOST));
        away.retry_at = now + (pause * jitter / 256).max(1);
        away.tries = away.tries.saturating_add(1);
        away.probing = false;
        self.away = Some(away);
        begins
    }

    pub(super) const fn away(&self) -> Option<&Away> {
        self.away.as_ref()
    }

    pub(super) const fn away_mut(&mut self) -> Option<&mut Away> {
        self.away.as_mut()
    }

    /// Whether the store is known to be away.
    pub const fn is_away(&self) -> bool {
        self.away.is_some()
    }

    /// Milliseconds for which the quotas refuse a request that has no place in hand, hour and month; 0 where they do not
    /// or the store is to be asked.
    pub(super) fn quotas_refuse_ms(&self, lacks_place: bool, now: Tick) -> [u64; 2] {
        let is_known = lacks_place && now < self.quota_recheck;
        let wait = |quota: Option<u64>, w: &Window| match quota {
            Some(q) if is_known && w.used >= q => self.left_ms(w, now).max(1),
            _ => 0,
        };
        [
            wait(self.force.hour, &self.hour),
            wait(self.force.month, &self.month),
        ]
    }

    /// Milliseconds until a window ends.
    pub(super) fn left_ms(&self, window: &Window, now: Tick) -> u64 {
        window.end.saturating_sub(self.store_time(now))
    }

    /// Requests counted in a window, as far as this node knows.
    pub(super) const fn used(window: &Window) -> u64 {
        window.used.saturating_sub(window.held) + window.alone
    }

    /// Requests counted in the hour and the month, with the ends of both in the store's milliseconds.
    pub fn used_at(&mut self, now: Tick) -> [(u64, u64); 2] {
        self.roll(now);
        [&self.hour, &self.month].map(|w| (Self::used(w), w.end))
    }

    fn write_field(&mut self) {
        let terms = &self.force;
        let window = |policy, quota: Option<u64>, w: &Window| {
            quota.map(|quota| PolicyTerms {
                policy,
                quota,
                window_seconds: (w.end - w.start) / 1000,
            })
        };
        let bucket = |policy, spec: &super::RateSpec| PolicyTerms {
            policy,
            quota: spec.burst,
            window_seconds: spec.fill_ms().div_ceil(1000),
        };
        let all: SmallVec<[PolicyTerms; 4]> = [
            Some(bucket(Policy::Burst, &terms.key)),
            terms.account.as_ref().map(|a| bucket(Policy::Account, a)),
            window(Policy::Hour, terms.hour, &self.hour),
            window(Policy::Month, terms.month, &self.month),
        ]
        .into_iter()
        .flatten()
        .collect();
        self.field = policy_field(&all);
    }
}

fn take_over(window: &mut Window, said: &WindowView) {
    if window.start != said.start {
        *window = Window {
            start: said.start,
            end: said.end,
            used: 0,
            held: 0,
            alone: 0,
        };
    }
    window.used = said.used;
}

fn hour_of(time: u64, used: u64) -> Window {
    let width = HOUR_MS.unsigned_abs();
    let start = time - time % width;
    window(start, start + width, used)
}

fn month_of(time: u64, used: u64) -> Window {
    let time = Timestamp::from_millis(i64::try_from(time).unwrap_or(i64::MAX));
    let ms = |t: Timestamp| t.millis().unsigned_abs();
    window(ms(time.month_start()), ms(time.next_month_start()), used)
}

const fn window(start: u64, end: u64, used: u64) -> Window {
    Window {
        start,
        end,
        used,
        held: 0,
        alone: 0,
    }
}

fn difference(a: u64, b: u64) -> i64 {
    i64::try_from(i128::from(a) - i128::from(b)).unwrap_or(0)
}
