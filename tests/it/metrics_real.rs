//! What a scrape shows after real traffic: each count with its labels, to the request; never how a metric is made.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use fuelgate::base::clock::{Clock, Timestamp};
use serde_json::{Value, json};

use crate::support::backend::{Answer, Backend, json as reply};
use crate::support::eventually;
use crate::support::gateway::{Gateway, config, config_with_plan};
use crate::support::hostile::certificates::Authority;
use crate::support::http;
use crate::support::programs::{free_port, promtool};

const SOON: Duration = Duration::from_secs(10);

/// A configuration with a listener for scrapes and nothing else.
fn with_status(text: &str) -> String {
    let portal = "portal: { address";
    assert!(text.contains(portal));
    text.replace(
        portal,
        &format!("status: {{ address: \"127.0.0.1:0\" }}\n{portal}"),
    )
}

/// What one scrape shows: each series of a metric with its value, by the text between its braces.
struct Scrape(String);

impl Scrape {
    fn of(g: &Gateway) -> Self {
        let answer = http::request(g.listener("status"), "GET", "/metrics", &[], None);
        assert_eq!(answer.status, 200, "{}", answer.text());
        Self(answer.text())
    }

    fn all(&self, metric: &str) -> BTreeMap<String, f64> {
        let lines = self.0.lines().filter(|l| !l.starts_with('#'));
        lines
            .filter_map(|l| {
                let (series, value) = l.rsplit_once(' ')?;
                let labels = series.strip_prefix(metric)?;
                let labels = match labels {
                    "" => "",
                    _ => labels.strip_prefix('{')?.strip_suffix('}')?,
                };
                Some((labels.to_owned(), value.parse().unwrap()))
            })
            .collect()
    }

    /// The series that were counted in.
    fn counted(&self, metric: &str) -> BTreeMap<String, f64> {
        let mut all = self.all(metric);
        all.retain(|_, value| *value != 0.0);
        all
    }

    /// The value of a metric's only series.
    fn only(&self, metric: &str) -> f64 {
        let all = self.all(metric);
        assert_eq!(all.len(), 1, "{metric}: {all:?}");
        all.into_values().next().unwrap()
    }
}

fn map(wanted: &[(&str, f64)]) -> BTreeMap<String, f64> {
    wanted.iter().map(|(l, n)| ((*l).to_owned(), *n)).collect()
}

/// Asserts what a metric comes to; a request is counted just after its answer.
fn comes_to(g: &Gateway, metric: &str, wanted: &[(&str, f64)]) {
    let wanted = map(wanted);
    let most: f64 = wanted.values().sum();
    let shown = eventually(metric, SOON, || {
        let shown = Scrape::of(g).counted(metric);
        (shown.values().sum::<f64>() >= most).then_some(shown)
    });
    assert_eq!(shown, wanted, "{metric}");
}

fn crm() -> Backend {
    Backend::start(|seen| match seen.target.as_str() {
        "/v1/contacts/none" => reply(404, &json!({})),
        "/v1/contacts/broken" => reply(500, &json!({})),
        "/slow" => Answer::Hang(Duration::from_secs(2)),
        _ => reply(200, &json!({})),
    })
}

/// Three upstreams: one that answers, one that is late, one that is not there.
fn traffic_config(crm: SocketAddr, dead: u16) -> String {
    let plan = "rate: { requests: 1, per_seconds: 86400, burst: 6 }, quotas: { hour: 1000, month: 10000 }, max_keys: 10";
    let routes = "  - { path: /slow, methods: [GET], scopes: [contacts:read], upstream: slow }\n  \
         - { path: /dead, methods: [GET], scopes: [contacts:read], upstream: dead }\n";
    let upstreams = format!(
        "upstreams:\n  slow: {{ targets: [ {{ address: \"{crm}\", weight: 1 }} ], read_timeout_ms: 300 }}\n  \
         dead: {{ targets: [ {{ address: \"127.0.0.1:{dead}\", weight: 1 }} ] }}\n"
    );
    with_status(&config_with_plan(crm, plan, routes).replace("upstreams:\n", &upstreams))
}

