//! A customer who means ill: other accounts' ids, roles, forged forms, markup in every text, swollen forms, foreign hosts; never let through.

use std::time::Duration;

use fuelgate::web::portal::table::{self, Needs, Page};
use serde_json::json;

use super::things::{Texts, Things, fill_unknown, is_of_an_account};
use crate::support::backend::{Answer, Backend};
use crate::support::http::Response;
use crate::support::portal::{Portal, Setup, Visitor};
use crate::support::{browser, eventually};

const LONG: Duration = Duration::from_secs(10);

/// What must never be read as markup.
const SCRIPT: &str = "\"><script>window.__x=1</script><img src=x onerror=\"window.__x=1\">";

/// The pages and forms of an account's own, `/api/*` left out: it has no session.
fn own_pages() -> impl Iterator<Item = &'static Page> {
    table::all().filter(|p| matches!(p.needs, Needs::Viewer | Needs::Developer))
}

/// A body without what differs from request to request.
fn same(answer: &Response) -> String {
    let text = answer.text();
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("Request <code>") {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        rest = &after[after.find("</code>").unwrap()..];
    }
    out.push_str(rest);
    out
}

/// An account with things, behind a receiver that answers with markup.
fn account(portal: &Portal, account: &str, receiver: &Backend, name: &str) -> Things {
    let texts = Texts {
        name,
        data: json!({"id": "c_1", "name": SCRIPT, SCRIPT: [SCRIPT, "\u{202e}\u{2066}rtl"]}),
    };
    let url = format!("http://{}/h", receiver.address);
    Things::make(portal, account, &url, &texts)
}

fn echo() -> Backend {
    Backend::start(|_| {
        let fields = vec![
            ("Content-Type".to_owned(), "text/html".to_owned()),
            ("X-Note".to_owned(), SCRIPT.to_owned()),
        ];
        Answer::Reply(500, fields, SCRIPT.as_bytes().to_vec())
    })
}

/// What every form of a thing asks for, so that none is refused before the thing is looked for.
const WHOLE: [(&str, &str); 8] = [
    ("from", "1h"),
    ("url", "https://example.com/"),
    ("type", "*"),
    ("once", "0123456789abcdef0123456789abcdef"),
    ("name", "Renamed"),
    ("scope", "contacts:read"),
    ("grace_seconds", "3600"),
    ("confirm", "abcd"),
];

fn ask(visitor: &Visitor, page: &Page, target: &str) -> Response {
    match page.method {
        "POST" => visitor.post(target, &WHOLE),
        method => visitor.request(method, target, &[], None),
    }
}

#[test]
fn another_accounts_things_are_as_if_they_were_not_on_both_stores() {
    for (store, portal) in Portal::both() {
        let receiver = echo();
        let theirs = account(&portal, "acct_b", &receiver, "theirs");
        let visitor = portal.signed_in("acct_a", "developer");
        let mut tried = 0;
        for page in own_pages().filter(|p| is_of_an_account(p.path)) {
            let answer = ask(&visitor, page, &theirs.fill(page.path));
            let unknown = ask(&visitor, page, &fill_unknown(page.path));
            assert_eq!(answer.status, 404, "{store} {page:?}: {}", answer.text());
            assert_eq!(unknown.status, 404, "{page:?}");
            assert_eq!(same(&answer), same(&unknown), "{page:?}");
            tried += 1;
        }
        assert!(tried >= 20, "{tried}");
        for id in ["key_", "../x", "key_%00", "whk_0", &"k".repeat(4_000)] {
            let answer = visitor.get(&format!("/keys/{id}"));
            assert!(
                [400, 404].contains(&answer.status),
                "{id}: {}",
                answer.status
            );
        }
        // Lists have nothing of theirs, whatever is asked of them.
        for target in [
            "/keys".to_owned(),
            "/webhooks".to_owned(),
            "/deliveries".to_owned(),
            format!("/deliveries?webhook={}", theirs.webhook),
            format!("/deliveries?event={}", theirs.event),
            "/events".to_owned(),
            format!("/usage?key={}", theirs.key),
            format!("/usage.csv?key={}", theirs.key),
            format!("/usage/endpoints?key={}", theirs.key),
            format!("/usage/endpoints.csv?key={}", theirs.key),
            "/webhook-simulator".to_owned(),
            format!("/webhooks/new?inbox={}", theirs.inbox),
        ] {
            let answer = visitor.get(&target);
            assert!(
                [200, 404, 422].contains(&answer.status),
                "{target}: {}",
                answer.status
            );
            let text = answer.text();
            assert!(!text.contains("theirs"), "{target}");
            for id in [&theirs.key, &theirs.delivery, &theirs.inbox, &theirs.event] {
                let shown = text.replace(&target.replace('&', "&amp;"), "");
                let given = target.contains(id.as_str());
                assert!(given || !shown.contains(id.as_str()), "{target} {id}");
            }
        }
        // Nothing of it changed anything.
        let mut owner = portal.signed_in("acct_b", "developer");
        assert!(
            owner
                .page(&format!("/keys/{}", theirs.key))
                .contains("Active")
        );
        // A cookie says which account it is of: another one in its place proves nothing.
        let cookie = owner.cookie.clone().unwrap();
        let (head, _) = cookie.rsplit_once('.').unwrap();
        owner.cookie = Some(format!("{head}.YWNjdF9h"));
        assert_eq!(owner.get("/keys").status, 401);
    }
}

