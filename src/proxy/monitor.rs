//! Watches upstreams off the request path: resolves names and checks health, whatever configuration is in force; never picks a target.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::header::{HOST, USER_AGENT};
use pingora::connectors::http::Connector;
use pingora::http::RequestHeader;
use pingora::upstreams::peer::HttpPeer;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use super::snapshot::Snapshot;
use super::upstream::{TargetState, UpstreamRuntime};
use crate::base::ceilings::{PROBE_TIME, RESOLVE_INTERVAL};

/// How often it looks whether something is due.
const TICK: Duration = Duration::from_millis(250);
/// Time between two tries to resolve a name that has no address yet.
const RESOLVE_RETRY: Duration = Duration::from_secs(1);

/// Runs until `stop` turns true. Names are resolved and health is checked for whatever configuration is in force.
pub async fn run(snapshot: Arc<ArcSwap<Snapshot>>, mut stop: watch::Receiver<bool>) {
    let mut monitor = Monitor::default();
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            _ = tick.tick() => monitor.start_due(&snapshot.load_full()),
            // An error means that the server is gone, which is a stop too.
            _ = stop.wait_for(|s| *s) => return,
        }
    }
}

/// Resolves every name of `snapshot` once, so that the first request finds addresses. Takes no longer than
/// [`PROBE_TIME`]; a name that cannot be resolved is tried again by [`run`].
pub async fn resolve_once(snapshot: &Snapshot) {
    let mut names = JoinSet::new();
    for target in snapshot.upstreams.iter().flat_map(|u| &u.targets) {
        if target.is_name() {
            names.spawn(resolve(target.clone()));
        }
    }
    while names.join_next().await.is_some() {}
}

/// What is under way and when it is due next.
#[derive(Default)]
struct Monitor {
    under_way: JoinSet<()>,
    next_resolution: HashMap<String, Instant>,
    next_check: HashMap<(String, String), Instant>,
    connector: Arc<ProbeConnector>,
}

struct ProbeConnector(Connector);

impl Default for ProbeConnector {
    fn default() -> Self {
        Self(Connector::new(None))
    }
}

impl Monitor {
    fn start_due(&mut self, snapshot: &Snapshot) {
        while self.under_way.try_join_next().is_some() {}
        let now = Instant::now();
        self.forget_what_is_gone(snapshot);
        for upstream in &snapshot.upstreams {
            for (index, target) in upstream.targets.iter().enumerate() {
                self.resolve_if_due(target, now);
                self.check_if_due(upstream, index, target, now);
            }
        }
    }

    /// Targets that no configuration names any more must not be remembered for ever.
    fn forget_what_is_gone(&mut self, snapshot: &Snapshot) {
        let addresses = || snapshot.upstreams.iter().flat_map(|u| &u.targets);
        self.next_resolution
            .retain(|a, _| addresses().any(|t| t.address == *a));
        self.next_check.retain(|(name, address), _| {
            snapshot.upstreams.iter().any(|u| {
                u.settings.name == *name && u.targets.iter().any(|t| t.address == *address)
            })
        });
    }

    fn resolve_if_due(&mut self, target: &Arc<TargetState>, now: Instant) {
        if !target.is_name() {
            return;
        }
        let due = self
            .next_resolution
            .entry(target.address.clone())
            .or_insert(now);
        if *due > now {
            return;
        }
        *due = now
            + if target.next_address().is_none() {
                RESOLVE_RETRY
            } else {
                RESOLVE_INTERVAL
            };
        self.under_way.spawn(resolve(target.clone()));
    }

    fn check_if_due(
        &mut self,
        upstream: &Arc<UpstreamRuntime>,
        index: usize,
        target: &Arc<TargetState>,
        now: Instant,
    ) {
        let Some(check) = &upstream.settings.health_check else {
            return;
        };
        let id = (upstream.settings.name.clone(), target.address.clone());
        let due = self.next_check.entry(id).or_insert(now);
        if *due > now {
            return;
        }
        let Some(peer) = upstream.peer(index) else {
            return;
        };
        // The next check waits for this one: a hanging target must not gather checks.
        *due = now + check.interval.max(TICK);
        let (path, target, connector) =
            (check.path.clone(), target.clone(), self.connector.clone());
        let (name, time) = (
            upstream.settings.name.clone(),
            PROBE_TIME.min(check.interval.max(TICK)),
        );
        let metrics = upstream.metrics(index).cloned();
        self.under_way.spawn(async move {
            let good = matches!(
                tokio::time::timeout(time, probe(&connector.0, &peer, &path, &target.address))
                    .await,
                Ok(Ok(true))
            );
            let changed = target.checked(good);
            if let Some(metrics) = metrics {
                metrics.set_healthy(target.is_healthy());
            }
            if changed {
                tracing::warn!(
                    upstream = name,
                    target = target.address,
                    healthy = good,
                    "a target's health changed"
                );
            }
        });
    }
}

async fn resolve(target: Arc<TargetState>) {
    match tokio::time::timeout(PROBE_TIME, tokio::net::lookup_host(&target.address)).await {
        Ok(Ok(found)) => {
            let mut addresses: Vec<SocketAddr> = found.collect();
            addresses.sort_unstable();
            addresses.dedup();
            target.set_resolved(addresses);
        }
        Ok(Err(e)) => tracing::warn!(target = target.address, "a name cannot be resolved: {e}"),
        Err(_) => tracing::warn!(target = target.address, "a name server does not answer"),
    }
}

/// One GET; whether the answer is a 2xx.
async fn probe(
    connector: &Connector,
    peer: &HttpPeer,
    path: &str,
    host: &str,
) -> pingora::Result<bool> {
    let (mut session, _) = connector.get_http_session(peer).await?;
    let mut request = RequestHeader::build("GET", path.as_bytes(), Some(2))?;
    request.insert_header(HOST, host)?;
    request.insert_header(USER_AGENT, "fuelgate-health")?;
    session.set_read_timeout(Some(PROBE_TIME));
    session.write_request_header(Box::new(request)).await?;
    session.finish_request_body().await?;
    session.read_response_header().await?;
    // The connection is not kept: a check says whether a new request would be served.
    Ok(session
        .response_header()
        .is_some_and(|h| h.status.is_success()))
}
