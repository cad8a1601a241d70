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
fn what_a_later_version_brings_is_validated_and_refused() {
    assert_eq!(
        problem(&small_and("limits: { lease: { mode: strict } }\n")),
        "20:26: limits.lease.mode: strict is not available yet; expected shared"
    );
    assert_eq!(
        problem(&small_and(
            "store: { engine: redis, nodes: [\"redis://127.0.0.1:6379\"], cluster: false, key_prefix: fg, sentinel: null, tls: null, deadline_ms: 20 }\n"
        )),
        "20:18: store.engine: redis is not available yet; expected embedded"
    );
    let lines = report(&small_and(
        "store: { engine: redis, nodes: [\"http://secret:hunter2@x\"], deadline_ms: 0, path: x, key_prefix: \"a b\" }\n",
    ));
    assert_eq!(lines.len(), 5, "{lines:#?}");
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

#[test]
fn templates_and_rewrites_are_checked() {
    let path = |p: &str| problem(&small("/v1/contacts/{id}", &format!("{p:?}")));
    let says = |p: &str, what: &str| {
        let line = path(p);
        assert!(
            line.starts_with("16:11: routes[0].path: ") && line.contains(what),
            "{line}"
        );
    };
    says("v1", "begins with /");
    says("/a//b", "no empty segment");
    says("/a/../b", "no segment ..");
    says("/{a}/{a}", "each name once");
    says("/{*a}/b", "at the end");
    says("/a{b}", "whole segment");
    says("/{}", "a name of letters");
    says("/{a b}", "a name of letters");
    says("/a?b", "letters, digits");
    says("/%61", "letters, digits");
    says("/.well-known/fuelgate/key", "the gateway's own");
    let rewrite = |r: &str| {
        small(
            "    upstream: crm\n",
            &format!("    upstream: crm\n    rewrite: {r}\n"),
        )
    };
    assert_eq!(
        problem(&rewrite("/api/{name}")),
        "20:14: routes[0].rewrite: expected names of the route's path, found {name}"
    );
    let config = valid(&rewrite("/api/{id}/full"));
    assert_eq!(
        format!("{:?}", config.routes[0].rewrite),
        "Some(Rewrite { parts: [Literal(\"/api/\"), Param(\"id\"), Literal(\"/full\")] })"
    );
}

#[test]
fn admin_tokens_are_one_or_named_and_never_empty() {
    let admin = |lines: &str| problem(&small("  token: admin-token\n", lines));
    assert!(admin("").starts_with("3:1: admin.token: missing;"));
    assert!(admin("  token: \"\"\n").contains("admin.token: expected a token of printable ASCII"));
    assert!(admin("  tokens: []\n").contains("admin.tokens: expected at least one token"));
    let named =
        |sha: &str| format!("  tokens: [{{ name: a, sha256: \"{sha}\", permissions: [keys] }}]\n");
    assert!(
        admin(&named("xyz"))
            .contains("admin.tokens[0].sha256: expected the SHA-256 of the token as 64 hex digits")
    );
    let of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert!(admin(&named(of_nothing)).contains("found that of nothing"));
    let both = format!("  token: x\n{}", named(&"ab".repeat(32)));
    assert!(admin(&both).contains("admin.tokens: expected either `token` or `tokens`, not both"));
    assert!(
        admin(&named(&"ab".repeat(32)).replace("[keys]", "[]"))
            .contains("admin.tokens[0].permissions: expected a list that is not empty")
    );
}

#[test]
fn peppers_are_needed_long_and_distinct() {
    let peppers = |list: &str| {
        small(
            "  peppers:\n    - { id: p1, secret: 0123456789abcdef }\n",
            &format!("  peppers: {list}\n"),
        )
    };
    assert!(
        problem(&peppers("[]")).starts_with("7:12: keys.peppers: expected at least one pepper")
    );
    let short = problem(&peppers("[{ id: p1, secret: 0123456789abcde }]"));
    assert!(
        short.contains("keys.peppers[0].secret: expected at least 16 bytes"),
        "{short}"
    );
    assert!(!short.contains("0123456789abcde"), "{short}");
    let twice = "[{ id: p1, secret: 0123456789abcdef }, { id: p1, secret: 0123456789abcdeg }]";
    assert!(
        problem(&peppers(twice))
            .contains("keys.peppers[1].id: expected an id that no other pepper has")
    );
    let options = LoadOptions {
        allow_empty_peppers: true,
        ..LoadOptions::default()
    };
    let config = load_bytes(
        peppers("[]").as_bytes(),
        Path::new("f.yaml"),
        &no_env,
        &options,
    );
    assert!(config.is_ok_and(|c| c.keys.peppers.is_empty()));
}

#[test]
fn a_secret_that_yaml_takes_for_a_number_is_not_repeated() {
    let line = problem(&small(
        "secret: 0123456789abcdef",
        "secret: 1234567890123456",
    ));
    assert_eq!(
        line,
        "8:25: keys.peppers[0].secret: expected text; write it in quotes"
    );
}

#[test]
fn legacy_patterns_are_anchored_and_bounded() {
    let legacy = |pattern: &str| {
        small(
            "  peppers:",
            &format!("  legacy: [{{ pattern: '{pattern}', hash: sha256 }}]\n  peppers:"),
        )
    };
    let config = valid(&legacy("^old_a|b$"));
    let pattern = &config.keys.legacy[0].pattern;
    assert!(pattern.is_match("b") && pattern.is_match("old_a"));
    assert!(!pattern.is_match("xb") && !pattern.is_match("old_ab"));
    for bad in [
        "old",
        "^old",
        "^old\\$",
        "^(old$",
        "^(?:(?:a{1000}){1000}){1000}$",
        "^.*$",
    ] {
        let line = problem(&legacy(bad));
        assert!(
            line.starts_with("7:23: keys.legacy[0].pattern: expected a"),
            "{line}"
        );
    }
}

#[test]
fn forms_of_small_settings_are_checked() {
    let line = |more: &str| problem(&small_and(more));
    for (more, path) in [
        (
            "trusted_proxies: [10.0.0.0/33]",
            "trusted_proxies[0]: expected a network",
        ),
        (
            "trusted_proxies: [10.0.0.1/8]",
            "trusted_proxies[0]: expected no bits after the prefix: 10.0.0.0/8",
        ),
        ("realm: 'a\"b'", "realm: expected printable ASCII"),
        ("realm: \"\"", "realm: expected text of 1 to 100 characters"),
        (
            "ceilings: { uri_bytes: 8192, header_bytes: 4096 }",
            "ceilings.uri_bytes: expected less than ceilings.header_bytes",
        ),
        (
            "ceilings: { header_fields: 100000 }",
            "ceilings.header_fields: expected a whole number from 8 to 256",
        ),
        ("log: { access: \"\" }", "log.access: expected stdout"),
        (
            "status: { address: 127.0.0.1:8082 }",
            "status.address: expected an address of its own, admin.address has this one",
        ),
        (
            "status: { address: \":9464\" }",
            "status.address: expected an IP address and a port",
        ),
        (
            "portal: { public_url: ftp://x }",
            "portal.public_url: expected a URL",
        ),
        (
            "portal: { public_url: 'https://a:b@x' }",
            "portal.public_url: expected a URL without a user",
        ),
        (
            "portal: {}",
            "portal.public_url: missing; expected `public_url` or `address`",
        ),
        (
            "webhooks: { retention_days: 0 }",
            "webhooks.retention_days: expected a whole number from 1",
        ),
        (
            "webhooks: { allowed_private_targets: [localhost] }",
            "webhooks.allowed_private_targets[0]: expected a network",
        ),
        (
            "plans: { standard: { rate: { requests: 1, burst: 1 }, quotas: { hour: 10, month: 5 } } }",
            "plans.standard.quotas.hour: expected no more than the quota of a month",
        ),
        ("plans: {}", "plans: expected"),
        (
            "listeners: [{ address: 127.0.0.1:1 }]",
            "listeners: expected each setting once; it is on line 1 already",
        ),
    ] {
        let line = line(&format!("{more}\n"));
        assert!(line.contains(&format!(": {path}")), "{more}: {line}");
    }
    let route = |more: &str| {
        problem(&small(
            "    upstream: crm\n",
            &format!("    upstream: crm\n    {more}\n"),
        ))
    };
    for (more, path) in [
        (
            "hosts: [\"api.example.com:80\"]",
            "routes[0].hosts[0]: expected a host name",
        ),
        (
            "hosts: [\"*.example.com\"]",
            "routes[0].hosts[0]: expected a host name",
        ),
        (
            "hosts: [a.example.com, A.example.com]",
            "routes[0].hosts[1]: expected each host once",
        ),
        (
            "deprecated: { since: yesterday }",
            "routes[0].deprecated.since: expected a date",
        ),
        (
            "deprecated: { since: 2026-12-01, sunset: 2026-11-30 }",
            "routes[0].deprecated.sunset: expected an instant that is not before",
        ),
        (
            "deprecated: { since: 2026-12-01, link: nowhere }",
            "routes[0].deprecated.link: expected a URL",
        ),
        ("auth: none", "routes[0].scopes: expected none"),
    ] {
        let line = route(more);
        assert!(line.contains(&format!(": {path}")), "{more}: {line}");
    }
    let keys = |more: &str| problem(&small("keys:\n", &format!("keys:\n  {more}\n")));
    for (more, path) in [
        ("prefix: lf-live", "keys.prefix: expected"),
        ("prefix: _lf", "keys.prefix: expected"),
        ("deny: [key_1]", "keys.deny[0]: expected a key's id"),
        (
            "cache: { max_stale_seconds: 1 }",
            "keys.cache.max_stale_seconds: expected at least keys.cache.max_age_seconds",
        ),
        (
            "cache: { capacity: 0 }",
            "keys.cache.capacity: expected a whole number from 1",
        ),
    ] {
        let line = keys(more);
        assert!(line.contains(&format!(": {path}")), "{more}: {line}");
    }
    for address in [
        "crm",
        "crm:0",
        "crm:65536",
        "http://crm:80",
        "[::1]",
        "a b:80",
        "999.1.1.1:80",
    ] {
        let line = problem(&small("127.0.0.1:9000", &format!("{address:?}")));
        assert!(
            line.contains("upstreams.crm.targets[0].address: expected a host and a port"),
            "{line}"
        );
    }
}

#[test]
fn event_rules_are_checked() {
    let rule = |e: &str| small_and(&format!("events: [{{ {e} }}]\n"));
    let route = "route: { method: GET, path: \"/v1/contacts/{x}\" }";
    for (more, path) in [
        (
            format!("type: Contact.created, {route}"),
            "events[0].type: expected lower-case words",
        ),
        (
            format!("type: created, {route}"),
            "events[0].type: expected lower-case words",
        ),
        (
            format!("type: webhook.test, {route}"),
            "events[0].type: expected another type",
        ),
        (
            format!("type: a.b, {route}, status: [404]"),
            "events[0].status[0]: expected a whole number from 200 to 299",
        ),
        (
            format!("type: a.b, {route}, status: []"),
            "events[0].status: expected a list that is not empty",
        ),
        (
            format!("type: a.b, {route}, when: \"\""),
            "events[0].when: expected a condition",
        ),
    ] {
        let line = problem(&rule(&more));
        assert!(line.contains(&format!(": {path}")), "{more}: {line}");
    }
    let config = valid(&rule(&format!("type: a.b, {route}, when: ' true '")));
    assert_eq!(
        (config.events[0].when.clone(), config.events[0].status.len()),
        (None, 100)
    );
    assert_eq!(config.routes[0].events, [0]);
    let open = small("    scopes: [contacts:read]\n", "    auth: passthrough\n");
    let line = problem(&format!("{open}events: [{{ type: a.b, {route} }}]\n"));
    assert!(
        line.contains("an event belongs to the key's account"),
        "{line}"
    );
}

#[test]
fn conditions_are_checked_by_whoever_knows_the_language() {
    let yaml = small_and(
        "events: [{ type: a.b, route: { method: GET, path: \"/v1/contacts/{id}\" }, when: 'x > ' }]\n",
    );
    valid(&yaml);
    let check = |when: &str| Err(format!("cannot parse {when:?}"));
    let options = LoadOptions {
        check_condition: Some(&check),
        ..LoadOptions::default()
    };
    let report = load_bytes(yaml.as_bytes(), Path::new("f.yaml"), &no_env, &options).map(|_| ());
    assert_eq!(
        report.unwrap_err().to_string(),
        "f.yaml:20:80: events[0].when: expected a condition that can be evaluated: cannot parse \"x >\""
    );
}
