//! A session from its link to its end, by a clock that the test moves, on both stores: rotation of its cookie, time-outs, fixation.

use std::time::Duration;

use crate::support::clock::MovedClock;
use crate::support::portal::{Portal, Setup, Visitor, cookie_of};

const MINUTE: Duration = Duration::from_secs(60);

/// Both stores, each with a clock that it goes by.
fn both() -> impl Iterator<Item = (&'static str, Portal, MovedClock)> {
    let stores = [("embedded", false), ("redis", true)];
    stores.into_iter().map(|(store, on_redis)| {
        let clock = MovedClock::new();
        let portal = Portal::with(&Setup {
            on_redis,
            environment: clock.environment(),
            ..Setup::default()
        });
        (store, portal, clock)
    })
}

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
    for (store, portal, mut clock) in both() {
        let first = portal.signed_in("acct_1", "developer");
        let csrf = first.csrf();
        clock.advance(14 * MINUTE);
        assert!(first.get("/").header("set-cookie").is_none(), "{store}");
        clock.advance(2 * MINUTE);
        // A form's answer may lead elsewhere; only pages renew.
        let answer = first.post_raw("/keys", &[("csrf", &csrf), ("once", "x")]);
        assert_eq!(answer.status, 422, "{store}");
        assert!(answer.header("set-cookie").is_none());
        let renewed = cookie_of(&first.get("/"));
        let old = first.cookie.clone().unwrap();
        assert_ne!(secret_of(&renewed), secret_of(&old), "{store}");
        assert_eq!(renewed.split('.').next(), old.split('.').next());
        let second = with_cookie(&portal, &renewed);
        // What was under way with the old one is let in for a moment, and renews nothing.
        let late = first.get("/keys");
        assert_eq!(late.status, 200, "{store}");
        assert!(late.header("set-cookie").is_none());
        // Forms that were open go on.
        assert_eq!(second.csrf(), csrf);
        clock.advance(MINUTE);
        assert_eq!(first.get("/").status, 401, "{store}: the old one is dead");
        assert_eq!(second.get("/").status, 200, "{store}: the new one is not");
        // Whoever shows a dead one ends nobody's session.
        assert_eq!(second.get("/").status, 200);
    }
}

#[test]
fn a_session_ends_when_nobody_uses_it_and_at_its_end_whoever_uses_it() {
    for (store, portal, mut clock) in both() {
        let idle = portal.signed_in("acct_1", "developer");
        let mut busy = portal.signed_in("acct_1", "developer");
        for _ in 0..2 {
            clock.advance(29 * MINUTE);
            let answer = busy.get("/");
            assert_eq!(answer.status, 200, "{store}");
            if answer.header("set-cookie").is_some() {
                busy = with_cookie(&portal, &cookie_of(&answer));
            }
        }
        assert_eq!(
            idle.get("/").status,
            401,
            "{store}: it was idle for an hour"
        );
        // The link said an hour; two minutes are left of it, whatever was renewed.
        clock.advance(MINUTE);
        let answer = busy.get("/session");
        assert_eq!(answer.status, 200);
        clock.advance(2 * MINUTE);
        assert_eq!(busy.get("/").status, 401, "{store}: its hour is over");
        assert_eq!(busy.post_raw("/keys", &[("csrf", "x")]).status, 401);
    }
}

#[test]
fn half_an_hour_without_use_ends_a_session_to_the_minute() {
    for (store, portal, mut clock) in both() {
        let visitor = portal.signed_in("acct_1", "viewer");
        clock.advance(29 * MINUTE);
        let answer = visitor.get("/");
        assert_eq!(answer.status, 200, "{store}");
        let visitor = with_cookie(&portal, &cookie_of(&answer));
        clock.advance(30 * MINUTE);
        let refused = visitor.get("/");
        assert_eq!(refused.status, 401, "{store}");
        assert!(refused.text().contains("Sign in"));
        // It does not come back where the clock does.
        assert_eq!(visitor.get("/keys").status, 401);
    }
}

#[test]
fn a_link_waits_five_minutes_and_works_once() {
    for (store, portal, mut clock) in both() {
        let path = |link: &str| link.strip_prefix(&portal.url).unwrap().to_owned();
        let (late, good) = (
            portal.link("acct_1", "viewer"),
            portal.link("acct_1", "viewer"),
        );
        clock.advance(4 * MINUTE);
        let stranger = portal.stranger();
        assert_eq!(stranger.get(&path(&good)).status, 303, "{store}");
        for _ in 0..2 {
            let again = stranger.get(&path(&good));
            assert_eq!(again.status, 403, "{store}");
            assert!(again.header("set-cookie").is_none());
        }
        clock.advance(2 * MINUTE);
        let refused = stranger.get(&path(&late));
        assert_eq!(refused.status, 403, "{store}");
        assert!(refused.text().contains("This link was used or has expired"));
    }
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
