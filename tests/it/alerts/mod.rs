//! Alerts on the wire: e-mails at a real mail server, events at a receiver, once a window; and what refusals, kills and reloads leave of it.

mod servers;
mod windows;

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::backend::Backend;
use crate::support::eventually;
use crate::support::gateway::{Gateway, config_with_plan};
use crate::support::redis::Server;
use crate::support::smtp::{MailServer, Taken};

const SOON: Duration = Duration::from_secs(30);

/// A plan whose month has ten requests: hours end while tests run, months hardly ever.
const PLAN: &str = "rate: { requests: 1000000, per_seconds: 1, burst: 1000000 }, quotas: { hour: null, month: 10 }, max_keys: 1000";

const WEBHOOKS: &str = "webhooks: { retry_delays_seconds: [], timeout_ms: 1000, allowed_private_targets: [127.0.0.0/8], retention_days: 30 }\n";

fn text(crm: &Backend, smtp: &str) -> String {
    config_with_plan(crm.address, PLAN, &format!("{WEBHOOKS}{smtp}"))
}

/// `smtp` settings for a server without TLS.
fn plain(mail: &MailServer) -> String {
    smtp(mail, "127.0.0.1", "tls: none")
}

fn smtp(mail: &MailServer, host: &str, more: &str) -> String {
    let port = mail.port;
    format!(
        "smtp: {{ host: \"{host}\", port: {port}, from: \"Lead Fuel <api@lead.example>\", timeout_ms: 5000, {more} }}\n"
    )
}

