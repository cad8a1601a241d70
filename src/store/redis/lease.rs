//! Buckets, quotas and live nodes in Redis: one script a grant, one a beat; never what a node does with a grant.

use async_trait::async_trait;

use super::Store;
use super::link::{Call, Patience};
use super::names::Names;
use super::script::script;
use crate::base::ceilings::{LEASE_BUCKET, LEASE_RECORD, NODE_LIVE};
use crate::base::clock::HOUR_MS;
use crate::base::error::StoreError;
use crate::limits::lease::{
    Amount, Answer, Ask, BucketView, Grant, RateSpec, Revision, Terms, WindowView,
};
use crate::limits::port::{Beat, LeaseStore};

script!(GRANT, "lease_grant.lua");
script!(BEAT, "lease_beat.lua");

/// Where the time comes from that a script counts by: Redis' own, or one that a test says.
pub(super) type ScriptTime = Option<u64>;

impl Names {
    /// Bucket and records of a key.
    fn lease_key(&self, account_id: &str, key_id: &str) -> String {
        self.account(account_id, &format!("lease:k:{key_id}"))
    }

    /// Bucket and quotas of an account.
    fn lease_account(&self, account_id: &str) -> String {
        self.account(account_id, "lease:a")
    }

    /// Live nodes, their configurations, the numbers of those.
    fn nodes(&self) -> [String; 3] {
        ["live", "configs", "numbers"].map(|rest| self.index("nodes", rest))
    }
}

impl Store {
    /// One grant at a time of the caller's.
    pub(super) async fn grant_at(&self, time: ScriptTime, ask: &Ask) -> Result<Answer, StoreError> {
        let call = grant_call(&self.names, time, ask);
        let numbers: Vec<i64> = self.link.script(Patience::Hot, &call).await?;
        answer(&numbers).ok_or_else(|| {
            StoreError::Corrupt(format!("{} numbers came from a grant", numbers.len()))
        })
    }

    pub(super) async fn beat_at(
        &self,
        time: ScriptTime,
        boot: &str,
        config: &str,
        moved: bool,
    ) -> Result<Beat, StoreError> {
        let mut call = Call::new(&BEAT);
        for name in self.names.nodes() {
            call = call.key(name);
        }
        let call = call
            .arg(text(time))
            .arg(boot)
            .arg(config)
            .arg(u8::from(moved))
            .arg(ms(NODE_LIVE));
        let (live, config, now): (u64, u64, u64) = self.link.script(Patience::Hot, &call).await?;
        Ok(Beat { live, config, now })
    }
}

#[async_trait]
impl LeaseStore for Store {
    async fn grant(&self, ask: &Ask) -> Result<Answer, StoreError> {
        self.grant_at(None, ask).await
    }

    async fn beat(&self, boot: &str, config: &str, moved: bool) -> Result<Beat, StoreError> {
        self.beat_at(None, boot, config, moved).await
    }

    async fn leave(&self, boot: &str) -> Result<(), StoreError> {
        let [live, configs, _] = self.names.nodes();
        let mut pipe = redis::pipe();
        pipe.zrem(live, boot).ignore().hdel(configs, boot).ignore();
        self.link.pipe(Patience::Calm, &pipe).await
    }

    async fn forget(&self, account_id: &str, key_ids: &[String]) -> Result<(), StoreError> {
        let account = self.names.lease_account(account_id);
        let keys = key_ids.iter().map(|k| self.names.lease_key(account_id, k));
        let all: Vec<String> = std::iter::once(account).chain(keys).collect();
        for some in all.chunks(FORGET_NAMES) {
            let mut del = redis::cmd("UNLINK");
            del.arg(some);
            let _: u64 = self.link.run(Patience::Calm, &del).await?;
        }
        Ok(())
    }
}

/// Names that one call deletes.
const FORGET_NAMES: usize = 500;

fn ms(d: std::time::Duration) -> u64 {
    u64::try_from(d.as_millis()).unwrap_or(u64::MAX)
}

