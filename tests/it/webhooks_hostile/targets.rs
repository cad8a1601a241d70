//! Where webhooks may lead: names, proxies and lists that would take them elsewhere; never how a receiver answers.

use std::net::{Ipv4Addr, SocketAddr};

use super::*;
use crate::support::hostile::dns::{Dns, Turn};

#[test]
fn proxies_of_the_environment_are_ignored() {
    let (backend, hostile, proxy) = (Backend::ok(), Hostile::start(), Hostile::start());
    let url = format!("http://{}", proxy.address);
    let names = [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
    ];
    let environment = names.map(|name| (name, url.as_str()));
    let g = gateway(&backend, LOOPBACK, &environment);
    let plain = subscribe(&g, "acct_1", &hostile.url("/ok"));
    let tls = subscribe(&g, "acct_1", &hostile.url("/ok").replace("http:", "https:"));
    publish(&g, "acct_1");
    assert_eq!(outcome(&g, &plain).0, Some(200));
    let (_, error, ..) = outcome(&g, &tls);
    assert!(error.starts_with("the TLS handshake failed"), "{error}");
    assert_eq!(proxy.accepted(), 0, "nothing goes through the proxy");
}

/// What a name server says counts when the connection is made, each time anew, and for that connection only.
#[test]
fn names_lead_nowhere_but_to_what_was_vetted() {
    let (backend, hostile) = (Backend::ok(), Hostile::start());
    let port = hostile.address.port();
    let inner = Hostile::start_at(SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), port)));
    let turns = [
        Turn::addresses(&["127.0.0.1"]),
        Turn::addresses(&["127.0.0.2"]),
        Turn::addresses(&["127.0.0.1", "169.254.169.254"]),
    ];
    let dns = Dns::start(&[
        ("rebind.example", &turns),
        ("hooks.internal", &[Turn::addresses(&["127.0.0.2"])]),
        ("silent.example", &[Turn::Silence]),
        ("metadata.example", &[Turn::addresses(&["169.254.169.254"])]),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("the tests");
    let file = authority.write(folder.path());
    let named = Hostile::start_tls(&authority.issue("tls.example"));
    dns.set("tls.example", &[Turn::addresses(&["127.0.0.1"])]);
    let text = format!(
        "
webhooks:
  retry_delays_seconds: [1, 1]
  timeout_ms: 3000
  allowed_private_targets: [127.0.0.1, Hooks.Internal]
  dns: {{ servers: [\"{}\"], timeout_ms: 1000 }}
events:
  - {{ type: contact.created, route: {{ method: POST, path: /v1/contacts }}, status: [201] }}
",
        dns.address
    );
    let environment = [("SSL_CERT_FILE", file.to_str().unwrap())];
    let g = Gateway::start_with_env(&config(backend.address, &text), &environment);
    let to = |url: String| subscribe(&g, "acct_1", &url);
    // The connection is not kept, so that each attempt makes one.
    let rebind = to(format!("http://rebind.example:{port}/bad-length"));
    let listed = to(format!("http://hooks.internal:{port}/ok"));
    let silent = to(format!("https://silent.example:{port}/ok"));
    let missing = to(format!("https://missing.example:{port}/ok"));
    let metadata = to("https://metadata.example/latest/meta-data".to_owned());
    let secure = to(format!("https://tls.example:{}/ok", named.address.port()));
    publish(&g, "acct_1");
    assert_eq!(outcome(&g, &listed).0, Some(200));
    assert_eq!(inner.count("/ok"), 1, "a host that is listed by its name");
    let (status, error, ..) = outcome(&g, &secure);
    assert_eq!((status, error.as_str()), (Some(200), ""));
    for (id, message) in [
        (&silent, "the host name was not resolved in time"),
        (&missing, "the host name does not resolve"),
        (&metadata, "the receiver's address is not allowed"),
    ] {
        let (status, error, took, _) = outcome(&g, id);
        assert_eq!((status, error.as_str()), (None, message));
        assert!(took < Duration::from_millis(2_500), "{message}: {took:?}");
    }
    let failed = eventually("all attempts", Duration::from_secs(20), || {
        Some(delivery(&g, &rebind)).filter(|d| d["status"] == "failed")
    });
    let errors: Vec<_> = (0..3)
        .map(|n| failed["attempts"][n]["error"].as_str().unwrap())
        .collect();
    let refused = "the receiver's address is not allowed";
    assert_eq!(
        errors,
        [
            "the receiver broke off or does not speak HTTP",
            refused,
            refused
        ]
    );
    assert_eq!(dns.asked("rebind.example"), 3, "one look-up an attempt");
    assert_eq!(hostile.count("/bad-length"), 1);
    assert_eq!(inner.accepted(), 1, "no other than the listed host's");
}

/// Metadata addresses need an entry of their own; networks and ports are those that are listed.
#[test]
fn what_may_be_a_target_is_what_the_operator_lists() {
    let backend = Backend::ok();
    let g = gateway(
        &backend,
        "allowed_private_targets: [169.254.0.0/16, 10.1.0.0/16, \"fd00::/8\"]",
        &[],
    );
    for (url, is_good) in [
        ("http://10.1.2.3/hook", true),
        ("http://10.1.2.3:6379/hook", true),
        ("https://[fd00::7]:22/hook", true),
        ("https://169.254.7.7/hook", true),
        ("https://receiver.example:8443/hook", true),
        ("https://169.254.169.254/latest", false),
        ("http://169.254.169.254/latest", false),
        ("https://[::ffff:a9fe:a9fe]/latest", false),
        ("https://[fd00:ec2::254]/latest", false),
        ("https://168.63.129.16/machine", false),
        ("https://10.2.0.1/hook", false),
        ("https://1.1.1.1:6379/hook", false),
        ("https://1.1.1.1:0/hook", false),
        ("https://1.1.1.1:22/hook", false),
        ("https://key@receiver.example/hook", false),
        ("https://receiver.example/a hook", false),
    ] {
        let body = json!({"account_id": "acct_1", "url": url, "event_types": ["contact.created"]});
        let made = g.admin("POST", "/admin/v1/webhooks", Some(&body));
        let expected = if is_good { 201 } else { 422 };
        assert_eq!(made.status, expected, "{url}: {}", made.text());
        if !is_good {
            assert_eq!(made.json()["errors"][0]["field"], "url", "{url}");
        }
    }
}
