//! What the router finds, and what it must never find.

use proptest::prelude::*;

use super::*;
use crate::config::model::{Auth, Rewrite, RewritePart};
use crate::routing::{canonical, rewrite};

fn route(path: &str, methods: &[&str], hosts: &[&str]) -> Arc<Route> {
    Arc::new(Route {
        index: 0,
        path: path.into(),
        hosts: hosts.iter().map(|h| (*h).to_owned()).collect(),
        methods: methods.iter().map(|m| m.parse().unwrap()).collect(),
        auth: Auth::Key,
        scopes: Vec::new(),
        split: vec![(0, 1)],
        rewrite: None,
        cost: 1,
        json_only: false,
        body_bytes: None,
        deprecated: None,
        events: Vec::new(),
    })
}

fn router(paths: &[&str]) -> Router {
    let routes: Vec<_> = paths.iter().map(|p| route(p, &["GET"], &[])).collect();
    Router::build(&routes).unwrap()
}

fn at<'r>(router: &'r Router, path: &str) -> Option<&'r str> {
    match router.find(None, &Method::GET, path) {
        Found::Route { route, .. } => Some(&route.path),
        _ => None,
    }
}

#[test]
fn literals_come_before_names_and_names_before_tails() {
    let r = router(&["/a/{x}", "/a/b", "/a/{*rest}", "/{*rest}", "/a/{x}/c"]);
    assert_eq!(at(&r, "/a/b"), Some("/a/b"));
    assert_eq!(at(&r, "/a/z"), Some("/a/{x}"));
    assert_eq!(at(&r, "/a/z/c"), Some("/a/{x}/c"));
    assert_eq!(at(&r, "/a/z/d"), Some("/a/{*rest}"));
    assert_eq!(at(&r, "/a/b/c"), Some("/a/{x}/c"));
    assert_eq!(at(&r, "/q/z"), Some("/{*rest}"));
    assert_eq!(at(&r, "/"), Some("/{*rest}"));
    assert_eq!(at(&r, "/a/"), Some("/a/{*rest}"));
}

#[test]
fn a_name_takes_one_segment_that_is_not_empty() {
    let r = router(&["/v1/contacts/{id}"]);
    assert_eq!(at(&r, "/v1/contacts/7"), Some("/v1/contacts/{id}"));
    for p in [
        "/v1/contacts/",
        "/v1/contacts",
        "/v1/contacts/7/",
        "/v1/contacts/7/x",
        "/v1",
    ] {
        assert_eq!(at(&r, p), None, "{p}");
    }
}

#[test]
fn values_stay_percent_encoded_and_are_copied_by_the_rewrite() {
    let r = router(&["/v1/{kind}/{id}/{*rest}"]);
    let path = canonical("/v1/a%20b/%37%40/x/y%25").unwrap();
    let Found::Route { params, .. } = r.find(None, &Method::GET, &path) else {
        panic!("not found");
    };
    assert_eq!(params.get(&path, "kind"), Some("a%20b"));
    let template = Rewrite {
        parts: vec![
            RewritePart::Literal("/api/".into()),
            RewritePart::Param("id".into()),
            RewritePart::Literal("/".into()),
            RewritePart::Param("rest".into()),
        ],
    };
    assert_eq!(rewrite(&template, &path, &params), "/api/7%40/x/y%25");
}

#[test]
fn routes_of_the_host_come_first_and_the_others_still_count() {
    let r = Router::build(&[
        route("/x", &["GET"], &["api.example"]),
        route("/{*rest}", &["GET", "POST"], &[]),
        route("/x", &["PUT"], &[]),
    ])
    .unwrap();
    let find = |host, method: &Method, path| match r.find(host, method, path) {
        Found::Route { route, .. } => route.hosts.len().to_string(),
        Found::MethodNotAllowed { allow } => allow,
        Found::NotFound => "none".into(),
    };
    assert_eq!(find(Some("api.example"), &Method::GET, "/x"), "1");
    assert_eq!(find(Some("api.example"), &Method::PUT, "/x"), "0");
    assert_eq!(find(Some("other.example"), &Method::GET, "/x"), "PUT");
    assert_eq!(find(Some("api.example"), &Method::DELETE, "/x"), "GET, PUT");
    assert_eq!(find(None, &Method::POST, "/y"), "0");
    assert_eq!(find(Some("api.example"), &Method::GET, "/X"), "none");
}

