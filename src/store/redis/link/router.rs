//! Which server gets a call: the only one, the one that sentinels name or that serves the slot; never how it is reached.

use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use redis::Value;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::Patience;
use super::connection::Place;
use super::counters::{Counters, count};
use super::dial::Dialer;
use super::fault::{Fault, Kind, Miss, Redirect};
use super::look;
use super::map::Map;
use super::node::Node;
use super::request::Request;
use super::slots::{self, Range};
use crate::base::ceilings::{REDIS_GUESTS, REDIS_MOVE_PAUSE, REDIS_REDIRECTS, REDIS_SLOTS_PAUSE};
use crate::config::model::RedisStore;

/// Finds the server of a call.
pub(super) struct Router {
    is_cluster: bool,
    pub(super) dialer: Arc<Dialer>,
    counters: Arc<Counters>,
    // Read by every call and replaced as a whole when a cluster changes.
    map: ArcSwap<Map>,
    /// Nodes that redirections named before the map does.
    guests: Mutex<Vec<Arc<Node>>>,
    looking: Mutex<Looking>,
    /// Whether the map shows what a cluster said.
    known: watch::Sender<bool>,
    this: Weak<Self>,
}

/// Whether somebody looks at a cluster's slots now.
#[derive(Default)]
struct Looking {
    now: bool,
    again: bool,
}

impl Router {
    pub(super) fn new(settings: &RedisStore, counters: Arc<Counters>) -> Result<Arc<Self>, Fault> {
        let dialer = Arc::new(Dialer::new(settings)?);
        let seeds = dialer.seeds.clone();
        let place = match &settings.sentinel {
            Some(master) => Place::Sentinels(seeds, master.clone()),
            // In a cluster any of them tells where a call belongs.
            None => Place::At(seeds),
        };
        let is_cluster = settings.cluster;
        Ok(Arc::new_cyclic(|this: &Weak<Self>| {
            let first = node(place, &dialer, &counters, this);
            Self {
                is_cluster,
                dialer,
                counters,
                map: ArcSwap::from_pointee(Map::of_one(first)),
                guests: Mutex::default(),
                looking: Mutex::default(),
                known: watch::Sender::new(!is_cluster),
                this: Weak::clone(this),
            }
        }))
    }

    /// Sends a request where it belongs and waits for the answer, until `deadline` at most.
    pub(super) async fn call(
        &self,
        patience: Patience,
        request: Request<'_>,
        deadline: Instant,
    ) -> Result<Value, Fault> {
        let slot = if self.is_cluster {
            request.slot()?
        } else {
            None
        };
        let (mut node, mut asking) = (self.node_of(slot)?, false);
        let mut last = None;
        for _ in 0..=REDIS_REDIRECTS {
            let redirect = match node.call(patience, request, asking, deadline).await {
                Ok(value) => return Ok(value),
                Err(Miss::Fault(fault)) => return Err(fault),
                Err(Miss::Redirect(redirect)) if self.is_cluster => redirect,
                Err(Miss::Redirect(_)) => {
                    let text = "redis is a cluster; expected store.cluster: true";
                    return Err(Fault::new(Kind::ClusterDown, text));
                }
            };
            count(&self.counters.redirects);
            (node, asking) = match &redirect {
                Redirect::Moved(address) => {
                    self.look();
                    (self.node_at(address, &node), false)
                }
                Redirect::Ask(address) if request.can_ask() => (self.node_at(address, &node), true),
                Redirect::Ask(_) | Redirect::TryAgain => {
                    sleep_until(deadline.min(Instant::now() + REDIS_MOVE_PAUSE)).await;
                    (self.node_of(slot)?, false)
                }
            };
            last = Some(redirect);
        }
        Err(Fault::new(
            Kind::Moving,
            format!("the keys are moving within the redis cluster: {last:?}"),
        ))
    }

    fn node_of(&self, slot: Option<u16>) -> Result<Arc<Node>, Fault> {
        let node = self.map.load().node(slot).cloned();
        node.ok_or_else(|| {
            self.look();
            Fault::new(
                Kind::ClusterDown,
                "no node of the redis cluster serves this slot",
            )
        })
    }

    /// The node at an address that `from` named; without a host it is on the host of `from`.
    fn node_at(&self, address: &str, from: &Node) -> Arc<Node> {
        let whole;
        let address = match slots::split(address) {
            Some(("" | "?", port)) => {
                let connected = from.connected().map(|c| Arc::clone(&c.address));
                let host = connected.as_deref().and_then(slots::split);
                whole = slots::join(host.map_or("", |(host, _)| host), port);
                whole.as_str()
            }
            _ => address,
        };
        let is_it = |node: &&Arc<Node>| node.address() == Some(address);
        if let Some(node) = self.map.load().nodes.iter().find(is_it) {
            return Arc::clone(node);
        }
        let mut guests = self.guests.lock();
        if let Some(node) = guests.iter().find(is_it) {
            return Arc::clone(node);
        }
        if guests.len() >= REDIS_GUESTS {
            guests.clear();
        }
        let node = self.make(address);
        guests.push(Arc::clone(&node));
        node
    }

    fn make(&self, address: &str) -> Arc<Node> {
        let place = Place::At(vec![address.to_owned()]);
        node(place, &self.dialer, &self.counters, &self.this)
    }

