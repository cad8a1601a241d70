//! Golden reports: place, setting and expectation of everything that can be wrong in the configuration file.

use super::*;

#[test]
fn a_value_of_the_wrong_kind_says_what_was_expected() {
    let plans = |rate: &str| small_and(&format!("plans:\n  standard:\n    rate: {rate}\n"));
    assert_eq!(
        problem(&plans("{ requests: 50, burst: 0 }")),
        "22:34: plans.standard.rate.burst: expected a whole number from 1 to 1000000000, found 0"
    );
    assert_eq!(
        problem(&plans("{ requests: 50, burst: many }")),
        "22:34: plans.standard.rate.burst: expected a whole number from 1 to 1000000000, found text"
    );
    assert_eq!(
        problem(&plans("{ requests: 1.5, burst: 1 }")),
        "22:23: plans.standard.rate.requests: expected a whole number from 1 to 1000000000, found a fraction"
    );
    assert_eq!(
        problem(&plans("{ requests: 50, burst: -1 }")),
        "22:34: plans.standard.rate.burst: expected a whole number from 1 to 1000000000, found -1"
    );
    assert_eq!(
        problem(&plans("{ requests: 50 }")),
        "22:5: plans.standard.rate.burst: missing; expected a whole number from 1 to 1000000000"
    );
    assert_eq!(
        problem(&plans("7")),
        "22:11: plans.standard.rate: expected a mapping with requests, per_seconds, burst, found a number"
    );
}

#[test]
fn an_unknown_setting_names_the_one_that_was_meant() {
    assert_eq!(
        problem(&small(
            "    upstream: crm\n",
            "    upstrem: crm\n    upstream: crm\n"
        ))
        .split("Expected")
        .next(),
        Some("19:5: routes[0].upstrem: unknown setting; did you mean `upstream`? ")
    );
    assert_eq!(
        problem(&small_and("shutdown: { after_lunch: 1 }\n")),
        "20:13: shutdown.after_lunch: unknown setting; expected one of grace_seconds"
    );
    let top = problem(&small_and("maintenence: { enabled: true }\n"));
    assert!(
        top.starts_with("20:1: maintenence: unknown setting; did you mean `maintenance`?"),
        "{top}"
    );
}

#[test]
fn a_name_that_is_none_of_the_options_lists_them() {
    assert_eq!(
        problem(&small_and("limits: { on_store_failure: ask }\n")),
        "20:29: limits.on_store_failure: expected one of local, allow, deny, found \"ask\""
    );
    assert_eq!(
        problem(&small(
            "    upstream: crm\n",
            "    upstream: crm\n    auth: keys\n"
        )),
        "20:11: routes[0].auth: expected one of key, none, passthrough, key_or_passthrough, found \"keys\""
    );
    assert_eq!(
        problem(&small(
            "  token: admin-token",
            "  tokens:\n    - { name: a, sha256: \"abababababababababababababababababababababababababababababababab\", permissions: [keys, cooking] }"
        ))
        .split(", found")
        .next(),
        Some(
            "6:114: admin.tokens[0].permissions[1]: expected one of keys, webhooks, usage, portal, events, operator"
        )
    );
}

