//! Checks routes, those of OpenAPI documents included, and what they refer to; never matches a request.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::words::{is_host, method, under, web_url};
use super::{Check, plans, upstreams};
use crate::base::clock::Timestamp;
use crate::config::file::{ApiFile, ConfigFile, DeprecatedFile, RouteFile};
use crate::config::model::{Api, Auth, Deprecated, Route, Upstream};
use crate::config::openapi::{self, Document, Operation};
use crate::config::tree::{Place, Step, steps};
use crate::config::{beside, template};

/// Paths of the gateway's own, which no upstream gets.
const RESERVED: &str = "/.well-known/fuelgate/";

/// What routes and documents give.
pub(super) struct Found {
    pub(super) routes: Vec<Route>,
    pub(super) scopes: Vec<(String, String)>,
    pub(super) apis: Vec<Api>,
}

/// A route and where it was written.
struct Placed {
    route: Route,
    origin: Origin,
}

/// Where a route was written.
#[derive(Clone)]
enum Origin {
    /// At this path of the configuration file.
    Settings(Vec<Step>),
    /// In an OpenAPI document.
    Document(PathBuf, Place),
}

/// All routes: those of the file first, in its order, then those of the documents.
pub(super) fn routes(check: &mut Check<'_>, f: &ConfigFile, ups: &[Arc<Upstream>]) -> Found {
    let documents: Vec<Option<Document>> = f
        .apis
        .iter()
        .enumerate()
        .map(|(i, a)| openapi::read(check, a, &steps!["apis", i, "openapi"]))
        .collect();
    let complete = documents.iter().all(Option::is_some) && f.apis.len() == check.written.apis;
    let mut scopes = scopes(check, f);
    for d in documents.iter().flatten() {
        for (name, text) in &d.scopes {
            if !scopes.iter().any(|(known, _)| known == name) {
                scopes.push((name.clone(), text.clone()));
            }
        }
    }
    let mut placed: Vec<Placed> = Vec::new();
    for (i, r) in f.routes.iter().enumerate() {
        let at = steps!["routes", i];
        // While a document is unreadable nobody knows which scopes it has.
        let known = complete.then_some(scopes.as_slice());
        placed.extend(explicit(check, f, r, &at, ups, known));
    }
    let replacing = replacing(&placed);
    let mut apis = Vec::new();
    for (i, (a, document)) in f.apis.iter().zip(documents).enumerate() {
        let at = steps!["apis", i];
        let upstream = upstreams::index(check, ups, &a.upstream, &under(&at, "upstream"));
        let prefix = prefix(check, a, &under(&at, "server_prefix"));
        let (Some(document), Some(upstream)) = (document, upstream) else {
            continue;
        };
        for operation in &document.operations {
            let route = of_document(check, a, upstream, operation, &document, &scopes);
            placed.extend(route.filter(|p| {
                let shape = template::shape(&p.route.path);
                !replacing.contains(&(operation.method.clone(), shape))
            }));
        }
        apis.push(Api {
            file: beside(check.source, &a.openapi),
            upstream,
            server_prefix: prefix,
            document: document.json,
        });
    }
    overlaps(check, &placed);
    let mut routes: Vec<Route> = placed.into_iter().map(|p| p.route).collect();
    for (i, r) in routes.iter_mut().enumerate() {
        r.index = i;
    }
    Found {
        routes,
        scopes,
        apis,
    }
}

fn scopes(check: &mut Check<'_>, f: &ConfigFile) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (name, text) in &f.scopes {
        if !is_scope(name) {
            check.problem(
                &steps!["scopes", name],
                "expected a scope name of printable ASCII without space, quotes and backslash (RFC 6749 section 3.3)",
            );
        }
        found.push((name.clone(), text.as_str().unwrap_or_default().to_owned()));
    }
    found
}

fn is_scope(name: &str) -> bool {
    let fine = |c: char| c.is_ascii_graphic() && c != '"' && c != '\\';
    !name.is_empty() && name.len() <= 100 && name.chars().all(fine)
}

