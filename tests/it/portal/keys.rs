//! Pages of keys: the steps to a new one without a script, the secret that is shown once, changes, rotation and revocation.

use std::time::Duration;

use fuelgate::base::clock::Clock;
use serde_json::json;

use crate::support::portal::{Portal, Visitor, hidden};
use crate::support::{browser, eventually, programs};

const WHOLE: &str =
    "/keys/new?step=review&name=Sync&scope=contacts%3Aread&scope=deals%3Aread&expires=90";

/// The text of the element that holds a secret.
pub(super) fn secret_in(page: &str) -> String {
    let at = page.find("class=\"secret-text\"").expect("a secret");
    let rest = &page[at..];
    let rest = &rest[rest.find('>').unwrap() + 1..];
    rest[..rest.find('<').unwrap()].to_owned()
}

/// The line of the page that may be pasted.
fn curl_in(page: &str) -> String {
    let at = page.find("curl ").expect("a line of curl");
    let line = &page[at..];
    line[..line.find('<').unwrap()].replace("&#39;", "'")
}

/// The id that the page's own links name.
fn id_in(page: &str) -> String {
    let at = page.find("/keys/key_").expect("a key") + "/keys/".len();
    page[at..at + 36].to_owned()
}

fn create(visitor: &Visitor, name: &str) -> (String, String) {
    let once = hidden(&visitor.page(WHOLE), "once");
    let fields = [
        ("once", once.as_str()),
        ("name", name),
        ("scope", "contacts:read"),
        ("expires", "30"),
    ];
    let made = visitor.post("/keys", &fields);
    assert_eq!(made.status, 200, "{}", made.text());
    (id_in(&made.text()), secret_in(&made.text()))
}

