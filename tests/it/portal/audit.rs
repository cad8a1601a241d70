//! Every deed of the portal leaves one entry in the audit log: who, from where, on what, and no secret.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::keys;
use super::webhooks::{add, id_in, receiver, secret_in};
use crate::support::eventually;
use crate::support::portal::{Portal, Visitor, hidden};

/// What the log says, oldest first: deeds of the portal alone.
fn log(portal: &Portal) -> Vec<Value> {
    let path = "/admin/v1/audit-log?limit=200";
    let mut all = portal.gateway.admin("GET", path, None).json()["data"].take();
    let mut all = std::mem::take(all.as_array_mut().unwrap());
    all.retain(|e| e["token"] == "fuelgate:portal");
    all.reverse();
    all
}

/// Does something and gives the one entry that it left.
fn one(portal: &Portal, what: &str, deed: impl FnOnce()) -> Value {
    let before = log(portal).len();
    deed();
    let mut after = log(portal);
    assert_eq!(after.len(), before + 1, "{what}: {:#?}", &after[before..]);
    after.pop().unwrap()
}

fn form(visitor: &Visitor, target: &str, fields: &[(&str, &str)]) -> String {
    let answer = visitor.post(target, fields);
    assert!(
        [200, 303].contains(&answer.status),
        "{target}: {}",
        answer.text()
    );
    answer.text()
}

/// A form with the text that makes it work once, read from the page that has it.
fn once(visitor: &Visitor, page: &str, target: &str, fields: &[(&str, &str)]) -> String {
    let text = hidden(&visitor.page(page), "once");
    let mut all = vec![("once", text.as_str())];
    all.extend(fields);
    let answer = form(visitor, target, &all);
    // Sent again it does nothing, and leaves nothing.
    form(visitor, target, &all);
    answer
}

