//! The samples of every operation as their readers run them, against the built gateway and the sample CRM; never changed before they run.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::html::{block, slug_of};
use crate::support::portal::{Portal, Visitor};
use crate::support::programs::python_path;

/// Runs all samples of a language in one process, which prints a line for each: the status that its call got.
const CURL: &str = r#"
curl() { command curl --silent --show-error --output /dev/null --write-out '%{http_code}\n' "$@"; }
"#;
const PYTHON: &str = r#"
import contextlib, io, json, sys, requests
got, send = [], requests.Session.request
def request(*args, **options):
    response = send(*args, **options)
    got.append(response.status_code)
    return response
requests.Session.request = request
for code in json.load(sys.stdin):
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(code, "sample", "exec"), {"__name__": "__main__"})
    assert len(got) == 1 and said.getvalue().strip(), code
    print(got.pop())
"#;
const JAVASCRIPT: &str = r#"
let text = '';
for await (const part of process.stdin) text += part;
const [send, log] = [globalThis.fetch, console.log];
for (const code of JSON.parse(text)) {
  const got = [], said = [];
  globalThis.fetch = async (...all) => { const r = await send(...all); got.push(r.status); return r; };
  console.log = (...all) => said.push(all);
  await import(`data:text/javascript,${encodeURIComponent(code)}`);
  console.log = log;
  if (got.length !== 1 || said.length !== 1) throw new Error(code);
  console.log(got[0]);
}
"#;
const PHP: &str = r#"<?php
foreach (json_decode(stream_get_contents(STDIN)) as $code) {
    ob_start();
    $line = (function () use ($code) { eval('?>' . $code); return $http_response_header[0]; })();
    $said = ob_get_clean();
    if (!str_starts_with($said, $line)) { exit($code); }
    echo explode(' ', $line)[1], "\n";
}
"#;

/// The operations of the API in the order in which each finds what it needs, with the status of its success.
fn operations(document: &Value) -> Vec<(String, u16)> {
    let mut all = Vec::new();
    for item in document["paths"].as_object().unwrap().values() {
        for (method, operation) in item.as_object().unwrap() {
            let statuses = operation["responses"].as_object().unwrap().keys();
            let success = statuses.filter_map(|s| s.parse().ok()).find(|s| *s < 300);
            let id = operation["operationId"].as_str().unwrap();
            all.push((method.clone(), slug_of(id), success.unwrap()));
        }
    }
    let of = |wanted: &str| -> Vec<(String, u16)> {
        let found = all.iter().filter(|(method, _, _)| method == wanted);
        found.map(|(_, slug, s)| (slug.clone(), *s)).collect()
    };
    let mut ordered: Vec<_> = ["post", "get", "patch", "put"]
        .into_iter()
        .flat_map(of)
        .collect();
    // A contact goes after the deals and activities that are its.
    ordered.extend(of("delete").into_iter().rev());
    assert_eq!(ordered.len(), all.len());
    ordered
}

/// Runs the samples; what each of them got.
fn run(language: &str, samples: &[String], key: &str) -> Vec<u16> {
    let as_json = json!(samples).to_string();
    let folder = tempfile::tempdir().unwrap();
    let (mut command, input) = match language {
        "curl" => {
            let mut command = Command::new("sh");
            command.args(["-e", "-s"]);
            (command, format!("{CURL}{}\n", samples.join("\n")))
        }
        "Python" => {
            let mut command = Command::new(python_path());
            command.args(["-c", PYTHON]);
            (command, as_json)
        }
        "JavaScript" => {
            let mut command = Command::new("node");
            command.args(["--input-type=module", "-e", JAVASCRIPT]);
            (command, as_json)
        }
        _ => {
            let file = folder.path().join("run.php");
            std::fs::write(&file, PHP).unwrap();
            let mut command = Command::new("php");
            command.arg(file);
            (command, as_json)
        }
    };
    let mut child = command
        .env("API_KEY", key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("what runs {language} is needed ({e}): run tests/run.sh"));
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let out = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{language}:\n{said}{errors}");
    said.lines()
        .map(|line| {
            line.parse()
                .unwrap_or_else(|_| panic!("{language}: {said}{errors}"))
        })
        .collect()
}

fn sample(visitor: &Visitor, slug: &str, language: &str) -> String {
    let page = visitor.page(&format!("/docs/api/{slug}"));
    block(&page, &format!("Request, {language}"))
}

#[test]
fn the_samples_of_every_operation_run_in_every_language_and_get_its_status() {
    let portal = Portal::start();
    let visitor = portal.stranger();
    let document: Value = serde_json::from_str(&visitor.page("/docs/openapi/0.json")).unwrap();
    let all = operations(&document);
    assert_eq!(all.len(), 25);
    let scopes: Vec<&str> = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|item| item.as_object().unwrap().values())
        .map(|o| o["security"][0]["apiKey"][0].as_str().unwrap())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    for language in ["curl", "Python", "JavaScript", "PHP"] {
        // The CRM gives each account data of its own, in which the ids of the examples are the next to be given.
        let (_, key) = portal.gateway.key(&format!("acct_{language}"), &scopes);
        let samples: Vec<_> = all
            .iter()
            .map(|(slug, _)| sample(&visitor, slug, language))
            .collect();
        let got = run(language, &samples, &key);
        let got: Vec<_> = all.iter().map(|(slug, _)| slug.clone()).zip(got).collect();
        assert_eq!(got, all, "{language}");
    }
}

#[test]
fn a_sample_whose_call_is_refused_says_so_and_ends_as_a_failure() {
    let portal = Portal::start();
    let visitor = portal.stranger();
    let (_, key) = portal.gateway.key("acct_1", &["deals:read"]);
    for (language, program, arguments) in [
        ("Python", python_path(), ["-c"].as_slice()),
        (
            "JavaScript",
            "node".to_owned(),
            ["--input-type=module", "-e"].as_slice(),
        ),
    ] {
        let code = sample(&visitor, "list-contacts", language);
        let out = Command::new(program)
            .args(arguments)
            .arg(code)
            .env("API_KEY", &key)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&out.stderr);
        let is_told = said.contains("403") || said.contains("insufficient_scope");
        assert!(!out.status.success() && is_told, "{language}: {said}");
    }
}