#[test]
fn a_key_is_made_step_by_step_and_its_line_works_on_both_stores() {
    for (store, portal) in Portal::both() {
        let visitor = portal.signed_in("acct_1", "developer");
        assert!(visitor.page("/keys").contains("No keys yet"), "{store}");
        let first = visitor.page("/keys/new");
        assert!(first.contains("aria-current=\"step\"") && first.contains("name=\"name\""));
        let scopes = visitor.page("/keys/new?step=scopes&name=Sync");
        assert!(scopes.contains("Read-only access to all contacts and contact fields"));
        assert_eq!(hidden(&scopes, "name"), "Sync");
        let expiry = visitor.page("/keys/new?step=expiry&name=Sync&scope=contacts%3Aread");
        assert!(!expiry.contains("checked"), "an expiry must be said");
        // What is missing is asked for, at the step that asks.
        for (target, text) in [
            ("/keys/new?step=scopes", "give it a name"),
            ("/keys/new?step=expiry&name=x", "choose at least one scope"),
            (
                "/keys/new?step=review&name=x&scope=contacts%3Aread",
                "choose when it ends",
            ),
            (
                "/keys/new?step=review&name=%01&scope=contacts%3Aread&expires=30",
                "give it a name",
            ),
        ] {
            let answer = visitor.get(target);
            assert_eq!(answer.status, 422, "{target}");
            assert!(answer.text().contains(text), "{target}");
        }
        let review = visitor.page(WHOLE);
        let once = hidden(&review, "once");
        let fields = [
            ("once", once.as_str()),
            ("name", "Sync"),
            ("scope", "contacts:read"),
            ("scope", "deals:read"),
            ("expires", "90"),
            ("allowed_ips", "127.0.0.0/8\r\n\r\n10.0.0.1"),
        ];
        let made = visitor.post("/keys", &fields);
        assert_eq!(made.status, 200, "{}", made.text());
        assert_eq!(made.header("cache-control"), Some("no-store"));
        let page = made.text();
        let (secret, id) = (secret_in(&page), id_in(&page));
        assert!(secret.starts_with("lf_live_"), "{secret}");
        let line = curl_in(&page);
        let out = programs::run(
            "sh",
            &["-c", &format!("{line} -s -o /dev/null -w '%{{http_code}}'")],
        );
        assert_eq!(
            String::from_utf8_lossy(&out.stdout),
            "200",
            "{store}: {line}"
        );
        let refused = portal.gateway.get("/v1/users", &secret);
        assert_eq!(refused.status, 403);

        // A reload sends it again: nothing is made, and nothing shown.
        let again = visitor.post("/keys", &fields);
        assert_eq!(again.status, 200);
        assert!(again.text().contains("This was done already"));
        assert!(!again.text().contains(&secret) && again.text().contains(&id));
        let list = visitor.page("/keys");
        assert_eq!(list.matches("href=\"/keys/key_").count(), 1, "{store}");
        // Other words in it make nothing; the page that says so has a form that does.
        let other = |once: &str| {
            let words = [
                ("name", "Other"),
                ("scope", "deals:read"),
                ("expires", "never"),
            ];
            visitor.post("/keys", &[&[("once", once)], &words[..]].concat())
        };
        let refused = other(&once);
        assert_eq!(refused.status, 409, "{store}");
        assert!(
            refused
                .text()
                .contains("The form was sent before with other words")
        );
        assert_eq!(other(&once).status, 409, "{store}");
        let list = visitor.page("/keys");
        assert_eq!(list.matches("href=\"/keys/key_").count(), 1, "{store}");
        assert_eq!(
            other(&hidden(&refused.text(), "once")).status,
            200,
            "{store}"
        );

        let shown = visitor.page(&format!("/keys/{id}"));
        for text in [
            "Sync",
            "contacts:read",
            "127.0.0.0/8",
            "10.0.0.1",
            &secret[secret.len() - 4..],
        ] {
            assert!(shown.contains(text), "{text}");
        }
        eventually(
            "its use is shown",
            std::time::Duration::from_secs(10),
            || {
                let page = visitor.page(&format!("/keys/{id}"));
                page.contains("from <code>127.0.0.1</code>").then_some(())
            },
        );
        for page in [
            "/keys",
            "/",
            &format!("/keys/{id}"),
            &format!("/keys/{id}/rotate"),
        ] {
            assert!(!visitor.page(page).contains(&secret), "{page}");
        }
        let log = portal
            .gateway
            .admin("GET", "/admin/v1/audit-log?action=key.create", None)
            .json();
        assert_eq!(log["data"][0]["token"], "fuelgate:portal");
        assert_eq!(log["data"][0]["actor"], "u_1");
    }
}

#[test]
fn what_the_service_refuses_is_shown_beside_its_field() {
    let portal = Portal::start();
    let visitor = portal.signed_in("acct_1", "developer");
    let once = hidden(&visitor.page(WHOLE), "once");
    let send = |more: &[(&str, &str)]| {
        let mut fields = vec![("once", once.as_str()), ("name", "Sync")];
        fields.extend(more);
        visitor.post("/keys", &fields)
    };
    let scope = ("scope", "contacts:read");
    for (fields, text) in [
        (
            &[scope, ("expires", "30"), ("allowed_ips", "nowhere")][..],
            "expected a network",
        ),
        (&[scope, ("expires", "31")], "choose when it ends"),
        (&[scope], "choose when it ends"),
        (
            &[("scope", "nope"), ("expires", "30")],
            "choose at least one scope",
        ),
        (
            &[scope, scope, ("expires", "30")],
            "expected each scope once",
        ),
    ] {
        let answer = send(fields);
        assert_eq!(answer.status, 422, "{fields:?}");
        assert!(
            answer.text().contains(text),
            "{fields:?}: {}",
            answer.text()
        );
        assert!(answer.text().contains("This needs another look"));
    }
    let bare = visitor.post(
        "/keys",
        &[("name", "x"), scope, ("expires", "30"), ("once", "no")],
    );
    assert_eq!(bare.status, 422);
    assert!(visitor.page("/keys").contains("No keys yet"));
}

