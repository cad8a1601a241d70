//! How often one network address may ask where nobody asks for a credential; never who it is.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use parking_lot::Mutex;

use crate::base::clock::Timestamp;
use crate::base::network;
use crate::config;
use crate::limits::{Bucket, BucketSpec};

/// How often.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// Requests a second that one source may go on with.
    pub per_second: u32,
    /// Requests that it may make at once.
    pub burst: u32,
    /// Sources that are counted; the others share a count.
    pub sources: usize,
}

/// A bucket of each source. A lock and no atomics: it is held for a moment, and only where nobody is in a hurry.
#[derive(Debug)]
pub struct Sources {
    rate: Rate,
    spec: BucketSpec,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

impl Sources {
    /// Nobody has asked yet.
    pub fn new(rate: Rate) -> Self {
        let spec = BucketSpec::new(config::model::Rate {
            requests: rate.per_second.into(),
            per_seconds: 1,
            burst: rate.burst.into(),
        });
        let buckets = Mutex::default();
        Self {
            rate,
            spec,
            buckets,
        }
    }

    /// Whether a request of this source may go on at `now`.
    pub fn take(&self, source: IpAddr, now: Timestamp) -> bool {
        let mut all = self.buckets.lock();
        let mut source = network::source(source);
        if !all.contains_key(&source) && all.len() >= self.rate.sources {
            // Who has its whole burst again need not be remembered.
            all.retain(|_, bucket| {
                bucket.refill(&self.spec, now);
                !bucket.is_full()
            });
            if all.len() >= self.rate.sources {
                source = shared();
            }
        }
        let new = || Bucket::full(self.spec, now);
        let bucket = all.entry(source).or_insert_with(new);
        bucket.refill(&self.spec, now);
        bucket.take(1)
    }

    /// Whether [`Sources::take`] would say no; takes nothing.
    pub fn is_spent(&self, source: IpAddr, now: Timestamp) -> bool {
        let all = self.buckets.lock();
        let is_full = all.len() >= self.rate.sources;
        let bucket = all.get(&network::source(source));
        let bucket = bucket.or_else(|| all.get(&shared()).filter(|_| is_full));
        bucket.copied().is_some_and(|mut bucket| {
            bucket.refill(&self.spec, now);
            !bucket.has(1)
        })
    }
}

/// Stands for all sources that have no bucket of their own.
const fn shared() -> IpAddr {
    IpAddr::V6(Ipv6Addr::UNSPECIFIED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const RATE: Rate = Rate {
        per_second: 20,
        burst: 100,
        sources: 4_096,
    };

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_source_has_a_burst_and_then_a_rate_of_its_own() {
        let sources = Sources::new(RATE);
        let (now, later) = (Timestamp::from_secs(100), Timestamp::from_secs(101));
        for _ in 0..RATE.burst {
            assert!(sources.take(ip("192.0.2.1"), now));
        }
        assert!(sources.is_spent(ip("192.0.2.1"), now));
        assert!(
            !sources.is_spent(ip("192.0.2.2"), now) && !sources.is_spent(ip("192.0.2.1"), later)
        );
        assert!(!sources.take(ip("192.0.2.1"), now));
        assert!(!sources.take(ip("::ffff:192.0.2.1"), now));
        assert!(sources.take(ip("192.0.2.2"), now));
        let admitted = (0..100).filter(|_| sources.take(ip("192.0.2.1"), later));
        assert_eq!(admitted.count(), RATE.per_second as usize);
    }

    #[test]
    fn a_network_of_ipv6_is_one_source() {
        let sources = Sources::new(RATE);
        let now = Timestamp::from_secs(100);
        let admitted = (0..1_000).filter(|n| sources.take(ip(&format!("2001:db8::{n:x}")), now));
        assert_eq!(admitted.count(), RATE.burst as usize);
    }

    #[test]
    fn sources_without_a_place_share_one() {
        let sources = Sources::new(RATE);
        let now = Timestamp::from_secs(100);
        let source = |n: usize| IpAddr::V4(Ipv4Addr::from(u32::try_from(n).unwrap()));
        for n in 0..RATE.sources {
            assert!(sources.take(source(n), now));
        }
        let admitted = (0..1_000).filter(|n| sources.take(source(RATE.sources + n), now));
        assert_eq!(admitted.count(), RATE.burst as usize);
        let later = Timestamp::from_secs(200);
        assert!(sources.take(source(RATE.sources + 7), later));
        assert!(
            sources.buckets.lock().len() <= 2,
            "who is idle is forgotten"
        );
    }
}
