//! Signing in: links that work once, cookies and their attributes, forms of our own, headers of every answer, and the ends of a session.

use std::sync::{Arc, Barrier};
use std::time::Duration;

use fuelgate::web::portal::table;
use serde_json::json;

use crate::support::http::Response;
use crate::support::portal::{Portal, Setup, cookie_of};
use crate::support::{browser, eventually};

fn path<'l>(portal: &Portal, link: &'l str) -> &'l str {
    link.strip_prefix(&portal.url).unwrap()
}

fn is_refused_link(answer: &Response) {
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert!(answer.text().contains("This link was used or has expired"));
    assert!(answer.header("set-cookie").is_none());
}

#[test]
fn a_link_signs_in_once_on_both_stores() {
    for (store, portal) in Portal::both() {
        let link = portal.link("acct_1", "developer");
        let stranger = portal.stranger();
        // Programs that look at addresses do not use it up.
        let head = stranger.request("HEAD", path(&portal, &link), &[], None);
        assert_eq!(head.status, 204, "{store}");
        let ahead = [("Sec-Purpose", "prefetch;prerender")];
        let looked = stranger.request("GET", path(&portal, &link), &ahead, None);
        assert_eq!(looked.status, 204);

        let opened = stranger.get(path(&portal, &link));
        assert_eq!(
            (opened.status, opened.header("location")),
            (303, Some("/")),
            "{store}"
        );
        let cookie = opened.header("set-cookie").unwrap();
        assert!(cookie.starts_with("fuelgate-portal=ps_"), "{cookie}");
        for attribute in ["; HttpOnly", "; SameSite=Lax", "; Path=/", "; Max-Age=3"] {
            assert!(cookie.contains(attribute), "{cookie}");
        }
        assert!(!cookie.contains("Secure"));
        is_refused_link(&stranger.get(path(&portal, &link)));

        let mut visitor = portal.stranger();
        visitor.cookie = Some(cookie_of(&opened));
        let page = visitor.page("/session");
        assert!(page.contains("acct_1") && page.contains("u-1@example.com"));
        assert!(page.contains("Developer"));
    }
}

#[test]
fn of_many_who_open_a_link_at_once_one_gets_in() {
    for (store, portal) in Portal::both() {
        let link = portal.link("acct_1", "viewer");
        let barrier = Arc::new(Barrier::new(20));
        let all: Vec<_> = (0..20)
            .map(|_| {
                let (stranger, barrier) = (portal.stranger(), barrier.clone());
                let path = path(&portal, &link).to_owned();
                std::thread::spawn(move || {
                    barrier.wait();
                    stranger.get(&path).status
                })
            })
            .collect();
        let statuses: Vec<_> = all.into_iter().map(|t| t.join().unwrap()).collect();
        let opened = statuses.iter().filter(|s| **s == 303).count();
        assert_eq!(opened, 1, "{store}: {statuses:?}");
        assert!(statuses.iter().all(|s| [303, 403].contains(s)));
    }
}

#[test]
fn behind_tls_the_cookie_is_of_this_host_alone() {
    let portal = Portal::start();
    // Only what the public address says counts: TLS may end before us.
    let file = portal.gateway.config_file();
    let text = std::fs::read_to_string(&file).unwrap();
    let public = portal
        .url
        .replace("http://127.0.0.1", "https://developers.example.com");
    let text = text.replace(
        &format!("public_url: \"{}\"", portal.url),
        &format!("public_url: \"{public}\""),
    );
    portal.gateway.write_config(&text);
    let reloaded = portal
        .gateway
        .admin("POST", "/admin/v1/config/reload", None);
    assert_eq!(reloaded.status, 200, "{}", reloaded.text());
    let link = portal.link("acct_1", "developer");
    let target = link.strip_prefix(&public).unwrap();
    let opened = portal.stranger().get(target);
    let cookie = opened.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-fuelgate-portal=ps_"), "{cookie}");
    assert!(cookie.contains("; Secure"), "{cookie}");
    let transport = opened.header("strict-transport-security");
    assert_eq!(transport, Some("max-age=31536000"));
}

#[test]
fn another_sessions_link_asks_first() {
    let portal = Portal::start();
    let visitor = portal.signed_in("acct_1", "developer");
    let link = portal.link_for("acct_2", "u_9", "developer");
    let asked = visitor.get(path(&portal, &link));
    assert_eq!(asked.status, 200);
    assert!(asked.text().contains("Switch to another session?"));
    assert!(asked.header("set-cookie").is_none());
    // It is not used up by that, and another site's form does not take it.
    let token = path(&portal, &link).strip_prefix("/sign-in/").unwrap();
    let forged = visitor.post_raw("/sign-in/switch", &[("token", token)]);
    assert_eq!(forged.status, 403);
    let switched = visitor.post("/sign-in/switch", &[("token", token)]);
    assert_eq!(switched.status, 303, "{}", switched.text());
    assert_eq!(visitor.get("/").status, 401, "the old session has ended");
    let mut second = portal.stranger();
    second.cookie = Some(cookie_of(&switched));
    assert!(second.page("/session").contains("acct_2"));

    // One's own link only replaces the session.
    let link = portal.link_for("acct_2", "u_9", "viewer");
    let again = second.get(path(&portal, &link));
    assert_eq!(again.status, 303);
    assert_ne!(cookie_of(&again), *second.cookie.as_ref().unwrap());
    assert_eq!(second.get("/").status, 401);
}

