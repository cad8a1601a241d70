//! The one way to Redis: deadlines, breakers, failover, scripts that Redis forgot; never what a command means.
//!
//! A [`Link`] routes a call to a server (`router`; in a cluster by its `map` of `slots`, which `look` renews). The server's
//! `node` sends it over one connection that all callers share (`request`, `connection`, `dial`, `tls`), and whatever goes
//! wrong is told apart in `fault`. Every wait of a call ends at its deadline, that for a connection included: connections
//! are made by tasks of their own, one at a time for each server.
//!
//! After a few failures in a row, or one that leaves no doubt, a server's `breaker` opens: hot calls fail at once, and a
//! probe connects and writes anew at growing intervals until that succeeds. The probe asks the sentinels, or the
//! cluster, and so follows a failover.
//!
//! Cluster routing is our own, since the library's client stops every call to every node while it reads the slots anew,
//! which takes as long as one dead node takes to connect to. Nothing here ever sends a call twice, except where the
//! server said that it did not carry it out; still a caller whose call timed out does not know whether it was.

mod breaker;
mod connection;
mod counters;
mod dial;
mod fault;
mod listen;
mod look;
mod map;
mod node;
mod request;
mod router;
mod slots;
#[cfg(test)]
mod tests;
mod tls;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::{Cmd, FromRedisValue, Pipeline, Value};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

pub use self::counters::{CallTimes, LinkStats};
pub(super) use self::listen::Message;
pub(super) use self::request::Call;

use self::counters::Counters;
use self::fault::{Fault, Miss};
use self::request::Request;
use self::router::Router;
use crate::base::ceilings::{REDIS_CONNECT_TIME, STORE_READ_TIME};
use crate::base::clock::{Clock, Timestamp};
use crate::base::error::StoreError;
use crate::config::model::RedisStore;

/// How long a caller waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// On a request's path: `store.deadline_ms`.
    Hot,
    /// Operators and background work: [`STORE_READ_TIME`].
    Calm,
}

/// What a server's clock showed.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClockReading {
    /// When it was asked, by our clock.
    pub(super) sent: Timestamp,
    /// How long the answer took.
    pub(super) took: Duration,
    /// Microseconds since the Unix epoch.
    pub(super) server_us: i64,
}

/// A way to Redis. Cloning shares it. Its calls need a tokio runtime, and its connections live on the one of the call that
/// made them; when that runtime ends, the next call makes another.
#[derive(Clone)]
pub(super) struct Link(Arc<Inner>);

struct Inner {
    deadline: Duration,
    /// False until somebody has seen that the servers are what this store needs.
    admitted: AtomicBool,
    counters: Arc<Counters>,
    router: Result<Arc<Router>, Fault>,
}

impl Link {
    /// A link that connects when it is first used.
    pub(super) fn new(settings: RedisStore) -> Self {
        let counters = Arc::new(Counters::default());
        Self(Arc::new(Inner {
            deadline: settings.deadline,
            admitted: AtomicBool::new(true),
            router: Router::new(&settings, Arc::clone(&counters)),
            counters,
        }))
    }

    /// Whether every server that is known answered when it was last asked; one that was never asked did not.
    pub(super) fn is_up(&self) -> bool {
        self.is_admitted() && self.0.router.as_ref().is_ok_and(|router| router.is_up())
    }

    /// Lets calls through to the servers, or not: what nobody has looked at yet is neither read nor written.
    pub(super) fn admit(&self, admitted: bool) {
        self.0.admitted.store(admitted, Ordering::Release);
    }

    fn is_admitted(&self) -> bool {
        self.0.admitted.load(Ordering::Acquire)
    }

    /// Whether a server does not take our user or password.
    pub(super) fn is_locked_out(&self) -> bool {
        let nodes = (self.0.router.as_ref()).map_or(Vec::new(), |router| router.nodes());
        nodes.iter().any(|node| node.is_locked_out())
    }

    /// Changes with each connection that is made to a server.
    pub(super) fn connects(&self) -> watch::Receiver<u64> {
        self.0.counters.connected.subscribe()
    }

    /// Shows the time of calls in these from now on.
    pub(super) fn show(&self, shown: CallTimes) {
        // Only the first who asks is answered.
        let _ = self.0.counters.times.set(shown);
    }

    /// Numbers for the metrics.
    pub(super) fn stats(&self) -> LinkStats {
        let nodes = (self.0.router.as_ref()).map_or(Vec::new(), |router| router.nodes());
        LinkStats {
            up: self.is_up(),
            servers: nodes.len(),
            breakers_open: nodes.iter().filter(|node| node.is_open()).count(),
            ..self.0.counters.read()
        }
    }

    /// Runs one command.
    pub(super) async fn run<T: FromRedisValue>(
        &self,
        patience: Patience,
        cmd: &Cmd,
    ) -> Result<T, StoreError> {
        self.call(patience, Request::Command(cmd)).await
    }

    /// [`Link::run`] before anybody has admitted the servers.
    pub(super) async fn run_first<T: FromRedisValue>(&self, cmd: &Cmd) -> Result<T, StoreError> {
        self.ask(Patience::Calm, Request::Command(cmd)).await
    }

