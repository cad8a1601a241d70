//! Event rules of one configuration, compiled and found by route; never an event.

use std::sync::Arc;

use http::Method;

use super::condition::Condition;
use super::shape::Shape;
use crate::base::ceilings::EVENTS_PER_REQUEST;
use crate::config::model::{Config, EventRule, Route};
use crate::config::template;

/// A rule ready for use.
#[derive(Debug)]
pub struct Rule {
    /// Its index in the configuration.
    index: usize,
    /// The event's type.
    pub event_type: Arc<str>,
    /// Statuses that fire it.
    status: Vec<u16>,
    /// `None` where it fires always.
    condition: Option<Condition>,
    /// `None` where data is the response's JSON.
    shape: Option<Shape>,
    place: usize,
}

impl Rule {
    fn compile(rule: &EventRule, place: usize) -> Result<Self, String> {
        // `true` is what the contract's example says for "always": it needs no evaluation and survives a lost body.
        let condition = match rule.when.as_deref().map(str::trim) {
            None | Some("true") => None,
            Some(text) => Some(Condition::compile(text)?),
        };
        Ok(Self {
            index: rule.index,
            event_type: Arc::clone(&rule.event_type),
            status: rule.status.clone(),
            condition,
            shape: rule.data.as_deref().map(Shape::compile).transpose()?,
            place,
        })
    }

    /// Which it is of the rules that watch the same method and path for the same type, from 0: those may fire together,
    /// and are not the same event.
    pub fn place(&self) -> usize {
        self.place
    }

    /// What makes its data; `None` where that is the response's JSON.
    pub fn shape(&self) -> Option<&Shape> {
        self.shape.as_ref()
    }

