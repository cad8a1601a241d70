//! Which rules an exchange would fire, and why the others not: by the very code that decides for real; never an event.

use std::sync::Arc;

use serde::Serialize;

use crate::config::model::{Auth, EventRule, Route};
use crate::webhooks::facts::{FactSources, Facts};
use crate::webhooks::model::Settlement;
use crate::webhooks::pipeline::resource_id;
use crate::webhooks::rules::{EventRules, Rule};
use crate::webhooks::settlement::{self, BodyForm, Captured, CapturedBody, Exchange};

/// Stack of the thread that evaluates: as large as that of the threads which do it for real.
const STACK_BYTES: usize = 8 * 1024 * 1024;

/// Why a rule makes no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhyNot {
    /// It watches another route, or the request has none.
    Route,
    /// It watches another method of the route, or the request only reads.
    Method,
    /// The route asks for no key of ours, and without one there is no account.
    NoKey,
    /// The response's status is none of its.
    Status,
    /// Its condition is false.
    ConditionFalse,
    /// Its condition failed to evaluate, which counts as false.
    ConditionError,
    /// Its condition looks at a body that is not known whole. The event is kept as unresolved and released by hand only.
    BodyLost,
}

/// What one rule makes of an exchange.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Index of the rule in the configuration.
    pub rule: usize,
    /// Type of its events.
    pub event_type: Arc<str>,
    /// Why it makes no event; `None` where it makes one.
    pub why_not: Option<WhyNot>,
    /// The same in words for whoever wrote the rule; with an event, why its data is less than it could be.
    pub detail: Option<String>,
    /// What the event says.
    pub made: Option<Made>,
}

/// The event that a rule makes.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// Its data as JSON text: the response's, or what the rule makes of it.
    pub data: String,
    /// Whether only the resource's id could be kept.
    pub truncated: bool,
    /// Id of the resource, as far as it is known.
    pub resource_id: Option<String>,
}

/// An exchange to try rules with.
#[derive(Debug, Clone)]
pub struct Trial<'a> {
    /// The route that the request has, where it has one.
    pub route: Option<&'a Route>,
    /// What rules may look at but the bodies.
    pub facts: FactSources<'a>,
    /// The request's body, whole or lost.
    pub request: CapturedBody,
    /// The response's body, whole or lost.
    pub response: CapturedBody,
}

/// What every rule makes of an exchange, in the configuration's order; `compiled` are the same rules, ready for use.
pub fn explain(events: &[Arc<EventRule>], compiled: &EventRules, trial: &Trial<'_>) -> Vec<Answer> {
    let mut facts = Facts::new(trial.facts);
    // First what is known before the bodies are: what is left then are the events that would be recorded.
    let asked: Vec<Result<(&Rule, bool), Refused>> = events
        .iter()
        .map(|rule| {
            let (rule, wants_request_body) = watching(compiled, rule, trial)?;
            recorded(rule, trial, &facts).map(|()| (rule, wants_request_body))
        })
        .collect();
    let mut settled = settle(&asked, &mut facts, trial).into_iter();
    let resource_id = resource_id(&trial.facts);
    events
        .iter()
        .zip(asked)
        .map(|(rule, asked)| {
            let (why_not, detail, made) = match asked.and_then(|(compiled, _)| {
                outcome(compiled, settled.next(), &facts, resource_id.as_deref())
            }) {
                Ok(made) => (None, made.truncated.then(|| THIN.to_owned()), Some(made)),
                Err((why_not, detail)) => (Some(why_not), Some(detail), None),
            };
            Answer {
                rule: rule.index,
                event_type: Arc::clone(&rule.event_type),
                why_not,
                detail,
                made,
            }
        })
        .collect()
}

/// What is said of an event whose data could not be kept.
const THIN: &str =
    "only the resource's id could be kept: the response's body is not known whole, or is not JSON";

type Refused = (WhyNot, String);

