//! What the documentation is made of, read out of the configuration in force; never HTML.

pub(crate) mod document;
pub(crate) mod operation;
pub(crate) mod schema;
#[cfg(test)]
mod tests;
mod uses;

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use self::document::{Document, flag, text};
use self::operation::Detail;
use self::schema::Shape;
use self::uses::Uses;
use super::markdown::slug;
use super::search::Index;
use crate::base::ceilings::docs::DOCS_OPERATIONS;
use crate::config::model::{Auth, Config, Route};
use crate::config::template;
use crate::webhooks::simulator::describe;

/// Methods in the order in which operations of a path are shown.
const METHODS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];
/// The name of operations without a tag.
const UNTAGGED: &str = "Other";

/// All of the documentation that one configuration makes.
pub(crate) struct DocsSet {
    /// The configuration.
    pub(crate) config: Arc<Config>,
    /// Groups of operations, in the documents' order.
    pub(crate) tags: Vec<Tag>,
    /// All operations, by tag.
    pub(crate) operations: Vec<Operation>,
    /// Schemas with names.
    pub(crate) schemas: Vec<Schema>,
    /// Types of events.
    pub(crate) events: Vec<String>,
    /// What a search looks through.
    pub(crate) index: Index,
    // All operations have to be read for it, which only pages of schemas need.
    uses: OnceLock<Uses>,
}

/// A group of operations.
#[derive(Debug)]
pub(crate) struct Tag {
    /// Its name.
    pub(crate) name: String,
    /// Its place in the list of all.
    pub(crate) slug: String,
    /// Text, CommonMark.
    pub(crate) description: Option<String>,
}

/// An operation that clients can call.
#[derive(Debug)]
pub(crate) struct Operation {
    /// Its page.
    pub(crate) slug: String,
    /// Its `operationId`, where it has one.
    pub(crate) id: Option<String>,
    /// The method.
    pub(crate) method: http::Method,
    /// The path as clients call it, with `{name}`s.
    pub(crate) path: String,
    /// A few words.
    pub(crate) summary: String,
    /// Text, CommonMark.
    pub(crate) description: Option<String>,
    /// Its group in [`DocsSet::tags`].
    pub(crate) tag: usize,
    /// What it goes by: scopes, limits, deprecation.
    pub(crate) route: Arc<Route>,
    /// Whether its document calls it deprecated.
    pub(crate) is_deprecated: bool,
    /// Types of the events that it makes.
    pub(crate) events: Vec<String>,
    /// Index of its document in the configuration.
    pub(crate) api: usize,
    /// Its path there.
    key: String,
}

/// A schema with a name.
#[derive(Debug)]
pub(crate) struct Schema {
    /// Its name.
    pub(crate) name: String,
    /// Text, CommonMark.
    pub(crate) description: Option<String>,
    /// Index of its document in the configuration.
    pub(crate) api: usize,
}

impl Operation {
    /// Whether it is what a document has at this path and method.
    pub(crate) fn is_at(&self, api: usize, key: &str, method: &str) -> bool {
        self.api == api && self.key == key && self.method.as_str().eq_ignore_ascii_case(method)
    }

    /// Whether a key is needed to call it.
    pub(crate) fn needs_key(&self) -> bool {
        self.route.auth == Auth::Key
    }
}

impl DocsSet {
    /// Reads the configuration.
    pub(crate) fn new(config: Arc<Config>) -> Self {
        let mut set = Self {
            tags: Vec::new(),
            operations: Vec::new(),
            schemas: schemas(&config),
            events: describe::types(&config),
            index: Index::default(),
            uses: OnceLock::new(),
            config: Arc::clone(&config),
        };
        for (api, _) in config.apis.iter().enumerate() {
            set.read_tags(api);
            set.read_operations(api);
        }
        set.order();
        set.index = Index::of(&set);
        set
    }

