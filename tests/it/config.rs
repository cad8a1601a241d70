//! The shipped configurations with the rules' language and the router, which configuration itself may not know.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use fuelgate::config::model::{Config, Route};
use fuelgate::config::{LoadOptions, Report, load_bytes, load_with, template};
use fuelgate::routing::Router;
use fuelgate::webhooks::condition::check_condition;
use fuelgate::webhooks::shape::check_shape;
use fuelgate::webhooks::simulator::examples::example;
use proptest::prelude::*;
use serde_json::json;

use crate::support::checkout;
use crate::support::programs::python;

fn shipped(name: &str) -> Result<Config, Report> {
    let path = checkout().join("conf").join(name);
    let env = |name: &str| match name {
        "FUELGATE_TLS_CERTIFICATE" | "FUELGATE_TLS_PRIVATE_KEY" => None,
        n if n.ends_with("_SHA256") => Some("ab".repeat(32)),
        "FUELGATE_PUBLIC_URL" => Some("https://portal.example.com".to_owned()),
        "FUELGATE_ADMIN_TOKEN" | "FUELGATE_PEPPER" | "FUELGATE_REDIS_PASSWORD" => {
            Some("long-enough-for-a-test".to_owned())
        }
        _ => None,
    };
    let options = LoadOptions {
        check_condition: Some(&|text| check_condition(text)),
        check_shape: Some(&|text| check_shape(text)),
        ..LoadOptions::default()
    };
    load_with(&path, &env, &options)
}

#[test]
fn the_conditions_of_the_shipped_rules_can_be_evaluated_and_their_routes_routed() {
    let config = shipped("fuelgate.yaml").unwrap_or_else(|r| panic!("{r}"));
    assert!(config.events.iter().any(|e| e.when.is_some()));
    Router::build(&config.routes).unwrap();
    // The edge configuration lacks its certificate here, and nothing else.
    let report = shipped("edge.yaml").map(drop).unwrap_err();
    let paths: Vec<&str> = report.problems.iter().map(|p| p.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "listeners[0].tls.certificate",
            "listeners[0].tls.private_key"
        ]
    );
}

/// Variables that a text takes from the environment and that have no default.
fn needed(text: &str) -> BTreeSet<String> {
    let names = text.split("${").skip(1).filter_map(|rest| {
        let inside = rest.split('}').next()?;
        (!inside.contains(":-")).then(|| inside.trim_end_matches(":?").to_owned())
    });
    names.collect()
}

#[test]
fn types_of_the_shipped_rules_have_examples_of_the_crms_own_document() {
    let config = shipped("fuelgate.yaml").unwrap_or_else(|r| panic!("{r}"));
    let with_answers = config.events.iter().filter(|e| e.status != [204]);
    let mut seen = 0;
    for rule in with_answers {
        let made = example(&config, &rule.event_type);
        let members = made.as_object().map_or(0, serde_json::Map::len);
        assert!(
            members > 3 && made["id"].is_string(),
            "{}: {made}",
            rule.event_type
        );
        seen += 1;
    }
    assert!(seen > 3);
    assert_eq!(
        example(&config, "contact.deleted"),
        json!({"id": "example"})
    );
}

#[test]
fn the_command_takes_the_edge_configuration_with_what_its_head_asks_for() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["edge.example.com".to_owned()]).unwrap();
    let [certificate, key] = ["tls.crt", "tls.key"].map(|name| folder.path().join(name));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let root = checkout();
    let file = root.join("conf/edge.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let head = text.split("listeners:").next().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_fuelgate"));
    command.args(["check", "--config"]).arg(&file);
    for name in needed(&text) {
        assert!(
            head.contains(&name),
            "{name} is not among what is to be set"
        );
        let value = match &*name {
            "FUELGATE_PUBLIC_URL" => "https://portal.example.com".to_owned(),
            n if n.ends_with("_SHA256") => "ab".repeat(32),
            _ => "long-enough-for-a-test".to_owned(),
        };
        command.env(name, value);
    }
    command.env("FUELGATE_TLS_CERTIFICATE", &certificate);
    command.env("FUELGATE_TLS_PRIVATE_KEY", &key);
    let out = command.output().unwrap();
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
}

#[test]
fn the_compose_file_keeps_to_the_spec_and_gives_each_gateway_what_it_needs() {
    let root = checkout();
    let file = root.join("deploy/compose.yaml").display().to_string();
    let found = python(COMPOSE, &[&file]);
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    let services = found["services"].as_object().unwrap();
    let edge = std::fs::read_to_string(root.join("conf/edge.yaml")).unwrap();
    let mut spools = BTreeSet::new();
    for n in 1..=3 {
        let gateway = &services[&format!("gateway-{n}")];
        for name in needed(&edge) {
            assert!(gateway["environment"][&*name].is_string(), "{n}: {name}");
        }
        spools.insert(gateway["volumes"][0].to_string());
    }
    assert_eq!(spools.len(), 3, "a spool for each: {spools:?}");
    for n in 1..=6 {
        let command = services[&format!("redis-{n}")]["command"].to_string();
        for wanted in [
            "--appendonly yes",
            "--maxmemory-policy noeviction",
            "--min-replicas-to-write 1",
        ] {
            assert!(command.contains(wanted), "{n}: {wanted}");
        }
    }
}

/// Validates a compose file against the schema that docker-compose brings, and prints it as JSON.
const COMPOSE: &str = r#"
import importlib.metadata, json, sys
import jsonschema, yaml
files = importlib.metadata.files("docker-compose")
if files is None:
    sys.exit("the compose-spec's schema is needed: run tests/run.sh, which installs it")
schema = next(f for f in files if f.name == "compose_spec.json").read_text()
document = yaml.safe_load(open(sys.argv[1]))
jsonschema.Draft7Validator(json.loads(schema)).validate(document)
print(json.dumps(document))
"#;

fn routes(templates: &[String]) -> Result<Vec<Arc<Route>>, Report> {
    let routes: String = templates
        .iter()
        .map(|t| format!("  - {{ path: {t:?}, methods: [GET], upstream: crm }}\n"))
        .collect();
    let yaml = format!(
        "admin: {{ token: t }}\nkeys: {{ peppers: [{{ id: p, secret: 0123456789abcdef }}] }}\n\
         upstreams: {{ crm: {{ targets: [{{ address: \"127.0.0.1:9\" }}] }} }}\nroutes:\n{routes}"
    );
    load_bytes(
        yaml.as_bytes(),
        Path::new("f.yaml"),
        &|_| None,
        &LoadOptions::default(),
    )
    .map(|c| c.routes)
}

fn templates() -> impl Strategy<Value = Vec<String>> {
    let segment = prop_oneof![
        "[a-cA-C.;~@:!%_ -]{0,3}",
        Just("{a}".to_owned()),
        Just("{a-b}".to_owned()),
        Just("{_}".to_owned()),
        Just("{*rest}".to_owned()),
        Just("{*a}".to_owned()),
    ];
    let template = prop::collection::vec(segment, 1..4).prop_map(|s| format!("/{}", s.join("/")));
    prop::collection::vec(template, 1..5)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// What loads can be served: the two readers of templates agree.
    #[test]
    fn routes_that_load_can_be_routed(templates in templates()) {
        let readable: Vec<String> = templates.into_iter().filter(|t| template::parse(t).is_ok()).collect();
        if let Ok(routes) = routes(&readable) {
            let built = Router::build(&routes);
            prop_assert!(built.is_ok(), "{:?}: {:?}", readable, built.err());
        }
    }
}
