//! Servers that work.

use super::*;
use crate::store::redis::testing::{Server, cluster_settings, settings};

#[tokio::test]
async fn commands_pipelines_and_scripts_go_through_alike() {
    for settings in [settings(), cluster_settings()] {
        let p = settings.key_prefix.clone();
        let link = Link::new(settings);
        assert!(!link.is_up(), "nothing was asked yet");
        for n in 0..50 {
            let key = format!("{p}:{{{n}}}");
            write(&link, Patience::Hot, &key).await.unwrap();
            let mut pipe = redis::pipe();
            pipe.get(&key).cmd("INCR").arg(&key).ignore().get(&key);
            let got: (i64, i64) = link.pipe(Patience::Hot, &pipe).await.unwrap();
            assert_eq!(got, (1, 2));
            let call = Call::new(&ADD).key(&key).arg(40);
            let sum: i64 = link.script(Patience::Hot, &call).await.unwrap();
            assert_eq!(sum, 42);
        }
        assert!(link.is_up());
        let stats = link.stats();
        assert_eq!((stats.calls, stats.breakers_open), (150, 0));
        assert!(stats.errors.iter().all(|(_, n)| *n == 0), "{stats:?}");
        assert!(stats.call_us > 0 && stats.connects >= 1);
    }
}

#[tokio::test]
async fn a_script_that_redis_forgot_is_sent_anew() {
    let server = Server::start(&[]);
    let link = Link::new(server.settings());
    for expected in 1..4 {
        let call = Call::new(&ADD).key("n").arg(1);
        let sum: i64 = link.script(Patience::Hot, &call).await.unwrap();
        assert_eq!(sum, expected);
        let () = server.ask(&["SCRIPT", "FLUSH"]);
    }
}

#[tokio::test]
async fn what_a_script_refuses_reaches_its_caller_and_says_nothing_about_the_server() {
    let link = Link::new(settings());
    let call = |why: &str| Call::new(&REFUSE).key("k").arg(why);
    for _ in 0..20 {
        let refused = link
            .script::<()>(Patience::Hot, &call("CONFLICT it is there"))
            .await;
        assert!(matches!(refused, Err(StoreError::Conflict(why)) if why == "it is there"));
        let refused = link.script::<()>(Patience::Hot, &call("NOTFOUND")).await;
        assert!(matches!(refused, Err(StoreError::NotFound)));
        let refused = link.script::<()>(Patience::Hot, &call("ERR a bug")).await;
        assert!(matches!(refused, Err(StoreError::Corrupt(_))));
    }
    assert!(link.is_up());
    let counted = |name| {
        link.stats()
            .errors
            .iter()
            .find(|(n, _)| *n == name)
            .unwrap()
            .1
    };
    assert_eq!(
        (counted("conflict"), counted("not_found"), counted("reply")),
        (20, 20, 20)
    );
    let mut pipe = redis::pipe();
    pipe.cmd("PING").ignore().cmd("HGET").arg("k").ignore();
    let refused = link.pipe::<()>(Patience::Hot, &pipe).await;
    assert!(
        matches!(refused, Err(StoreError::Corrupt(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn every_server_is_asked_for_what_has_no_key() {
    let mut names: Vec<(String, usize)> = Vec::new();
    for settings in [settings(), cluster_settings()] {
        let link = Link::new(settings);
        let answers = link
            .run_on_each::<String>(Patience::Calm, &redis::cmd("PING"))
            .await;
        assert!(answers.iter().all(|(_, a)| a.as_deref().unwrap() == "PONG"));
        names.push((answers[0].0.clone(), answers.len()));
        assert_eq!(link.stats().servers, answers.len());
    }
    assert_eq!((names[0].1, names[1].1), (1, 3));
}

#[test]
fn a_link_outlives_the_runtime_that_its_connection_was_made_on() {
    for settings in [settings(), cluster_settings()] {
        let key = format!("{}:a", settings.key_prefix);
        let link = Link::new(settings);
        for _ in 0..3 {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                heals(&link, &key, HEALED).await;
                write(&link, Patience::Calm, &key).await.unwrap();
            });
        }
    }
}
