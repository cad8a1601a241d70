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

/// The code of a file without comments and without its tests.
fn code(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod ").unwrap_or(text.len());
    text[..end]
        .lines()
        .filter(|l| !l.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
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
    let allowed = [
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
        .filter(|n| !n.starts_with('.') && !allowed.contains(n))
        .collect();
    assert!(extra.is_empty(), "{extra:?}");
}
