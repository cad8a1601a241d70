//! What `conf/crm.openapi.yaml` says, held against itself and the gateway's own words; never a request.

use std::collections::{BTreeMap, BTreeSet};

use fuelgate::base::error::Code;
use serde_json::json;

use super::{Doc, examples};

/// What the gateway's own errors look like.
const PROBLEM: &str = "#/components/schemas/Problem";

#[test]
fn every_example_matches_its_schema() {
    let doc = Doc::load();
    let mut all = Vec::new();
    examples(&doc.0, "", &mut all);
    assert!(all.len() > 80, "only {} examples", all.len());
    for (at, schema, value) in all {
        let mistakes = doc.mistakes(&schema, &value, true);
        assert!(mistakes.is_empty(), "{at}: {mistakes:?}");
    }
}

#[test]
fn every_operation_says_what_the_gateway_itself_may_answer() {
    let doc = Doc::load();
    for op in doc.operations() {
        for status in ["401", "403", "429", "default"] {
            let what = format!("{} {} {status}", op.method, op.path);
            let answer = doc.resolve(&op.node["responses"][status]);
            let content = &answer["content"]["application/problem+json"];
            let mut shown = Vec::new();
            examples(content, "", &mut shown);
            assert!(!shown.is_empty(), "{what}: no example");
            for (_, schema, example) in shown {
                assert_eq!(schema["$ref"], PROBLEM, "{what}");
                let own = status == "default"
                    || example["status"] == json!(status.parse::<u16>().unwrap_or_default());
                assert!(own, "{what}: {example}");
            }
        }
    }
}

#[test]
fn problems_are_shown_as_the_gateway_words_them() {
    let table: BTreeMap<_, _> = Code::ALL.iter().map(|c| (c.as_str(), c.row())).collect();
    let mut all = Vec::new();
    examples(&Doc::load().0, "", &mut all);
    all.retain(|(_, schema, _)| schema["$ref"] == PROBLEM);
    assert!(all.len() > 12, "only {} examples", all.len());
    for (at, _, example) in all {
        let row = &table[example["code"].as_str().unwrap()];
        let told = [&example["status"], &example["title"], &example["detail"]];
        let real = [json!(row.status), json!(row.title), json!(row.detail)];
        assert_eq!(told, real.each_ref(), "{at}");
    }
}

#[test]
fn every_body_has_an_example() {
    let doc = Doc::load();
    for op in doc.operations() {
        let responses = op.node["responses"].as_object().unwrap().values();
        for body in std::iter::once(&op.node["requestBody"]).chain(responses) {
            let content = doc.resolve(body)["content"].as_object().cloned();
            for (media, content) in content.into_iter().flatten() {
                let there = content.get("example").is_some() || content.get("examples").is_some();
                assert!(
                    there,
                    "{} {}: {media} {}",
                    op.method, op.path, content["schema"]
                );
            }
        }
    }
}

#[test]
fn each_operation_needs_one_of_the_ten_scopes_and_all_are_used() {
    let doc = Doc::load();
    let described = doc.0["components"]["securitySchemes"]["apiKey"]["x-scopes"]
        .as_object()
        .unwrap()
        .clone();
    assert_eq!(described.len(), 10);
    let (mut used, mut ids) = (BTreeSet::new(), BTreeSet::new());
    for op in doc.operations() {
        let security = op.node["security"].as_array().unwrap();
        let scopes = security[0]["apiKey"].as_array().unwrap();
        assert_eq!(
            (security.len(), scopes.len()),
            (1, 1),
            "{} {}",
            op.method,
            op.path
        );
        let scope = scopes[0].as_str().unwrap();
        let writes = op.method != "GET";
        assert!(scope.ends_with(if writes { ":write" } else { ":read" }));
        assert!(op.path[1..].starts_with(scope.split(':').next().unwrap()));
        assert!(op.node["summary"].is_string() && op.node["tags"].is_array());
        assert!(ids.insert(op.node["operationId"].as_str().unwrap().to_owned()));
        used.insert(scope.to_owned());
    }
    assert_eq!(used, described.keys().cloned().collect());
}
