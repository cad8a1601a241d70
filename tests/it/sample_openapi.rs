//! Holds `conf/crm.openapi.yaml` against the sample CRM in both directions; never the gateway's own answers.

mod document;

use std::collections::{BTreeMap, BTreeSet};

use saphyr::{LoadableYamlNode, Yaml};
use serde_json::{Map, Value, json};

use crate::sample_support::{Answer, Crm};
use crate::support::checkout;

/// Statuses that only the gateway answers with, or that a test of the CRM's own provokes.
const NOT_HERE: [&str; 5] = ["401", "403", "429", "507", "default"];

fn to_json(yaml: &Yaml<'_>) -> Value {
    if let Some(map) = yaml.as_mapping() {
        let pairs = map
            .iter()
            .map(|(k, v)| (k.as_str().unwrap().to_owned(), to_json(v)));
        return Value::Object(pairs.collect());
    }
    if let Some(items) = yaml.as_sequence() {
        return Value::Array(items.iter().map(to_json).collect());
    }
    if let Some(text) = yaml.as_str() {
        return json!(text);
    }
    if let Some(n) = yaml.as_integer() {
        return json!(n);
    }
    if let Some(n) = yaml.as_floating_point() {
        return json!(n);
    }
    yaml.as_bool().map_or(Value::Null, Value::Bool)
}

/// One documented operation.
struct Operation {
    method: String,
    path: String,
    node: Value,
}

/// The document.
struct Doc(Value);

impl Doc {
    fn load() -> Self {
        let file = checkout().join("conf/crm.openapi.yaml");
        let text = std::fs::read_to_string(file).unwrap();
        Self(to_json(&Yaml::load_from_str(&text).unwrap()[0]))
    }

    fn resolve<'a>(&'a self, node: &'a Value) -> &'a Value {
        match node["$ref"].as_str() {
            Some(r) => self.resolve(self.0.pointer(&r[1..]).unwrap_or_else(|| panic!("{r}"))),
            None => node,
        }
    }

    fn operations(&self) -> Vec<Operation> {
        let mut all = Vec::new();
        for (path, item) in self.0["paths"].as_object().unwrap() {
            for (method, node) in item.as_object().unwrap() {
                all.push(Operation {
                    method: method.to_uppercase(),
                    path: path.clone(),
                    node: node.clone(),
                });
            }
        }
        all
    }

    /// What is wrong with `value` by `schema`. `strict` also refuses members that the schema does not name.
    fn mistakes(&self, schema: &Value, value: &Value, strict: bool) -> Vec<String> {
        let mut root = schema.as_object().unwrap().clone();
        root.insert("components".into(), self.0["components"].clone());
        let mut root = Value::Object(root);
        if strict {
            close(&mut root);
        }
        let options = jsonschema::draft202012::options().should_validate_formats(true);
        let validator = options.build(&root).unwrap();
        let errors = validator.iter_errors(value);
        errors
            .map(|e| format!("{}: {e}", e.instance_path()))
            .collect()
    }
}

