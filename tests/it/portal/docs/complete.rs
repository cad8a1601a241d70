//! Everything that an OpenAPI document says is on the pages, of the sample CRM's document and of one that tries everything; never the look of it.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::documented;
use crate::support::portal::Portal;
use crate::support::{browser, http};

/// Markup that is to be read as it is written.
const MARKUP: &str =
    "\"><script>window.__x=1</script><img src=x onerror='window.__x=1'> & {{prefix}} \u{202e}";
/// Bytes of a page: what a phone takes in a few seconds on a poor line, before compression.
const PAGE_BYTES: usize = 700_000;
/// How long a page may take in an unoptimised build on a busy machine; tests/it/portal/large.rs has the same.
const MOST: Duration = Duration::from_millis(250);

#[test]
fn the_pages_of_the_crm_say_everything_that_its_document_says() {
    let portal = Portal::start();
    let visitor = portal.stranger();
    let document: Value = serde_json::from_str(&visitor.page("/docs/openapi/0.json")).unwrap();
    let input = json!({"origin": portal.url, "document": document, "prefix": "/v1"});
    let told = browser::run("complete", &input);
    assert_eq!(told["missing"], json!([]), "{told:#}");
    assert_eq!(told["faults"], json!([]), "{told:#}");
    assert_eq!((&told["walked"], &told["cuts"]), (&json!(25), &json!(0)));

    // The walk itself misses what is not there.
    let mut other = document;
    let contact = &mut other["components"]["schemas"]["ContactCreate"]["properties"];
    contact["nickname"] = json!({"type": "string"});
    contact["company"]["maxLength"] = json!(4711);
    let create = &mut other["paths"]["/contacts"]["post"];
    create["responses"]["418"] = json!({"description": "Tea"});
    create["security"] = json!([{"apiKey": ["tea:make"]}]);
    let input = json!({"origin": portal.url, "document": other, "prefix": "/v1", "only": ["createContact"]});
    let missing = browser::run("complete", &input)["missing"].to_string();
    for wanted in [
        "body.nickname: the field",
        "body.company: “4711”",
        "418: the answer",
        "scopes: “tea:make”",
    ] {
        assert!(missing.contains(wanted), "{wanted}: {missing}");
    }
    assert_eq!(missing.matches("/docs/api").count(), 4, "{missing}");
}

/// A field whose name and texts are as long as they may be.
fn long() -> String {
    "a_very_long_name_of_a_field_".repeat(12)
}

/// A schema of objects in objects without names.
fn nested(depth: usize) -> Value {
    (0..depth).fold(
        json!({"type": "string", "description": "At the bottom", "maxLength": 7}),
        |inner, n| {
            let name = format!("level_{n}");
            json!({"type": "object", "description": format!("Level {n}"), "properties": {name: inner}})
        },
    )
}

