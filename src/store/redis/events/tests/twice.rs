//! Every script called a second time, exactly as the first: nothing may change by it.

mod alerts;
mod recovery;

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::{alone, release, run};
use crate::store::contract::deliveries::{claim, complete, endpoint, make_endpoint};
use crate::store::contract::events::{event, happen};
use crate::store::contract::health::{busy, end, failed};
use crate::store::contract::identity::release_as;
use crate::store::contract::inboxes::{inbox, message};
use crate::store::contract::portal_sessions::{opened, session};
use crate::store::contract::{at, change, replays};
use crate::store::redis::Store;
use crate::store::redis::events;
use crate::webhooks::health::Effect;
use crate::webhooks::model::{EndpointStatus, Outcome, Settlement};
use crate::webhooks::port::ClaimTerms;
use crate::webhooks::port::replays::{ReplayState, ReplayStep};
use crate::webhooks::simulator::inbox::Bounds;

/// Sees all commands that a server gets.
struct Watch {
    lines: BufReader<TcpStream>,
}

impl Watch {
    async fn start(port: u16) -> Self {
        let mut socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        socket.write_all(b"MONITOR\r\n").await.unwrap();
        let mut lines = BufReader::new(socket);
        let mut ok = String::new();
        lines.read_line(&mut ok).await.unwrap();
        assert_eq!(ok, "+OK\r\n");
        Self { lines }
    }

    /// Calls of scripts since the last time.
    async fn calls(&mut self, store: &Store) -> Vec<Vec<Vec<u8>>> {
        run::<()>(store, redis::cmd("ECHO").arg("that is all")).await;
        let mut calls = Vec::new();
        loop {
            let mut line = String::new();
            self.lines.read_line(&mut line).await.unwrap();
            let words = words(&line);
            if words.first().is_some_and(|w| w == b"ECHO") {
                return calls;
            }
            let is_call = !line.contains("lua] ") && words[0].starts_with(b"EVAL");
            // Where Redis did not know the text, the same call came with it a second time.
            let is_new = |w: &[Vec<u8>]| calls.iter().all(|c: &Vec<Vec<u8>>| c[2..] != w[2..]);
            if is_call && is_new(&words) {
                calls.push(words);
            }
        }
    }
}

/// The quoted words of a line, as MONITOR writes them.
fn words(line: &str) -> Vec<Vec<u8>> {
    let (mut words, mut bytes) = (Vec::new(), line.bytes().skip_while(|b| *b != b'"'));
    while bytes.next() == Some(b'"') {
        let mut word = Vec::new();
        loop {
            match bytes.next().unwrap() {
                b'"' => break,
                b'\\' => word.push(match bytes.next().unwrap() {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'a' => 7,
                    b'b' => 8,
                    b'x' => {
                        let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                        u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                    }
                    other => other,
                }),
                other => word.push(other),
            }
        }
        words.push(word);
        bytes.next();
    }
    words
}

/// Everything that the server holds, in an order of its own.
async fn everything(store: &Store) -> BTreeMap<String, Vec<(String, String)>> {
    let mut all = BTreeMap::new();
    for name in run::<Vec<String>>(store, redis::cmd("KEYS").arg("*")).await {
        let kind: String = run(store, redis::cmd("TYPE").arg(&name)).await;
        let plain = |values: Vec<String>| values.into_iter().map(|v| (v, String::new())).collect();
        let mut value: Vec<(String, String)> = match kind.as_str() {
            "string" => plain(vec![run(store, redis::cmd("GET").arg(&name)).await]),
            "list" => plain(run(store, redis::cmd("LRANGE").arg(&name).arg(0).arg(-1)).await),
            "set" => plain(run(store, redis::cmd("SMEMBERS").arg(&name)).await),
            "hash" => run(store, redis::cmd("HGETALL").arg(&name)).await,
            "zset" => {
                let mut all = redis::cmd("ZRANGE");
                all.arg(&name).arg(0).arg(-1).arg("WITHSCORES");
                run(store, &all).await
            }
            other => panic!("{name} is a {other}"),
        };
        if kind != "list" {
            value.sort();
        }
        all.insert(name, value);
    }
    all
}

/// Sends the calls that were made since the last time again, and tells what they are answered.
async fn again(watch: &mut Watch, store: &Store, at_least: usize) -> Vec<redis::Value> {
    let calls = watch.calls(store).await;
    assert!(calls.len() >= at_least, "{} calls", calls.len());
    let before = everything(store).await;
    let mut answers = Vec::new();
    for call in calls {
        let mut cmd = redis::cmd("EVALSHA");
        cmd.arg(call[1].as_slice());
        for arg in &call[2..] {
            cmd.arg(arg.as_slice());
        }
        answers.push(run(store, &cmd).await);
    }
    let after = everything(store).await;
    for name in before.keys().chain(after.keys()) {
        let (old, new) = (before.get(name), after.get(name));
        assert!(old == new, "{name} changed: {old:?}, {new:?}");
    }
    watch.calls(store).await;
    answers
}

