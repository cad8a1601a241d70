//! Webhooks, deliveries and events as pages: made, changed, paused, deleted; what was sent, exactly, and sent again.

mod deliveries;
mod recover;

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::support::backend::{Answer, Backend};
use crate::support::portal::{Portal, Visitor, hidden};
use crate::support::{browser, eventually};

const LONG: Duration = Duration::from_secs(20);
const SCOPES: [&str; 2] = ["contacts:read", "contacts:write"];

/// A receiver that answers what the test says, with markup in its body.
pub(super) fn receiver() -> (Backend, Arc<AtomicU16>) {
    let status = Arc::new(AtomicU16::new(200));
    let answers = Arc::clone(&status);
    let backend = Backend::start(move |_| {
        let status = answers.load(Ordering::SeqCst);
        let body = format!("<script>window.__x=1</script> said {status}");
        Answer::Reply(status, vec![], body.into_bytes())
    });
    (backend, status)
}

/// Adds a webhook by its form: its id and secret.
pub(super) fn add(visitor: &Visitor, url: &str, types: &[&str]) -> (String, String) {
    let once = hidden(&visitor.page("/webhooks/new"), "once");
    let mut fields = vec![("url", url), ("description", "CRM sync"), ("once", &once)];
    fields.extend(types.iter().map(|t| ("type", *t)));
    let made = visitor.post("/webhooks", &fields);
    assert_eq!(made.status, 200, "{}", made.text());
    (id_in(&made.text(), "whk_"), secret_in(&made.text()))
}

/// The first id with this prefix in a page.
pub(super) fn id_in(page: &str, prefix: &str) -> String {
    let at = page
        .find(prefix)
        .unwrap_or_else(|| panic!("no {prefix} in {page}"));
    page[at..at + prefix.len() + 32].to_owned()
}

/// The webhook's secret in a page.
pub(super) fn secret_in(page: &str) -> String {
    let found = page.match_indices("whsec_").map(|(at, _)| &page[at..]);
    // The programs beside it say `whsec_...`.
    let mut found =
        found.filter(|text| !text.starts_with("whsec_.") && !text.starts_with("whsec_\""));
    let text = found
        .next()
        .unwrap_or_else(|| panic!("no secret in {page}"));
    text[..text.find('<').unwrap()].to_owned()
}

pub(super) fn has_secret(page: &str) -> bool {
    page.match_indices("whsec_")
        .any(|(at, _)| page.as_bytes()[at + 6].is_ascii_alphanumeric())
}

fn create_contact(portal: &Portal, key: &str, name: &str) {
    let letters: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let body = json!({"name": name, "email": format!("{letters}@example.com")});
    let made = portal.gateway.post("/v1/contacts", key, &body);
    assert_eq!(made.status, 201, "{}", made.text());
}

/// Where a form led.
fn place(visitor: &Visitor, target: &str, fields: &[(&str, &str)]) -> String {
    let answer = visitor.post(target, fields);
    assert_eq!(answer.status, 303, "{target}: {}", answer.text());
    answer.header("location").unwrap().to_owned()
}

/// Ids of deliveries in a list, newest first.
fn deliveries(visitor: &Visitor, query: &str) -> Vec<String> {
    let page = visitor.page(&format!("/deliveries{query}"));
    let found = page.match_indices("/deliveries/dlv_");
    found
        .map(|(at, _)| page[at + 12..at + 48].to_owned())
        .collect()
}

fn shows(visitor: &Visitor, path: &str, text: &str) -> String {
    eventually(&format!("{path} says {text}"), LONG, || {
        let page = visitor.page(path);
        page.contains(text).then_some(page)
    })
}