/// The compiled rule, where it watches the exchange's route and method, and whether the request's body is kept there.
fn watching<'r>(
    rules: &'r EventRules,
    rule: &EventRule,
    trial: &Trial<'_>,
) -> Result<(&'r Rule, bool), Refused> {
    let watches = format!("the rule watches {} {}", rule.method, rule.path);
    let Some(route) = trial.route else {
        return Err((
            WhyNot::Route,
            format!("{watches}; the request has no route"),
        ));
    };
    if !route.events.contains(&rule.index) {
        let here = format!("{watches}; the request's route is {}", route.path);
        return Err((WhyNot::Route, here));
    }
    if matches!(route.auth, Auth::None | Auth::Passthrough) {
        let why = format!(
            "{} takes requests without a key, which have no account",
            route.path
        );
        return Err((WhyNot::NoKey, why));
    }
    let method = trial.facts.method;
    if *method != rule.method {
        return Err((WhyNot::Method, format!("{watches}; the method is {method}")));
    }
    let Some(found) = rules.watching(route.index, method) else {
        let why = format!("a request with {method} only reads, and makes no event");
        return Err((WhyNot::Method, why));
    };
    match found.with_index(rule.index) {
        Some(compiled) => Ok((compiled, found.wants_request_body())),
        None => Err((WhyNot::Route, watches)),
    }
}

/// Whether an event would be recorded, before the bodies are known.
fn recorded(rule: &Rule, trial: &Trial<'_>, facts: &Facts) -> Result<(), Refused> {
    let status = trial.facts.status;
    if !rule.matches_status(status) {
        let why = format!("the status is {status}, which is none of the rule's");
        return Err((WhyNot::Status, why));
    }
    match rule.condition().filter(|c| !c.needs_body()) {
        Some(condition) => judged(condition.holds(facts)),
        None => Ok(()),
    }
}

/// Decides on all events of the exchange at once, as it is done for real; leaves the bodies in `facts`.
fn settle(
    asked: &[Result<(&Rule, bool), Refused>],
    facts: &mut Facts,
    trial: &Trial<'_>,
) -> Vec<Settlement> {
    let recorded = || asked.iter().flatten();
    let source = trial.facts;
    let resource_id = resource_id(&source);
    let exchange = Exchange {
        account_id: source.account_id,
        route: trial.route.map_or("", |route| &route.path),
        repeatable: None,
        facts,
        request_form: BodyForm::of(source.request_headers),
        response_form: BodyForm::of(source.response_headers),
        resource_id: resource_id.as_deref(),
    };
    let captured = Captured {
        request: if recorded().any(|(_, wants_request_body)| *wants_request_body) {
            trial.request.clone()
        } else {
            CapturedBody::none()
        },
        response: trial.response.clone(),
    };
    let events = recorded().map(|(rule, _)| ("evt_", *rule));
    settlement::decide(exchange, events, &captured).settlements
}

fn outcome(
    rule: &Rule,
    settled: Option<Settlement>,
    facts: &Facts,
    resource_id: Option<&str>,
) -> Result<Made, Refused> {
    match settled {
        Some(Settlement::Release {
            data,
            truncated,
            resource_id: in_body,
            ..
        }) => Ok(Made {
            data,
            truncated,
            resource_id: in_body.or(resource_id.map(str::to_owned)),
        }),
        Some(Settlement::Unresolved { .. }) => Err((
            WhyNot::BodyLost,
            "the condition looks at a body that is not known whole, is too large or is encoded"
                .to_owned(),
        )),
        // The facts have their bodies by now, so that asking again tells which of the two it was.
        Some(Settlement::Drop { .. }) | None => {
            judged(rule.condition().map_or(Ok(false), |c| c.holds(facts)))?;
            Err((WhyNot::ConditionFalse, FALSE.to_owned()))
        }
    }
}

/// What is said of a condition that is false.
const FALSE: &str = "the condition is false";

fn judged(answer: Result<bool, String>) -> Result<(), Refused> {
    match answer {
        Ok(true) => Ok(()),
        Ok(false) => Err((WhyNot::ConditionFalse, FALSE.to_owned())),
        Err(why) => Err((WhyNot::ConditionError, why)),
    }
}

/// Runs `work` on a thread with room for conditions of every depth; `None` where it could not be run.
pub async fn on_own_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (done, result) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("dry-run".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(move || {
            // Whoever asked may have left.
            let _ = done.send(work());
        })
        .ok()?;
    result.await.ok()
}

#[cfg(test)]
#[path = "dry_run_tests.rs"]
mod tests;
