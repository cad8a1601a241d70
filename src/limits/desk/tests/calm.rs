//! Calls that nobody waits for beside those that a request does.

use super::*;

#[tokio::test(start_paused = true)]
async fn what_nobody_waits_for_leaves_room_for_those_who_do() {
    const KEYS: u64 = 300;
    let ticks = Ticks::manual(1);
    let mut gated = Memory::new(&ticks);
    Arc::get_mut(&mut gated).unwrap().gate = Some(Semaphore::new(KEYS as usize));
    let node = Node::running(&gated, "a").await;
    let (account, _) = node.limits(plan(1, 86_400, 1_000)).await;
    let key = |n: u64| node.limiter.key(&format!("k{n}"), &account).unwrap();
    for n in 0..KEYS {
        let decision = account.take(&key(n), 1, LOCAL, NOW).await.unwrap();
        // It never left, so that the token is in hand again.
        account.give_back(&key(n), decision.ticket.unwrap(), NOW);
    }
    assert_eq!(gated.begun.load(Ordering::SeqCst), KEYS);

    // The store takes long, and all of them are to be given back.
    for _ in 0..30 {
        ticks.advance(Duration::from_millis(50));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let calm = gated.begun.load(Ordering::SeqCst) - KEYS;
    assert_eq!(calm, LEASE_CALM_CALLS as u64);
    let cold = key(KEYS);
    {
        let mut asks = std::pin::pin!(account.take(&cold, 1, LOCAL, NOW));
        assert!(futures_util::poll!(&mut asks).is_pending());
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert_eq!(gated.begun.load(Ordering::SeqCst), KEYS + calm + 1);
        gated.gate.as_ref().unwrap().add_permits(10_000);
        assert!(asks.await.unwrap().is_admitted());
    }
    node.end().await;
    let mut accounts = gated.accounts.lock();
    let ledger = accounts.get_mut("acct").unwrap();
    for n in 0..KEYS {
        let view = ledger.key_tokens(&format!("k{n}"), gated.time()).unwrap();
        assert_eq!((view.tokens, view.elsewhere), (1_000, 0), "k{n}");
    }
}