#[test]
fn head_is_not_implied_by_get() {
    let r = router(&["/a"]);
    let found = r.find(None, &Method::HEAD, "/a");
    assert!(matches!(found, Found::MethodNotAllowed { allow } if allow == "GET"));
}

#[test]
fn names_may_differ_where_the_shape_is_the_same() {
    let r = Router::build(&[
        route("/c/{id}", &["GET"], &[]),
        route("/c/{contact}", &["DELETE"], &[]),
        route("/c/{other}/x", &["GET"], &[]),
    ])
    .unwrap();
    let Found::Route { route, params } = r.find(None, &Method::DELETE, "/c/9") else {
        panic!("not found");
    };
    assert_eq!(
        (&*route.path, params.get("/c/9", "contact")),
        ("/c/{contact}", Some("9"))
    );
}

#[test]
fn what_a_lenient_backend_would_take_for_another_route_is_not_found() {
    let r = router(&["/admin", "/{*rest}", "/u/{id}", "/u/me", "/a:b"]);
    for p in [
        "/ADMIN",
        "/admin/",
        "/admin;x=1",
        "/Admin;a/",
        "/u/ME",
        "/u/me;v=2",
        "/a%3Ab",
    ] {
        assert_eq!(at(&r, &canonical(p).unwrap()), None, "{p}");
    }
    assert_eq!(at(&r, &canonical("/%61dmin").unwrap()), Some("/admin"));
    assert_eq!(at(&r, "/u/X%20Y"), Some("/u/{id}"));
    assert_eq!(at(&r, "/ADMINS"), Some("/{*rest}"));
    let r = router(&["/app", "/app/{*rest}", "/Case/{x}", "/case/{x}"]);
    assert_eq!(at(&r, "/app/"), Some("/app/{*rest}"));
    assert_eq!(at(&r, "/Case/Q"), Some("/Case/{x}"));
    assert_eq!(at(&r, "/case/Q"), Some("/case/{x}"));
}

#[test]
fn bad_sets_of_routes_are_refused() {
    let build = |paths: &[&str]| {
        let routes: Vec<_> = paths.iter().map(|p| route(p, &["GET"], &[])).collect();
        Router::build(&routes).map(|_| ()).unwrap_err()
    };
    assert!(matches!(
        build(&["/a/{x}", "/a/{y}"]),
        RouterError::Overlap { .. }
    ));
    for p in [
        "a", "/a//b", "/{a}x", "/x{a}", "/{*r}/x", "/{}", "/{a}/{a}", "/..", "/a b",
    ] {
        assert!(matches!(build(&[p]), RouterError::Template { .. }), "{p}");
    }
}

/// A backend that decodes once, drops parameters, case and trailing slashes, resolves dots and merges slashes.
fn lenient(path: &str) -> String {
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
    let mut out: Vec<String> = Vec::new();
    for s in decoded.replace('\\', "/").split('/') {
        match s.split(';').next().unwrap_or_default() {
            "" | "." => {}
            ".." => drop(out.pop()),
            s => out.push(s.to_ascii_lowercase()),
        }
    }
    format!("/{}", out.join("/"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn a_lenient_backend_never_reads_a_path_as_a_stricter_route(
        raw in "(/|/a|/b|A|%61|%41|;|%3b|\\.|%2e|%2f|\\\\|%25|61|/admin|ADMIN|x){1,9}",
    ) {
        let r = router(&["/admin", "/admin/a", "/a/{id}", "/a/b", "/{*rest}", "/a/{id}/b"]);
        if let Ok(path) = canonical(&raw)
            && let Some(found) = at(&r, &path)
        {
            prop_assert_eq!(at(&r, &canonical(&path).unwrap()), Some(found));
            let read = lenient(&path);
            let hit = r.every_host.tree.find(&read).unwrap();
            let as_read = &r.every_host.groups[hit.number].routes[0].route.path;
            prop_assert_eq!(&**as_read, found, "{} read as {}", path, read);
        }
    }

    #[test]
    fn no_path_panics(path in "/\\PC{0,30}", host in proptest::option::of("[a-z.]{0,5}")) {
        let r = router(&["/a", "/a/{x}", "/{*rest}"]);
        let _ = r.find(host.as_deref(), &Method::GET, &path);
    }
}