/// A route of the file. `None` only where its path is none.
fn explicit(
    check: &mut Check<'_>,
    f: &ConfigFile,
    r: &RouteFile,
    at: &[Step],
    ups: &[Arc<Upstream>],
    scopes: Option<&[(String, String)]>,
) -> Option<Placed> {
    let segments = check.ok(&under(at, "path"), path_of(&r.path));
    let rewrite = r.rewrite.as_deref().and_then(|text| {
        let segments = segments.as_deref()?;
        check.ok(&under(at, "rewrite"), template::rewrite(text, segments))
    });
    if let Some(scopes) = scopes {
        route_scopes(check, r, scopes, &under(at, "scopes"));
    }
    if r.auth != Auth::Key && r.auth != Auth::KeyOrPassthrough && !r.scopes.is_empty() {
        check.problem(
            &under(at, "scopes"),
            "expected none: only `auth: key` and `auth: key_or_passthrough` look at scopes",
        );
    }
    cost(check, f, r, &under(at, "cost"));
    let route = Route {
        index: 0,
        path: r.path.as_str().into(),
        hosts: hosts(check, r, &under(at, "hosts")),
        methods: methods(check, &r.methods, &under(at, "methods")),
        auth: r.auth,
        scopes: r.scopes.clone(),
        split: split(check, r, at, ups),
        rewrite,
        cost: r.cost,
        json_only: r.json_only,
        body_bytes: r.body_bytes,
        deprecated: r
            .deprecated
            .as_ref()
            .and_then(|d| deprecated(check, d, &under(at, "deprecated"))),
        events: Vec::new(),
    };
    segments.map(|_| Placed {
        route,
        origin: Origin::Settings(at.to_vec()),
    })
}

fn path_of(text: &str) -> Result<Vec<template::Segment<'_>>, String> {
    if text.starts_with(RESERVED) {
        return Err(format!(
            "expected another path: {RESERVED} is the gateway's own"
        ));
    }
    template::parse(text)
}

fn route_scopes(check: &mut Check<'_>, r: &RouteFile, known: &[(String, String)], at: &[Step]) {
    for (i, name) in r.scopes.iter().enumerate() {
        let there = known.iter().any(|(n, _)| n == name) || check.written.scopes.contains(name);
        if !there {
            check.problem(
                &under(at, i),
                format!("expected a name of `scopes`, found {name:?}"),
            );
        } else if r.scopes[..i].contains(name) {
            check.problem(&under(at, i), "expected each scope once");
        }
    }
}

fn cost(check: &mut Check<'_>, f: &ConfigFile, r: &RouteFile, at: &[Step]) {
    if let Some((burst, name)) = plans::smallest_burst(f)
        && r.cost > burst
    {
        check.problem(
            at,
            format!("expected at most {burst}, which is {name}: a bucket never holds more"),
        );
    }
}

fn hosts(check: &mut Check<'_>, r: &RouteFile, at: &[Step]) -> Vec<String> {
    let mut hosts: Vec<String> = Vec::new();
    for (i, text) in r.hosts.iter().enumerate() {
        let host = text.to_ascii_lowercase();
        if !is_host(&host) || host.ends_with('.') {
            check.problem(
                &under(at, i),
                "expected a host name such as api.example.com, without a port and wildcards",
            );
        } else if hosts.contains(&host) {
            check.problem(&under(at, i), "expected each host once");
        }
        hosts.push(host);
    }
    hosts
}

fn methods(check: &mut Check<'_>, texts: &[String], at: &[Step]) -> Vec<http::Method> {
    let mut methods: Vec<http::Method> = Vec::new();
    for (i, text) in texts.iter().enumerate() {
        let Some(method) = check.ok(&under(at, i), method(text)) else {
            continue;
        };
        if methods.contains(&method) {
            check.problem(&under(at, i), "expected each method once");
        }
        methods.push(method);
    }
    methods
}

fn split(
    check: &mut Check<'_>,
    r: &RouteFile,
    at: &[Step],
    ups: &[Arc<Upstream>],
) -> Vec<(usize, u32)> {
    match (&r.upstream, &r.split) {
        (Some(name), None) => upstreams::index(check, ups, name, &under(at, "upstream"))
            .map(|i| (i, 1))
            .into_iter()
            .collect(),
        (None, Some(parts)) => {
            let mut found: Vec<(usize, u32)> = Vec::new();
            for (i, part) in parts.iter().enumerate() {
                let here = under(&under(&under(at, "split"), i), "upstream");
                let Some(index) = upstreams::index(check, ups, &part.upstream, &here) else {
                    continue;
                };
                if found.iter().any(|(other, _)| *other == index) {
                    check.problem(&here, "expected each upstream once");
                }
                found.push((index, part.weight));
            }
            found
        }
        (Some(_), Some(_)) => {
            check.problem(
                &under(at, "split"),
                "expected either `upstream` or `split`, not both",
            );
            Vec::new()
        }
        (None, None) => {
            if !check.is_faulty(&under(at, "split")) {
                check.problem(
                    &under(at, "upstream"),
                    "missing; expected `upstream` or `split`",
                );
            }
            Vec::new()
        }
    }
}

