//! Examples of an event's data, from the OpenAPI documents that the configuration has; never from anybody's data.

use serde_json::{Map, Value, json};

use crate::base::ceilings::simulator::{EXAMPLE_DEPTH, EXAMPLE_VALUES};
use crate::base::media_type::is_json;
use crate::config::model::{Api, Config, EventRule};
use crate::config::template;
use crate::webhooks::settings::TEST_TYPE;

/// What there is to begin with for an event of this type: the answer of an operation that makes such events, as its
/// document describes it.
pub fn example(config: &Config, event_type: &str) -> Value {
    if event_type == TEST_TYPE {
        return json!({ "message": "a test" });
    }
    let rules = config
        .events
        .iter()
        .filter(|r| *r.event_type == *event_type);
    rules
        .flat_map(|rule| config.apis.iter().map(move |api| (rule, api)))
        .find_map(|(rule, api)| of_operation(api, rule))
        .unwrap_or_else(|| json!({ "id": "example" }))
}

/// What a document's `webhooks` say of a type.
pub(super) struct Documented<'d> {
    /// The operation that receivers implement.
    pub(super) operation: &'d Value,
    /// An example of a body, or one that is made of its schema.
    pub(super) example: Option<Value>,
}

/// What there is in the `webhooks` of this document under the name of the type.
pub(super) fn documented<'d>(document: &'d Value, event_type: &str) -> Option<Documented<'d>> {
    let item = resolve(document, document.get("webhooks")?.get(event_type)?)?;
    let operation = item.get("post")?;
    let example = || {
        let body = resolve(document, operation.get("requestBody")?)?;
        of_content(document, body)
    };
    Some(Documented {
        operation,
        example: example(),
    })
}

/// The operation that a rule watches, as its document has it.
pub(super) fn operation<'d>(api: &'d Api, rule: &EventRule) -> Option<&'d Value> {
    let document = &*api.document;
    let path = template::shape(rule.path.strip_prefix(api.server_prefix.as_str())?);
    let paths = document.get("paths")?.as_object()?;
    let (_, item) = paths.iter().find(|(p, _)| template::shape(p) == path)?;
    resolve(document, item)?.get(rule.method.as_str().to_ascii_lowercase())
}

fn of_operation(api: &Api, rule: &EventRule) -> Option<Value> {
    let document = &*api.document;
    let operation = operation(api, rule)?;
    let responses = operation.get("responses")?.as_object()?;
    let fires = |name: &str| {
        let exact = name.parse::<u16>().is_ok_and(|s| rule.status.contains(&s));
        exact || name == "2XX"
    };
    responses
        .iter()
        .filter(|(status, _)| fires(status))
        .find_map(|(_, response)| of_content(document, resolve(document, response)?))
}

/// An example of the JSON that a response or a request's body has.
fn of_content(document: &Value, body: &Value) -> Option<Value> {
    let content = body.get("content")?.as_object()?;
    let (_, media) = content.iter().find(|(t, _)| is_json(t))?;
    of_media(document, media)
}

/// An example of this media type object: its own, its first named one, or one made of its schema.
pub fn of_media(document: &Value, media: &Value) -> Option<Value> {
    if let Some(example) = media.get("example") {
        return Some(example.clone());
    }
    let named = media.get("examples").and_then(Value::as_object);
    let named = named.and_then(|all| all.values().next());
    if let Some(value) = named
        .and_then(|e| resolve(document, e))
        .and_then(|e| e.get("value"))
    {
        return Some(value.clone());
    }
    let mut maker = Maker {
        document,
        left: EXAMPLE_VALUES,
    };
    maker.of_schema(media.get("schema")?, 0)
}

/// Follows local references, not without end.
fn resolve<'d>(document: &'d Value, mut value: &'d Value) -> Option<&'d Value> {
    for _ in 0..EXAMPLE_DEPTH {
        let Some(reference) = value.get("$ref").and_then(Value::as_str) else {
            return Some(value);
        };
        value = document.pointer(reference.strip_prefix('#')?)?;
    }
    None
}

/// Makes values of schemas, no more than a ceiling of them.
struct Maker<'d> {
    document: &'d Value,
    left: usize,
}

impl<'d> Maker<'d> {
    fn of_schema(&mut self, schema: &'d Value, depth: usize) -> Option<Value> {
        self.left = self.left.checked_sub(1)?;
        if depth >= EXAMPLE_DEPTH {
            return None;
        }
        let schema = resolve(self.document, schema)?;
        for name in ["example", "const", "default"] {
            if let Some(value) = schema.get(name) {
                return Some(value.clone());
            }
        }
        for name in ["examples", "enum"] {
            if let Some(value) = schema.get(name).and_then(|v| v.get(0)) {
                return Some(value.clone());
            }
        }
        if let Some(all) = schema.get("allOf").and_then(Value::as_array) {
            return self.joined(schema, all, depth);
        }
        for name in ["oneOf", "anyOf"] {
            if let Some(first) = schema.get(name).and_then(|v| v.get(0)) {
                return self.of_schema(first, depth + 1);
            }
        }
        self.of_type(schema, depth)
    }

