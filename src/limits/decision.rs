//! What the limits say to a request: admitted or not, where each policy stands, and when to come again; never how it is written.

use http::HeaderValue;
use smallvec::SmallVec;

use super::account::Ticket;
use crate::base::error::Code;

/// A limit by its public name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Policy {
    /// The key's token bucket.
    Burst,
    /// The token bucket that the account's keys share.
    Account,
    /// The account's quota in the UTC hour.
    Hour,
    /// The account's quota in the UTC month.
    Month,
}

impl Policy {
    /// All policies, in the order of `RateLimit-Policy`.
    pub const ALL: [Self; 4] = [Self::Burst, Self::Account, Self::Hour, Self::Month];

    /// The name in fields, problems and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Burst => "burst",
            Self::Account => "account",
            Self::Hour => "hour",
            Self::Month => "month",
        }
    }

    /// Whether it is a quota rather than a bucket.
    pub const fn is_quota(self) -> bool {
        matches!(self, Self::Hour | Self::Month)
    }
}

/// Where one policy stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Which.
    pub policy: Policy,
    /// What it allows: tokens of a full bucket, requests of a window.
    pub quota: u64,
    /// What is left of it.
    pub remaining: u64,
    /// Milliseconds until there is more: the next token, the next window; 0 when nothing is missing.
    pub more_in_ms: u64,
    /// Milliseconds until this request could be admitted; 0 when it fits.
    pub wait_ms: u64,
}

impl Standing {
    /// Seconds until there is more, rounded up.
    pub const fn more_in_seconds(&self) -> u64 {
        self.more_in_ms.div_ceil(1000)
    }

    /// Whether the request does not fit.
    pub const fn is_violated(&self) -> bool {
        self.wait_ms > 0
    }
}

/// Where all policies stand, and the ready text of `RateLimit-Policy`.
#[derive(Debug, Clone)]
pub struct Standings {
    /// In the order of [`Policy::ALL`]; those that the plan does not have are left out.
    pub policies: SmallVec<[Standing; 4]>,
    /// Value of `RateLimit-Policy`.
    pub policy_field: HeaderValue,
}

impl Standings {
    /// The policy to show: of those that are violated, or of all where none is, the one with the least left in
    /// proportion; the one that takes longest where two have as little.
    pub fn tightest(&self) -> Option<&Standing> {
        let refused = self.policies.iter().any(Standing::is_violated);
        self.policies
            .iter()
            .filter(|s| s.is_violated() || !refused)
            .reduce(|a, b| {
                let left = u128::from(a.remaining) * u128::from(b.quota.max(1));
                let right = u128::from(b.remaining) * u128::from(a.quota.max(1));
                match left.cmp(&right) {
                    std::cmp::Ordering::Less => a,
                    std::cmp::Ordering::Greater => b,
                    std::cmp::Ordering::Equal if a.more_in_ms >= b.more_in_ms => a,
                    std::cmp::Ordering::Equal => b,
                }
            })
    }

    /// The policies that do not admit the request.
    pub fn violated(&self) -> impl Iterator<Item = Policy> + '_ {
        let refused = self.policies.iter().filter(|s| s.is_violated());
        refused.map(|s| s.policy)
    }
}

/// What came of asking for a request's admission.
#[derive(Debug)]
pub struct Decision {
    /// Where the policies stand: after the request, where it was admitted.
    pub standings: Standings,
    /// What was taken; `None` where the request is refused and nothing was.
    pub ticket: Option<Ticket>,
}

impl Decision {
    /// Whether the request may go on.
    pub const fn is_admitted(&self) -> bool {
        self.ticket.is_some()
    }

    /// The error of a refused request: a quota's where any quota refuses, since that lasts longest.
    pub fn code(&self) -> Option<Code> {
        if self.is_admitted() {
            return None;
        }
        let quota = self.standings.violated().any(Policy::is_quota);
        Some(if quota {
            Code::QuotaExceeded
        } else {
            Code::RateLimited
        })
    }

    /// `Retry-After` of a refused request in seconds: when every policy admits it, rounded up, at least 1.
    pub fn retry_after_seconds(&self) -> u64 {
        let waits = self.standings.policies.iter().map(|s| s.wait_ms);
        waits.max().unwrap_or(0).div_ceil(1000).max(1)
    }
}
