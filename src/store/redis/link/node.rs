//! One server: its connection, its breaker and the probe that closes it again; never which calls belong to it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use redis::{RedisError, Value};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::Patience;
use super::breaker::Breaker;
use super::connection::{Connection, Place};
use super::counters::{Counters, count};
use super::dial::{Dialer, Hears, Opened};
use super::fault::{Fault, Kind, Miss, Says, miss};
use super::request::Request;
use crate::base::ceilings::{REDIS_CALM_CALLS, REDIS_CONNECT_TIME, REDIS_RENEW_PAUSE};

/// Called when a server is in trouble, so that a cluster looks whether another has taken its place.
pub(super) type Alarm = Box<dyn Fn() + Send + Sync>;

/// An attempt to connect that is under way, and what came of it.
type Attempt = watch::Receiver<Option<Result<(), Fault>>>;

/// A server. All who call it share it.
pub(super) struct Node {
    place: Place,
    dialer: Arc<Dialer>,
    counters: Arc<Counters>,
    alarm: Alarm,
    /// Whether it answered when it was last asked.
    up: AtomicBool,
    /// Lets [`REDIS_CALM_CALLS`] through at once: the server answers in order, so that a burst would stand before hot calls.
    calm: Semaphore,
    // Held for a few instructions at a time, never over an await.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    connection: Option<Connection>,
    attempt: Option<Attempt>,
    attempted: Option<Instant>,
    breaker: Breaker,
    /// Why the breaker opened, or the last probe failed.
    cause: Option<Fault>,
    /// Whether somebody probes it.
    probed: bool,
}

impl Node {
    pub(super) fn new(
        place: Place,
        dialer: Arc<Dialer>,
        counters: Arc<Counters>,
        alarm: Alarm,
    ) -> Arc<Self> {
        Arc::new(Self {
            place,
            dialer,
            counters,
            alarm,
            up: AtomicBool::new(false),
            calm: Semaphore::new(REDIS_CALM_CALLS),
            state: Mutex::default(),
        })
    }

    /// Whether it answered when it was last asked.
    pub(super) fn is_up(&self) -> bool {
        self.up.load(Ordering::Relaxed)
    }

    /// Whether it is known not to answer.
    pub(super) fn is_open(&self) -> bool {
        self.state.lock().breaker.is_open()
    }

    /// Whether it does not take our user or password.
    pub(super) fn is_locked_out(&self) -> bool {
        let state = self.state.lock();
        let cause = state.cause.as_ref();
        cause.is_some_and(|fault| fault.kind == Kind::Credentials)
    }

    /// The connection there is now.
    pub(super) fn connected(&self) -> Option<Connection> {
        self.state.lock().connection.clone()
    }

    /// What it is called in the log and in findings.
    pub(super) fn name(&self) -> String {
        self.place.name()
    }

    /// Its address, where it has but one.
    pub(super) fn address(&self) -> Option<&str> {
        self.place.address()
    }

    /// Sends a request and waits for the answer, until `deadline` at most.
    pub(super) async fn call(
        self: &Arc<Self>,
        patience: Patience,
        request: Request<'_>,
        asking: bool,
        deadline: Instant,
    ) -> Result<Value, Miss> {
        let _turn = match patience {
            Patience::Hot => None,
            // It was not sent: that says nothing about the server.
            Patience::Calm => match timeout_at(deadline, self.calm.acquire()).await {
                Ok(turn) => turn.ok(),
                Err(_) => return Err(Fault::timeout().into()),
            },
        };
        let began = Instant::now();
        let mut connection = self.connection(patience, began, deadline).await?;
        let answer = timeout_at(deadline, request.send(&mut connection.inner, asking)).await;
        match answer {
            Ok(Ok(value)) => {
                self.succeeded(began);
                Ok(value)
            }
            Ok(Err(e)) => Err(self.missed(&connection, began, &e)),
            Err(_) => {
                let fault = Fault::timeout();
                self.failed(began, &fault);
                self.renew(&connection);
                Err(fault.into())
            }
        }
    }

