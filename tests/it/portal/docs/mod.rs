//! The documentation: every operation, error and program is there as it should be, samples run, reloads show, hostile texts stay texts.

mod complete;
mod explorer;
mod guides;
mod samples;
mod search;

use std::time::Duration;

use fuelgate::base::error::Code;
use serde_json::{Value, json};

use crate::support::backend::{Answer, Backend};
use crate::support::gateway::{Gateway, TOKEN};
use crate::support::html::{block, slug_of, text_of};
use crate::support::portal::Portal;
use crate::support::programs::free_port;
use crate::support::{browser, eventually, http};

#[test]
fn every_operation_has_its_page_with_all_there_is_to_know() {
    let portal = Portal::start();
    let visitor = portal.stranger();
    let document: Value = serde_json::from_str(&visitor.page("/docs/openapi/0.json")).unwrap();
    assert_eq!(
        document["servers"][0]["url"],
        format!("{}/v1", portal.api_url)
    );
    let list = visitor.page("/docs/api");
    let mut pages = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Some(id) = operation["operationId"].as_str() else {
                continue;
            };
            let slug = slug_of(id);
            let href = format!("/docs/api/{slug}");
            assert!(list.contains(&format!("href=\"{href}\"")), "{href}");
            let page = visitor.page(&href);
            let text = text_of(&page);
            assert!(
                text.contains(&format!("{}/v1{path}", portal.api_url)),
                "{href}"
            );
            assert!(text.contains(&method.to_uppercase()));
            for scope in operation["security"][0]["apiKey"].as_array().unwrap() {
                assert!(text.contains(scope.as_str().unwrap()), "{href}: {scope}");
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let reference = parameter["$ref"].as_str().unwrap_or_default();
                let found = document.pointer(reference.trim_start_matches('#'));
                let parameter = found.filter(|_| !reference.is_empty()).unwrap_or(parameter);
                let name = parameter["name"].as_str().unwrap();
                assert!(
                    page.contains(&format!("<code class=\"name\">{name}</code>")),
                    "{href}: {name}"
                );
            }
            for status in operation["responses"].as_object().unwrap().keys() {
                let shown = if status == "default" {
                    "others"
                } else {
                    status
                };
                assert!(
                    page.contains(&format!(">{shown}</span>")),
                    "{href}: {status}"
                );
            }
            for told in [
                "RateLimit",
                "RateLimit-Policy",
                "insufficient_scope",
                "rate_limited",
            ] {
                assert!(text.contains(told), "{href}: {told}");
            }
            for language in ["curl", "Python", "JavaScript", "PHP"] {
                assert!(block(&page, &format!("Request, {language}")).contains(&portal.api_url));
            }
            if operation["responses"].get("204").is_none() {
                let example = block(&page, "Response");
                let _: Value = serde_json::from_str(&example)
                    .unwrap_or_else(|e| panic!("{href}: {e}: {example}"));
            }
            pages += 1;
        }
    }
    assert_eq!(pages, 25);
    for schema in document["components"]["schemas"]
        .as_object()
        .unwrap()
        .keys()
    {
        visitor.page(&format!("/docs/schemas/{schema}"));
    }
    for unknown in [
        "/docs/api/none",
        "/docs/schemas/None",
        "/docs/schemas/..%2fContact",
        "/docs/events/none",
        "/docs/guides/none",
        "/docs/errors/none",
        "/docs/openapi/1.json",
        "/docs/openapi/0",
        "/docs/webhooks/guide.md",
    ] {
        assert_eq!(visitor.get(unknown).status, 404, "{unknown}");
    }
}

#[test]
fn every_error_has_the_page_that_its_type_names() {
    let portal = Portal::start();
    let visitor = portal.stranger();
    for code in Code::ALL {
        let page = visitor.page(&format!("/docs/errors/{}", code.as_str()));
        let row = code.row();
        for told in [row.code, row.title, &row.status.to_string()] {
            assert!(text_of(&page).contains(told), "{}: {told}", row.code);
        }
    }
    let refused = portal.gateway.call("GET", "/v1/contacts", &[], None);
    let kind = refused.json()["type"].as_str().unwrap().to_owned();
    visitor.page(kind.strip_prefix(&portal.url).unwrap());
}

