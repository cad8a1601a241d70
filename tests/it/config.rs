//! The shipped configurations with the rules' language and the router, which configuration itself may not know.

use std::path::Path;
use std::sync::Arc;

use fuelgate::config::model::{Config, Route};
use fuelgate::config::{LoadOptions, Report, load_bytes, load_with, template};
use fuelgate::routing::Router;
use fuelgate::webhooks::condition::check_condition;
use proptest::prelude::*;

fn shipped(name: &str) -> Result<Config, Report> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("conf")
        .join(name);
    let env = |name: &str| match name {
        "FUELGATE_TLS_CERTIFICATE" | "FUELGATE_TLS_PRIVATE_KEY" => None,
        n if n.ends_with("_SHA256") => Some("ab".repeat(32)),
        "FUELGATE_PUBLIC_URL" => Some("https://portal.example.com".to_owned()),
        "FUELGATE_ADMIN_TOKEN" | "FUELGATE_PEPPER" => Some("long-enough-for-a-test".to_owned()),
        _ => None,
    };
    let options = LoadOptions {
        check_condition: Some(&|text| check_condition(text)),
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
