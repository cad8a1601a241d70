//! OpenAPI documents as files: `0.json` for clients and their tools, `explorer-0.json` for the explorer; never anything else.

use std::sync::Arc;

use axum::extract::{Path, State};
use http::{HeaderValue, header};

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
    let document = set.file(number, is_explorer).ok_or(PageError::NotFound)?;
    let answer = PageAnswer::file("application/json", document.clone());
    // The same for everybody, and another one after a reload.
    let keep = HeaderValue::from_static("public, no-cache");
    Ok(answer.with(header::CACHE_CONTROL, keep))
}
