//! Pages that refuse, in a real browser: what is not there, not allowed, used up or too often; never one that is bare.

use serde_json::{Value, json};

use super::walk::walk;
use crate::support::gateway::stopped_clock;
use crate::support::portal::{Portal, Setup};

fn page(name: &str, path: &str, status: u16) -> Value {
    json!({"name": format!("refused-{name}"), "path": path, "status": status})
}

#[test]
fn refusals_are_whole_pages_for_who_is_signed_in_and_for_who_is_not() {
    let portal = Portal::start();
    let unknown = format!("/keys/key_{}", "0".repeat(32));
    let developer = portal.signed_in("acct_1", "developer");
    let pages = [
        page("unknown", "/nothing/here", 404),
        page("no-such-key", &unknown, 404),
        page("method", "/sign-out", 405),
        page("invalid", "/keys?status=nope", 422),
    ];
    walk(&portal, developer.cookie.as_deref(), &pages);
    let viewer = portal.signed_in("acct_1", "viewer");
    let pages = [page("viewer", "/keys/new", 403)];
    walk(&portal, viewer.cookie.as_deref(), &pages);

    let used = portal.link("acct_1", "developer");
    drop(portal.opens(&used));
    let used = used.strip_prefix(&portal.url).unwrap();
    let pages = [
        page("unknown-public", "/nothing/here", 404),
        page("nobody", "/keys", 401),
        page("link", used, 403),
        page("broken-link", "/sign-in/x", 403),
        page("signed-out", "/sign-in?done=signed-out", 200),
        page("unknown-docs", "/docs/api/none", 404),
    ];
    walk(&portal, None, &pages);
}

#[test]
fn who_comes_too_often_is_told_so_on_a_whole_page() {
    let portal = Portal::with(&Setup {
        // What was spent would be there again before the browser has come.
        environment: stopped_clock(),
        ..Setup::default()
    });
    let stranger = portal.stranger();
    let link = format!("/sign-in/ps_{}.{}.YWNjdF8x", "0".repeat(32), "A".repeat(43));
    let refused = (0..100)
        .map(|_| stranger.get(&link))
        .find(|a| a.status == 429);
    let refused = refused.expect("a refusal");
    assert!(refused.header("retry-after").is_some());
    walk(&portal, None, &[page("too-often", &link, 429)]);
}
