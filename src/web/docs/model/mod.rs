//! What the documentation is made of, read out of the configuration in force; never HTML.

pub(crate) mod document;
pub(crate) mod operation;
mod routes;
pub(crate) mod schema;
#[cfg(test)]
mod tests;
mod uses;

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use serde_json::Value;

use self::document::{Document, flag, has_page, text};
use self::operation::Detail;
use self::routes::Routes;
use self::schema::Shape;
use self::uses::Uses;
use super::explore;
use super::markdown::slug;
use super::search::Index;
use crate::base::ceilings::docs::DOCS_OPERATIONS;
use crate::config::model::{Auth, Config, Route};
use crate::webhooks::simulator::describe::{self, TypeDoc};

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
    pub(crate) events: Vec<TypeDoc>,
    /// What a search looks through.
    pub(crate) index: Index,
    // All operations have to be read for it, which only pages of schemas need.
    uses: OnceLock<Uses>,
    /// Documents as files, each made when it is first asked for.
    files: Vec<Files>,
}

/// The files of one document.
#[derive(Default)]
struct Files {
    public: OnceLock<Option<Bytes>>,
    explorer: OnceLock<Option<Bytes>>,
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
    /// Its page, which is its name unless an earlier document has one of that name.
    pub(crate) page: String,
    /// Its name in its document.
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
            events: events(&config),
            index: Index::default(),
            uses: OnceLock::new(),
            files: config.apis.iter().map(|_| Files::default()).collect(),
            config: Arc::clone(&config),
        };
        let routes = Routes::of(&config);
        for (api, _) in config.apis.iter().enumerate() {
            set.read_tags(api);
            set.read_operations(api, &routes);
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
        let mut detail = Detail::read(document, item, found);
        detail.each_shape(&mut |shape| self.link(operation.api, shape));
        detail
    }

    /// Puts the names of pages in place of the names that schemas have in their document.
    fn link(&self, api: usize, shape: &mut Shape) {
        shape.name = shape.name.take().and_then(|name| {
            let is_it = |s: &&Schema| s.api == api && s.name == name;
            Some(self.schemas.iter().find(is_it)?.page.clone())
        });
        for field in &mut shape.fields {
            self.link(api, &mut field.shape);
        }
        for option in &mut shape.options {
            self.link(api, option);
        }
    }

    /// An operation in its document: that, the path's item, and itself.
    pub(crate) fn found(&self, operation: &Operation) -> (Document<'_>, &Value, &Value) {
        let document = self.document(operation.api);
        let item = document.0.get("paths").and_then(|p| p.get(&operation.key));
        let item = document.resolve(item.unwrap_or(&Value::Null));
        let method = operation.method.as_str().to_ascii_lowercase();
        let found = item.get(&method).unwrap_or(&Value::Null);
        (document, item, found)
    }

    /// The schema of this page, and what that shows.
    pub(crate) fn schema(&self, page: &str) -> Option<(&Schema, Shape)> {
        let schema = self.schemas.iter().find(|s| s.page == page)?;
        let found = self.schema_named(schema)?;
        let mut shape = schema::read(self.document(schema.api), found);
        self.link(schema.api, &mut shape);
        Some((schema, shape))
    }

    /// A schema as its document has it.
    pub(crate) fn schema_named(&self, schema: &Schema) -> Option<&Value> {
        schema_named(self.document(schema.api), &schema.name)
    }

    /// What uses the schema of this name.
    pub(crate) fn uses(&self) -> &Uses {
        self.uses.get_or_init(|| Uses::of(self))
    }

    /// A document as clients may read it, or as the explorer shows it.
    pub(crate) fn file(&self, api: usize, is_explorer: bool) -> Option<&Bytes> {
        let files = self.files.get(api)?;
        let (file, make): (_, fn(&Self, usize) -> Option<Value>) = if is_explorer {
            (&files.explorer, explore::explorer)
        } else {
            (&files.public, explore::public)
        };
        let made = || Some(Bytes::from(make(self, api)?.to_string()));
        file.get_or_init(made).as_ref()
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

    fn read_operations(&mut self, api: usize, routes: &Routes) {
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
                let Some(route) = routes.find(method, &path) else {
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

fn events(config: &Config) -> Vec<TypeDoc> {
    let all = describe::types(config);
    all.iter().map(|t| describe::describe(config, t)).collect()
}

fn schemas(config: &Config) -> Vec<Schema> {
    let mut all: Vec<Schema> = Vec::new();
    for (at, api) in config.apis.iter().enumerate() {
        let document = Document(&api.document);
        let Some(components) = document.0.get("components") else {
            continue;
        };
        for (name, schema) in document.members(components, "schemas") {
            if !has_page(name) {
                continue;
            }
            // Documents may have other schemas of the same name.
            let mut page = name.to_owned();
            while all.iter().any(|s| s.page == page) {
                page.push_str("-2");
            }
            all.push(Schema {
                page,
                name: name.to_owned(),
                description: text(schema, "description").map(str::to_owned),
                api: at,
            });
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
