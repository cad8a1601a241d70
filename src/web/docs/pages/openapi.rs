//! OpenAPI documents as files: `0.json` for clients and their tools, `explorer-0.json` for the explorer; never anything else.

use std::sync::Arc;

use axum::extract::{Path, State};

use crate::web::docs::explore;
use crate::web::portal::answer::{PageAnswer, PageResult};
use crate::web::portal::refuse::PageError;
use crate::web::portal::state::PortalState;

pub(super) async fn file(
    State(state): State<Arc<PortalState>>,
    Path(file): Path<String>,
) -> PageResult {
    let set = super::set(&state, &state.control.current()).await?;
    let name = file.strip_suffix(".json").ok_or(PageError::NotFound)?;
    let (name, is_explorer) = match name.strip_prefix("explorer-") {
        Some(rest) => (rest, true),
        None => (name, false),
    };
    let number = name.parse().map_err(|_| PageError::NotFound)?;
    let document = if is_explorer {
        explore::explorer(&set, number)
    } else {
        explore::public(&set, number)
    };
    let document = document.ok_or(PageError::NotFound)?;
    Ok(PageAnswer::file("application/json", document.to_string()))
}