#[test]
fn every_page_asks_for_its_session_role_and_form() {
    let portal = Portal::start();
    let receiver = echo();
    let things = account(&portal, "acct_a", &receiver, "mine");
    let stranger = portal.stranger();
    let developer = portal.signed_in("acct_a", "developer");
    let viewer = portal.signed_in("acct_a", "viewer");
    let other = portal.signed_in("acct_a", "developer").csrf();
    for page in own_pages() {
        let target = things.fill(page.path);
        let nobody = if page.method == "POST" {
            stranger.post_raw(&target, &[])
        } else {
            stranger.get(&target)
        };
        assert_eq!(nobody.status, 401, "{page:?}");
        assert!(nobody.text().contains("Sign in"), "{page:?}");
        if page.needs == Needs::Developer {
            assert_eq!(ask(&viewer, page, &target).status, 403, "{page:?}");
        }
        if page.method == "POST" {
            for fields in [&[][..], &[("csrf", "")], &[("csrf", other.as_str())]] {
                let forged = developer.post_raw(&target, fields);
                assert_eq!(forged.status, 403, "{page:?} {fields:?}");
            }
            let mut cross = vec![("Content-Type", "application/x-www-form-urlencoded")];
            cross.push(("Sec-Fetch-Site", "cross-site"));
            let body = format!("csrf={}", developer.csrf());
            let forged = developer.request("POST", &target, &cross, Some(body.as_bytes()));
            assert_eq!(forged.status, 403, "{page:?}");
        }
    }
    let page = viewer.page(&things.fill("/keys/{key}"));
    assert!(page.contains("Active"), "nothing of it changed the key");
}

#[test]
fn a_viewers_pages_have_no_form_and_no_inbox_address() {
    let portal = Portal::start();
    let receiver = echo();
    let things = account(&portal, "acct_a", &receiver, "mine");
    let viewer = portal.signed_in("acct_a", "viewer");
    let seen = own_pages().filter(|p| p.needs == Needs::Viewer);
    for sample in seen.filter_map(|p| p.sample) {
        let target = things.fill(sample);
        let page = viewer.page(&target);
        if page.contains("<nav") {
            // The menu is there twice, each with its own button to sign out; the session's page has a third.
            let own = if target == "/session" { 3 } else { 2 };
            let forms = page.matches("method=\"post\"").count();
            assert_eq!(forms, own, "{target}");
        }
        assert!(
            !page.contains("/inbox/"),
            "{target}: who knows it may post there"
        );
    }
}

#[test]
fn every_row_of_the_table_has_its_page() {
    let portal = Portal::start();
    let receiver = echo();
    let things = account(&portal, "acct_a", &receiver, "mine");
    let visitor = portal.signed_in("acct_a", "developer");
    for page in table::all() {
        let Some(sample) = page.sample else { continue };
        if page.path == "/sign-in" {
            continue;
        }
        let answer = visitor.get(&things.fill(sample));
        assert_eq!(answer.status, 200, "{page:?}: {}", answer.text());
        let took = answer.header("server-timing").unwrap();
        assert!(took.starts_with("app;dur="), "{took}");
    }
    for page in table::all().filter(|p| p.method == "POST") {
        let answer = visitor.post_raw(&things.fill(page.path), &[]);
        assert_ne!(
            answer.status, 405,
            "{page:?} is in the table and in no router"
        );
    }
}

#[test]
fn no_text_of_anybodys_is_read_as_markup() {
    let portal = Portal::start();
    let receiver = echo();
    let long = format!("{SCRIPT}{}", "\u{202e}x".repeat(40));
    let things = account(&portal, "acct_a", &receiver, &long);
    let visitor = portal.opens(&person(&portal, "acct_a", SCRIPT));
    let samples = table::all()
        .filter_map(|p| p.sample)
        .filter(|s| *s != "/sign-in");
    let mut pages: Vec<_> = samples.map(|s| things.fill(s)).collect();
    let reflected = form_urlencoded::byte_serialize(SCRIPT.as_bytes()).collect::<String>();
    for target in [
        "/keys/new?step=scopes&name=",
        "/keys/new?step=review&scope=contacts:read&expires=30&name=",
        "/docs/search?q=",
        "/webhooks/new?type=",
        "/webhooks/new?url=",
        "/nothing/",
    ] {
        pages.push(format!("{target}{reflected}"));
    }
    for target in &pages {
        let text = visitor.get(target).text();
        assert!(!text.contains("<script>window"), "{target}");
        assert!(!text.contains("<img src=x"), "{target}");
    }
    let input = json!({"origin": portal.url, "cookie": visitor.cookie, "pages": pages});
    let said = browser::run("hostile", &input);
    assert_eq!(said, json!([]), "{said:#}");
    let csv = visitor.get("/usage.csv?range=24h&by=key");
    assert!(csv.header("content-type").unwrap().starts_with("text/csv"));
}

