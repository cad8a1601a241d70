//! `POST /admin/v1/portal-sessions`: a one-time link that signs a person in to the portal of an account.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};

use crate::portal::model::Person;
use crate::portal::service::NewSession;
use crate::web::admin::access::Call;
use crate::web::admin::body::Json;
use crate::web::admin::repeat;
use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::AdminState;
use crate::web::portal;

/// A session of the portal that is asked for.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "account_id": "acct_42", "user": {"id": "u_7", "email": "dev@example.com"}, "role": "developer",
    "expires_in_seconds": 3600
}))]
pub(super) struct CreatePortalSession {
    /// The account whose portal it opens.
    account_id: String,
    /// Who it is for.
    user: PortalUser,
    /// What that person may do there: `developer` sees and changes everything, `viewer` sees everything.
    #[schema(example = "developer")]
    role: String,
    /// How long it lasts, in seconds; half an hour without use ends it before.
    #[schema(minimum = 1, maximum = 43200, default = 3600)]
    expires_in_seconds: Option<u64>,
}

/// A person, by the backend's own id.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct PortalUser {
    /// The backend's id of the person; the audit log names it.
    id: String,
    /// The person's address: usage alerts may be sent there.
    email: Option<String>,
}

/// The way in.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(example = json!({"url": "https://developers.example.com/sign-in/(good once, for five minutes)"}))]
struct PortalSession {
    /// Redirect the person there. It works once, within five minutes. The answer that a repeated call gets has null.
    #[schema(value_type = Option<String>)]
    url: String,
}

/// Makes a session of the portal for a person whom the backend has signed in.
#[utoipa::path(
    post,
    path = "/admin/v1/portal-sessions",
    tag = "portal",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition of the call harmless.")),
    request_body = CreatePortalSession,
    responses((status = 201, description = "The link.", body = PortalSession)),
)]
pub(super) async fn create_portal_session(
    State(state): State<Arc<AdminState>>,
    call: Call,
    headers: HeaderMap,
    Json { value, digest }: Json<CreatePortalSession>,
) -> Result<Response, ApiError> {
    let new = NewSession {
        account_id: value.account_id,
        person: Person {
            id: value.user.id,
            email: value.user.email,
        },
        role: value.role,
        expires_in_seconds: value.expires_in_seconds,
    };
    let create = async |caller| {
        let link = state.sessions.create(&new, &caller).await?;
        let url = portal::link_url(&call.config, &link);
        let view = PortalSession {
            url: url.expose().to_owned(),
        };
        respond::object(StatusCode::CREATED, &view)
    };
    repeat::once(
        &state,
        &call,
        "portal_sessions.create",
        &headers,
        digest,
        create,
    )
    .await
}
