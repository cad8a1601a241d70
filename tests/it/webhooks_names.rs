//! How receivers' names are resolved: answers that change, lie, come late or not at all; by the transport as the gateway has it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fuelgate::base::ceilings::{WEBHOOK_CONNECT_TIME, WEBHOOK_IDLE_HOSTS};
use fuelgate::config::model::{AllowedTargets, NameServers};
use fuelgate::outbound::webhook::HttpTransport;
use fuelgate::webhooks::model::OutgoingRequest;
use fuelgate::webhooks::port::WebhookTransport;

use crate::support::full;
use crate::support::hostile::Hostile;
use crate::support::hostile::dns::{Dns, Turn};
use crate::support::programs::free_port;

const NOT_ALLOWED: &str = "the receiver's address is not allowed";
const MISSING: &str = "the host name does not resolve";
const FAILED: &str = "the host name could not be resolved: the name servers failed";
const LATE: &str = "the host name was not resolved in time";

/// Time for a look-up.
const TIME: Duration = Duration::from_millis(1_000);

fn transport(dns: &Dns, networks: &[&str], hosts: &[&str]) -> HttpTransport {
    patient_transport(dns, networks, hosts, TIME)
}

fn allowed(networks: &[&str], hosts: &[&str]) -> AllowedTargets {
    AllowedTargets {
        networks: networks.iter().map(|n| n.parse().unwrap()).collect(),
        hosts: hosts.iter().map(|h| (*h).to_owned()).collect(),
    }
}

fn patient_transport(
    dns: &Dns,
    networks: &[&str],
    hosts: &[&str],
    timeout: Duration,
) -> HttpTransport {
    let name_servers = NameServers {
        servers: vec![dns.address],
        timeout,
    };
    HttpTransport::new(allowed(networks, hosts), name_servers).unwrap()
}

async fn send(t: &HttpTransport, host: &str, port: u16) -> Result<u16, String> {
    let request = OutgoingRequest {
        pace: None,
        url: format!("http://{host}:{port}/ok"),
        headers: vec![],
        body: "{}".to_owned(),
        timeout: Duration::from_secs(5),
    };
    t.send(&request).await.map(|reply| reply.status)
}

/// Two receivers on one port: the one that is listed, and the one that must not hear anything.
fn receivers() -> (Hostile, Hostile) {
    let good = Hostile::start();
    let inner = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), good.address.port()));
    (good, Hostile::start_at(inner))
}

