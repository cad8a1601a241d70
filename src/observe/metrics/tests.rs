//! What a scrape shows, how promtool likes it, and what happens at the ceiling of series.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use http::Method;

use super::*;
use crate::base::ceilings::METRIC_SERIES;
use crate::observe::UpstreamOutcome;

fn text(m: &Metrics) -> String {
    String::from_utf8(m.render().unwrap()).unwrap()
}

fn filled() -> Metrics {
    let m = Metrics::new().unwrap();
    let took = Duration::from_millis(3);
    m.route("/v1/x/{id}").record(&Method::GET, 200, took);
    m.usage_requests("acct_demo", "key_1").inc();
    m.target("crm", "127.0.0.1:9000")
        .record(UpstreamOutcome::Timeout, took);
    m.auth_failure("invalid_key");
    m.limited("burst");
    m.usage_flush(true);
    m.key_cache_lookups("hit").inc();
    m.store_duration("request").observe(0.003);
    m.store_errors("timeout", 1);
    m.shared.connects(true, 1);
    m.shared.lease_calls(false, 1);
    m.shared.set_spool_entries("usage", 2);
    m.set_limiter_entries(2, 1);
    m.webhook_delivery("success", 1);
    m.event("released", 1);
    m.config_reload(false);
    m.set_config("abc");
    m.set_config("def");
    m.set_certificate_expires("127.0.0.1:8443", 10.0);
    m.overhead_seconds.observe(0.000_02);
    m
}

#[test]
fn the_names_of_the_contract_are_there() {
    let text = text(&filled());
    for line in [
        r#"fuelgate_requests_total{method="GET",route="/v1/x/{id}",status="200"} 1"#,
        r#"fuelgate_request_duration_seconds_count{route="/v1/x/{id}"} 1"#,
        "fuelgate_overhead_seconds_count 1",
        r#"fuelgate_auth_failures_total{code="invalid_key"} 1"#,
        r#"fuelgate_limited_total{policy="burst"} 1"#,
        r#"fuelgate_usage_requests_total{account="acct_demo",key="key_1"} 1"#,
        "fuelgate_limiter_degraded 0",
        "fuelgate_spool_bytes 0",
        r#"fuelgate_webhook_deliveries_total{outcome="success"} 1"#,
        "fuelgate_webhook_queue_depth 0",
        "fuelgate_webhook_oldest_pending_seconds 0",
        r#"fuelgate_config_reloads_total{result="error"} 1"#,
        r#"fuelgate_config_info{hash="def"} 1"#,
        r#"fuelgate_certificate_expires_seconds{listener="127.0.0.1:8443"} 10"#,
        "fuelgate_clock_skew_seconds 0",
        r#"fuelgate_upstream_requests_total{outcome="timeout",target="127.0.0.1:9000",upstream="crm"} 1"#,
        "fuelgate_access_log_dropped_total 0",
        concat!(
            r#"fuelgate_build_info{version=""#,
            env!("CARGO_PKG_VERSION"),
            r#""} 1"#
        ),
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(text.contains("process_cpu_seconds_total") && !text.contains("abc"));
}

#[test]
fn promtool_has_nothing_to_say() {
    let mut tool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool, of the Debian package prometheus");
    let text = filled().render().unwrap();
    tool.stdin.take().unwrap().write_all(&text).unwrap();
    let out = tool.wait_with_output().unwrap();
    let said = [out.stdout, out.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(out.status.success() && said.is_empty(), "{said}");
}

#[test]
fn unknown_methods_are_other_and_any_status_is_a_number() {
    let m = Metrics::new().unwrap();
    let route = m.route(names::NO_ROUTE);
    let brew: Method = "BREW".parse().unwrap();
    route.record(&brew, 404, Duration::ZERO);
    route.record(&Method::GET, 299, Duration::ZERO);
    route.record(&Method::GET, 299, Duration::ZERO);
    let text = text(&m);
    assert!(text.contains(r#"{method="other",route="none",status="404"} 1"#));
    assert!(text.contains(r#"{method="GET",route="none",status="299"} 2"#));
}

#[test]
fn over_the_ceiling_series_are_counted_under_other() {
    let m = Metrics::new().unwrap();
    for i in 0..METRIC_SERIES + 5 {
        let name = format!("/r{i}");
        m.route(&name).record(&Method::GET, 200, Duration::ZERO);
        m.usage_requests("a", &format!("key_{i}")).inc();
    }
    m.usage_requests("a", "key_0").inc();
    let text = text(&m);
    assert!(text.contains(r#"fuelgate_requests_total{method="GET",route="other",status="200"} 5"#));
    assert!(text.contains(r#"fuelgate_usage_requests_total{account="other",key="other"} 5"#));
    assert!(text.contains(r#"fuelgate_usage_requests_total{account="a",key="key_0"} 2"#));
}