    /// Runs commands on keys of one slot in one exchange; not atomic unless the pipeline is.
    pub(super) async fn pipe<T: FromRedisValue>(
        &self,
        patience: Patience,
        pipe: &Pipeline,
    ) -> Result<T, StoreError> {
        self.call(patience, Request::Pipeline(pipe)).await
    }

    /// Runs a script; sends its text where Redis does not know it.
    pub(super) async fn script<T: FromRedisValue>(
        &self,
        patience: Patience,
        call: &Call,
    ) -> Result<T, StoreError> {
        self.call(patience, Request::Script(call)).await
    }

    /// Publishes to every node that listens on `channel`.
    #[cfg(test)]
    pub(super) async fn publish(
        &self,
        patience: Patience,
        channel: &str,
        message: &[u8],
    ) -> Result<(), StoreError> {
        let mut cmd = redis::cmd("PUBLISH");
        cmd.arg(channel).arg(message);
        self.run::<i64>(patience, &cmd).await.map(drop)
    }

    /// Listens on `channel` until the receiver is dropped, over a connection of its own. [`Message::Lost`] comes first and
    /// after every gap. Must be called on a tokio runtime.
    pub(super) fn subscribe(&self, channel: &str) -> mpsc::Receiver<Message> {
        match &self.0.router {
            Ok(router) => listen::listen(
                Arc::clone(router),
                Arc::clone(&self.0.counters),
                channel.to_owned(),
            ),
            // Nobody will ever publish to it.
            Err(_) => mpsc::channel(1).1,
        }
    }

    /// Runs one command without keys on every server: the only one, or each master of a cluster. Answers with each
    /// server's name; a cluster that cannot be reached has one answer, its failure.
    pub(super) async fn run_on_each<T: FromRedisValue>(
        &self,
        patience: Patience,
        cmd: &Cmd,
    ) -> Vec<(String, Result<T, StoreError>)> {
        let answers = self.on_each(patience, cmd, || ()).await;
        let read = |(server, answer): (_, Result<_, Fault>)| {
            let answer = answer.map_err(Fault::into_store_error);
            (server, answer.and_then(|((), _, value)| read(value)))
        };
        answers.into_iter().map(read).collect()
    }

    /// Reads the clock of every server.
    pub(super) async fn read_clocks(
        &self,
        clock: &Clock,
    ) -> Vec<(String, Result<ClockReading, StoreError>)> {
        let time = redis::cmd("TIME");
        let answers = self.on_each(Patience::Calm, &time, || clock.own()).await;
        let read = |(server, answer): (_, Result<_, Fault>)| {
            let answer = answer.map_err(Fault::into_store_error);
            let reading = answer.and_then(|(sent, took, value)| {
                let (seconds, us): (i64, i64) = read(value)?;
                Ok(ClockReading {
                    sent,
                    took,
                    server_us: seconds.saturating_mul(1_000_000).saturating_add(us),
                })
            });
            (server, reading)
        };
        answers.into_iter().map(read).collect()
    }

    /// Sends a command to every server, each with what `stamp` says right before and how long it took.
    async fn on_each<S>(
        &self,
        patience: Patience,
        cmd: &Cmd,
        stamp: impl Fn() -> S,
    ) -> Vec<(String, Result<(S, Duration, Value), Fault>)> {
        let deadline = self.deadline(patience);
        let router = match &self.0.router {
            Ok(router) => router,
            Err(fault) => return vec![(String::new(), Err(fault.clone()))],
        };
        // Where it is no cluster after all, its nodes as configured still say what they are.
        router
            .know(deadline.min(Instant::now() + REDIS_CONNECT_TIME))
            .await;
        let calls = router.nodes().into_iter().map(async |node| {
            let (stamp, began) = (stamp(), Instant::now());
            let called = node.call(patience, Request::Command(cmd), false, deadline);
            let answer = called.await.map_err(|missed| match missed {
                Miss::Fault(fault) => fault,
                Miss::Redirect(_) => Fault::connection("the server sends us elsewhere"),
            });
            (
                node.name(),
                answer.map(|value| (stamp, began.elapsed(), value)),
            )
        });
        futures_util::future::join_all(calls).await
    }

    fn deadline(&self, patience: Patience) -> Instant {
        Instant::now()
            + match patience {
                Patience::Hot => self.0.deadline,
                Patience::Calm => STORE_READ_TIME,
            }
    }

    async fn call<T: FromRedisValue>(
        &self,
        patience: Patience,
        request: Request<'_>,
    ) -> Result<T, StoreError> {
        if !self.is_admitted() {
            return Err(StoreError::Unavailable(
                "redis has not been reached yet".to_owned(),
            ));
        }
        self.ask(patience, request).await
    }

    async fn ask<T: FromRedisValue>(
        &self,
        patience: Patience,
        request: Request<'_>,
    ) -> Result<T, StoreError> {
        let began = Instant::now();
        let answer = match &self.0.router {
            Ok(router) => {
                router
                    .call(patience, request, self.deadline(patience))
                    .await
            }
            Err(fault) => Err(fault.clone()),
        };
        let error = answer.as_ref().err().map(|fault| fault.kind);
        self.0.counters.called(patience, began.elapsed(), error);
        read(answer.map_err(Fault::into_store_error)?)
    }
}

fn read<T: FromRedisValue>(value: Value) -> Result<T, StoreError> {
    redis::from_redis_value(value).map_err(|e| StoreError::Corrupt(format!("from redis: {e}")))
}
