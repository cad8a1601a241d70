//! What `fuelgate simulator` asks of the admin API and what it shows.

use std::io::Write;

use serde_json::{Value, json};

use super::{Args, execute};
use crate::cli::client::error::CliError;
use crate::cli::client::print::testing;
use crate::cli::client::testing::{Fake, parse};

/// Runs a command against an answer and gives its result, the request, what was printed and the notes.
async fn run(
    flags: &[&str],
    json: bool,
    answer: &Value,
) -> (Result<(), CliError>, String, String, String) {
    let fake = Fake::start(200, answer.clone()).await;
    let args: Args = parse(flags).unwrap();
    let (mut output, out, notes) = testing::output(json);
    let done = execute(args.command, &fake.admin(), &mut output).await;
    (done, fake.requests().join("\n"), out.text(), notes.text())
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

#[tokio::test]
async fn compose_sends_json_as_it_was_written_and_shows_what_is_signed() {
    let answer = json!({
        "headers": [{"name": "webhook-id", "value": "evt_1"}], "body": "{\"a\":1}\n\u{1b}[2J",
        "signed_text": "evt_1.7.{}", "secret": "whsec_x"
    });
    let flags = [
        "compose",
        "--type",
        "a.b",
        "--data",
        " {\"n\": 1.10} ",
        "--webhook",
        "whk_1",
    ];
    let (done, request, out, notes) = run(&flags, false, &answer).await;
    done.unwrap();
    assert_eq!(
        request,
        r#"POST /admin/v1/simulator/compose {"type":"a.b","data":{"n": 1.10},"webhook_id":"whk_1"}"#
    );
    for part in [
        "webhook-id: evt_1",
        "{\"a\":1}\n\u{fffd}[2J",
        "signed: evt_1.7.{}",
        "whsec_x",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    assert!(notes.contains("made for this webhook"));
    let (_, _, out, _) = run(&flags, true, &answer).await;
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), answer);
}

#[tokio::test]
async fn a_secret_and_a_body_may_come_from_files() {
    let (secret, body) = (file("whsec_abc\n"), file("{}\n"));
    let (secret, body) = (
        secret.path().to_str().unwrap(),
        body.path().to_str().unwrap(),
    );
    let body_flag = format!("@{body}");
    let flags = [
        "compose",
        "--body",
        &body_flag,
        "--secret-file",
        secret,
        "--timestamp",
        "7",
    ];
    let (_, request, _, _) = run(&flags, true, &json!({})).await;
    assert_eq!(
        request,
        r#"POST /admin/v1/simulator/compose {"body":"{}\n","secret":"whsec_abc","timestamp":7}"#
    );
    for bad in [
        &["compose"][..],
        &["compose", "--type", "a.b", "--body", "x"],
        &["compose", "--type", "a.b", "--webhook", "a", "--inbox", "b"],
        &["send", "--type", "a.b", "--fault", "nope"],
    ] {
        assert!(parse::<Args>(bad).is_err(), "{bad:?}");
    }
    let not_json = ["compose", "--type", "a.b", "--data", "{"];
    let (done, request, _, _) = run(&not_json, true, &json!({})).await;
    assert_eq!((done.unwrap_err().exit_code(), request.as_str()), (2, ""));
}

#[tokio::test]
async fn send_fails_where_the_receiver_does_not_do_as_a_good_one_does() {
    let answer = |as_expected: bool| {
        json!({"url": "https://x/", "as_expected": as_expected, "secret": null, "exchanges": [
            {"note": "old", "expected": "refuse", "status": 200, "latency_ms": 3, "as_expected": as_expected,
             "error": null, "reply_excerpt": "ok"}
        ]})
    };
    let flags = [
        "send",
        "--type",
        "a.b",
        "--inbox",
        "inb_1",
        "--fault",
        "old_timestamp",
        "--url",
        "https://x/",
    ];
    let (done, request, out, _) = run(&flags, false, &answer(true)).await;
    done.unwrap();
    assert_eq!(
        request,
        r#"POST /admin/v1/simulator/send {"message":{"type":"a.b","inbox_id":"inb_1"},"url":"https://x/","fault":"old_timestamp"}"#
    );
    assert!(out.contains("refuse") && out.contains("200"), "{out}");
    let (done, _, _, _) = run(&flags, true, &answer(false)).await;
    assert!(matches!(done, Err(CliError::Unexpected(_))));
}

