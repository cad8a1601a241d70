//! How often one network address may ask where nobody asks for a credential; never who it is.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use parking_lot::Mutex;

use crate::base::ceilings::simulator::{INBOX_BURST, INBOX_PER_SECOND, INBOX_SOURCES};
use crate::base::clock::Timestamp;

/// A bucket of each source. A lock and no atomics: it is held for a moment, and only where nobody is in a hurry.
#[derive(Debug, Default)]
pub(super) struct Sources(Mutex<HashMap<IpAddr, Bucket>>);

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: Timestamp,
}

impl Bucket {
    fn at(self, now: Timestamp) -> f64 {
        let gained = now.since(self.at).as_secs_f64() * f64::from(INBOX_PER_SECOND);
        (self.left + gained).min(f64::from(INBOX_BURST))
    }
}

impl Sources {
    /// Whether a request of this source may go on at `now`.
    pub(super) fn take(&self, source: IpAddr, now: Timestamp) -> bool {
        let mut all = self.0.lock();
        let mut source = network(source);
        if !all.contains_key(&source) && all.len() >= INBOX_SOURCES {
            // Who has its whole burst again need not be remembered.
            all.retain(|_, b| b.at(now) < f64::from(INBOX_BURST));
            if all.len() >= INBOX_SOURCES {
                source = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
            }
        }
        let bucket = all.entry(source).or_insert(Bucket {
            left: f64::from(INBOX_BURST),
            at: now,
        });
        let left = bucket.at(now);
        let is_enough = left >= 1.0;
        *bucket = Bucket {
            left: if is_enough { left - 1.0 } else { left },
            at: now,
        };
        is_enough
    }
}

/// One holder of IPv6 addresses has a whole /64 of them.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_source_has_a_burst_and_then_a_rate_of_its_own() {
        let sources = Sources::default();
        let (now, later) = (Timestamp::from_secs(100), Timestamp::from_secs(101));
        for _ in 0..INBOX_BURST {
            assert!(sources.take(ip("192.0.2.1"), now));
        }
        assert!(!sources.take(ip("192.0.2.1"), now));
        assert!(!sources.take(ip("::ffff:192.0.2.1"), now));
        assert!(sources.take(ip("192.0.2.2"), now));
        let admitted = (0..100).filter(|_| sources.take(ip("192.0.2.1"), later));
        assert_eq!(admitted.count(), INBOX_PER_SECOND as usize);
    }

    #[test]
    fn a_network_of_ipv6_is_one_source() {
        let sources = Sources::default();
        let now = Timestamp::from_secs(100);
        let admitted = (0..1_000).filter(|n| sources.take(ip(&format!("2001:db8::{n:x}")), now));
        assert_eq!(admitted.count(), INBOX_BURST as usize);
    }

    #[test]
    fn sources_without_a_place_share_one() {
        let sources = Sources::default();
        let now = Timestamp::from_secs(100);
        let source = |n: usize| IpAddr::V4(Ipv4Addr::from(u32::try_from(n).unwrap()));
        for n in 0..INBOX_SOURCES {
            assert!(sources.take(source(n), now));
        }
        let admitted = (0..1_000).filter(|n| sources.take(source(INBOX_SOURCES + n), now));
        assert_eq!(admitted.count(), INBOX_BURST as usize);
        let later = Timestamp::from_secs(200);
        assert!(sources.take(source(INBOX_SOURCES + 7), later));
        assert!(sources.0.lock().len() <= 2, "who is idle is forgotten");
    }
}