/// A link for a person of this id.
fn person(portal: &Portal, account: &str, id: &str) -> String {
    let body = json!({"account_id": account, "user": {"id": id}, "role": "developer"});
    let made = portal
        .gateway
        .admin("POST", "/admin/v1/portal-sessions", Some(&body));
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["url"].as_str().unwrap().to_owned()
}

#[test]
fn a_swollen_or_broken_form_is_refused_and_the_next_one_is_not() {
    let portal = Portal::start();
    let visitor = portal.signed_in("acct_a", "developer");
    let csrf = visitor.csrf();
    let send = |kind: &str, body: &[u8]| {
        let headers = [("Content-Type", kind), ("Origin", portal.url.as_str())];
        let request = crate::support::http::encode(
            "POST",
            "/keys",
            &[
                &headers[..],
                &[("Cookie", visitor.cookie.as_deref().unwrap())],
            ]
            .concat(),
            Some(body),
        );
        let mut connection = crate::support::http::Connection::open(portal.address());
        // It is answered before all of it was sent, and the rest is not read.
        let _ = connection.try_send(&request);
        connection.try_receive(false).map(|r| r.status)
    };
    let form = "application/x-www-form-urlencoded";
    let huge = format!("csrf={csrf}&name={}", "x".repeat(10_000_000));
    assert!([Some(413), None].contains(&send(form, huge.as_bytes())));
    let many = format!("csrf={csrf}{}", "&scope=a".repeat(10_000));
    assert!([Some(413), None].contains(&send(form, many.as_bytes())));
    let names = format!("csrf={csrf}{}", "&a=".repeat(300));
    assert_eq!(send(form, names.as_bytes()), Some(413));
    let broken = format!("csrf={csrf}&name=%ff%fe");
    assert_eq!(send(form, broken.as_bytes()), Some(400));
    let utf7 = format!("{form}; charset=utf-7");
    assert_eq!(send(&utf7, b"csrf=x"), Some(415));
    assert_eq!(send("multipart/form-data; boundary=x", b"--x--"), Some(415));
    assert_eq!(send(form, b"csrf"), Some(403));
    assert_eq!(visitor.get("/keys").status, 200);
}

#[test]
fn the_name_that_a_client_calls_us_by_is_in_no_answer() {
    let portal = Portal::with(&Setup {
        portal: ", sign_in_url: \"https://crm.example/developers\"",
        ..Setup::default()
    });
    let visitor = portal.signed_in("acct_a", "developer");
    let evil = [
        ("Host", "evil.example"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Proto", "https"),
    ];
    for page in table::all()
        .filter_map(|p| p.sample)
        .filter(|s| !s.contains('{'))
    {
        let answer = visitor.request("GET", page, &evil, None);
        assert!(!answer.text().contains("evil.example"), "{page}");
        for (name, value) in &answer.headers {
            assert!(!value.contains("evil.example"), "{page}: {name}");
        }
    }
    let link = portal.link("acct_a", "viewer");
    assert!(link.starts_with(&portal.url));
    let stranger = portal.stranger().page("/sign-in");
    assert!(stranger.contains("https://crm.example/developers"));
}

#[test]
fn secrets_are_in_the_one_page_that_shows_them_and_nowhere_else() {
    let portal = Portal::talkative();
    let receiver = echo();
    let things = account(&portal, "acct_a", &receiver, "mine");
    let link = portal.link("acct_a", "developer");
    let visitor = portal.opens(&link);
    let mut secrets = things.secrets.clone();
    for text in [link.as_str(), visitor.cookie.as_deref().unwrap()] {
        secrets.push(text.split('.').rev().nth(1).unwrap().to_owned());
    }
    let mut seen = String::new();
    let mut requests = Vec::new();
    for sample in table::all().filter_map(|p| p.sample) {
        let answer = visitor.get(&things.fill(sample));
        seen.push_str(&answer.text());
        requests.push(answer.header("x-request-id").unwrap().to_owned());
    }
    // The log tells of every one of them, and the access log of the call with the key.
    let log = eventually("the requests are in the log", LONG, || {
        let log = portal.gateway.stderr();
        requests.iter().all(|id| log.contains(id)).then_some(log)
    });
    let access = portal.gateway.folder.path().join("access.log");
    let access = eventually("the call is in the access log", LONG, || {
        let access = std::fs::read_to_string(&access).unwrap_or_default();
        access.contains(&things.key).then_some(access)
    });
    seen.push_str(&log);
    seen.push_str(&access);
    let audit = portal
        .gateway
        .admin("GET", "/admin/v1/audit-log?limit=200", None);
    seen.push_str(&audit.text());
    let admin = portal.gateway.listener("admin");
    let metrics = crate::support::http::request(admin, "GET", "/metrics", &[], None);
    seen.push_str(&metrics.text());
    assert!(audit.text().contains(&things.key) && metrics.text().contains("fuelgate_portal_"));
    for secret in secrets {
        assert!(!seen.contains(&secret), "{secret}");
        assert!(secret.len() >= 30);
    }
}
