//! What must hold of every run: admitted tokens against the rate, over a bucket's life and in every window, and quotas; never how a run goes.

use std::collections::BTreeMap;

use super::super::terms::RateSpec;

/// Tokens admitted from one bucket, held against what it may give.
#[derive(Debug)]
pub(super) struct Account {
    name: String,
    spec: RateSpec,
    strict: bool,
    /// Tokens admitted from leases, and by nodes on their own.
    pub(super) leased: i128,
    pub(super) alone: i128,
    /// What the bucket may have given so far, in parts of a token of `unit`; none before its first use.
    budget: Option<i128>,
    at: u64,
    /// Tokens that fail-overs may have lost so far.
    pub(super) lost: i128,
    /// Parts that came in by the rate, and the least of (leased tokens less what came in, plus outstanding) over all beginnings of windows.
    came: i128,
    least: Option<i128>,
    /// Windows begin after this: another rate was just put in force.
    pub(super) from: u64,
}

impl Account {
    pub(super) fn new(name: &str, spec: RateSpec, strict: bool) -> Self {
        Self {
            name: name.to_owned(),
            spec,
            strict,
            leased: 0,
            alone: 0,
            budget: None,
            at: 0,
            lost: 0,
            came: 0,
            least: None,
            from: 0,
        }
    }

    fn unit(&self) -> i128 {
        i128::from(self.spec.unit)
    }

    /// Lets the store's time come to `now`.
    pub(super) fn advance(&mut self, now: u64) {
        let passed = i128::from(now.saturating_sub(self.at));
        self.at = self.at.max(now);
        if let Some(budget) = self.budget.as_mut() {
            *budget += passed * i128::from(self.spec.gain);
            self.came += passed * i128::from(self.spec.gain);
        }
    }

    /// A rate is in force from here on: with a full bucket where it is the first.
    pub(super) fn change(&mut self, spec: RateSpec, windows_from: u64, now: u64) {
        match self.budget {
            None => {
                self.at = now;
                self.budget = Some(i128::from(spec.burst) * i128::from(spec.unit));
            }
            Some(parts) => {
                self.budget = Some(parts * i128::from(spec.unit) / i128::from(self.spec.unit));
                self.from = windows_from;
            }
        }
        self.spec = spec;
        self.came = 0;
        self.least = None;
    }

    fn window_level(&self, outstanding: u64) -> i128 {
        (self.leased + i128::from(outstanding)) * self.unit() - self.came
    }

    /// A window may begin here; `outstanding` tokens are with nodes.
    pub(super) fn window_begins(&mut self, outstanding: u64) {
        if self.budget.is_none() || self.at < self.from {
            return;
        }
        let outstanding = if self.strict { 0 } else { outstanding };
        let level = self.window_level(outstanding);
        self.least = Some(self.least.map_or(level, |l| l.min(level)));
    }

    /// Holds what was admitted against what may be.
    pub(super) fn check(&self) {
        let lost = self.lost * self.unit();
        let budget = self.budget.unwrap_or(0);
        assert!(
            self.leased * self.unit() <= budget + lost,
            "{}: {} tokens over burst and rate over its life",
            self.name,
            (self.leased * self.unit() - budget - lost) / self.unit()
        );
        let Some(least) = self.least else { return };
        let most = i128::from(self.spec.burst) * self.unit() + lost;
        let in_window = self.window_level(0) - least;
        assert!(
            in_window <= most,
            "{}: {} tokens over burst and rate in a window",
            self.name,
            (in_window - most) / self.unit()
        );
    }

    /// Nodes on their own admitted no more than comes in `ms`.
    pub(super) fn check_alone(&self, ms: u64) {
        assert!(
            self.alone <= i128::from(self.spec.in_ms(ms)),
            "{}: {} tokens were admitted without the store in {ms} ms",
            self.name,
            self.alone
        );
    }

    /// When all that nodes did is reported: the bucket knows of everything but `unknown` tokens.
    pub(super) fn check_level(&self, tokens: i64, part: u64, unknown: u64) {
        let level = self.spec.parts(tokens, part);
        let spent = (self.leased + self.alone - i128::from(unknown)) * self.unit();
        let budget = self.budget.unwrap_or(0);
        assert!(
            level + spent <= budget,
            "{}: the bucket holds {} tokens that were spent",
            self.name,
            (level + spent - budget) / self.unit()
        );
    }
}

/// The most tokens in any window of so many milliseconds over what burst and rate allow in it; below zero where none
/// holds as many.
pub(super) fn worst_window(spec: &RateSpec, log: &[(u64, u64)], width: u64) -> i128 {
    let most = i128::from(spec.burst) + i128::from(spec.in_ms(width));
    let (mut sum, mut first, mut worst) = (0, 0, 0);
    for (at, tokens) in log {
        sum += i128::from(*tokens);
        while log[first].0 + width <= *at {
            sum -= i128::from(log[first].1);
            first += 1;
        }
        worst = worst.max(sum);
    }
    worst - most
}

/// A single bucket that sees every request at once: what nodes together are measured by.
#[derive(Debug)]
pub(super) struct Ideal {
    spec: RateSpec,
    parts: i128,
    at: u64,
    pub(super) served: u64,
}

impl Ideal {
    pub(super) fn new(spec: RateSpec, now: u64) -> Self {
        Self {
            spec,
            parts: i128::from(spec.burst) * i128::from(spec.unit),
            at: now,
            served: 0,
        }
    }

    pub(super) fn request(&mut self, cost: u64, now: u64) {
        let full = i128::from(self.spec.burst) * i128::from(self.spec.unit);
        let came = i128::from(now - self.at) * i128::from(self.spec.gain);
        self.parts = (self.parts + came).min(full);
        self.at = now;
        let need = i128::from(self.spec.effective(cost)) * i128::from(self.spec.unit);
        if self.parts >= need {
            self.parts -= need;
            self.served += 1;
        }
    }
}

/// Requests counted in windows of the store's time.
#[derive(Debug, Default)]
pub(super) struct Windows {
    pub(super) counted: BTreeMap<u64, i64>,
    pub(super) alone: BTreeMap<u64, i64>,
    pub(super) lost: i64,
}

impl Windows {
    pub(super) fn check(&self, what: &str, quota: Option<u64>) {
        let Some(quota) = quota else { return };
        for (start, n) in &self.counted {
            let quota = i64::try_from(quota).unwrap() + self.lost;
            assert!(*n <= quota, "{what} {start}: {n} of {quota} requests");
        }
    }
}
