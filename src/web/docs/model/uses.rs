//! Which operations use which schema, and the examples that they have of it; never what is shown of either.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::document::Document;
use super::operation::Content;
use super::schema::Shape;
use super::{DocsSet, Schema, schema_named};
use crate::webhooks::simulator::examples;

/// Uses of all schemas with names.
#[derive(Debug, Default)]
pub(crate) struct Uses {
    operations: HashMap<String, Vec<usize>>,
    examples: HashMap<String, Value>,
}

impl Uses {
    /// Reads every operation of a set.
    pub(super) fn of(set: &DocsSet) -> Self {
        let mut uses = Self::default();
        for (at, operation) in set.operations.iter().enumerate() {
            let detail = set.detail(operation);
            // What comes back has more of an object than what is sent to make it.
            let answers = detail.answers.iter().filter_map(|a| a.content.as_ref());
            for content in answers.chain(detail.body.as_ref().map(|b| &b.content)) {
                uses.note(&content.shape, at);
                uses.keep_example(content);
            }
        }
        uses
    }

    /// Operations that send or give back what is made of this schema, by their place in the set.
    pub(crate) fn operations(&self, schema: &str) -> &[usize] {
        self.operations
            .get(schema)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// An example of a schema: its own, an operation's, or one that is made of it.
    pub(crate) fn example(&self, document: Document<'_>, schema: &Schema) -> Option<Value> {
        let found = schema_named(document, &schema.name)?;
        let own = found
            .get("example")
            .or_else(|| self.examples.get(&schema.page));
        own.cloned()
            .or_else(|| examples::of_media(document.0, &json!({ "schema": found })))
    }

    fn note(&mut self, shape: &Shape, at: usize) {
        if let Some(name) = &shape.name {
            let all = self.operations.entry(name.clone()).or_default();
            if all.last() != Some(&at) {
                all.push(at);
            }
        }
        let inner = shape.fields.iter().map(|f| &f.shape);
        for shape in inner.chain(&shape.options) {
            self.note(shape, at);
        }
    }

    fn keep_example(&mut self, content: &Content) {
        let is_one = !content.shape.kind.starts_with("array");
        if let (Some(name), Some((_, value))) = (&content.shape.name, content.examples.first())
            && is_one
        {
            self.examples
                .entry(name.clone())
                .or_insert_with(|| value.clone());
        }
    }
}