#[test]
fn each_request_is_counted_by_route_status_limit_key_and_upstream() {
    let (backend, dead) = (crm(), free_port());
    let g = Gateway::start(&traffic_config(backend.address, dead));
    let (one, key) = g.key("acct_1", &["contacts:read"]);
    let scarce = json!({"overrides": {"quotas": {"hour": 1}}});
    let put = g.admin("PUT", "/admin/v1/accounts/acct_2", Some(&scarce));
    assert_eq!(put.status, 200, "{}", put.text());
    let (two, other) = g.key("acct_2", &["contacts:read"]);
    // What is not reached takes no token, so that the sixth is the last that is admitted.
    for (target, status) in [
        ("/v1/contacts", 200),
        ("/v1/contacts", 200),
        ("/v1/contacts/none", 404),
        ("/v1/contacts/broken", 500),
        ("/slow", 504),
        ("/dead", 502),
        ("/v1/contacts", 200),
        ("/v1/contacts", 429),
        ("/v1/contacts", 429),
        ("/v1/deals", 403),
    ] {
        let r = g.get(target, &key);
        assert_eq!(r.status, status, "{target}: {}", r.text());
    }
    for status in [200, 429, 429, 429] {
        assert_eq!(g.get("/v1/contacts", &other).status, status);
    }
    for (method, target, status) in [
        ("GET", "/v1/contacts", 401),
        ("GET", "/nowhere/4711", 404),
        ("PROPFIND", "/v1/contacts", 405),
        ("BREW", "/v1/contacts", 405),
    ] {
        assert_eq!(g.call(method, target, &[], None).status, status);
    }

    let line = |method: &str, route: &str, status: u16| {
        format!("method=\"{method}\",route=\"{route}\",status=\"{status}\"")
    };
    let requests = [
        (line("GET", "/v1/contacts", 200), 4.0),
        (line("GET", "/v1/contacts", 401), 1.0),
        (line("GET", "/v1/contacts", 429), 5.0),
        (line("GET", "/v1/contacts/{id}", 404), 1.0),
        (line("GET", "/v1/contacts/{id}", 500), 1.0),
        (line("GET", "/v1/deals", 403), 1.0),
        (line("GET", "/slow", 504), 1.0),
        (line("GET", "/dead", 502), 1.0),
        (line("GET", "none", 404), 1.0),
        (line("other", "none", 405), 2.0),
    ];
    let requests: Vec<_> = requests.iter().map(|(l, n)| (l.as_str(), *n)).collect();
    comes_to(&g, "fuelgate_requests_total", &requests);
    comes_to(
        &g,
        "fuelgate_limited_total",
        &[("policy=\"burst\"", 2.0), ("policy=\"hour\"", 3.0)],
    );
    let of = |account: &str, key: &str| format!("account=\"{account}\",key=\"{key}\"");
    comes_to(
        &g,
        "fuelgate_usage_requests_total",
        &[(&of("acct_1", &one), 6.0), (&of("acct_2", &two), 1.0)],
    );
    let (crm, gone) = (backend.address.to_string(), format!("127.0.0.1:{dead}"));
    let of = |upstream: &str, target: &str, outcome: &str| {
        format!("outcome=\"{outcome}\",target=\"{target}\",upstream=\"{upstream}\"")
    };
    comes_to(
        &g,
        "fuelgate_upstream_requests_total",
        &[
            (&of("crm", &crm, "2xx"), 4.0),
            (&of("crm", &crm, "4xx"), 1.0),
            (&of("crm", &crm, "5xx"), 1.0),
            (&of("slow", &crm, "timeout"), 1.0),
            (&of("dead", &gone, "unreachable"), 1.0),
        ],
    );
    comes_to(
        &g,
        "fuelgate_auth_failures_total",
        &[
            ("code=\"insufficient_scope\"", 1.0),
            ("code=\"missing_credentials\"", 1.0),
        ],
    );
    let scrape = Scrape::of(&g);
    assert!(
        !scrape.0.contains("4711") && !scrape.0.contains("BREW"),
        "a client's words are no label"
    );
    assert!(!scrape.0.contains(&key) && !scrape.0.contains(&other));
    promtool(&scrape.0);
    // The admin API shows the same.
    let admin = http::request(g.listener("admin"), "GET", "/metrics", &[], None);
    let admin = Scrape(admin.text());
    let name = "fuelgate_requests_total";
    assert_eq!(admin.counted(name), scrape.counted(name));
}