#[test]
fn every_deed_leaves_one_entry_with_its_actor_and_no_secret_on_both_stores() {
    for (store, portal) in Portal::both() {
        let mut secrets = Vec::new();
        let mut entries: BTreeMap<&str, Value> = BTreeMap::new();
        let mut visitor = None;
        let link = portal.link("acct_1", "developer");
        entries.insert(
            "link",
            one(&portal, "link", || visitor = Some(portal.opens(&link))),
        );
        let visitor = visitor.unwrap();
        for text in [link.as_str(), visitor.cookie.as_deref().unwrap()] {
            secrets.push(
                text.split('.')
                    .nth(text.split('.').count() - 2)
                    .unwrap()
                    .to_owned(),
            );
        }

        let (mut id, mut path) = (String::new(), String::new());
        let made = one(&portal, "key made", || {
            let fields = [
                ("name", "Sync"),
                ("scope", "contacts:read"),
                ("expires", "30"),
            ];
            let page = "/keys/new?step=review&name=Sync&scope=contacts%3Aread&expires=30";
            let page = once(&visitor, page, "/keys", &fields);
            id = id_in(&page, "key_");
            path = format!("/keys/{id}");
            secrets.push(keys::secret_in(&page));
        });
        entries.insert("key made", made);
        let changed = one(&portal, "key changed", || {
            form(
                &visitor,
                &path,
                &[("name", "Renamed"), ("scope", "deals:read")],
            );
        });
        assert_eq!(
            changed["details"]["name"],
            json!({"from": "Sync", "to": "Renamed"}),
            "{changed:#}"
        );
        entries.insert("key changed", changed);
        let rotated = one(&portal, "key rotated", || {
            let ask = format!("{path}/rotate");
            let page = once(&visitor, &ask, &ask, &[("grace_seconds", "3600")]);
            secrets.push(keys::secret_in(&page));
        });
        entries.insert("key rotated", rotated);
        let end = secrets.last().unwrap();
        let end = end[end.len() - 4..].to_owned();
        let revoked = one(&portal, "key revoked", || {
            form(&visitor, &format!("{path}/revoke"), &[("confirm", &end)]);
        });
        entries.insert("key revoked", revoked);

        let (backend, _) = receiver();
        let url = format!("http://{}/hook", backend.address);
        let (mut webhook, mut path) = (String::new(), String::new());
        let made = one(&portal, "webhook made", || {
            let (made, secret) = add(&visitor, &url, &["*"]);
            path = format!("/webhooks/{made}");
            webhook = made;
            secrets.push(secret);
        });
        entries.insert("webhook made", made);
        entries.insert(
            "webhook changed",
            one(&portal, "webhook changed", || {
                let fields = [
                    ("url", url.as_str()),
                    ("description", "Other"),
                    ("type", "*"),
                ];
                form(&visitor, &path, &fields);
            }),
        );
        for deed in ["pause", "resume"] {
            entries.insert(
                deed,
                one(&portal, deed, || {
                    form(&visitor, &format!("{path}/{deed}"), &[]);
                }),
            );
        }
        entries.insert(
            "webhook rotated",
            one(&portal, "webhook rotated", || {
                let ask = format!("{path}/secret");
                secrets.push(secret_in(&once(&visitor, &ask, &ask, &[])));
            }),
        );
        let mut delivery = String::new();
        entries.insert(
            "test",
            one(&portal, "test", || {
                let answer = visitor.post(&format!("{path}/test"), &[]);
                delivery = answer
                    .header("location")
                    .unwrap()
                    .split('?')
                    .next()
                    .unwrap()
                    .to_owned();
            }),
        );
        let event = eventually("it was delivered", Duration::from_secs(10), || {
            let page = visitor.page(&delivery);
            page.contains("Succeeded").then(|| id_in(&page, "evt_"))
        });
        for (what, target, fields) in [
            ("retry", format!("{delivery}/retry"), &[][..]),
            ("replay", format!("/events/{event}/replay"), &[]),
            (
                "replays",
                format!("{path}/replay-failed"),
                &[("from", "1h")],
            ),
        ] {
            entries.insert(
                what,
                one(&portal, what, || {
                    form(&visitor, &target, fields);
                }),
            );
        }
        let inbox = one(&portal, "inbox", || {
            let page = "/webhook-simulator";
            let fields = [("minutes", "60")];
            let made = once(&visitor, page, "/webhook-simulator/inboxes", &fields);
            secrets.push(secret_in(&made));
        });
        entries.insert("inbox", inbox);
        entries.insert(
            "sent",
            one(&portal, "sent", || {
                let to = format!("webhook:{webhook}");
                let fields = [
                    ("type", "contact.created"),
                    ("data", "{\"id\":\"c_1\"}"),
                    ("action", "send"),
                    ("signer", &to),
                ];
                form(&visitor, "/webhook-simulator", &fields);
            }),
        );
        entries.insert(
            "alerts",
            one(&portal, "alerts", || {
                form(
                    &visitor,
                    "/alerts",
                    &[("month_percent", "80"), ("mail_me", "yes")],
                );
            }),
        );
        entries.insert(
            "webhook deleted",
            one(&portal, "webhook deleted", || {
                form(&visitor, &format!("{path}/delete"), &[]);
            }),
        );
        entries.insert(
            "sign-out",
            one(&portal, "sign-out", || {
                form(&visitor, "/sign-out", &[]);
            }),
        );

        for (what, action, target) in [
            ("link", "portal_session.open", None),
            ("key made", "key.create", Some(&id)),
            ("key changed", "key.update", Some(&id)),
            ("key rotated", "key.rotate", Some(&id)),
            ("key revoked", "key.revoke", Some(&id)),
            ("webhook made", "webhook.create", Some(&webhook)),
            ("webhook changed", "webhook.update", Some(&webhook)),
            ("pause", "webhook.update", Some(&webhook)),
            ("resume", "webhook.update", Some(&webhook)),
            ("webhook rotated", "webhook.rotate_secret", Some(&webhook)),
            ("test", "webhook.test", Some(&webhook)),
            ("retry", "delivery.retry", None),
            ("replay", "event.replay", Some(&event)),
            ("replays", "replay.create", None),
            ("inbox", "inbox.create", None),
            ("sent", "simulator.send", Some(&webhook)),
            ("alerts", "alerts.put", None),
            ("webhook deleted", "webhook.delete", Some(&webhook)),
            ("sign-out", "portal_session.end", None),
        ] {
            let entry = entries.remove(what).unwrap();
            assert_eq!(entry["action"], action, "{store} {what}: {entry:#}");
            assert_eq!(entry["actor"], "u_1", "{what}");
            assert_eq!(entry["account_id"], "acct_1", "{what}");
            assert_eq!(entry["address"], "127.0.0.1", "{what}");
            assert_eq!(entry["request_id"].as_str().unwrap().len(), 32, "{what}");
            if let Some(target) = target {
                assert_eq!(entry["target"], target.as_str(), "{what}");
            }
        }
        assert!(entries.is_empty(), "{:?}", entries.keys());
        let all = portal
            .gateway
            .admin("GET", "/admin/v1/audit-log?limit=200", None);
        assert!(all.text().contains(&id) && secrets.len() >= 7);
        for secret in &secrets {
            assert!(
                secret.len() >= 30 && !all.text().contains(secret.as_str()),
                "{store}: {secret}"
            );
        }
    }
}

