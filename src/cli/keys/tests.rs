//! What `fuelgate keys` asks of the admin API and what it shows.

use std::io::Write;

use serde_json::{Value, json};

use super::{Args, execute};
use crate::cli::client::error::CliError;
use crate::cli::client::print::testing::{self, Written};
use crate::cli::client::testing::{Fake, parse};

struct Done {
    result: Result<(), CliError>,
    out: Written,
    notes: Written,
}

async fn run(fake: &Fake, json: bool, flags: &[&str]) -> Done {
    let args: Args = parse(flags).unwrap();
    let (mut output, out, notes) = testing::output(json);
    let result = execute(args.command, &fake.admin(), &mut output).await;
    Done { result, out, notes }
}

fn made() -> Value {
    json!({"id": "key_1", "secret": "lf_live_x", "account_id": "a", "name": "n", "status": "active",
        "scopes": ["contacts:read", "deals:read"], "expires_at": null, "allowed_ips": []})
}

const CREATE: [&str; 7] = [
    "create",
    "--account",
    "a",
    "--name",
    "n",
    "--scope",
    "contacts:read,deals:read",
];

#[tokio::test]
async fn a_new_keys_secret_is_printed_once_with_a_note_beside_it() {
    let fake = Fake::start(201, made()).await;
    let flags = [
        &CREATE[..],
        &["--expires-in-days", "90", "--allowed-ip", "10.0.0.0/8"],
    ]
    .concat();
    let done = run(&fake, false, &flags).await;
    done.result.unwrap();
    let request = r#"{"account_id":"a","name":"n","scopes":["contacts:read","deals:read"],"expires_in_days":90,"allowed_ips":["10.0.0.0/8"]}"#;
    assert_eq!(fake.requests(), [format!("POST /admin/v1/keys {request}")]);
    assert_eq!(done.out.text().matches("lf_live_x").count(), 1);
    assert!(done.out.text().contains("contacts:read deals:read"));
    assert!(done.notes.text().contains("once") && !done.notes.text().contains("lf_live_x"));
    let done = run(&fake, true, &flags).await;
    assert_eq!(
        serde_json::from_str::<Value>(&done.out.text()).unwrap(),
        made()
    );
}