    /// The connection, made anew where there is none; a hot call does not wait where the breaker is open.
    async fn connection(
        self: &Arc<Self>,
        patience: Patience,
        began: Instant,
        deadline: Instant,
    ) -> Result<Connection, Fault> {
        {
            let state = self.state.lock();
            if !state.breaker.allows(patience, began) {
                let cause = state.cause.as_ref().map_or("", |c| c.text.as_str());
                let fault = Fault::new(Kind::Breaker, format!("redis is away: {cause}"));
                drop(state);
                // Whoever probed it may have gone with its runtime.
                self.keep_probing();
                return Err(fault);
            }
            // While the breaker is open nothing is sent over the old connection, which may be lost: a calm call that is let
            // through makes the next one, or joins the probe that does.
            if let Some(connection) = &state.connection
                && !state.breaker.is_open()
            {
                return Ok(connection.clone());
            }
        }
        let mut attempt = self.connect();
        let outcome = timeout_at(deadline, attempt.wait_for(Option::is_some))
            .await
            .map(|ended| ended.ok().and_then(|outcome| outcome.clone()));
        match outcome {
            Ok(Some(Ok(()))) => {
                let state = self.state.lock();
                let gone = || Fault::connection("it was closed at once");
                state.connection.clone().ok_or_else(gone)
            }
            Ok(Some(Err(fault))) => Err(fault),
            Ok(None) => Err(Fault::connection("the attempt was given up")),
            Err(_) => {
                let fault = Fault::timeout();
                self.failed(began, &fault);
                Err(fault)
            }
        }
    }

    /// Begins to connect, or joins whoever has begun.
    pub(super) fn connect(self: &Arc<Self>) -> Attempt {
        let mut state = self.state.lock();
        if let Some(attempt) = &state.attempt
            // Fails where the task that made it has gone with its runtime.
            && attempt.has_changed().is_ok()
        {
            return attempt.clone();
        }
        let (told, attempt) = watch::channel(None);
        state.attempt = Some(attempt.clone());
        state.attempted = Some(Instant::now());
        drop(state);
        let node = Arc::clone(self);
        tokio::spawn(async move {
            let opened = match timeout(REDIS_CONNECT_TIME, node.open(None)).await {
                Ok(opened) => opened,
                Err(_) => Err(Fault::connection("it did not come about in time")),
            };
            let outcome = node.settle(opened);
            told.send_replace(Some(outcome));
        });
        attempt
    }

    /// Opens a connection to the server and sees that it serves. Whoever calls this bounds its time.
    pub(super) async fn open(&self, hears: Option<Hears>) -> Result<Opened, Fault> {
        self.place.open(&self.dialer, hears).await
    }

    /// Takes in what came of an attempt to connect.
    fn settle(self: &Arc<Self>, opened: Result<Opened, Fault>) -> Result<(), Fault> {
        let outcome = opened.map(|opened| {
            let node = Arc::downgrade(self);
            Connection::run(opened, move |number| ended(&node, number))
        });
        let mut state = self.state.lock();
        state.attempt = None;
        match outcome {
            Ok(connection) => {
                let before = state.connection.replace(connection);
                drop(state);
                drop(before);
                // It has just served a write, whatever failed while the connection was being made.
                self.succeeded(Instant::now());
                self.counters.connected();
                Ok(())
            }
            Err(fault) => {
                drop(state);
                count(&self.counters.failed_connects);
                self.is_dead(&fault);
                Err(fault)
            }
        }
    }

    fn succeeded(&self, began: Instant) {
        self.up.store(true, Ordering::Relaxed);
        let mut state = self.state.lock();
        if state.breaker.succeeded(began) {
            let cause = state.cause.take();
            drop(state);
            let cause = cause.map_or(String::new(), |c| c.text);
            tracing::info!(server = self.name(), cause, "redis answers again");
        }
    }

    /// A call failed, which may or may not mean that the server is dead.
    fn failed(self: &Arc<Self>, began: Instant, fault: &Fault) {
        self.up.store(false, Ordering::Relaxed);
        let opened = {
            let mut state = self.state.lock();
            let opened = state.breaker.failed(began, Instant::now());
            if opened {
                state.cause = Some(fault.clone());
            }
            opened
        };
        if opened {
            tracing::error!(
                server = self.name(),
                cause = fault.text,
                "redis does not answer"
            );
            self.keep_probing();
            (self.alarm)();
        }
    }