#[test]
fn reading_and_what_is_refused_leave_no_entry() {
    let portal = Portal::start();
    let visitor = portal.signed_in("acct_1", "developer");
    let viewer = portal.signed_in("acct_1", "viewer");
    let before = log(&portal).len();
    for page in [
        "/",
        "/keys",
        "/webhooks",
        "/usage",
        "/alerts",
        "/session",
        "/webhook-simulator",
    ] {
        visitor.page(page);
    }
    assert_eq!(
        viewer.post("/alerts", &[("month_percent", "80")]).status,
        403
    );
    assert_eq!(visitor.post_raw("/sign-out", &[("csrf", "x")]).status, 403);
    assert_eq!(
        visitor.post("/keys", &[("name", ""), ("once", "")]).status,
        422
    );
    let used = portal.link("acct_1", "developer");
    let path = used.strip_prefix(&portal.url).unwrap();
    let opened = one(&portal, "opened", || drop(portal.opens(&used)));
    assert_eq!(
        opened["details"],
        json!({"user": "u_1", "role": "developer"})
    );
    assert_eq!(portal.stranger().get(path).status, 403);
    assert_eq!(log(&portal).len(), before + 1);
}

#[test]
fn a_session_that_another_one_replaces_is_told_as_ended() {
    let portal = Portal::start();
    let visitor = portal.signed_in("acct_1", "developer");
    let link = portal.link_for("acct_2", "u_9", "viewer");
    let token = link.rsplit('/').next().unwrap().to_owned();
    let before = log(&portal).len();
    form(&visitor, "/sign-in/switch", &[("token", &token)]);
    let after = log(&portal);
    let said: Vec<_> = after[before..]
        .iter()
        .map(|e| (&e["action"], &e["actor"], &e["account_id"], &e["details"]))
        .collect();
    let (opened, ended) = (json!("portal_session.open"), json!("portal_session.end"));
    let (first, second) = (json!("u_1"), json!("u_9"));
    let (one, two) = (json!("acct_1"), json!("acct_2"));
    let role = json!({"user": "u_9", "role": "viewer"});
    let why = json!({"why": "replaced"});
    assert!(said.contains(&(&opened, &second, &two, &role)), "{said:?}");
    assert!(said.contains(&(&ended, &first, &one, &why)), "{said:?}");
    assert_eq!(said.len(), 2);
}
