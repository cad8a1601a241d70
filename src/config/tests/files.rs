//! The files of conf/: they load, and the published schema is fresh.

use super::*;
use crate::config::model::Store;

fn secrets(name: &str) -> Option<String> {
    match name {
        "FUELGATE_ADMIN_TOKEN" => Some("admin-token".to_owned()),
        "FUELGATE_PEPPER" => Some("a pepper for tests only".to_owned()),
        "FUELGATE_PUBLIC_URL" => Some("https://portal.example.com/".to_owned()),
        "FUELGATE_REDIS_PASSWORD" => Some("a%20password".to_owned()),
        "FUELGATE_ADMIN_TOKEN_SHA256" => Some("ab".repeat(32)),
        "FUELGATE_OPERATOR_TOKEN_SHA256" => Some("cd".repeat(32)),
        _ => None,
    }
}

fn shipped(name: &str, env: &Env<'_>) -> Config {
    let path = crate::base::checkout().join("conf").join(name);
    load(&path, env).unwrap_or_else(|report| panic!("{report}"))
}

#[test]
fn the_development_configuration_needs_two_secrets_and_nothing_else() {
    let config = shipped("fuelgate.yaml", &|name| {
        secrets(name).filter(|_| name != "FUELGATE_PUBLIC_URL")
    });
    assert_eq!(config.admin.tokens[0].name, "admin");
    assert_eq!(config.portal.public_url, "http://127.0.0.1:8081");
    assert_eq!(config.files.len(), 2, "{:?}", config.files);
    assert_eq!(config.scopes.len(), 10, "{:?}", config.scopes);
    let won = config.events.iter().find(|e| &*e.event_type == "deal.won");
    let when = won.and_then(|e| e.when.clone()).unwrap_or_default();
    assert!(when.contains("closed_at == response.body.updated_at"));
    let watched = |path: &str, method: &str| {
        let route = config
            .routes
            .iter()
            .find(|r| &*r.path == path && r.methods[0] == method);
        route.map(|r| r.events.len())
    };
    assert_eq!(watched("/v1/deals/{id}", "PATCH"), Some(3));
    assert_eq!(watched("/v1/contacts", "POST"), Some(1));
    assert_eq!(watched("/v1/contacts", "GET"), Some(0));

    let path = crate::base::checkout().join("conf/fuelgate.yaml");
    let missing = load(&path, &no_env).map(|_| ()).unwrap_err();
    let paths: Vec<&str> = missing.problems.iter().map(|p| p.path.as_str()).collect();
    assert_eq!(paths, ["admin.token", "keys.peppers[0].secret"]);
}

#[test]
fn the_edge_configuration_is_valid_with_a_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["edge.example.com".to_owned()]).unwrap();
    let certificate = folder.path().join("tls.crt");
    let private_key = folder.path().join("tls.key");
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&private_key, made.signing_key.serialize_pem()).unwrap();
    let config = shipped("edge.yaml", &|name| match name {
        "FUELGATE_TLS_CERTIFICATE" => Some(certificate.display().to_string()),
        "FUELGATE_TLS_PRIVATE_KEY" => Some(private_key.display().to_string()),
        other => secrets(other),
    });
    assert!(config.listeners[0].tls.is_some());
    assert_eq!(config.admin.tokens.len(), 2);
    let Store::Redis(store) = &config.store else {
        panic!("{:?}", config.store)
    };
    assert!(store.cluster && store.nodes.len() == 3);
    assert_eq!(config.portal.public_url, "https://portal.example.com");
}

#[test]
fn every_row_of_the_edge_configurations_ceilings_says_its_unit() {
    let text = include_str!("../../../conf/edge.yaml");
    let units = [
        "bytes",
        "seconds",
        "milliseconds",
        "fields",
        "keys",
        "days",
        "requests",
        "tokens",
    ];
    let bounded = [
        "_bytes:",
        "_fields:",
        "_seconds:",
        "_ms:",
        "capacity:",
        "max_keys:",
        "_days:",
    ];
    for line in text.lines().filter(|l| !l.trim_start().starts_with('#')) {
        let setting = line.split('#').next().unwrap_or_default();
        let inline = setting.contains('{');
        if !inline && bounded.iter().any(|b| setting.contains(b)) {
            let comment = line.split_once('#').map_or("", |(_, c)| c);
            assert!(units.iter().any(|u| comment.contains(u)), "no unit: {line}");
        }
    }
}

#[test]
fn the_published_schema_is_fresh() {
    let path = crate::base::checkout().join("conf/fuelgate.schema.json");
    let fresh = format!("{:#}\n", json_schema());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &fresh).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        published == fresh,
        "conf/fuelgate.schema.json is stale; renew it with: UPDATE=1 cargo test --lib the_published_schema_is_fresh"
    );
}

#[test]
fn the_schema_describes_every_setting_and_its_default() {
    let schema = json_schema();
    let definitions = schema["$defs"].as_object().unwrap();
    let objects = definitions.iter().map(|(name, s)| (name.as_str(), s));
    for (name, object) in objects.chain([("the file", &schema)]) {
        for (setting, s) in object["properties"].as_object().into_iter().flatten() {
            assert!(
                s["description"].is_string(),
                "{name}.{setting} has no description"
            );
        }
        if object["properties"].is_object() {
            assert_eq!(
                object["additionalProperties"], false,
                "{name} takes unknown settings"
            );
        }
    }
    assert_eq!(schema["properties"]["realm"]["default"], "crm");
    assert_eq!(schema["properties"]["default_plan"]["default"], "standard");
    assert_eq!(
        definitions["CacheFile"]["properties"]["max_age_seconds"]["default"],
        60
    );
}

/// The shapes and the schema that editors use must not differ from what the loader takes.
#[test]
fn the_shipped_files_fit_the_published_schema() {
    let validator = jsonschema::validator_for(&json_schema()).unwrap();
    for text in [
        include_str!("../../../conf/fuelgate.yaml"),
        include_str!("../../../conf/edge.yaml"),
    ] {
        let (tree, _) = crate::config::yaml::parse(text.as_bytes()).unwrap();
        let json = tree.to_json();
        let errors: Vec<String> = validator
            .iter_errors(&json)
            .map(|e| e.to_string())
            .collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}
