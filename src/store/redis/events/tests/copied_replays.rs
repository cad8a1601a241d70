//! A replay that another store began goes on here with the deliveries that it had not looked at; never with others.

use std::collections::BTreeSet;

use super::{alone, backlog_of};
use crate::store::contract::deliveries::{claim, complete};
use crate::store::contract::{at, replays};
use crate::webhooks::model::{DeliveryState, Outcome};
use crate::webhooks::port::DeliveryFilter;
use crate::webhooks::port::replays::{ReplayJob, ReplayScope};

#[tokio::test]
async fn it_goes_on_where_it_was_in_every_shard() {
    let (_server, s, store) = alone().await;
    let accounts: Vec<String> = (0..6).map(|n| format!("acct_{n}")).collect();
    for account in &accounts {
        backlog_of(&s, account, 5).await;
    }
    let mut all = BTreeSet::new();
    loop {
        let claimed = claim(&s, at(0)).await;
        if claimed.is_empty() {
            break;
        }
        for c in claimed {
            complete(&s, &c, Outcome::Exhausted, at(1)).await;
            all.insert((c.delivery.id, c.delivery.account_id));
        }
    }
    assert_eq!(all.len(), 30);
    let (middle, _) = all.iter().nth(17).cloned().unwrap();
    let scope = |account: Option<&String>| ReplayScope {
        account_id: account.cloned(),
        ..replays::of_a(true)
    };
    for (account, places) in [(Some(&accounts[3]), 1), (None, 16)] {
        let job = ReplayJob {
            cursor: Some(middle.clone()),
            ..replays::create(&s, scope(account)).await
        };
        let mut job = store.replay_as_here(job);
        store
            .copy_replays(std::slice::from_ref(&job))
            .await
            .unwrap();
        let found = s.replays.replay_job(&job.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(&job));
        let (mut restarted, mut steps) = (0, 0);
        loop {
            let step = s.replays.replay_some(&job, 2, at(2)).await.unwrap();
            restarted += step.restarted;
            steps += 1;
            job.cursor = step.cursor;
            if job.cursor.is_none() {
                break;
            }
        }
        assert!(steps >= places, "{steps}");
        let is_wanted = |of: &str| account.is_none_or(|a| a == of);
        let wanted: BTreeSet<&String> = all
            .iter()
            .filter(|(id, of)| *id > middle && is_wanted(of))
            .map(|(id, _)| id)
            .collect();
        let filter = DeliveryFilter {
            state: Some(DeliveryState::Pending),
            account_id: account.cloned(),
            ..DeliveryFilter::default()
        };
        let page = crate::base::page::PageRequest {
            limit: 200,
            after: None,
        };
        let pending = s.events.deliveries(&filter, &page).await.unwrap().items;
        let pending: BTreeSet<&String> = pending.iter().map(|(d, _)| &d.id).collect();
        assert_eq!(pending, wanted);
        // Those of the first job wait already.
        assert!(restarted > 0 && restarted as usize <= wanted.len());
    }
}