/// Makes every object schema refuse what it does not name.
fn close(node: &mut Value) {
    match node {
        Value::Object(map) => {
            if map.get("type") == Some(&json!("object")) && map.contains_key("properties") {
                map.insert("additionalProperties".into(), Value::Bool(false));
            }
            map.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// Every example beside a schema, with where it is.
fn examples(node: &Value, at: &str, out: &mut Vec<(String, Value, Value)>) {
    let Value::Object(map) = node else {
        if let Value::Array(items) = node {
            items.iter().for_each(|i| examples(i, at, out));
        }
        return;
    };
    if let Some(schema) = map.get("schema") {
        let several = map.get("examples").and_then(Value::as_object);
        let one = map.get("example").into_iter();
        for value in one.chain(several.into_iter().flatten().map(|(_, e)| &e["value"])) {
            out.push((at.to_owned(), schema.clone(), value.clone()));
        }
    }
    for (key, child) in map {
        examples(child, &format!("{at}/{key}"), out);
    }
}

#[test]
fn every_operation_is_documented_and_every_documented_one_exists() {
    let documented: BTreeSet<_> = Doc::load()
        .operations()
        .into_iter()
        .map(|o| (o.method, o.path))
        .collect();
    let real = fuelgate::sample::operations();
    let real: BTreeSet<_> = real
        .into_iter()
        .map(|(m, p)| (m.to_owned(), p.to_owned()))
        .collect();
    assert_eq!(documented, real);
}

/// Sends what the document promises something about, and remembers which promises were put to the test.
struct Probe<'a> {
    doc: &'a Doc,
    crm: &'a Crm,
    seen: BTreeMap<String, BTreeSet<String>>,
}

impl Probe<'_> {
    /// Sends a request and checks the answer against what the operation promises for `status`.
    async fn check(
        &mut self,
        op: &Operation,
        account: &str,
        target: &str,
        body: Option<(&str, String)>,
        status: u16,
    ) -> Answer {
        let answer = self.crm.send(account, &op.method, target, body).await;
        let what = format!("{} {target} for {account}", op.method);
        assert_eq!(answer.status, status, "{what}: {}", answer.text);
        let promised = &op.node["responses"][status.to_string()];
        assert!(!promised.is_null(), "{what}: {status} is not documented");
        let content = &self.doc.resolve(promised)["content"];
        if content.is_null() {
            assert_eq!(answer.text, "", "{what}");
        } else {
            assert_eq!(answer.header("content-type"), "application/json", "{what}");
            let schema = &content["application/json"]["schema"];
            let mistakes = self.doc.mistakes(schema, &answer.json(), true);
            assert!(
                mistakes.is_empty(),
                "{what}: {mistakes:?} in {}",
                answer.text
            );
        }
        let id = op.node["operationId"].as_str().unwrap().to_owned();
        self.seen.entry(id).or_default().insert(status.to_string());
        answer
    }

    fn parameters<'b>(&'b self, op: &'b Operation, place: &str) -> Vec<&'b Value> {
        let all = op.node["parameters"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        let all = all.iter().map(|p| self.doc.resolve(p));
        all.filter(|p| p["in"] == place).collect()
    }

    /// The records that the examples speak of.
    async fn prepare(&self, account: &str, op: &Operation) {
        if op.node["operationId"] == "createContact" {
            return;
        }
        let steps = [
            ("/contacts", "full"),
            ("/deals", "full"),
            ("/activities", "call"),
        ];
        for (path, name) in steps {
            let post = &self.doc.0["paths"][path]["post"]["requestBody"];
            let body = post["content"]["application/json"]["examples"][name]["value"].clone();
            let made = self
                .crm
                .json(account, "POST", &format!("/v1{path}"), body)
                .await;
            assert_eq!(made.status, 201, "{}", made.text);
        }
        let run = "/v1/automations/aut_1001/trigger";
        assert_eq!(
            self.crm
                .json(account, "POST", run, Value::Null)
                .await
                .status,
            202
        );
    }

    async fn probe(&mut self, op: &Operation) {
        let id = op.node["operationId"].as_str().unwrap().to_owned();
        let with_ids = self
            .parameters(op, "path")
            .iter()
            .fold(op.path.clone(), |path, p| {
                path.replace(
                    &format!("{{{}}}", p["name"].as_str().unwrap()),
                    p["example"].as_str().unwrap(),
                )
            });
        let target = format!("/v1{with_ids}");
        self.probe_queries(op, &format!("{id}-queries"), &target)
            .await;
        let request = op.node["requestBody"].clone();
        if request.is_null() {
            let status = if op.method == "DELETE" { 204 } else { 200 };
            self.prepare(&id, op).await;
            self.check(op, &id, &target, None, status).await;
        } else {
            self.probe_bodies(op, &id, &target, &request).await;
        }
        if op.path.contains("{id}") {
            let nobody = format!("/v1{}", op.path.replace("{id}", "nobody"));
            let body = (!request.is_null()).then(|| ("application/json", "{}".to_owned()));
            self.check(op, &id, &nobody, body, 404).await;
        }
    }

    async fn probe_queries(&mut self, op: &Operation, id: &str, target: &str) {
        self.prepare(id, op).await;
        let all: Vec<(String, String)> = self
            .parameters(op, "query")
            .iter()
            .map(|p| {
                let example = p["example"]
                    .as_str()
                    .map_or_else(|| p["example"].to_string(), str::to_owned);
                (p["name"].as_str().unwrap().to_owned(), example)
            })
            .collect();
        for (name, example) in &all {
            let found = self
                .check(op, id, &format!("{target}?{name}={example}"), None, 200)
                .await;
            assert!(
                found.json()["data"] != json!([]),
                "{id} finds nothing with ?{name}={example}"
            );
            let free_text = ![
                "limit", "cursor", "from", "to", "stage", "status", "type", "trigger", "role",
                "enabled", "active",
            ]
            .contains(&name.as_str());
            if !free_text {
                self.check(op, id, &format!("{target}?{name}=!"), None, 422)
                    .await;
            }
        }
        let query: Vec<_> = all.iter().map(|(n, e)| format!("{n}={e}")).collect();
        if !query.is_empty() {
            self.check(op, id, &format!("{target}?{}", query.join("&")), None, 200)
                .await;
        }
    }

    async fn probe_bodies(&mut self, op: &Operation, id: &str, target: &str, request: &Value) {
        let success = ["200", "201", "202"]
            .into_iter()
            .find(|s| !op.node["responses"][s].is_null());
        let success: u16 = success.unwrap().parse().unwrap();
        let media = &request["content"]["application/json"];
        for (name, example) in media["examples"].as_object().unwrap() {
            let account = format!("{id}-{name}");
            self.prepare(&account, op).await;
            let body = ("application/json", example["value"].to_string());
            let answer = self.check(op, &account, target, Some(body), success).await;
            if success == 201 {
                let made = self
                    .crm
                    .json(&account, "GET", answer.header("location"), Value::Null)
                    .await;
                assert_eq!(made.json(), answer.json());
            }
        }
        if request["required"] == json!(false) {
            self.check(op, id, target, None, success).await;
        } else {
            self.check(op, id, target, None, 415).await;
        }
        let huge = format!("{{\"name\": \"{}\"}}", "x".repeat(300_000));
        let bad = [
            ("text/plain", "{}".to_owned(), 415),
            ("application/json", "{".to_owned(), 400),
            ("application/json", "[]".to_owned(), 400),
            ("application/json", huge, 413),
            ("application/json", json!({"bogus": 1}).to_string(), 422),
        ];
        for (kind, body, status) in bad {
            self.check(op, id, target, Some((kind, body)), status).await;
        }
        // What the CRM refuses is also refused by the schema, as far as a schema can tell.
        for body in [
            json!({"bogus": 1}),
            json!({"name": 7}),
            json!({"contact_id": 7}),
        ] {
            let mistakes = self.doc.mistakes(&media["schema"], &body, false);
            assert!(!mistakes.is_empty(), "{id}: the schema takes {body}");
        }
    }

    async fn probe_conflicts(&mut self, ops: &[Operation]) {
        for op in ops {
            let (target, body) = match op.node["operationId"].as_str().unwrap() {
                "createContact" => ("/v1/contacts", json!({"email": "ada@analytica.example"})),
                "updateContact" => (
                    "/v1/contacts/con_1002",
                    json!({"email": "ada@analytica.example"}),
                ),
                "triggerAutomation" => ("/v1/automations/aut_1003/trigger", json!({})),
                _ => continue,
            };
            self.check(
                op,
                "fresh",
                target,
                Some(("application/json", body.to_string())),
                409,
            )
            .await;
        }
    }
}

#[tokio::test]
async fn real_answers_are_as_documented() {
    let (doc, crm) = (Doc::load(), Crm::start().await);
    let ops = doc.operations();
    let mut probe = Probe {
        doc: &doc,
        crm: &crm,
        seen: BTreeMap::new(),
    };
    for op in &ops {
        probe.probe(op).await;
    }
    probe.probe_conflicts(&ops).await;
    for op in &ops {
        let id = op.node["operationId"].as_str().unwrap();
        for status in op.node["responses"].as_object().unwrap().keys() {
            // Without a body only the gateway can find a request malformed.
            let gateways = NOT_HERE.contains(&status.as_str())
                || (status == "400" && op.node["requestBody"].is_null());
            assert!(
                gateways || probe.seen[id].contains(status),
                "{id}: {status} never came"
            );
        }
    }
}

#[tokio::test]
async fn other_methods_and_paths_are_refused() {
    let (doc, crm) = (Doc::load(), Crm::start().await);
    let error = &doc.0["components"]["schemas"]["Error"];
    for (path, item) in doc.0["paths"].as_object().unwrap() {
        let target = format!("/v1{}", path.replace("{id}", "con_1001"));
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            if item.as_object().map(Map::len).is_some() && !item[method.to_lowercase()].is_null() {
                continue;
            }
            let answer = crm.json("a", method, &target, json!({})).await;
            assert_eq!(answer.status, 405, "{method} {path}");
            assert!(
                !answer.header("allow").is_empty(),
                "{method} {path} without Allow"
            );
            assert!(doc.mistakes(error, &answer.json(), true).is_empty());
        }
    }
    for path in ["/v1", "/v1/nothing", "/contacts", "/v1/contacts/"] {
        let answer = crm.json("a", "GET", path, Value::Null).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(doc.mistakes(error, &answer.json(), true).is_empty());
    }
}