fn deprecated(check: &mut Check<'_>, d: &DeprecatedFile, at: &[Step]) -> Option<Deprecated> {
    let since = check.ok(&under(at, "since"), Timestamp::parse_day(&d.since));
    let sunset_at = under(at, "sunset");
    let sunset = d
        .sunset
        .as_ref()
        .and_then(|t| check.ok(&sunset_at, Timestamp::parse_day(t)));
    if let (Some(since), Some(sunset)) = (since, sunset)
        && sunset < since
    {
        // RFC 9745 section 4: a sunset is not before the deprecation.
        check.problem(&sunset_at, "expected an instant that is not before `since`");
    }
    let link = d
        .link
        .as_ref()
        .and_then(|l| check.ok(&under(at, "link"), web_url(l, true)));
    Some(Deprecated {
        since: since?,
        sunset,
        link,
    })
}

fn prefix(check: &mut Check<'_>, a: &ApiFile, at: &[Step]) -> String {
    let prefix = a.server_prefix.as_str();
    let literal = |s: &template::Segment<'_>| matches!(s, template::Segment::Literal(_));
    let fine = prefix.is_empty()
        || (!prefix.ends_with('/')
            && template::parse(prefix).is_ok_and(|segments| segments.iter().all(literal)));
    if !fine {
        check.problem(
            at,
            "expected nothing, or a path such as /v1 without a slash at its end and without names",
        );
    }
    prefix.to_owned()
}

/// A route of a document's operation.
fn of_document(
    check: &mut Check<'_>,
    a: &ApiFile,
    upstream: usize,
    o: &Operation,
    document: &Document,
    scopes: &[(String, String)],
) -> Option<Placed> {
    let path = format!("{}{}", a.server_prefix, o.path);
    if let Err(message) = path_of(&path) {
        check.problem_in(&document.file, o.path_place.clone(), message);
        return None;
    }
    for (name, place) in &o.scopes {
        let known = scopes.iter().any(|(n, _)| n == name) || check.written.scopes.contains(name);
        if !known {
            let message = format!(
                "expected a scope that the security scheme or the configuration's `scopes` describes, found {name:?}"
            );
            check.problem_in(&document.file, place.clone(), message);
        }
    }
    Some(Placed {
        route: Route {
            index: 0,
            path: path.into(),
            hosts: Vec::new(),
            methods: vec![o.method.clone()],
            auth: o.auth,
            scopes: o.scopes.iter().map(|(n, _)| n.clone()).collect(),
            split: vec![(upstream, 1)],
            rewrite: None,
            cost: 1,
            json_only: o.json_only,
            body_bytes: None,
            deprecated: None,
            events: Vec::new(),
        },
        origin: Origin::Document(document.file.clone(), o.place.clone()),
    })
}

/// Methods and templates for which a route of the file stands in for a document's: those that it has for every host.
fn replacing(explicit: &[Placed]) -> HashSet<(http::Method, String)> {
    explicit
        .iter()
        .filter(|p| p.route.hosts.is_empty())
        .flat_map(|p| {
            let shape = template::shape(&p.route.path);
            let methods = p.route.methods.iter();
            methods.map(move |m| (m.clone(), shape.clone()))
        })
        .collect()
}

/// Reports routes that would match the same requests with the same right.
fn overlaps(check: &mut Check<'_>, placed: &[Placed]) {
    let mut taken: HashMap<(String, http::Method, String), usize> = HashMap::new();
    for (i, p) in placed.iter().enumerate() {
        let shape = template::shape(&p.route.path);
        let every = [String::new()];
        let hosts = if p.route.hosts.is_empty() {
            &every
        } else {
            p.route.hosts.as_slice()
        };
        for host in hosts {
            for method in &p.route.methods {
                let key = (host.clone(), method.clone(), shape.clone());
                let first = *taken.entry(key).or_insert(i);
                if first != i {
                    overlap(check, &placed[first], p, method);
                }
            }
        }
    }
}

fn overlap(check: &mut Check<'_>, first: &Placed, second: &Placed, method: &http::Method) {
    let by = match &first.origin {
        Origin::Settings(at) => check.shown(at),
        Origin::Document(file, place) => {
            format!(
                "{}:{}:{}",
                file.display(),
                place.mark.line,
                place.mark.column
            )
        }
    };
    let message = format!(
        "expected a route that no other one overlaps: {by} has {method} {} already",
        first.route.path
    );
    match &second.origin {
        Origin::Settings(at) => check.problem(&under(at, "path"), message),
        Origin::Document(file, place) => check.problem_in(file, place.clone(), message),
    }
}