fn schemas() -> Value {
    let of = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    json!({
        "Base": {"type": "object", "required": ["id"], "description": MARKUP, "properties": {
            "id": {"type": "string", "readOnly": true, "pattern": "^[a-z]{3}<b>$", "example": "abc<b>"},
            "size": {"type": "integer", "minimum": 3, "description": "How large"},
        }},
        "Thing": {"description": "A thing", "allOf": [of("Base"), {
            "type": "object", "required": ["name", "size"], "minProperties": 2, "maxProperties": 44,
            "properties": {
                "size": {"maximum": 99, "default": 5},
                "name": {"type": ["string", "null"], "title": MARKUP, "minLength": 1, "maxLength": 200},
                "parent": {"oneOf": [of("Thing"), {"type": "null"}]},
                "children": {"type": "array", "minItems": 1, "maxItems": 5, "uniqueItems": true, "items": of("Thing")},
                "shape": {"description": "Its shape", "discriminator": {"propertyName": "kind"}, "oneOf": [of("Circle"), of("Square")]},
                "price": {"$ref": "#/components/schemas/Money", "description": "What it costs here", "deprecated": true},
                "other": of("Name with spaces"),
                "labels": {"type": "object", "maxProperties": 16, "additionalProperties": {"type": "string", "maxLength": 63}},
                "by_pattern": {"type": "object", "patternProperties": {"^x-": {"type": "number", "multipleOf": 0.5}}, "additionalProperties": false},
                "pair": {"type": "array", "prefixItems": [{"type": "number"}, {"type": "string", "enum": ["m", "km"]}]},
                "matrix": {"type": "array", "items": {"type": "array", "items": {"type": ["number", "null"], "exclusiveMinimum": 0, "exclusiveMaximum": 17}}},
                "state": {"enum": ["on", "off", null, MARKUP], "description": "Whether it is on"},
                "version": {"const": 3},
                "password": {"type": "string", "writeOnly": true, "contentEncoding": "base64"},
                long(): {"type": "string", "description": long(), "default": MARKUP, "example": "x"},
                MARKUP: {"type": "boolean", "description": "A name that is markup", "default": true},
                "deep": nested(20),
            },
        }]},
        "Money": {"type": "object", "description": "An amount", "required": ["amount"], "properties": {
            "amount": {"type": "integer", "format": "int64", "minimum": 0}, "currency": {"type": "string", "example": "EUR"}}},
        "Circle": {"type": "object", "required": ["kind", "radius"], "properties": {
            "kind": {"const": "circle"}, "radius": {"type": "number", "exclusiveMinimum": 0}}},
        "Square": {"type": "object", "required": ["kind"], "anyOf": [{"required": ["side"]}, {"required": ["area"]}], "properties": {
            "kind": {"const": "square"}, "side": {"type": "number"}, "area": {"type": "number"}}},
        "Name with spaces": {"type": "object", "properties": {"a": {"type": "string"}, "back": of("Name with spaces")}},
        "Ping": {"type": "object", "properties": {"pong": of("Pong")}},
        "Pong": {"type": "object", "properties": {"ping": of("Ping"), "wide": {"type": "array", "items": of("Ping")}}},
        "Error": {"type": "object", "required": ["message"], "properties": {
            "message": {"type": "string", "description": MARKUP}, "hint": {"type": "string"}}},
    })
}

