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
fn what_stands_beside_a_reference_and_in_other_parts_is_not_lost() {
    let s = shape(
        &json!({ "$ref": "#/components/schemas/Base", "description": "Nearer", "deprecated": true, "minProperties": 1 }),
    );
    assert_eq!(
        (s.name.as_deref(), s.description.as_deref()),
        (Some("Base"), Some("Nearer"))
    );
    assert!(s.is_deprecated && s.rules == ["at least 1 field"] && s.fields.len() == 1);
    let s = shape(&json!({ "allOf": [
        { "properties": { "a": { "type": "string", "maxLength": 9, "description": "Before" } } },
        { "properties": { "a": { "minLength": 2, "default": "x" } } }
    ] }));
    let a = &s.fields[0].shape;
    assert_eq!(a.rules, ["at least 2 characters", "at most 9 characters"]);
    assert_eq!(
        (a.kind.as_str(), a.description.as_deref()),
        ("string", Some("Before"))
    );
    assert_eq!(a.default, Some(json!("x")));
    // As OpenAPI 3.0 says it.
    let s =
        shape(&json!({ "type": "number", "minimum": 0, "exclusiveMinimum": true, "maximum": 5 }));
    assert_eq!(s.rules, ["at most 5", "more than 0"]);
    let s = shape(
        &json!({ "oneOf": [{ "$ref": "#/components/schemas/Base" }, { "type": "null" }], "description": "Own" }),
    );
    assert_eq!(
        (s.name.as_deref(), s.description.as_deref(), s.is_nullable),
        (Some("Base"), Some("Own"), true)
    );
    assert_eq!(s.fields.len(), 1);
}

#[test]
fn names_that_are_no_pages_are_not_linked_and_go_round_in_circles_no_longer() {
    let document = json!({ "components": { "schemas": {
        "a b": { "type": "object", "properties": { "back": { "$ref": "#/components/schemas/a b" } } },
        "..": { "type": "object" },
    } } });
    let s = read(
        Document(&document),
        &json!({ "$ref": "#/components/schemas/a b" }),
    );
    assert_eq!((s.name, s.fields.len()), (None, 1));
    assert!(s.fields[0].shape.is_cut && s.fields[0].shape.fields.is_empty());
    assert_eq!(
        read(
            Document(&document),
            &json!({ "$ref": "#/components/schemas/.." })
        )
        .name,
        None
    );
}

/// How many schemas with fields are one inside the other.
fn depth(s: &Shape) -> usize {
    let inner = s.fields.iter().map(|f| depth(&f.shape)).max();
    inner.map_or(0, |d| d + 1)
}

#[test]
fn schemas_without_names_are_shown_as_deep_as_the_ceiling_and_those_with_pages_less_deep() {
    let mut deep = json!({ "type": "string" });
    for _ in 0..DOCS_SCHEMA_NESTING + 5 {
        deep = json!({ "type": "object", "properties": { "a": deep } });
    }
    assert_eq!(depth(&shape(&deep)), DOCS_SCHEMA_NESTING);
    let mut schemas = serde_json::Map::new();
    for n in 0..DOCS_SCHEMA_DEPTH + 5 {
        let next = json!({ "$ref": format!("#/components/schemas/S{}", n + 1) });
        schemas.insert(
            format!("S{n}"),
            json!({ "type": "object", "properties": { "a": next } }),
        );
    }
    let document = json!({ "components": { "schemas": schemas } });
    let s = read(
        Document(&document),
        &json!({ "$ref": "#/components/schemas/S0" }),
    );
    assert_eq!(depth(&s), DOCS_SCHEMA_DEPTH);
}

#[test]
fn a_schema_is_shown_as_often_as_the_ceiling_and_linked_after_that() {
    let base = json!({ "$ref": "#/components/schemas/Base" });
    let stage = json!({ "$ref": "#/components/schemas/Stage" });
    let mut all = serde_json::Map::new();
    for n in 0..DOCS_SCHEMA_REPEATS + 3 {
        all.insert(format!("b{n:02}"), base.clone());
        all.insert(format!("s{n:02}"), stage.clone());
    }
    let s = shape(&json!({ "properties": all }));
    let whole = |f: &&Field| !f.shape.fields.is_empty();
    assert_eq!(s.fields.iter().filter(whole).count(), DOCS_SCHEMA_REPEATS);
    let cut: Vec<_> = s.fields.iter().filter(|f| f.shape.is_cut).collect();
    assert!(cut.len() == 3 && cut.iter().all(|f| f.shape.name.as_deref() == Some("Base")));
    // What is no longer than a link to it is always there.
    let stages = s.fields.iter().filter(|f| f.shape.values.len() == 2);
    assert_eq!(stages.count(), DOCS_SCHEMA_REPEATS + 3);
}

#[test]
fn no_more_schemas_than_the_ceiling_are_read() {
    let all: serde_json::Map<_, _> = (0..DOCS_SCHEMA_NODES + 10)
        .map(|n| {
            (
                format!("f{n}"),
                json!({ "type": "string", "format": "date" }),
            )
        })
        .collect();
    let s = shape(&json!({ "properties": all }));
    assert_eq!(s.fields.len(), DOCS_SCHEMA_NODES + 10);
    let read = s.fields.iter().filter(|f| !f.shape.is_cut).count();
    // The object itself is one.
    assert_eq!(read, DOCS_SCHEMA_NODES - 1);
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
    assert!(count(&s) <= 7 * DOCS_SCHEMA_REPEATS * 31, "{}", count(&s));
}
