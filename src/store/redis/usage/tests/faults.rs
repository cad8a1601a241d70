//! Servers that die, are full or damaged, and replies that are lost on their way, in the middle of batches.

use std::time::{Duration, Instant};

use super::*;
use crate::store::redis::testing::{Fault, Proxy, Server};
use crate::store::redis::usage::place::{Slot, spot};
use crate::store::span::Span;

fn on(server: &Server) -> Store {
    Store::new(server.settings(), Clock::manual(at(0)))
}

/// Applies a batch as a flusher does, until it is taken.
async fn until_taken(store: &Store, batch: &UsageBatch) {
    let start = Instant::now();
    while let Err(e) = store.apply(batch).await {
        assert!(start.elapsed() < Duration::from_secs(60), "{e}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_server_that_dies_within_a_batch_has_each_row_once_when_it_is_back() {
    let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let store = on(&server);
    for (sequence, calls) in [(1, 0), (2, 5), (3, 12), (4, 20)] {
        let batch = batch("boot", sequence);
        let broken = apply(&store, &batch, breaks_after(calls)).await;
        assert!(broken.is_err());
        server.kill();
        server.restart();
        until_taken(&store, &batch).await;
        assert_eq!(counted(&store).await, wanted(sequence));
    }
}

#[tokio::test]
async fn what_a_failover_lost_counts_once_when_it_is_sent_again_in_order() {
    let mut server = Server::start(&[]);
    let store = on(&server);
    let sent: Vec<_> = (1..=5).map(|n| batch("boot", n)).collect();
    store.apply(&sent[0]).await.unwrap();
    store.apply(&sent[1]).await.unwrap();
    // What the new master has: two batches, and some of the third.
    let broken = apply(&store, &sent[2], breaks_after(7)).await;
    assert!(broken.is_err());
    let _: () = server.ask(&["SAVE"]);
    for batch in &sent[2..] {
        store.apply(batch).await.unwrap();
    }
    server.kill();
    server.restart();
    until_taken(&store, &sent[0]).await;
    assert_eq!(counted(&store).await[0], wanted(2)[0], "the rest is lost");
    for batch in &sent {
        until_taken(&store, batch).await;
    }
    assert_eq!(counted(&store).await, wanted(5));
}

#[tokio::test]
async fn lost_replies_and_broken_connections_count_nothing_twice() {
    let server = Server::start(&[]);
    let proxy = Proxy::start(server.port);
    let direct = on(&server);
    let mut settings = direct_settings(&server, &direct);
    settings.nodes = vec![Secret::new(format!("redis://127.0.0.1:{}", proxy.port))];
    let store = Store::new(settings, Clock::manual(at(0)));
    let mut failed = 0;
    for sequence in 1..=30_u64 {
        let batch = batch("boot", sequence);
        // Replies of seventeen bytes each, so that it ends within one, between two and after some.
        let cut = Fault::CutAfter(usize::try_from(sequence).unwrap() * 7 - 7);
        proxy.set(cut);
        failed += usize::from(store.apply(&batch).await.is_err());
        until_taken(&store, &batch).await;
        assert_eq!(counted(&direct).await, wanted(sequence), "{cut:?}");
    }
    assert!(failed >= 20, "only {failed} were cut");
}

/// The settings of another store, for one that sees the same.
fn direct_settings(server: &Server, store: &Store) -> RedisStore {
    let prefix = store.names.spread("", "");
    RedisStore {
        key_prefix: prefix.trim_end_matches(':').to_owned(),
        ..server.settings()
    }
}

#[tokio::test]
async fn a_full_server_takes_nothing_of_a_piece() {
    let server = Server::start(&["--enable-debug-command", "yes"]);
    let store = on(&server);
    store.apply(&batch("boot", 1)).await.unwrap();
    let before = dump(&server);
    let _: () = server.ask(&["CONFIG", "SET", "maxmemory", "1"]);
    let again = batch("boot", 2);
    let refused = store.apply(&again).await;
    assert!(
        matches!(&refused, Err(StoreError::Unavailable(_))),
        "{refused:?}"
    );
    assert_eq!(dump(&server), before);
    let _: () = server.ask(&["CONFIG", "SET", "maxmemory", "0"]);
    until_taken(&store, &again).await;
    assert_eq!(counted(&store).await, wanted(2));
}

/// All there is, as the server's digest of it.
fn dump(server: &Server) -> String {
    server.ask(&["DEBUG", "DIGEST"])
}

#[tokio::test]
async fn damage_is_told_and_nothing_is_added_to_what_is_beside_it() {
    let server = Server::start(&["--enable-debug-command", "yes"]);
    let store = on(&server);
    let hour = at(0).hour_start();
    let of = |sequence| {
        let keys = ["k1", "k2"].map(|k| key_row("a", k, hour, 2, 5));
        rows("boot", sequence, keys.to_vec(), vec![])
    };
    store.apply(&of(1)).await.unwrap();
    let spot = spot(Span::Hour, hour, hour.month_start());
    let name = Slot::Account("a").sums(&store.names, Span::Hour, spot.chunk);
    let field = format!("{}2.2", spot.position);
    let good: String = ask(&store, &["HGET", &name, &field]).await;
    for bad in ["", "5", "a b c d", "-1 2 3 4", "1 2 3 4 5"] {
        let _: i64 = ask(&store, &["HSET", &name, &field, bad]).await;
        let before = dump(&server);
        let refused = store.apply(&of(2)).await;
        assert!(
            matches!(&refused, Err(StoreError::Corrupt(_))),
            "{bad:?}: {refused:?}"
        );
        assert_eq!(dump(&server), before, "{bad:?}");
        let query = all_time(Some("a"), Some("k2"), Granularity::Hour);
        let read = store.series(&query).await;
        assert!(
            matches!(&read, Err(StoreError::Corrupt(_))),
            "{bad:?}: {read:?}"
        );
    }
    let _: i64 = ask(&store, &["HSET", &name, &field, &good]).await;
    store.apply(&of(2)).await.unwrap();
    assert_eq!(requests(&store, Some("a"), None).await, 20);
}
