//! A schema as people read it: kinds, rules, values and fields, references followed; never a validator.

mod join;
mod rules;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use serde_json::Value;

use self::join::put;
use self::rules::{ANY, is_nullable, kind_of, plural, required_alone, rules};
use super::document::{Document, flag, text};
use crate::base::ceilings::docs::{
    DOCS_SCHEMA_DEPTH, DOCS_SCHEMA_NESTING, DOCS_SCHEMA_NODES, DOCS_SCHEMA_REPEATS,
};

/// A schema.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Shape {
    /// What it is, e.g. `string`, `array of objects`.
    pub(crate) kind: String,
    /// The schema's name where it has a page of its own.
    pub(crate) name: Option<String>,
    /// Whether null is taken as well.
    pub(crate) is_nullable: bool,
    /// Text, CommonMark.
    pub(crate) description: Option<String>,
    /// What else must hold, a few words each.
    pub(crate) rules: Vec<String>,
    /// All values that it may have, where they are listed.
    pub(crate) values: Vec<Value>,
    /// What is taken where nothing is said.
    pub(crate) default: Option<Value>,
    /// An example of its own.
    pub(crate) example: Option<Value>,
    /// Whether it is on its way out.
    pub(crate) is_deprecated: bool,
    /// `read only` or `write only`.
    pub(crate) direction: Option<&'static str>,
    /// Fields of the object, or of each object in the array.
    pub(crate) fields: Vec<Field>,
    /// Where it is one of several.
    pub(crate) options: Vec<Shape>,
    /// Whether fields were left out because they go too deep or round in circles.
    pub(crate) is_cut: bool,
}

/// A field of an object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Field {
    /// Its name.
    pub(crate) name: String,
    /// Whether it must be there.
    pub(crate) is_required: bool,
    /// What it is.
    pub(crate) shape: Shape,
}

/// Reads a schema of a document.
pub(crate) fn read<'d>(document: Document<'d>, schema: &'d Value) -> Shape {
    let mut reader = Reader {
        document,
        left: DOCS_SCHEMA_NODES,
        inside: Vec::new(),
        named_inside: 0,
        referred: HashMap::new(),
    };
    reader.shape(schema)
}

/// What a schema holds other schemas in.
const INNER: [&str; 8] = [
    "properties",
    "patternProperties",
    "additionalProperties",
    "items",
    "prefixItems",
    "allOf",
    "oneOf",
    "anyOf",
];

struct Reader<'d> {
    document: Document<'d>,
    /// Schemas that may still be read: with references a short document may describe a huge one.
    left: usize,
    /// Schemas that we are in.
    inside: Vec<&'d Value>,
    /// How many of them have pages.
    named_inside: usize,
    /// How often a reference to each place of the document was followed.
    referred: HashMap<*const Value, usize>,
}

impl<'d> Reader<'d> {
    fn shape(&mut self, schema: &'d Value) -> Shape {
        let (name, target) = self.document.named(schema);
        let mut shape = Shape {
            name: name.map(str::to_owned),
            ..Shape::default()
        };
        if self.is_cut(name, schema, target) {
            shape.kind = kind_of(target);
            shape.description = text(target, "description").map(str::to_owned);
            shape.is_cut = true;
        } else {
            self.left -= 1;
            self.inside.push(target);
            self.named_inside += usize::from(name.is_some());
            self.fill(target, &mut shape);
            self.named_inside -= usize::from(name.is_some());
            self.inside.pop();
        }
        // What stands beside a reference holds as well (OpenAPI 3.1), and is the nearer of both.
        let beside = schema.as_object().filter(|o| o.contains_key("$ref"));
        if beside.is_some_and(|o| o.len() > 1) && self.left > 0 {
            self.left -= 1;
            let mut own = Shape::default();
            self.fill(schema, &mut own);
            own.join(shape);
            return own;
        }
        shape
    }

    /// Whether a schema is not looked into: it goes round in circles, was shown often enough, or is too deep for one that
    /// has a page. Only what was there before is counted; `target` is where `schema` leads.
    fn is_cut(&mut self, name: Option<&str>, schema: &'d Value, target: &'d Value) -> bool {
        if self.left == 0
            || self.inside.len() >= DOCS_SCHEMA_NESTING
            || self.inside.iter().any(|s| std::ptr::eq(*s, target))
        {
            return true;
        }
        // What holds nothing is as short as a link to it.
        if INNER.iter().all(|part| target.get(part).is_none()) || std::ptr::eq(schema, target) {
            return false;
        }
        let times = self.referred.entry(std::ptr::from_ref(target)).or_default();
        *times += 1;
        *times > DOCS_SCHEMA_REPEATS || (name.is_some() && self.named_inside >= DOCS_SCHEMA_DEPTH)
    }