fn put(g: &Gateway, account: &str, alerts: &Value) {
    let path = format!("/admin/v1/alerts?account_id={account}");
    let answer = g.admin("PUT", &path, Some(alerts));
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn at_half(emails: &[&str]) -> Value {
    json!({"thresholds": {"month": [50, 100]}, "emails": emails})
}

fn subscribe(g: &Gateway, account: &str, receiver: &Backend, types: &[&str]) -> u16 {
    let body = json!({"account_id": account, "url": format!("http://{}/hook", receiver.address), "event_types": types});
    g.admin("POST", "/admin/v1/webhooks", Some(&body)).status
}

fn call(g: &Gateway, key: &str, times: usize) {
    for _ in 0..times {
        assert_eq!(g.get("/v1/contacts", key).status, 200);
    }
}

/// `outcome` of e-mails so far.
fn mails(g: &Gateway, outcome: &str) -> f64 {
    g.metric(&format!("fuelgate_mails_total{{outcome=\"{outcome}\"}}"))
}

fn ids(taken: &[Taken]) -> Vec<&str> {
    taken.iter().map(|t| t.header("Message-ID")).collect()
}

/// A gateway whose `acct_1` has just used half of its month, and what tells it.
fn at_the_mark(crm: &Backend, mail: &MailServer, smtp: &str) -> Gateway {
    let g = Gateway::start(&text(crm, smtp));
    put(&g, "acct_1", &at_half(&["dev@example.com"]));
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    call(&g, &key, 5);
    assert!(mail.taken().is_empty());
    g
}

#[test]
fn each_mark_of_a_month_is_told_once_by_e_mail_and_to_the_webhook_that_asks_for_it_by_name() {
    let (crm, mail) = (Backend::ok(), MailServer::start());
    let (named, all) = (Backend::ok(), Backend::ok());
    let mut g = Gateway::start(&text(&crm, &plain(&mail)));
    put(
        &g,
        "acct_1",
        &at_half(&["dev@example.com", "ops@example.com"]),
    );
    let types = ["usage.threshold_reached", "key.expiring"];
    assert_eq!(subscribe(&g, "acct_1", &named, &types), 201);
    assert_eq!(subscribe(&g, "acct_1", &all, &["*"]), 422);
    let events = "events:\n  - { type: contact.created, route: { method: POST, path: /v1/contacts }, status: [201] }\n";
    g.write_config(&text(&crm, &format!("{}{events}", plain(&mail))));
    eventually("a wildcard has something to stand for", SOON, || {
        (subscribe(&g, "acct_1", &all, &["*"]) == 201).then_some(())
    });
    assert_eq!(subscribe(&g, "acct_1", &all, &["delivery.exhausted"]), 422);
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    call(&g, &key, 4);
    put(&g, "acct_2", &at_half(&["other@example.com"]));
    call(&g, &key, 1);
    let taken = mail.wait_for(2, SOON);
    let mut to: Vec<&str> = taken.iter().flat_map(Taken::to).collect();
    to.sort_unstable();
    assert_eq!(to, ["dev@example.com", "ops@example.com"]);
    let subject = "API usage: 50 % of this month's quota is used";
    assert_eq!(taken[0].header("Subject"), subject);
    assert!(
        taken[0]
            .text()
            .contains("Account acct_1 has used 5 of the 10 requests")
    );
    assert!(taken[0].text().contains("https://portal.example/alerts"));
    assert_eq!(taken[0].header("From"), "Lead Fuel <api@lead.example>");
    assert_eq!(taken[0].header("Auto-Submitted"), "auto-generated");
    let seen = eventually("the webhook is told", SOON, || named.seen().pop());
    let body: Value = serde_json::from_slice(&seen.body).unwrap();
    assert_eq!(body["type"], "usage.threshold_reached");
    assert_eq!(body["account_id"], "acct_1");
    assert_eq!(
        (
            &body["data"]["policy"],
            &body["data"]["percent"],
            &body["data"]["used"],
            &body["data"]["limit"]
        ),
        (&json!("month"), &json!(50), &json!(5), &json!(10))
    );
    // What is told stays told over a restart, and the next mark is another one.
    assert_eq!(g.stop(), Some(0));
    g.start_again();
    call(&g, &key, 5);
    let taken = mail.wait_for(4, SOON);
    let last = "API usage: the quota of this month is used up";
    assert!(taken[2..].iter().all(|t| t.header("Subject") == last));
    eventually("the webhook is told of the second", SOON, || {
        (named.seen().len() == 2).then_some(())
    });
    assert_eq!(g.get("/v1/contacts", &key).status, 429);
    put(
        &g,
        "acct_1",
        &json!({"thresholds": {"month": [100]}, "emails": ["ops@example.com"]}),
    );
    // A further mark, after which nothing older can be under way any more.
    put(
        &g,
        "acct_1",
        &json!({"thresholds": {"month": [99]}, "emails": ["ops@example.com"]}),
    );
    let taken = mail.wait_for(5, SOON);
    assert_eq!(taken.len(), 5, "{taken:?}");
    assert!(all.seen().is_empty());
    eventually("all are counted", SOON, || {
        (mails(&g, "sent") == 3.0 && g.metric("fuelgate_mails_waiting ") == 0.0).then_some(())
    });
}

#[test]
fn a_key_that_expires_soon_is_mailed_whatever_its_name_is() {
    let (crm, mail) = (Backend::ok(), MailServer::start());
    let g = Gateway::start(&text(&crm, &plain(&mail)));
    let name = "\u{202e}\"><script>alert(1)</script> Ünïcode";
    let soon = g.admin(
        "POST",
        "/admin/v1/keys",
        Some(&json!({"account_id": "acct_1", "name": name, "scopes": ["contacts:read"], "expires_in_days": 30})),
    );
    assert_eq!(soon.status, 201, "{}", soon.text());
    g.key("acct_1", &["contacts:read"]);
    let alerts = json!({"key_expiry_days": [31, 1], "emails": ["dev@example.com"]});
    put(&g, "acct_1", &alerts);
    let taken = mail.wait_for(1, SOON).remove(0);
    let subject = "API key “\"><script>alert(1)</script> Ünïcode” expires in 31 days or less";
    assert_eq!(taken.header("Subject"), subject);
    assert!(!taken.html().contains("<script"), "{}", taken.html());
    assert!(taken.headers("Bcc").is_empty());
    let made = soon.json();
    let secret = made["secret"].as_str().unwrap();
    assert!(!taken.raw().contains(secret) && !taken.text().contains(secret));
    assert!(
        taken
            .text()
            .contains(&format!("lf_live…{}", &secret[secret.len() - 4..]))
    );
}

#[test]
fn two_nodes_on_one_redis_tell_a_mark_once() {
    let (crm, mail, receiver) = (Backend::ok(), MailServer::start(), Backend::ok());
    let server = Server::start(&[]);
    let text = text(&crm, &plain(&mail))
        .replace("month: 10 }", "month: 1000 }")
        .replace(
            "store: { engine: embedded, path: $DIR/fuelgate.db }",
            &server.store(", deadline_ms: 500"),
        );
    let nodes = [Gateway::start(&text), Gateway::start(&text)];
    assert_eq!(
        subscribe(&nodes[0], "acct_1", &receiver, &["usage.threshold_reached"]),
        201
    );
    put(
        &nodes[0],
        "acct_1",
        &json!({"thresholds": {"month": [1, 100]}, "emails": ["dev@example.com"]}),
    );
    let shown = nodes[1].admin("GET", "/admin/v1/alerts?account_id=acct_1", None);
    assert_eq!(shown.json()["thresholds"]["month"], json!([1, 100]));
    let (_, key) = nodes[0].key("acct_1", &["contacts:read"]);
    for node in &nodes {
        call(node, &key, 60);
    }
    let limit = Duration::from_secs(60);
    let both = |what: &str| {
        let counted: f64 = nodes.iter().map(|n| n.metric(what)).sum();
        counted
    };
    mail.wait_for(1, limit);
    // Each node has seen the settings and the mark by the time that this one reaches it.
    for node in &nodes {
        put(
            node,
            "acct_1",
            &json!({"thresholds": {"month": [2, 100]}, "emails": ["dev@example.com"]}),
        );
    }
    put(
        &nodes[1],
        "acct_1",
        &json!({"thresholds": {"month": [1, 2, 100]}, "emails": ["dev@example.com"]}),
    );
    for node in &nodes {
        put(
            node,
            "acct_1",
            &json!({"thresholds": {"month": [1, 2]}, "emails": ["dev@example.com"]}),
        );
    }
    mail.wait_for(2, limit);
    eventually("nothing waits", limit, || {
        (both("fuelgate_mails_waiting ") == 0.0).then_some(())
    });
    assert_eq!(mail.taken().len(), 2);
    assert_eq!(both("fuelgate_alerts_total{channel=\"mail\"}"), 2.0);
    eventually("the webhook is told of both", limit, || {
        (receiver.seen().len() == 2).then_some(())
    });
}
