//! Event rules of one configuration, compiled and found by route; never an event.

use std::sync::Arc;

use super::condition::Condition;
use crate::base::ceilings::EVENTS_PER_REQUEST;
use crate::config::model::{Config, EventRule};

/// A rule ready for use.
#[derive(Debug)]
pub struct Rule {
    /// The event's type.
    pub event_type: Arc<str>,
    /// Statuses that fire it.
    status: Vec<u16>,
    /// `None` where it fires always.
    condition: Option<Condition>,
}

impl Rule {
    fn compile(rule: &EventRule) -> Result<Self, String> {
        // `true` is what the contract's example says for "always": it needs no evaluation and survives a lost body.
        let condition = match rule.when.as_deref().map(str::trim) {
            None | Some("true") => None,
            Some(text) => Some(Condition::compile(text)?),
        };
        Ok(Self {
            event_type: Arc::clone(&rule.event_type),
            status: rule.status.clone(),
            condition,
        })
    }

    /// Its condition; `None` where it fires always.
    pub fn condition(&self) -> Option<&Condition> {
        self.condition.as_ref()
    }

    /// Whether its condition looks at a body, so that a crash can lose its answer.
    pub fn is_conditional(&self) -> bool {
        self.condition.as_ref().is_some_and(Condition::needs_body)
    }

    /// Whether a response with this status can fire it.
    pub fn matches_status(&self, status: u16) -> bool {
        self.status.contains(&status)
    }
}

/// The rules that watch one route.
#[derive(Debug, Default)]
pub struct RouteRules {
    rules: Vec<Arc<Rule>>,
    wants_request_body: bool,
}

impl RouteRules {
    /// Whether there are none, as on most routes.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether the request's body has to be captured; the response's always is.
    pub fn wants_request_body(&self) -> bool {
        self.wants_request_body
    }

    /// Whether a response with this status can make an event.
    pub fn matches_status(&self, status: u16) -> bool {
        self.rules.iter().any(|r| r.matches_status(status))
    }

    /// Rules that a response with this status can fire, at most [`EVENTS_PER_REQUEST`].
    pub fn candidates(&self, status: u16) -> impl Iterator<Item = &Arc<Rule>> {
        self.rules
            .iter()
            .filter(move |r| r.matches_status(status))
            .take(EVENTS_PER_REQUEST)
    }
}

/// What keeps a rule from use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("events[{rule}]: {message}")]
pub struct RuleProblem {
    /// Index of the rule in the configuration.
    pub rule: usize,
    /// What is wrong, for whoever wrote it.
    pub message: String,
}

/// The rules of one configuration by route index; lives in the same snapshot as the routes.
#[derive(Debug, Default)]
pub struct EventRules {
    by_route: Vec<RouteRules>,
    types: Vec<Arc<str>>,
}

impl EventRules {
    /// Compiles the rules of `config`.
    ///
    /// # Errors
    /// Every rule that cannot be used.
    pub fn build(config: &Config) -> Result<Self, Vec<RuleProblem>> {
        let mut problems = Vec::new();
        let mut rules: Vec<Option<Arc<Rule>>> = Vec::with_capacity(config.events.len());
        for (i, rule) in config.events.iter().enumerate() {
            match Rule::compile(rule) {
                Ok(r) => rules.push(Some(Arc::new(r))),
                Err(message) => {
                    problems.push(RuleProblem { rule: i, message });
                    rules.push(None);
                }
            }
        }
        let mut by_route = Vec::with_capacity(config.routes.len());
        for route in &config.routes {
            if let Some(&first) = route.events.get(EVENTS_PER_REQUEST) {
                problems.push(RuleProblem {
                    rule: first,
                    message: format!(
                        "{} has more than {EVENTS_PER_REQUEST} event rules",
                        route.path
                    ),
                });
            }
            by_route.push(route_rules(&route.events, &rules));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut types: Vec<Arc<str>> = config
            .events
            .iter()
            .map(|r| Arc::clone(&r.event_type))
            .collect();
        types.sort_unstable();
        types.dedup();
        Ok(Self { by_route, types })
    }

    /// The rules that watch the route with this index in the same configuration.
    pub fn for_route(&self, index: usize) -> Option<&RouteRules> {
        self.by_route.get(index).filter(|r| !r.is_empty())
    }

    /// Types that events can have, sorted.
    pub fn types(&self) -> &[Arc<str>] {
        &self.types
    }
}

fn route_rules(indexes: &[usize], rules: &[Option<Arc<Rule>>]) -> RouteRules {
    let rules: Vec<Arc<Rule>> = indexes
        .iter()
        .filter_map(|&i| rules.get(i).cloned().flatten())
        .collect();
    RouteRules {
        wants_request_body: rules
            .iter()
            .any(|r| r.condition().is_some_and(Condition::needs_request_body)),
        rules,
    }
}

#[cfg(test)]
impl RouteRules {
    /// Rules of their own for tests: type, statuses and condition.
    pub(crate) fn of(rules: &[(&str, &[u16], Option<&str>)]) -> Self {
        let compiled: Vec<_> = rules
            .iter()
            .enumerate()
            .map(|(index, (event_type, status, when))| {
                let rule = EventRule {
                    index,
                    event_type: (*event_type).into(),
                    method: http::Method::POST,
                    path: "/v1/contacts".into(),
                    status: status.to_vec(),
                    when: when.map(str::to_owned),
                };
                Some(Arc::new(Rule::compile(&rule).unwrap()))
            })
            .collect();
        let all: Vec<usize> = (0..compiled.len()).collect();
        route_rules(&all, &compiled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_always_fires_needs_no_body() {
        let rules = RouteRules::of(&[
            ("contact.created", &[201], None),
            ("contact.created", &[201], Some(" true ")),
            ("deal.won", &[200], Some("request.body.status == 'won'")),
        ]);
        assert!(rules.wants_request_body());
        assert!(rules.matches_status(201) && !rules.matches_status(204));
        assert!(
            rules
                .candidates(201)
                .all(|r| r.condition().is_none() && !r.is_conditional())
        );
        assert_eq!(rules.candidates(201).count(), 2);
        assert!(rules.candidates(200).all(|r| r.is_conditional()));
    }

    #[test]
    fn candidates_have_a_ceiling() {
        let many: Vec<(&str, &[u16], Option<&str>)> =
            vec![("a.b", &[200], None); EVENTS_PER_REQUEST + 5];
        assert_eq!(
            RouteRules::of(&many).candidates(200).count(),
            EVENTS_PER_REQUEST
        );
    }
}
