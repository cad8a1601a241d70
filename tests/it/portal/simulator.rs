//! The simulator as a page: what it shows and sends, with every fault, to inboxes and to receivers that verify; and its inboxes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde_json::json;

use super::webhooks::{add, has_secret, id_in, receiver, secret_in};
use crate::support::backend::{Answer, Backend};
use crate::support::browser;
use crate::support::portal::{Portal, Visitor, hidden};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const PAGE: &str = "/webhook-simulator";

/// Makes an inbox by its form: its id and the page that says so.
fn inbox(visitor: &Visitor) -> (String, String) {
    let once = hidden(&visitor.page(PAGE), "once");
    let fields = [("minutes", "60"), ("once", once.as_str())];
    let made = visitor.post("/webhook-simulator/inboxes", &fields);
    assert_eq!(made.status, 200, "{}", made.text());
    let again = visitor.post("/webhook-simulator/inboxes", &fields);
    assert_eq!(again.status, 303, "a reload makes no other");
    (id_in(&made.text(), "ibx_"), made.text())
}

/// The result of the form, for an event with this data.
fn send(visitor: &Visitor, data: &str, fields: &[(&str, &str)]) -> String {
    let mut all = vec![("type", "contact.created"), ("data", data)];
    if !fields.iter().any(|(name, _)| *name == "action") {
        all.push(("action", "send"));
    }
    all.extend(fields);
    let answer = visitor.post(PAGE, &all);
    assert_eq!(answer.status, 200, "{fields:?}: {}", answer.text());
    result(&answer.text())
}

fn result(page: &str) -> String {
    let at = page.find("id=\"result\"").expect("a result");
    page[at..at + page[at..].find("</section><").unwrap_or(page.len() - at)].to_owned()
}

/// A receiver that verifies with a client that others use, and says so in markup.
fn good_receiver() -> Backend {
    Backend::start(|seen| {
        let status = if seen.verifies(SECRET) { 200 } else { 401 };
        let body = b"<script>window.__x=1</script>".to_vec();
        Answer::Reply(status, vec![("X-Seen".into(), "<b>".into())], body)
    })
}

#[test]
fn an_inbox_catches_what_is_sent_with_each_fault_and_says_whether_it_verifies() {
    for (store, portal) in Portal::both() {
        let visitor = portal.signed_in("acct_1", "developer");
        let (id, made) = inbox(&visitor);
        let secret = secret_in(&made);
        assert!(made.contains(&format!("{}/inbox/", portal.url)));
        let signer = format!("inbox:{id}");
        let page = visitor.page(&format!("{PAGE}?signer={signer}&type=deal.created"));
        assert!(page.contains(&format!("value=\"{signer}\" selected")));
        assert!(
            page.contains("value=\"deal.created\" selected") && page.contains("annual licence")
        );

        // An inbox takes everything: as a receiver it is careless.
        for (fault, as_expected) in [
            ("", true),
            ("duplicate", true),
            ("out_of_order", true),
            ("old_timestamp", false),
            ("wrong_signature", false),
            ("huge", true),
        ] {
            let shown = send(
                &visitor,
                "{\"id\": 1}",
                &[("signer", &signer), ("fault", fault)],
            );
            assert_eq!(
                shown.contains("As expected."),
                as_expected,
                "{store} {fault}: {shown}"
            );
            assert_eq!(
                shown.contains("Should have been refused"),
                !as_expected,
                "{store} {fault}"
            );
            assert!(!has_secret(&shown));
        }
        let caught = visitor.page(&format!("{PAGE}/inboxes/{id}"));
        let count = |text: &str| caught.matches(text).count();
        assert_eq!(
            (count(">Verified<"), count(">Not verified<")),
            (7, 2),
            "{store}"
        );
        assert!(caught.contains("Signed with the inbox’s own secret."));
        assert!(!has_secret(&caught) && !portal.gateway.stderr().contains(&secret[6..]));

        // To an inbox with the secret of something else: caught, and not verified.
        let (other, _) = inbox(&visitor);
        let target = format!("inbox:{other}");
        send(&visitor, "{}", &[("signer", &signer), ("target", &target)]);
        assert!(
            visitor
                .page(&format!("{PAGE}/inboxes/{other}"))
                .contains("Not verified: no signature fits")
        );

        let gone = visitor.post(&format!("{PAGE}/inboxes/{id}/delete"), &[]);
        assert_eq!(
            (gone.status, gone.header("location")),
            (303, Some("/webhook-simulator?done=inbox-deleted"))
        );
        assert_eq!(visitor.get(&format!("{PAGE}/inboxes/{id}")).status, 404);
        let log = portal.gateway.admin(
            "GET",
            "/admin/v1/audit-log?action=simulator.send&limit=200",
            None,
        );
        let log_entries = log.json()["data"].as_array().unwrap().len();
        assert_eq!(log_entries, 7, "{store}: each is in the audit log");
        assert!(!log.text().contains("/inbox/"));
    }
}