#[test]
fn a_key_is_changed_switched_off_rotated_and_revoked() {
    for (store, portal) in Portal::both() {
        let visitor = portal.signed_in("acct_1", "developer");
        let (id, secret) = create(&visitor, "First");
        let path = format!("/keys/{id}");
        let changed = visitor.post(
            &path,
            &[
                ("name", "Second"),
                ("scope", "deals:read"),
                ("allowed_ips", ""),
            ],
        );
        assert_eq!(
            changed.header("location"),
            Some(format!("{path}?done=changed").as_str()),
            "{store}"
        );
        assert!(
            visitor
                .page(&format!("{path}?done=changed"))
                .contains("The key was changed.")
        );
        assert_eq!(portal.gateway.get("/v1/deals", &secret).status, 200);
        assert_eq!(portal.gateway.get("/v1/contacts", &secret).status, 403);
        let wrong = visitor.post(&path, &[("name", ""), ("allowed_ips", "x")]);
        assert_eq!(wrong.status, 422);
        assert!(wrong.text().contains("expected at least one scope"));

        let off = [
            ("name", "Second"),
            ("scope", "deals:read"),
            ("disabled", "yes"),
        ];
        assert_eq!(visitor.post(&path, &off).status, 303);
        assert_eq!(portal.gateway.get("/v1/deals", &secret).status, 401);
        assert!(visitor.page("/keys?status=disabled").contains("Second"));
        assert_eq!(visitor.post(&path, &off[..2]).status, 303);
        assert_eq!(portal.gateway.get("/v1/deals", &secret).status, 200);

        let once = hidden(&visitor.page(&format!("{path}/rotate")), "once");
        let rotate = |grace: &str| {
            visitor.post(
                &format!("{path}/rotate"),
                &[("once", once.as_str()), ("grace_seconds", grace)],
            )
        };
        assert_eq!(rotate("60").status, 422);
        let rotated = rotate("3600");
        assert_eq!(rotated.status, 200, "{}", rotated.text());
        let new = secret_in(&rotated.text());
        assert_ne!(new, secret);
        for good in [&new, &secret] {
            assert_eq!(portal.gateway.get("/v1/deals", good).status, 200, "{store}");
        }
        let again = rotate("3600");
        assert!(again.text().contains("This was done already") && !again.text().contains(&new));
        let other = rotate("0");
        assert_eq!(other.status, 409, "{store}");
        assert!(other.text().contains("This form was sent before"));
        assert_eq!(portal.gateway.get("/v1/deals", &secret).status, 200);
        eventually(
            "the use of the old secret is shown",
            std::time::Duration::from_secs(10),
            || {
                let page = visitor.page(&path);
                let is_shown = page.contains("The old secret is still in use.")
                    && page.contains("ago from <code>127.0.0.1</code>");
                is_shown.then_some(())
            },
        );

        let end = &new[new.len() - 4..];
        let wrong = visitor.post(&format!("{path}/revoke"), &[("confirm", "nope")]);
        assert_eq!(wrong.status, 422);
        let revoked = visitor.post(&format!("{path}/revoke"), &[("confirm", end)]);
        assert_eq!(revoked.header("location"), Some("/keys?done=revoked"));
        for gone in [&new, &secret] {
            assert_eq!(portal.gateway.get("/v1/deals", gone).status, 401);
        }
        let page = visitor.page(&path);
        assert!(page.contains("Revoked") && !page.contains("Save changes"));
        assert_eq!(visitor.post(&path, &off[..2]).status, 409);
        assert_eq!(visitor.get(&format!("{path}/rotate")).status, 409);
        assert_eq!(visitor.get(&format!("{path}/revoke")).status, 303);
    }
}

