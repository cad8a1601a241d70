//! What is written down for the operator, and that it goes with its account.

use std::collections::{BTreeMap, HashMap};

use super::super::shard::Shard;
use super::{alone, run};
use crate::store::contract::deliveries::claim;
use crate::store::contract::health::{busy, end, failed};
use crate::store::contract::{Stores, at};
use crate::store::redis::{Store, events};
use crate::webhooks::model::{Attempt, Completed, Outcome};
use crate::webhooks::notice;
use crate::webhooks::port::notices::Notice;

/// With its details in an order that both sides can have.
fn sorted(notice: Notice) -> Notice {
    let details: BTreeMap<String, String> = serde_json::from_str(&notice.details).unwrap();
    Notice {
        details: serde_json::to_string(&details).unwrap(),
        ..notice
    }
}

async fn notices(store: &Store, account: &str) -> Vec<Notice> {
    let shard = Shard::of(store, account);
    let mut list = redis::cmd("ZRANGE");
    list.arg(shard.notices()).arg(0).arg(-1);
    let mut all = Vec::new();
    for id in run::<Vec<String>>(store, &list).await {
        let mut cmd = redis::cmd("HGETALL");
        cmd.arg(shard.notice(&id));
        let mut hash: HashMap<String, String> = run(store, &cmd).await;
        let mut field = |name: &str| hash.remove(name).unwrap();
        all.push(sorted(Notice {
            account_id: field("account"),
            kind: field("kind"),
            at: crate::base::clock::Timestamp::from_millis(field("at").parse().unwrap()),
            details: field("details"),
            id,
        }));
    }
    all
}

fn attempt() -> Attempt {
    Attempt {
        error: Some("500 Internal Server Error".to_owned()),
        ..crate::store::contract::deliveries::attempt(at(2))
    }
}

async fn exhaust(s: &Stores, account: &str) -> crate::webhooks::model::ClaimedDelivery {
    busy(s, account, "x", 1).await;
    let c = claim(s, at(1)).await.remove(0);
    let done = end(s, &c, &Outcome::Exhausted, &failed(), at(2)).await;
    assert_eq!(done, Completed::Noted);
    c
}

#[tokio::test]
async fn what_is_exhausted_and_what_is_disabled_is_written_down_as_the_domain_says() {
    let (_server, s, store) = alone().await;
    let c = exhaust(&s, "a").await;
    let exhausted = notice::exhausted(&c.delivery, &attempt(), at(2));
    let e = busy(&s, "a", "y", 1).await;
    let c = claim(&s, at(3)).await.remove(0);
    let gone = Outcome::DisableEndpoint("gone".to_owned());
    end(&s, &c, &gone, &failed(), at(4)).await;
    let disabled = notice::disabled(&e, "gone", at(4));
    assert_eq!(
        notices(&store, "a").await,
        [exhausted, disabled].map(sorted)
    );
    exhaust(&s, "fuelgate:operator").await;
    assert!(notices(&store, "fuelgate:operator").await.is_empty());
}

#[tokio::test]
async fn notices_go_with_their_account() {
    let (_server, s, store) = alone().await;
    exhaust(&s, "a").await;
    exhaust(&s, "b").await;
    events::begin_erasure(&store, "a").await.unwrap();
    while !events::erase_some(&store, "a").await.unwrap() {}
    assert!(notices(&store, "a").await.is_empty());
    assert_eq!(notices(&store, "b").await.len(), 1);
}