    /// Waits until the masters of a cluster are known, until `deadline` at most.
    pub(super) async fn know(&self, deadline: Instant) {
        let mut known = self.known.subscribe();
        if !*known.borrow() {
            self.look();
            let _ = timeout_at(deadline, known.wait_for(|known| *known)).await;
        }
    }

    /// The servers that are known now: one, or the masters of a cluster.
    pub(super) fn nodes(&self) -> Vec<Arc<Node>> {
        self.map.load().nodes.clone()
    }

    /// Who serves what, as far as is known now.
    pub(super) fn map(&self) -> Arc<Map> {
        self.map.load_full()
    }

    /// Whether every server answered when it was last asked.
    pub(super) fn is_up(&self) -> bool {
        self.map.load().nodes.iter().all(|node| node.is_up())
    }

    /// The server where those meet who publish on `channel` and who listen.
    pub(super) fn node_of_channel(&self, channel: &str) -> Option<Arc<Node>> {
        let slot = slots::slot_of(channel.as_bytes());
        self.map.load().node(Some(slot)).cloned()
    }

    /// Looks in the background which node of a cluster serves which slots; at most one look at a time, and one more for
    /// those who ask meanwhile.
    pub(super) fn look(&self) {
        if !self.is_cluster {
            return;
        }
        {
            let mut looking = self.looking.lock();
            if looking.now {
                looking.again = true;
                return;
            }
            looking.now = true;
        }
        let this = Weak::clone(&self.this);
        tokio::spawn(async move {
            let mut mark = Mark(Some(Weak::clone(&this)));
            while let Some(router) = this.upgrade() {
                look::once(&router).await;
                sleep(REDIS_SLOTS_PAUSE).await;
                let mut looking = router.looking.lock();
                looking.now = std::mem::take(&mut looking.again);
                if !looking.now {
                    mark.0 = None;
                    return;
                }
            }
        });
    }

    /// Takes the map that `ranges` describe, with the nodes that are known already.
    pub(super) fn install(&self, ranges: Vec<Range>) {
        let old = self.map.load_full();
        let guests = self.guests.lock().clone();
        let map = Map::of(ranges, |address| {
            let mut known = old.nodes.iter().chain(&guests);
            let kept = known.find(|node| node.address() == Some(address)).cloned();
            kept.unwrap_or_else(|| self.make(address))
        });
        for node in &map.nodes {
            // So that the first call need not wait.
            if node.connected().is_none() && !node.is_open() {
                node.connect();
            }
        }
        let has_place = |guest: &Arc<Node>| map.nodes.iter().any(|node| Arc::ptr_eq(node, guest));
        self.guests.lock().retain(|guest| !has_place(guest));
        self.map.store(Arc::new(map));
        self.known.send_replace(true);
    }
}

fn node(
    place: Place,
    dialer: &Arc<Dialer>,
    counters: &Arc<Counters>,
    router: &Weak<Router>,
) -> Arc<Node> {
    let router = Weak::clone(router);
    let alarm = Box::new(move || {
        if let Some(router) = router.upgrade() {
            router.look();
        }
    });
    Node::new(place, Arc::clone(dialer), Arc::clone(counters), alarm)
}

/// Says that nobody looks any more when the task that did goes with its runtime.
struct Mark(Option<Weak<Router>>);

impl Drop for Mark {
    fn drop(&mut self) {
        if let Some(router) = self.0.as_ref().and_then(Weak::upgrade) {
            router.looking.lock().now = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::redis::testing::settings_for;

    fn range(first: u16, last: u16, master: &str) -> Range {
        Range {
            first,
            last,
            master: master.to_owned(),
            replicas: vec!["r:1".to_owned()],
        }
    }

    fn address(router: &Router, slot: u16) -> Option<String> {
        let node = router.node_of(Some(slot)).ok()?;
        node.address().map(str::to_owned)
    }

    #[tokio::test]
    async fn a_map_keeps_known_nodes_and_serves_no_slot_that_nobody_has() {
        let settings = RedisStore {
            cluster: true,
            ..settings_for(["redis://s:1".to_owned()])
        };
        let router = Router::new(&settings, Arc::default()).unwrap();
        assert_eq!(address(&router, 16_383).as_deref(), Some("s:1"));
        router.install(vec![range(0, 99, "a:1"), range(200, 16_383, "b:1")]);
        assert_eq!(address(&router, 0).as_deref(), Some("a:1"));
        assert_eq!(address(&router, 99).as_deref(), Some("a:1"));
        assert_eq!(address(&router, 100), None);
        assert_eq!(address(&router, 199), None);
        assert_eq!(address(&router, 16_383).as_deref(), Some("b:1"));
        let (a, b) = (router.nodes()[0].clone(), router.nodes()[1].clone());
        let guest = router.node_at("c:1", &a);
        router.install(vec![range(0, 99, "c:1"), range(100, 16_383, "b:1")]);
        assert!(Arc::ptr_eq(&router.nodes()[0], &guest));
        assert!(Arc::ptr_eq(&router.nodes()[1], &b));
        assert!(router.guests.lock().is_empty());
        assert!(Arc::ptr_eq(&router.node_at("b:1", &a), &b));
        assert_eq!(router.map.load().replicas, ["r:1"]);
    }
}
