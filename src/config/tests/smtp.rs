//! What may be said of the mail server, and what is said about it that is wrong.

use super::*;
use crate::config::model::SmtpTls;

/// The problems with `smtp: { … }`, without file, line and column.
fn problems(smtp: &str) -> Vec<String> {
    let Err(report) = text(&small_and(&format!("smtp: {{ {smtp} }}\n"))) else {
        return Vec::new();
    };
    let report = report.to_string();
    let short = report.lines().map(|l| {
        l.splitn(4, ':')
            .nth(3)
            .unwrap_or_default()
            .trim()
            .to_owned()
    });
    short.collect()
}

#[test]
fn without_a_mail_server_nothing_is_sent() {
    assert_eq!(valid(&small_and("")).smtp, None);
}

#[test]
fn what_is_left_out_has_its_default() {
    let smtp = "smtp: { host: SMTP.example.com, from: \"Lead Fuel <api@lead.example>\" }\n";
    let smtp = valid(&small_and(smtp)).smtp.unwrap();
    assert_eq!((smtp.host.as_str(), smtp.port), ("smtp.example.com", 587));
    assert_eq!((smtp.tls, smtp.credentials), (SmtpTls::Starttls, None));
    assert_eq!(smtp.timeout, std::time::Duration::from_secs(10));
    assert_eq!(smtp.from.name.as_deref(), Some("Lead Fuel"));
}

#[test]
fn a_password_is_shown_nowhere() {
    let smtp = "smtp: { host: \"::1\", port: 465, tls: implicit, username: edge, password: hunter2, from: a@b.example }\n";
    let config = valid(&small_and(smtp));
    let (name, password) = config.smtp.clone().unwrap().credentials.unwrap();
    assert_eq!((name.as_str(), password.expose()), ("edge", "hunter2"));
    assert!(!config.effective.to_string().contains("hunter2"));
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn plain_text_stays_on_this_machine_unless_it_is_asked_for() {
    for host in ["127.0.0.1", "localhost", "\"::1\"", "\"[::1]\""] {
        let smtp = format!("host: {host}, tls: none, from: a@b.example");
        assert_eq!(problems(&smtp), [""; 0], "{host}");
    }
    let wrong = problems("host: smtp.example.com, tls: none, from: a@b.example");
    assert!(
        wrong[0].starts_with("smtp.tls: expected starttls"),
        "{wrong:?}"
    );
    let asked = "host: smtp.internal, tls: none, allow_plaintext: true, from: a@b.example";
    assert_eq!(problems(asked), [""; 0]);
}

#[test]
fn each_wrong_setting_is_named() {
    for (smtp, expected) in [
        (
            "host: \"smtp.example.com:587\", from: a@b.example",
            "smtp.host: expected a host name",
        ),
        (
            "host: \"a b\", from: a@b.example",
            "smtp.host: expected a host name",
        ),
        (
            "host: a, from: nobody",
            "smtp.from: expected an address such as",
        ),
        (
            "host: a, from: \"a@b.example\\r\\nBcc: c@d.example\"",
            "smtp.from: expected an address",
        ),
        (
            "host: a, from: a@b.example, username: edge",
            "smtp.password: missing",
        ),
        (
            "host: a, from: a@b.example, password: x",
            "smtp.username: missing",
        ),
        (
            "host: a, from: a@b.example, username: edge, password: \"\"",
            "smtp.password: expected",
        ),
        ("host: a, from: a@b.example, port: 0", "smtp.port: "),
        (
            "host: a, from: a@b.example, timeout_ms: 30001",
            "smtp.timeout_ms: ",
        ),
        ("host: a, from: a@b.example, tls: tls", "smtp.tls: "),
        ("host: a", "smtp.from: "),
        ("host: a, from: a@b.example, pasword: x", "smtp.pasword: "),
    ] {
        let found = problems(smtp);
        assert!(
            found.len() == 1 && found[0].starts_with(expected),
            "{smtp}: {found:?}"
        );
    }
}
