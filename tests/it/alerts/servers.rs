//! What mail servers do to alerts: certificates, refusals, silence, kills and reloads; never which marks are told.

use serde_json::json;

use super::{SOON, at_half, at_the_mark, call, ids, mails, plain, put, smtp, subscribe, text};
use crate::support::backend::Backend;
use crate::support::eventually;
use crate::support::gateway::Gateway;
use crate::support::hostile::certificates::Authority;
use crate::support::smtp::{MailServer, Way};

#[test]
fn a_server_is_spoken_to_over_tls_and_signed_in_to_and_trusted_by_its_certificate_alone() {
    let crm = Backend::ok();
    let authority = Authority::new("Test Authority");
    let stranger = Authority::new("Another Authority");
    let identity = authority.issue("localhost");
    let folder = tempfile::tempdir().unwrap();
    let trusted = authority.write(folder.path());
    let login = Some(("edge", "hunter2-secret"));
    let way = |identity, implicit| Way {
        identity: Some(identity),
        implicit,
        login,
    };
    let starttls = MailServer::start_as(&way(&identity, false));
    let implicit = MailServer::start_as(&way(&identity, true));
    let unknown = stranger.issue("localhost");
    let unknown = MailServer::start_as(&way(&unknown, false));
    let bare = MailServer::start();
    let good = "username: edge, password: hunter2-secret";
    let wrong = "username: edge, password: hunter2-wrong";
    let cases = [
        (
            &starttls,
            "localhost",
            format!("tls: starttls, {good}"),
            true,
        ),
        (
            &implicit,
            "localhost",
            format!("tls: implicit, {good}"),
            true,
        ),
        (
            &starttls,
            "localhost",
            format!("tls: starttls, {wrong}"),
            false,
        ),
        (
            &starttls,
            "127.0.0.1",
            format!("tls: starttls, {good}"),
            false,
        ),
        (
            &unknown,
            "localhost",
            format!("tls: starttls, {good}"),
            false,
        ),
        (&bare, "localhost", format!("tls: starttls, {good}"), false),
    ];
    for (mail, host, more, is_taken) in cases {
        let before = mail.taken().len();
        let text = text(&crm, &smtp(mail, host, &more));
        let authorities = trusted.display().to_string();
        let g = Gateway::start_with_env(&text, &[("SSL_CERT_FILE", &authorities)]);
        put(&g, "acct_1", &at_half(&["dev@example.com"]));
        let (_, key) = g.key("acct_1", &["contacts:read"]);
        call(&g, &key, 5);
        let outcome = if is_taken { "sent" } else { "retry" };
        eventually("it is tried", SOON, || {
            (mails(&g, outcome) == 1.0).then_some(())
        });
        let taken = mail.taken();
        assert_eq!(taken.len() - before, usize::from(is_taken), "{host} {more}");
        if let Some(last) = taken.last().filter(|_| is_taken) {
            assert!(last.is_over_tls());
            assert_eq!(last.login(), Some("edge"));
        }
        assert!(!g.stderr().contains("hunter2"), "{}", g.stderr());
    }
    assert_eq!(
        unknown.asked("dev@example.com") + bare.asked("dev@example.com"),
        0
    );
}

#[test]
fn a_refusal_for_now_is_tried_again_and_one_for_good_is_not() {
    let (crm, mail) = (Backend::ok(), MailServer::start());
    mail.set_mode("busy");
    let mut g = at_the_mark(&crm, &mail, &plain(&mail));
    eventually("it is refused for now", SOON, || {
        (mails(&g, "retry") == 1.0).then_some(())
    });
    assert_eq!(mail.asked("dev@example.com"), 1);
    assert_eq!(g.stop(), Some(0));
    mail.set_mode("ok");
    g.shift("+90s");
    g.start_again();
    assert_eq!(mail.wait_for(1, SOON).len(), 1);
    mail.set_mode("unknown");
    put(
        &g,
        "acct_1",
        &json!({"thresholds": {"month": [40]}, "emails": ["gone@example.com"]}),
    );
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    call(&g, &key, 1);
    eventually("it is refused for good", SOON, || {
        (mails(&g, "failed") == 1.0).then_some(())
    });
    assert_eq!(g.stop(), Some(0));
    mail.set_mode("ok");
    g.shift("+1d");
    g.start_again();
    put(
        &g,
        "acct_1",
        &json!({"thresholds": {"month": [30]}, "emails": ["dev@example.com"]}),
    );
    call(&g, &key, 1);
    mail.wait_for(2, SOON);
    assert_eq!(mail.asked("gone@example.com"), 1);
}

