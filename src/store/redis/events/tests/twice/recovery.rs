//! That what an endpoint missed is made once, however often the call comes; never a whole job.

use super::super::alone;
use super::{Watch, again};
use crate::store::contract::deliveries::{claim, complete, endpoint, make_endpoint};
use crate::store::contract::events::{event, happen};
use crate::store::contract::{at, replays};
use crate::webhooks::model::Outcome;
use crate::webhooks::port::replays::{ReplayOnly, ReplayScope};

#[tokio::test]
async fn what_was_missed_is_made_and_started_anew_once() {
    let (server, s, store) = alone().await;
    for _ in 0..2 {
        happen(&s, &event("a", "x")).await;
    }
    let e = make_endpoint(&s, endpoint("a", &["x"])).await;
    happen(&s, &event("a", "x")).await;
    for c in claim(&s, at(0)).await {
        complete(&s, &c, Outcome::Exhausted, at(1)).await;
    }
    let scope = ReplayScope {
        endpoint_id: Some(e.id),
        only: ReplayOnly::Undelivered,
        ..replays::of_a(true)
    };
    let job = replays::create(&s, scope).await;
    let mut watch = Watch::start(server.port).await;
    let step = s.replays.replay_some(&job, 9, at(2)).await.unwrap();
    assert_eq!((step.restarted, step.cursor), (3, None));
    // A call whose answer was lost says the same of what it made; what was started anew is under way by then.
    let answers = again(&mut watch, &store, 1).await;
    assert_eq!(answers, [redis::Value::Int(2)]);
}