    /// An object of everything that the parts and the schema itself say.
    fn joined(&mut self, schema: &'d Value, all: &'d [Value], depth: usize) -> Option<Value> {
        let mut members = Map::new();
        let mut other = None;
        for part in all {
            match self.of_schema(part, depth + 1) {
                Some(Value::Object(found)) => members.extend(found),
                found => other = other.or(found),
            }
        }
        if let Some(Value::Object(found)) = self.of_type(schema, depth) {
            members.extend(found);
        }
        match other {
            Some(value) if members.is_empty() => Some(value),
            _ => Some(members.into()),
        }
    }

    fn of_type(&mut self, schema: &'d Value, depth: usize) -> Option<Value> {
        let kind = match schema.get("type") {
            // OpenAPI 3.1 has lists of types.
            Some(Value::Array(kinds)) => kinds
                .iter()
                .filter_map(Value::as_str)
                .find(|k| *k != "null"),
            Some(kind) => kind.as_str(),
            None if schema.get("properties").is_some() => Some("object"),
            None => None,
        };
        let format = schema.get("format").and_then(Value::as_str);
        Some(match kind? {
            "object" => {
                let properties = schema.get("properties").and_then(Value::as_object);
                let members = properties.into_iter().flatten().filter_map(|(name, s)| {
                    let is_hidden = s.get("writeOnly") == Some(&Value::Bool(true));
                    let value = (!is_hidden).then(|| self.of_schema(s, depth + 1))?;
                    Some((name.clone(), value?))
                });
                Value::Object(members.collect())
            }
            "array" => {
                let item = schema
                    .get("items")
                    .and_then(|s| self.of_schema(s, depth + 1));
                Value::Array(item.into_iter().collect())
            }
            "integer" => schema.get("minimum").cloned().unwrap_or(json!(1)),
            "number" => schema.get("minimum").cloned().unwrap_or(json!(1.5)),
            "boolean" => json!(true),
            "null" => Value::Null,
            "string" => json!(text_of(format)),
            _ => return None,
        })
    }
}

fn text_of(format: Option<&str>) -> &'static str {
    match format {
        Some("date-time") => "2026-12-01T12:00:00Z",
        Some("date") => "2026-12-01",
        Some("email") => "ada@example.com",
        Some("uri" | "url") => "https://example.com/",
        Some("uuid") => "018f4f6a-3c5e-7b1a-9c1d-2e3f4a5b6c7d",
        _ => "text",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(document: &Value, media: &Value) -> Option<Value> {
        of_media(document, media)
    }

    #[test]
    fn a_written_example_comes_before_one_that_is_made() {
        let schema = json!({"type": "string"});
        let none = json!({});
        let written = json!({"example": {"id": 1}, "schema": schema});
        assert_eq!(of(&none, &written), Some(json!({"id": 1})));
        let named =
            json!({"examples": {"a": {"value": [1]}, "b": {"value": [2]}}, "schema": schema});
        assert_eq!(of(&none, &named), Some(json!([1])));
        assert_eq!(of(&none, &json!({"schema": schema})), Some(json!("text")));
        assert_eq!(of(&none, &json!({})), None);
    }

    #[test]
    fn a_schema_gives_an_object_with_what_it_says_of_each_member() {
        let document = json!({"components": {"schemas": {
            "Base": {"type": "object", "properties": {"id": {"type": "string", "example": "c_1"}}},
            "Contact": {"allOf": [{"$ref": "#/components/schemas/Base"}, {"properties": {
                "email": {"type": ["null", "string"], "format": "email"},
                "tags": {"type": "array", "items": {"enum": ["a", "b"]}},
                "age": {"type": "integer", "minimum": 18},
                "secret": {"type": "string", "writeOnly": true},
                "owner": {"oneOf": [{"$ref": "#/components/schemas/Base"}, {"type": "null"}]},
            }}]},
        }}});
        let media = json!({"schema": {"$ref": "#/components/schemas/Contact"}});
        let want = json!({
            "id": "c_1", "email": "ada@example.com", "tags": ["a"], "age": 18, "owner": {"id": "c_1"}
        });
        assert_eq!(of(&document, &media), Some(want));
    }

    #[test]
    fn a_schema_that_has_no_end_gives_an_example_that_has_one() {
        let document = json!({"components": {"schemas": {
            "Node": {"type": "object", "properties": {
                "left": {"$ref": "#/components/schemas/Node"},
                "right": {"$ref": "#/components/schemas/Node"},
            }},
            "Loop": {"$ref": "#/components/schemas/Loop"},
        }}});
        let media =
            |name: &str| json!({"schema": {"$ref": format!("#/components/schemas/{name}")}});
        let made = of(&document, &media("Node")).unwrap();
        assert!(made.to_string().len() < 40 * EXAMPLE_VALUES);
        assert_eq!(of(&document, &media("Loop")), None);
    }
}
