//! Holds the portal's sources in order: pages reach an account's things by `own` alone, and write no style or raw markup.

use std::path::{Path, PathBuf};

use crate::support::checkout;

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    fn collect(dir: &Path, out: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                out.push((path, text));
            }
        }
    }
    let mut found = Vec::new();
    let root = checkout().join(folder);
    collect(&root, &mut found);
    found
}

#[test]
fn pages_reach_an_accounts_things_by_own_alone() {
    let services = [
        "state.keys",
        "state.webhooks",
        "state.replays",
        "state.simulator",
        "state.usage",
        "state.sessions",
        "state.accounts",
        "state.limiter",
        "state.store",
        "state.alerts",
    ];
    let mut wrong = Vec::new();
    for (path, text) in sources("src/web/portal") {
        let is_allowed = path.components().any(|c| {
            matches!(
                c.as_os_str().to_str(),
                Some("own" | "sign_in" | "state.rs" | "guard.rs")
            )
        });
        for service in services.iter().filter(|_| !is_allowed) {
            if text.contains(service) {
                wrong.push(format!("{}: {service}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pages_write_no_style_no_handler_and_no_raw_markup() {
    /// Those that write what they made themselves.
    const RAW: [&str; 3] = ["ui/icon.rs", "portal/chart/", "docs/markdown.rs"];
    let mut wrong = Vec::new();
    for folder in ["src/web/portal", "src/web/docs"] {
        for (path, text) in sources(folder) {
            let shown = path.display().to_string();
            let is_raw = RAW.iter().any(|r| shown.contains(r));
            for bad in [" style=", " onclick=", " onload=", "PreEscaped("] {
                if text.contains(bad) && !(is_raw && bad == "PreEscaped(") {
                    wrong.push(format!("{shown}: {bad}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
