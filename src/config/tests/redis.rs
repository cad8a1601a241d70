//! What may be said of a store in Redis, and what is said about it that is wrong.

use super::*;
use crate::config::model::{LeaseMode, Store};

/// The problems with `store: { engine: redis, … }`, without file, line and column.
fn problems(store: &str) -> Vec<String> {
    let Err(report) = text(&small_and(&format!(
        "store: {{ engine: redis, {store} }}\n"
    ))) else {
        return Vec::new();
    };
    let report = report.to_string();
    let short = report.lines().map(|l| {
        l.splitn(4, ':')
            .nth(3)
            .unwrap_or_default()
            .trim()
            .to_owned()
    });
    short.collect()
}

#[test]
fn what_is_left_out_has_its_default() {
    let config = valid(&small_and(
        "store: { engine: redis, nodes: [\"redis://a\"] }\nlimits: { lease: { mode: strict } }\n",
    ));
    let Store::Redis(store) = &config.store else {
        panic!("{:?}", config.store)
    };
    assert_eq!((&*store.key_prefix, store.cluster), ("fg", false));
    assert_eq!(store.deadline, std::time::Duration::from_millis(20));
    assert_eq!(config.limits.lease, LeaseMode::Strict);
}

fn nodes(urls: &[&str], more: &str) -> Vec<String> {
    let urls: Vec<String> = urls.iter().map(|u| format!("\"{u}\"")).collect();
    problems(&format!("nodes: [{}]{more}", urls.join(", ")))
}

#[test]
fn every_form_of_a_url_is_taken() {
    for url in [
        "redis://127.0.0.1:6379",
        "redis://redis",
        "rediss://redis.internal:6380/",
        "redis://[::1]",
        "redis://[::1]:6379/3",
        "redis://:p%40ss%2Fword@a.b",
        "redis://edge:secret@a.b:1/15",
    ] {
        assert_eq!(nodes(&[url], ""), Vec::<String>::new(), "{url}");
    }
}

#[test]
fn a_url_that_is_none_is_named_and_never_shown() {
    let url = "store.nodes[0]: expected a URL such as redis://127.0.0.1:6379 or rediss://…";
    for (wrong, expected) in [
        ("http://hunter2@a", url),
        ("hunter2", url),
        ("redis://", url),
        ("redis://:hunter2@a:port", url),
        ("redis://:hunter2@a:0", url),
        ("redis://:hunter2@a:+1", url),
        (
            "redis://:hunter2@a b",
            "store.nodes[0]: expected a URL without #",
        ),
        (
            "redis://:hunter2@a/0#insecure",
            "store.nodes[0]: expected a URL without #",
        ),
        (
            "redis://:hunter2@a/?protocol=2",
            "store.nodes[0]: expected a URL without #",
        ),
        ("redis://:hunter2@a/db", url),
        ("redis://:hunter2@a/99999999999", url),
        ("redis://:hunter2@0.0.0.0", url),
        // A slash in a password begins the database.
        ("redis://:hun/ter2@a", url),
        (
            "redis://hunter2@a",
            "store.nodes[0]: expected a password after the user",
        ),
        (
            "redis://hunter2:@a",
            "store.nodes[0]: expected a password after the user",
        ),
        (
            "redis://:hunter2%4@a",
            "store.nodes[0]: expected % in a user or password",
        ),
        (
            "redis://:hunter2%ff@a",
            "store.nodes[0]: expected % in a user or password",
        ),
    ] {
        let found = nodes(&[wrong], "");
        assert_eq!(found.len(), 1, "{wrong}: {found:#?}");
        assert!(found[0].starts_with(expected), "{wrong}: {found:#?}");
        assert!(
            !found[0].contains("hunter2") && !found[0].contains("ter2"),
            "{found:#?}"
        );
    }
}

