//! Checks event rules and ties them to their routes; never evaluates a condition.

use std::collections::HashMap;
use std::sync::Arc;

use super::Check;
use super::words::{is_name, method, under};
use crate::base::ceilings::{CONDITION_CHARS, EVENTS_PER_REQUEST};
use crate::config::file::{ConfigFile, EventFile};
use crate::config::model::{Auth, EventRule, OPERATIONAL, Route};
use crate::config::template;
use crate::config::tree::{Step, steps};

/// All rules.
pub(super) fn events(
    check: &mut Check<'_>,
    f: &ConfigFile,
    routes: &[Route],
) -> Vec<Arc<EventRule>> {
    let index = Index::of(routes);
    let rules: Vec<Arc<EventRule>> = f
        .events
        .iter()
        .enumerate()
        .map(|(i, e)| Arc::new(event(check, f, i, e, &index)))
        .collect();
    let mut watching: HashMap<Key, usize> = HashMap::new();
    for rule in &rules {
        let rules = watching.entry(key(&rule.method, &rule.path)).or_default();
        *rules += 1;
        if *rules == EVENTS_PER_REQUEST + 1 {
            check.problem(
                &steps!["events", rule.index, "route"],
                format!("expected at most {EVENTS_PER_REQUEST} rules of one route"),
            );
        }
    }
    rules
}

/// What a rule and a route have in common: a method and the paths that the template matches.
type Key = (http::Method, String);

fn key(method: &http::Method, path: &str) -> Key {
    (method.clone(), template::shape(path))
}

/// Routes by what rules name them by.
struct Index<'a>(HashMap<Key, Vec<&'a Route>>);

impl<'a> Index<'a> {
    fn of(routes: &'a [Route]) -> Self {
        let mut index: HashMap<Key, Vec<&Route>> = HashMap::new();
        for route in routes {
            for method in &route.methods {
                index
                    .entry(key(method, &route.path))
                    .or_default()
                    .push(route);
            }
        }
        Self(index)
    }

    fn matching(&self, method: &http::Method, path: &str) -> &[&'a Route] {
        self.0.get(&key(method, path)).map_or(&[], Vec::as_slice)
    }
}

fn event(
    check: &mut Check<'_>,
    f: &ConfigFile,
    index: usize,
    e: &EventFile,
    routes: &Index<'_>,
) -> EventRule {
    let at = steps!["events", index];
    check.ok(&under(&at, "type"), event_type(&e.event_type));
    let route_at = under(&at, "route");
    let method = check.ok(&under(&route_at, "method"), method(&e.route.method));
    let path_at = under(&route_at, "path");
    let path = check.ok(&path_at, template::parse(&e.route.path).map(|_| ()));
    if let (Some(method), Some(())) = (&method, path) {
        watched(check, f, e, method, routes, &path_at);
    }
    let when = e.when.as_deref().map(str::trim).filter(|w| *w != "true");
    if let Some(when) = when {
        let result = condition(check, when);
        check.ok(&under(&at, "when"), result);
    }
    let data = e.data.as_deref().map(str::trim);
    if let Some(data) = data {
        let result = shape(check, data);
        check.ok(&under(&at, "data"), result);
    }
    EventRule {
        index,
        event_type: e.event_type.as_str().into(),
        method: method.unwrap_or_default(),
        path: e.route.path.as_str().into(),
        status: e.status.clone().unwrap_or_else(|| (200..=299).collect()),
        when: when.map(str::to_owned),
        data: data.map(str::to_owned),
    }
}

/// The form of an event type: lower-case words with dots between.
fn event_type(text: &str) -> Result<(), String> {
    let word = |w: &str| {
        w.starts_with(|c: char| c.is_ascii_lowercase())
            && is_name(w, "_", 100)
            && !w.chars().any(|c| c.is_ascii_uppercase())
    };
    if text.len() > 100 || !text.contains('.') || !text.split('.').all(word) {
        return Err(
            "expected lower-case words with dots between, such as contact.created".to_owned(),
        );
    }
    if text == "webhook.test" {
        return Err("expected another type: webhook.test is the gateway's own".to_owned());
    }
    if OPERATIONAL.contains(&text) {
        return Err(format!(
            "expected another type: {text} is the gateway's own"
        ));
    }
    Ok(())
}

fn condition(check: &Check<'_>, when: &str) -> Result<(), String> {
    if when.is_empty() {
        return Err("expected a condition, or no `when` at all".to_owned());
    }
    bounded(when)?;
    check
        .options
        .check_condition
        .map_or(Ok(()), |f| f(when))
        .map_err(|cause| format!("expected a condition that can be evaluated: {cause}"))
}

fn shape(check: &Check<'_>, data: &str) -> Result<(), String> {
    if data.is_empty() {
        return Err("expected an expression, or no `data` at all".to_owned());
    }
    bounded(data)?;
    check
        .options
        .check_shape
        .map_or(Ok(()), |f| f(data))
        .map_err(|cause| format!("expected an expression that can be evaluated: {cause}"))
}

fn bounded(expression: &str) -> Result<(), String> {
    if expression.chars().count() > CONDITION_CHARS {
        return Err(format!("expected at most {CONDITION_CHARS} characters"));
    }
    Ok(())
}

/// Reports a rule whose route does not exist or has no account to which an event could belong.
fn watched(
    check: &mut Check<'_>,
    f: &ConfigFile,
    e: &EventFile,
    method: &http::Method,
    routes: &Index<'_>,
    at: &[Step],
) {
    let matching = routes.matching(method, &e.route.path);
    // Where routes were taken out for other problems, or a document is unreadable, it may well be among them.
    let complete = f.routes.len() == check.written.routes
        && f.apis.len() == check.written.apis
        && check.documents_read;
    if matching.is_empty() && complete {
        let message = format!("expected a route with {method} and this path template");
        check.problem(at, message);
    }
    let accountless = |r: &&Route| matches!(r.auth, Auth::None | Auth::Passthrough);
    if matching.iter().any(accountless) {
        check.problem(
            at,
            "expected a route with `auth: key` or `key_or_passthrough`: an event belongs to the key's account",
        );
    }
}

/// Routes with the rules that watch them.
pub(super) fn attach(routes: Vec<Route>, rules: &[Arc<EventRule>]) -> Vec<Arc<Route>> {
    let mut index: HashMap<Key, Vec<usize>> = HashMap::new();
    for rule in rules {
        let watching = index.entry(key(&rule.method, &rule.path)).or_default();
        watching.push(rule.index);
    }
    routes
        .into_iter()
        .map(|mut route| {
            let keys = route.methods.iter().map(|m| key(m, &route.path));
            let watching = keys.filter_map(|k| index.get(&k)).flatten();
            route.events = watching.copied().collect();
            Arc::new(route)
        })
        .collect()
}
