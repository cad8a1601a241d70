//! What is known of uses of a key's old secrets: how many, when and from where; never which secrets are old.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::model::KeyRecord;
use crate::base::ceilings::old_secrets::{
    OLD_SECRET_ADDRESSES, OLD_SECRET_HOURS, OLD_SECRET_MEMORY,
};
use crate::base::clock::{HOUR_MS, Timestamp};

/// Requests of one UTC hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InHour {
    /// Its start.
    pub start: Timestamp,
    /// How many.
    pub requests: u64,
}

/// Requests from one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FromAddress {
    /// The address.
    pub ip: IpAddr,
    /// When the last one came.
    pub at: Timestamp,
    /// How many, since it is among the addresses that are kept.
    pub requests: u64,
}

/// Requests with an old secret, in bounded space.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// All of them.
    pub requests: u64,
    /// The last [`OLD_SECRET_HOURS`] hours that had any, newest first.
    pub hours: Vec<InHour>,
    /// The last [`OLD_SECRET_ADDRESSES`] addresses, the latest first.
    pub addresses: Vec<FromAddress>,
}

impl Tally {
    /// One more.
    pub fn add(&mut self, ip: IpAddr, at: Timestamp) {
        self.requests = self.requests.saturating_add(1);
        let requests = 1;
        let start = at.hour_start();
        self.add_hour(&InHour { start, requests });
        self.add_address(&FromAddress { ip, at, requests });
        self.trim();
    }

    /// Those of another tally as well.
    pub fn merge(&mut self, other: &Self) {
        self.requests = self.requests.saturating_add(other.requests);
        for hour in &other.hours {
            self.add_hour(hour);
        }
        for address in &other.addresses {
            self.add_address(address);
        }
        self.trim();
    }

    fn add_hour(&mut self, more: &InHour) {
        match self.hours.iter_mut().find(|h| h.start == more.start) {
            Some(hour) => hour.requests = hour.requests.saturating_add(more.requests),
            None => self.hours.push(more.clone()),
        }
    }

    fn add_address(&mut self, more: &FromAddress) {
        match self.addresses.iter_mut().find(|a| a.ip == more.ip) {
            Some(address) => {
                address.at = address.at.max(more.at);
                address.requests = address.requests.saturating_add(more.requests);
            }
            None => self.addresses.push(more.clone()),
        }
    }

    fn trim(&mut self) {
        self.hours
            .sort_unstable_by_key(|h| std::cmp::Reverse(h.start));
        if let Some(newest) = self.hours.first() {
            let oldest = newest.start.millis() - OLD_SECRET_HOURS * HOUR_MS;
            self.hours.retain(|h| h.start.millis() > oldest);
        }
        let latest = |a: &FromAddress| (std::cmp::Reverse(a.at), a.ip);
        self.addresses.sort_unstable_by_key(latest);
        self.addresses.truncate(OLD_SECRET_ADDRESSES);
    }

    /// The last one; its count is that of its address.
    pub fn last(&self) -> Option<&FromAddress> {
        self.addresses.first()
    }

    /// How many of the last [`OLD_SECRET_HOURS`] hours are known, the current one included.
    pub fn recent(&self, now: Timestamp) -> u64 {
        let oldest = now.hour_start().millis() - OLD_SECRET_HOURS * HOUR_MS;
        let recent = self.hours.iter().filter(|h| h.start.millis() > oldest);
        recent.map(|h| h.requests).fold(0, u64::saturating_add)
    }
}

/// Uses of the old secrets of one key since its last rotation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PreviousUses {
    /// While the secret was good.
    pub accepted: Tally,
    /// After its end, which is why they were refused.
    pub refused: Tally,
}

impl PreviousUses {
    /// Those of another count as well.
    pub fn merge(&mut self, other: &Self) {
        self.accepted.merge(&other.accepted);
        self.refused.merge(&other.refused);
    }
}

/// What there is to say of the old secrets of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldSecrets {
    /// When the last of them ends, or has ended.
    pub ends_at: Timestamp,
    /// Their uses.
    pub uses: PreviousUses,
}