#[test]
fn the_guides_programs_are_those_that_are_tested_byte_for_byte() {
    let portal = Portal::start();
    let visitor = portal.stranger();
    let guide = visitor.page("/docs/guides/webhooks");
    let folder = crate::support::receivers::guide();
    let mut programs = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name == "guide.md" {
            continue;
        }
        let href = format!("/docs/webhooks/{name}");
        assert!(guide.contains(&format!("href=\"{href}\"")), "{name}");
        let served = visitor.get(&href);
        assert_eq!(
            served.header("content-type"),
            Some("text/plain; charset=utf-8")
        );
        assert!(served.body == std::fs::read(&path).unwrap(), "{name}");
        programs += 1;
    }
    assert_eq!(programs, 8);
}

#[test]
fn pages_are_kept_by_browsers_until_they_change_and_differ_by_who_is_signed_in() {
    let portal = Portal::start();
    let visitor = portal.stranger();
    let first = visitor.get("/docs/api");
    assert_eq!(first.header("cache-control"), Some("private, no-cache"));
    let tag = first.header("etag").unwrap();
    let again = visitor.request("GET", "/docs/api", &[("If-None-Match", tag)], None);
    assert_eq!((again.status, again.body.len()), (304, 0));
    let signed_in = portal.signed_in("acct_1", "viewer");
    let theirs = signed_in.request("GET", "/docs/api", &[("If-None-Match", tag)], None);
    assert_eq!(theirs.status, 200);
    let tag = theirs.header("etag").unwrap();
    let again = signed_in.request("GET", "/docs/api", &[("If-None-Match", tag)], None);
    assert_eq!((again.status, again.body.len()), (304, 0));
}

#[test]
fn files_are_the_same_for_everybody_and_not_sent_twice() {
    let portal = Portal::start();
    let (visitor, signed_in) = (portal.stranger(), portal.signed_in("acct_1", "viewer"));
    for path in [
        "/docs/openapi/0.json",
        "/docs/openapi/explorer-0.json",
        "/docs/webhooks/verify.py",
    ] {
        let first = visitor.get(path);
        assert_eq!(
            first.header("cache-control"),
            Some("public, no-cache"),
            "{path}"
        );
        assert!(first.header("set-cookie").is_none(), "{path}");
        let tag = first.header("etag").unwrap();
        let again = signed_in.request("GET", path, &[("If-None-Match", tag)], None);
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
        assert!(signed_in.get(path).body == first.body, "{path}");
    }
}

#[test]
fn who_is_signed_in_sees_their_account_and_the_banner_on_each_page_and_nobody_else_does() {
    let portal = Portal::start();
    let g = &portal.gateway;
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    let body = json!({"overrides": {"quotas": {"hour": 10, "month": 100}}});
    let set = g.admin("PUT", "/admin/v1/accounts/acct_1", Some(&body));
    assert_eq!(set.status, 200, "{}", set.text());
    for _ in 0..9 {
        assert_eq!(g.get("/v1/contacts", &key).status, 200);
    }
    let (theirs, other) = (
        portal.signed_in("acct_1", "viewer"),
        portal.signed_in("acct_2", "viewer"),
    );
    let visitor = portal.stranger();
    for path in [
        "/docs",
        "/docs/api",
        "/docs/api/list-contacts",
        "/docs/explorer",
        "/docs/guides/errors",
        "/docs/search?q=a",
    ] {
        let page = theirs.page(path);
        assert!(
            page.contains("class=\"banner\"") && page.contains("acct_1"),
            "{path}"
        );
        let page = other.page(path);
        assert!(
            !page.contains("class=\"banner\"") && !page.contains("acct_1"),
            "{path}"
        );
        let page = visitor.page(path);
        assert!(
            !page.contains("class=\"banner\"") && page.contains("href=\"/sign-in\""),
            "{path}"
        );
    }
}