#[test]
fn what_is_shown_is_signed_with_the_secret_that_is_shown_once() {
    let portal = Portal::start();
    let visitor = portal.signed_in("acct_1", "developer");
    let fields = [
        ("signer", "new"),
        ("action", "show"),
        ("id", "evt_mine"),
        ("timestamp", "1614265330"),
        ("sequence", "7"),
    ];
    let shown = send(&visitor, "{\"id\":\"<b>\",\"n\":1.10}", &fields);
    let secret = secret_in(&shown);
    let at = shown.find("data-exact>").unwrap() + 11;
    let signed = &shown[at..at + shown[at..].find("</code>").unwrap()];
    let signed = signed
        .replace("&quot;", "\"")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    assert!(
        signed.starts_with("evt_mine.1614265330.{\"type\":\"contact.created\",\"timestamp\":\""),
        "{signed}"
    );
    assert!(
        signed.ends_with(
            "\"account_id\":\"acct_1\",\"sequence\":7,\"data\":{\"id\":\"<b>\",\"n\":1.10}}"
        ),
        "{signed}"
    );
    let key = STANDARD.decode(&secret[6..]).unwrap();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), signed.as_bytes());
    let signature = format!("v1,{}", STANDARD.encode(tag.as_ref()));
    assert!(shown.contains(&signature), "{shown}");

    let notice = [
        ("type", "usage.threshold_reached"),
        ("data", "{}"),
        ("signer", "new"),
        ("action", "show"),
    ];
    assert_eq!(
        visitor.post(PAGE, &notice).status,
        200,
        "what accounts are told by name"
    );

    // A webhook's secret signs and is not shown.
    let (backend, _) = receiver();
    let (id, secret) = add(&visitor, &format!("http://{}/", backend.address), &["*"]);
    let signer = format!("webhook:{id}");
    let shown = send(&visitor, "{}", &[("signer", &signer), ("action", "show")]);
    assert!(!has_secret(&shown) && !shown.contains(&secret[6..]));
    assert_eq!(backend.count(), 0, "nothing was sent");
    let sent = send(&visitor, "{}", &[("signer", &signer)]);
    assert!(sent.contains("200 OK") && backend.count() == 1, "{sent}");
    assert!(
        !visitor.page("/deliveries").contains("dlv_"),
        "it is no delivery"
    );
}

#[test]
fn a_receiver_that_verifies_does_as_expected_and_its_reply_is_text() {
    let portal = Portal::start();
    let visitor = portal.signed_in("acct_1", "developer");
    let good = good_receiver();
    let url = format!("http://{}/h", good.address);
    for (fault, requests) in [
        ("", 1),
        ("duplicate", 2),
        ("out_of_order", 3),
        ("old_timestamp", 1),
        ("wrong_signature", 1),
        ("slow", 1),
        ("huge", 1),
    ] {
        good.clear();
        let fields = [
            ("signer", "secret"),
            ("secret", SECRET),
            ("target", "url"),
            ("url", &url),
            ("fault", fault),
        ];
        let shown = send(&visitor, "{\"id\": 1}", &fields);
        assert!(shown.contains("As expected."), "{fault}: {shown}");
        assert_eq!(good.count(), requests, "{fault}");
        assert!(!shown.contains("<script>window") && shown.contains("&lt;script&gt;window.__x=1"));
        assert!(shown.contains("x-seen") && shown.contains("&lt;b&gt;"));
        assert!(
            !shown.contains(&SECRET[6..]),
            "a secret that was typed is not shown again"
        );
    }
    let nobody = Backend::start(|_| Answer::Raw(vec![]));
    let url = format!("http://{}/h", nobody.address);
    let fields = [
        ("signer", "secret"),
        ("secret", SECRET),
        ("target", "url"),
        ("url", &url),
    ];
    let shown = send(&visitor, "{}", &fields);
    assert!(
        shown.contains("Not as expected.") && shown.contains("No reply"),
        "{shown}"
    );
}

