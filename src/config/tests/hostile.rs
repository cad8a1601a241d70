//! Files that are no configuration: each gets a sentence and a place, and none a panic or an endless load.

use proptest::prelude::*;

use super::*;

fn bytes(bytes: &[u8]) -> String {
    load_bytes(bytes, Path::new("f.yaml"), &no_env, &LoadOptions::default())
        .map(|_| ())
        .unwrap_err()
        .to_string()
}

#[test]
fn an_empty_file_is_called_empty() {
    for empty in ["", "\n\n", "# nothing\n", "---\n", "\u{feff}", "null\n"] {
        let line = bytes(empty.as_bytes());
        assert!(
            line.contains("the file is empty; expected settings"),
            "{empty:?}: {line}"
        );
    }
}

#[test]
fn text_of_another_encoding_says_where_it_stops_being_utf_8() {
    assert_eq!(
        bytes(b"realm: crm\nlog: caf\xe9\n"),
        "f.yaml:2:9: expected UTF-8 text: save the file as UTF-8"
    );
    assert_eq!(
        bytes(b"a: b\0c"),
        "f.yaml:1:5: expected text, found a NUL character: is this a binary file?"
    );
}

#[test]
fn tabs_are_named() {
    let line = bytes(b"admin:\n\ttoken: x\n");
    assert!(
        line.contains("expected spaces: YAML does not allow tabs"),
        "{line}"
    );
    let line = bytes(b"admin:\n  a: 1\n\tb: 2\n");
    assert!(
        line.contains("expected spaces: YAML does not allow tabs"),
        "{line}"
    );
}

#[test]
fn syntax_errors_have_a_place() {
    let line = bytes(b"admin: {\nkeys: [1\n");
    assert!(
        line.starts_with("f.yaml:") && line.contains("not valid YAML"),
        "{line}"
    );
    let line = bytes(b"admin: x: y\n");
    assert!(line.starts_with("f.yaml:1:"), "{line}");
}

#[test]
fn repeated_settings_are_all_named() {
    let text = format!(
        "{SMALL}realm: a\nrealm: b\nplans: {{ standard: {{ rate: {{ requests: 1, burst: 1, burst: 2 }} }} }}\n"
    );
    let lines = report(&text);
    assert_eq!(
        lines,
        [
            "f.yaml:21:1: realm: expected each setting once; it is on line 20 already",
            "f.yaml:22:53: plans.standard.rate.burst: expected each setting once; it is on line 22 already",
        ]
    );
}

#[test]
fn other_documents_tags_and_merge_keys_are_refused() {
    assert!(bytes(b"a: 1\n---\nb: 2\n").contains("one file holds one YAML document"));
    assert!(bytes(b"a: !secret 1\n").contains("expected a value without a tag"));
    assert!(bytes(b"a: &x {b: 1}\nc: {<<: *x}\n").contains("merge keys (<<) are not supported"));
    assert!(bytes(b"[1]: 2\n").contains("expected a name before the colon"));
}

#[test]
fn a_file_that_is_no_mapping_is_refused() {
    for text in ["- a\n", "hello\n", "7\n"] {
        let line = bytes(text.as_bytes());
        assert!(
            line.starts_with("f.yaml:1:1: expected a mapping with listeners"),
            "{line}"
        );
    }
}

#[test]
fn aliases_repeat_values_but_not_millions_of_them() {
    let yaml =
        small_and("plans:\n  standard: &p { rate: { requests: 1, burst: 5 } }\n  other: *p\n");
    assert_eq!(valid(&yaml).plans["other"].rate.burst, 5);
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..12 {
        let list = vec![format!("*a{}", i - 1); 10].join(", ");
        bomb += &format!("a{i}: &a{i} [{list}]\n");
    }
    let started = std::time::Instant::now();
    assert!(bytes(bomb.as_bytes()).contains("what aliases repeat included"));
    assert!(started.elapsed() < std::time::Duration::from_secs(5));
    assert!(bytes(b"a: &a [*a]\n").starts_with("f.yaml:1:"));
}

