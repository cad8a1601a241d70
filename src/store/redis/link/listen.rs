//! Hears what is published on a channel, over a connection of its own that is made again when it ends; never what it means.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redis::aio::ConnectionLike as _;
use redis::{PushInfo, PushKind, Value};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use super::connection::Connection;
use super::counters::{Counters, count};
use super::fault::Fault;
use super::node::Node;
use super::router::Router;
use crate::base::ceilings::{
    REDIS_CONNECT_TIME, REDIS_LISTEN_TEST, REDIS_MESSAGES, REDIS_PROBE_FIRST, REDIS_PROBE_LONGEST,
};

/// What a listener is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store::redis) enum Message {
    /// What somebody published.
    Published(Vec<u8>),
    /// From here on everything is heard, but some of what was published before may not have been. Comes first of all, and
    /// after every gap.
    Lost,
}

/// The listener's end of the channel, and whether it missed something for want of room.
struct Ear {
    out: mpsc::Sender<Message>,
    missed: AtomicBool,
    woken: Notify,
}

impl Ear {
    fn hears(&self, info: PushInfo) {
        if info.kind != PushKind::Message {
            return;
        }
        let Some(Value::BulkString(text)) = info.data.into_iter().nth(1) else {
            return;
        };
        if self.out.try_send(Message::Published(text)).is_err() {
            self.missed.store(true, Ordering::Release);
            self.woken.notify_one();
        }
    }

    /// Waits for room, which a listener that is behind makes in time.
    async fn lost(&self, counters: &Counters) {
        count(&counters.messages_lost);
        // Whatever is missed from here on is told after this.
        self.missed.store(false, Ordering::Release);
        let _ = self.out.send(Message::Lost).await;
    }
}

/// Listens on `channel` until the receiver is dropped.
pub(super) fn listen(
    router: Arc<Router>,
    counters: Arc<Counters>,
    channel: String,
) -> mpsc::Receiver<Message> {
    let (out, receiver) = mpsc::channel(REDIS_MESSAGES);
    let ear = Arc::new(Ear {
        out: out.clone(),
        missed: AtomicBool::new(false),
        woken: Notify::new(),
    });
    let work = async move {
        let mut pause = REDIS_PROBE_FIRST;
        loop {
            router.know(Instant::now() + REDIS_CONNECT_TIME).await;
            if let Some(node) = router.node_of_channel(&channel) {
                match subscribe(&node, &channel, &ear).await {
                    Ok((connection, ended)) => {
                        pause = REDIS_PROBE_FIRST;
                        ear.lost(&counters).await;
                        stay(
                            &router, &node, &channel, connection, &ended, &ear, &counters,
                        )
                        .await;
                    }
                    Err(fault) => {
                        tracing::debug!(channel, "cannot listen: {}", fault.text);
                        pause = (pause * 2).min(REDIS_PROBE_LONGEST);
                    }
                }
            }
            router.look();
            sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
        }
    };
    tokio::spawn(async move {
        tokio::select! {
            () = out.closed() => {}
            () = work => {}
        }
    });
    receiver
}

async fn subscribe(
    node: &Node,
    channel: &str,
    ear: &Arc<Ear>,
) -> Result<(Connection, Arc<Notify>), Fault> {
    let hears = Arc::clone(ear);
    let hears = Arc::new(move |info| hears.hears(info));
    let work = async {
        let opened = node.open(Some(hears)).await?;
        let ended = Arc::new(Notify::new());
        let told = Arc::clone(&ended);
        let mut connection = Connection::run(opened, move |_| told.notify_one());
        connection
            .inner
            .subscribe(channel)
            .await
            .map_err(|e| Fault::connection(format_args!("SUBSCRIBE: {e}")))?;
        Ok((connection, ended))
    };
    let in_time = timeout(REDIS_CONNECT_TIME, work).await;
    in_time.unwrap_or_else(|_| Err(Fault::timeout()))
}

/// Returns when the connection ends, no longer answers, or leads to a server whose place another has taken.
async fn stay(
    router: &Router,
    node: &Arc<Node>,
    channel: &str,
    mut connection: Connection,
    ended: &Notify,
    ear: &Ear,
    counters: &Counters,
) {
    let mut tests = interval(REDIS_LISTEN_TEST);
    tests.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = ended.notified() => return,
            () = ear.woken.notified() => {
                if ear.missed.load(Ordering::Acquire) {
                    ear.lost(counters).await;
                }
            }
            _ = tests.tick() => {
                let ping = redis::cmd("PING");
                let answer = timeout(REDIS_LISTEN_TEST, connection.inner.req_packed_command(&ping));
                if !matches!(answer.await, Ok(Ok(_))) {
                    return;
                }
                let now = router.node_of_channel(channel);
                let moved = now.is_none_or(|now| !Arc::ptr_eq(&now, node));
                // Behind sentinels a node stays the same while its address changes.
                let left = node.address().is_none()
                    && node.connected().is_some_and(|c| c.address != connection.address);
                if moved || left {
                    return;
                }
            }
        }
    }
}