#[test]
fn what_is_wrong_in_the_form_is_said_and_the_rest_stays() {
    let portal = Portal::start();
    let visitor = portal.signed_in("acct_1", "developer");
    for (fields, said) in [
        (vec![("data", "{")], "Data: expected JSON: EOF"),
        (vec![("type", "no.such")], "Event type: unknown event type"),
        (vec![("signer", "secret")], "Secret: expected the secret"),
        (
            vec![("signer", "secret"), ("secret", "whsec_x")],
            "Secret: expected whsec_",
        ),
        (
            vec![("signer", "me")],
            "Signed with: expected one of the list",
        ),
        (
            vec![("target", "nowhere")],
            "Sent to: expected one of the list",
        ),
        (vec![("fault", "worse")], "Fault: expected one of the list"),
        (vec![("id", "a.b")], "webhook-id: expected 1 to 64"),
        (
            vec![("timestamp", "now")],
            "webhook-timestamp: expected a whole number",
        ),
        (
            vec![("sequence", "-1")],
            "sequence: expected a whole number",
        ),
        (vec![], "URL: missing"),
        (
            vec![("target", "url"), ("url", "http://169.254.169.254/")],
            "URL: ",
        ),
        (
            vec![("target", "url"), ("url", "https://u:p@example.com/")],
            "URL: ",
        ),
    ] {
        let mut all = vec![("action", "send"), ("signer", "new")];
        all.retain(|(name, _)| !fields.iter().any(|(n, _)| n == name));
        for (name, value) in [
            ("type", "contact.created"),
            ("data", "{\"my\": \"</textarea>\"}"),
        ] {
            if !fields.iter().any(|(n, _)| *n == name) {
                all.push((name, value));
            }
        }
        all.extend(&fields);
        let refused = visitor.post(PAGE, &all);
        let page = refused.text();
        assert_eq!(refused.status, 422, "{said}: {page}");
        assert!(page.contains(said), "{said}: {page}");
        assert!(
            page.contains("{&quot;my&quot;: &quot;&lt;/textarea&gt;&quot;}")
                || said.starts_with("Data")
        );
        assert!(!page.contains("value=\"whsec_x\""));
    }
    let example = visitor.post(
        PAGE,
        &[
            ("action", "example"),
            ("type", "deal.created"),
            ("data", "mine"),
        ],
    );
    assert!(example.text().contains("annual licence") && !example.text().contains(">mine<"));
    assert_eq!(visitor.post(PAGE, &[("action", "other")]).status, 422);
    let once = "0".repeat(32);
    let inboxes = "/webhook-simulator/inboxes";
    assert_eq!(
        visitor
            .post(inboxes, &[("minutes", "61"), ("once", &once)])
            .status,
        422
    );
    assert_eq!(
        visitor
            .post(inboxes, &[("minutes", "60"), ("once", "x")])
            .status,
        422
    );
    for _ in 0..10 {
        inbox(&visitor);
    }
    let once = hidden(&visitor.page("/webhooks/new"), "once");
    let full = visitor.post(inboxes, &[("minutes", "15"), ("once", &once)]);
    assert_eq!(full.status, 409, "{}", full.text());
    // Data of the largest event fits, also where each byte takes three in a form.
    let large = format!("\"{}\"", "<".repeat(262_100));
    let shown = send(&visitor, &large, &[("signer", "new"), ("action", "show")]);
    assert!(shown.contains("Only the beginning is shown"));
}

#[test]
fn what_is_another_accounts_neither_signs_nor_catches() {
    for (store, portal) in Portal::both() {
        let other = portal.signed_in("acct_2", "developer");
        let (theirs, _) = inbox(&other);
        let (backend, _) = receiver();
        let (hook, _) = add(&other, &format!("http://{}/", backend.address), &["*"]);
        let visitor = portal.signed_in("acct_1", "developer");
        for fields in [
            [
                ("signer", format!("inbox:{theirs}")),
                ("target", "signer".to_owned()),
            ],
            [
                ("signer", format!("webhook:{hook}")),
                ("target", "signer".to_owned()),
            ],
            [
                ("signer", "new".to_owned()),
                ("target", format!("inbox:{theirs}")),
            ],
        ] {
            for action in ["show", "send"] {
                let all = [
                    ("action", action),
                    ("type", "contact.created"),
                    ("data", "{}"),
                    (fields[0].0, fields[0].1.as_str()),
                    (fields[1].0, fields[1].1.as_str()),
                ];
                let answer = visitor.post(PAGE, &all);
                // To show what a new secret signs nobody else's thing is needed.
                let is_own = action == "show" && fields[0].1 == "new";
                assert_eq!(
                    answer.status,
                    if is_own { 200 } else { 404 },
                    "{store}: {all:?}"
                );
            }
        }
        assert_eq!(
            visitor.get(&format!("/webhooks/new?inbox={theirs}")).status,
            404
        );
        assert!(
            other
                .page(&format!("{PAGE}/inboxes/{theirs}"))
                .contains("Nothing yet")
        );
        assert_eq!(backend.count(), 0);
    }
}

#[test]
fn the_simulator_works_in_the_browser_with_and_without_scripts() {
    let portal = Portal::start();
    let visitor = portal.signed_in("acct_1", "developer");
    let good = good_receiver();
    let url = format!("http://{}/h", good.address);
    let input =
        json!({"origin": portal.url, "cookie": visitor.cookie, "receiver": url, "secret": SECRET});
    let faults = browser::run("simulator", &input);
    assert_eq!(faults, json!([]), "{faults:#}");
}
