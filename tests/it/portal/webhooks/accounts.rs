//! Another account's things, and viewers: nothing of the one is found, nothing is changed by the other.

use fuelgate::web::portal::table::{Needs, all};
use serde_json::{Value, json};

use super::{add, id_in, place, receiver, shows};
use crate::portal::walk;
use crate::support::portal::{Portal, Visitor, hidden};

/// An account with one of everything.
fn furnished(portal: &Portal, account: &str) -> (Visitor, Value) {
    let visitor = portal.signed_in(account, "developer");
    let (backend, _) = receiver();
    let (webhook, _) = add(&visitor, &format!("http://{}/", backend.address), &["*"]);
    let test = place(&visitor, &format!("/webhooks/{webhook}/test"), &[]);
    let page = shows(&visitor, &test, "Succeeded");
    let once = hidden(&visitor.page("/webhook-simulator"), "once");
    let made = visitor.post(
        "/webhook-simulator/inboxes",
        &[("minutes", "60"), ("once", &once)],
    );
    let ids = json!({
        "webhook": webhook, "delivery": id_in(&page, "dlv_"), "event": id_in(&page, "evt_"),
        "inbox": id_in(&made.text(), "ibx_"),
    });
    (visitor, ids)
}

fn filled(template: &str, ids: &Value) -> Option<String> {
    let mut path = template.to_owned();
    for (name, id) in ids.as_object().unwrap() {
        path = path.replace(&format!("{{{name}}}"), id.as_str().unwrap());
    }
    (!path.contains('{')).then_some(path)
}

/// A page without what is another in every answer.
fn essence(answer: &crate::support::http::Response) -> String {
    let text = answer.text();
    text.split("Request <code>").next().unwrap().to_owned()
}

#[test]
fn another_accounts_things_are_as_good_as_not_there() {
    for (store, portal) in Portal::both() {
        let (_, theirs) = furnished(&portal, "acct_2");
        let (visitor, own) = furnished(&portal, "acct_1");
        let nobodys = json!({
            "webhook": format!("whk_{}", "0".repeat(32)), "delivery": format!("dlv_{}", "0".repeat(32)),
            "event": format!("evt_{}", "0".repeat(32)), "inbox": format!("ibx_{}", "0".repeat(32)),
        });
        let bad = json!({"webhook": "whk_1", "delivery": "x", "event": "a.b", "inbox": "%7B"});
        let pages = all().filter(|p| p.path.contains('{'));
        let mut tried = 0;
        for page in pages {
            let Some(path) = filled(page.path, &theirs) else {
                continue;
            };
            let ask = |path: &str| match page.method {
                "GET" => visitor.get(path),
                _ => visitor.post(
                    path,
                    &[
                        ("from", "1h"),
                        ("url", "https://example.com/"),
                        ("type", "*"),
                        ("once", &"a".repeat(32)),
                    ],
                ),
            };
            let refused = ask(&path);
            assert_eq!(refused.status, 404, "{store}: {} {path}", page.method);
            for ids in [&nobodys, &bad] {
                let unknown = ask(&filled(page.path, ids).unwrap());
                assert_eq!(
                    essence(&unknown),
                    essence(&refused),
                    "{store}: {} {path}",
                    page.method
                );
            }
            tried += 1;
        }
        assert!(tried >= 17, "{tried}");
        for (name, id) in theirs.as_object().unwrap() {
            let id = id.as_str().unwrap();
            for list in [
                "/webhooks",
                "/deliveries",
                "/events",
                "/webhook-simulator",
                "/",
            ] {
                assert!(
                    !visitor.page(list).contains(id),
                    "{store}: {list} has another's {name}"
                );
            }
        }
        let theirs = theirs["webhook"].as_str().unwrap();
        assert_eq!(
            visitor.get(&format!("/deliveries?webhook={theirs}")).status,
            404
        );
        assert!(
            visitor
                .page(&format!("/webhooks/{}", own["webhook"].as_str().unwrap()))
                .contains("Active")
        );
    }
}

#[test]
fn viewers_see_everything_and_change_nothing() {
    let portal = Portal::start();
    let (_, ids) = furnished(&portal, "acct_1");
    let viewer = portal.signed_in("acct_1", "viewer");
    for page in all() {
        let is_ours = ["/webhook", "/deliver", "/event"]
            .iter()
            .any(|p| page.path.starts_with(p));
        let Some(path) = filled(page.path, &ids).filter(|_| is_ours) else {
            continue;
        };
        let needs_developer = page.needs == Needs::Developer;
        if page.method == "POST" {
            assert_eq!(viewer.post(&path, &[]).status, 403, "{path}");
            continue;
        }
        let answer = viewer.get(&path);
        assert_eq!(
            answer.status,
            if needs_developer { 403 } else { 200 },
            "{path}"
        );
        let forms = answer.text().matches("method=\"post\"").count();
        // The menu is there twice, each with its own button to sign out.
        assert_eq!(forms, if path.ends_with("/body") { 0 } else { 2 }, "{path}");
        assert!(
            !answer.text().contains("/inbox/"),
            "{path}: who knows an inbox's address may post there"
        );
    }
}

#[test]
fn the_pages_are_whole_in_a_real_browser() {
    let portal = Portal::start();
    let (visitor, ids) = furnished(&portal, "acct_1");
    let pages: Vec<Value> = all()
        .filter(|p| {
            ["/webhook", "/deliver", "/event"]
                .iter()
                .any(|s| p.path.starts_with(s))
        })
        .filter_map(|p| {
            let name = p.path.trim_matches('/').replace(['/', '{', '}'], "-");
            Some(json!({"name": name, "path": filled(p.sample?, &ids)?}))
        })
        .collect();
    assert!(pages.len() >= 11, "{pages:?}");
    walk::walk(&portal, visitor.cookie.as_deref(), &pages);
}
