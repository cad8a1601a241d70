//! When a mark is told again and when it is not: days before a key ends, windows that begin anew, nodes that share a store.

use std::time::Duration;

use fuelgate::base::clock::Clock;
use serde_json::{Value, json};

use super::{SOON, at_half, call, plain, put, subscribe, text};
use crate::support::backend::Backend;
use crate::support::eventually;
use crate::support::gateway::Gateway;
use crate::support::redis::Server;
use crate::support::smtp::{MailServer, Taken};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Makes a key that ends a minute less than so many days from now.
fn key_of_days(g: &Gateway, account: &str, name: &str, days: u32) {
    let ends = Clock::system()
        .now()
        .plus(DAY * days - Duration::from_secs(60));
    let body = json!({"account_id": account, "name": name, "scopes": ["contacts:read"], "expires_at": ends.to_string()});
    let made = g.admin("POST", "/admin/v1/keys", Some(&body));
    assert_eq!(made.status, 201, "{}", made.text());
}

/// What a receiver got so far, by its `data`.
fn told(receiver: &Backend) -> Vec<Value> {
    let seen = receiver.seen().into_iter();
    let data = seen.map(|s| serde_json::from_slice::<Value>(&s.body).unwrap()["data"].clone());
    data.collect()
}

fn to<'a>(mails: &'a [Taken], address: &str) -> Vec<&'a Taken> {
    mails.iter().filter(|m| m.to() == [address]).collect()
}

/// A mark of another account, reached and told after all that was reached before it.
fn something_later(g: &Gateway, mail: &MailServer, address: &str) {
    let account = format!("acct_{}", address.split('@').next().unwrap());
    let (_, key) = g.key(&account, &["contacts:read"]);
    call(g, &key, 6);
    put(g, &account, &at_half(&[address]));
    eventually("what comes later is told", SOON * 2, || {
        (to(&mail.taken(), address).len() == 1).then_some(())
    });
    eventually("nothing waits", SOON, || {
        (g.metric("fuelgate_mails_waiting ") == 0.0).then_some(())
    });
}

#[test]
fn a_key_is_told_of_14_7_and_1_days_before_its_end_and_of_each_of_them_once() {
    let (crm, mail, receiver) = (Backend::ok(), MailServer::start(), Backend::ok());
    let mut g = Gateway::start(&text(&crm, &plain(&mail)));
    assert_eq!(subscribe(&g, "acct_1", &receiver, &["key.expiring"]), 201);
    key_of_days(&g, "acct_1", "Nightly", 14);
    key_of_days(&g, "acct_1", "For long", 60);
    g.key("acct_1", &["contacts:read"]);
    let alerts = json!({"key_expiry_days": [14, 7, 1], "emails": ["dev@example.com"]});
    put(&g, "acct_1", &alerts);
    // Each with a start before it at which there is nothing new.
    let marks = [
        (14, "+0d"),
        (14, "+6d"),
        (7, "+7d"),
        (7, "+12d"),
        (1, "+13d"),
        (1, "+13d"),
    ];
    let mut days: Vec<i64> = Vec::new();
    for (n, (mark, shift)) in marks.into_iter().enumerate() {
        if n > 0 {
            assert_eq!(g.stop(), Some(0));
            g.shift(shift);
            g.start_again();
        }
        if days.last() != Some(&mark) {
            days.push(mark);
        }
        eventually("the webhook and the address are told", SOON, || {
            let is_told = told(&receiver).len() == days.len();
            (is_told && to(&mail.taken(), "dev@example.com").len() == days.len()).then_some(())
        });
        something_later(&g, &mail, &format!("later{n}@example.com"));
        let events = told(&receiver);
        let of = |e: &Value| e["days"].as_i64().unwrap();
        assert_eq!(events.iter().map(of).collect::<Vec<_>>(), days, "{shift}");
        assert!(events.iter().all(|e| e["name"] == "Nightly"), "{events:?}");
        assert_eq!(to(&mail.taken(), "dev@example.com").len(), days.len());
    }
    let taken = mail.taken();
    let subjects: Vec<_> = to(&taken, "dev@example.com")
        .iter()
        .map(|m| m.header("Subject"))
        .collect();
    assert!(subjects[0].contains("in 14 days or less"), "{subjects:?}");
    assert!(subjects[2].contains("in 1 day"), "{subjects:?}");
    // Of what has ended nobody is told.
    assert_eq!(g.stop(), Some(0));
    g.shift("+15d");
    g.start_again();
    something_later(&g, &mail, "last@example.com");
    assert_eq!(told(&receiver).len(), 3);
    assert_eq!(to(&mail.taken(), "dev@example.com").len(), 3);
}

