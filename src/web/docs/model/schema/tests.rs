//! Schemas read as people say them, put together, told apart, and never without end.

use super::*;
use serde_json::json;

fn shape(schema: &Value) -> Shape {
    let document = json!({ "components": { "schemas": {
        "Stage": { "type": "string", "enum": ["lead", "won"] },
        "Base": { "type": "object", "required": ["id"], "properties": { "id": { "type": "string" } } },
        "Tree": { "type": "object", "properties": { "children": { "type": "array", "items": { "$ref": "#/components/schemas/Tree" } } } },
        "Loop": { "$ref": "#/components/schemas/Loop" }
    } } });
    read(Document(&document), schema)
}

#[test]
fn kinds_rules_and_values_read_as_people_say_them() {
    let s = shape(
        &json!({ "type": ["string", "null"], "format": "email", "minLength": 1, "maxLength": 200 }),
    );
    assert_eq!((s.kind.as_str(), s.is_nullable), ("string", true));
    assert_eq!(s.rules, ["email", "1 to 200 characters"]);
    let s = shape(
        &json!({ "type": "array", "minItems": 1, "items": { "$ref": "#/components/schemas/Stage" } }),
    );
    assert_eq!(
        (s.kind.as_str(), s.name.as_deref()),
        ("array of strings", Some("Stage"))
    );
    assert_eq!(s.values, [json!("lead"), json!("won")]);
    let s = shape(&json!({ "const": "add_tag" }));
    assert_eq!(
        (s.kind.as_str(), s.values),
        ("string", vec![json!("add_tag")])
    );
    let s = shape(&json!({ "type": "integer", "nullable": true, "minimum": 0, "default": 5 }));
    assert!(s.is_nullable && s.rules == ["at least 0"] && s.default == Some(json!(5)));
}

#[test]
fn parts_are_put_together_and_say_more_of_the_same_field() {
    let s = shape(&json!({ "allOf": [
        { "$ref": "#/components/schemas/Base" },
        { "properties": { "id": { "const": "x" }, "name": { "type": "string" } }, "required": ["name"] }
    ] }));
    let fields: Vec<_> = s
        .fields
        .iter()
        .map(|f| (f.name.as_str(), f.is_required))
        .collect();
    assert_eq!(
        (s.kind.as_str(), fields),
        ("object", vec![("id", true), ("name", true)])
    );
    assert_eq!(s.fields[0].shape.values, [json!("x")]);
}

#[test]
fn options_are_told_apart_and_fields_that_need_each_other_are_a_rule() {
    let s = shape(&json!({ "oneOf": [{ "type": "string" }, { "type": "null" }] }));
    assert_eq!(
        (s.kind.as_str(), s.is_nullable, s.options.len()),
        ("string", true, 0)
    );
    let s = shape(&json!({ "oneOf": [{ "type": "string" }, { "type": "integer" }] }));
    assert_eq!((s.kind.as_str(), s.options.len()), (ANY, 2));
    let objects = json!({ "oneOf": [{ "type": "object" }, { "properties": {} }] });
    let s = shape(&json!({ "type": "array", "items": objects }));
    assert_eq!((s.kind.as_str(), s.options.len()), ("array of objects", 2));
    let s = shape(
        &json!({ "type": "object", "anyOf": [{ "required": ["a"] }, { "required": ["b", "c"] }] }),
    );
    assert_eq!(s.rules, ["one of a, b and c is required"]);
    let s = shape(&json!({ "type": "object", "additionalProperties": { "type": "integer" } }));
    assert_eq!(s.fields[0].shape.kind, "integer");
}

#[test]
fn circles_and_what_leads_nowhere_end() {
    let s = shape(&json!({ "$ref": "#/components/schemas/Tree" }));
    let children = &s.fields[0].shape;
    assert_eq!(children.kind, "array of objects");
    assert!(children.is_cut && children.fields.is_empty());
    assert_eq!(
        shape(&json!({ "$ref": "#/components/schemas/Loop" })).kind,
        ANY
    );
    assert_eq!(
        shape(&json!({ "$ref": "https://elsewhere.example" })).kind,
        ANY
    );
    assert_eq!(shape(&json!(7)).kind, ANY);
    let mut deep = json!({ "type": "string" });
    for _ in 0..200 {
        deep = json!({ "type": "object", "properties": { "a": deep } });
    }
    assert_eq!(shape(&deep).kind, "object");
}

#[test]
fn a_short_document_of_a_huge_schema_is_cut() {
    let mut schemas = serde_json::Map::new();
    for n in 0..7 {
        let next = json!({ "$ref": format!("#/components/schemas/S{}", n + 1) });
        let all: serde_json::Map<_, _> = (0..30).map(|i| (format!("f{i}"), next.clone())).collect();
        schemas.insert(
            format!("S{n}"),
            json!({ "type": "object", "properties": all }),
        );
    }
    let document = json!({ "components": { "schemas": schemas } });
    let s = read(
        Document(&document),
        &document["components"]["schemas"]["S0"],
    );
    fn count(s: &Shape) -> usize {
        1 + s.fields.iter().map(|f| count(&f.shape)).sum::<usize>()
    }
    assert!(count(&s) <= DOCS_SCHEMA_NODES * 31, "{}", count(&s));
}