#[test]
fn all_problems_are_found_at_once_those_behind_misfits_included() {
    let lines = report(
        "\
listeners:
  - address: everywhere
admin: { address: 127.0.0.1:8082, token: \"\", tokn: x }
keys:
  peppers: [{ id: p1, secret: short }, { id: p1 }]
scopes: { contacts:read: Read }
plans: { standard: { rate: { requests: 1, burst: 2 } } }
upstreams:
  crm: { targets: [] }
routes:
  - { path: /a, methods: [], upstream: crm }
  - { path: \"/a/{x\", methods: [GET], upstream: crm, scopes: [contacts:write], cost: 3 }
  - { path: /b, methods: [get], upstream: billing }
maintenance: { retry_after_seconds: 0 }
webhooks: { retry_delays_seconds: [1, 2, 3, 4, 5, 6] }
",
    );
    let short: Vec<&str> = lines
        .iter()
        .map(|l| l.strip_prefix("f.yaml:").unwrap_or(l))
        .map(|l| l.split(" expected").next().unwrap_or(l))
        .collect();
    assert_eq!(
        short,
        [
            "2:14: listeners[0].address:",
            "3:42: admin.token:",
            "3:46: admin.tokn: unknown setting; did you mean `token`? Expected one of address, tls, token, tokens",
            "5:31: keys.peppers[0].secret:",
            "5:40: keys.peppers[1].secret: missing;",
            "9:19: upstreams.crm.targets:",
            "11:26: routes[0].methods:",
            "12:13: routes[1].path:",
            "12:62: routes[1].scopes[0]:",
            "12:85: routes[1].cost:",
            "13:27: routes[2].methods[0]:",
            "13:43: routes[2].upstream:",
            "14:37: maintenance.retry_after_seconds:",
            "15:35: webhooks.retry_delays_seconds:",
        ],
        "{lines:#?}"
    );
}

#[test]
fn what_is_missing_at_the_top_does_not_hide_the_rest() {
    let lines = report("listeners: [{ address: nowhere }]\n");
    let paths: Vec<&str> = lines
        .iter()
        .map(|l| l.split(": ").nth(1).unwrap_or_default())
        .collect();
    assert_eq!(
        paths,
        ["admin", "keys", "listeners[0].address"],
        "{lines:#?}"
    );
}

#[test]
fn settings_of_one_engine_are_refused_with_the_other() {
    let lines = report(&small_and(
        "store: { engine: redis, nodes: [\"http://secret:hunter2@x\"], deadline_ms: 0, path: x, key_prefix: \"a b\" }\n",
    ));
    assert_eq!(lines.len(), 4, "{lines:#?}");
    assert!(!lines.concat().contains("hunter2"), "{lines:#?}");
    assert_eq!(
        problem(&small_and("store: { engine: embedded, deadline_ms: 20 }\n")),
        "20:41: store.deadline_ms: expected only with `engine: redis`; the embedded store has `path`"
    );
}

#[test]
fn references_to_what_does_not_exist_are_named() {
    assert_eq!(
        problem(&small("upstream: crm", "upstream: billing")),
        "19:15: routes[0].upstream: expected a name of `upstreams` (crm), found \"billing\""
    );
    assert_eq!(
        problem(&small(
            "scopes: [contacts:read]",
            "scopes: [contacts:read, deals:read]"
        )),
        "18:29: routes[0].scopes[1]: expected a name of `scopes`, found \"deals:read\""
    );
    assert_eq!(
        problem(&small(
            "    upstream: crm\n",
            "    split: [{ upstream: crm, weight: 9 }, { upstream: billing, weight: 1 }]\n"
        )),
        "19:55: routes[0].split[1].upstream: expected a name of `upstreams` (crm), found \"billing\""
    );
    assert_eq!(
        problem(&small_and("default_plan: gold\n")),
        "20:15: default_plan: expected a name of `plans`: standard"
    );
    assert_eq!(
        problem(&small_and("maintenance: { upstreams: [crm, mail] }\n")),
        "20:33: maintenance.upstreams[1]: expected a name of `upstreams` (crm), found \"mail\""
    );
    assert_eq!(
        problem(&small_and(
            "events: [{ type: a.b, route: { method: POST, path: \"/v1/contacts/{id}\" } }]\n"
        )),
        "20:52: events[0].route.path: expected a route with POST and this path template"
    );
}

#[test]
fn routes_that_match_the_same_requests_are_refused() {
    let second = |route: &str| small_and(&format!("  - {{ upstream: crm, {route} }}\n"));
    assert_eq!(
        problem(&second(
            "methods: [PUT, GET], path: \"/v1/contacts/{other}\""
        )),
        "20:49: routes[1].path: expected a route that no other one overlaps: routes[0] has GET /v1/contacts/{id} already"
    );
    valid(&second("methods: [PUT], path: \"/v1/contacts/{other}\""));
    valid(&second("methods: [GET], path: /v1/contacts/mine"));
    valid(&second("methods: [GET], path: \"/v1/contacts/{*rest}\""));
    valid(&second(
        "methods: [GET], path: \"/v1/contacts/{id}\", hosts: [b.example.com]",
    ));
}

#[test]
fn a_cost_above_any_burst_is_refused() {
    let costs = |cost: u64, plans: &str| {
        small(
            "    upstream: crm\n",
            &format!("    upstream: crm\n    cost: {cost}\nplans: {plans}\n"),
        )
    };
    let plans = "{ standard: { rate: { requests: 1, burst: 10 } }, big: { rate: { requests: 1, burst: 50 }, account_rate: { requests: 1, burst: 8 } } }";
    valid(&costs(8, plans));
    assert_eq!(
        problem(&costs(9, plans)),
        "20:11: routes[0].cost: expected at most 8, which is plans.big.account_rate.burst: a bucket never holds more"
    );
}

#[test]
fn a_route_goes_to_one_upstream_or_to_shares_of_several() {
    let to = |target: &str| small("    upstream: crm\n", target);
    assert!(
        problem(&to("    cost: 1\n"))
            .contains("routes[0].upstream: missing; expected `upstream` or `split`")
    );
    assert!(
        problem(&to(
            "    upstream: crm\n    split: [{ upstream: crm, weight: 1 }]\n"
        ))
        .contains("routes[0].split: expected either `upstream` or `split`, not both")
    );
    assert!(
        problem(&to("    split: [{ upstream: crm, weight: 0 }]\n"))
            .contains("routes[0].split[0].weight: expected a whole number from 1")
    );
    assert!(
        problem(&to(
            "    split: [{ upstream: crm, weight: 1 }, { upstream: crm, weight: 1 }]\n"
        ))
        .contains("routes[0].split[1].upstream: expected each upstream once")
    );
}
