//! Servers that stop, die, and connections that break: hot calls keep their deadline, and all heals by itself.

use super::*;
use crate::store::redis::testing::{Fault, Proxy, Server, settings_for};

/// Servers of these tests are in threads' way for moments, so each runtime has two.
const KEY: &str = "k";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_server_delays_no_hot_call_and_is_used_again_once_it_goes_on() {
    let server = Server::start(&[]);
    let link = Link::new(hot(server.settings()));
    heals(&link, KEY, HEALED).await;
    let load = Load::start(&link, KEY).await;
    server.pause();
    breaks(&link).await;
    assert!(!link.is_up());
    // Long enough for probes that hang and for calm calls to be let through.
    tokio::time::sleep(REDIS_CONNECT_TIME * 3).await;
    let began = Instant::now();
    for _ in 0..1000 {
        let refused = write(&link, Patience::Hot, KEY).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))));
    }
    assert!(
        began.elapsed() < DEADLINE * 50,
        "they did not fail at once: {:?}",
        began.elapsed()
    );
    // Nor does a calm one wait for long, where it is let through at all.
    let began = Instant::now();
    for _ in 0..3 {
        let refused = write(&link, Patience::Calm, KEY).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))));
    }
    assert!(began.elapsed() < (REDIS_CONNECT_TIME + SLACK) * 3);
    server.resume();
    heals(&link, KEY, HEALED).await;
    let seen = load.stop().await;
    assert!(seen.good > 0 && seen.failed > 0, "{seen:?}");
    assert!(link.is_up());
    assert_eq!(link.stats().breakers_open, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_and_started_again_is_found_again() {
    let mut server = Server::start(&[]);
    let link = Link::new(hot(server.settings()));
    heals(&link, KEY, HEALED).await;
    let load = Load::start(&link, KEY).await;
    server.kill();
    breaks(&link).await;
    let refused = write(&link, Patience::Calm, KEY).await;
    assert!(
        matches!(refused, Err(StoreError::Unavailable(_))),
        "{refused:?}"
    );
    server.restart();
    heals(&link, KEY, HEALED).await;
    load.stop().await;
    let stats = link.stats();
    assert!(
        stats.connects >= 2 && stats.failed_connects >= 1,
        "{stats:?}"
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_yet_is_used_once_it_is() {
    let mut server = Server::start(&[]);
    server.kill();
    let link = Link::new(hot(server.settings()));
    let refused = write(&link, Patience::Hot, KEY).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
    server.restart();
    heals(&link, KEY, HEALED).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_breaks_while_nobody_uses_it_costs_no_call() {
    let server = Server::start(&[]);
    let link = Link::new(hot(server.settings()));
    heals(&link, KEY, HEALED).await;
    for n in 2..6 {
        let _: i64 = server.ask(&["CLIENT", "KILL", "TYPE", "normal"]);
        let made_anew = async || link.stats().connects == n;
        eventually(HEALED, "another connection", made_anew).await;
        write(&link, Patience::Hot, KEY).await.unwrap();
    }
    assert_eq!(link.stats().failed_connects, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_that_is_cut_fails_its_call_and_no_later_one_gets_the_rest() {
    let server = Server::start(&[]);
    let proxy = Proxy::start(server.port);
    let url = format!("redis://127.0.0.1:{}", proxy.port);
    let link = Link::new(hot(settings_for([url])));
    let long = "x".repeat(10_000);
    let () = link.run(Patience::Calm, &set("long", &long)).await.unwrap();
    let () = link.run(Patience::Calm, &set("short", "y")).await.unwrap();
    for bytes in [0, 1, 5, 9_000] {
        proxy.set(Fault::CutAfter(bytes));
        let cut = link.run::<String>(Patience::Calm, &get("long")).await;
        assert!(matches!(cut, Err(StoreError::Unavailable(_))), "{cut:?}");
        heals(&link, KEY, HEALED).await;
        let whole: String = link.run(Patience::Calm, &get("short")).await.unwrap();
        assert_eq!(whole, "y");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_swallows_everything_is_replaced() {
    let server = Server::start(&[]);
    let proxy = Proxy::start(server.port);
    let url = format!("redis://127.0.0.1:{}", proxy.port);
    let link = Link::new(hot(settings_for([url])));
    heals(&link, KEY, HEALED).await;
    let load = Load::start(&link, KEY).await;
    let before = proxy.accepted();
    proxy.wedge_all();
    eventually(HEALED, "a failed call", async || {
        link.stats().errors[0].1 > 0
    })
    .await;
    heals(&link, KEY, HEALED).await;
    load.stop().await;
    assert!(proxy.accepted() > before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_slower_than_the_deadline_serves_calm_calls() {
    let server = Server::start(&[]);
    let proxy = Proxy::start(server.port);
    let url = format!("redis://127.0.0.1:{}", proxy.port);
    let link = Link::new(hot(settings_for([url])));
    heals(&link, KEY, HEALED).await;
    proxy.set(Fault::Delay(DEADLINE * 4));
    let load = Load::start(&link, KEY).await;
    let served = async || write(&link, Patience::Calm, KEY).await.is_ok();
    for _ in 0..10 {
        eventually(HEALED, "a calm call goes through", served).await;
    }
    let seen = load.stop().await;
    assert_eq!(seen.good, 0, "{seen:?}");
    // Connections are made anew because of time-outs, but not for each of them.
    assert!(proxy.accepted() < 60, "{}", proxy.accepted());
    proxy.set(Fault::None);
    heals(&link, KEY, HEALED).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_refused_for_a_while_are_made_again() {
    let server = Server::start(&[]);
    let proxy = Proxy::start(server.port);
    let url = format!("redis://127.0.0.1:{}", proxy.port);
    let link = Link::new(hot(settings_for([url])));
    heals(&link, KEY, HEALED).await;
    let load = Load::start(&link, KEY).await;
    proxy.set(Fault::Refuse);
    breaks(&link).await;
    let probed = link.stats().failed_connects;
    eventually(HEALED, "it is probed", async || {
        link.stats().failed_connects > probed + 2
    })
    .await;
    proxy.set(Fault::None);
    heals(&link, KEY, HEALED).await;
    load.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_storm_of_calls_shares_one_connection() {
    let server = Server::start(&[]);
    let link = Link::new(server.settings());
    let calls = (0..2_000).map(|n| {
        let link = link.clone();
        tokio::spawn(async move { write(&link, Patience::Hot, &format!("k{n}")).await })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    assert_eq!(link.stats().connects, 1);
}