#[test]
fn depth_and_size_have_ceilings() {
    let deep = format!("a: {}", "[".repeat(100_000));
    let line = bytes(deep.as_bytes());
    assert!(line.contains("inside each other"), "{line}");
    let block: String = (0..200).map(|i| format!("{}a:\n", " ".repeat(i))).collect();
    assert!(bytes(block.as_bytes()).contains("inside each other"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("big.yaml");
    std::fs::write(&file, "#".repeat(4_194_305)).unwrap();
    let line = load(&file, &no_env).map(|_| ()).unwrap_err().to_string();
    assert!(
        line.ends_with(
            "big.yaml:1:1: expected a configuration file: it is larger than 4194304 bytes"
        ),
        "{line}"
    );
    let line = load(folder.path(), &no_env)
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(line.ends_with("it is a folder"), "{line}");
    let line = load(&folder.path().join("none.yaml"), &no_env)
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(line.ends_with("there is no such file"), "{line}");
}

#[test]
fn an_unknown_setting_with_a_long_name_costs_no_time() {
    let line = bytes(small_and(&format!("{}: 1\n", "x".repeat(900))).as_bytes());
    assert!(line.contains("unknown setting; expected one of"), "{line}");
}

#[test]
fn large_files_are_refused_or_loaded_in_a_bounded_time() {
    let started = std::time::Instant::now();
    let many = |line: &dyn Fn(usize) -> String| (0..2_000).map(line).collect::<String>();
    let unknown = small_and(&many(&|i| format!("x{i}: 1\n")));
    let report = text(&unknown).map(|_| ()).unwrap_err();
    assert_eq!(report.problems.len(), MAX_PROBLEMS);
    assert_eq!(report.omitted, 2_000 - MAX_PROBLEMS);
    assert!(report.to_string().ends_with("\nand 1500 more"));
    let repeated = small_and(&many(&|_| "realm: 1\n".to_owned()));
    let report = text(&repeated).map(|_| ()).unwrap_err();
    assert_eq!(
        (report.problems.len(), report.omitted),
        (MAX_PROBLEMS, 1_499)
    );
    let routes =
        (0..2_000).map(|i| format!("  - {{ path: /r{i}, methods: [POST], upstream: crm }}\n"));
    let events = (0..2_000)
        .map(|i| format!("  - {{ type: a.b, route: {{ method: POST, path: /r{i} }} }}\n"));
    let full = small_and(&format!(
        "{}events:\n{}",
        routes.collect::<String>(),
        events.collect::<String>()
    ));
    assert_eq!(valid(&full).routes[2_000].events, [1_999]);
    assert!(
        started.elapsed() < std::time::Duration::from_secs(60),
        "{:?}",
        started.elapsed()
    );
}

/// Pieces that make texts that look like configuration, so that random ones get past the parser.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "listeners",
        "admin",
        "keys",
        "peppers",
        "routes",
        "plans",
        "upstreams",
        "events",
        "path",
        "methods",
        "split",
        "store",
        "apis",
        "scopes",
        "tls",
        ": ",
        ":\n",
        "\n",
        "\n  ",
        "\n    ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        ", ",
        "\"",
        "'",
        "&a ",
        "*a",
        "${X}",
        "${X:-1}",
        "${",
        "$${",
        "null",
        "true",
        "-1",
        "1e9",
        "0x1F",
        "!!str ",
        "!x ",
        "|\n  ",
        ">-\n  ",
        "\t",
        "#",
        "? ",
        "%YAML 1.2\n",
        "---\n",
        "...\n",
        "é",
        "\u{feff}",
        "/{a}/{*b}",
        "^a$",
        "127.0.0.1:1",
        "<<",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|p| p.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic(input in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = load_bytes(&input, Path::new("f.yaml"), &no_env, &LoadOptions::default());
    }

    #[test]
    fn no_likely_text_makes_it_panic(input in pieces()) {
        let env = |name: &str| (name == "X").then(|| "[1".to_owned());
        let _ = load_bytes(input.as_bytes(), Path::new("f.yaml"), &env, &LoadOptions::default());
    }

    /// Any change of one stretch of a valid file either loads or is reported inside the file.
    #[test]
    fn every_problem_lies_inside_the_file(at in 0..SMALL.len(), len in 0..30_usize, by in pieces()) {
        let end = (at + len).min(SMALL.len());
        let changed = format!("{}{by}{}", &SMALL[..at], &SMALL[end..]);
        let env = |_: &str| Some("x".to_owned());
        let lines = changed.lines().count() + 1;
        if let Err(report) = load_bytes(changed.as_bytes(), Path::new("f.yaml"), &env, &LoadOptions::default()) {
            prop_assert!(!report.problems.is_empty());
            for p in &report.problems {
                prop_assert!((1..=lines).contains(&p.line), "{p} of {lines} lines");
                prop_assert!(p.column >= 1 && !p.message.is_empty());
            }
        }
    }
}
