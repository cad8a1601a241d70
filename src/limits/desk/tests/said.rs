//! What a desk says in its calls, and what it makes of answers that grant nothing; never what a lease holds.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_call_that_came_too_late_is_made_again_and_the_store_is_not_away() {
    let ticks = Ticks::manual(1);
    let store = Memory::new(&ticks);
    let node = Node::running(&store, "a").await;
    let limits = node.limits(plan(50, 1, 100)).await;
    store.stale.store(2, Ordering::SeqCst);
    assert!(take(&limits).await.is_admitted());
    let stats = node.desk.stats();
    assert_eq!((stats.calls, stats.failures, stats.degraded), (3, 0, false));
    let Limits::Leased(account) = &limits.0 else {
        panic!("not leased")
    };
    assert!(!account.shared.lock().is_away());
    node.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_desk_in_strict_mode_asks_by_strict_terms() {
    let ticks = Ticks::manual(1);
    for strict in [false, true] {
        let store = Memory::new(&ticks);
        let node = Node::of_mode(&store, "a", strict).started().await;
        let limits = node.limits(plan(50, 1, 100)).await;
        assert!(take(&limits).await.is_admitted());
        let in_force = store.accounts.lock()["acct"].in_force().unwrap();
        assert_eq!(in_force.strict, strict);
        node.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_has_the_configurations_number_that_came_with_the_last_beat() {
    let ticks = Ticks::manual(1);
    let store = Memory::new(&ticks);
    let node = Node::running(&store, "a").await;
    let limits = node.limits(plan(50, 1, 100)).await;
    node.desk.set_config("5");
    node.desk.beat().await.unwrap();
    assert!(take(&limits).await.is_admitted());
    let in_force = store.accounts.lock()["acct"].in_force().unwrap();
    assert_eq!(in_force.revision.config, 5);
    node.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_node_that_ends_says_that_it_lives_no_longer() {
    let ticks = Ticks::manual(1);
    let store = Memory::new(&ticks);
    let node = Node::running(&store, "a").await;
    assert!(store.left.lock().is_empty());
    node.end().await;
    assert_eq!(*store.left.lock(), ["a"]);
}
