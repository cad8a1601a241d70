//! Forms of settings that a schema cannot say: templates, tokens, peppers, patterns, addresses, event rules.

use super::*;

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
        ("log: { access: none }", "log.access: expected stdout"),
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
            "portal: { address: '127.0.0.1:1', title: '' }",
            "portal.title: expected",
        ),
        (
            "portal: { address: '127.0.0.1:1', title: ' x' }",
            "portal.title: expected 1 to 60 characters",
        ),
        (
            "portal: { address: '127.0.0.1:1', api_url: x }",
            "portal.api_url: expected a URL",
        ),
        (
            "portal: { address: '127.0.0.1:1', sign_in_url: 'javascript:x' }",
            "portal.sign_in_url: expected a URL",
        ),
        (
            "portal: { address: '127.0.0.1:1', demo_account: 'a b' }",
            "portal.demo_account: expected an account id",
        ),
        (
            "portal: { address: '0.0.0.0:1', demo_account: acct_demo }",
            "portal.demo_account: expected only where `address` is a loopback address",
        ),
        (
            "portal: { public_url: 'https://x', demo_account: acct_demo }",
            "portal.demo_account: expected only where `address` is a loopback address",
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
            "webhooks: { allowed_private_targets: [localhost, 'localhost:80'] }",
            "webhooks.allowed_private_targets[1]: expected a network",
        ),
        (
            "webhooks: { allowed_private_targets: ['*.internal'] }",
            "webhooks.allowed_private_targets[0]: expected a host name",
        ),
        (
            "webhooks: { allowed_private_targets: ['http://hooks.internal'] }",
            "webhooks.allowed_private_targets[0]: expected a network",
        ),
        (
            "webhooks: { allowed_private_targets: [10.1.1.1/8] }",
            "webhooks.allowed_private_targets[0]: expected no bits after the prefix",
        ),
        (
            "webhooks: { dns: { servers: [ns.example.com] } }",
            "webhooks.dns.servers[0]: expected an IP address",
        ),
        (
            "webhooks: { dns: { servers: ['10.0.0.2:0'] } }",
            "webhooks.dns.servers[0]: expected an IP address",
        ),
        (
            "webhooks: { dns: { timeout_ms: 99 } }",
            "webhooks.dns.timeout_ms: expected a whole number from 100",
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
            format!("type: key.expiring, {route}"),
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
        (
            format!("type: a.b, {route}, data: \" \""),
            "events[0].data: expected an expression",
        ),
        (
            format!("type: a.b, {route}, data: \"{}\"", "a".repeat(2049)),
            "events[0].data: expected text of 1 to 2048",
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

#[test]
fn data_is_checked_by_whoever_knows_the_language() {
    let yaml = small_and(
        "events: [{ type: a.b, route: { method: GET, path: \"/v1/contacts/{id}\" }, data: \" {'id': x} \" }]\n",
    );
    let config = valid(&yaml);
    assert_eq!(config.events[0].data.as_deref(), Some("{'id': x}"));
    let check = |data: &str| Err(format!("there is no x in {data:?}"));
    let options = LoadOptions {
        check_shape: Some(&check),
        ..LoadOptions::default()
    };
    let report = load_bytes(yaml.as_bytes(), Path::new("f.yaml"), &no_env, &options).map(|_| ());
    let said = report.unwrap_err().to_string();
    assert!(
        said.contains(
            "events[0].data: expected an expression that can be evaluated: there is no x in"
        ),
        "{said}"
    );
}
