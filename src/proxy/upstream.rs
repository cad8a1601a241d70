//! Upstreams as requests use them: which target takes the next one, and what is known of its address and health; never a connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use pingora::upstreams::peer::{HttpPeer, HttpUpstreamRequestPolicy};

use crate::base::ceilings::UPSTREAM_IDLE_TIME;
use crate::config::model::{Target, Upstream};
use crate::observe::{Metrics, TargetMetrics};
use crate::routing::Weighted;

/// A write may always take this long, however short the time for an answer is.
const SHORTEST_WRITE_TIME: Duration = Duration::from_secs(1);
/// Failed checks in a row that take a target out of use.
const FAILURES_TO_LEAVE: u32 = 2;

/// What is known of a target; it outlives reloads for as long as the target is configured.
#[derive(Debug)]
pub struct TargetState {
    /// `host:port` as configured.
    pub address: String,
    /// The address itself, where it is one.
    literal: Option<SocketAddr>,
    // Read by every request, swapped by the resolver: a request never waits for a name server.
    resolved: ArcSwap<Vec<SocketAddr>>,
    /// Whether there is an address; one stays until there is another.
    is_resolved: AtomicBool,
    healthy: AtomicBool,
    failures: AtomicU32,
    turn: AtomicU32,
}

impl TargetState {
    fn new(address: &str) -> Self {
        let literal = address.parse::<SocketAddr>().ok();
        Self {
            address: address.to_owned(),
            literal,
            resolved: ArcSwap::default(),
            is_resolved: AtomicBool::new(literal.is_some()),
            healthy: AtomicBool::new(true),
            failures: AtomicU32::new(0),
            turn: AtomicU32::new(0),
        }
    }

    /// Whether its address is a name that has to be resolved.
    pub const fn is_name(&self) -> bool {
        self.literal.is_none()
    }

    /// Takes what the name stands for now. An empty answer keeps the addresses before: a name server that fails must
    /// not take down an API that works.
    pub fn set_resolved(&self, addresses: Vec<SocketAddr>) {
        if !addresses.is_empty() && **self.resolved.load() != addresses {
            self.resolved.store(Arc::new(addresses));
            self.is_resolved.store(true, Ordering::Release);
        }
    }

    /// The address for the next request: in turn where the name has several.
    pub fn next_address(&self) -> Option<SocketAddr> {
        if self.literal.is_some() {
            return self.literal;
        }
        let all = self.resolved.load();
        match all.len() {
            0 => None,
            1 => all.first().copied(),
            n => {
                let turn = self.turn.fetch_add(1, Ordering::Relaxed) as usize;
                all.get(turn % n).copied()
            }
        }
    }

    /// Whether it takes requests.
    pub fn is_usable(&self) -> bool {
        self.healthy.load(Ordering::Relaxed) && self.is_resolved.load(Ordering::Acquire)
    }

    /// Whether its last checks were good.
    pub fn is_healthy(&self) -> bool {
        self.healthy.load(Ordering::Relaxed)
    }

    /// Takes the result of a check; whether the target's state changed by it.
    pub fn checked(&self, good: bool) -> bool {
        if good {
            self.failures.store(0, Ordering::Relaxed);
            return !self.healthy.swap(true, Ordering::Relaxed);
        }
        let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        failures >= FAILURES_TO_LEAVE && self.healthy.swap(false, Ordering::Relaxed)
    }

    /// Forgets what checks said: the upstream has none any more.
    fn unchecked(&self) {
        self.failures.store(0, Ordering::Relaxed);
        self.healthy.store(true, Ordering::Relaxed);
    }
}

/// An upstream of one configuration.
#[derive(Debug)]
pub struct UpstreamRuntime {
    /// Its settings.
    pub settings: Arc<Upstream>,
    /// Its targets, in the order of the configuration.
    pub targets: Vec<Arc<TargetState>>,
    weighted: Weighted,
    metrics: Vec<TargetMetrics>,
}

impl UpstreamRuntime {
    /// Makes an upstream's runtime; `previous` is the one of the same name in the configuration before.
    pub fn new(settings: &Arc<Upstream>, previous: Option<&Self>, metrics: &Metrics) -> Self {
        let known = |t: &Target| {
            previous?
                .targets
                .iter()
                .find(|s| s.address == t.address)
                .cloned()
        };
        let targets: Vec<_> = settings
            .targets
            .iter()
            .map(|t| known(t).unwrap_or_else(|| Arc::new(TargetState::new(&t.address))))
            .collect();
        let weights: Vec<_> = settings.targets.iter().map(|t| t.weight).collect();
        let metrics: Vec<_> = settings
            .targets
            .iter()
            .map(|t| metrics.target(&settings.name, &t.address))
            .collect();
        for (target, metrics) in targets.iter().zip(&metrics) {
            metrics.set_healthy(target.is_healthy());
        }
        Self {
            metrics,
            settings: settings.clone(),
            targets,
            weighted: Weighted::new(&weights),
        }
    }

    /// Says that the configuration it is of is in force: what checks said of targets that are checked no more is forgotten.
    pub fn in_force(&self) {
        if self.settings.health_check.is_some() {
            return;
        }
        for (target, metrics) in self.targets.iter().zip(&self.metrics) {
            target.unchecked();
            metrics.set_healthy(true);
        }
    }

    /// The next usable target that is not among `tried`.
    pub fn pick(&self, tried: &[usize]) -> Option<usize> {
        self.weighted.pick_where(|i| {
            !tried.contains(&i) && self.targets.get(i).is_some_and(|t| t.is_usable())
        })
    }

