//! The demo as a newcomer meets it: every curl line that it prints is pasted and does what it says.

use crate::support::backend::Backend;
use crate::support::demo::Demo;
use crate::support::programs::run;

/// Pastes a line into a shell that is in another folder than the demo.
fn paste(line: &str) -> String {
    let out = run("sh", &["-c", line]);
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn every_line_that_the_demo_prints_works() {
    let folder = tempfile::tempdir().unwrap();
    let local = Backend::ok();
    // Twice: the second run finds the folder of the first.
    for _ in 0..2 {
        let demo = Demo::start(folder.path());
        let printed = demo.until("Verified webhook deliveries");
        let line = |comment: &str| {
            let at = printed
                .iter()
                .position(|l| l.starts_with(comment))
                .unwrap_or_else(|| panic!("{comment} in {printed:#?}"));
            printed[at + 1].as_str()
        };
        let after = |comment: &str| paste(line(comment));
        let read = after("# Read");
        assert!(read.starts_with("HTTP/1.1 200"), "{read}");
        assert!(read.contains("\"data\""), "{read}");
        let write = after("# Write");
        assert!(write.starts_with("HTTP/1.1 201"), "{write}");
        let arrived = demo.until("webhook verified: contact.created");
        assert!(
            arrived.last().unwrap().contains("Grace Hopper"),
            "{arrived:?}"
        );
        assert!(after("# 401").starts_with("HTTP/1.1 401"));
        let refused = after("# 403");
        assert!(
            refused.starts_with("HTTP/1.1 403") && refused.contains("deals:read"),
            "{refused}"
        );
        let burst = after("# 429");
        assert!(
            burst.contains(" 200\n") && burst.contains(" 429"),
            "{burst}"
        );
        let usage: serde_json::Value = serde_json::from_str(&after("# Usage")).unwrap();
        assert!(usage["hour"]["used"].as_u64().unwrap() > 100, "{usage}");
        let listen = line("# A receiver of your own").replace(
            "http://127.0.0.1:8000",
            &format!("http://{}", local.address),
        );
        let before = local.count();
        paste(&format!("timeout -s INT 3 {listen} --after 0"));
        assert!(local.count() > before, "{listen}");
        demo.stop();
    }
    let seen = local.seen();
    let first = seen.first().unwrap();
    assert!(first.text().contains("Grace Hopper"), "{first:?}");
    assert!(first.header("webhook-signature").is_some());
}

#[test]
fn a_deal_is_won_once_however_often_it_is_edited_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path());
    let printed = demo.until("Verified webhook deliveries");
    let word = |line: &str| {
        printed
            .iter()
            .find(|l| l.trim_start().starts_with(line))
            .and_then(|l| l.split_whitespace().last())
            .unwrap()
            .to_owned()
    };
    let key = word("all scopes");
    let base = printed
        .iter()
        .find(|l| l.trim_start().starts_with("gateway "))
        .and_then(|l| l.split_whitespace().nth(1))
        .unwrap()
        .to_owned();
    let curl = |method: &str, path: &str, body: &str| {
        let out = run(
            "curl",
            &[
                "-sS",
                "-X",
                method,
                &format!("{base}{path}"),
                "-H",
                &format!("Authorization: Bearer {key}"),
                "-H",
                "Content-Type: application/json",
                "-d",
                body,
            ],
        );
        serde_json::from_slice::<serde_json::Value>(&out.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&out.stdout)))
    };
    let contact = curl(
        "POST",
        "/contacts",
        r#"{"name":"Ada","email":"ada.demo@example.com"}"#,
    );
    let contact = contact["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{contact}"))
        .to_owned();
    let deal = curl(
        "POST",
        "/deals",
        &format!(r#"{{"name":"Engine","contact_id":"{contact}","amount":100,"currency":"EUR"}}"#),
    );
    let id = deal["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{deal}"))
        .to_owned();
    curl("PATCH", &format!("/deals/{id}"), r#"{"stage":"qualified"}"#);
    curl("PATCH", &format!("/deals/{id}"), r#"{"stage":"won"}"#);
    curl("PATCH", &format!("/deals/{id}"), r#"{"amount":120}"#);
    curl(
        "PATCH",
        &format!("/deals/{id}"),
        r#"{"amount":130,"stage":"won"}"#,
    );
    // A marker after everything: deliveries of one account to one endpoint may overtake, so wait for all kinds.
    curl(
        "POST",
        "/activities",
        &format!(r#"{{"type":"note","subject":"done","contact_id":"{contact}"}}"#),
    );
    let mut seen = demo.until("activity.logged");
    while seen.iter().filter(|l| l.contains("deal.updated")).count() < 4
        || !seen.iter().any(|l| l.contains("deal.won"))
    {
        seen.extend(demo.until("webhook verified"));
    }
    assert_eq!(
        seen.iter().filter(|l| l.contains("deal.won")).count(),
        1,
        "{seen:#?}"
    );
    assert_eq!(seen.iter().filter(|l| l.contains("deal.lost")).count(), 0);
    demo.stop();
}

#[test]
fn the_button_of_the_demos_portal_signs_in_to_its_account() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path());
    let printed = demo.until("Verified webhook deliveries");
    let url = printed
        .iter()
        .find(|l| l.trim_start().starts_with("portal "))
        .and_then(|l| l.split_whitespace().find(|w| w.starts_with("http://")))
        .unwrap_or_else(|| panic!("{printed:#?}"))
        .trim_end_matches('/');
    let jar = folder.path().join("jar").display().to_string();
    let curl = |path: &str, more: &[&str]| {
        let target = format!("{url}{path}");
        let mut all = vec!["-sS", "-L", "-b", &jar, "-c", &jar, target.as_str()];
        all.extend(more);
        String::from_utf8(run("curl", &all).stdout).unwrap()
    };
    let door = curl("/", &[]);
    assert!(door.contains("Open the demo account"), "{door}");
    assert!(door.contains("action=\"/sign-in/demo\""), "{door}");
    let origin = format!("Origin: {url}");
    let opened = curl("/sign-in/demo", &["-H", &origin, "-d", ""]);
    assert!(opened.contains("Overview</h1>"), "{opened}");
    assert!(curl("/session", &[]).contains("<code>acct_demo</code>"));
    let keys = curl("/keys", &[]);
    assert!(keys.matches("/keys/key_").count() >= 1, "{keys}");
    demo.stop();
}
