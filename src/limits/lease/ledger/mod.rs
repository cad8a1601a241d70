//! What the store decides, as pure arithmetic over its time: the model that the script in Redis is held against; never used to serve.

mod level;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use self::level::{LATE_MS, Level, slot_end};
use super::ask::{Amount, Answer, Ask, BucketView, Count, Grant, Tokens, WindowView};
use super::terms::{RateSpec, Revision, Terms};
use crate::base::clock::{HOUR_MS, Timestamp};

/// What the store knows of a node's lease of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Record {
    seq: u64,
    end: u64,
    key: (u64, u64),
    account: (u64, u64),
    hour: (u64, u64),
    month: (u64, u64),
    last: Amount,
    leases: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    level: Level,
    records: BTreeMap<Arc<str>, Record>,
}

/// Requests counted in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    start: u64,
    end: u64,
    used: u64,
}

/// All of one account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Ledger {
    account: Option<Account>,
    keys: BTreeMap<Arc<str>, Key>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Account {
    level: Level,
    quotas: (Option<u64>, Option<u64>),
    hour: Window,
    month: Window,
}

impl Ledger {
    /// Carries a call out at the store's time `now`.
    pub(crate) fn grant(&mut self, ask: &Ask, now: u64) -> Answer {
        let terms = &ask.terms;
        let mut account = self
            .account
            .clone()
            .unwrap_or_else(|| Account::new(ask, now));
        let mut key = self.keys.get(&ask.key).cloned().unwrap_or_else(|| Key {
            level: Level::full(terms, Some(terms.key), ask.settled_at, now),
            records: BTreeMap::new(),
        });
        account.level.advance(now);
        key.level.advance(now);
        account.roll(now);
        let known = key.records.get(&ask.boot).cloned();
        match &known {
            Some(r) if ask.seq < r.seq => return Answer::Stale,
            Some(r) if ask.seq == r.seq => {
                let mut amount = r.last;
                if r.hour.0 != account.hour.start {
                    amount.places = 0;
                }
                let own = if r.end > now {
                    (r.key.1, r.account.1)
                } else {
                    (0, 0)
                };
                return answer(ask, &key, &account, amount, own, now);
            }
            _ => {}
        }
        key.level.adopt(terms, Some(terms.key));
        account.adopt(terms);
        let record = book(ask, known.as_ref(), &mut key.level, &mut account, now);
        let (amount, own) = (record.last, (record.key.1, record.account.1));
        let answer = answer(ask, &key, &account, amount, own, now);
        key.records.insert(Arc::clone(&ask.boot), record);
        self.keys.insert(Arc::clone(&ask.key), key);
        self.account = Some(account);
        answer
    }

    /// Tokens of a key at `now`, below zero where it owes; `None` where it was never used.
    pub(crate) fn key_tokens(&self, key: &str, now: u64) -> Option<BucketView> {
        let mut level = self.keys.get(key)?.level.clone();
        level.advance(now);
        Some(level.view(0))
    }

    /// Tokens of the account at `now`.
    pub(crate) fn account_tokens(&self, now: u64) -> Option<BucketView> {
        let mut level = self.account.as_ref()?.level.clone();
        level.advance(now);
        Some(level.view(0))
    }

    /// Revision and rate in force for a key.
    pub(crate) fn key_in_force(&self, key: &str) -> Option<(Revision, RateSpec)> {
        let (revision, _, spec) = self.keys.get(key)?.level.terms();
        Some((revision, spec?))
    }

    /// Tokens of a key and of the account that a node has answered for.
    pub(crate) fn reported(&self, key: &str, boot: &str) -> Option<(u64, u64)> {
        let record = self.keys.get(key)?.records.get(boot)?;
        Some((record.key.0, record.account.0))
    }

    /// What is in force for the account.
    pub(crate) fn in_force(&self) -> Option<Terms> {
        let account = self.account.as_ref()?;
        let (revision, strict, spec) = account.level.terms();
        let key = self.keys.values().next()?.level.terms().2?;
        Some(Terms {
            revision,
            strict,
            key,
            account: spec,
            hour: account.quotas.0,
            month: account.quotas.1,
        })
    }
}

/// Settles what a node reports and grants what it may have.
fn book(
    ask: &Ask,
    known: Option<&Record>,
    key: &mut Level,
    account: &mut Account,
    now: u64,
) -> Record {
    let live = known.filter(|r| r.end > now);
    if let Some(r) = live {
        key.withdraw(r.end, r.key.1, r.leases);
        account.level.withdraw(r.end, r.account.1, r.leases);
    }
    let before =
        |said: fn(&Record) -> (u64, u64)| (known.map(|r| said(r).0), live.map(|r| said(r).1));
    let (total, held) = before(|r| r.key);
    key.settle(&ask.key_tokens, total, held);
    let (total, held) = before(|r| r.account);
    account.level.settle(&ask.account_tokens, total, held);
    let in_hour = account.hour.settle(&ask.hour, known.map(|r| r.hour));
    let in_month = account.month.settle(&ask.month, known.map(|r| r.month));
    let amount = decide(ask, key, account);
    key.debit(amount.key);
    account.level.debit(amount.account);
    account.hour.used += amount.places;
    account.month.used += amount.places;
    let held = |said: &Tokens, granted| (said.total + granted, said.held + granted);
    let (of_key, of_account) = (
        held(&ask.key_tokens, amount.key),
        held(&ask.account_tokens, amount.account),
    );
    let returns = ask.cost == 0 && ask.want == 0;
    let leases = u64::from(!returns);
    let end = slot_end(now, ask.life);
    key.deposit(end, of_key.1, leases);
    account.level.deposit(end, of_account.1, leases);
    Record {
        seq: ask.seq,
        end,
        key: of_key,
        account: of_account,
        hour: (account.hour.start, in_hour + amount.places),
        month: (account.month.start, in_month + amount.places),
        last: amount,
        leases,
    }
}

