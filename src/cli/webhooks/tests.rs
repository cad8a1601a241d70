//! What `fuelgate webhooks` asks of the admin API and what it shows.

use serde_json::{Value, json};

use super::{Args, execute};
use crate::cli::client::print::testing;
use crate::cli::client::testing::{Fake, parse};

/// Runs a command against an answer and gives the request, what was printed and the notes.
async fn run(flags: &[&str], json: bool, answer: &Value) -> (String, String, String) {
    let fake = Fake::start(200, answer.clone()).await;
    let args: Args = parse(flags).unwrap();
    let (mut output, out, notes) = testing::output(json);
    execute(args.command, &fake.admin(), &mut output)
        .await
        .unwrap();
    (fake.requests().join("\n"), out.text(), notes.text())
}

fn webhook() -> Value {
    json!({"id": "whk_1", "account_id": "a", "url": "https://x.example/h", "event_types": ["contact.created"],
        "description": null, "status": "active", "disabled_reason": null, "created_at": "2026-11-23T00:00:00Z", "secret": "whsec_x"})
}

#[tokio::test]
async fn a_new_or_rotated_secret_is_printed_once_with_a_note_beside_it() {
    let create = [
        "create",
        "--account",
        "a",
        "--url",
        "https://x.example/h",
        "--event-type",
        "contact.created,deal.won",
    ];
    let rotate = ["rotate-secret", "whk_1"];
    let create_request = r#"POST /admin/v1/webhooks {"account_id":"a","url":"https://x.example/h","event_types":["contact.created","deal.won"]}"#;
    let rotate_request = "POST /admin/v1/webhooks/whk_1/rotate-secret {}";
    for (flags, expected) in [(&create[..], create_request), (&rotate, rotate_request)] {
        let (request, out, notes) = run(flags, false, &webhook()).await;
        assert_eq!(request, expected);
        assert_eq!(out.matches("whsec_x").count(), 1);
        assert!(notes.contains("once") && !notes.contains("whsec_x"));
        let (_, out, _) = run(flags, true, &webhook()).await;
        assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), webhook());
    }
}

#[tokio::test]
async fn old_secrets_are_ended_by_one_call() {
    let revoke = ["revoke-previous-secrets", "whk_1"];
    let (request, ..) = run(&revoke, false, &webhook()).await;
    let expected = "POST /admin/v1/webhooks/whk_1/revoke-previous-secrets {}";
    assert_eq!(request, expected);
}

#[tokio::test]
async fn an_update_sends_only_what_is_named() {
    let (request, ..) = run(
        &["update", "whk_1", "--status", "paused"],
        false,
        &webhook(),
    )
    .await;
    assert_eq!(
        request,
        r#"PATCH /admin/v1/webhooks/whk_1 {"status":"paused"}"#
    );
    let flags = [
        "update",
        "whk_1",
        "--event-type",
        "deal.won",
        "--description",
        "",
    ];
    let (request, ..) = run(&flags, false, &webhook()).await;
    assert_eq!(
        request,
        r#"PATCH /admin/v1/webhooks/whk_1 {"event_types":["deal.won"],"description":null}"#
    );
    assert!(parse::<Args>(&["update", "whk_1"]).is_err());
}

#[tokio::test]
async fn deliveries_show_their_attempts_on_a_line() {
    let attempt = |status: Value, error: Value| json!({"at": "2026-11-23T00:00:00Z", "status": status, "latency_ms": 3, "error": error, "reply_excerpt": "no"});
    let delivery = json!({"id": "dlv_1", "event_id": "evt_1", "webhook_id": "whk_1", "type": "contact.created", "status": "pending",
        "created_at": "2026-11-23T00:00:00Z", "finished_at": null, "next_attempt_at": "2026-11-23T00:05:00Z",
        "attempts": [attempt(Value::Null, json!("timed out")), attempt(json!(503), Value::Null)]});
    let list = json!({"data": [delivery], "next_cursor": null});
    let flags = [
        "deliveries",
        "whk_1",
        "--status",
        "pending",
        "--event",
        "evt_1",
    ];
    let (request, out, _) = run(&flags, false, &list).await;
    assert_eq!(
        request,
        "GET /admin/v1/webhooks/whk_1/deliveries?event_id=evt_1&status=pending"
    );
    let row: Vec<_> = out.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(
        row[..7],
        [
            "dlv_1",
            "evt_1",
            "contact.created",
            "pending",
            "2",
            "503",
            "-"
        ]
    );
    let (_, out, _) = run(&flags, true, &list).await;
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), list);
}