    fn fill(&mut self, schema: &'d Value, shape: &mut Shape) {
        shape.kind = kind_of(schema);
        shape.description = text(schema, "description")
            .or_else(|| text(schema, "title"))
            .map(str::to_owned);
        shape.is_nullable = is_nullable(schema);
        shape.is_deprecated = flag(schema, "deprecated");
        shape.direction = if flag(schema, "readOnly") {
            Some("read only")
        } else {
            flag(schema, "writeOnly").then_some("write only")
        };
        shape.default = schema.get("default").cloned();
        shape.example = schema.get("example").cloned().or_else(|| {
            let all = Document::entries(schema, "examples");
            all.first().cloned()
        });
        shape.values = match schema.get("const") {
            Some(value) => vec![value.clone()],
            None => Document::entries(schema, "enum").to_vec(),
        };
        shape.rules.extend(rules(schema));
        self.parts(schema, shape);
        self.items(schema, shape);
        self.options(schema, shape);
        self.properties(schema, shape);
    }

    /// What `allOf` puts together is one object to who reads it.
    fn parts(&mut self, schema: &'d Value, shape: &mut Shape) {
        let all = Document::entries(schema, "allOf");
        for part in all {
            let mut part = self.shape(part);
            for field in std::mem::take(&mut part.fields) {
                put(&mut shape.fields, field);
            }
            if all.len() > 1 {
                part.name = None;
            }
            shape.join(part);
        }
    }

    fn items(&mut self, schema: &'d Value, shape: &mut Shape) {
        for (at, item) in Document::entries(schema, "prefixItems").iter().enumerate() {
            let field = self.field(format!("[{at}]"), item);
            shape.fields.push(field);
        }
        let Some(items) = schema.get("items").filter(|i| i.is_object()) else {
            return;
        };
        let items = self.shape(items);
        shape.kind = format!("array of {}", plural(&items.kind));
        shape.name = shape.name.take().or(items.name);
        shape.description = shape.description.take().or(items.description);
        shape.is_cut |= items.is_cut;
        shape.fields.extend(items.fields);
        shape.options.extend(items.options);
        if shape.values.is_empty() {
            shape.values = items.values;
        }
        if items.is_nullable {
            shape.rules.push("each may be null".to_owned());
        }
        shape
            .rules
            .extend(items.rules.into_iter().map(|r| format!("each {r}")));
    }

    fn options(&mut self, schema: &'d Value, shape: &mut Shape) {
        for keyword in ["oneOf", "anyOf"] {
            let all = Document::entries(schema, keyword);
            if let Some(fields) = required_alone(all) {
                shape.rules.push(format!("one of {fields} is required"));
                continue;
            }
            for option in all {
                let resolved = self.document.resolve(option);
                if resolved.get("type").and_then(Value::as_str) == Some("null") {
                    shape.is_nullable = true;
                    continue;
                }
                let option = self.shape(option);
                shape.options.push(option);
            }
        }
        // What is one of several objects is an object.
        if let Some(first) = shape.options.first()
            && shape.kind == ANY
            && shape.options.iter().all(|o| o.kind == first.kind)
        {
            shape.kind = first.kind.clone();
        }
        // One that is left is what it is.
        if shape.options.len() == 1
            && let Some(mut only) = shape.options.pop()
        {
            for field in std::mem::take(&mut only.fields) {
                put(&mut shape.fields, field);
            }
            shape.join(only);
        }
    }

    fn properties(&mut self, schema: &'d Value, shape: &mut Shape) {
        let required: Vec<&str> = Document::entries(schema, "required")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        for (name, property) in self.document.members(schema, "properties") {
            let mut field = self.field(name.to_owned(), property);
            field.is_required = required.contains(&name);
            put(&mut shape.fields, field);
        }
        for field in &mut shape.fields {
            field.is_required |= required.contains(&field.name.as_str());
        }
        for (pattern, property) in self.document.members(schema, "patternProperties") {
            let field = self.field(format!("any name that matches {pattern}"), property);
            shape.fields.push(field);
        }
        if let Some(further) = schema.get("additionalProperties").filter(|v| v.is_object()) {
            let field = self.field("any other name".to_owned(), further);
            shape.fields.push(field);
        }
    }

    fn field(&mut self, name: String, schema: &'d Value) -> Field {
        Field {
            name,
            is_required: false,
            shape: self.shape(schema),
        }
    }
}