impl KeyRecord {
    /// When the last of its old secrets ends, or has ended; `None` where it has none that is remembered at `now`.
    pub fn old_secrets_end(&self, now: Timestamp) -> Option<Timestamp> {
        let ends = self.secrets.iter().skip(1).filter_map(|s| s.valid_until);
        ends.max().filter(|end| is_remembered(*end, now))
    }
}

/// Whether a secret that ends at `end` is good at `now`, or has ended so lately that it is told from one that never was.
pub fn is_remembered(end: Timestamp, now: Timestamp) -> bool {
    now.since(end) < OLD_SECRET_MEMORY
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn ip(n: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, n])
    }

    fn at(hour: i64, second: i64) -> Timestamp {
        Timestamp::from_secs(hour * 3600 + second)
    }

    #[test]
    fn requests_are_counted_in_all_by_hour_and_by_address() {
        let mut tally = Tally::default();
        tally.add(ip(1), at(10, 5));
        tally.add(ip(2), at(10, 9));
        tally.add(ip(1), at(11, 1));
        // One that was held up.
        tally.add(ip(1), at(10, 1));
        assert_eq!(tally.requests, 4);
        let hours: Vec<_> = tally.hours.iter().map(|h| (h.start, h.requests)).collect();
        assert_eq!(hours, [(at(11, 0), 1), (at(10, 0), 3)]);
        let last = tally.last().unwrap();
        assert_eq!((last.ip, last.at, last.requests), (ip(1), at(11, 1), 3));
        assert_eq!(tally.addresses[1].ip, ip(2));
        assert_eq!(tally.recent(at(11, 30)), 4);
        assert_eq!(tally.recent(at(10 + OLD_SECRET_HOURS, 0)), 1);
        assert_eq!(tally.recent(at(11 + OLD_SECRET_HOURS, 0)), 0);
    }

    #[test]
    fn hours_and_addresses_are_bounded_and_the_latest_stay() {
        let mut tally = Tally::default();
        for n in 0..200 {
            tally.add(ip(n), at(i64::from(n), 0));
        }
        assert_eq!(tally.requests, 200);
        assert_eq!(tally.hours.len(), OLD_SECRET_HOURS as usize);
        assert_eq!(tally.hours[0].start, at(199, 0));
        let ips: Vec<_> = tally.addresses.iter().map(|a| a.ip).collect();
        assert_eq!(ips, [199, 198, 197, 196, 195].map(ip));
        assert_eq!(ips.len(), OLD_SECRET_ADDRESSES);
    }

    #[test]
    fn parts_come_to_the_same_as_all_at_once() {
        let mut rng = fastrand::Rng::with_seed(7);
        for _ in 0..200 {
            let (mut all, mut parts) = (Tally::default(), [Tally::default(), Tally::default()]);
            for second in 0..20 {
                // Few enough addresses that none is pushed out, where its count would begin anew.
                let (ip, at) = (ip(rng.u8(..4)), at(rng.i64(0..40), second));
                all.add(ip, at);
                parts[rng.usize(..2)].add(ip, at);
            }
            let [mut one, other] = parts;
            one.merge(&other);
            // What was trimmed before may lack what the whole trims later; never the other way round.
            assert_eq!(
                (one.requests, &one.addresses),
                (all.requests, &all.addresses)
            );
            assert_eq!(one.hours.first(), all.hours.first());
        }
    }

    #[test]
    fn an_old_secret_is_remembered_for_a_time_after_its_end() {
        let end = Timestamp::from_secs(1_000);
        let later = |ms| end.plus(OLD_SECRET_MEMORY).plus(Duration::from_millis(ms));
        assert!(is_remembered(end, Timestamp::from_secs(1)));
        assert!(is_remembered(end, end));
        assert!(is_remembered(end, later(0).minus(Duration::from_millis(1))));
        assert!(!is_remembered(end, later(0)));
    }
}