#[tokio::test]
async fn each_other_command_has_its_call() {
    let list = json!({"data": [webhook()], "next_cursor": null});
    let events = json!({"data": [{"id": "evt_1", "type": "deal.won", "status": "unresolved", "sequence": null}], "next_cursor": "c2"});
    let one = json!({"id": "evt_1", "type": "deal.won"});
    for (flags, answer, request, says) in [
        (
            &["list", "--account", "a"][..],
            &list,
            "GET /admin/v1/webhooks?account_id=a",
            "https://x.example/h",
        ),
        (
            &["delete", "whk_1"],
            &Value::Null,
            "DELETE /admin/v1/webhooks/whk_1",
            "whk_1 is deleted",
        ),
        (
            &["test", "whk_1"],
            &one,
            "POST /admin/v1/webhooks/whk_1/test {}",
            "deal.won",
        ),
        (
            &["retry", "dlv_1"],
            &one,
            "POST /admin/v1/deliveries/dlv_1/retry {}",
            "evt_1",
        ),
        (
            &["replay", "evt_1"],
            &one,
            "POST /admin/v1/events/evt_1/replay {}",
            "evt_1",
        ),
        (
            &["events", "--type", "deal.won", "--status", "unresolved"],
            &events,
            "GET /admin/v1/events?type=deal.won&status=unresolved",
            "unresolved",
        ),
    ] {
        let (asked, out, _) = run(flags, false, answer).await;
        assert_eq!(asked, request);
        assert!(out.contains(says), "{flags:?}: {out}");
    }
}

#[tokio::test]
async fn a_replay_says_what_it_is_of_and_only_that() {
    let replay = json!({"id": "rpl_1", "status": "running", "only": "failed", "account_id": "a", "webhook_id": null,
        "event_types": [], "from": "2026-11-01T00:00:00Z", "to": "2026-11-02T00:00:00Z", "per_second": 50,
        "replayed": 3, "created_at": "2026-11-23T00:00:00Z", "finished_at": null});
    let span = [
        "--from",
        "2026-11-01T00:00:00Z",
        "--to",
        "2026-11-02T00:00:00Z",
    ];
    let least = [&["replays", "create"][..], &span].concat();
    let (request, out, notes) = run(&least, false, &replay).await;
    assert_eq!(
        request,
        r#"POST /admin/v1/replays {"from":"2026-11-01T00:00:00Z","to":"2026-11-02T00:00:00Z","only":"failed"}"#
    );
    assert!(out.contains("rpl_1") && notes.contains("by itself"));
    let more = [
        "--only",
        "all",
        "--account",
        "a",
        "--event-type",
        "contact.*",
        "--per-second",
        "9",
    ];
    let (request, ..) = run(&[&least[..], &more].concat(), true, &replay).await;
    assert!(
        request.ends_with(
            r#""only":"all","account_id":"a","event_types":["contact.*"],"per_second":9}"#
        )
    );
    let missed = ["--only", "missed", "--webhook", "whk_1"];
    let (request, ..) = run(&[&least[..], &missed].concat(), true, &replay).await;
    assert!(request.ends_with(r#""only":"missed","webhook_id":"whk_1"}"#));
    let (request, ..) = run(&["replays", "cancel", "rpl_1"], false, &replay).await;
    assert_eq!(request, "POST /admin/v1/replays/rpl_1/cancel {}");
    let (request, out, _) = run(&["replays", "get", "rpl_1"], false, &replay).await;
    assert_eq!(request, "GET /admin/v1/replays/rpl_1");
    assert!(out.contains("replayed"));
}

#[tokio::test]
async fn the_log_is_asked_for_by_filter() {
    let flags = [
        "log",
        "--status",
        "failed",
        "--account",
        "a",
        "--from",
        "2026-11-01T00:00:00Z",
    ];
    let empty = json!({"data": [], "next_cursor": null});
    let (request, ..) = run(&flags, false, &empty).await;
    assert!(
        request.starts_with("GET /admin/v1/deliveries?"),
        "{request}"
    );
    assert!(request.contains("status=failed") && request.contains("account_id=a"));
}
