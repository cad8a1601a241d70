//! Hot reload: by file, by signal and by the admin API; no request fails, and a bad file changes nothing.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::support::backend::Backend;
use crate::support::eventually;
use crate::support::gateway::{Gateway, config};
use crate::support::http::{Connection, encode};

#[test]
fn twenty_reloads_under_load_fail_no_request() {
    let backend = Backend::ok();
    let g = Gateway::start(&config(backend.address, ""));
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    let bytes = encode(
        "GET",
        "/v1/contacts",
        &[("Authorization", &format!("Bearer {key}"))],
        None,
    );
    let stop = AtomicBool::new(false);
    let served = AtomicU64::new(0);
    std::thread::scope(|scope| {
        // Two connections that live through it all, and one that is new for each request.
        for fresh in [false, false, true] {
            let (bytes, stop, served, g) = (&bytes, &stop, &served, &g);
            scope.spawn(move || {
                let mut c = Connection::open(g.address());
                while !stop.load(Ordering::SeqCst) {
                    if fresh {
                        c = Connection::open(g.address());
                    }
                    let r = c.exchange(bytes);
                    assert_eq!(r.status, 200, "{}", r.text());
                    served.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let stopped = StopOnDrop(&stop);
        for round in 0..20 {
            let before = served.load(Ordering::SeqCst);
            let text = config(
                backend.address,
                &format!(
                    "  - {{ path: /round-{round}, methods: [GET], auth: none, upstream: crm }}"
                ),
            );
            if round % 5 == 4 {
                // A broken file in between.
                g.write_config("listeners: [ { address: nonsense } ]\nroutes: 7\n");
                let r = g.admin("POST", "/admin/v1/config/reload", None);
                assert_eq!(r.status, 422, "{}", r.text());
            }
            g.write_config(&text);
            match round % 3 {
                0 => g.signal("HUP"),
                1 => {
                    let r = g.admin("POST", "/admin/v1/config/reload", None);
                    assert_eq!(r.status, 200, "{}", r.text());
                }
                _ => {}
            }
            eventually("the new route is there", Duration::from_secs(10), || {
                (g.call("GET", &format!("/round-{round}"), &[], None).status == 200).then_some(())
            });
            eventually("requests go on", Duration::from_secs(10), || {
                (served.load(Ordering::SeqCst) > before + 10).then_some(())
            });
        }
        drop(stopped);
    });
    assert!(g.metric("fuelgate_config_reloads_total{result=\"error\"}") >= 1.0);
    assert!(g.metric("fuelgate_config_reloads_total{result=\"ok\"}") >= 20.0);
}

struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn a_bad_file_changes_nothing_and_says_why_everywhere() {
    let backend = Backend::ok();
    let good = config(backend.address, "");
    let g = Gateway::start(&good);
    let hash = g.admin("GET", "/admin/v1/config", None).json()["hash"].clone();
    assert!(hash.is_string());
    g.write_config(&good.replace("upstream: crm }", "upstream: nobody }"));
    g.signal("HUP");
    let view = eventually(
        "the view tells of the failure",
        Duration::from_secs(10),
        || {
            let view = g.admin("GET", "/admin/v1/config", None).json();
            view["last_error"].is_object().then_some(view)
        },
    );
    assert_eq!(view["hash"], hash, "the old configuration stays");
    assert!(view["last_error"].to_string().contains("nobody"), "{view}");
    // Diagnostics are written by a thread of their own.
    eventually("the log says so", Duration::from_secs(10), || {
        g.stderr().contains("nobody").then_some(())
    });
    assert!(g.metric("fuelgate_config_reloads_total{result=\"error\"}") >= 1.0);
    assert_eq!(g.call("GET", "/open", &[], None).status, 200);
    g.write_config(&good);
    let r = g.admin("POST", "/admin/v1/config/reload", None);
    assert_eq!(r.status, 200, "{}", r.text());
    assert!(g.admin("GET", "/admin/v1/config", None).json()["last_error"].is_null());
}

#[test]
fn what_cannot_be_swapped_is_refused_with_its_name() {
    let backend = Backend::ok();
    let good = config(backend.address, "");
    let g = Gateway::start(&good);
    g.write_config(&good.replace("  - address: 127.0.0.1:0\n", "  - address: 127.0.0.1:1\n"));
    let r = g.admin("POST", "/admin/v1/config/reload", None);
    assert_eq!(r.status, 422, "{}", r.text());
    assert!(r.text().contains("listeners"), "{}", r.text());
    assert_eq!(g.call("GET", "/open", &[], None).status, 200);
}

#[test]
fn a_plan_in_use_cannot_be_removed() {
    let backend = Backend::ok();
    let good = config(backend.address, "");
    let more = good.replace(
        "plans:\n",
        "plans:\n  gold: { rate: { requests: 10, per_seconds: 1, burst: 10 }, quotas: { hour: 10, month: 10 }, max_keys: 5 }\n",
    );
    let g = Gateway::start(&more);
    let (_, _) = g.key("acct_1", &["contacts:read"]);
    let put = g.admin(
        "PUT",
        "/admin/v1/accounts/acct_1",
        Some(&json!({"plan": "gold"})),
    );
    assert_eq!(put.status, 200, "{}", put.text());
    g.write_config(&good);
    let r = g.admin("POST", "/admin/v1/config/reload", None);
    assert_eq!(r.status, 422, "{}", r.text());
    assert!(r.text().contains("gold"), "{}", r.text());
    let put = g.admin(
        "PUT",
        "/admin/v1/accounts/acct_1",
        Some(&json!({"plan": "standard"})),
    );
    assert_eq!(put.status, 200, "{}", put.text());
    let r = g.admin("POST", "/admin/v1/config/reload", None);
    assert_eq!(r.status, 200, "{}", r.text());
}

#[test]
fn a_request_in_flight_ends_on_the_configuration_it_began_with() {
    let backend = Backend::start(|seen| {
        if seen.target == "/open?slow" {
            std::thread::sleep(Duration::from_millis(800));
        }
        crate::support::backend::json(200, &json!({}))
    });
    let g = Gateway::start(&config(backend.address, ""));
    let slow = {
        let address = g.address();
        std::thread::spawn(move || {
            crate::support::http::request(address, "GET", "/open?slow", &[], None).status
        })
    };
    eventually(
        "the slow request is at the backend",
        Duration::from_secs(5),
        || (backend.count() > 0).then_some(()),
    );
    g.write_config(&config(backend.address, "").replace("path: /open", "path: /opened"));
    assert_eq!(g.admin("POST", "/admin/v1/config/reload", None).status, 200);
    assert_eq!(g.call("GET", "/open", &[], None).status, 404);
    assert_eq!(slow.join().unwrap(), 200);
}

#[test]
fn sigterm_ends_as_soon_as_nothing_is_in_flight() {
    let backend = Backend::ok();
    let mut g = Gateway::start(&config(backend.address, "shutdown: { grace_seconds: 30 }"));
    assert_eq!(g.call("GET", "/open", &[], None).status, 200);
    let begun = std::time::Instant::now();
    assert_eq!(g.stop(), Some(0));
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
}
