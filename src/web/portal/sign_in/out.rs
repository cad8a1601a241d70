//! `POST /sign-out`: ends the session, in the store and in the browser.

use std::sync::Arc;

use axum::extract::State;

use super::{cookie, noted};
use crate::observe::SessionOutcome;
use crate::web::portal::answer::{PageAnswer, PageResult};
use crate::web::portal::form::FormData;
use crate::web::portal::guard::Visit;
use crate::web::portal::state::PortalState;

pub(super) async fn sign_out(
    State(state): State<Arc<PortalState>>,
    visit: Visit,
    _: FormData,
) -> PageResult {
    state.sessions.end(&visit.session).await?;
    noted::ended(&state, visit.ctx.clone(), &visit.session, "sign-out").await;
    state.metrics.session(SessionOutcome::Ended);
    let answer = PageAnswer::see_other("/sign-in?done=signed-out");
    Ok(cookie::signed_out(answer, &visit.config))
}