/// A document with everything that OpenAPI has for parameters and bodies, and a thousand operations more.
fn hostile() -> Value {
    let thing = json!({"$ref": "#/components/schemas/Thing"});
    let error = json!({"description": MARKUP, "content": {"application/problem+json": {
        "schema": {"$ref": "#/components/schemas/Error"}, "example": {"message": MARKUP}}}});
    let mut paths = Map::new();
    paths.insert("/things/{id}".to_owned(), json!({
        "parameters": [
            {"name": "id", "in": "path", "required": true, "description": MARKUP, "schema": {"type": "string", "maxLength": 9}, "example": "a b"},
            {"name": "shared", "in": "query", "description": "Replaced below", "schema": {"type": "string"}},
        ],
        "put": {
            "operationId": "replaceThing", "tags": ["Things"], "summary": MARKUP, "description": MARKUP, "deprecated": true,
            "externalDocs": {"url": "https://example.com/more", "description": "The whole story"},
            "parameters": [
                {"name": "shared", "in": "query", "description": "Said again", "schema": {"type": "integer", "minimum": 1, "maximum": 12, "default": 4}},
                {"name": "tags", "in": "query", "required": true, "schema": {"type": "array", "items": {"type": "string", "enum": ["red", "green"]}}, "example": ["red", "green"]},
                {"name": "ids", "in": "query", "required": true, "explode": false, "schema": {"type": "array", "items": {"type": "integer"}}, "example": [1, 2]},
                {"name": "X-Wanted", "in": "header", "required": true, "schema": {"type": "string", "format": "uuid"}, "example": "018f4f6a-3c5e-7b1a-9c1d-2e3f4a5b6c7d"},
                {"name": "filter", "in": "query", "content": {"application/json": {"schema": {"type": "object", "properties": {"from": {"type": "string", "format": "date"}}}}}},
                {"name": "taste", "in": "cookie", "required": true, "schema": {"type": "string"}, "example": "sweet"},
            ],
            "requestBody": {"required": true, "description": MARKUP, "content": {
                "application/x-www-form-urlencoded": {"schema": {"$ref": "#/components/schemas/Money"}},
                "application/json": {"schema": thing, "examples": {"one": {"summary": MARKUP, "value": {"name": MARKUP}}, "two": {"value": {"name": null}}}},
            }},
            "responses": {
                "200": {"description": MARKUP, "headers": {"X-Left": {"description": MARKUP, "schema": {"type": "integer", "minimum": 0}}},
                    "content": {"application/json": {"schema": thing, "examples": {"a": {"value": {"id": "a"}}, "b": {"value": {"id": "b"}}}},
                        "text/csv": {"schema": {"type": "string", "description": "A line each"}, "example": "a,b"}}},
                "202": {"description": "Later", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Ping"}, "example": {"pong": {}}}}},
                "4XX": error, "default": error,
            },
        },
    }));
    for n in 0..1_000 {
        paths.insert(format!("/group{}/item{n}/{{id}}", n % 20), json!({"get": {
            "operationId": format!("getItem{n}"), "tags": [format!("Group {} of twenty", n % 20)], "summary": format!("Get item number {n}"),
            "description": MARKUP,
            "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
            "responses": {"200": {"description": "It", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pong"}}}}, "default": error},
        }}));
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": MARKUP, "version": "1", "description": MARKUP},
        "security": [{"key": ["a:b"]}],
        "paths": paths,
        "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}, "schemas": schemas()},
    })
}

#[test]
fn a_document_that_tries_everything_makes_pages_that_lack_nothing_within_bounds() {
    let document = hostile();
    let (g, port, _backend) = documented(&document);
    let get = |path: &str| http::request(g.listener("portal"), "GET", path, &[], None);
    // Each operation says its own scopes in what the walk reads.
    let mut walked = document.clone();
    for item in walked["paths"].as_object_mut().unwrap().values_mut() {
        for method in ["get", "put"] {
            if let Some(operation) = item.get_mut(method) {
                operation["security"] = json!([{"key": ["a:b"]}]);
            }
        }
    }
    let input = |only: Value| json!({"origin": format!("http://127.0.0.1:{port}"), "document": walked, "prefix": "/v1", "only": only});
    let told = browser::run(
        "complete",
        &input(json!(["replaceThing", "getItem0", "getItem999"])),
    );
    assert_eq!(told["missing"], json!([]), "{told:#}");
    assert_eq!((&told["faults"], &told["walked"]), (&json!([]), &json!(3)));
    assert!(
        told["cuts"].as_u64().unwrap() > 0,
        "circles are said to go on elsewhere"
    );

    for path in [
        "/docs",
        "/docs/api",
        "/docs/api/replace-thing",
        "/docs/api/get-item999",
        "/docs/schemas",
        "/docs/schemas/Thing",
        "/docs/search?q=item",
        "/docs/search?q=radius+circle",
        "/docs/explorer",
    ] {
        let answer = get(path);
        assert_eq!(answer.status, 200, "{path}");
        assert!(
            answer.body.len() < PAGE_BYTES,
            "{path}: {} bytes",
            answer.body.len()
        );
        let times: Vec<Duration> = (0..5).map(|_| get(path).app_time()).collect();
        let fastest = times.iter().min().unwrap();
        assert!(*fastest < MOST, "{path}: {times:?}");
        assert!(!answer.text().contains("<script>window"), "{path}");
    }
    let list = get("/docs/api").text();
    for n in 0..1_000 {
        assert!(
            list.contains(&format!("href=\"/docs/api/get-item{n}\"")),
            "{n}"
        );
    }
    let found = get("/docs/search?q=item+number+999").text();
    assert!(found.contains("href=\"/docs/api/get-item999\""));
    let explorer = get("/docs/openapi/explorer-0.json");
    assert_eq!(explorer.json()["paths"].as_object().unwrap().len(), 1_001);
}

#[test]
fn a_sample_gives_lists_and_cookies_as_the_document_says() {
    let (g, _, backend) = documented(&hostile());
    let page = http::request(
        g.listener("portal"),
        "GET",
        "/docs/api/replace-thing",
        &[],
        None,
    )
    .text();
    let curl = crate::support::html::block(&page, "Request, curl");
    let (_, key) = g.key("acct_1", &["a:b"]);
    let address = g.address().to_string();
    let curl = curl.replace("api.example", &address);
    let out = std::process::Command::new("sh")
        .args(["-c", &curl])
        .env("API_KEY", key)
        .output()
        .unwrap();
    assert!(out.status.success(), "{out:?}");
    let seen = backend.last();
    assert_eq!(
        seen.target,
        "/v1/things/a%20b?tags=red&tags=green&ids=1%2C2"
    );
    assert_eq!(seen.header("cookie"), Some("taste=sweet"));
    assert_eq!(
        seen.header("x-wanted"),
        Some("018f4f6a-3c5e-7b1a-9c1d-2e3f4a5b6c7d")
    );
    assert_eq!(
        serde_json::from_slice::<Value>(&seen.body).unwrap(),
        json!({"name": MARKUP})
    );
}
