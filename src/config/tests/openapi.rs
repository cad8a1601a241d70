//! OpenAPI documents: routes, scopes and public operations come from them, and their problems are shown in them.

use super::*;
use crate::config::model::Auth;

const DOCUMENT: &str = "\
openapi: 3.1.0
info: { title: CRM, version: '1' }
components:
  securitySchemes:
    apiKey:
      type: http
      scheme: bearer
      x-scopes:
        contacts:read: Read contacts
        contacts:write: Change contacts
  requestBodies:
    Contact:
      content: { application/json: {}, application/vnd.crm+json: {} }
security:
  - apiKey: [contacts:read]
paths:
  /people/{id}:
    parameters: []
    get: { responses: {} }
    patch:
      security: [{ apiKey: [contacts:read, contacts:write] }]
      requestBody: { $ref: '#/components/requestBodies/Contact' }
    put:
      requestBody: { content: { application/json: {}, text/csv: {} } }
  /status:
    get: { security: [] }
";

fn load_document(document: &str, yaml: &str) -> Result<Config, Report> {
    let read = |path: &Path| {
        assert_eq!(path, Path::new("conf/crm.yaml"));
        Ok(document.as_bytes().to_vec())
    };
    let options = LoadOptions {
        read_file: Some(&read),
        ..LoadOptions::default()
    };
    load_bytes(yaml.as_bytes(), Path::new("conf/f.yaml"), &no_env, &options)
}

const APIS: &str = "apis:\n  - { openapi: crm.yaml, upstream: crm, server_prefix: /v1 }\n";

fn document(text: &str) -> Result<Config, Report> {
    load_document(text, &small_and(APIS))
}

fn changed(old: &str, new: &str) -> String {
    assert!(DOCUMENT.contains(old), "{old:?}");
    document(&DOCUMENT.replacen(old, new, 1))
        .map(|_| ())
        .unwrap_err()
        .to_string()
}

fn table(config: &Config) -> Vec<String> {
    let row = |r: &std::sync::Arc<model::Route>| {
        let json = if r.json_only { " json" } else { "" };
        format!(
            "{} {} {:?} {}{json}",
            r.methods[0],
            r.path,
            r.auth,
            r.scopes.join(",")
        )
    };
    config.routes.iter().map(row).collect()
}

#[test]
fn operations_become_routes_after_those_of_the_file() {
    let config = document(DOCUMENT).unwrap_or_else(|r| panic!("{r}"));
    assert_eq!(
        table(&config),
        [
            "GET /v1/contacts/{id} Key contacts:read",
            "GET /v1/people/{id} Key contacts:read",
            "PATCH /v1/people/{id} Key contacts:read,contacts:write json",
            "PUT /v1/people/{id} Key contacts:read",
            "GET /v1/status None ",
        ]
    );
    let indexes: Vec<usize> = config.routes.iter().map(|r| r.index).collect();
    assert_eq!(indexes, [0, 1, 2, 3, 4]);
    let scopes: Vec<&str> = config.scopes.iter().map(|(n, _)| n.as_str()).collect();
    assert_eq!(scopes, ["contacts:read", "contacts:write"]);
    assert_eq!(config.scopes[1].1, "Change contacts");
    assert_eq!(config.apis[0].document["info"]["title"], "CRM");
}

#[test]
fn a_route_of_the_file_replaces_the_documents() {
    let own = "  - { path: \"/v1/people/{person}\", methods: [GET], upstream: crm, auth: none }\n";
    let config = load_document(DOCUMENT, &small_and(&format!("{own}{APIS}")))
        .unwrap_or_else(|r| panic!("{r}"));
    let rows = table(&config);
    assert_eq!(rows.len(), 5, "{rows:?}");
    assert!(
        rows.contains(&"GET /v1/people/{person} None ".to_owned()),
        "{rows:?}"
    );
    assert!(
        !rows.contains(&"GET /v1/people/{id} Key contacts:read".to_owned()),
        "{rows:?}"
    );
}

#[test]
fn an_oauth2_document_of_3_0_gives_scopes_by_its_flows() {
    let text = DOCUMENT
        .replace("3.1.0", "3.0.3")
        .replace("type: http\n      scheme: bearer\n      x-scopes:", "type: oauth2\n      flows:\n       clientCredentials:\n        tokenUrl: https://x\n        scopes:")
        .replace("        contacts:", "          contacts:");
    let config = document(&text).unwrap_or_else(|r| panic!("{r}"));
    assert_eq!(config.scopes.len(), 2);
    assert_eq!(config.routes[1].auth, Auth::Key);
    let line = changed("3.1.0", "3.0.3");
    assert!(
        line.contains("expected an oauth2 scheme: OpenAPI 3.0 has scopes with no other"),
        "{line}"
    );
}