fn names(name: &'static str, turns: &[Turn]) -> Dns {
    Dns::start(&[(name, turns)])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_changes_between_look_ups_leads_nowhere_else() {
    let (good, inner) = receivers();
    let port = good.address.port();
    let turns = [
        Turn::addresses(&["127.0.0.1"]),
        Turn::addresses(&["127.0.0.2"]),
        Turn::addresses(&["127.0.0.1", "127.0.0.2"]),
        Turn::addresses(&["169.254.169.254"]),
    ];
    let dns = names("rebind.example", &turns);
    let t = transport(&dns, &["127.0.0.1/32"], &[]);
    for round in 1..=8 {
        // A new connection each time, so that the name is resolved anew.
        t.set(AllowedTargets::default(), NameServers::default())
            .unwrap();
        let listed = allowed(&["127.0.0.1/32"], &[]);
        let name_servers = NameServers {
            servers: vec![dns.address],
            timeout: TIME,
        };
        t.set(listed, name_servers).unwrap();
        let result = send(&t, "rebind.example", port).await;
        let is_good = round % 4 == 1;
        let expected = if is_good {
            Ok(200)
        } else {
            Err(NOT_ALLOWED.to_owned())
        };
        assert_eq!(result, expected, "round {round}");
        // One look-up for one connection: what was vetted is what is connected to.
        assert_eq!(dns.asked("rebind.example"), round);
    }
    assert_eq!((good.count("/ok"), inner.accepted()), (2, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_connection_stays_with_the_address_that_was_vetted() {
    let (good, inner) = receivers();
    let mut turns = vec![Turn::addresses(&["127.0.0.2"]); 10_000];
    turns[0] = Turn::addresses(&["127.0.0.1"]);
    let dns = names("rebind.example", &turns);
    let t = transport(&dns, &["127.0.0.1/32"], &[]);
    let end = Instant::now() + Duration::from_secs(20);
    let mut taken = 0;
    while taken < 5 {
        assert!(Instant::now() < end, "{taken} were taken");
        match send(&t, "rebind.example", good.address.port()).await {
            Ok(status) => {
                assert_eq!(status, 200);
                taken += 1;
            }
            // The connection comes back to the pool a moment after the reply; until then the name is asked for anew.
            Err(why) => assert_eq!((why.as_str(), taken > 0), (NOT_ALLOWED, true)),
        }
    }
    assert_eq!((good.accepted(), inner.accepted()), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_address_of_either_kind_or_behind_an_alias_refuses_the_name() {
    let (good, inner) = receivers();
    let good_and = |bad: &str| Turn::addresses(&["127.0.0.1", bad]);
    let bad_alias = vec!["169.254.169.254".parse().unwrap()];
    let good_alias = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
    let dns = Dns::start(&[
        ("both.example", &[good_and("10.0.0.1")]),
        ("v6.example", &[good_and("fd00:ec2::254")]),
        ("mapped.example", &[good_and("::ffff:169.254.169.254")]),
        ("nat64.example", &[good_and("64:ff9b::a9fe:a9fe")]),
        (
            "bad-alias.example",
            &[Turn::Alias("metadata.example", bad_alias)],
        ),
        (
            "alias.example",
            &[Turn::Alias("target.example", good_alias)],
        ),
        ("public.example", &[Turn::addresses(&["1.1.1.1"])]),
    ]);
    let t = transport(&dns, &["127.0.0.1/32", "169.254.0.0/16", "::/0"], &[]);
    let port = good.address.port();
    for host in [
        "both.example",
        "v6.example",
        "mapped.example",
        "nat64.example",
        "bad-alias.example",
        // Plain http is for listed targets only.
        "public.example",
    ] {
        let result = send(&t, host, port).await;
        assert_eq!(result, Err(NOT_ALLOWED.to_owned()), "{host}");
    }
    assert_eq!(send(&t, "alias.example", port).await, Ok(200));
    assert_eq!((good.count("/ok"), inner.accepted()), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_listed_by_name_may_be_inside() {
    let good = Hostile::start();
    let port = good.address.port();
    let dns = Dns::start(&[
        ("hooks.internal", &[Turn::addresses(&["127.0.0.1"])]),
        ("other.internal", &[Turn::addresses(&["127.0.0.1"])]),
        ("meta.internal", &[Turn::addresses(&["169.254.169.254"])]),
    ]);
    let t = transport(&dns, &[], &["hooks.internal", "meta.internal"]);
    assert_eq!(send(&t, "hooks.internal", port).await, Ok(200));
    assert_eq!(send(&t, "HOOKS.internal.", port).await, Ok(200));
    let refused = send(&t, "other.internal", port).await.unwrap_err();
    assert!(refused.starts_with("expected https"), "{refused}");
    let metadata = send(&t, "meta.internal", port).await;
    assert_eq!(metadata, Err(NOT_ALLOWED.to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_name_servers_answer_badly_is_told_apart() {
    let good = Hostile::start();
    let dns = Dns::start(&[
        ("missing.example", &[Turn::Missing]),
        ("broken.example", &[Turn::Broken]),
        ("empty.example", &[Turn::Addresses(vec![])]),
        ("silent.example", &[Turn::Silence]),
        (
            "forged.example",
            &[Turn::Forged(vec!["127.0.0.1".parse().unwrap()])],
        ),
    ]);
    let t = transport(&dns, &["127.0.0.0/8"], &[]);
    for (host, expected) in [
        ("missing.example", MISSING),
        ("unknown.example", MISSING),
        ("broken.example", FAILED),
        ("empty.example", MISSING),
        ("silent.example", LATE),
        ("forged.example", LATE),
    ] {
        let began = Instant::now();
        let result = send(&t, host, good.address.port()).await;
        assert_eq!(result, Err(expected.to_owned()), "{host}");
        let took = began.elapsed();
        assert!(
            took < TIME + Duration::from_millis(2_500),
            "{host}: {took:?}"
        );
    }
    assert_eq!(good.accepted(), 0);
    // Nobody is there to ask.
    let nobody = NameServers {
        servers: vec![SocketAddr::from(([127, 0, 0, 1], free_port()))],
        timeout: TIME,
    };
    t.set(allowed(&["127.0.0.0/8"], &[]), nobody).unwrap();
    let result = send(&t, "a.example", good.address.port()).await;
    assert!(
        result == Err(FAILED.to_owned()) || result == Err(LATE.to_owned()),
        "{result:?}"
    );
}

/// An address of one kind does for a name whose other kind is not answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_kind_of_address_is_enough() {
    let good = Hostile::start();
    let dns = names("half.example", &[Turn::addresses(&["127.0.0.1"])]);
    dns.be_silent_about_ipv6();
    let t = transport(&dns, &["127.0.0.0/8"], &[]);
    let result = send(&t, "half.example", good.address.port()).await;
    assert_eq!(result, Ok(200));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_question_is_asked_again() {
    let good = Hostile::start();
    let turns = [Turn::Silence, Turn::addresses(&["127.0.0.1"])];
    let dns = names("lossy.example", &turns);
    let t = transport(&dns, &["127.0.0.0/8"], &[]);
    let result = send(&t, "lossy.example", good.address.port()).await;
    assert_eq!(result, Ok(200));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_the_hosts_file_need_no_name_server_and_short_names_no_search() {
    let good = Hostile::start();
    let dns = Dns::start(&[]);
    let t = transport(&dns, &["127.0.0.0/8"], &[]);
    let port = good.address.port();
    assert_eq!(send(&t, "localhost", port).await, Ok(200));
    assert_eq!(dns.asked_in_all(), 0);
    let short = send(&t, "intranet", port).await;
    assert_eq!(short, Err(MISSING.to_owned()));
    // Both kinds of address, of this very name.
    assert_eq!(dns.asked_in_all(), 2);
}

/// Threads of this process.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_look_ups_that_hang_hold_no_thread_and_delay_nobody() {
    let good = Hostile::start();
    let port = good.address.port();
    let silent: Vec<String> = (0..1_000).map(|n| format!("h{n}.silent.example")).collect();
    let dns = names("quick.example", &[Turn::addresses(&["127.0.0.1"])]);
    for name in &silent {
        dns.set(name, &[Turn::Silence]);
    }
    let time = TIME * 3;
    let t = Arc::new(patient_transport(&dns, &["127.0.0.0/8"], &[], time));
    // The client's own threads are there.
    assert_eq!(send(&t, "quick.example", port).await, Ok(200));
    let before = threads();
    let began = Instant::now();
    let hung: Vec<_> = silent
        .iter()
        .cloned()
        .map(|name| {
            let t = Arc::clone(&t);
            tokio::spawn(async move { send(&t, &name, port).await })
        })
        .collect();
    let looked_up = |name: &str| dns.asked(name) > 0;
    while !silent.iter().all(|name| looked_up(name)) {
        assert!(began.elapsed() < time, "not all are asked for");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Other tests come and go meanwhile; a thread for each would be hundreds.
    let more = threads().saturating_sub(before);
    assert!(more < 100, "{more} threads more");
    let asked = Instant::now();
    dns.set("new.example", &[Turn::addresses(&["127.0.0.1"])]);
    assert_eq!(send(&t, "new.example", port).await, Ok(200));
    assert!(asked.elapsed() < time / 2, "{:?}", asked.elapsed());
    for task in hung {
        assert_eq!(task.await.unwrap(), Err(LATE.to_owned()));
    }
    let took = began.elapsed();
    assert!(took < time * 2, "{took:?}");
}

/// Each kept connection is an open file: only so many receivers have theirs kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_kept_are_bounded_over_all_receivers() {
    let good = Hostile::start();
    let port = good.address.port();
    let dns = Dns::start(&[]);
    let t = transport(&dns, &["127.0.0.0/8"], &[]);
    for n in 0..WEBHOOK_IDLE_HOSTS + 100 {
        let host = format!("h{n}.example");
        dns.set(&host, &[Turn::addresses(&["127.0.0.1"])]);
        assert_eq!(send(&t, &host, port).await, Ok(200), "{host}");
    }
    let open = good.open();
    assert!(open <= WEBHOOK_IDLE_HOSTS + 1, "{open} are open");
    // The first ones are used again, the last ones made anew.
    let before = good.accepted();
    assert_eq!(send(&t, "h0.example", port).await, Ok(200));
    assert_eq!(good.accepted(), before);
}

/// A receiver that takes no connection, or none with TLS, costs less than a long time for the whole attempt.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connecting_has_a_time_of_its_own() {
    if !full() {
        return;
    }
    let (deaf, mute) = (Hostile::start_deaf(), Hostile::start_mute());
    let dns = Dns::start(&[]);
    let t = transport(&dns, &["127.0.0.0/8"], &[]);
    for (name, url) in [
        ("deaf", deaf.url("/")),
        ("mute", mute.url("/").replace("http:", "https:")),
    ] {
        let request = OutgoingRequest {
            pace: None,
            url,
            headers: vec![],
            body: "{}".to_owned(),
            timeout: WEBHOOK_CONNECT_TIME * 2,
        };
        let began = Instant::now();
        let error = t.send(&request).await.map(|r| r.status).unwrap_err();
        assert_eq!(error, "no connection in time", "{name}");
        let over = began.elapsed().saturating_sub(WEBHOOK_CONNECT_TIME);
        assert!(over < Duration::from_secs(2), "{name}: {over:?}");
    }
}
