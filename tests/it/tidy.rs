//! Holds the house in order: import directions, who may name which library, file sizes and opening sentences; never behaviour.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::checkout;

/// Lines over which a file fails; the aim is 250.
const MAX_LINES: usize = 500;

/// Layers from the bottom up, with what each may import besides itself.
const LAYERS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("config", &["base"]),
    ("observe", &["base", "config"]),
    ("accounts", &["base", "config", "observe"]),
    ("routing", &["base", "config", "observe"]),
    ("keys", &["base", "config", "observe"]),
    ("limits", &["base", "config", "observe"]),
    ("usage", &["base", "config", "observe"]),
    ("webhooks", &["base", "config", "observe"]),
    ("portal", &["base", "config", "observe"]),
    ("alerts", &["base", "config", "observe"]),
    ("store", BELOW_SHELLS),
    ("outbound", BELOW_SHELLS),
    ("proxy", BELOW_SHELLS),
    ("web", BELOW_SHELLS),
    ("sample", &["base"]),
    (
        "app",
        &[
            "base", "config", "observe", "accounts", "routing", "keys", "limits", "usage",
            "webhooks", "portal", "alerts", "store", "outbound", "proxy", "web", "sample",
        ],
    ),
    (
        "cli",
        &["base", "config", "observe", "webhooks", "app", "sample"],
    ),
];

const BELOW_SHELLS: &[&str] = &[
    "base", "config", "observe", "accounts", "routing", "keys", "limits", "usage", "webhooks",
    "portal", "alerts",
];

/// Libraries that only some layers may name.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("pingora", &["proxy", "app"]),
    ("rusqlite", &["store"]),
    ("axum", &["web", "sample", "cli", "app"]),
    ("reqwest", &["outbound", "cli"]),
    ("hickory_resolver", &["outbound"]),
    ("saphyr", &["config"]),
    ("cel", &["webhooks"]),
    ("maud", &["web"]),
    ("lettre", &["outbound"]),
    ("pulldown_cmark", &["web"]),
    ("hyper", &["web"]),
];

fn rust_files(dir: &Path, out: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

fn all_files() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for dir in ["src", "tests", "benches"] {
        rust_files(&checkout().join(dir), &mut files);
    }
    assert!(files.len() > 20, "the tree was not found");
    files
        .into_iter()
        .map(|p| {
            let text = fs::read_to_string(&p).unwrap();
            (p.strip_prefix(checkout()).unwrap().to_owned(), text)
        })
        .collect()
}

/// The layer of a file below `src/`, or `None` for `lib.rs` and `main.rs`.
fn layer(path: &Path) -> Option<String> {
    let mut parts = path.components().map(|c| c.as_os_str().to_string_lossy());
    (parts.next()? == "src").then_some(())?;
    let first = parts.next()?.into_owned();
    parts.next().map(|_| first)
}

/// The code of a file without comments and without its tests, which stand at its end, before more code or in a file of
/// their own.
fn code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line == "#[cfg(test)]" {
            let item = lines.find(|l| !l.starts_with("#[")).unwrap_or("");
            if !item.ends_with(';') {
                lines.find(|l| *l == "}");
            }
        } else if !line.trim_start().starts_with("//") {
            code.push_str(line);
            code.push('\n');
        }
    }
    code
}

fn is_test_file(path: &Path) -> bool {
    path.components().any(|c| {
        matches!(
            c.as_os_str().to_str(),
            Some("tests" | "tests.rs" | "testing" | "testing.rs")
        )
    })
}

/// The names that follow `crate::` in a text, groups like `crate::{a, b::c}` opened.
fn imported(code: &str) -> Vec<String> {
    let word = |s: &str| -> String {
        s.trim_start()
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect()
    };
    let mut names = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let Some(group) = rest.strip_prefix('{') else {
            names.push(word(rest));
            continue;
        };
        let mut depth = 0_i32;
        let mut start = 0;
        for (i, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => {
                    names.push(word(&group[start..i]));
                    break;
                }
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    names.push(word(&group[start..i]));
                    start = i + 1;
                }
                _ => {}
            }
        }
    }
    names.retain(|n| !n.is_empty());
    names
}

