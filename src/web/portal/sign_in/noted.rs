//! What the audit log is told of sessions that open and end; never a link, never a cookie.

use serde_json::{Value, json};

use crate::base::audit::ChangeContext;
use crate::base::error::StoreError;
use crate::portal::model::Session;
use crate::web::portal::state::PortalState;

/// Notes a deed of the session's own person.
async fn note(
    state: &PortalState,
    ctx: ChangeContext,
    action: &str,
    session: &Session,
    details: Value,
) -> Result<(), StoreError> {
    let ctx = ChangeContext {
        actor: Some(session.person.id.clone()),
        ..ctx
    };
    let (account, id) = (Some(session.account_id.as_str()), Some(session.id.as_str()));
    let entry = ctx.entry(action, account, id, details);
    state.store.record_audit(&entry).await
}

/// Notes that a link was taken.
///
/// # Errors
/// The store's.
pub(super) async fn opened(
    state: &PortalState,
    ctx: ChangeContext,
    session: &Session,
) -> Result<(), StoreError> {
    let details = json!({"user": session.person.id, "role": session.role.name()});
    note(state, ctx, "portal_session.open", session, details).await
}

/// Notes that a session has ended, and why. It has whether or not the log takes it.
pub(super) async fn ended(state: &PortalState, ctx: ChangeContext, session: &Session, why: &str) {
    let details = json!({"why": why});
    let noted = note(state, ctx, "portal_session.end", session, details).await;
    if let Err(error) = noted {
        tracing::warn!(%error, session = session.id, "the end of a session is not in the audit log");
    }
}
