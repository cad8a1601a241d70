//! Batches of usage while the store is away: in order, once each, and never in one another's place.

use super::*;

#[tokio::test]
async fn batches_wait_in_order_while_the_store_is_away_and_count_once() {
    let rig = Rig::new().await;
    rig.flaky.set(Mode::Down);
    for sequence in 1..=5 {
        let batch = batch("boot", sequence, "a", 10_u64.pow(sequence as u32));
        rig.usage.apply(&batch).await.unwrap();
    }
    let waiting = rig.spool.pending();
    assert_eq!((waiting.batches, waiting.events), (5, 0));
    assert!(waiting.bytes > 0 && waiting.oldest == Some(at(0)));
    assert_eq!(
        rig.flaky.calls(),
        ["apply boot/1"],
        "only the first is tried"
    );
    assert_eq!(rig.used("a").await, 0);
    rig.flaky.set(Mode::Up);
    rig.drain().await;
    let order: Vec<_> = (1..=5).map(|s| format!("apply boot/{s}")).collect();
    assert_eq!(rig.flaky.calls(), order);
    assert_eq!(rig.used("a").await, 111_110);
    rig.usage.apply(&batch("boot", 6, "a", 1)).await.unwrap();
    assert_eq!(rig.flaky.calls(), ["apply boot/6"], "straight again");
    assert_eq!(rig.used("a").await, 111_111);
}

#[tokio::test]
async fn a_batch_never_goes_past_one_that_waits() {
    let rig = Rig::new().await;
    rig.flaky.set(Mode::Down);
    rig.usage.apply(&batch("boot", 1, "a", 1)).await.unwrap();
    rig.flaky.calls();
    // The store is back, but nobody drains: out of order the first one would never count.
    rig.flaky.set(Mode::Up);
    rig.usage.apply(&batch("boot", 2, "a", 10)).await.unwrap();
    assert_eq!(rig.spool.pending().batches, 2);
    assert!(rig.flaky.calls().is_empty());
    rig.drain().await;
    assert_eq!(rig.used("a").await, 11);
}

#[tokio::test]
async fn a_batch_whose_reply_was_lost_counts_once() {
    for mode in [Mode::LoseReply, Mode::HangAfter] {
        let rig = Rig::new().await;
        rig.flaky.set(mode);
        rig.usage.apply(&batch("boot", 1, "a", 7)).await.unwrap();
        rig.usage.apply(&batch("boot", 2, "a", 70)).await.unwrap();
        assert_eq!(rig.spool.pending().batches, 2);
        rig.flaky.set(Mode::Up);
        rig.drain().await;
        assert_eq!(rig.used("a").await, 77, "{mode:?}");
    }
}

#[tokio::test]
async fn reads_and_pruning_need_the_store() {
    let rig = Rig::new().await;
    rig.flaky.set(Mode::Down);
    let now = at(0);
    assert!(rig.usage.used("a", now, now).await.is_err());
    assert!(rig.usage.prune(now, now).await.is_err());
    assert!(rig.spool.pending().is_empty());
}