#[test]
fn a_webhook_is_made_once_and_its_secret_is_in_one_answer() {
    for (store, portal) in Portal::both() {
        let visitor = portal.signed_in("acct_1", "developer");
        assert!(visitor.page("/webhooks").contains("No webhooks yet"));
        let (backend, _) = receiver();
        let url = format!("http://{}/hook", backend.address);
        let once = hidden(&visitor.page("/webhooks/new"), "once");
        let fields = [
            ("url", url.as_str()),
            ("description", "\"><script>alert(1)</script>"),
            ("type", "contact.*"),
            ("type", "contact.created"),
            ("once", &once),
        ];
        let made = visitor.post("/webhooks", &fields);
        assert_eq!(made.status, 200, "{store}: {}", made.text());
        assert_eq!(made.header("cache-control"), Some("no-store"));
        let secret = secret_in(&made.text());
        let id = id_in(&made.text(), "whk_");
        // Sent again, as a reload does.
        let again = visitor.post("/webhooks", &fields);
        assert_eq!(again.status, 200);
        assert!(again.text().contains("This was done already") && !has_secret(&again.text()));
        assert!(again.text().contains(&format!("/webhooks/{id}\"")));
        // Other words in it make nothing; the page that says so has a form that does.
        let other = |once: &str| {
            let words = [
                ("url", url.as_str()),
                ("type", "deal.created"),
                ("once", once),
            ];
            visitor.post("/webhooks", &words)
        };
        let refused = other(&once);
        assert_eq!(refused.status, 409, "{store}");
        assert!(
            !has_secret(&refused.text()) && refused.text().contains("sent before with other words")
        );
        assert!(has_secret(&other(&hidden(&refused.text(), "once")).text()));

        let shown = visitor.page(&format!("/webhooks/{id}"));
        let list = visitor.page("/webhooks");
        for page in [&shown, &list] {
            assert!(
                !has_secret(page) && !page.contains("<script>alert"),
                "{store}"
            );
            assert!(page.contains("&lt;script&gt;alert(1)"));
        }
        assert!(shown.contains("contact.*") && list.matches("<tr>").count() == 3);
        let admin = portal
            .gateway
            .admin("GET", &format!("/admin/v1/webhooks/{id}"), None);
        assert_eq!(
            admin.json()["event_types"],
            json!(["contact.*"]),
            "covered ones are left out"
        );

        let (_, key) = portal.gateway.key("acct_1", &SCOPES);
        create_contact(&portal, &key, "ada");
        eventually("it is delivered", LONG, || {
            (backend.count() == 1).then_some(())
        });
        assert!(backend.last().verifies(&secret), "{store}");

        let log = portal
            .gateway
            .admin("GET", "/admin/v1/audit-log?action=webhook.create", None);
        let entry = &log.json()["data"][0];
        assert_eq!(
            (&entry["token"], &entry["actor"]),
            (&json!("fuelgate:portal"), &json!("u_1"))
        );
        assert!(
            !log.text().contains(&secret[6..]) && !portal.gateway.stderr().contains(&secret[6..])
        );
    }
}

#[test]
fn what_is_wrong_is_said_beside_its_field_and_what_was_said_stays() {
    let portal = Portal::start();
    let visitor = portal.signed_in("acct_1", "developer");
    let once = hidden(&visitor.page("/webhooks/new"), "once");
    let long = "x".repeat(201);
    for (fields, said) in [
        (
            vec![("url", "ftp://x/"), ("type", "*"), ("description", "mine")],
            "Endpoint URL: ",
        ),
        (
            vec![("url", "https://169.254.169.254/"), ("type", "*")],
            "Endpoint URL: ",
        ),
        (
            vec![("url", "https://example.com/")],
            "Events: expected at least one",
        ),
        (
            vec![("url", "https://example.com/"), ("type", "no.such")],
            "Events: unknown event type",
        ),
        (
            vec![
                ("url", "https://example.com/"),
                ("type", "*"),
                ("description", &long),
            ],
            "Description: expected at most 200",
        ),
    ] {
        let mut fields = fields;
        fields.push(("once", &once));
        let refused = visitor.post("/webhooks", &fields);
        assert_eq!(refused.status, 422, "{fields:?}: {}", refused.text());
        let page = refused.text();
        assert!(page.contains(said), "{said}: {page}");
        assert!(page.contains("aria-invalid=\"true\"") || said.starts_with("Events"));
        assert!(
            page.contains(&format!("value=\"{}\"", fields[0].1)),
            "what was typed stays"
        );
        assert!(page.contains(&once));
    }
    let twice = visitor.post("/webhooks", &[("url", "a"), ("url", "b"), ("once", &once)]);
    assert_eq!(twice.status, 422);
    let unknown = visitor.post(
        "/webhooks",
        &[
            ("url", "https://example.com/"),
            ("type", "*"),
            ("once", "x"),
        ],
    );
    assert_eq!(unknown.status, 422);
    assert!(visitor.page("/webhooks").contains("No webhooks yet"));
}