#[test]
fn imports_go_one_way() {
    let mut wrong = Vec::new();
    for (path, text) in all_files() {
        let Some(layer) = layer(&path) else { continue };
        if is_test_file(&path) {
            continue;
        }
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == layer) else {
            wrong.push(format!("{}: no layer of this name", path.display()));
            continue;
        };
        for name in imported(&code(&text)) {
            if name != layer && LAYERS.iter().any(|(l, _)| *l == name) && !allowed.contains(&&*name)
            {
                wrong.push(format!("{}: {layer} imports {name}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn libraries_are_named_only_where_they_belong() {
    let mut wrong = Vec::new();
    for (path, text) in all_files() {
        let Some(layer) = layer(&path) else { continue };
        if is_test_file(&path) {
            continue;
        }
        let code = code(&text);
        for (library, layers) in LIBRARIES {
            let named = code.contains(&format!("use {library}::"))
                || code.contains(&format!(" {library}::"))
                || code.contains(&format!("({library}::"))
                || code.contains(&format!("<{library}::"))
                || *library == "pingora" && code.contains("use pingora_");
            if named && !layers.contains(&&*layer) {
                wrong.push(format!("{}: {layer} names {library}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_say_what_they_hold_and_stay_small() {
    let mut wrong = Vec::new();
    for (path, text) in all_files() {
        let first = text.lines().next().unwrap_or("");
        if !first.starts_with("//! ") || !first.ends_with('.') {
            wrong.push(format!("{}: opens without a sentence", path.display()));
        }
        let lines = text.lines().count();
        if lines > MAX_LINES {
            wrong.push(format!("{}: {lines} lines", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn main_only_dispatches() {
    let text = fs::read_to_string(checkout().join("src/main.rs")).unwrap();
    assert!(text.lines().count() <= 40);
}

#[test]
fn the_top_level_holds_what_it_should_and_nothing_else() {
    let wanted = [
        "Cargo.toml",
        "Cargo.lock",
        "src",
        "conf",
        "tests",
        "benches",
        "deploy",
        "README.md",
        "LICENSE",
    ];
    let out = std::process::Command::new("git")
        .args(["ls-tree", "--name-only", "HEAD"])
        .current_dir(checkout())
        .output()
        .unwrap();
    let names = String::from_utf8(out.stdout).unwrap();
    let extra: Vec<_> = names
        .lines()
        .filter(|n| !n.starts_with('.') && !wanted.contains(n))
        .collect();
    assert!(extra.is_empty(), "{extra:?}");
    for name in wanted {
        assert!(names.lines().any(|n| n == name), "{name} is missing");
    }
}

#[test]
fn a_files_code_is_all_that_is_no_test() {
    let text = "use a;\n#[cfg(test)]\nmod tests;\n// no\nuse b;\n#[cfg(test)]\n#[path = \"x.rs\"]\nmod x;\n\
        #[cfg(test)]\nmod inline {\n    use c;\n    fn f() {\n    }\n}\nuse d;\n";
    assert_eq!(code(text), "use a;\nuse b;\nuse d;\n");
}

#[test]
fn the_package_is_built_as_it_must_be() {
    let text = fs::read_to_string(checkout().join("Cargo.toml")).unwrap();
    for (section, line) in [
        ("package", "edition = \"2024\""),
        ("package", "license = \"Apache-2.0\""),
        ("profile.release", "lto = \"fat\""),
        ("profile.release", "codegen-units = 1"),
        ("lints.rust", "unsafe_code = \"forbid\""),
        ("lints.rust", "missing_docs = \"deny\""),
        ("lints.clippy", "unwrap_used = \"deny\""),
        ("lints.clippy", "expect_used = \"deny\""),
        ("lints.clippy", "todo = \"deny\""),
        ("lints.clippy", "dbg_macro = \"deny\""),
        ("lints.clippy", "panic = \"deny\""),
        ("lints.clippy", "await_holding_lock = \"deny\""),
    ] {
        let mut within = text
            .lines()
            .skip_while(|l| *l != format!("[{section}]"))
            .skip(1)
            .take_while(|l| !l.starts_with('['));
        assert!(within.any(|l| l == line), "[{section}] without {line}");
    }
    let main = fs::read_to_string(checkout().join("src/main.rs")).unwrap();
    assert!(
        main.contains("static ALLOCATOR: mimalloc::MiMalloc"),
        "{main}"
    );
}