#[test]
fn a_server_that_is_away_or_mute_keeps_nothing_else_waiting_and_gets_the_e_mail_later() {
    let (crm, mut mail) = (Backend::ok(), MailServer::start());
    mail.stop();
    let mut g = at_the_mark(&crm, &mail, &plain(&mail));
    let receiver = Backend::ok();
    assert_eq!(
        subscribe(&g, "acct_1", &receiver, &["usage.threshold_reached"]),
        201
    );
    eventually("the server is not there", SOON, || {
        (mails(&g, "retry") == 1.0).then_some(())
    });
    mail.set_mode("mute");
    mail.start_again();
    put(
        &g,
        "acct_1",
        &json!({"thresholds": {"month": [40]}, "emails": ["dev@example.com"]}),
    );
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    call(&g, &key, 1);
    eventually("the event does not wait for the e-mail", SOON, || {
        receiver.seen().pop()
    });
    eventually("the server does not answer", SOON, || {
        (mails(&g, "retry") == 2.0).then_some(())
    });
    mail.set_mode("ok");
    assert_eq!(g.stop(), Some(0));
    g.shift("+120s");
    g.start_again();
    assert_eq!(mail.wait_for(2, SOON).len(), 2);
}

#[test]
fn a_kill_between_an_e_mail_and_its_note_sends_it_a_second_time_and_no_more_as_the_same_message() {
    let (crm, mail) = (Backend::ok(), MailServer::start());
    mail.set_mode("forgetful");
    let mut g = at_the_mark(&crm, &mail, &plain(&mail));
    mail.wait_for(1, SOON);
    g.kill();
    mail.set_mode("ok");
    g.shift("+90s");
    g.start_again();
    let taken = mail.wait_for(2, SOON);
    assert_eq!(ids(&taken)[0], ids(&taken)[1]);
    assert!(
        ids(&taken)[0].ends_with("@lead.example>"),
        "{:?}",
        ids(&taken)
    );
    assert_eq!(taken[0].header("Date"), taken[1].header("Date"));
    g.kill();
    g.shift("+240s");
    g.start_again();
    put(
        &g,
        "acct_1",
        &json!({"thresholds": {"month": [30]}, "emails": ["dev@example.com"]}),
    );
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    call(&g, &key, 1);
    assert_eq!(mail.wait_for(3, SOON).len(), 3);
}

#[test]
fn a_mail_server_that_comes_with_a_reload_is_used_and_one_that_goes_is_not() {
    let (crm, mail) = (Backend::ok(), MailServer::start());
    let g = at_the_mark(&crm, &mail, "");
    let events = || g.metric("fuelgate_alerts_total{channel=\"event\"}");
    eventually("the event is told", SOON, || {
        (events() == 1.0).then_some(())
    });
    assert_eq!(g.metric("fuelgate_alerts_total{channel=\"mail\"}"), 0.0);
    g.write_config(&text(&crm, &plain(&mail)));
    // The mark is reached still, and told to whom it was not told.
    assert_eq!(mail.wait_for(1, SOON).len(), 1);
    g.write_config(&text(&crm, ""));
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    eventually("the server is gone from the settings", SOON, || {
        let shown = g.admin("GET", "/admin/v1/config", None).text();
        shown.contains("\"smtp\":null").then_some(())
    });
    call(&g, &key, 5);
    eventually("the event is told", SOON, || {
        (events() == 2.0).then_some(())
    });
    assert_eq!(mail.taken().len(), 1);
}

#[test]
fn check_online_says_whether_the_mail_server_answers() {
    let (crm, mut mail) = (Backend::ok(), MailServer::start());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fuelgate.yaml");
    let text = text(&crm, &plain(&mail));
    std::fs::write(
        &file,
        text.replace("$DIR", &folder.path().display().to_string()),
    )
    .unwrap();
    let check = || {
        let out = std::process::Command::new(env!("CARGO_BIN_EXE_fuelgate"))
            .args(["check", "--online", "--config"])
            .arg(&file)
            .output()
            .unwrap();
        let said = [out.stdout, out.stderr].concat();
        (out.status.success(), String::from_utf8(said).unwrap())
    };
    let (is_well, said) = check();
    assert!(is_well, "{said}");
    let what = format!("smtp 127.0.0.1:{}", mail.port);
    assert!(
        said.contains(&what) && said.contains("answers EHLO in plain text"),
        "{said}"
    );
    mail.stop();
    let (is_well, said) = check();
    assert!(!is_well && said.contains(&what), "{said}");
}