    /// A document of the configuration.
    pub(crate) fn document(&self, api: usize) -> Document<'_> {
        let api = self.config.apis.get(api);
        Document(api.map_or(&Value::Null, |a| &a.document))
    }

    /// The operation of this page.
    pub(crate) fn operation(&self, slug: &str) -> Option<&Operation> {
        self.operations.iter().find(|o| o.slug == slug)
    }

    /// Operations of a group.
    pub(crate) fn of_tag(&self, tag: usize) -> impl Iterator<Item = &Operation> {
        self.operations.iter().filter(move |o| o.tag == tag)
    }

    /// What the page of an operation shows.
    pub(crate) fn detail(&self, operation: &Operation) -> Detail {
        let (document, item, found) = self.found(operation);
        Detail::read(document, item, found)
    }

    /// The names of an operation's parameters.
    pub(crate) fn parameter_names(&self, operation: &Operation) -> Vec<&str> {
        let (document, item, found) = self.found(operation);
        let all = [item, found].map(|of| Document::entries(of, "parameters"));
        let all = all.into_iter().flatten();
        all.filter_map(|p| text(document.resolve(p), "name"))
            .collect()
    }

    /// An operation in its document: that, the path's item, and itself.
    fn found(&self, operation: &Operation) -> (Document<'_>, &Value, &Value) {
        let document = self.document(operation.api);
        let item = document.0.get("paths").and_then(|p| p.get(&operation.key));
        let item = document.resolve(item.unwrap_or(&Value::Null));
        let method = operation.method.as_str().to_ascii_lowercase();
        let found = item.get(&method).unwrap_or(&Value::Null);
        (document, item, found)
    }

    /// The schema of this name, and what its page shows.
    pub(crate) fn schema(&self, name: &str) -> Option<(&Schema, Shape)> {
        let schema = self.schemas.iter().find(|s| s.name == name)?;
        let document = self.document(schema.api);
        let found = schema_named(document, name)?;
        Some((schema, schema::read(document, found)))
    }

    /// What uses the schema of this name.
    pub(crate) fn uses(&self) -> &Uses {
        self.uses.get_or_init(|| Uses::of(self))
    }

    fn tag(&mut self, name: &str) -> usize {
        if let Some(at) = self.tags.iter().position(|t| t.name == name) {
            return at;
        }
        let mut slug = slug(name);
        while self.tags.iter().any(|t| t.slug == slug) {
            slug.push_str("-2");
        }
        self.tags.push(Tag {
            name: name.to_owned(),
            slug,
            description: None,
        });
        self.tags.len() - 1
    }

    fn read_tags(&mut self, api: usize) {
        let config = Arc::clone(&self.config);
        let Some(api) = config.apis.get(api) else {
            return;
        };
        for tag in Document::entries(&api.document, "tags") {
            if let Some(name) = text(tag, "name") {
                let at = self.tag(name);
                if let Some(known) = self.tags.get_mut(at) {
                    known.description = text(tag, "description").map(str::to_owned);
                }
            }
        }
    }

    fn read_operations(&mut self, api: usize) {
        let config = Arc::clone(&self.config);
        let Some(described) = config.apis.get(api) else {
            return;
        };
        let document = Document(&described.document);
        for (key, item) in document.members(document.0, "paths") {
            let item = document.resolve(item);
            let path = format!("{}{key}", described.server_prefix);
            for method in METHODS {
                let Some(operation) = item.get(method) else {
                    continue;
                };
                let Some(route) = route(&config, method, &path) else {
                    continue;
                };
                if self.operations.len() == DOCS_OPERATIONS {
                    return;
                }
                let made = self.read_operation(operation, method, &path, route);
                self.operations.push(Operation {
                    api,
                    key: key.to_owned(),
                    ..made
                });
            }
        }
    }

    fn read_operation(
        &mut self,
        operation: &Value,
        method: &str,
        path: &str,
        route: Arc<Route>,
    ) -> Operation {
        let tag = Document::entries(operation, "tags").first();
        let tag = self.tag(tag.and_then(Value::as_str).unwrap_or(UNTAGGED));
        let id = text(operation, "operationId");
        let shown = method.to_ascii_uppercase();
        let events = route.events.iter();
        let events = events.filter_map(|at| self.config.events.get(*at));
        let mut events: Vec<_> = events.map(|e| e.event_type.to_string()).collect();
        events.dedup();
        Operation {
            slug: id.map_or_else(|| slug(&format!("{method} {path}")), kebab),
            id: id.map(str::to_owned),
            summary: text(operation, "summary")
                .map_or_else(|| format!("{shown} {path}"), str::to_owned),
            method: http::Method::from_bytes(shown.as_bytes()).unwrap_or_default(),
            path: path.to_owned(),
            description: text(operation, "description").map(str::to_owned),
            tag,
            is_deprecated: flag(operation, "deprecated") || route.deprecated.is_some(),
            route,
            events,
            api: 0,
            key: String::new(),
        }
    }

    /// Groups that are empty go, operations stand by group, and no two pages have the same name.
    fn order(&mut self) {
        self.operations.sort_by_key(|o| o.tag);
        let mut kept = Vec::new();
        for (at, tag) in std::mem::take(&mut self.tags).into_iter().enumerate() {
            let mut is_used = false;
            for o in self.operations.iter_mut().filter(|o| o.tag == at) {
                o.tag = kept.len();
                is_used = true;
            }
            if is_used {
                kept.push(tag);
            }
        }
        self.tags = kept;
        let mut seen = HashSet::new();
        for o in &mut self.operations {
            while !seen.insert(o.slug.clone()) {
                o.slug.push_str("-2");
            }
        }
    }
}

/// The route by which clients reach this operation.
fn route(config: &Config, method: &str, path: &str) -> Option<Arc<Route>> {
    let shape = template::shape(path);
    let is_it = |r: &&Arc<Route>| {
        r.methods
            .iter()
            .any(|m| m.as_str().eq_ignore_ascii_case(method))
            && template::shape(&r.path) == shape
    };
    config.routes.iter().find(is_it).cloned()
}

fn schemas(config: &Config) -> Vec<Schema> {
    let mut all: Vec<Schema> = Vec::new();
    for (at, api) in config.apis.iter().enumerate() {
        let document = Document(&api.document);
        let Some(components) = document.0.get("components") else {
            continue;
        };
        for (name, schema) in document.members(components, "schemas") {
            // The name is a part of its page's address.
            let is_plain = name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
            if is_plain && !all.iter().any(|s| s.name == name) {
                all.push(Schema {
                    name: name.to_owned(),
                    description: text(schema, "description").map(str::to_owned),
                    api: at,
                });
            }
        }
    }
    all
}

fn schema_named<'d>(document: Document<'d>, name: &str) -> Option<&'d Value> {
    document.0.get("components")?.get("schemas")?.get(name)
}

/// `listContacts` as `list-contacts`.
fn kebab(id: &str) -> String {
    let mut out = String::new();
    let mut before = '-';
    for c in id.chars() {
        if c.is_uppercase() && before.is_lowercase() {
            out.push('-');
        }
        out.extend(c.to_lowercase());
        before = c;
    }
    slug(&out)
}
