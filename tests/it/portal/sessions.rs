//! A session from its link to its end: rotation of its cookie and its time-outs by a shifted clock, fixation on both stores.

use crate::support::portal::{Portal, Visitor, cookie_of};

fn with_cookie(portal: &Portal, cookie: &str) -> Visitor {
    let mut visitor = portal.stranger();
    visitor.cookie = Some(cookie.to_owned());
    visitor
}

fn secret_of(cookie: &str) -> &str {
    cookie.split('.').nth(1).unwrap()
}

#[test]
fn a_cookie_gets_another_secret_and_the_old_one_is_dead_after_its_grace() {
    let mut portal = Portal::start();
    let first = portal.signed_in("acct_1", "developer");
    let csrf = first.csrf();
    portal.ahead("14m");
    assert!(first.get("/").header("set-cookie").is_none());
    portal.ahead("16m");
    // A form's answer may lead elsewhere; only pages renew.
    let answer = first.post_raw("/keys", &[("csrf", &csrf), ("once", "x")]);
    assert_eq!(answer.status, 422);
    assert!(answer.header("set-cookie").is_none());
    let renewed = cookie_of(&first.get("/"));
    let old = first.cookie.clone().unwrap();
    assert_ne!(secret_of(&renewed), secret_of(&old));
    assert_eq!(renewed.split('.').next(), old.split('.').next());
    let second = with_cookie(&portal, &renewed);
    // What was under way with the old one is let in for a moment, and renews nothing.
    let late = first.get("/keys");
    assert_eq!(late.status, 200);
    assert!(late.header("set-cookie").is_none());
    // Forms that were open go on.
    assert_eq!(second.csrf(), csrf);
    portal.ahead("17m");
    assert_eq!(first.get("/").status, 401, "the old one is dead");
    // Whoever shows a dead one ends nobody's session.
    assert_eq!(second.get("/").status, 200, "the new one is not");
}

#[test]
fn a_session_ends_when_nobody_uses_it_and_at_its_end_whoever_uses_it() {
    let mut portal = Portal::start();
    let idle = portal.signed_in("acct_1", "developer");
    let mut busy = portal.signed_in("acct_1", "developer");
    for ahead in ["29m", "58m"] {
        portal.ahead(ahead);
        let answer = busy.get("/");
        assert_eq!(answer.status, 200, "{ahead}");
        busy = with_cookie(&portal, &cookie_of(&answer));
        let is_idle = ahead == "58m";
        if is_idle {
            assert_eq!(idle.get("/").status, 401, "nobody used it for an hour");
        }
    }
    // The link said an hour, whatever was renewed.
    portal.ahead("61m");
    assert_eq!(busy.get("/").status, 401, "its hour is over");
    assert_eq!(busy.post_raw("/keys", &[("csrf", "x")]).status, 401);
}

#[test]
fn half_an_hour_without_use_ends_a_session_for_good() {
    let mut portal = Portal::start();
    let visitor = portal.signed_in("acct_1", "viewer");
    portal.ahead("31m");
    let refused = visitor.get("/");
    assert_eq!(refused.status, 401);
    assert!(refused.text().contains("Sign in"));
    // It does not come back where the clock does.
    portal.ahead("1m");
    assert_eq!(visitor.get("/keys").status, 401);
}

#[test]
fn a_link_waits_five_minutes() {
    let mut portal = Portal::start();
    let path = |portal: &Portal| {
        let link = portal.link("acct_1", "viewer");
        link.strip_prefix(&portal.url).unwrap().to_owned()
    };
    let (late, good) = (path(&portal), path(&portal));
    portal.ahead("4m");
    let stranger = portal.stranger();
    assert_eq!(stranger.get(&good).status, 303);
    portal.ahead("6m");
    let refused = stranger.get(&late);
    assert_eq!(refused.status, 403);
    assert!(refused.text().contains("This link was used or has expired"));
}

#[test]
fn a_session_that_somebody_planted_is_none_of_the_visitors() {
    for (store, portal) in Portal::both() {
        // Who means ill signs in and has the victim's browser carry that cookie, before and after the victim signs in.
        let attacker = portal.signed_in("acct_2", "developer");
        let planted = attacker.cookie.clone().unwrap();
        let mut victim = with_cookie(&portal, &planted);
        let link = portal.link("acct_1", "developer");
        let asked = victim.get(link.strip_prefix(&portal.url).unwrap());
        assert!(
            asked.text().contains("Switch to another session?"),
            "{store}"
        );
        let token = link.rsplit('/').next().unwrap();
        let switched = victim.post("/sign-in/switch", &[("token", token)]);
        let own = cookie_of(&switched);
        assert_ne!(secret_of(&own), secret_of(&planted));
        assert_ne!(
            own.split('.').next(),
            planted.split('.').next(),
            "another session"
        );
        victim.cookie = Some(own);
        assert!(victim.page("/session").contains("acct_1"), "{store}");
        assert_eq!(attacker.get("/").status, 401, "the planted one has ended");
        // Nor does the link's own secret serve as a cookie.
        let name = planted.split('=').next().unwrap();
        let forged = with_cookie(&portal, &format!("{name}={token}"));
        assert_eq!(forged.get("/").status, 401, "{store}");
    }
}
