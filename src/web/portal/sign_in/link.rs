//! `GET /sign-in/{token}`: takes a one-time link, once, and never one that a program only looks at.

use std::sync::Arc;

use axum::extract::{Path, State};
use http::{HeaderMap, Method, StatusCode};
use maud::html;

use super::{cookie, noted};
use crate::base::secret::Secret;
use crate::observe::SessionOutcome;
use crate::portal::model::Session;
use crate::web::portal::answer::{PageAnswer, PageResult};
use crate::web::portal::guard::{Guest, Visit};
use crate::web::portal::refuse::PageError;
use crate::web::portal::shell::{self, Place};
use crate::web::portal::state::PortalState;
use crate::web::portal::ui::{self, Kind};

/// Says that a browser fetches a page before anybody asked for it.
const PURPOSE: &str = "sec-purpose";

pub(super) async fn take(
    State(state): State<Arc<PortalState>>,
    guest: Guest,
    Path(token): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> PageResult {
    // A link is worth a session: programs that look at addresses ahead of people must not use it up.
    if method == Method::HEAD || headers.contains_key(PURPOSE) {
        return Ok(PageAnswer::html(html! {}).status(StatusCode::NO_CONTENT));
    }
    if !state.sources.take(guest.source, guest.now) {
        return Err(PageError::TooMany);
    }
    let token = Secret::new(token);
    let opens = state.sessions.of_link(token.expose(), guest.now).await;
    let opens = opens.inspect_err(|_| state.metrics.session(SessionOutcome::Refused))?;
    match &guest.visit {
        // Somebody else's link must not put their account in place of one's own unseen.
        Some(visit) if !visit.session.is_same_person(&opens) => ask(visit, &opens, &token),
        _ => open(&state, &guest, &token).await,
    }
}

/// Takes the link, ends the session that was there, and goes to the first page.
pub(super) async fn open(state: &PortalState, guest: &Guest, token: &Secret) -> PageResult {
    let opened = state.sessions.take_link(token.expose(), guest.now).await;
    let opened = opened.inspect_err(|_| state.metrics.session(SessionOutcome::Refused))?;
    if let Err(e) = noted::opened(state, guest.ctx(), &opened.session).await {
        // Nobody is in of whom the log says nothing.
        let _ = state.sessions.end(&opened.session).await;
        return Err(e.into());
    }
    state.metrics.session(SessionOutcome::Opened);
    if let Some(session) = guest.session() {
        match state.sessions.end(session).await {
            Ok(()) => noted::ended(state, guest.ctx(), session, "replaced").await,
            // It ends by itself, and its cookie is gone with this answer.
            Err(error) => {
                tracing::warn!(%error, "a session that another one replaces was not ended");
            }
        }
    }
    let answer = PageAnswer::see_other("/");
    Ok(cookie::signed_in(
        answer,
        &guest.config,
        &opened.session,
        &opened.cookie,
        guest.now,
    ))
}

/// Asks whether one who is signed in means to be somebody else from now on.
fn ask(visit: &Visit, opens: &Session, token: &Secret) -> PageResult {
    let body = html! {
        div.refusal {
            h1 { "Switch to another session?" }
            p {
                "You are signed in as " strong { (visit.session.person.shown()) } " for "
                code { (visit.session.account_id) } ". This link signs in "
                strong { (opens.person.shown()) } " for " code { (opens.account_id) } "."
            }
            p { "Switch only if you asked for this link." }
            (ui::form(&visit.csrf, "/sign-in/switch", &html! {
                input type="hidden" name="token" value=(token.expose());
                p.actions {
                    (ui::button(Kind::Primary, "Switch"))
                    (ui::link_button(Kind::Secondary, "/", "Stay signed in"))
                }
            }))
        }
    };
    Ok(shell::public(
        &visit.config,
        Some(visit),
        "Switch session",
        Place::Nowhere,
        body,
    ))
}