#[test]
fn a_mark_is_told_again_in_the_next_window_and_never_twice_in_one() {
    let (crm, mail, receiver) = (Backend::ok(), MailServer::start(), Backend::ok());
    let mut g = Gateway::start(&text(&crm, &plain(&mail)));
    let types = ["usage.threshold_reached"];
    assert_eq!(subscribe(&g, "acct_1", &receiver, &types), 201);
    put(&g, "acct_1", &at_half(&["dev@example.com"]));
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    let mut windows = Vec::new();
    for (window, shift) in ["+0d", "+32d", "+64d"].into_iter().enumerate() {
        if window > 0 {
            assert_eq!(g.stop(), Some(0));
            g.shift(shift);
            g.start_again();
        }
        // Only once it is half used again: what the last window had counts no more.
        call(&g, &key, 4);
        something_later(&g, &mail, &format!("later{window}@example.com"));
        assert_eq!(to(&mail.taken(), "dev@example.com").len(), window);
        call(&g, &key, 1);
        eventually("it is told", SOON, || {
            let is_told = told(&receiver).len() == window + 1;
            (is_told && to(&mail.taken(), "dev@example.com").len() == window + 1).then_some(())
        });
        // Neither more of the same nor another start tells it again.
        assert_eq!(g.stop(), Some(0));
        g.start_again();
        call(&g, &key, 2);
        put(
            &g,
            "acct_1",
            &json!({"thresholds": {"month": [40, 50, 100]}, "emails": ["dev@example.com"]}),
        );
        put(&g, "acct_1", &at_half(&["dev@example.com"]));
        something_later(&g, &mail, &format!("again{window}@example.com"));
        let events = told(&receiver);
        assert_eq!(events.len(), window + 1, "{events:?}");
        assert_eq!(to(&mail.taken(), "dev@example.com").len(), window + 1);
        assert_eq!(events[window]["percent"], 50);
        windows.push(events[window]["resets_at"].as_str().unwrap().to_owned());
    }
    windows.dedup();
    assert_eq!(windows.len(), 3, "{windows:?}");
}

#[test]
fn two_nodes_on_one_redis_tell_of_a_key_once() {
    let (crm, mail, receiver) = (Backend::ok(), MailServer::start(), Backend::ok());
    let server = Server::start(&[]);
    let text = text(&crm, &plain(&mail)).replace(
        "store: { engine: embedded, path: $DIR/fuelgate.db }",
        &server.store(", deadline_ms: 500"),
    );
    let mut nodes = [Gateway::start(&text), Gateway::start(&text)];
    assert_eq!(
        subscribe(&nodes[0], "acct_1", &receiver, &["key.expiring"]),
        201
    );
    key_of_days(&nodes[0], "acct_1", "Nightly", 7);
    for (node, days) in nodes.iter().zip([&[14, 7][..], &[30, 14, 7]]) {
        put(
            node,
            "acct_1",
            &json!({"key_expiry_days": days, "emails": ["dev@example.com"]}),
        );
    }
    let both_told = |n| {
        eventually("both are told", SOON * 2, || {
            let is_told = told(&receiver).len() == n;
            (is_told && to(&mail.taken(), "dev@example.com").len() == n).then_some(())
        });
    };
    both_told(1);
    // Each looks at all keys as it starts.
    for node in &mut nodes {
        assert_eq!(node.stop(), Some(0));
        node.start_again();
    }
    for (n, node) in nodes.iter().enumerate() {
        key_of_days(node, "acct_2", "Sentinel", 7);
        put(
            node,
            "acct_2",
            &json!({"key_expiry_days": [7 + n], "emails": [format!("later{n}@example.com")]}),
        );
    }
    eventually("what comes later is told", SOON * 2, || {
        let all = mail.taken();
        let later = |n: usize| !to(&all, &format!("later{n}@example.com")).is_empty();
        (later(0) && later(1)).then_some(())
    });
    both_told(1);
    assert_eq!(told(&receiver)[0]["days"], 7);
}