#[test]
fn several_nodes_need_a_cluster_or_sentinels() {
    let two = ["redis://a", "redis://b"];
    assert_eq!(
        nodes(&two, ""),
        [
            "store.nodes[1]: expected one URL, or `cluster: true`, or `sentinel` with the master's name"
        ]
    );
    assert!(nodes(&two, ", cluster: true").is_empty());
    assert!(nodes(&two, ", sentinel: { master: edge }").is_empty());
    assert_eq!(
        nodes(&two, ", cluster: true, sentinel: { master: edge }"),
        ["store.sentinel: expected either a cluster or sentinels, not both"]
    );
    assert!(nodes(&[], "")[0].starts_with("store.nodes: missing; expected at least one URL"));
    assert!(
        nodes(&["redis://a"], ", sentinel: { master: \"\" }")[0].contains("store.sentinel.master")
    );
}

#[test]
fn nodes_that_do_not_belong_together_are_refused() {
    let cluster = |urls: &[&str]| nodes(urls, ", cluster: true");
    for (urls, expected) in [
        (
            ["redis://a", "rediss://b"],
            "expected redis:// in all of them, or rediss://",
        ),
        (
            ["redis://a", "redis://a:6379"],
            "expected each address once",
        ),
        (
            ["redis://:x@a", "redis://b"],
            "expected the user, password and database of the first one",
        ),
        (
            ["redis://u:x@a", "redis://v:x@b"],
            "expected the user, password and database of the first one",
        ),
    ] {
        let found = cluster(&urls);
        assert_eq!(found.len(), 1, "{urls:?}: {found:#?}");
        assert!(
            found[0].starts_with(&format!("store.nodes[1]: {expected}")),
            "{found:#?}"
        );
    }
    assert_eq!(
        cluster(&["redis://a/1"]),
        ["store.nodes[0]: expected no database: a cluster has only one"]
    );
    assert!(
        nodes(&["redis://a/1", "redis://b/2"], ", sentinel: { master: m }")[0]
            .contains("database of the first")
    );
}

#[test]
fn certificates_need_tls_and_their_files() {
    assert_eq!(
        nodes(&["redis://a"], ", tls: {}"),
        ["store.tls: expected rediss:// in `nodes`; redis:// has no TLS"]
    );
    assert!(nodes(&["rediss://a"], ", tls: {}").is_empty());
    let found = nodes(
        &["rediss://a"],
        ", tls: { ca: gone.crt, certificate: gone.crt }",
    );
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(
        found[0].starts_with("store.tls.ca: expected a PEM file with certificates at gone.crt")
    );
    assert!(found[1].starts_with("store.tls.certificate: expected `private_key` beside it"));
}

#[test]
fn a_client_certificate_has_its_own_key() {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<String> = (0..2)
        .flat_map(|n| {
            let made = rcgen::generate_simple_self_signed(["edge".to_owned()]).unwrap();
            let files = [
                (format!("{n}.crt"), made.cert.pem()),
                (format!("{n}.key"), made.signing_key.serialize_pem()),
            ];
            files.map(|(name, text)| {
                let file = folder.path().join(name);
                std::fs::write(&file, text).unwrap();
                file.display().to_string()
            })
        })
        .collect();
    let client = |certificate: &str, key: &str| {
        let more = format!(", tls: {{ certificate: \"{certificate}\", private_key: \"{key}\" }}");
        nodes(&["rediss://a"], &more)
    };
    assert!(client(&files[0], &files[1]).is_empty());
    assert_eq!(
        client(&files[0], &files[3]),
        ["store.tls.private_key: expected the private key of the certificate, found another"]
    );
}

#[test]
fn deadlines_and_prefixes_have_bounds() {
    for deadline in ["0", "1001", "fast"] {
        let found = nodes(&["redis://a"], &format!(", deadline_ms: {deadline}"));
        assert!(
            found[0].starts_with("store.deadline_ms: expected a whole number from 1 to 1000"),
            "{found:#?}"
        );
    }
    for prefix in ["\"\"", "\"a b\"", "\"a{b}\"", "a:b", &"x".repeat(33)] {
        let found = nodes(&["redis://a"], &format!(", key_prefix: {prefix}"));
        assert!(
            found[0].starts_with("store.key_prefix: expected 1 to 32 letters"),
            "{prefix}: {found:#?}"
        );
    }
    assert!(
        nodes(
            &["redis://a"],
            ", deadline_ms: 1000, key_prefix: edge-1_a.b"
        )
        .is_empty()
    );
}