#[test]
fn problems_of_a_document_are_shown_in_it() {
    assert_eq!(
        changed("security: []", "security: [{ apiKey: [contacts:erase] }]"),
        "conf/crm.yaml:26:34: paths.\"/status\".get.security[0].apiKey[0]: expected a scope that the security scheme or the configuration's `scopes` describes, found \"contacts:erase\""
    );
    assert_eq!(
        changed("security: []", "security: [{ session: [] }]"),
        "conf/crm.yaml:26:34: paths.\"/status\".get.security[0].session: expected a name of components.securitySchemes"
    );
    assert_eq!(
        changed("security: []", "security: [{ apiKey: [] }, {}]"),
        "conf/crm.yaml:26:22: paths.\"/status\".get.security: expected one security requirement"
    );
    assert_eq!(
        changed("  /status:", "  /people/{other}:"),
        "conf/crm.yaml:26:5: paths.\"/people/{other}\".get: expected a route that no other one overlaps: conf/crm.yaml:19:5 has GET /v1/people/{id} already"
    );
    assert_eq!(
        changed("  /status:", "  /status/{*rest}/x:"),
        "conf/crm.yaml:25:3: paths.\"/status/{*rest}/x\": expected {*rest} at the end of the path only"
    );
    assert_eq!(
        changed("  /status:", "  status:"),
        "conf/crm.yaml:25:3: paths.status: expected a path that begins with /"
    );
    assert_eq!(
        changed("openapi: 3.1.0", "swagger: '2.0'"),
        "conf/crm.yaml:1:1: openapi: expected an OpenAPI document of version 3.0 or 3.1"
    );
    assert!(
        changed("    get: { security: [] }", "    trace: { security: [] }")
            .contains("TRACE is never forwarded")
    );
    assert!(
        changed("paths:", "routes:")
            .contains("conf/crm.yaml:1:1: paths: expected paths with operations")
    );
    assert!(
        changed("    scheme: bearer", "    scheme: basic")
            .contains("expected a scheme of type http with `scheme: bearer`")
    );
}

#[test]
fn a_requirement_that_is_written_wrongly_opens_nothing() {
    let expected = "expected a scheme with a list of scopes, such as `apiKey: []`";
    for wrong in ["[apiKey]", "[null]", "[7]", "[[apiKey]]"] {
        assert_eq!(
            changed("security: []", &format!("security: {wrong}")),
            format!("conf/crm.yaml:26:23: paths.\"/status\".get.security[0]: {expected}"),
            "{wrong}"
        );
    }
    for wrong in ["contacts:write", "{ contacts:write: yes }", "null"] {
        assert_eq!(
            changed(
                "security: []",
                &format!("security: [{{ apiKey: {wrong} }}]")
            ),
            "conf/crm.yaml:26:33: paths.\"/status\".get.security[0].apiKey: expected a list of scopes",
            "{wrong}"
        );
    }
    // At the top it would have opened every operation that says nothing of its own.
    let lines = changed("  - apiKey: [contacts:read]\n", "  - apiKey\n");
    assert!(lines.contains(expected), "{lines}");
    for open in ["[]", "[{}]"] {
        let open = DOCUMENT.replace("security: []", &format!("security: {open}"));
        assert!(table(&document(&open).unwrap()).contains(&"GET /v1/status None ".to_owned()));
    }
}

#[test]
fn problems_of_the_file_and_of_its_documents_are_found_together() {
    let yaml = small("upstream: crm", "upstream: billing")
        + &APIS.replace("upstream: crm", "upstream: mail");
    let broken = DOCUMENT
        .replace("security: []", "security: [{ session: [] }]")
        .replace("  /people/{id}:", "  people:");
    let report = load_document(&broken, &yaml).map(|_| ()).unwrap_err();
    let lines = report.to_string();
    for line in [
        "conf/f.yaml:19:15: routes[0].upstream: expected a name of `upstreams` (crm), found \"billing\"",
        "conf/f.yaml:21:36: apis[0].upstream: expected a name of `upstreams` (crm), found \"mail\"",
        "conf/crm.yaml:17:3: paths.people: expected a path that begins with /",
        "conf/crm.yaml:26:34: paths.\"/status\".get.security[0].session: expected a name of components.securitySchemes",
    ] {
        assert!(lines.lines().any(|l| l == line), "{line}\nin\n{lines}");
    }
    assert_eq!(report.problems.len(), 4, "{lines}");
}

#[test]
fn an_operation_that_says_nothing_about_security_is_not_open() {
    let line = changed("security:\n  - apiKey: [contacts:read]\n", "");
    assert_eq!(line.lines().count(), 2, "{line}");
    assert!(
        line.starts_with("conf/crm.yaml:17:5: paths.\"/people/{id}\".get.security: missing; expected `security` here"),
        "{line}"
    );
}

#[test]
fn a_document_that_cannot_be_read_is_named_where_the_file_names_it() {
    let line = text(&small_and(
        "apis:\n  - { openapi: none.yaml, upstream: crm }\n",
    ));
    assert_eq!(
        line.map(|_| ()).unwrap_err().to_string(),
        "f.yaml:21:16: apis[0].openapi: expected an OpenAPI document at none.yaml: there is no such file"
    );
    // Its scopes and routes are unknown then, so that nothing is said about those that refer to them.
    let yaml = small("scopes: [contacts:read]", "scopes: [people:read]")
        + APIS
        + "events: [{ type: a.b, route: { method: GET, path: /v1/people } }]\n";
    let report = load_document("openapi: [", &yaml).map(|_| ()).unwrap_err();
    assert_eq!(report.problems.len(), 1, "{report}");
    assert_eq!(report.problems[0].file, Path::new("conf/crm.yaml"));
}

#[test]
fn a_json_document_is_read_with_its_escapes() {
    let json = r#"{ "openapi": "3.1.0", "paths": {
	"\/a\u002fb": { "get": { "security": [], "summary": "\ud83d\ude00" } } } }"#;
    let config = document(json).unwrap_or_else(|r| panic!("{r}"));
    assert_eq!(&*config.routes[1].path, "/v1/a/b");
}

#[test]
fn a_prefix_is_a_plain_path() {
    for prefix in ["v1", "/v1/", "/{v}", "/"] {
        let yaml = small_and(&APIS.replace("/v1", &format!("{prefix:?}")));
        let report = load_document(DOCUMENT, &yaml)
            .map(|_| ())
            .unwrap_err()
            .to_string();
        assert!(
            report.contains("apis[0].server_prefix: expected nothing, or a path such as /v1"),
            "{report}"
        );
    }
}
