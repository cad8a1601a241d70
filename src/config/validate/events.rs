//! Checks event rules and ties them to their routes; never evaluates a condition.

use std::sync::Arc;

use super::Check;
use super::words::{is_name, method, under};
use crate::base::ceilings::{CONDITION_CHARS, EVENTS_PER_REQUEST};
use crate::config::file::{ConfigFile, EventFile};
use crate::config::model::{Auth, EventRule, Route};
use crate::config::template;
use crate::config::tree::{Step, steps};

/// All rules.
pub(super) fn events(
    check: &mut Check<'_>,
    f: &ConfigFile,
    routes: &[Route],
) -> Vec<Arc<EventRule>> {
    let rules: Vec<Arc<EventRule>> = f
        .events
        .iter()
        .enumerate()
        .map(|(i, e)| Arc::new(event(check, f, i, e, routes)))
        .collect();
    for route in routes {
        let watching = rules.iter().filter(|r| watches(r, route));
        if let Some(over) = watching.clone().nth(EVENTS_PER_REQUEST) {
            check.problem(
                &steps!["events", over.index, "route"],
                format!("expected at most {EVENTS_PER_REQUEST} rules of one route"),
            );
        }
    }
    rules
}

fn event(
    check: &mut Check<'_>,
    f: &ConfigFile,
    index: usize,
    e: &EventFile,
    routes: &[Route],
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
    EventRule {
        index,
        event_type: e.event_type.as_str().into(),
        method: method.unwrap_or_default(),
        path: e.route.path.as_str().into(),
        status: e.status.clone().unwrap_or_else(|| (200..=299).collect()),
        when: when.map(str::to_owned),
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
    Ok(())
}

fn condition(check: &Check<'_>, when: &str) -> Result<(), String> {
    if when.is_empty() {
        return Err("expected a condition, or no `when` at all".to_owned());
    }
    if when.chars().count() > CONDITION_CHARS {
        return Err(format!("expected at most {CONDITION_CHARS} characters"));
    }
    check
        .options
        .check_condition
        .map_or(Ok(()), |f| f(when))
        .map_err(|cause| format!("expected a condition that can be evaluated: {cause}"))
}

/// Reports a rule whose route does not exist or has no account to which an event could belong.
fn watched(
    check: &mut Check<'_>,
    f: &ConfigFile,
    e: &EventFile,
    method: &http::Method,
    routes: &[Route],
    at: &[Step],
) {
    let shape = template::shape(&e.route.path);
    let matching: Vec<&Route> = routes
        .iter()
        .filter(|r| r.methods.contains(method) && template::shape(&r.path) == shape)
        .collect();
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

fn watches(rule: &EventRule, route: &Route) -> bool {
    route.methods.contains(&rule.method)
        && template::shape(&route.path) == template::shape(&rule.path)
}

/// Routes with the rules that watch them.
pub(super) fn attach(routes: Vec<Route>, rules: &[Arc<EventRule>]) -> Vec<Arc<Route>> {
    routes
        .into_iter()
        .map(|mut route| {
            let watching = rules.iter().filter(|r| watches(r, &route));
            route.events = watching.map(|r| r.index).collect();
            Arc::new(route)
        })
        .collect()
}