fn text(time: ScriptTime) -> String {
    time.map(|t| t.to_string()).unwrap_or_default()
}

fn grant_call(names: &Names, time: ScriptTime, ask: &Ask) -> Call {
    let terms = &ask.terms;
    let mut n = Numbers::default();
    n.add(&[ask.seq, terms.revision.config, terms.revision.account]);
    n.add(&[u64::from(terms.strict)]);
    for rate in [Some(terms.key), terms.account] {
        n.add(&rate.map_or([0; 3], |r| [r.gain, r.unit, r.burst]));
    }
    for quota in [terms.hour, terms.month] {
        match quota {
            Some(quota) => n.add(&[quota]),
            None => n.none(),
        }
    }
    n.add(&[ask.cost, ask.want, ask.places]);
    for t in [&ask.key_tokens, &ask.account_tokens] {
        n.add(&[t.total, t.hand, t.held, t.settled]);
    }
    n.add(&[ask.hand_places]);
    for c in [&ask.hour, &ask.month] {
        n.add(&[c.start, c.total, c.settled]);
    }
    let seed = &ask.seed;
    n.add(&[ask.settled_at]);
    n.add(&[seed.hour, seed.hour_used, seed.month, seed.month_used]);
    n.add(&[
        ask.life,
        ms(LEASE_RECORD),
        ms(LEASE_BUCKET),
        HOUR_MS.unsigned_abs(),
    ]);
    Call::new(&GRANT)
        .key(names.lease_key(&ask.account, &ask.key))
        .key(names.lease_account(&ask.account))
        .arg(text(time))
        .arg(&*ask.boot)
        .arg(n.0)
}

/// Whole numbers in MessagePack, one after the other.
#[derive(Default)]
struct Numbers(Vec<u8>);

impl Numbers {
    fn add(&mut self, numbers: &[u64]) {
        for n in numbers {
            match u8::try_from(*n) {
                Ok(small @ 0..=0x7f) => self.0.push(small),
                _ => {
                    self.0.push(0xcf);
                    self.0.extend_from_slice(&n.to_be_bytes());
                }
            }
        }
    }

    /// -1.
    fn none(&mut self) {
        self.0.push(0xff);
    }
}

/// Reads what the script returned; `None` for what it never does.
fn answer(numbers: &[i64]) -> Option<Answer> {
    let n = |i: usize| numbers.get(i).and_then(|n| u64::try_from(*n).ok());
    if n(0)? == 0 {
        return Some(Answer::Stale);
    }
    let bucket = |i: usize| {
        Some(BucketView {
            tokens: *numbers.get(i)?,
            part: n(i + 1)?,
            active: n(i + 2)?,
            elsewhere: n(i + 3)?,
        })
    };
    let window = |i: usize| {
        Some(WindowView {
            start: n(i)?,
            end: n(i + 1)?,
            used: n(i + 2)?,
        })
    };
    Some(Answer::Granted(Box::new(Grant {
        amount: Amount {
            key: n(1)?,
            account: n(2)?,
            places: n(3)?,
        },
        now: n(4)?,
        key: bucket(5)?,
        account: bucket(9)?,
        hour: window(13)?,
        month: window(16)?,
        terms: if numbers.len() > 19 {
            Some(terms(numbers.get(19..)?)?)
        } else {
            None
        },
    })))
}

fn terms(numbers: &[i64]) -> Option<Terms> {
    let n = |i: usize| numbers.get(i).and_then(|n| u64::try_from(*n).ok());
    let rate = |i: usize| {
        Some(RateSpec {
            gain: n(i)?,
            unit: n(i + 1)?,
            burst: n(i + 2)?,
        })
    };
    Some(Terms {
        revision: Revision {
            config: n(0)?,
            account: n(1)?,
        },
        strict: n(2)? == 1,
        key: rate(3)?,
        account: rate(6).filter(|r| r.burst > 0),
        hour: n(9),
        month: n(10),
    })
}

#[cfg(test)]
mod tests;
