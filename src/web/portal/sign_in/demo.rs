//! `POST /sign-in/demo`: opens the demo's account to whoever presses the button; never where no demo account is configured.

use std::sync::Arc;

use axum::extract::State;
use http::{HeaderMap, header};

use super::link;
use crate::base::ceilings::portal::PORTAL_SESSION_MOST;
use crate::portal::model::Person;
use crate::portal::service::NewSession;
use crate::web::portal::answer::PageResult;
use crate::web::portal::form::FormData;
use crate::web::portal::guard::Guest;
use crate::web::portal::refuse::PageError;
use crate::web::portal::state::PortalState;

pub(super) async fn sign_in(
    State(state): State<Arc<PortalState>>,
    guest: Guest,
    headers: HeaderMap,
    _: FormData,
) -> PageResult {
    let portal = &guest.config.portal;
    let account = portal.demo_account.as_ref().ok_or(PageError::NotFound)?;
    // A site that has its name lead to loopback is same-origin with itself, and is told by the name.
    let own = portal.public_url.parse::<http::Uri>().ok();
    let own = own.as_ref().and_then(|u| u.authority()).map(|a| a.as_str());
    let asked = headers.get(header::HOST).and_then(|h| h.to_str().ok());
    if asked.is_none() || asked != own {
        return Err(PageError::Forged);
    }
    if !state.sources.take(guest.source, guest.now) {
        return Err(PageError::TooMany);
    }
    let new = NewSession {
        account_id: account.clone(),
        person: Person {
            id: "demo".to_owned(),
            email: Some("dev@acct-demo.example".to_owned()),
        },
        role: "developer".to_owned(),
        expires_in_seconds: Some(PORTAL_SESSION_MOST.as_secs()),
    };
    let token = state.sessions.create(&new, &guest.ctx()).await?;
    link::open(&state, &guest, &token).await
}