#[test]
fn no_cookie_of_the_visitors_is_taken_over() {
    let portal = Portal::start();
    let mut visitor = portal.stranger();
    let planted = format!(
        "fuelgate-portal=ps_{}.{}.YWNjdF8x",
        "0".repeat(32),
        "A".repeat(43)
    );
    visitor.cookie = Some(planted.clone());
    assert_eq!(visitor.get("/").status, 401);
    let opened = visitor.get(path(&portal, &portal.link("acct_1", "viewer")));
    assert_ne!(cookie_of(&opened), planted);
    assert_eq!(visitor.get("/").status, 401);
}

#[test]
fn a_session_ends_with_sign_out_and_with_its_account_on_both_stores() {
    for (store, portal) in Portal::both() {
        let visitor = portal.signed_in("acct_1", "developer");
        let out = visitor.post("/sign-out", &[]);
        assert_eq!(
            (out.status, out.header("location")),
            (303, Some("/sign-in?done=signed-out"))
        );
        assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
        assert_eq!(visitor.get("/").status, 401, "{store}");

        let (_, _) = portal.gateway.key("acct_2", &["contacts:read"]);
        let visitor = portal.signed_in("acct_2", "developer");
        let waiting = portal.link("acct_2", "developer");
        assert_eq!(visitor.get("/").status, 200);
        let erased = portal
            .gateway
            .admin("DELETE", "/admin/v1/accounts/acct_2", None);
        assert!([202, 204].contains(&erased.status), "{}", erased.text());
        eventually(
            "the session is gone",
            std::time::Duration::from_secs(10),
            || (visitor.get("/").status == 401).then_some(()),
        );
        is_refused_link(&portal.stranger().get(path(&portal, &waiting)));
    }
}

#[test]
fn forms_are_taken_only_from_pages_of_the_same_session() {
    let portal = Portal::start();
    let visitor = portal.signed_in("acct_1", "developer");
    let other = portal.signed_in("acct_1", "developer");
    let csrf = visitor.csrf();
    let form = "application/x-www-form-urlencoded";
    let send = |headers: &[(&str, &str)], body: &str| {
        let mut all = vec![("Content-Type", form)];
        all.extend(headers);
        visitor.request("POST", "/sign-out", &all, Some(body.as_bytes()))
    };
    let good = format!("csrf={csrf}");
    let own = ("Origin", portal.url.as_str());
    for (headers, body) in [
        (&[own][..], ""),
        (&[own], "csrf="),
        (&[own], &format!("csrf={}", other.csrf())),
        (&[("Origin", "https://evil.example")], &good),
        (&[("Origin", "null")], &good),
        (&[("Sec-Fetch-Site", "cross-site"), own], &good),
        (&[("Sec-Fetch-Site", "same-site"), own], &good),
        (&[("Sec-Fetch-Site", "none")], &good),
    ] {
        let answer = send(headers, body);
        assert_eq!(answer.status, 403, "{headers:?} {body}: {}", answer.text());
    }
    let twice = send(&[own], &format!("csrf={csrf}&csrf={csrf}"));
    assert_eq!(twice.status, 422);
    let json = [("Content-Type", "application/json"), own];
    let answer = visitor.request("POST", "/sign-out", &json, Some(b"{}"));
    assert_eq!(answer.status, 415);
    let large = format!("{good}&x={}", "y".repeat(70_000));
    assert_eq!(send(&[own], &large).status, 413);
    assert_eq!(send(&[own], &format!("{good}&x=%ff")).status, 400);
    assert_eq!(visitor.get("/").status, 200, "nothing of it signed out");
    // What sends neither is no browser of today; its form has what only this session's pages have.
    assert_eq!(send(&[], &good).status, 303);
}

