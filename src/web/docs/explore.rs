//! OpenAPI documents as they are given out: whole, or cut down for the explorer; never with markup in their texts.

use serde_json::{Map, Value, json};

use super::markdown;
use super::model::operation::Place;
use super::model::{DocsSet, Operation};

/// The document of an API as clients may read it: what they can call, at its public address.
pub(crate) fn public(set: &DocsSet, api: usize) -> Option<Value> {
    let described = set.config.apis.get(api)?;
    let mut document = described.document.as_object()?.clone();
    let base = &set.config.portal.api_url;
    document.insert(
        "servers".to_owned(),
        json!([{ "url": format!("{base}{}", described.server_prefix) }]),
    );
    let mut paths = Map::new();
    let all = described.document.get("paths").and_then(Value::as_object);
    for (key, item) in all.into_iter().flatten() {
        let is_called = |method: &str| {
            let is_it = |o: &&Operation| o.is_at(api, key, method);
            set.operations.iter().any(|o| is_it(&o))
        };
        let Some(item) = item.as_object() else {
            continue;
        };
        let kept: Map<_, _> = item
            .iter()
            .filter(|(name, _)| !is_method(name) || is_called(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if kept.keys().any(|name| is_method(name)) {
            paths.insert(key.clone(), kept.into());
        }
    }
    document.insert("paths".to_owned(), paths.into());
    Some(document.into())
}

/// The document that the explorer shows: calls go to our own origin, and nothing is in it but what a call needs.
pub(crate) fn explorer(set: &DocsSet, api: usize) -> Option<Value> {
    let described = set.config.apis.get(api)?;
    let mut paths: Map<String, Value> = Map::new();
    for operation in set.operations.iter().filter(|o| o.api == api) {
        let path = operation.path.strip_prefix(&described.server_prefix)?;
        let item = paths
            .entry(path.to_owned())
            .or_insert_with(|| Map::new().into());
        let method = operation.method.as_str().to_ascii_lowercase();
        if let Some(item) = item.as_object_mut() {
            item.insert(method, call(set, operation));
        }
    }
    let tags = set.tags.iter().map(|t| {
        let said = t.description.as_deref().unwrap_or_default();
        json!({ "name": t.name, "description": safe(said) })
    });
    let mut document = json!({
        "openapi": "3.1.0",
        "info": { "title": "API", "version": "1" },
        "servers": [{ "url": format!("/api{}", described.server_prefix) }],
        "tags": tags.collect::<Vec<_>>(),
        "paths": paths,
    });
    if let Some(schemas) = described.document.pointer("/components/schemas") {
        let mut schemas = schemas.clone();
        make_safe(&mut schemas);
        document["components"] = json!({ "schemas": schemas });
    }
    Some(document)
}

/// One operation with what a call of it needs, and the scopes by which the explorer greys it.
fn call(set: &DocsSet, o: &Operation) -> Value {
    let detail = set.detail(o);
    let tag = set.tags.get(o.tag).map_or("", |t| t.name.as_str());
    // A browser sends its own cookies only.
    let sent = detail
        .parameters
        .iter()
        .filter(|p| p.place != Place::Cookie);
    let parameters: Vec<Value> = sent
        .map(|p| {
            let mut said = safe(p.shape.description.as_deref().unwrap_or_default());
            let mut parameter = json!({
                "name": p.name,
                "in": match p.place { Place::Path => "path", Place::Query => "query", _ => "header" },
                "required": p.is_required,
                "schema": schema_of(&p.shape.kind, &p.shape.values),
            });
            if p.place == Place::Query {
                parameter["explode"] = p.is_exploded.into();
            }
            // What may be left out begins empty: examples of every filter together would find nothing.
            match &p.shape.example {
                Some(example) if p.is_required => parameter["example"] = example.clone(),
                Some(example) => {
                    let text = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
                    said.push_str(&format!(" For example {}.", safe(&format!("`{text}`"))));
                }
                None => {}
            }
            parameter["description"] = said.into();
            parameter
        })
        .collect();
    let mut call = json!({
        "operationId": o.id.clone().unwrap_or_else(|| o.slug.clone()),
        "tags": [tag],
        "summary": safe(&o.summary),
        "parameters": parameters,
        "responses": { "default": { "description": "The answer." } },
        "x-scopes": o.route.scopes,
        "x-needs-key": o.needs_key(),
        "x-page": format!("/docs/api/{}", o.slug),
    });
    if let Some(body) = &detail.body {
        let mut media = Map::new();
        if let Some((_, example)) = body.content.examples.first() {
            media.insert("example".to_owned(), example.clone());
        }
        call["requestBody"] = json!({
            "required": body.is_required,
            "content": { body.content.media_type.clone(): media },
        });
    }
    call
}

/// A schema by which a field for a parameter is chosen: what is right is the API's to say.
fn schema_of(kind: &str, values: &[Value]) -> Value {
    let kind = match kind {
        "integer" | "number" | "boolean" => kind,
        _ if kind.starts_with("array") => "array",
        _ => "string",
    };
    let mut schema = json!({ "type": kind });
    if kind == "array" {
        schema["items"] = json!({ "type": "string" });
    } else if values.len() > 1 {
        schema["enum"] = values.into();
    }
    schema
}

fn is_method(name: &str) -> bool {
    [
        "get", "put", "post", "delete", "options", "head", "patch", "trace",
    ]
    .contains(&name)
}

/// A text that says the same to who renders CommonMark, without anything that could be markup.
fn safe(text: &str) -> String {
    markdown::plain(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn make_safe(value: &mut Value) {
    match value {
        Value::Object(all) => {
            for (name, value) in all {
                match value {
                    Value::String(text) if name == "description" || name == "title" => {
                        *text = safe(text);
                    }
                    other => make_safe(other),
                }
            }
        }
        Value::Array(all) => all.iter_mut().for_each(make_safe),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::docs::testing;

    #[test]
    fn the_explorer_calls_our_own_origin_and_names_what_each_call_needs() {
        let document = explorer(&testing::crm(), 0).unwrap();
        assert_eq!(document["servers"][0]["url"], "/api/v1");
        let make = &document["paths"]["/contacts"]["post"];
        assert_eq!(make["x-scopes"], json!(["contacts:write"]));
        assert_eq!(
            make["requestBody"]["content"]["application/json"]["example"]["first_name"],
            "Ada"
        );
        let list = &document["paths"]["/contacts"]["get"]["parameters"];
        assert!(
            list.as_array()
                .unwrap()
                .iter()
                .all(|p| p.get("example").is_none())
        );
        let one = &document["paths"]["/contacts/{id}"]["get"]["parameters"][0];
        assert_eq!(
            (&one["example"], &one["in"]),
            (&json!("con_1021"), &json!("path"))
        );
        assert!(explorer(&testing::crm(), 1).is_none());
    }

    #[test]
    fn the_public_document_has_the_public_address_and_every_operation() {
        let set = testing::crm();
        let document = public(&set, 0).unwrap();
        assert_eq!(document["servers"][0]["url"], "https://api.example/v1");
        let items = document["paths"].as_object().unwrap().values();
        let methods = items
            .flat_map(|i| i.as_object().unwrap().keys())
            .filter(|k| is_method(k));
        assert_eq!(methods.count(), set.operations.len());
    }

    #[test]
    fn texts_hold_no_markup() {
        let hostile =
            "a <img src=x onerror=alert(1)> [x](javascript:alert(1)) `<b>` &lt;script&gt;";
        let text = safe(hostile);
        assert!(
            !text.contains('<') && !text.contains("javascript:"),
            "{text}"
        );
        let mut value = json!({ "a": [{ "description": hostile, "title": "<b>" }], "description": { "type": "string" } });
        make_safe(&mut value);
        assert_eq!(value["a"][0]["title"], "&lt;b&gt;");
        assert_eq!(value["description"]["type"], "string");
    }
}
