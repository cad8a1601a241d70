//! What is published is heard, and gaps are told.

use super::*;
use crate::base::ceilings::REDIS_MESSAGES;
use crate::store::redis::testing::{Server, cluster_settings, settings};

async fn next(heard: &mut mpsc::Receiver<Message>) -> Message {
    let message = tokio::time::timeout(HEALED, heard.recv()).await;
    message.expect("in time").expect("it listens")
}

fn text(n: usize) -> Message {
    Message::Published(n.to_string().into_bytes())
}

async fn publish(link: &Link, channel: &str, n: usize) {
    let message = n.to_string();
    let published = link.publish(Patience::Calm, channel, message.as_bytes());
    published.await.unwrap();
}

#[tokio::test]
async fn every_node_hears_in_order_what_one_publishes() {
    for settings in [settings(), cluster_settings()] {
        let channel = format!("{}:news", settings.key_prefix);
        let links: Vec<Link> = (0..3).map(|_| Link::new(settings.clone())).collect();
        let mut heard: Vec<_> = links.iter().map(|link| link.subscribe(&channel)).collect();
        for heard in &mut heard {
            assert_eq!(next(heard).await, Message::Lost, "before it listened");
        }
        for n in 0..100 {
            publish(&links[0], &channel, n).await;
        }
        for heard in &mut heard {
            for n in 0..100 {
                assert_eq!(next(heard).await, text(n));
            }
        }
    }
}

#[tokio::test]
async fn what_a_script_publishes_on_any_master_is_heard() {
    let settings = cluster_settings();
    let (p, link) = (settings.key_prefix.clone(), Link::new(settings));
    let channel = format!("{p}:news");
    let mut heard = link.subscribe(&channel);
    assert_eq!(next(&mut heard).await, Message::Lost);
    for n in 0..20 {
        let call = Call::new(&TELL)
            .key(format!("{p}:{{{n}}}"))
            .arg(&channel)
            .arg(n);
        let () = link.script(Patience::Calm, &call).await.unwrap();
        assert_eq!(next(&mut heard).await, text(n));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gap_is_told_and_what_follows_is_heard() {
    let mut server = Server::start(&[]);
    let link = Link::new(hot(server.settings()));
    let mut heard = link.subscribe("news");
    assert_eq!(next(&mut heard).await, Message::Lost);
    publish(&link, "news", 1).await;
    assert_eq!(next(&mut heard).await, text(1));
    let _: i64 = server.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    assert_eq!(next(&mut heard).await, Message::Lost);
    publish(&link, "news", 2).await;
    assert_eq!(next(&mut heard).await, text(2));
    server.kill();
    server.restart();
    assert_eq!(next(&mut heard).await, Message::Lost);
    heals(&link, "k", HEALED).await;
    publish(&link, "news", 3).await;
    assert_eq!(next(&mut heard).await, text(3));
    // A server that hangs: nobody closes the connection, but it is tested.
    server.pause();
    eventually(HEALED, "the breaker opens", async || {
        let _ = write(&link, Patience::Hot, "k").await;
        link.stats().breakers_open > 0
    })
    .await;
    server.resume();
    heals(&link, "k", HEALED).await;
    eventually(HEALED, "what is published is heard", async || {
        publish(&link, "news", 4).await;
        heard.try_recv().is_ok_and(|message| message == text(4))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_is_too_slow_is_told_that_it_missed_something() {
    let link = Link::new(settings());
    let mut heard = link.subscribe("slow");
    assert_eq!(next(&mut heard).await, Message::Lost);
    let mut many = redis::pipe();
    for n in 0..REDIS_MESSAGES + 100 {
        many.cmd("PUBLISH").arg("slow").arg(n).ignore();
    }
    let () = link.pipe(Patience::Calm, &many).await.unwrap();
    let full = async || link.stats().messages_lost == 2;
    eventually(HEALED, "there is no more room", full).await;
    for n in 0..REDIS_MESSAGES {
        assert_eq!(next(&mut heard).await, text(n));
    }
    // What finds room before the listener is told is heard as well.
    while next(&mut heard).await != Message::Lost {}
    publish(&link, "slow", 7).await;
    assert_eq!(next(&mut heard).await, text(7));
}

#[tokio::test]
async fn nothing_is_left_when_nobody_listens_any_more() {
    let server = Server::start(&[]);
    let link = Link::new(server.settings());
    let mut heard = link.subscribe("news");
    assert_eq!(next(&mut heard).await, Message::Lost);
    let listening = || server.ask::<String>(&["CLIENT", "LIST", "TYPE", "pubsub"]);
    assert!(!listening().is_empty());
    drop(heard);
    eventually(HEALED, "the connection ends", async || {
        listening().is_empty()
    })
    .await;
}
