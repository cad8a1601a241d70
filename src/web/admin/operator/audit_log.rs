//! `GET /admin/v1/audit-log`: who changed what, when and from where, newest first.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use crate::accounts::port::AuditFilter;
use crate::base::audit::AuditEntry;
use crate::web::admin::query::{self, List, Query};
use crate::web::admin::respond::ApiError;
use crate::web::admin::state::AdminState;

/// Name of the list in its cursors.
const LIST: &str = "audit-log";

/// Which entries are wanted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditQuery {
    /// Only those of this account.
    account_id: Option<String>,
    /// Only this action, e.g. `key.create`.
    action: Option<String>,
    /// Only those about this id.
    target: Option<String>,
    /// Entries of a page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists changes, newest first.
#[utoipa::path(
    get,
    path = "/admin/v1/audit-log",
    tag = "operator",
    params(AuditQuery),
    responses((status = 200, description = "A page of the audit log.", body = List<AuditEntry>)),
)]
pub(super) async fn list_audit_log(
    State(state): State<Arc<AdminState>>,
    Query(query): Query<AuditQuery>,
) -> Result<Response, ApiError> {
    let page = query::page(LIST, query.limit, query.cursor.as_deref())?;
    let filter = AuditFilter {
        account_id: query.account_id,
        action: query.action,
        target: query.target,
    };
    let entries = state.store.audit_log(&filter, &page).await?;
    query::list(LIST, entries, |entry| entry)
}