/// A portal whose API is this document.
fn documented(document: &Value) -> (Gateway, u16, Backend) {
    let backend = Backend::start(|_| Answer::Reply(200, Vec::new(), b"{}".to_vec()));
    let port = free_port();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.keep().join("api.json");
    std::fs::write(&file, document.to_string()).unwrap();
    let config = format!(
        r#"
listeners: [ {{ address: "127.0.0.1:0" }} ]
admin: {{ address: "127.0.0.1:0", token: {TOKEN} }}
portal: {{ address: "127.0.0.1:{port}", public_url: "http://127.0.0.1:{port}", api_url: "http://api.example" }}
log: {{ access: null }}
realm: crm
store: {{ engine: embedded, path: $DIR/fuelgate.db }}
keys: {{ prefix: lf_live, peppers: [ {{ id: p1, secret: "0123456789abcdef0123456789abcdef" }} ] }}
scopes: {{ "a:b": "<script>window.__x=1</script> **Something**" }}
default_plan: standard
plans: {{ standard: {{ rate: {{ requests: 1000, per_seconds: 1, burst: 1000 }}, quotas: {{ hour: 100000, month: 1000000 }}, max_keys: 10 }} }}
upstreams: {{ crm: {{ targets: [ {{ address: "{}" }} ] }} }}
apis: [ {{ openapi: "{}", upstream: crm, server_prefix: /v1 }} ]
"#,
        backend.address,
        file.display()
    );
    (Gateway::start(&config), port, backend)
}

fn document(title: &str, text: &str) -> Value {
    json!({
        "openapi": "3.1.0",
        "info": { "title": title, "version": text, "summary": text, "description": text },
        "tags": [{ "name": text, "description": text }],
        "security": [{ "key": ["a:b"] }],
        "paths": { "/things/{id}": { "post": {
            "operationId": "makeThing", "tags": [text], "summary": text, "description": text,
            "parameters": [
                { "name": "id", "in": "path", "required": true, "description": text, "schema": { "type": "string", "pattern": text }, "example": text },
                { "name": "q", "in": "query", "required": true, "schema": { "enum": [text, "b"], "default": text } }
            ],
            "requestBody": { "required": true, "description": text, "content": { "application/json": {
                "schema": { "$ref": "#/components/schemas/Thing" }, "examples": { text: { "summary": text, "value": { text: text } } } } } },
            "responses": { "200": { "description": text, "headers": { "X-Thing": { "description": text } },
                "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Thing" }, "example": { "a": text } } } } }
        } } },
        "components": {
            "securitySchemes": { "key": { "type": "http", "scheme": "bearer" } },
            "schemas": { "Thing": { "type": "object", "description": text, "properties": { text: { "type": "string", "description": text, "example": text } } } }
        }
    })
}

#[test]
fn texts_of_a_document_stay_texts() {
    let hostile = "\"><script>window.__x=1</script><img src=x onerror='window.__x=1'> [a](javascript:window.__x=1) \u{202e}";
    let (g, port, _backend) = documented(&document(hostile, hostile));
    let mut pages = Vec::new();
    for path in [
        "/docs",
        "/docs/api",
        "/docs/api/make-thing",
        "/docs/schemas",
        "/docs/schemas/Thing",
        "/docs/guides/scopes",
        "/docs/search?q=thing",
        "/docs/explorer",
    ] {
        let answer = http::request(g.listener("portal"), "GET", path, &[], None);
        assert_eq!(answer.status, 200, "{path}");
        let page = answer.text();
        for bad in ["<script>window", "<img src=x", "href=\"javascript:"] {
            assert!(!page.contains(bad), "{path}: {bad}");
        }
        pages.push(json!({"name": path, "path": path}));
    }
    let input = json!({"origin": format!("http://127.0.0.1:{port}"), "pages": pages});
    assert_eq!(browser::run("texts", &input), json!([]));
}

#[test]
fn a_reload_changes_what_is_documented() {
    let (g, _, _backend) = documented(&document("Before", "text"));
    let page = |path: &str| http::request(g.listener("portal"), "GET", path, &[], None);
    assert!(page("/docs").text().contains("Before"));
    let config = std::fs::read_to_string(g.config_file()).unwrap();
    let file = config
        .split("openapi: \"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    std::fs::write(file, document("After", "text").to_string()).unwrap();
    let reloaded = g.admin("POST", "/admin/v1/config/reload", None);
    assert!(reloaded.status < 300, "{}", reloaded.text());
    eventually("the new title is shown", Duration::from_secs(5), || {
        page("/docs").text().contains("After").then_some(())
    });
    let errors = page("/docs/api/none");
    assert_eq!(errors.status, 404);
}
