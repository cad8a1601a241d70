//! A schema as people read it: kinds, rules, values and fields, references followed; never a validator.

#[cfg(test)]
mod tests;

use serde_json::Value;

use super::document::{Document, flag, text};
use crate::base::ceilings::docs::{DOCS_SCHEMA_DEPTH, DOCS_SCHEMA_NODES};

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
    };
    reader.shape(schema)
}

struct Reader<'d> {
    document: Document<'d>,
    /// Schemas that may still be read: with references a short document may describe a huge one.
    left: usize,
    /// Schemas with names that we are in.
    inside: Vec<&'d str>,
}

impl<'d> Reader<'d> {
    fn shape(&mut self, schema: &'d Value) -> Shape {
        let (name, schema) = self.document.named(schema);
        let mut shape = Shape {
            name: name.map(str::to_owned),
            description: text(schema, "description").map(str::to_owned),
            ..Shape::default()
        };
        let is_circle = name.is_some_and(|n| self.inside.contains(&n));
        if self.left == 0 || is_circle || self.inside.len() >= DOCS_SCHEMA_DEPTH {
            shape.kind = kind_of(schema);
            shape.is_cut = true;
            return shape;
        }
        self.left -= 1;
        // What has no name goes deeper all the same.
        self.inside.push(name.unwrap_or_default());
        self.fill(schema, &mut shape);
        self.inside.pop();
        shape
    }

    fn fill(&mut self, schema: &'d Value, shape: &mut Shape) {
        shape.kind = kind_of(schema);
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
        for part in Document::entries(schema, "allOf") {
            let part = self.shape(part);
            if shape.kind.is_empty() || shape.kind == ANY {
                shape.kind = part.kind;
            }
            shape.description = shape.description.take().or(part.description);
            shape.is_cut |= part.is_cut;
            shape.options.extend(part.options);
            for rule in part.rules {
                if !shape.rules.contains(&rule) {
                    shape.rules.push(rule);
                }
            }
            for field in part.fields {
                put(&mut shape.fields, field);
            }
        }
    }

    fn items(&mut self, schema: &'d Value, shape: &mut Shape) {
        let Some(items) = schema.get("items") else {
            return;
        };
        let items = self.shape(items);
        shape.kind = format!("array of {}", plural(&items.kind));
        shape.name = shape.name.take().or(items.name);
        shape.is_cut |= items.is_cut;
        shape.fields = items.fields;
        shape.options = items.options;
        if shape.values.is_empty() {
            shape.values = items.values;
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
            && shape.fields.is_empty()
            && let Some(only) = shape.options.pop()
        {
            let described = shape.description.take().or(only.description);
            *shape = Shape {
                description: described,
                is_nullable: shape.is_nullable || only.is_nullable,
                name: shape.name.take().or(only.name),
                ..only
            };
        }
    }

    fn properties(&mut self, schema: &'d Value, shape: &mut Shape) {
        let required: Vec<&str> = Document::entries(schema, "required")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        for (name, property) in self.document.members(schema, "properties") {
            let field = Field {
                name: name.to_owned(),
                is_required: required.contains(&name),
                shape: self.shape(property),
            };
            put(&mut shape.fields, field);
        }
        for field in &mut shape.fields {
            field.is_required |= required.contains(&field.name.as_str());
        }
        if let Some(further) = schema.get("additionalProperties").filter(|v| v.is_object()) {
            let shape_of = self.shape(further);
            shape.fields.push(Field {
                name: "any other name".to_owned(),
                is_required: false,
                shape: shape_of,
            });
        }
    }
}

/// A later part says more of a field than an earlier one.
fn put(fields: &mut Vec<Field>, field: Field) {
    match fields.iter_mut().find(|f| f.name == field.name) {
        Some(known) => {
            known.is_required |= field.is_required;
            let description = field.shape.description.clone();
            let before = std::mem::replace(&mut known.shape, field.shape);
            known.shape.description = description.or(before.description);
            if known.shape.kind == ANY {
                known.shape.kind = before.kind;
            }
        }
        None => fields.push(field),
    }
}

/// The names in a list of options that say no more than which fields must be there.
fn required_alone(options: &[Value]) -> Option<String> {
    let of = |option: &Value| {
        let object = option.as_object().filter(|o| o.len() == 1)?;
        let names = object.get("required")?.as_array()?;
        let names: Vec<_> = names.iter().filter_map(Value::as_str).collect();
        Some(names.join(" and "))
    };
    let all: Option<Vec<_>> = options.iter().map(of).collect();
    all.filter(|a| !a.is_empty()).map(|a| a.join(", "))
}

/// The kind of a schema of which nothing is said.
const ANY: &str = "any value";

fn kind_of(schema: &Value) -> String {
    let types: Vec<&str> = match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(all)) => all
            .iter()
            .filter_map(Value::as_str)
            .filter(|t| *t != "null")
            .collect(),
        _ => Vec::new(),
    };
    if !types.is_empty() {
        return types.join(" or ");
    }
    if schema.get("properties").is_some() {
        return "object".to_owned();
    }
    if schema.get("items").is_some() {
        return "array".to_owned();
    }
    let of_value = schema.get("const").or_else(|| schema.get("enum")?.get(0));
    match of_value {
        Some(Value::String(_)) => "string".to_owned(),
        Some(Value::Number(_)) => "number".to_owned(),
        Some(Value::Bool(_)) => "boolean".to_owned(),
        _ => ANY.to_owned(),
    }
}

fn is_nullable(schema: &Value) -> bool {
    let among = |list: Option<&Value>, null: &Value| {
        let list = list.and_then(Value::as_array);
        list.is_some_and(|all| all.contains(null))
    };
    flag(schema, "nullable")
        || among(schema.get("type"), &Value::from("null"))
        || among(schema.get("enum"), &Value::Null)
}

fn plural(kind: &str) -> String {
    match kind {
        ANY => "any values".to_owned(),
        _ if kind.starts_with("array of ") => kind.replacen("array", "arrays", 1),
        _ if kind.contains(' ') => kind.to_owned(),
        _ => format!("{kind}s"),
    }
}

fn rules(schema: &Value) -> Vec<String> {
    let number = |name: &str| schema.get(name).filter(|v| v.is_number());
    let range = |low: &str, high: &str, unit: &str| {
        let text = match (number(low), number(high)) {
            (Some(a), Some(b)) if a == b => format!("exactly {a}{unit}"),
            (Some(a), Some(b)) => format!("{a} to {b}{unit}"),
            (Some(a), None) => format!("at least {a}{unit}"),
            (None, Some(b)) => format!("at most {b}{unit}"),
            (None, None) => return None,
        };
        Some(text)
    };
    let mut all = Vec::new();
    all.extend(text(schema, "format").map(str::to_owned));
    all.extend(range("minimum", "maximum", ""));
    all.extend(number("exclusiveMinimum").map(|n| format!("more than {n}")));
    all.extend(number("exclusiveMaximum").map(|n| format!("less than {n}")));
    all.extend(number("multipleOf").map(|n| format!("a multiple of {n}")));
    all.extend(range("minLength", "maxLength", " characters"));
    all.extend(range("minItems", "maxItems", " items"));
    if flag(schema, "uniqueItems") {
        all.push("no item twice".to_owned());
    }
    all.extend(text(schema, "pattern").map(|p| format!("matches {p}")));
    all
}