#[tokio::test]
async fn an_event_is_recorded_settled_and_published_once() {
    let (server, s, store) = alone().await;
    make_endpoint(&s, endpoint("a", &["x"])).await;
    let mut watch = Watch::start(server.port).await;
    let events: [_; 5] = std::array::from_fn(|_| event("a", "x"));
    s.events.record_pending(&events).await.unwrap();
    again(&mut watch, &store, 1).await;
    let (event_id, account_id) = (events[1].id.clone(), "a".to_owned());
    let (other_id, other_account) = (events[2].id.clone(), "a".to_owned());
    let ends = [
        release(&events[0]),
        Settlement::Drop {
            event_id,
            account_id,
        },
        Settlement::Unresolved {
            event_id: other_id,
            account_id: other_account,
        },
        release_as(&events[3], "evt_last"),
        release_as(&events[4], "evt_last"),
    ];
    s.events.settle(&ends, at(1)).await.unwrap();
    again(&mut watch, &store, 1).await;
    let why = change("event.publish", "a");
    let published = event("a", "x");
    s.events.publish(&published, at(2), &why).await.unwrap();
    again(&mut watch, &store, 1).await;
    let why = change("event.replay", "a");
    s.events
        .replay(&events[2].id, "{}", at(3), &why)
        .await
        .unwrap();
    again(&mut watch, &store, 1).await;
    assert_eq!(claim(&s, at(3)).await.len(), 4);
}