    /// Whether some target is left for another attempt.
    pub fn has_other(&self, tried: &[usize]) -> bool {
        self.targets
            .iter()
            .enumerate()
            .any(|(i, t)| !tried.contains(&i) && t.is_usable())
    }

    /// The counters of target `index`.
    pub fn metrics(&self, index: usize) -> Option<&TargetMetrics> {
        self.metrics.get(index)
    }

    /// What Pingora connects to for target `index`.
    pub fn peer(&self, index: usize) -> Option<Box<HttpPeer>> {
        let target = self.targets.get(index)?;
        let sni = if self.settings.tls {
            host(&target.address)
        } else {
            ""
        };
        // Made anew, since copying one takes longer than setting the few options that differ from Pingora's own.
        let mut peer = Box::new(HttpPeer::new(
            target.next_address()?,
            self.settings.tls,
            sni.to_owned(),
        ));
        let options = &mut peer.options;
        options.connection_timeout = Some(self.settings.connect_timeout);
        options.total_connection_timeout = Some(self.settings.connect_timeout);
        options.read_timeout = Some(self.settings.read_timeout);
        options.write_timeout = Some(self.settings.read_timeout.max(SHORTEST_WRITE_TIME));
        options.idle_timeout = Some(UPSTREAM_IDLE_TIME);
        options.http_upstream_request_policy = HttpUpstreamRequestPolicy::deny_upgrades();
        Some(peer)
    }
}

/// The host of `host:port`, without brackets.
fn host(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(h, _)| h);
    host.trim_start_matches('[').trim_end_matches(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics() -> Metrics {
        Metrics::new().unwrap()
    }

    fn upstream(addresses: &[&str], checked: bool) -> Arc<Upstream> {
        Arc::new(Upstream {
            name: "crm".into(),
            targets: addresses
                .iter()
                .map(|a| Target {
                    address: (*a).to_owned(),
                    weight: 1,
                })
                .collect(),
            tls: false,
            connect_timeout: Duration::from_secs(1),
            read_timeout: Duration::from_secs(1),
            health_check: checked.then(|| crate::config::model::HealthCheck {
                path: "/".into(),
                interval: Duration::from_secs(1),
            }),
        })
    }

    #[test]
    fn a_target_leaves_after_two_failures_and_returns_after_one_success() {
        let u = UpstreamRuntime::new(
            &upstream(&["127.0.0.1:1", "127.0.0.1:2"], true),
            None,
            &metrics(),
        );
        assert!(!u.targets[0].checked(false));
        assert!(u.targets[0].checked(false));
        for _ in 0..4 {
            assert_eq!(u.pick(&[]), Some(1));
        }
        assert_eq!(u.pick(&[1]), None);
        assert!(u.targets[0].checked(true));
        assert_eq!(u.pick(&[1]), Some(0));
    }

    #[test]
    fn failures_that_a_success_parts_take_no_target_out() {
        let u = UpstreamRuntime::new(&upstream(&["127.0.0.1:1"], true), None, &metrics());
        for good in [false, true, false] {
            assert!(!u.targets[0].checked(good));
        }
        assert!(u.targets[0].is_usable());
    }

    #[test]
    fn a_connection_has_the_upstreams_times_and_asks_for_the_targets_name() {
        let settings = Upstream {
            tls: true,
            connect_timeout: Duration::from_millis(70),
            read_timeout: Duration::from_millis(300),
            ..Upstream::clone(&upstream(&["crm.internal:443"], false))
        };
        let u = UpstreamRuntime::new(&Arc::new(settings), None, &metrics());
        u.targets[0].set_resolved(vec![([10, 0, 0, 1], 443).into()]);
        let peer = u.peer(0).unwrap();
        assert_eq!(peer.sni, "crm.internal");
        let of = &peer.options;
        let connect = Some(Duration::from_millis(70));
        assert_eq!(
            (of.connection_timeout, of.total_connection_timeout),
            (connect, connect)
        );
        assert_eq!(of.read_timeout, Some(Duration::from_millis(300)));
        assert_eq!(of.write_timeout, Some(SHORTEST_WRITE_TIME));
    }

    #[test]
    fn what_is_known_of_a_target_outlives_a_reload() {
        let first = UpstreamRuntime::new(
            &upstream(&["127.0.0.1:1", "127.0.0.1:2"], true),
            None,
            &metrics(),
        );
        first.targets[1].checked(false);
        first.targets[1].checked(false);
        let settings = upstream(&["127.0.0.1:2", "127.0.0.1:3"], true);
        let second = UpstreamRuntime::new(&settings, Some(&first), &metrics());
        assert!(!second.targets[0].is_usable() && second.targets[1].is_usable());
        let without = UpstreamRuntime::new(
            &upstream(&["127.0.0.1:2"], false),
            Some(&second),
            &metrics(),
        );
        assert!(
            !without.targets[0].is_usable(),
            "the configuration may yet be refused"
        );
        without.in_force();
        assert!(without.targets[0].is_usable());
    }

    #[test]
    fn a_name_is_used_once_it_is_resolved_and_an_empty_answer_changes_nothing() {
        let u = UpstreamRuntime::new(&upstream(&["crm.internal:80"], false), None, &metrics());
        assert_eq!(u.pick(&[]), None);
        let a: SocketAddr = "10.0.0.1:80".parse().unwrap();
        let b: SocketAddr = "10.0.0.2:80".parse().unwrap();
        u.targets[0].set_resolved(vec![a, b]);
        u.targets[0].set_resolved(Vec::new());
        assert_eq!(u.pick(&[]), Some(0));
        let seen: Vec<_> = (0..4).filter_map(|_| u.targets[0].next_address()).collect();
        assert_eq!(seen, [a, b, a, b]);
        assert_eq!(host("[::1]:80"), "::1");
    }
}
