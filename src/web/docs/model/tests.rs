//! What is read of the sample CRM's document, and of documents that do not keep to what is usual.

use std::sync::Arc;

use super::DocsSet;
use super::operation::Place;
use crate::base::ceilings::docs::{DOCS_MEDIA_TYPES, DOCS_OPERATIONS};
use crate::web::docs::testing;

#[test]
fn every_operation_of_the_crm_is_there_with_scopes_parameters_and_examples() {
    let set = testing::crm();
    assert_eq!(set.operations.len(), 25);
    for o in &set.operations {
        assert!(o.needs_key() && !o.route.scopes.is_empty(), "{}", o.slug);
        let detail = set.detail(o);
        let in_path = detail.parameters.iter().filter(|p| p.place == Place::Path);
        assert_eq!(in_path.count(), o.path.matches('{').count(), "{}", o.slug);
        let success = detail.success().unwrap();
        let is_empty = success.status == "204";
        assert_eq!(success.content.is_none(), is_empty, "{}", o.slug);
        if let Some(content) = &success.content {
            assert!(
                !content.examples.is_empty() && !content.shape.fields.is_empty(),
                "{}",
                o.slug
            );
        }
        assert!(
            success
                .fields
                .iter()
                .any(|f| f.name == "RateLimit" && f.shape.description.is_some())
        );
        if let Some(body) = &detail.body {
            assert!(!body.content.examples.is_empty(), "{}", o.slug);
        }
    }
    let made = set.operation("create-contact").unwrap();
    assert_eq!(
        (made.path.as_str(), made.method.as_str()),
        ("/v1/contacts", "POST")
    );
    assert_eq!(made.events, ["contact.created"]);
    assert_eq!(set.tags[made.tag].name, "Contacts");
    assert!(
        set.tags.iter().all(|t| t.name != "Events"),
        "a group without operations"
    );
}

#[test]
fn every_schema_has_an_example_and_names_who_uses_it() {
    let set = testing::crm();
    for schema in &set.schemas {
        let (found, _) = set.schema(&schema.name).unwrap();
        let document = set.document(found.api);
        assert!(
            set.uses().example(document, schema).is_some(),
            "{}",
            schema.name
        );
    }
    let users = set.uses().operations("Contact");
    let slugs: Vec<_> = users
        .iter()
        .map(|at| set.operations[*at].slug.as_str())
        .collect();
    assert_eq!(
        slugs,
        [
            "list-contacts",
            "create-contact",
            "get-contact",
            "update-contact"
        ]
    );
    assert!(set.schema("../Contact").is_none() && set.schema("").is_none());
}

#[test]
fn an_operation_that_no_route_leads_to_is_not_documented() {
    let mut config = testing::config();
    config.routes.retain(|r| {
        !(r.path.as_ref() == "/v1/contacts" && r.methods.contains(&http::Method::POST))
    });
    let set = DocsSet::new(Arc::new(config));
    assert!(set.operation("create-contact").is_none());
    assert_eq!(set.operations.len(), 24);
}

#[test]
fn strange_documents_make_pages_all_the_same() {
    for document in [
        serde_json::json!({}),
        serde_json::json!([]),
        serde_json::json!({ "paths": { "/contacts": { "$ref": "#/nowhere" } }, "tags": [7], "components": [] }),
        serde_json::json!({ "paths": { "/contacts": { "get": { "tags": 1, "parameters": [null, {"in": "path"}],
            "responses": { "200": 5 }, "requestBody": [], "operationId": "" } } },
            "components": { "schemas": { "a b": {}, "Ok": 7, "Loop": { "$ref": "#/components/schemas/Loop" } } } }),
    ] {
        let mut config = testing::config();
        config.apis[0].document = Arc::new(document);
        let set = DocsSet::new(Arc::new(config));
        for o in &set.operations {
            let _ = set.detail(o);
        }
        for schema in &set.schemas {
            let _ = set.schema(&schema.name);
            let _ = set.uses().example(set.document(schema.api), schema);
        }
    }
}

/// A document with so many operations, each of which gives back a `Thing` of this kind.
fn many(operations: usize, kind: &str) -> serde_json::Value {
    let answer = serde_json::json!({ "200": { "description": "It", "content": {
        "application/json": { "schema": { "$ref": "#/components/schemas/Thing" } } } } });
    let paths: serde_json::Map<_, _> = (0..operations)
        .map(|n| {
            let one = serde_json::json!({ "get": { "operationId": format!("get{n}"), "responses": answer } });
            (format!("/things/{n}"), one)
        })
        .collect();
    serde_json::json!({
        "openapi": "3.1.0", "info": { "title": "Many", "version": "1" }, "security": [{ "key": ["a:b"] }], "paths": paths,
        "components": {
            "securitySchemes": { "key": { "type": "http", "scheme": "bearer" } },
            "schemas": { "Thing": { "type": "object", "properties": { kind: { "type": "string" } } } }
        }
    })
}

#[test]
fn operations_have_pages_up_to_the_ceiling() {
    let set = testing::documented(&[many(DOCS_OPERATIONS + 7, "a")]);
    assert_eq!(set.operations.len(), DOCS_OPERATIONS);
}

#[test]
fn documents_with_schemas_of_the_same_name_have_pages_of_their_own() {
    let set = testing::documented(&[many(1, "first"), many(1, "second")]);
    for (page, operation, field) in [("Thing", 0, "first"), ("Thing-2", 1, "second")] {
        let (_, shape) = set.schema(page).unwrap();
        assert_eq!(shape.fields[0].name, field);
        let detail = set.detail(&set.operations[operation]);
        let content = detail.answers[0].content.as_ref().unwrap();
        assert_eq!(content.shape.name.as_deref(), Some(page));
        assert_eq!(set.uses().operations(page), [operation]);
    }
    assert!(set.file(0, false).is_some() && set.file(2, true).is_none());
    // A file is made once.
    let (one, same) = (set.file(1, true).unwrap(), set.file(1, true).unwrap());
    assert_eq!(one.as_ptr(), same.as_ptr());
}

#[test]
fn a_body_is_shown_in_as_many_media_types_as_the_ceiling() {
    let mut document = many(1, "a");
    let content: serde_json::Map<_, _> = (0..DOCS_MEDIA_TYPES + 3)
        .map(|n| {
            (
                format!("text/x-{n}"),
                serde_json::json!({ "schema": { "type": "string" } }),
            )
        })
        .collect();
    document["paths"]["/things/0"]["get"]["responses"]["200"]["content"] = content.into();
    let set = testing::documented(&[document]);
    let detail = set.detail(&set.operations[0]);
    assert_eq!(detail.answers[0].others.len() + 1, DOCS_MEDIA_TYPES);
}