#[test]
fn a_webhook_is_changed_paused_resumed_rotated_and_deleted() {
    for (store, portal) in Portal::both() {
        let visitor = portal.signed_in("acct_1", "developer");
        let (backend, _) = receiver();
        let url = format!("http://{}/hook", backend.address);
        let (id, secret) = add(&visitor, &url, &["contact.created"]);
        let path = format!("/webhooks/{id}");
        let (_, key) = portal.gateway.key("acct_1", &SCOPES);

        assert_eq!(
            place(&visitor, &format!("{path}/pause"), &[]),
            format!("{path}?done=paused")
        );
        create_contact(&portal, &key, "ada");
        let waiting = eventually("it waits", LONG, || {
            deliveries(&visitor, "?status=pending").pop()
        });
        let page = visitor.page(&path);
        assert!(
            page.contains("Paused") && page.contains(&waiting),
            "{store}"
        );
        assert_eq!(backend.count(), 0);
        assert_eq!(
            place(&visitor, &format!("{path}/resume"), &[]),
            format!("{path}?done=resumed")
        );
        eventually("it is sent", LONG, || (backend.count() == 1).then_some(()));

        let changed = [
            ("url", url.as_str()),
            ("description", "New name"),
            ("type", "*"),
            ("type", "contact.created"),
        ];
        assert_eq!(
            place(&visitor, &path, &changed),
            format!("{path}?done=changed")
        );
        let page = visitor.page(&format!("{path}?done=changed"));
        assert!(page.contains("The webhook was changed.") && page.contains("New name"));
        assert!(page.contains("all events"));
        let bad = visitor.post(&path, &[("url", "nonsense"), ("type", "*")]);
        assert_eq!(bad.status, 422);
        assert!(
            bad.text().contains("value=\"nonsense\"") && bad.text().contains("id=\"edit\" open")
        );

        // For a day both secrets sign.
        let once = hidden(&visitor.page(&format!("{path}/secret")), "once");
        let made = visitor.post(&format!("{path}/secret"), &[("once", &once)]);
        assert_eq!(made.status, 200, "{}", made.text());
        let new = secret_in(&made.text());
        assert_ne!(new, secret);
        let again = visitor.post(&format!("{path}/secret"), &[("once", &once)]);
        assert!(!has_secret(&again.text()), "a reload makes no other secret");
        let test = place(&visitor, &format!("{path}/test"), &[]);
        assert!(test.starts_with("/deliveries/dlv_") && test.ends_with("?done=tested"));
        shows(&visitor, &test, "Succeeded");
        let seen = backend.last();
        assert!(seen.verifies(&secret) && seen.verifies(&new), "{store}");
        assert!(
            visitor
                .page(&path)
                .contains("The old one signs as well until")
        );

        assert!(
            visitor
                .page(&format!("{path}/delete"))
                .contains("cannot be undone")
        );
        assert_eq!(
            place(&visitor, &format!("{path}/delete"), &[]),
            "/webhooks?done=deleted"
        );
        assert_eq!(visitor.get(&path).status, 404);
        let page = visitor.page(&format!("/deliveries/{waiting}"));
        assert!(page.contains("the webhook was deleted"), "its log stays");
    }
}

#[test]
fn a_webhook_that_was_disabled_says_why_until_it_is_resumed() {
    let portal = Portal::start();
    let visitor = portal.signed_in("acct_1", "developer");
    let (backend, status) = receiver();
    status.store(410, Ordering::SeqCst);
    let (id, _) = add(&visitor, &format!("http://{}/", backend.address), &["*"]);
    let path = format!("/webhooks/{id}");
    place(&visitor, &format!("{path}/test"), &[]);
    let page = shows(&visitor, &path, "Nothing is sent to this webhook.");
    assert!(page.contains("410 Gone") && page.contains("Resume") && !page.contains("Send a test"));
    assert!(visitor.page("/webhooks").contains("Disabled"));
    let refused = visitor.post(&format!("{path}/test"), &[]);
    assert_eq!(refused.status, 409);
    assert!(refused.text().contains("The webhook is disabled."));
    place(&visitor, &format!("{path}/resume"), &[]);
    assert!(
        !visitor
            .page(&path)
            .contains("Nothing is sent to this webhook.")
    );
}

#[test]
fn a_developer_adds_a_webhook_in_the_browser_and_sees_it_work() {
    let portal = Portal::start();
    let visitor = portal.signed_in("acct_1", "developer");
    let (_, key) = portal.gateway.key("acct_1", &SCOPES);
    let input =
        json!({"origin": portal.url, "cookie": visitor.cookie, "api": portal.api_url, "key": key});
    let faults = browser::run("webhooks", &input);
    assert_eq!(faults, json!([]), "{faults:#}");
}
