//! The admin API's own description, held against a published validator and against the table of operations.

use std::io::Write;
use std::process::{Command, Stdio};

use fuelgate::web::admin::table::OPERATIONS;

use crate::admin_support::Admin;
use crate::support::programs::python_path;

#[tokio::test]
async fn the_document_is_valid_openapi() {
    let admin = Admin::start().await;
    let answer = admin.get("/admin/openapi.json").await;
    let document = answer.is(200);
    assert_eq!(document["openapi"], "3.1.0");
    let mut python = Command::new(python_path())
        .args(["-m", "openapi_spec_validator", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = python.stdin.take().unwrap();
    stdin.write_all(answer.text.as_bytes()).unwrap();
    drop(stdin);
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[tokio::test]
async fn every_operation_is_described_and_nothing_else() {
    let admin = Admin::start().await;
    let document = admin.get("/admin/openapi.json").await.is(200);
    let mut described = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            described.push(format!("{} {path}", method.to_uppercase()));
            assert!(operation["security"][0]["admin_token"].is_array(), "{path}");
            assert!(!operation["operationId"].is_null(), "{method} {path}");
            let problem = &operation["responses"]["401"]["content"]["application/problem+json"];
            let schema = &problem["schema"]["$ref"];
            assert_eq!(
                schema, "#/components/schemas/ProblemBody",
                "{method} {path}"
            );
        }
    }
    let mut table: Vec<_> = OPERATIONS
        .iter()
        .map(|o| format!("{} {}", o.method, o.path))
        .collect();
    described.sort();
    table.sort();
    assert_eq!(described, table);
}

#[tokio::test]
async fn the_router_knows_every_operation_of_the_table() {
    let admin = Admin::start().await;
    for operation in OPERATIONS {
        let path = operation.path.replace("{id}", "none");
        let method = operation.method;
        let answer = crate::admin_support::send(admin.request(method, &path)).await;
        assert_ne!(answer.status, 405, "{method} {path}");
        assert_ne!(answer.status, 403, "{method} {path}");
    }
}
