//! Limits of several nodes over one store in memory: waiting, spending, outages, giving back; never a network.

mod calm;
mod said;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use tokio::sync::{Semaphore, oneshot};

use super::*;
use crate::config::model::{OnStoreFailure, Quotas, Rate};
use crate::limits::lease::Ask;
use crate::limits::lease::ledger::Ledger;
use crate::limits::{Decision, KeyLimits, Limiter, Limits, StoreAway};

// Time stands still but where nothing else is to be done, so that nobody waits too long on a busy machine.

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const LOCAL: OnStoreFailure = OnStoreFailure::Local;

/// The model of the store, and switches.
struct Memory {
    accounts: Mutex<HashMap<Arc<str>, Ledger>>,
    ticks: Ticks,
    down: AtomicBool,
    grants: AtomicU64,
    /// Calls that have begun.
    begun: AtomicU64,
    /// How many calls are yet answered as if a later one had come before.
    stale: AtomicU64,
    left: Mutex<Vec<String>>,
    /// Calls pass one permit each, where this is set.
    gate: Option<Semaphore>,
}

impl Memory {
    fn new(ticks: &Ticks) -> Arc<Self> {
        Arc::new(Self {
            accounts: Mutex::default(),
            ticks: ticks.clone(),
            down: AtomicBool::new(false),
            grants: AtomicU64::new(0),
            begun: AtomicU64::new(0),
            stale: AtomicU64::new(0),
            left: Mutex::default(),
            gate: None,
        })
    }

    fn time(&self) -> u64 {
        NOW.millis().unsigned_abs() + self.ticks.now()
    }

    /// Tokens of a key in the store, and those that nodes hold.
    fn tokens(&self, key: &str) -> (i64, u64) {
        let accounts = self.accounts.lock();
        let view = accounts["acct"].key_tokens(key, self.time()).unwrap();
        (view.tokens, view.elsewhere)
    }
}

#[async_trait]
impl LeaseStore for Memory {
    async fn grant(&self, ask: &Ask) -> Result<Answer, StoreError> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        if let Some(gate) = &self.gate {
            gate.acquire().await.unwrap().forget();
        }
        tokio::task::yield_now().await;
        if self.down.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("down".into()));
        }
        self.grants.fetch_add(1, Ordering::SeqCst);
        let overtaken = self
            .stale
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        if overtaken.is_ok() {
            return Ok(Answer::Stale);
        }
        let mut accounts = self.accounts.lock();
        let ledger = accounts.entry(Arc::clone(&ask.account)).or_default();
        Ok(ledger.grant(ask, self.time()))
    }

    async fn beat(&self, _: &str, config: &str, _: bool) -> Result<Beat, StoreError> {
        Ok(Beat {
            live: 3,
            config: config.parse().unwrap(),
            now: self.time(),
        })
    }

    async fn leave(&self, boot: &str) -> Result<(), StoreError> {
        self.left.lock().push(boot.to_owned());
        Ok(())
    }

    async fn forget(&self, _: &str, _: &[String]) -> Result<(), StoreError> {
        Ok(())
    }
}

struct Node {
    limiter: Limiter,
    desk: Arc<Desk>,
    stop: Option<oneshot::Sender<()>>,
    task: Option<tokio::task::JoinHandle<()>>,
}

impl Node {
    fn new(store: &Arc<Memory>, name: &str) -> Self {
        Self::of_mode(store, name, false)
    }

    fn of_mode(store: &Arc<Memory>, name: &str, strict: bool) -> Self {
        let desk = Desk::new(
            store.clone() as Arc<dyn LeaseStore>,
            name,
            "1",
            strict,
            store.ticks.clone(),
        );
        Self {
            limiter: Limiter::leased(Arc::clone(&desk)),
            desk,
            stop: None,
            task: None,
        }
    }

    async fn running(store: &Arc<Memory>, name: &str) -> Self {
        Self::new(store, name).started().await
    }

