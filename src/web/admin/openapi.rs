//! The API's own description (OpenAPI 3.1): what is common to all operations is added here from the table; operations describe themselves.

use axum::response::{IntoResponse, Response};
use http::header;
use serde::Serialize;
use serde_json::json;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Ref, RefOr,
    Response as Documented,
};
use utoipa_axum::router::OpenApiRouter;

use super::table::{Access, OPERATIONS};
use crate::base::error::{Code, FieldError};
use crate::base::problem::CONTENT_TYPE;
use crate::usage::model::Granularity;
use crate::webhooks::model::{DeliveryState, EventState};

/// Where the document is served.
pub const PATH: &str = "/admin/openapi.json";
/// Name of the security scheme.
const SCHEME: &str = "admin_token";

/// An error (RFC 9457).
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({
    "type": "https://developers.example.com/docs/errors/invalid",
    "title": "The request's content is not valid",
    "status": 422,
    "detail": "Some fields are not valid; see errors.",
    "code": "invalid",
    "request_id": "3f2a9c1e5b7d4a608c1f2e3d4b5a6978",
    "errors": [{"field": "scopes[1]", "message": "there is no scope contacts:delete"}]
}))]
pub struct ProblemBody {
    /// Address of the error's description.
    #[serde(rename = "type")]
    pub kind: String,
    /// What kind of error it is, for people.
    pub title: String,
    /// The HTTP status again.
    pub status: u16,
    /// What happened this time, for people.
    pub detail: String,
    /// What kind of error it is, for programs.
    pub code: String,
    /// Id of the request, also in `X-Request-Id`.
    pub request_id: String,
    /// With `invalid`: what is wrong, field by field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<Vec<FieldError>>,
}

/// A router whose document has what is not of any one operation.
pub fn base<S: Clone + Send + Sync + 'static>() -> OpenApiRouter<S> {
    #[derive(utoipa::OpenApi)]
    #[openapi(components(schemas(
        ProblemBody,
        FieldError,
        Granularity,
        EventState,
        DeliveryState
    )))]
    struct Shared;
    let license = LicenseBuilder::new()
        .name("Apache-2.0")
        .identifier(Some("Apache-2.0"))
        .build();
    let info = InfoBuilder::new()
        .title("fuelgate admin API")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Keys, accounts, usage, webhooks and operation of a fuelgate gateway. Times are RFC 3339 in UTC, ranges \
             include their beginning and not their end. Unknown fields and parameters are refused. A creation that \
             carries an `Idempotency-Key` happens once; its repetition within a day gets the same answer without \
             secrets, marked `Idempotency-Replayed: true`. `X-Actor` names the person behind the caller in the audit log.",
        ))
        .license(Some(license))
        .build();
    let shared = <Shared as utoipa::OpenApi>::openapi();
    let document = OpenApiBuilder::new()
        .info(info)
        .components(shared.components)
        .build();
    OpenApiRouter::with_openapi(document)
}

/// Adds security, permissions and errors to every operation, and the document's own operation; answers with JSON text.
pub fn complete(mut document: OpenApi) -> String {
    let scheme = SecurityScheme::Http(
        HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An admin token of the gateway's configuration."))
            .build(),
    );
    if let Some(components) = document.components.as_mut() {
        components.add_security_scheme(SCHEME, scheme);
    }
    document.paths.paths.insert(PATH.to_owned(), own_item());
    for entry in OPERATIONS {
        let item = document.paths.paths.get_mut(entry.path);
        if let Some(operation) = item.and_then(|i| slot(i, entry.method)) {
            describe(operation, entry.path, entry.access);
        }
    }
    document
        .to_json()
        .unwrap_or_else(|e| json!({"error": e.to_string()}).to_string())
}

/// Answers with the document.
pub fn serve(document: &str) -> Response {
    (
        [(header::CONTENT_TYPE, "application/json")],
        document.to_owned(),
    )
        .into_response()
}

fn slot<'a>(item: &'a mut PathItem, method: &str) -> Option<&'a mut Operation> {
    match method {
        "GET" => item.get.as_mut(),
        "POST" => item.post.as_mut(),
        "PUT" => item.put.as_mut(),
        "PATCH" => item.patch.as_mut(),
        "DELETE" => item.delete.as_mut(),
        _ => None,
    }
}

fn own_item() -> PathItem {
    let response = ResponseBuilder::new()
        .description("This document.")
        .content(
            "application/json",
            ContentBuilder::new()
                .schema(Some(utoipa::openapi::Object::new()))
                .build(),
        )
        .build();
    let operation = utoipa::openapi::path::OperationBuilder::new()
        .operation_id(Some("get_openapi"))
        .tag("operator")
        .summary(Some("Describes this API."))
        .response("200", response)
        .build();
    PathItem::new(utoipa::openapi::HttpMethod::Get, operation)
}

fn describe(operation: &mut Operation, path: &str, access: Access) {
    let none: [&str; 0] = [];
    operation.security = Some(vec![SecurityRequirement::new(SCHEME, none)]);
    split_summary(operation);
    let mut codes = vec![Code::Unauthorized, Code::StoreUnavailable];
    if let Access::Needs(permission) = access {
        codes.push(Code::Forbidden);
        let note = format!(
            "Needs the permission `{}`.",
            json!(permission).as_str().unwrap_or_default()
        );
        operation.description = Some(match operation.description.take() {
            Some(text) if !text.is_empty() => format!("{text}\n\n{note}"),
            _ => note,
        });
    }
    if path.contains('{') {
        codes.push(Code::NotFound);
    }
    if operation.request_body.is_some() {
        codes.extend([
            Code::BadRequest,
            Code::BodyTooLarge,
            Code::UnsupportedMediaType,
            Code::Conflict,
            Code::Invalid,
        ]);
    } else if operation.parameters.as_ref().is_some_and(|p| !p.is_empty()) {
        codes.push(Code::Invalid);
    }
    for code in codes {
        let status = code.status().to_string();
        let responses = &mut operation.responses.responses;
        responses
            .entry(status)
            .or_insert_with(|| RefOr::T(error_response(code)));
    }
}

/// Leaves the first sentence in the summary and puts the others before the description.
fn split_summary(operation: &mut Operation) {
    let Some(text) = operation.summary.take() else {
        return;
    };
    let text = text.replace('\n', " ");
    let (first, rest) = match text.split_once(". ") {
        Some((first, rest)) => (format!("{first}."), rest.to_owned()),
        None => (text, String::new()),
    };
    operation.summary = Some(first);
    let before = operation.description.take().unwrap_or_default();
    let description = format!("{rest}\n\n{before}").trim().to_owned();
    operation.description = (!description.is_empty()).then_some(description);
}

fn error_response(code: Code) -> Documented {
    let row = code.row();
    ResponseBuilder::new()
        .description(format!("`{}`: {}", row.code, row.detail))
        .content(
            CONTENT_TYPE,
            ContentBuilder::new()
                .schema(Some(Ref::from_schema_name("ProblemBody")))
                .build(),
        )
        .build()
}