#[test]
fn the_overhead_is_what_requests_took_without_what_their_upstream_took() {
    let wait = Duration::from_millis(50);
    let backend = Backend::start(move |_| {
        std::thread::sleep(wait);
        reply(200, &json!({}))
    });
    let g = Gateway::start(&with_status(&config(backend.address, "")));
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    let begun = Instant::now();
    for _ in 0..4 {
        assert_eq!(g.get("/v1/contacts", &key).status, 200);
    }
    let took = begun.elapsed().as_secs_f64();
    let (route, upstream) = ("route=\"/v1/contacts\"", "upstream=\"crm\"");
    comes_to(
        &g,
        "fuelgate_request_duration_seconds_count",
        &[(route, 4.0)],
    );
    comes_to(
        &g,
        "fuelgate_upstream_duration_seconds_count",
        &[(upstream, 4.0)],
    );
    let scrape = Scrape::of(&g);
    let requests = scrape.all("fuelgate_request_duration_seconds_sum")[route];
    let upstreams = scrape.all("fuelgate_upstream_duration_seconds_sum")[upstream];
    let overhead = scrape.only("fuelgate_overhead_seconds_sum");
    assert_eq!(scrape.only("fuelgate_overhead_seconds_count"), 4.0);
    assert!(upstreams >= 4.0 * wait.as_secs_f64() && upstreams <= took);
    assert!(
        overhead > 0.0 && (requests - upstreams - overhead).abs() < 1e-6,
        "{requests} - {upstreams} is not {overhead}"
    );
}

#[test]
fn look_ups_of_keys_are_counted_by_what_they_found() {
    let backend = Backend::ok();
    let g = Gateway::start(&with_status(&config(backend.address, "")));
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    let lookups = "fuelgate_key_cache_lookups_total";
    comes_to(&g, lookups, &[]);
    for _ in 0..5 {
        assert_eq!(g.get("/v1/contacts", &key).status, 200);
    }
    let (hit, miss) = ("result=\"hit\"", "result=\"miss\"");
    comes_to(&g, lookups, &[(hit, 4.0), (miss, 1.0)]);
    assert_eq!(Scrape::of(&g).only("fuelgate_key_cache_entries"), 1.0);
    // The store says once that there is no such key; one with a wrong checksum is not looked up at all.
    let unknown = "lf_live_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17";
    for _ in 0..3 {
        assert_eq!(g.get("/v1/contacts", unknown).status, 401);
        let mistyped = "lf_live_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq18";
        assert_eq!(g.get("/v1/contacts", mistyped).status, 401);
    }
    let wanted = [(hit, 4.0), (miss, 2.0), ("result=\"negative\"", 2.0)];
    comes_to(&g, lookups, &wanted);
    let scrape = Scrape::of(&g);
    assert_eq!(scrape.only("fuelgate_key_cache_entries"), 1.0);
    assert_eq!(scrape.only("fuelgate_key_cache_evictions_total"), 0.0);
}

#[test]
fn a_listeners_certificate_shows_the_seconds_until_it_expires_and_a_new_one_its_own() {
    let backend = Backend::ok();
    let authority = Authority::new("test authority");
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = authority
        .issue_until("localhost", 2040)
        .write(folder.path());
    let tls = format!(
        "  - address: 127.0.0.1:0\n  - address: 127.0.0.1:0\n    tls: {{ certificate: {}, private_key: {} }}\n",
        certificate.display(),
        key.display()
    );
    let text = config(backend.address, "").replace("  - address: 127.0.0.1:0\n", &tls);
    let g = Gateway::start(&with_status(&text));
    let listener = format!("listener=\"https {}\"", g.listener("https"));
    // Within which bounds it must lie while it is read, a second for the fraction that is cut off.
    let shows = |year: i32| {
        let end: Timestamp =
            serde_json::from_value(json!(format!("{year}-01-01T00:00:00Z"))).unwrap();
        let most = end.since(Clock::system().now()).as_secs_f64() + 1.0;
        let shown = Scrape::of(&g).all("fuelgate_certificate_expires_seconds");
        let least = end.since(Clock::system().now()).as_secs_f64() - 2.0;
        assert_eq!(shown.len(), 1, "the other listeners have none: {shown:?}");
        let seconds = shown[&listener];
        (least..=most).contains(&seconds)
    };
    assert!(shows(2040));
    authority
        .issue_until("localhost", 2050)
        .write(folder.path());
    let reloaded = g.admin("POST", "/admin/v1/config/reload", None);
    assert_eq!(reloaded.status, 200, "{}", reloaded.text());
    assert!(shows(2050));
}