    async fn started(self) -> Self {
        let mut node = self;
        // As at a start: before anything is asked of it, so that it knows its number and how many there are.
        node.desk.beat().await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let run = Arc::clone(&node.desk).run(async move {
            let _ = stopped.await;
        });
        node.task = Some(tokio::spawn(run));
        node.stop = Some(stop);
        node
    }

    async fn limits(&self, plan: Plan) -> (Limits, KeyLimits) {
        let none = |_, _| async { Ok((0, 0)) };
        let account = self.limiter.account("acct", || (plan, NOW), NOW, none);
        let account = account.await.unwrap();
        let key = self.limiter.key("key", &account).unwrap();
        (account, key)
    }

    async fn end(mut self) {
        drop(self.stop.take());
        self.task.take().unwrap().await.unwrap();
    }
}

fn plan(requests: u64, per_seconds: u64, burst: u64) -> Plan {
    Plan {
        rate: Rate {
            requests,
            per_seconds,
            burst,
        },
        account_rate: None,
        quotas: Quotas::default(),
        max_keys: 1,
    }
}

async fn take(limits: &(Limits, KeyLimits)) -> Decision {
    limits.0.take(&limits.1, 1, LOCAL, NOW).await.unwrap()
}

fn shown(decision: &Decision) -> String {
    let field = crate::limits::fields::ratelimit(&decision.standings).unwrap();
    field.as_str().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_cold_key_waits_for_one_grant_and_shows_what_is_left() {
    let ticks = Ticks::manual(1);
    let store = Memory::new(&ticks);
    let node = Node::running(&store, "a").await;
    let limits = node.limits(plan(50, 1, 100)).await;
    for left in [99, 98, 97] {
        assert_eq!(
            shown(&take(&limits).await),
            format!("\"burst\";r={left};t=1")
        );
    }
    let field = &take(&limits).await.standings.policy_field;
    assert_eq!(field, "\"burst\";q=100;w=2");
    node.end().await;
}

#[tokio::test(start_paused = true)]
async fn two_thousand_at_once_on_three_nodes_admit_exactly_the_tokens_that_exist() {
    let ticks = Ticks::manual(1);
    let store = Memory::new(&ticks);
    let mut nodes = Vec::new();
    for name in ["a", "b", "c"] {
        nodes.push(Node::running(&store, name).await);
    }
    let mut takes = Vec::new();
    for i in 0..2_000 {
        // Most of the load on one node.
        let node = &nodes[if i % 10 < 8 { 0 } else { i % 3 }];
        let limits = node.limits(plan(1, 86_400, 100)).await;
        takes.push(tokio::spawn(async move { take(&limits).await }));
    }
    let mut admitted = 0;
    for t in takes {
        admitted += u64::from(t.await.unwrap().is_admitted());
    }
    assert_eq!(admitted, 100);
    let grants = store.grants.load(Ordering::SeqCst);
    assert!(grants < 100, "{grants} calls for 2000 requests");
    for node in nodes {
        node.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_hot_key_seldom_calls_the_store() {
    let ticks = Ticks::manual(1);
    let store = Memory::new(&ticks);
    let node = Node::running(&store, "a").await;
    let limits = node.limits(plan(100_000, 1, 100_000)).await;
    for _ in 0..200 {
        ticks.advance(Duration::from_millis(1));
        for _ in 0..50 {
            assert!(take(&limits).await.is_admitted());
        }
        tokio::task::yield_now().await;
    }
    let grants = store.grants.load(Ordering::SeqCst);
    assert!(grants < 100, "{grants} calls for 10000 requests");
    node.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_never_left_is_free_however_often_that_happens() {
    let ticks = Ticks::manual(1);
    let store = Memory::new(&ticks);
    let node = Node::running(&store, "a").await;
    let limits = node.limits(plan(1, 86_400, 10)).await;
    for _ in 0..100 {
        let ticket = take(&limits).await.ticket.expect("it was given back");
        limits.0.give_back(&limits.1, ticket, NOW);
        assert_eq!(limits.0.used(NOW).hour.used, 0);
    }
    for _ in 0..10 {
        let ticket = take(&limits).await.ticket.unwrap();
        limits.0.sent(&limits.1, ticket);
    }
    assert!(!take(&limits).await.is_admitted());
    assert_eq!(limits.0.used(NOW).month.used, 10);
    node.end().await;
}

#[tokio::test(start_paused = true)]
async fn while_the_store_is_away_the_lease_is_spent_and_then_the_policy_decides() {
    let ticks = Ticks::manual(1);
    let store = Memory::new(&ticks);
    let node = Node::running(&store, "a").await;
    node.desk.beat().await.unwrap();
    let limits = node.limits(plan(30, 1, 60)).await;
    assert!(take(&limits).await.is_admitted());
    store.down.store(true, Ordering::SeqCst);
    // Nothing is in hand: an empty share, of three nodes.
    let refused = take(&limits).await;
    assert_eq!(
        (refused.is_admitted(), refused.retry_after_seconds()),
        (false, 1)
    );
    assert!(node.desk.stats().degraded);
    ticks.advance(Duration::from_millis(99));
    assert!(!take(&limits).await.is_admitted());
    ticks.advance(Duration::from_millis(1));
    assert!(
        take(&limits).await.is_admitted(),
        "10 a second are this node's"
    );
    assert!(!take(&limits).await.is_admitted());
    let away = limits.0.take(&limits.1, 1, OnStoreFailure::Deny, NOW).await;
    assert_eq!(away.unwrap_err(), StoreAway);
    for _ in 0..200 {
        let free = limits
            .0
            .take(&limits.1, 1, OnStoreFailure::Allow, NOW)
            .await;
        assert!(free.unwrap().is_admitted());
    }
    assert_eq!(limits.0.used(NOW).hour.used, 202);
    node.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_admitted_alone_is_debited_when_the_store_is_back() {
    let ticks = Ticks::manual(1);
    let store = Memory::new(&ticks);
    let node = Node::running(&store, "a").await;
    let limits = node.limits(plan(1, 86_400, 10)).await;
    for _ in 0..9 {
        assert!(take(&limits).await.is_admitted());
    }
    store.down.store(true, Ordering::SeqCst);
    while take(&limits).await.is_admitted() {}
    // Three tokens of this node's share, a third of nine days.
    ticks.advance(Duration::from_secs(9 * 86_400));
    let mut alone = 0;
    while take(&limits).await.is_admitted() {
        alone += 1;
    }
    assert_eq!(alone, 3);
    store.down.store(false, Ordering::SeqCst);
    ticks.advance(Duration::from_secs(5));
    let _ = take(&limits).await;
    node.end().await;
    let (tokens, held) = store.tokens("key");
    let spent = store.accounts.lock()["acct"]
        .reported("key", "a")
        .unwrap()
        .0;
    assert!(spent >= 12 && held == 0);
    assert_eq!(tokens, 19 - i64::try_from(spent).unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_stop_gives_back_what_is_in_hand() {
    let ticks = Ticks::manual(1);
    let store = Memory::new(&ticks);
    let node = Node::running(&store, "a").await;
    let limits = node.limits(plan(1, 86_400, 1_000)).await;
    for _ in 0..50 {
        let ticket = take(&limits).await.ticket.unwrap();
        limits.0.sent(&limits.1, ticket);
    }
    assert!(store.tokens("key").1 > 0);
    node.end().await;
    assert_eq!(store.tokens("key"), (950, 0));
}

#[tokio::test(start_paused = true)]
async fn another_plan_voids_what_is_in_hand_and_holds_at_once() {
    let ticks = Ticks::manual(1);
    let store = Memory::new(&ticks);
    let node = Node::running(&store, "a").await;
    let limits = node.limits(plan(1, 86_400, 1_000)).await;
    for _ in 0..20 {
        assert!(take(&limits).await.is_admitted());
    }
    let later = NOW.plus(Duration::from_secs(1));
    limits.0.set_plan(&plan(1, 86_400, 5), Some(later), NOW);
    let mut admitted = 0;
    while take(&limits).await.is_admitted() {
        admitted += 1;
    }
    assert_eq!(admitted, 5);
    node.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_node_on_an_older_plan_follows_the_newer_one() {
    let ticks = Ticks::manual(1);
    let store = Memory::new(&ticks);
    let (new, old) = (
        Node::running(&store, "a").await,
        Node::running(&store, "b").await,
    );
    let limits = new.limits(plan(1, 86_400, 1_000)).await;
    let behind = old.limits(plan(1, 86_400, 1_000)).await;
    let later = NOW.plus(Duration::from_secs(1));
    limits.0.set_plan(&plan(1, 86_400, 20), Some(later), NOW);
    assert!(take(&limits).await.is_admitted());
    let seen = take(&behind).await;
    assert!(seen.is_admitted());
    assert_eq!(seen.standings.policy_field, "\"burst\";q=20;w=1728000");
    new.end().await;
    old.end().await;
    assert_eq!(store.tokens("key").0, 18);
}

#[tokio::test]
async fn without_an_answer_a_request_waits_no_longer_than_it_may() {
    let ticks = Ticks::manual(1);
    let store = Memory::new(&ticks);
    // Nobody serves this desk.
    let node = Node::new(&store, "a");
    let limits = node.limits(plan(50, 1, 100)).await;
    let began = std::time::Instant::now();
    let denied = limits.0.take(&limits.1, 1, OnStoreFailure::Deny, NOW).await;
    assert_eq!(denied.unwrap_err(), StoreAway);
    assert!(began.elapsed() >= crate::base::ceilings::LEASE_WAIT);
    // Who comes later does not wait.
    let began = std::time::Instant::now();
    assert!(!take(&limits).await.is_admitted());
    assert!(began.elapsed() < crate::base::ceilings::LEASE_WAIT);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_while_it_waits_takes_nothing_along() {
    let ticks = Ticks::manual(1);
    let mut gated = Memory::new(&ticks);
    Arc::get_mut(&mut gated).unwrap().gate = Some(Semaphore::new(0));
    let node = Node::running(&gated, "a").await;
    let limits = node.limits(plan(1, 86_400, 1)).await;
    {
        let mut leaves = std::pin::pin!(take(&limits));
        assert!(futures_util::poll!(&mut leaves).is_pending());
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }
    gated.gate.as_ref().unwrap().add_permits(100);
    assert!(
        take(&limits).await.is_admitted(),
        "its token is there for the next"
    );
    assert!(!take(&limits).await.is_admitted());
    node.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_key_that_was_idle_for_long_lets_go_of_its_state() {
    let ticks = Ticks::manual(1);
    let store = Memory::new(&ticks);
    let node = Node::running(&store, "a").await;
    let limits = node.limits(plan(50, 1, 100)).await;
    assert!(take(&limits).await.is_admitted());
    let KeyLimits::Leased(key) = limits.1.clone() else {
        panic!("not leased")
    };
    assert!(!key.rest());
    ticks.advance(Duration::from_secs(60));
    assert!(key.rest());
    drop(key);
    assert_eq!(shown(&take(&limits).await), "\"burst\";r=99;t=1");
    drop(limits);
    node.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_configuration_has_the_number_that_the_store_gives_it() {
    let ticks = Ticks::manual(1);
    let store = Memory::new(&ticks);
    let node = Node::new(&store, "a");
    node.desk.beat().await.unwrap();
    assert_eq!(node.desk.live(), 3);
    assert_eq!(node.desk.terms(&plan(1, 1, 1), NOW).revision.config, 1);
    node.desk.set_config("5");
    assert!(node.desk.configuration.lock().moved);
    node.desk.beat().await.unwrap();
    assert!(!node.desk.configuration.lock().moved);
    assert_eq!(node.desk.terms(&plan(1, 1, 1), NOW).revision.config, 5);
}
