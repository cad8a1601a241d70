//! What a reload reaches and what it leaves alone: limits in memory, requests in flight, all of what a refused file says; never a reload under load.

use std::sync::{Mutex, mpsc};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::backend::{Backend, json as reply};
use crate::support::eventually;
use crate::support::gateway::{Gateway, config, config_with_plan, stopped_clock};
use crate::support::http::{self, Response};

const LIMIT: Duration = Duration::from_secs(10);
const RELOADED: &str = "fuelgate_config_reloads_total{result=\"ok\"}";

/// Puts another configuration in the file's place and has it loaded.
fn load(g: &Gateway, text: &str) -> Response {
    g.write_config(text);
    g.admin("POST", "/admin/v1/config/reload", None)
}

fn reload(g: &Gateway, text: &str) {
    let r = load(g, text);
    assert_eq!(r.status, 200, "{}", r.text());
}

/// The configuration in force, as the admin API shows it.
fn in_force(g: &Gateway) -> Value {
    g.admin("GET", "/admin/v1/config", None).json()
}

#[test]
fn other_numbers_of_a_plan_reach_accounts_in_memory_and_what_they_used_stays() {
    let backend = Backend::ok();
    let with = |burst: u64, hour: u64| {
        let plan = format!(
            "rate: {{ requests: 1, per_seconds: 86400, burst: {burst} }}, quotas: {{ hour: {hour}, month: 1000 }}, max_keys: 10"
        );
        config_with_plan(backend.address, &plan, "")
    };
    // No hour ends while the test runs, and no token comes.
    let clock = stopped_clock();
    let clock: Vec<(&str, &str)> = clock.iter().map(|(n, v)| (&**n, &**v)).collect();
    let g = Gateway::start_with_env(&with(10, 100), &clock);
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    let (_, own) = g.key("acct_2", &["contacts:read"]);
    let body = json!({"plan": "standard", "overrides": {"quotas": {"hour": 50}}});
    let put = g.admin("PUT", "/admin/v1/accounts/acct_2", Some(&body));
    assert_eq!(put.status, 200, "{}", put.text());
    let answer = |key: &str, status: u16, policy: &str, limit: &str| {
        let r = g.get("/v1/contacts", key);
        assert_eq!(r.status, status, "{}", r.text());
        for (name, start) in [("ratelimit-policy", policy), ("ratelimit", limit)] {
            let value = r.header(name).unwrap();
            assert!(value.starts_with(start), "{name}: {value}, not {start}");
        }
        r
    };
    let before = r#""burst";q=10;w=864000, "hour";q=100;w=3600, "month";q=1000;w="#;
    for left in [9, 8, 7] {
        answer(&key, 200, before, &format!("\"burst\";r={left};t="));
    }
    let of_its_own = r#""burst";q=10;w=864000, "hour";q=50;w=3600, "#;
    answer(&own, 200, of_its_own, r#""burst";r=9;t="#);

    // Three of five requests are gone, and of seven tokens a full bucket holds six.
    reload(&g, &with(6, 5));
    let after = r#""burst";q=6;w=518400, "hour";q=5;w=3600, "month";q=1000;w="#;
    answer(&key, 200, after, r#""hour";r=1;t="#);
    answer(&key, 200, after, r#""hour";r=0;t="#);
    let r = answer(&key, 429, after, r#""hour";r=0;t="#);
    assert_eq!(r.header("x-fuelgate-error"), Some("quota_exceeded"));
    let of_its_own = r#""burst";q=6;w=518400, "hour";q=50;w=3600, "#;
    answer(&own, 200, of_its_own, r#""burst";r=5;t="#);

    // There is room again, and no token came back with it.
    reload(&g, &with(20, 200));
    let again = r#""burst";q=20;w=1728000, "hour";q=200;w=3600, "month";q=1000;w="#;
    answer(&key, 200, again, r#""burst";r=3;t="#);
    let path = "/admin/v1/usage/summary?account_id=acct_1";
    let summary = g.admin("GET", path, None).json();
    assert_eq!(summary["hour"]["used"], 6, "{summary}");
    assert_eq!(summary["hour"]["limit"], 200, "{summary}");
    assert_eq!(summary["month"]["used"], 6, "{summary}");
}

#[test]
fn an_answer_is_of_the_configuration_that_its_request_began_with() {
    let (release, held) = mpsc::channel::<()>();
    let held = Mutex::new(held);
    let backend = Backend::start(move |seen| {
        if seen.target == "/open?held" {
            held.lock().unwrap().recv().unwrap();
        }
        reply(200, &json!({}))
    });
    let plain =
        config(backend.address, "").replace("read_timeout_ms: 5000", "read_timeout_ms: 20000");
    let open = "auth: none, upstream: crm }";
    assert!(plain.contains(open));
    let g = Gateway::start(&plain);
    let address = g.address();
    let slow = std::thread::spawn(move || http::request(address, "GET", "/open?held", &[], None));
    eventually("it is at the backend", LIMIT, || {
        (backend.count() == 1).then_some(())
    });
    reload(
        &g,
        &plain.replace(
            open,
            "auth: none, upstream: crm, deprecated: { since: 2026-12-01, link: \"https://docs.example/v2\" } }",
        ),
    );
    let next = g.call("GET", "/open", &[], None);
    assert_eq!(next.status, 200, "{}", next.text());
    assert_eq!(next.header("deprecation"), Some("@1796083200"));
    assert_eq!(
        next.header("link"),
        Some("<https://docs.example/v2>; rel=\"deprecation\"")
    );
    release.send(()).unwrap();
    let slow = slow.join().unwrap();
    assert_eq!(slow.status, 200, "{}", slow.text());
    assert_eq!(
        (slow.header("deprecation"), slow.header("link")),
        (None, None)
    );
}

#[test]
fn a_hangup_reloads_a_file_that_nobody_changed() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(backend.address, ""));
    let (before, view) = (g.metric(RELOADED), in_force(&g));
    g.signal("HUP");
    eventually("it is counted", LIMIT, || {
        (g.metric(RELOADED) > before).then_some(())
    });
    assert_eq!(g.metric(RELOADED), before + 1.0);
    let after = eventually("it is shown", LIMIT, || {
        Some(in_force(&g)).filter(|v| v["loaded_at"] != view["loaded_at"])
    });
    assert_eq!(after["hash"], view["hash"]);
    assert_eq!(
        g.metric("fuelgate_config_reloads_total{result=\"error\"}"),
        0.0
    );
    assert_eq!(g.call("GET", "/open", &[], None).status, 200);
}

#[test]
fn a_log_that_cannot_be_opened_leaves_the_whole_configuration_as_it_was() {
    let backend = Backend::ok();
    let rules = "events: [ { type: contact.created, route: { method: POST, path: /v1/contacts }, status: [201] } ]\n";
    let added = "  - { path: /added, methods: [GET], auth: none, upstream: crm }\n\
         webhooks: { allowed_private_targets: [127.0.0.0/8] }\n";
    let g = Gateway::start(&config(backend.address, rules));
    let hash = in_force(&g)["hash"].clone();
    let other = config(backend.address, &format!("{added}{rules}")).replace(
        "log: { access: null }",
        "log: { access: $DIR/logs/access.log }",
    );
    let r = load(&g, &other);
    assert_eq!(r.status, 422, "{}", r.text());
    assert!(
        r.text().contains("the access log cannot be opened"),
        "{}",
        r.text()
    );
    let view = in_force(&g);
    assert_eq!(view["hash"], hash);
    let error = view["last_error"].to_string();
    assert!(error.contains("the access log cannot be opened"), "{error}");
    assert_eq!(g.call("GET", "/added", &[], None).status, 404);
    // A target that only the refused file allows; it is looked at when the webhook is made.
    let webhook = json!({"account_id": "acct_1", "url": "http://127.0.0.1:9/", "event_types": ["contact.created"]});
    let make = || g.admin("POST", "/admin/v1/webhooks", Some(&webhook));
    let r = make();
    assert_eq!(r.status, 422, "{}", r.text());
    assert_eq!(r.json()["errors"][0]["field"], "url", "{}", r.text());

    // The same file, once there is a place for the log.
    std::fs::create_dir(g.folder.path().join("logs")).unwrap();
    reload(&g, &other);
    assert_ne!(in_force(&g)["hash"], hash);
    assert_eq!(g.call("GET", "/added", &[], None).status, 200);
    assert_eq!(make().status, 201);
}