    /// Whether it looks at the request's body.
    fn wants_request_body(&self) -> bool {
        self.condition
            .as_ref()
            .is_some_and(Condition::needs_request_body)
            || self.shape.as_ref().is_some_and(Shape::needs_request_body)
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

/// The rules that watch one method of one route.
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

    /// The rule with this index in the configuration, where it is one of them.
    pub(super) fn with_index(&self, index: usize) -> Option<&Rule> {
        self.rules.iter().find(|r| r.index == index).map(|r| &**r)
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

/// The rules of one configuration by route index and method; lives in the same snapshot as the routes.
#[derive(Debug, Default)]
pub struct EventRules {
    by_route: Vec<Vec<(Method, RouteRules)>>,
    types: Vec<Arc<str>>,
}

impl EventRules {
    /// Compiles the rules of `config`.
    ///
    /// # Errors
    /// Every rule that cannot be used.
    pub fn build(config: &Config) -> Result<Self, Vec<RuleProblem>> {
        Self::of(&config.routes, &config.events)
    }

    pub(super) fn of(
        routes: &[Arc<Route>],
        events: &[Arc<EventRule>],
    ) -> Result<Self, Vec<RuleProblem>> {
        let mut problems = Vec::new();
        let mut rules: Vec<Option<Arc<Rule>>> = Vec::with_capacity(events.len());
        for (i, rule) in events.iter().enumerate() {
            match Rule::compile(rule, place(&events[..i], rule)) {
                Ok(r) => rules.push(Some(Arc::new(r))),
                Err(message) => {
                    problems.push(RuleProblem { rule: i, message });
                    rules.push(None);
                }
            }
        }
        let mut by_route = Vec::with_capacity(routes.len());
        for route in routes {
            let mut by_method = Vec::new();
            for method in &route.methods {
                // A route's rules are those of all its methods: an update must not fire the rule of a deletion.
                let indexes: Vec<usize> = route
                    .events
                    .iter()
                    .copied()
                    .filter(|&i| events.get(i).is_some_and(|r| r.method == *method))
                    .collect();
                problems.extend(too_many(&indexes, route, method));
                let found = route_rules(&indexes, &rules);
                if !found.is_empty() {
                    by_method.push((method.clone(), found));
                }
            }
            by_route.push(by_method);
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut types: Vec<Arc<str>> = events.iter().map(|r| Arc::clone(&r.event_type)).collect();
        types.sort_unstable();
        types.dedup();
        Ok(Self { by_route, types })
    }

    /// The rules that a request can fire: those that watch this method of the route, unless it only reads.
    pub fn watching(&self, index: usize, method: &Method) -> Option<&RouteRules> {
        let reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        (!reads).then(|| self.for_route(index, method)).flatten()
    }

    /// The rules that watch this method of the route with this index in the same configuration.
    pub fn for_route(&self, index: usize, method: &Method) -> Option<&RouteRules> {
        let by_method = self.by_route.get(index)?;
        by_method.iter().find(|(m, _)| m == method).map(|(_, r)| r)
    }

    /// Types that events can have, sorted.
    pub fn types(&self) -> &[Arc<str>] {
        &self.types
    }
}

/// How many of `earlier` watch the same for the same type.
fn place(earlier: &[Arc<EventRule>], rule: &EventRule) -> usize {
    // Names of parameters do not tell routes apart.
    let path = template::shape(&rule.path);
    let same = |r: &&Arc<EventRule>| {
        r.event_type == rule.event_type
            && r.method == rule.method
            && template::shape(&r.path) == path
    };
    earlier.iter().filter(same).count()
}

fn too_many(indexes: &[usize], route: &Route, method: &Method) -> Option<RuleProblem> {
    indexes.get(EVENTS_PER_REQUEST).map(|&rule| RuleProblem {
        rule,
        message: format!(
            "{method} {} has more than {EVENTS_PER_REQUEST} event rules",
            route.path
        ),
    })
}

fn route_rules(indexes: &[usize], rules: &[Option<Arc<Rule>>]) -> RouteRules {
    let rules: Vec<Arc<Rule>> = indexes
        .iter()
        .filter_map(|&i| rules.get(i).cloned().flatten())
        .collect();
    RouteRules {
        wants_request_body: rules.iter().any(|r| r.wants_request_body()),
        rules,
    }
}

#[cfg(test)]
impl RouteRules {
    /// Rules of their own for tests: type, statuses and condition.
    pub(crate) fn of(rules: &[(&str, &[u16], Option<&str>)]) -> Self {
        Self::shaped(rules, None)
    }

    /// The same with what makes the data of all.
    pub(crate) fn shaped(rules: &[(&str, &[u16], Option<&str>)], data: Option<&str>) -> Self {
        let rules: Vec<Arc<EventRule>> = rules
            .iter()
            .enumerate()
            .map(|(index, (event_type, status, when))| {
                Arc::new(EventRule {
                    index,
                    event_type: (*event_type).into(),
                    method: http::Method::POST,
                    path: "/v1/contacts".into(),
                    status: status.to_vec(),
                    when: when.map(str::to_owned),
                    data: data.map(str::to_owned),
                })
            })
            .collect();
        let compiled: Vec<_> = rules
            .iter()
            .enumerate()
            .map(|(i, r)| Some(Arc::new(Rule::compile(r, place(&rules[..i], r)).unwrap())))
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

    fn route(methods: &[Method], events: &[usize]) -> Arc<Route> {
        Arc::new(Route {
            index: 0,
            path: "/v1/contacts/{id}".into(),
            hosts: vec![],
            methods: methods.to_vec(),
            auth: crate::config::model::Auth::Key,
            scopes: vec![],
            split: vec![(0, 1)],
            rewrite: None,
            cost: 1,
            json_only: false,
            body_bytes: None,
            deprecated: None,
            events: events.to_vec(),
        })
    }

    fn rule(index: usize, method: Method, when: Option<&str>) -> Arc<EventRule> {
        Arc::new(EventRule {
            index,
            event_type: format!("contact.e{index}").into(),
            method,
            path: "/v1/contacts/{id}".into(),
            status: vec![200],
            when: when.map(str::to_owned),
            data: None,
        })
    }

    #[test]
    fn rules_of_one_route_are_kept_apart_by_method() {
        let events = [
            rule(0, Method::PATCH, Some("request.body.a == 1")),
            rule(1, Method::DELETE, None),
        ];
        let routes = [route(
            &[Method::GET, Method::PATCH, Method::DELETE],
            &[0, 1],
        )];
        let rules = EventRules::of(&routes, &events).unwrap();
        let types = |m: Method| -> Vec<String> {
            let found = rules.for_route(0, &m);
            found.map_or(vec![], |r| {
                r.candidates(200)
                    .map(|r| r.event_type.to_string())
                    .collect()
            })
        };
        assert_eq!(types(Method::PATCH), ["contact.e0"]);
        assert_eq!(types(Method::DELETE), ["contact.e1"]);
        assert!(types(Method::GET).is_empty());
        assert!(
            !rules
                .for_route(0, &Method::DELETE)
                .unwrap()
                .wants_request_body()
        );
        assert!(rules.for_route(7, &Method::PATCH).is_none());
        assert_eq!(rules.types().len(), 2);
    }

    #[test]
    fn rules_of_one_type_on_one_route_are_told_apart_whatever_stands_before_them() {
        let rules = RouteRules::of(&[
            ("deal.won", &[200], None),
            ("contact.created", &[200], None),
            ("contact.created", &[200], Some("response.status == 1")),
        ]);
        let places: Vec<usize> = rules.candidates(200).map(|r| r.place()).collect();
        assert_eq!(places, [0, 0, 1]);
    }

    #[test]
    fn a_shape_may_want_the_request_and_makes_no_rule_conditional() {
        let shape = "{'asked': request.body.name, 'id': response.body.id}";
        let rules = RouteRules::shaped(&[("contact.created", &[201], None)], Some(shape));
        assert!(rules.wants_request_body());
        let rule = rules.candidates(201).next().unwrap();
        assert!(!rule.is_conditional() && rule.shape().is_some());
    }

    #[test]
    fn every_bad_rule_is_named() {
        let events = [
            rule(0, Method::PATCH, Some("nope")),
            rule(1, Method::PATCH, None),
            rule(2, Method::PATCH, Some("a =")),
        ];
        let problems = EventRules::of(&[route(&[Method::PATCH], &[0, 1, 2])], &events).unwrap_err();
        assert_eq!(problems.iter().map(|p| p.rule).collect::<Vec<_>>(), [0, 2]);
        let many: Vec<_> = (0..=EVENTS_PER_REQUEST)
            .map(|i| rule(i, Method::PATCH, None))
            .collect();
        let all: Vec<usize> = (0..many.len()).collect();
        let problems = EventRules::of(&[route(&[Method::PATCH], &all)], &many).unwrap_err();
        assert_eq!(problems[0].rule, EVENTS_PER_REQUEST);
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