#[tokio::test]
async fn dry_run_sends_what_was_typed_or_one_entry_of_a_har_file() {
    let answer = json!({"route": {"path": "/v1/x"}, "why_no_route": null, "fired": 0, "rules": [
        {"rule": 0, "type": "a.b", "fires": false, "why_not": "status", "detail": "the status is 500", "data": null}
    ]});
    let typed = [
        "dry-run",
        "--account",
        "a",
        "--url",
        "/v1/x",
        "--request-body",
        "{}",
        "--status",
        "200",
        "--response-header",
        "location: /v1/x/1",
    ];
    let (done, request, out, notes) = run(&typed, false, &answer).await;
    done.unwrap();
    assert_eq!(
        request,
        concat!(
            r#"POST /admin/v1/simulator/dry-run {"account_id":"a","request":{"method":"POST","url":"/v1/x","headers":{},"body":{}},"#,
            r#""response":{"status":200,"headers":{"location":"/v1/x/1"}}}"#
        )
    );
    assert!(out.contains("the status is 500") && notes.contains("route /v1/x"));

    let har = file(r#"{"log": {"version": "1.2", "entries": [{"n": 0}, {"n": 1.0}]}}"#);
    let path = har.path().to_str().unwrap();
    let recorded = ["dry-run", "--account", "a", "--har", path];
    for (entry, sent) in [(None, r#"{"n": 1.0}"#), (Some("0"), r#"{"n": 0}"#)] {
        let mut flags = recorded.to_vec();
        flags.extend(entry.map(|n| ["--entry", n]).into_iter().flatten());
        let (_, request, _, _) = run(&flags, true, &answer).await;
        let want = format!(r#"{{"account_id":"a","har_entry":{sent}}}"#);
        assert!(request.ends_with(&want), "{request}");
    }
    for bad in [&["--entry", "2"][..], &["--url", "/x"]] {
        let flags: Vec<&str> = recorded.iter().chain(bad).copied().collect();
        match parse::<Args>(&flags) {
            Err(_) => {}
            Ok(_) => assert!(run(&flags, true, &answer).await.0.is_err()),
        }
    }
}

#[tokio::test]
async fn an_inbox_is_made_read_and_deleted() {
    let made = json!({"id": "inb_1", "url": "https://p/inbox/x", "secret": "whsec_x", "account_id": "a", "expires_at": "t"});
    let (_, request, out, notes) = run(&["inbox", "create", "--account", "a"], false, &made).await;
    assert_eq!(
        request,
        r#"POST /admin/v1/simulator/inboxes {"account_id":"a"}"#
    );
    assert!(out.contains("whsec_x") && notes.contains("once"));
    let list = json!({"data": [{"received_at": "t", "verified": false, "signed_by": null, "why_not": "old",
        "headers": [{"name": "webhook-id", "value": "evt_1"}], "body": {"text": "{}"}}], "next_cursor": null});
    let (_, request, out, _) = run(&["inbox", "messages", "inb_1"], false, &list).await;
    assert_eq!(request, "GET /admin/v1/simulator/inboxes/inb_1/messages");
    assert!(out.contains("evt_1") && out.contains("old"), "{out}");
    let (_, request, _, _) = run(&["inbox", "list", "--account", "a"], true, &list).await;
    assert_eq!(request, "GET /admin/v1/simulator/inboxes?account_id=a");
    let (_, request, _, _) = run(&["inbox", "delete", "inb_1"], true, &Value::Null).await;
    assert_eq!(request, "DELETE /admin/v1/simulator/inboxes/inb_1");
}
