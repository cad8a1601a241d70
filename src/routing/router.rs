//! Finds the route of a host, method and canonical path; never looks at a credential, never changes a path.

use std::collections::HashMap;
use std::sync::Arc;

use http::Method;
use smallvec::SmallVec;

use super::fold;
use super::params::Params;
use super::template::{self, Segment};
use super::tree::Tree;
use crate::config::model::Route;

/// Why a set of routes makes no router. The texts name the routes by their templates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouterError {
    /// A template cannot be read.
    #[error("route {path}: {reason}")]
    Template {
        /// The template.
        path: String,
        /// What was expected.
        reason: String,
    },
    /// Two routes match the same requests.
    #[error("routes {first} and {second} both take {method}")]
    Overlap {
        /// The earlier route's template.
        first: String,
        /// The later route's template.
        second: String,
        /// The method that both take.
        method: Method,
    },
}

/// What a request's host, method and path lead to.
#[derive(Debug)]
pub enum Found<'r> {
    /// A route, and what the path had in its names' places.
    Route {
        /// The route.
        route: &'r Arc<Route>,
        /// The values.
        params: Params,
    },
    /// The path has routes, but none with this method.
    MethodNotAllowed {
        /// The value of `Allow`: the methods it has.
        allow: String,
    },
    /// No route has this path.
    NotFound,
}

/// All routes of a configuration. Routes of the request's host come before those of every host; at each place of a
/// path, literal text comes before `{name}`, and that before `{*rest}`.
#[derive(Debug, Default)]
pub struct Router {
    hosts: HashMap<Box<str>, Table>,
    every_host: Table,
}

/// Routes of one host.
#[derive(Debug, Default)]
struct Table {
    tree: Tree,
    groups: Vec<Group>,
    /// The folded templates, and for each the groups that fold to it.
    folded: Tree,
    folded_groups: Vec<SmallVec<[usize; 1]>>,
}

/// Routes of one shape: the same literals with names in the same places.
#[derive(Debug, Default)]
struct Group {
    routes: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    route: Arc<Route>,
    names: Arc<[Box<str>]>,
}

impl Router {
    /// Builds the router of these routes.
    ///
    /// # Errors
    /// A template that cannot be read, or two routes that take the same requests.
    pub fn build(routes: &[Arc<Route>]) -> Result<Self, RouterError> {
        let mut router = Self::default();
        for route in routes {
            if route.hosts.is_empty() {
                router.every_host.insert(route)?;
            }
            for host in &route.hosts {
                let table = router.hosts.entry(host.as_str().into()).or_default();
                table.insert(route)?;
            }
        }
        Ok(router)
    }

    /// Whether routes of some hosts only are among its own: without them no request's host matters.
    pub fn asks_for_host(&self) -> bool {
        !self.hosts.is_empty()
    }

    /// The route of a request. `host` is in lower case and without its port, `path` is [`super::canonical`].
    pub fn find(&self, host: Option<&str>, method: &Method, path: &str) -> Found<'_> {
        let special = match host {
            Some(h) if self.asks_for_host() => self.hosts.get(h),
            _ => None,
        };
        let mut allow: SmallVec<[&Group; 2]> = SmallVec::new();
        let tables = [special, Some(&self.every_host)];
        for (i, table) in tables.into_iter().enumerate() {
            let Some(table) = table else { continue };
            let Some(hit) = table.tree.find(path) else {
                continue;
            };
            let earlier = if i == 0 { None } else { special };
            if !hit.is_literal() && is_shadow(table, hit.number, earlier, path) {
                return Found::NotFound;
            }
            let group = &table.groups[hit.number];
            let Some(entry) = group.entry(method) else {
                allow.push(group);
                continue;
            };
            return Found::Route {
                route: &entry.route,
                params: Params::new(&entry.names, hit.values),
            };
        }
        if allow.is_empty() {
            Found::NotFound
        } else {
            Found::MethodNotAllowed {
                allow: allow_value(&allow),
            }
        }
    }
}

/// Whether a path that matched a group by its names only reads, to a lenient backend, as one of another group.
fn is_shadow(table: &Table, group: usize, earlier: Option<&Table>, path: &str) -> bool {
    if !fold::differs(path) {
        return false;
    }
    let folded = fold::fold(path);
    let Ok(folded) = std::str::from_utf8(&folded) else {
        return true;
    };
    if earlier.is_some_and(|t| t.tree.find(path).is_none() && t.folded.find(folded).is_some()) {
        return true;
    }
    let read = table.folded.find(folded);
    read.is_some_and(|hit| !table.folded_groups[hit.number].contains(&group))
}

fn allow_value(groups: &[&Group]) -> String {
    let mut methods: Vec<&str> = groups
        .iter()
        .flat_map(|g| &g.routes)
        .flat_map(|e| &e.route.methods)
        .map(Method::as_str)
        .collect();
    methods.sort_unstable();
    methods.dedup();
    methods.join(", ")
}

impl Table {
    fn insert(&mut self, route: &Arc<Route>) -> Result<(), RouterError> {
        let segments = template::parse(&route.path).map_err(|reason| RouterError::Template {
            path: route.path.to_string(),
            reason,
        })?;
        let group = self.group_mut(&segments);
        for method in &route.methods {
            if let Some(first) = group.entry(method) {
                return Err(RouterError::Overlap {
                    first: first.route.path.to_string(),
                    second: route.path.to_string(),
                    method: method.clone(),
                });
            }
        }
        group.routes.push(Entry {
            route: Arc::clone(route),
            names: names(&segments),
        });
        Ok(())
    }

    /// The group of a template; a new one where the template is new.
    fn group_mut(&mut self, segments: &[Segment]) -> &mut Group {
        let number = self.tree.add(segments, self.groups.len());
        if number == self.groups.len() {
            self.groups.push(Group::default());
            let folded = self
                .folded
                .add(&fold_template(segments), self.folded_groups.len());
            if folded == self.folded_groups.len() {
                self.folded_groups.push(SmallVec::new());
            }
            self.folded_groups[folded].push(number);
        }
        &mut self.groups[number]
    }
}

impl Group {
    fn entry(&self, method: &Method) -> Option<&Entry> {
        self.routes
            .iter()
            .find(|e| e.route.methods.iter().any(|m| m == method))
    }
}

/// A template as [`fold::fold`] would read its literal text.
fn fold_template(segments: &[Segment]) -> Vec<Segment> {
    let mut folded: Vec<Segment> = segments
        .iter()
        .map(|s| match s {
            Segment::Literal(text) if !text.is_empty() => Segment::Literal(fold::fold_text(text)),
            other => other.clone(),
        })
        .collect();
    if folded.len() > 1 && matches!(folded.last(), Some(Segment::Literal(text)) if text.is_empty())
    {
        folded.pop();
    }
    folded
}

fn names(segments: &[Segment]) -> Arc<[Box<str>]> {
    segments
        .iter()
        .filter_map(|s| match s {
            Segment::Param(name) | Segment::Tail(name) => Some(name.as_str().into()),
            Segment::Literal(_) => None,
        })
        .collect()
}

#[cfg(test)]
mod tests;