/// How much a node gets: what the waiting request lacks, or nothing; beyond that, its share of everything.
fn decide(ask: &Ask, key: &Level, account: &Account) -> Amount {
    let in_window = ask.hour.start == account.hour.start;
    let hand_places = if in_window { ask.hand_places } else { 0 };
    let need = if ask.cost == 0 {
        Amount::default()
    } else {
        Amount {
            key: key.need(ask.cost, ask.key_tokens.hand),
            account: account.level.need(ask.cost, ask.account_tokens.hand),
            places: 1_u64.saturating_sub(hand_places),
        }
    };
    let left = account.left();
    if key.available() < need.key || account.level.available() < need.account || left < need.places
    {
        return Amount::default();
    }
    let mut places = ask
        .places
        .min(left / (2 * account.level.view(0).active + 2));
    if account.quotas == (None, None) {
        places = ask.places;
    }
    places = places.max(need.places);
    let waits = ask.cost > 0;
    let mut tokens = ask
        .want
        .min(key.share(waits))
        .min(account.level.share(waits));
    if places < ask.places {
        tokens = tokens.min(ask.want * places / ask.places);
    }
    let most = tokens.max(need.key).max(need.account);
    if most < ask.want {
        let fitting = (ask.places * most).div_ceil(ask.want);
        places = places.min(fitting).max(need.places);
    }
    Amount {
        key: tokens.max(need.key),
        account: if account.level.is_limited() {
            tokens.max(need.account)
        } else {
            0
        },
        places,
    }
}

fn answer(
    ask: &Ask,
    key: &Key,
    account: &Account,
    amount: Amount,
    own: (u64, u64),
    now: u64,
) -> Answer {
    let (of_key, of_account) = (key.level.terms(), account.level.terms());
    let revision = of_key.0.max(of_account.0);
    let window = |w: &Window| WindowView {
        start: w.start,
        end: w.end,
        used: w.used,
    };
    Answer::Granted(Box::new(Grant {
        amount,
        now,
        key: key.level.view(own.0),
        account: account.level.view(own.1),
        hour: window(&account.hour),
        month: window(&account.month),
        terms: (revision > ask.terms.revision).then(|| Terms {
            revision,
            strict: of_account.1,
            key: of_key.2.unwrap_or(ask.terms.key),
            account: of_account.2,
            hour: account.quotas.0,
            month: account.quotas.1,
        }),
    }))
}

impl Account {
    fn new(ask: &Ask, now: u64) -> Self {
        let (hour, month) = (hour(now), month(now));
        let seeded = |start: u64, at: u64, used: u64| if start == at { used } else { 0 };
        Self {
            level: Level::full(&ask.terms, ask.terms.account, ask.settled_at, now),
            quotas: (ask.terms.hour, ask.terms.month),
            hour: Window {
                used: seeded(hour.0, ask.seed.hour, ask.seed.hour_used),
                start: hour.0,
                end: hour.1,
            },
            month: Window {
                used: seeded(month.0, ask.seed.month, ask.seed.month_used),
                start: month.0,
                end: month.1,
            },
        }
    }

    fn adopt(&mut self, terms: &Terms) {
        if terms.revision > self.level.terms().0 {
            self.quotas = (terms.hour, terms.month);
        }
        self.level.adopt(terms, terms.account);
    }

    fn roll(&mut self, now: u64) {
        self.hour.roll(hour(now), now);
        self.month.roll(month(now), now);
    }

    /// Places that both quotas have.
    fn left(&self) -> u64 {
        let left =
            |quota: Option<u64>, w: &Window| quota.map_or(u64::MAX, |q| q.saturating_sub(w.used));
        left(self.quotas.0, &self.hour).min(left(self.quotas.1, &self.month))
    }
}

impl Window {
    /// Opens the next window. A clock that was set back takes the count along.
    fn roll(&mut self, open: (u64, u64), now: u64) {
        let used = if open.0 > self.start {
            0
        } else if now + LATE_MS < self.start {
            self.used
        } else {
            return;
        };
        *self = Self {
            start: open.0,
            end: open.1,
            used,
        };
    }

    /// Books what a node counted in this window, and says how much that is.
    fn settle(&mut self, said: &Count, known: Option<(u64, u64)>) -> u64 {
        if said.start != self.start {
            return 0;
        }
        let base = match known {
            Some((start, total)) if start == self.start => total,
            Some(_) => 0,
            None => said.settled,
        };
        if said.total > base {
            self.used += said.total - base;
        } else if known.is_some() {
            self.used = self.used.saturating_sub(base - said.total);
        }
        said.total
    }
}

fn hour(now: u64) -> (u64, u64) {
    let width = HOUR_MS.unsigned_abs();
    let start = now - now % width;
    (start, start + width)
}

fn month(now: u64) -> (u64, u64) {
    let now = Timestamp::from_millis(i64::try_from(now).unwrap_or(i64::MAX));
    let ms = |t: Timestamp| t.millis().unsigned_abs();
    (ms(now.month_start()), ms(now.next_month_start()))
}
