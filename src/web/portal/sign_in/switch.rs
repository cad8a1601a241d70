//! `POST /sign-in/switch`: takes the link of another person or account in place of the session that is there; never unasked.

use std::sync::Arc;

use axum::extract::State;

use super::link;
use crate::base::secret::Secret;
use crate::web::portal::answer::PageResult;
use crate::web::portal::form::FormData;
use crate::web::portal::guard::Guest;
use crate::web::portal::refuse::PageError;
use crate::web::portal::state::PortalState;

pub(super) async fn switch(
    State(state): State<Arc<PortalState>>,
    guest: Guest,
    form: FormData,
) -> PageResult {
    let token = form.one("token")?.ok_or(PageError::Link)?;
    if !state.sources.take(guest.source, guest.now) {
        return Err(PageError::TooMany);
    }
    link::open(&state, &guest, &Secret::new(token)).await
}