#[test]
fn every_answer_says_what_browsers_may_do_with_it() {
    let portal = Portal::start();
    let visitor = portal.signed_in("acct_1", "viewer");
    let font = visitor.page("/");
    let at = font.find("/assets/").unwrap();
    let asset = &font[at..at + font[at..].find('"').unwrap()];
    let targets: Vec<String> = table::all()
        .filter(|p| p.method == "GET")
        .filter_map(|p| p.sample.filter(|s| !s.contains('{')).map(str::to_owned))
        .chain(
            [
                "/nothing/here",
                "/sign-out",
                asset,
                "/robots.txt",
                "/favicon.svg",
            ]
            .map(str::to_owned),
        )
        .collect();
    for target in targets {
        let answer = visitor.get(&target);
        let field = |name: &str| answer.header(name).unwrap_or_default().to_owned();
        assert!(
            field("content-security-policy")
                .starts_with("default-src 'none'; script-src 'self'; style-src 'self'"),
            "{target}"
        );
        assert!(!field("content-security-policy").contains("unsafe"));
        for (name, wanted) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(field(name), wanted, "{target} {name}");
        }
        assert!(!field("cache-control").is_empty(), "{target}");
        assert!(field("server-timing").starts_with("app;dur="), "{target}");
        assert!(!field("x-request-id").is_empty(), "{target}");
        assert_eq!(field("strict-transport-security"), "", "{target}");
    }
    let home = visitor.get("/");
    assert_eq!(home.header("cache-control"), Some("no-store"));
    let kept = visitor.get(asset);
    assert!(kept.header("cache-control").unwrap().contains("immutable"));
    let wrong = visitor.get("/sign-out");
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("POST")));
    assert_eq!(visitor.get("/nothing/here").status, 404);
}

#[test]
fn who_tries_many_links_or_cookies_is_slowed_down() {
    let portal = Portal::start();
    let stranger = portal.stranger();
    let link = format!("/sign-in/ps_{}.{}.YWNjdF8x", "0".repeat(32), "A".repeat(43));
    let statuses: Vec<u16> = (0..60).map(|_| stranger.get(&link).status).collect();
    assert_eq!(statuses[0], 403);
    assert!(statuses.contains(&429), "{statuses:?}");
    assert!(
        portal
            .gateway
            .metric("fuelgate_portal_sessions_total{outcome=\"refused\"}")
            > 0.0
    );
}

#[test]
fn nothing_of_a_link_or_a_cookie_is_logged_or_counted() {
    let portal = Portal::talkative();
    let link = portal.link("acct_1", "developer");
    let mut visitor = portal.stranger();
    let opened = visitor.get(path(&portal, &link));
    visitor.cookie = Some(cookie_of(&opened));
    let page = visitor.get("/");
    let refused = portal.stranger().get(path(&portal, &link));
    is_refused_link(&refused);
    // The log tells of the very requests that had a secret.
    for answer in [&opened, &page, &refused] {
        let id = answer.header("x-request-id").unwrap();
        eventually("the request is in the log", Duration::from_secs(10), || {
            portal.gateway.stderr().contains(id).then_some(())
        });
    }
    let cookie = visitor.cookie.unwrap();
    let metrics = crate::support::http::request(
        portal.gateway.listener("admin"),
        "GET",
        "/metrics",
        &[],
        None,
    );
    assert!(
        metrics
            .text()
            .contains("fuelgate_portal_sessions_total{outcome=\"opened\"} 1")
    );
    let all = format!("{}{}", portal.gateway.stderr(), metrics.text());
    for secret in [link.as_str(), cookie.as_str()] {
        let secret = secret.split('.').rev().nth(1).unwrap();
        assert_eq!(secret.len(), 43);
        assert!(!all.contains(secret));
    }
}

#[test]
fn the_demo_opens_its_account_to_whoever_presses_the_button() {
    let portal = Portal::with(&Setup {
        portal: ", demo_account: acct_demo",
        ..Setup::default()
    });
    let stranger = portal.stranger();
    assert!(stranger.page("/sign-in").contains("Open the demo account"));
    let opened = stranger.post_raw("/sign-in/demo", &[]);
    assert_eq!(opened.status, 303, "{}", opened.text());
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    for headers in [
        vec![form, ("Origin", "https://evil.example")],
        vec![form],
        vec![form, ("Sec-Fetch-Site", "cross-site")],
        // A name of another site's that leads here is same-origin with itself.
        vec![
            form,
            ("Sec-Fetch-Site", "same-origin"),
            ("Host", "evil.example"),
        ],
    ] {
        let answer = stranger.request("POST", "/sign-in/demo", &headers, Some(b""));
        assert_eq!(answer.status, 403, "{headers:?}");
    }
    let usual = Portal::start();
    let answer = usual.stranger().post_raw("/sign-in/demo", &[]);
    assert_eq!(answer.status, 404);
    assert!(!usual.stranger().page("/sign-in").contains("demo"));
}

#[test]
fn a_browser_signs_in_looks_around_and_signs_out_on_both_stores() {
    for (store, portal) in Portal::both() {
        let said = browser::run(
            "sign_in",
            &json!({
                "origin": portal.url,
                "link": portal.link("acct_1", "developer"),
                "other": portal.link_for("acct_2", "u_2", "viewer"),
            }),
        );
        assert_eq!(said, json!([]), "{store}: {said:#}");
    }
}
