//! What still uses the old secret of a rotated key: while it is good and after its end, on every page and in the admin API.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::portal::{Portal, Visitor};
use crate::support::{browser, eventually};

const LONG: Duration = Duration::from_secs(10);

/// A key with its secret, rotated with this grace; its id, the old secret and the new one.
fn rotated(portal: &Portal, grace_seconds: u64) -> (String, String, String) {
    let (id, old) = portal.gateway.key("acct_1", &["contacts:read"]);
    let path = format!("/admin/v1/keys/{id}/rotate");
    let body = json!({"grace_seconds": grace_seconds});
    let made = portal.gateway.admin("POST", &path, Some(&body));
    assert_eq!(made.status, 200, "{}", made.text());
    let new = made.json()["secret"].as_str().unwrap().to_owned();
    (id, old, new)
}

fn old_secrets(portal: &Portal, id: &str) -> Value {
    let path = format!("/admin/v1/keys/{id}");
    let mut key = portal.gateway.admin("GET", &path, None).json();
    key["old_secrets"].take()
}

fn call(portal: &Portal, secret: &str) -> u16 {
    portal.gateway.get("/v1/contacts", secret).status
}

fn shows(visitor: &Visitor, target: &str, text: &str) {
    eventually(&format!("{target} shows {text:?}"), LONG, || {
        visitor.page(target).contains(text).then_some(())
    });
}

#[test]
fn uses_of_an_old_secret_are_shown_in_its_grace_and_after_its_end_on_both_stores() {
    for (store, portal) in Portal::both() {
        let visitor = portal.signed_in("acct_1", "viewer");
        let (id, old, new) = rotated(&portal, 20);
        let page = format!("/keys/{id}");
        assert!(
            visitor
                .page(&page)
                .contains("was not used since the rotation")
        );
        assert!(
            visitor
                .page("/keys")
                .contains("Old secret not used, ends in ")
        );
        assert!(!visitor.page("/").contains("old secret"), "{store}");
        for secret in [&old, &old, &new] {
            assert_eq!(call(&portal, secret), 200, "{store}");
        }
        shows(
            &visitor,
            &page,
            "<strong>2</strong> since the rotation, 2 of them",
        );
        shows(&visitor, &page, "The old secret is still in use.");
        shows(
            &visitor,
            "/keys",
            "Old secret still used less than a minute ago, ends in ",
        );
        shows(
            &visitor,
            "/",
            "is still in use: it was used less than a minute ago",
        );
        let said = old_secrets(&portal, &id);
        assert_eq!(said["accepted"]["requests"], 2, "{store}: {said:#}");
        assert_eq!(said["accepted"]["addresses"][0]["ip"], "127.0.0.1");
        assert_eq!(said["accepted"]["hours"][0]["requests"], 2);
        assert_eq!(said["refused"]["requests"], 0);
        let list = portal.gateway.admin("GET", "/admin/v1/keys", None).json();
        assert_eq!(list["data"][0]["old_secrets"], said, "{store}");

        let good = eventually("it ends", Duration::from_secs(30), || {
            let page = visitor.page("/keys");
            (!page.contains("Old secret")).then_some(page)
        });
        assert!(good.contains("Active"), "{store}");
        assert!(!visitor.page(&page).contains("ld secret"));
        for _ in 0..3 {
            assert_eq!(call(&portal, &old), 401, "{store}");
        }
        assert_eq!(call(&portal, &new), 200);
        shows(
            &visitor,
            &page,
            "<strong>3</strong> since it ended, 3 of them",
        );
        shows(&visitor, &page, "Something still sends the old secret.");
        shows(
            &visitor,
            "/keys",
            "Old secret refused less than a minute ago",
        );
        shows(
            &visitor,
            "/",
            "Something still sends the old secret of the key",
        );
        let said = old_secrets(&portal, &id);
        assert_eq!(said["accepted"]["requests"], 2);
        assert_eq!(said["refused"]["requests"], 3);
    }
}

#[test]
fn a_leaked_secret_that_was_rotated_away_at_once_is_still_told() {
    for (store, portal) in Portal::both() {
        let (id, old, _) = rotated(&portal, 0);
        assert_eq!(call(&portal, &old), 401, "{store}");
        let said = eventually("the attempt is known", LONG, || {
            let said = old_secrets(&portal, &id);
            (said["refused"]["requests"] == 1).then_some(said)
        });
        assert_eq!(said["accepted"]["requests"], 0, "{store}");
        let body = json!({"secret": old});
        let found = portal
            .gateway
            .admin("POST", "/admin/v1/keys/lookup", Some(&body));
        assert_eq!(found.json()["id"], id.as_str(), "{store}");
        // The next rotation begins anew.
        let body = json!({"grace_seconds": 60});
        let path = format!("/admin/v1/keys/{id}/rotate");
        let made = portal.gateway.admin("POST", &path, Some(&body));
        assert_eq!(made.status, 200);
        assert_eq!(old_secrets(&portal, &id)["refused"]["requests"], 0);
        // Of keys that were never rotated there is nothing to say.
        let (other, _) = portal.gateway.key("acct_1", &["contacts:read"]);
        assert_eq!(old_secrets(&portal, &other), Value::Null);
    }
}

#[test]
fn pages_with_an_old_secret_in_use_are_sound_in_a_browser() {
    let portal = Portal::start();
    let visitor = portal.signed_in("acct_1", "developer");
    let (used, old, _) = rotated(&portal, 2 * 24 * 3600);
    let (refused, ended, _) = rotated(&portal, 0);
    rotated(&portal, 3600);
    assert_eq!((call(&portal, &old), call(&portal, &ended)), (200, 401));
    let pages = [
        "/",
        "/keys",
        &format!("/keys/{used}"),
        &format!("/keys/{refused}"),
    ];
    for page in pages {
        shows(&visitor, page, "ld secret");
    }
    shows(&visitor, &format!("/keys/{refused}"), "since it ended");
    shows(&visitor, &format!("/keys/{used}"), "since the rotation");
    let pages =
        pages.map(|p| json!({"path": p, "name": format!("old-secret{}", p.replace('/', "-"))}));
    let input = json!({"origin": portal.url, "cookie": visitor.cookie, "pages": pages, "shots": browser::shots()});
    let said = browser::run("walk", &input);
    assert_eq!(said, json!([]), "{said:#}");
}
