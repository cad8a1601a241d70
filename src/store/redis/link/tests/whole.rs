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
async fn a_burst_of_background_work_does_not_stand_before_a_request() {
    inline!(SPIN, "for i = 1, 200000 do end return redis.call('TIME')");
    let server = Server::start(&[]);
    // What stands before it at worst, on a busy machine.
    let link = Link::new(RedisStore {
        deadline: Duration::from_millis(250),
        ..server.settings()
    });
    write(&link, Patience::Hot, "k").await.unwrap();
    let spin = async |link: Link| {
        let call = Call::new(&SPIN).key("k");
        link.script::<Value>(Patience::Calm, &call).await.unwrap();
    };
    let began = Instant::now();
    spin(link.clone()).await;
    let one = began.elapsed();
    // Together they take several times the deadline.
    let many = (2_000 / one.as_millis().max(1)).clamp(200, 2_000);
    let burst: Vec<_> = (0..many)
        .map(|_| tokio::spawn(spin(link.clone())))
        .collect();
    let mut asked = 0;
    while !burst.iter().all(JoinHandle::is_finished) {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let began = Instant::now();
        let answer = write(&link, Patience::Hot, "k").await;
        answer.unwrap_or_else(|e| panic!("{e} after {:?}; one took {one:?}", began.elapsed()));
        asked += 1;
    }
    assert!(asked > 10, "{asked}");
    for call in burst {
        call.await.unwrap();
    }
    assert_eq!(link.stats().breakers_open, 0);
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