#[test]
fn the_age_of_the_oldest_pending_delivery_grows_until_it_succeeds() {
    let status = Arc::new(AtomicU16::new(500));
    let says = Arc::clone(&status);
    let receiver = Backend::start(move |_| reply(says.load(Ordering::SeqCst), &json!({})));
    let rules = "
events:
  - { type: contact.created, route: { method: POST, path: /v1/contacts }, status: [201] }
webhooks: { retry_delays_seconds: [3600], timeout_ms: 1000, allowed_private_targets: [127.0.0.0/8] }
";
    let nobody = "127.0.0.1:9".parse().unwrap();
    let g = Gateway::start(&with_status(&config(nobody, rules)));
    let url = format!("http://{}/hook", receiver.address);
    let webhook = g.webhook("acct_1", &url, &["contact.created"]);
    let age = || Scrape::of(&g).only("fuelgate_webhook_oldest_pending_seconds");
    let depth = || Scrape::of(&g).only("fuelgate_webhook_queue_depth");
    assert_eq!((age(), depth()), (0.0, 0.0));

    let begun = Instant::now();
    let event = json!({"account_id": "acct_1", "type": "contact.created", "data": {"id": "c_1"}, "id": "evt_1"});
    let published = g.admin("POST", "/admin/v1/events", Some(&event));
    assert_eq!(published.status, 201, "{}", published.text());
    let outcomes = "fuelgate_webhook_deliveries_total";
    comes_to(&g, outcomes, &[("outcome=\"retry\"", 1.0)]);
    let first = eventually("it waits", SOON, || Some(age()).filter(|a| *a > 0.0));
    assert_eq!(depth(), 1.0);
    let second = eventually("it waits longer", SOON, || {
        Some(age()).filter(|a| *a >= first + 1.0)
    });
    assert!(second <= begun.elapsed().as_secs_f64() + 1.0, "{second}");

    status.store(204, Ordering::SeqCst);
    let path = format!(
        "/admin/v1/webhooks/{}/deliveries",
        webhook["id"].as_str().unwrap()
    );
    let delivery = g.admin("GET", &path, None).json()["data"][0]["id"].clone();
    let path = format!("/admin/v1/deliveries/{}/retry", delivery.as_str().unwrap());
    let again = g.admin("POST", &path, None);
    assert_eq!(again.status, 202, "{}", again.text());
    eventually("nothing waits", SOON, || {
        (age() == 0.0 && depth() == 0.0).then_some(())
    });
    let wanted = [("outcome=\"retry\"", 1.0), ("outcome=\"success\"", 1.0)];
    comes_to(&g, outcomes, &wanted);
}

#[test]
fn the_hash_of_the_configuration_is_the_admin_apis_and_follows_a_reload() {
    let backend = Backend::ok();
    let good = with_status(&config(backend.address, ""));
    let g = Gateway::start(&good);
    let hash = |view: &Value| {
        let hash = view["hash"].as_str().unwrap().to_owned();
        assert!(hash.len() == 64, "{hash}");
        hash
    };
    let current = || hash(&g.admin("GET", "/admin/v1/config", None).json());
    let shows = |hash: &str| {
        let shown = Scrape::of(&g).all("fuelgate_config_info");
        let label = format!("hash=\"{hash}\"");
        assert_eq!(shown, map(&[(&label, 1.0)]), "and no other");
    };
    let first = current();
    shows(&first);

    let route = "  - { path: /more, methods: [GET], auth: none, upstream: crm }";
    g.write_config(&with_status(&config(backend.address, route)));
    let reloaded = g.admin("POST", "/admin/v1/config/reload", None);
    assert_eq!(reloaded.status, 200, "{}", reloaded.text());
    let second = hash(&reloaded.json());
    assert_ne!(second, first);
    assert_eq!(current(), second);
    shows(&second);

    let before = Scrape::of(&g).all("fuelgate_config_reloads_total");
    g.write_config("routes: 7\n");
    let refused = g.admin("POST", "/admin/v1/config/reload", None);
    assert_eq!(refused.status, 422, "{}", refused.text());
    assert_eq!(current(), second, "a bad file changes nothing");
    shows(&second);
    let after = Scrape::of(&g).all("fuelgate_config_reloads_total");
    let failed = |all: &BTreeMap<String, f64>| *all.get("result=\"error\"").unwrap_or(&0.0);
    assert!(failed(&after) > failed(&before), "{after:?}");

    g.write_config(&good);
    let reloaded = g.admin("POST", "/admin/v1/config/reload", None);
    assert_eq!(reloaded.status, 200, "{}", reloaded.text());
    shows(&first);
}