#[tokio::test]
async fn a_record_that_is_carried_out_after_its_release_brings_nothing_back() {
    let (_server, s, _) = alone().await;
    let events = [event("a", "x"), event("a", "x")];
    s.events.record_pending(&events).await.unwrap();
    // One gets its last id, the other one is told again.
    let ends = [
        release_as(&events[0], "evt_last"),
        release_as(&events[1], "evt_last"),
    ];
    s.events.settle(&ends, at(1)).await.unwrap();
    // It was sent twice, and the first one was held up on its way.
    s.events.record_pending(&events).await.unwrap();
    for e in &events {
        assert_eq!(s.events.event(&e.id).await.unwrap(), None);
    }
    assert!(
        s.events
            .stale_pending(at(100), 10)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_record_that_is_carried_out_after_its_drop_brings_nothing_back() {
    let (_server, s, _) = alone().await;
    let events = [event("a", "x"), event("a", "x")];
    s.events.record_pending(&events).await.unwrap();
    let (event_id, account_id) = (events[0].id.clone(), "a".to_owned());
    let dropped = Settlement::Drop {
        event_id,
        account_id,
    };
    s.events.settle(&[dropped], at(1)).await.unwrap();
    // It was sent twice, and the first one was held up on its way.
    s.events.record_pending(&events).await.unwrap();
    assert_eq!(s.events.event(&events[0].id).await.unwrap(), None);
    let left = s.events.stale_pending(at(100), 10).await.unwrap();
    let left: Vec<_> = left.iter().map(|e| &e.id).collect();
    assert_eq!(left, [&events[1].id]);
}

#[tokio::test]
async fn an_endpoint_is_made_changed_and_deleted_once() {
    let (server, s, store) = alone().await;
    let mut watch = Watch::start(server.port).await;
    let mut e = make_endpoint(&s, endpoint("a", &["x"])).await;
    again(&mut watch, &store, 1).await;
    happen(&s, &event("a", "x")).await;
    e.revision = 2;
    e.status = EndpointStatus::Paused;
    let why = change("endpoint.patch", "a");
    s.events.update_endpoint(&e, &why).await.unwrap();
    again(&mut watch, &store, 1).await;
    let why = change("endpoint.test", "a");
    let test = event("a", "test");
    s.events
        .deliver_to(&test, &e.id, at(1), &why)
        .await
        .unwrap();
    again(&mut watch, &store, 1).await;
    let why = change("endpoint.delete", "a");
    s.events.delete_endpoint(&e.id, at(2), &why).await.unwrap();
    // The deletion, and the step that cancels what waited.
    again(&mut watch, &store, 2).await;
    let stats = s.events.queue_stats().await.unwrap();
    assert_eq!(stats.pending_deliveries, 0);
}

#[tokio::test]
async fn a_claim_is_made_and_completed_once() {
    let (server, s, store) = alone().await;
    make_endpoint(&s, endpoint("a", &["x"])).await;
    for _ in 0..3 {
        happen(&s, &event("a", "x")).await;
    }
    let mut watch = Watch::start(server.port).await;
    let claimed = s
        .events
        .claim_due(&ClaimTerms::any(at(1), at(60), 2))
        .await
        .unwrap();
    assert_eq!(claimed.len(), 2);
    let answer = again(&mut watch, &store, 1).await.remove(0);
    let answer: Vec<(String, String, i64)> = redis::from_redis_value(answer).unwrap();
    let ids: Vec<&String> = answer.iter().map(|(_, id, _)| id).collect();
    assert_eq!(ids, [&claimed[0].delivery.id, &claimed[1].delivery.id]);
    complete(&s, &claimed[0], Outcome::Retry(at(9)), at(2)).await;
    again(&mut watch, &store, 1).await;
    complete(&s, &claimed[1], Outcome::Exhausted, at(2)).await;
    again(&mut watch, &store, 1).await;
    let why = change("delivery.retry", "a");
    let id = &claimed[1].delivery.id;
    s.events.retry_delivery(id, at(3), &why).await.unwrap();
    again(&mut watch, &store, 1).await;
    let last = claim(&s, at(3)).await;
    watch.calls(&store).await;
    let gone = Outcome::DisableEndpoint("gone".to_owned());
    complete(&s, &last[0], gone, at(4)).await;
    again(&mut watch, &store, 2).await;
    let stats = s.events.queue_stats().await.unwrap();
    assert_eq!(stats.pending_deliveries, 0);
}

#[tokio::test]
async fn a_result_counts_for_its_endpoint_once() {
    let (server, s, store) = alone().await;
    let e = busy(&s, "a", "x", 3).await;
    let mut watch = Watch::start(server.port).await;
    let mut terms = ClaimTerms::any(at(1), at(60), 2);
    terms.allowance.spacing = Duration::from_secs(1);
    terms.allowance.most = 2;
    let claimed = s.events.claim_due(&terms).await.unwrap();
    again(&mut watch, &store, 1).await;
    end(&s, &claimed[0], &Outcome::Retry(at(9)), &failed(), at(2)).await;
    again(&mut watch, &store, 1).await;
    end(&s, &claimed[1], &Outcome::Exhausted, &failed(), at(3)).await;
    again(&mut watch, &store, 1).await;
    let found = s.events.endpoint_health(std::slice::from_ref(&e)).await;
    assert_eq!(found.unwrap()[0].failures, 2);
    let last = claim(&s, at(9)).await;
    watch.calls(&store).await;
    end(&s, &last[0], &Outcome::Succeeded, &Effect::Well, at(9)).await;
    again(&mut watch, &store, 1).await;
    let found = s.events.endpoint_health(&[e]).await;
    assert_eq!(found.unwrap()[0].successes, 1);
}

#[tokio::test]
async fn a_delivery_without_its_event_is_put_aside_once() {
    let (server, s, store) = alone().await;
    make_endpoint(&s, endpoint("a", &["x"])).await;
    let e = happen(&s, &event("a", "x")).await;
    let name = super::super::shard::Shard::of(&store, "a").event(&e.id);
    run::<()>(&store, redis::cmd("DEL").arg(name)).await;
    let mut watch = Watch::start(server.port).await;
    assert!(claim(&s, at(1)).await.is_empty());
    again(&mut watch, &store, 2).await;
}

#[tokio::test]
async fn what_is_old_is_deleted_once() {
    let (server, s, store) = alone().await;
    make_endpoint(&s, endpoint("a", &["x"])).await;
    happen(&s, &event("a", "x")).await;
    let c = claim(&s, at(0)).await.remove(0);
    complete(&s, &c, Outcome::Succeeded, at(1)).await;
    let mut watch = Watch::start(server.port).await;
    s.events.prune_events(at(9), at(9)).await.unwrap();
    again(&mut watch, &store, 2).await;
    assert_eq!(s.events.event(&c.event.id).await.unwrap(), None);
}

#[tokio::test]
async fn a_replay_is_made_carried_out_and_cancelled_once() {
    let (server, s, store) = alone().await;
    make_endpoint(&s, endpoint("a", &["x"])).await;
    for _ in 0..2 {
        happen(&s, &event("a", "x")).await;
    }
    for c in claim(&s, at(0)).await {
        complete(&s, &c, Outcome::Exhausted, at(1)).await;
    }
    let mut watch = Watch::start(server.port).await;
    let job = replays::create(&s, replays::of_a(true)).await;
    again(&mut watch, &store, 1).await;
    let claimed = s.replays.claim_replay(at(2), at(9)).await;
    let mut claimed = claimed.unwrap().unwrap();
    again(&mut watch, &store, 1).await;
    let step = s.replays.replay_some(&claimed.job, 1, at(2)).await.unwrap();
    again(&mut watch, &store, 1).await;
    for step in [
        step,
        ReplayStep {
            restarted: 0,
            cursor: None,
        },
    ] {
        let went = s
            .replays
            .advance_replay(&claimed, &step, at(9), at(3))
            .await;
        assert!(went.unwrap());
        again(&mut watch, &store, 1).await;
        claimed.job.done += step.restarted;
    }
    let ended = s.replays.replay_job(&job.id).await.unwrap().unwrap();
    assert_eq!((ended.state, ended.done), (ReplayState::Done, 1));
    let job = replays::create(&s, replays::of_a(true)).await;
    watch.calls(&store).await;
    let why = change("replay.cancel", "a");
    s.replays.cancel_replay(&job.id, at(4), &why).await.unwrap();
    again(&mut watch, &store, 1).await;
}

#[tokio::test]
async fn a_session_is_made_replaced_and_ended_once() {
    let (server, s, store) = alone().await;
    let mut watch = Watch::start(server.port).await;
    let new = session("a", 3_600);
    let why = change("portal_session.create", "a");
    s.sessions
        .create_session(&new, 1, at(0), &why)
        .await
        .unwrap();
    again(&mut watch, &store, 1).await;
    let next = opened(&new);
    s.sessions.update_session(&next, at(5)).await.unwrap();
    again(&mut watch, &store, 1).await;
    let found = s.sessions.session("a", &new.id, at(5)).await.unwrap();
    assert_eq!(found, Some(next));
    s.sessions.delete_session("a", &new.id).await.unwrap();
    again(&mut watch, &store, 1).await;
    let found = s.sessions.session("a", &new.id, at(5)).await.unwrap();
    assert_eq!(found, None);
}

#[tokio::test]
async fn dead_letters_that_stay_are_passed_by_once() {
    let (server, s, store) = alone().await;
    make_endpoint(&s, endpoint("a", &["x"])).await;
    for _ in 0..3 {
        happen(&s, &event("a", "x")).await;
    }
    for (n, c) in claim(&s, at(0)).await.iter().enumerate() {
        let outcome = match n {
            0 => Outcome::Succeeded,
            _ => Outcome::Exhausted,
        };
        complete(&s, c, outcome, at(1)).await;
    }
    let mut watch = Watch::start(server.port).await;
    s.events.prune_events(at(9), at(0)).await.unwrap();
    again(&mut watch, &store, 2).await;
    let left: u64 = run(
        &store,
        redis::cmd("ZCARD").arg(super::super::shard::Shard::of(&store, "a").finished()),
    )
    .await;
    assert_eq!(left, 2);
}

#[tokio::test]
async fn an_account_is_erased_once() {
    let (server, s, store) = alone().await;
    make_endpoint(&s, endpoint("a", &["x"])).await;
    happen(&s, &event("a", "x")).await;
    let mut watch = Watch::start(server.port).await;
    events::begin_erasure(&store, "a").await.unwrap();
    let mut all = Vec::new();
    while !events::erase_some(&store, "a").await.unwrap() {
        all.extend(again(&mut watch, &store, 1).await);
    }
    again(&mut watch, &store, 1).await;
    assert_eq!(all.len(), 2);
    // The account may come back: its event is recorded once the mark is gone.
    let e = event("a", "x");
    s.events
        .record_pending(std::slice::from_ref(&e))
        .await
        .unwrap();
    again(&mut watch, &store, 2).await;
    assert_eq!(s.events.event(&e.id).await.unwrap(), Some(e));
}

#[tokio::test]
async fn an_inbox_is_made_filled_and_deleted_once() {
    let (server, s, store) = alone().await;
    let mut watch = Watch::start(server.port).await;
    let (i, why) = (inbox("a", 60), change("inbox.create", "a"));
    s.inboxes.create_inbox(&i, 1, at(0), &why).await.unwrap();
    again(&mut watch, &store, 1).await;
    let bounds = Bounds {
        messages: 2,
        bytes: 10_000,
    };
    for body in ["x", "y", "z"] {
        s.inboxes
            .put_message(&i, &message(body), bounds, at(1))
            .await
            .unwrap();
    }
    // The first of the calls brings a message that has gone since: it goes again.
    again(&mut watch, &store, 3).await;
    let why = change("inbox.delete", "a");
    s.inboxes.delete_inbox(&i.id, at(1), &why).await.unwrap();
    again(&mut watch, &store, 1).await;
    assert_eq!(s.inboxes.inbox(&i.id, at(1)).await.unwrap(), None);
}
