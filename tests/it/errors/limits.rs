//! Limits on the wire: which policy refuses, and when to come back.

use serde_json::json;

use super::assert_problem;
use crate::support::backend::Backend;
use crate::support::gateway::{Gateway, config_with_plan};

#[test]
fn limits_say_which_policy_and_when_to_come_back() {
    let backend = Backend::ok();
    let plan = "rate: { requests: 1, per_seconds: 60, burst: 2 }, quotas: { hour: 100, month: 1000 }, max_keys: 10";
    let g = Gateway::start(&config_with_plan(backend.address, plan, ""));
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    let first = g.get("/v1/contacts", &key);
    assert_eq!(first.status, 200);
    assert_eq!(first.header("ratelimit"), Some("\"burst\";r=1;t=60"));
    let policy = first.header("ratelimit-policy").unwrap().to_owned();
    assert!(
        policy.starts_with("\"burst\";q=2;w=120, \"hour\";q=100;w=3600, \"month\";q=1000;w="),
        "{policy}"
    );
    assert_eq!(g.get("/v1/contacts", &key).status, 200);
    let r = g.get("/v1/contacts", &key);
    assert_problem(&r, 429, "rate_limited");
    assert_eq!(r.json()["violated-policies"], json!(["burst"]));
    let retry: u64 = r.header("retry-after").unwrap().parse().unwrap();
    assert!((55..=60).contains(&retry), "{retry}");
    assert!(
        r.header("ratelimit")
            .unwrap()
            .starts_with("\"burst\";r=0;t=")
    );
    assert_eq!(r.header("ratelimit-policy"), Some(&*policy));
    assert_eq!(backend.count(), 2);
}

#[test]
fn a_used_up_quota_is_told_from_a_rate() {
    let backend = Backend::ok();
    let plan = "rate: { requests: 100, per_seconds: 1, burst: 100 }, quotas: { hour: 3, month: 1000 }, max_keys: 10";
    let g = Gateway::start(&config_with_plan(backend.address, plan, ""));
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    for _ in 0..3 {
        assert_eq!(g.get("/v1/contacts", &key).status, 200);
    }
    let r = g.get("/v1/contacts", &key);
    assert_problem(&r, 429, "quota_exceeded");
    let problem = r.json();
    assert_eq!(problem["violated-policies"], json!(["hour"]));
    let mut members: Vec<_> = problem.as_object().unwrap().keys().collect();
    members.sort_unstable();
    let wanted = [
        "code",
        "detail",
        "request_id",
        "status",
        "title",
        "type",
        "violated-policies",
    ];
    assert_eq!(members, wanted, "{problem}");
    for text in ["title", "detail"] {
        let text = problem[text].as_str().unwrap();
        assert!(text.contains("quota"), "it is no rate that refuses: {text}");
    }
    let retry: u64 = r.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=3600).contains(&retry), "{retry}");
    let limit = r.header("ratelimit").unwrap();
    let more = limit.strip_prefix("\"hour\";r=0;t=");
    assert_eq!(more, r.header("retry-after"), "{limit}");
    let policy = r.header("ratelimit-policy").unwrap();
    assert!(policy.contains("\"hour\";q=3;w=3600"), "{policy}");
    assert_eq!(r.header("www-authenticate"), None);
    assert_eq!(backend.count(), 3);
    let summary = g
        .admin("GET", "/admin/v1/usage/summary?account_id=acct_1", None)
        .json();
    assert_eq!(summary["hour"]["used"], 3);
    assert_eq!(summary["hour"]["limit"], 3);
    assert_eq!(summary["month"]["used"], 3);
}