#[tokio::test]
async fn an_expiry_must_be_said_and_never_is_null() {
    for flags in [
        &[][..],
        &["--expires-in-days", "31"],
        &["--expires-at", "soon"],
        &[
            "--expires-in-days",
            "30",
            "--expires-at",
            "2027-01-01T00:00:00Z",
        ],
    ] {
        assert!(
            parse::<Args>(&[&CREATE[..], flags].concat()).is_err(),
            "{flags:?}"
        );
    }
    let fake = Fake::start(201, made()).await;
    run(
        &fake,
        false,
        &[&CREATE[..], &["--expires-in-days", "never"]].concat(),
    )
    .await
    .result
    .unwrap();
    run(
        &fake,
        false,
        &[&CREATE[..], &["--expires-at", "2027-01-01T01:00:00+01:00"]].concat(),
    )
    .await
    .result
    .unwrap();
    assert!(fake.requests()[0].contains(r#""expires_in_days":null"#));
    assert!(fake.requests()[1].contains(r#""expires_at":"2027-01-01T00:00:00Z""#));
}

#[tokio::test]
async fn keys_are_listed_revoked_and_rotated() {
    let fake = Fake::start(200, json!({"data": [made()], "next_cursor": "c2"})).await;
    let done = run(
        &fake,
        false,
        &["list", "--account", "a", "--limit", "5", "--cursor", "c1"],
    )
    .await;
    assert!(done.out.text().contains("key_1") && done.notes.text().contains("--cursor c2"));
    assert_eq!(
        fake.requests(),
        ["GET /admin/v1/keys?limit=5&cursor=c1&account_id=a"]
    );

    let fake = Fake::start(204, Value::Null).await;
    let done = run(&fake, false, &["revoke", "key_1", "a/b"]).await;
    assert_eq!(done.out.text(), "key_1 is revoked\na/b is revoked\n");
    assert_eq!(
        fake.requests(),
        ["DELETE /admin/v1/keys/key_1", "DELETE /admin/v1/keys/a%2Fb"]
    );
    let done = run(&fake, false, &["revoke", ".."]).await;
    assert_eq!(done.result.unwrap_err().exit_code(), 2);

    let fake = Fake::start(200, made()).await;
    let done = run(&fake, false, &["rotate", "key_1", "--grace-seconds", "60"]).await;
    assert!(done.out.text().contains("lf_live_x") && done.notes.text().contains("60 seconds"));
    assert_eq!(
        fake.requests(),
        [r#"POST /admin/v1/keys/key_1/rotate {"grace_seconds":60}"#]
    );
}

#[tokio::test]
async fn a_refusal_and_a_stranger_are_told_apart() {
    let problem = json!({"title": "t", "status": 403, "detail": "This admin token may not do this.", "code": "forbidden", "request_id": "r"});
    let fake = Fake::start(403, problem).await;
    let error = run(&fake, false, &["list"]).await.result.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("This admin token may not do this. (forbidden, status 403)")
    );
    let fake = Fake::start(502, json!("nginx")).await;
    let error = run(&fake, false, &["list"]).await.result.unwrap_err();
    assert!(matches!(error, CliError::Unexpected(_)), "{error}");
    let admin = fake.admin();
    drop(fake);
    tokio::task::yield_now().await;
    let (mut output, ..) = testing::output(false);
    let args: Args = parse(&["list"]).unwrap();
    let error = execute(args.command, &admin, &mut output)
        .await
        .unwrap_err();
    assert_eq!(error.exit_code(), 3);
    assert!(!error.to_string().contains("t0ken"));
}

fn key_file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

async fn import(fake: &Fake, text: &str) -> Done {
    let file = key_file(text);
    run(fake, true, &["import", file.path().to_str().unwrap()]).await
}

#[tokio::test]
async fn lines_and_arrays_are_imported_in_batches() {
    let lines: String = (0..2500).map(|n| format!("{{\"n\":{n}}}\n\n")).collect();
    let array = format!(" [{}]", lines.trim().replace("\n\n", ","));
    for text in [&lines, &array] {
        let fake = Fake::sequence(vec![
            (201, json!({"created": 1000, "existing": 0})),
            (200, json!({"created": 0, "existing": 1000})),
            (201, json!({"created": 499, "existing": 1})),
        ])
        .await;
        let done = import(&fake, text).await;
        done.result.unwrap();
        let counts: Value = serde_json::from_str(&done.out.text()).unwrap();
        assert_eq!(counts, json!({"created": 1499, "existing": 1001}));
        let sizes: Vec<_> = fake
            .requests()
            .iter()
            .map(|r| r.matches("\"n\"").count())
            .collect();
        assert_eq!(sizes, [1000, 1000, 500]);
        assert!(
            fake.requests()[2].starts_with(r#"POST /admin/v1/keys/import {"keys":[{"n":2000},"#)
        );
    }
}

#[tokio::test]
async fn a_batch_is_never_larger_than_a_body_may_be() {
    let key = format!("{{\"n\":\"{}\"}}\n", "x".repeat(200_000));
    let fake = Fake::start(201, json!({"created": 5, "existing": 0})).await;
    import(&fake, &key.repeat(12)).await.result.unwrap();
    assert_eq!(fake.requests().len(), 3);
    assert!(fake.requests().iter().all(|r| r.len() <= 1_048_576 + 40));
}

#[tokio::test]
async fn a_mistake_is_counted_from_the_beginning_of_the_file() {
    let lines = "{}\n".repeat(1001);
    let problem = json!({"detail": "Some fields are not valid.", "code": "invalid", "errors": [{"field": "keys[0].digest", "message": "expected hex"}]});
    let fake = Fake::sequence(vec![
        (201, json!({"created": 1000, "existing": 0})),
        (422, problem),
    ])
    .await;
    let done = import(&fake, &lines).await;
    assert!(
        done.result
            .unwrap_err()
            .to_string()
            .contains("keys[1000].digest: expected hex")
    );
    assert!(done.notes.text().contains("first 1000 keys are imported"));
}

#[tokio::test]
async fn files_that_are_no_keys_are_refused_with_their_line() {
    let fake = Fake::start(201, json!({"created": 0, "existing": 0})).await;
    for (text, says) in [
        ("", "no keys"),
        ("{}\nx\n", "line 2"),
        ("[{]", "line 1"),
        ("[]", "no keys"),
    ] {
        let error = import(&fake, text).await.result.unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
    }
    let error = run(&fake, true, &["import", "/nowhere"])
        .await
        .result
        .unwrap_err();
    assert_eq!(error.exit_code(), 2);
}