#[test]
fn a_viewer_sees_keys_and_no_form() {
    let portal = Portal::start();
    let developer = portal.signed_in("acct_1", "developer");
    let (id, _) = create(&developer, "Seen");
    let viewer = portal.signed_in("acct_1", "viewer");
    for page in ["/keys".to_owned(), format!("/keys/{id}")] {
        let page = viewer.page(&page);
        assert!(page.contains("Seen"));
        assert_eq!(page.matches("<form").count(), 2, "only those to sign out");
        assert!(!page.contains("/rotate") && !page.contains("/keys/new"));
    }
    for page in [
        "/keys/new".to_owned(),
        format!("/keys/{id}/rotate"),
        format!("/keys/{id}/revoke"),
    ] {
        assert_eq!(viewer.get(&page).status, 403, "{page}");
    }
    assert_eq!(viewer.post("/keys", &[("name", "x")]).status, 403);
}

/// A key of three days, by its id.
fn ends_soon(portal: &Portal) -> String {
    let at = Clock::system()
        .now()
        .plus(Duration::from_secs(3 * 24 * 3600));
    let body = json!({"account_id": "acct_1", "name": "Ends soon", "scopes": ["contacts:read"], "expires_at": at});
    let made = portal.gateway.admin("POST", "/admin/v1/keys", Some(&body));
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].as_str().unwrap().to_owned()
}

#[test]
fn hostile_names_are_text_and_long_lists_are_pages() {
    let portal = Portal::start();
    let visitor = portal.signed_in("acct_1", "developer");
    let name = format!("\"><script>alert(1)</script>\u{202e}{}", "x".repeat(170));
    let (id, _) = create(&visitor, &name);
    for page in [
        "/keys".to_owned(),
        format!("/keys/{id}"),
        format!("/keys/{id}/rotate"),
    ] {
        let page = visitor.page(&page);
        assert!(!page.contains("<script>alert"), "{page}");
        assert!(page.contains("&lt;script&gt;alert(1)"));
    }
    let long = visitor.post(
        "/keys",
        &[
            ("once", &"0".repeat(32)),
            ("name", &"x".repeat(201)),
            ("scope", "deals:read"),
            ("expires", "30"),
        ],
    );
    assert_eq!(long.status, 422);
    let ending = ends_soon(&portal);
    for _ in 0..260 {
        portal.gateway.key("acct_1", &["contacts:read"]);
    }
    // It is the oldest but one: keys that end are seldom among the newest.
    let soon = visitor.page("/keys?status=expiring");
    assert!(soon.contains(&ending) && soon.contains("Ends in"), "{soon}");
    assert_eq!(soon.matches("<a href=\"/keys/key_").count(), 1);
    assert!(visitor.page("/").contains(&ending));
    let none = visitor.page("/keys?status=revoked");
    assert!(
        none.contains("None of your keys is in this state."),
        "{none}"
    );
    let mut target = "/keys?limit=50".to_owned();
    let mut seen = 0;
    loop {
        let page = visitor.page(&target);
        seen += page.matches("<a href=\"/keys/key_").count();
        let Some(at) = page.find("rel=\"next\" href=\"") else {
            break;
        };
        let rest = &page[at + "rel=\"next\" href=\"".len()..];
        target = rest[..rest.find('"').unwrap()].replace("&amp;", "&");
    }
    assert_eq!(seen, 262);
    assert_eq!(visitor.get("/keys?cursor=x").status, 422);
    assert_eq!(visitor.get("/keys?status=nope").status, 422);
    assert_eq!(visitor.get("/keys/key_nope").status, 404);
}

#[test]
fn the_steps_work_in_a_browser_and_the_secret_can_be_copied() {
    let portal = Portal::start();
    let visitor = portal.signed_in("acct_1", "developer");
    let input = json!({"origin": portal.url, "cookie": visitor.cookie, "shots": browser::shots()});
    let said = browser::run("keys", &input);
    let secret = said["secret"].as_str().unwrap();
    assert_eq!(said["faults"], json!([]), "{said:#}");
    assert_eq!(portal.gateway.get("/v1/contacts", secret).status, 200);
    assert_eq!(said["copied"], said["secret"]);
}
