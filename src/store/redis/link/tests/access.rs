//! Users, passwords, databases and TLS.

use std::io::Write;

use parking_lot::Mutex;
use tracing_subscriber::fmt::MakeWriter;

use super::*;
use crate::store::redis::testing::{Server, TlsServer, settings_for};

const KEY: &str = "k";

/// What is logged on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_wrong_password_is_logged_once_and_never_shown() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let _logged = tracing::subscriber::set_default(subscriber);
    // With one subscriber only, whichever thread comes first decides whether a line is of interest to all.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let server = Server::start(&[]);
    let () = server.ask(&[
        "ACL", "SETUSER", "edge", "on", ">right", "~*", "&*", "+@all",
    ]);
    let url = format!("redis://edge:hunter2@127.0.0.1:{}", server.port);
    let link = Link::new(hot(settings_for([url])));
    let refused = write(&link, Patience::Calm, KEY).await;
    let Err(StoreError::Unavailable(why)) = refused else {
        panic!("{refused:?}")
    };
    assert!(
        why.contains("password") && !why.contains("hunter2"),
        "{why}"
    );
    let probed = async || link.stats().failed_connects >= 4;
    eventually(HEALED * 2, "it is probed", probed).await;
    let text = || String::from_utf8(log.0.lock().clone()).unwrap();
    assert_eq!(
        text().matches("redis cannot be used").count(),
        1,
        "{}",
        text()
    );
    assert!(
        !text().contains("hunter2") && !text().contains("edge:"),
        "{}",
        text()
    );
    let () = server.ask(&["ACL", "SETUSER", "edge", ">hunter2"]);
    heals(&link, KEY, HEALED).await;
    assert_eq!(text().matches("redis answers again").count(), 1);
}

#[tokio::test]
async fn the_default_users_password_goes_without_a_name() {
    let server = Server::start(&["--requirepass", "p@ss/word"]);
    let url = format!("redis://:p%40ss%2Fword@127.0.0.1:{}", server.port);
    let link = Link::new(settings_for([url]));
    write(&link, Patience::Calm, KEY).await.unwrap();
    let refused = write(&Link::new(server.settings()), Patience::Calm, KEY).await;
    assert!(
        matches!(refused, Err(StoreError::Unavailable(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_user_with_the_rights_of_this_store_only_is_enough() {
    let server = Server::start(&[]);
    let mut settings = server.settings();
    let keys = format!("~{}:*", settings.key_prefix);
    let channels = format!("&{}:*", settings.key_prefix);
    let user = ["ACL", "SETUSER", "edge", "on", ">secret", &keys, &channels];
    let rights = ["+@all", "-@admin", "-@dangerous"];
    let () = server.ask(&[&user[..], &rights].concat());
    settings.nodes = settings_for([format!("redis://edge:secret@127.0.0.1:{}", server.port)]).nodes;
    let key = format!("{}:a", settings.key_prefix);
    let channel = format!("{}:news", settings.key_prefix);
    let link = Link::new(hot(settings));
    write(&link, Patience::Calm, &key).await.unwrap();
    link.publish(Patience::Calm, &channel, b"x").await.unwrap();
    for _ in 0..20 {
        let refused = write(&link, Patience::Hot, "another").await;
        assert!(
            matches!(&refused, Err(StoreError::Unavailable(why)) if why.contains("may not do this")),
            "{refused:?}"
        );
    }
    write(&link, Patience::Hot, &key).await.unwrap();
}

#[tokio::test]
async fn the_database_of_the_url_is_used_after_each_connection() {
    let server = Server::start(&[]);
    let link = Link::new(settings_for([format!("{}/3", server.url())]));
    write(&link, Patience::Calm, "a").await.unwrap();
    let _: i64 = server.ask(&["CLIENT", "KILL", "TYPE", "normal"]);
    eventually(HEALED, "another connection", async || {
        link.stats().connects == 2
    })
    .await;
    write(&link, Patience::Calm, "b").await.unwrap();
    let spaces: String = server.ask(&["INFO", "keyspace"]);
    assert!(
        spaces.contains("db3:keys=3") && !spaces.contains("db0"),
        "{spaces}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_proves_both_sides_and_comes_back_after_a_restart() {
    let mut tls = TlsServer::start(&[]);
    let link = Link::new(tls.settings("ca", Some("client")));
    write(&link, Patience::Calm, KEY).await.unwrap();
    for (ca, client) in [
        ("other", Some("client")),
        ("ca", None),
        ("ca", Some("stranger")),
    ] {
        let link = Link::new(tls.settings(ca, client));
        let refused = write(&link, Patience::Calm, KEY).await;
        assert!(
            matches!(refused, Err(StoreError::Unavailable(_))),
            "{ca} {client:?}: {refused:?}"
        );
    }
    tls.server.kill();
    tls.server.restart();
    let healed = async || write(&link, Patience::Calm, KEY).await.is_ok();
    eventually(HEALED, "it heals", healed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewed_client_certificate_is_used_without_a_restart() {
    let tls = TlsServer::start(&[]);
    let settings = tls.settings("ca", Some("stranger"));
    let link = Link::new(settings);
    let refused = write(&link, Patience::Calm, KEY).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
    for kind in ["key", "crt"] {
        let good = tls.file(&format!("client.{kind}"));
        std::fs::copy(good, tls.file(&format!("stranger.{kind}"))).unwrap();
    }
    let healed = async || write(&link, Patience::Calm, KEY).await.is_ok();
    eventually(HEALED, "it heals", healed).await;
}