    /// The server was found dead.
    fn is_dead(self: &Arc<Self>, fault: &Fault) {
        self.up.store(false, Ordering::Relaxed);
        let (opened, before) = {
            let mut state = self.state.lock();
            let opened = state.breaker.trip(Instant::now());
            (opened, state.cause.replace(fault.clone()))
        };
        // Once per change of state: probes repeat the same for as long as the server is away.
        if opened || before.is_none_or(|before| !before.kind.reads_like(fault.kind)) {
            tracing::error!(
                server = self.name(),
                cause = fault.text,
                "redis cannot be used"
            );
        }
        self.keep_probing();
        (self.alarm)();
    }

    /// Takes in an error that came instead of an answer.
    fn missed(self: &Arc<Self>, connection: &Connection, began: Instant, e: &RedisError) -> Miss {
        let missed = miss(e);
        let fault = match &missed {
            Miss::Redirect(_) => {
                self.succeeded(began);
                return missed;
            }
            Miss::Fault(fault) => fault,
        };
        if fault.kind.ends_connection() {
            self.forget(connection.number);
        }
        match fault.kind.says() {
            Says::Works => self.succeeded(began),
            Says::MayBeDead => {
                self.failed(began, fault);
                // The next call need not wait for a connection.
                if !self.is_open() {
                    self.connect();
                }
            }
            Says::IsDead => self.is_dead(fault),
        }
        missed
    }

    fn forget(&self, number: u64) -> bool {
        let mut state = self.state.lock();
        let same = (state.connection.as_ref()).is_some_and(|there| there.number == number);
        let gone = if same { state.connection.take() } else { None };
        drop(state);
        gone.is_some()
    }

    /// A call was not answered in time: the connection may be lost without anybody having been told. It serves until
    /// another one is there.
    fn renew(self: &Arc<Self>, connection: &Connection) {
        let due = {
            let state = self.state.lock();
            let same = (state.connection.as_ref()).is_some_and(|c| c.number == connection.number);
            let rested = (state.attempted).is_none_or(|at| at.elapsed() >= REDIS_RENEW_PAUSE);
            same && rested && !state.breaker.is_open()
        };
        if due {
            self.connect();
        }
    }

    /// Probes the server until it answers, unless somebody does already.
    fn keep_probing(self: &Arc<Self>) {
        {
            let mut state = self.state.lock();
            if state.probed || !state.breaker.is_open() {
                return;
            }
            state.probed = true;
        }
        let node = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut mark = Mark(Some(Weak::clone(&node)));
            while let Some(pause) = next_probe(&node) {
                sleep(pause).await;
                let Some(node) = node.upgrade() else {
                    return;
                };
                let mut attempt = node.connect();
                // A node that has left the cluster goes as soon as nobody but us holds it.
                drop(node);
                let _ = attempt.wait_for(Option::is_some).await;
            }
            mark.0 = None;
        });
    }
}

/// The connection ended by itself. One that nobody was using costs no call: another is made at once.
fn ended(node: &Weak<Node>, number: u64) {
    if let Some(node) = node.upgrade()
        && node.forget(number)
        && !node.is_open()
    {
        node.connect();
    }
}

/// How long until the next probe; `None`, and nobody probes any more, once the breaker is closed.
fn next_probe(node: &Weak<Node>) -> Option<std::time::Duration> {
    let node = node.upgrade()?;
    let mut state = node.state.lock();
    let pause = state.breaker.probe_in(fastrand::f64());
    state.probed = pause.is_some();
    pause
}

/// Says that nobody probes any more when the task that did goes with its runtime.
struct Mark(Option<Weak<Node>>);

impl Drop for Mark {
    fn drop(&mut self) {
        if let Some(node) = self.0.as_ref().and_then(Weak::upgrade) {
            node.state.lock().probed = false;
        }
    }
}
