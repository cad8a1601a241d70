//! What of the documentation can be found, by which words; never how well it fits.

use std::collections::HashSet;

use serde_json::Value;

use super::{Index, Page};
use crate::base::ceilings::docs::DOCS_SEARCH_NAMES;
use crate::web::docs::model::document::{Document, text};
use crate::web::docs::model::{DocsSet, Operation};
use crate::web::docs::{errors, guides, markdown};

/// Reads what is documented, in the order in which equal hits stand.
pub(super) fn read(set: &DocsSet) -> Index {
    let mut index = Index::default();
    for guide in guides::all() {
        read_guide(&mut index, set, guide);
    }
    index.add(Page {
        kind: "Page",
        title: "Explorer",
        path: "/docs/explorer".to_owned(),
        text: "Call the API from your browser with your own key.".to_owned(),
        ..Page::default()
    });
    for o in &set.operations {
        index.add(endpoint(set, o));
    }
    for event in &set.events {
        let more = event.description.as_deref().unwrap_or_default();
        let mut names = Names::default();
        names.of_value(&event.body);
        index.add(Page {
            kind: "Event",
            title: &event.event_type,
            path: format!("/docs/events/{}", event.event_type),
            text: markdown::plain(&format!("{}. {more}", event.summary)),
            names: names.said("Fields"),
            ..Page::default()
        });
    }
    for schema in &set.schemas {
        let document = set.document(schema.api);
        let mut names = Names::default();
        if let Some(found) = set.schema_named(schema) {
            names.of_schema(document, found);
        }
        index.add(Page {
            kind: "Schema",
            title: &schema.page,
            path: format!("/docs/schemas/{}", schema.page),
            text: markdown::plain(schema.description.as_deref().unwrap_or_default()),
            names: names.said("Fields"),
            ..Page::default()
        });
    }
    for error in errors::all() {
        let row = error.code.row();
        let text = format!(
            "{} {}. {} {}",
            row.status, row.title, error.meaning, error.remedy
        );
        index.add(Page {
            kind: "Error",
            title: row.code,
            path: format!("/docs/errors/{}", row.code),
            text: markdown::plain(&text),
            ..Page::default()
        });
    }
    index
}

/// A guide, and each of its sections.
fn read_guide(index: &mut Index, set: &DocsSet, guide: &guides::Guide) {
    let source = guides::text(guide, &set.config);
    let path = format!("/docs/guides/{}", guide.name);
    let whole = index.add(Page {
        kind: "Guide",
        title: guide.title,
        path: path.clone(),
        text: format!("{} {}", guide.summary, markdown::plain(&source)),
        ..Page::default()
    });
    for section in markdown::sections(&source) {
        index.add(Page {
            kind: "Guide",
            title: &section.title,
            path: format!("{path}#{}", section.id),
            text: section.text,
            of: Some((whole, guide.title)),
            ..Page::default()
        });
    }
}

fn endpoint<'s>(set: &'s DocsSet, o: &'s Operation) -> Page<'s> {
    let (document, item, found) = set.found(o);
    let tag = set.tags.get(o.tag).map_or("", |t| t.name.as_str());
    let mut names = Names::default();
    let parameters = [item, found].map(|of| Document::entries(of, "parameters"));
    for parameter in parameters.into_iter().flatten() {
        let parameter = document.resolve(parameter);
        names.take(text(parameter, "name").unwrap_or_default());
        names.of_schema(document, parameter.get("schema").unwrap_or(&Value::Null));
    }
    if let Some(body) = found.get("requestBody") {
        names.of_body(document, document.resolve(body));
    }
    for (_, answer) in document.members(found, "responses") {
        let answer = document.resolve(answer);
        for (field, _) in document.members(answer, "headers") {
            names.take(field);
        }
        names.of_body(document, answer);
    }
    let description = markdown::plain(o.description.as_deref().unwrap_or_default());
    let scopes = o.route.scopes.join(" ");
    Page {
        kind: "Endpoint",
        title: &o.summary,
        path: format!("/docs/api/{}", o.slug),
        text: format!("{} {} · {tag} {scopes} {description}", o.method, o.path),
        names: names.said("Has"),
        ..Page::default()
    }
}

/// Names of fields and parameters, and values that are listed: each once, and no more of them than a ceiling.
#[derive(Default)]
struct Names<'d> {
    all: Vec<&'d str>,
    seen: HashSet<&'d str>,
    /// Places of the document that were read.
    read: HashSet<*const Value>,
}

impl<'d> Names<'d> {
    fn take(&mut self, name: &'d str) {
        if self.all.len() < DOCS_SEARCH_NAMES && !name.is_empty() && self.seen.insert(name) {
            self.all.push(name);
        }
    }

    fn of_body(&mut self, document: Document<'d>, body: &'d Value) {
        for (_, media) in document.members(body, "content") {
            self.of_schema(document, media.get("schema").unwrap_or(&Value::Null));
        }
    }

    /// Looks at a schema and at what is in it; what was read is not read again, so that this ends.
    fn of_schema(&mut self, document: Document<'d>, schema: &'d Value) {
        let mut left = vec![schema];
        while let Some(next) = left.pop() {
            let found = document.resolve(next);
            if self.all.len() >= DOCS_SEARCH_NAMES || !self.read.insert(std::ptr::from_ref(found)) {
                continue;
            }
            for (name, property) in document.members(found, "properties") {
                self.take(name);
                left.push(property);
            }
            for value in Document::entries(found, "enum")
                .iter()
                .chain(found.get("const"))
            {
                self.take(value.as_str().unwrap_or_default());
            }
            for part in ["allOf", "oneOf", "anyOf", "prefixItems"] {
                left.extend(Document::entries(found, part));
            }
            left.extend(found.get("items"));
            left.extend(found.get("additionalProperties"));
        }
    }

    /// The names in an example.
    fn of_value(&mut self, value: &'d Value) {
        let mut left = vec![value];
        while let Some(next) = left.pop() {
            match next {
                Value::Object(all) => {
                    for (name, value) in all {
                        self.take(name);
                        left.push(value);
                    }
                }
                Value::Array(all) => left.extend(all),
                _ => {}
            }
        }
    }

    fn said(&self, word: &str) -> String {
        if self.all.is_empty() {
            return String::new();
        }
        format!("{word}: {}", self.all.join(", "))
    }
}
