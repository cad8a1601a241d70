//! Usage for its owner: quotas, requests over time, what was called and what was refused; never another account's.

mod controls;
mod csv;
mod endpoints;
mod lists;
mod page;
mod range;
mod read;
#[cfg(test)]
mod tests;
mod tiles;
mod totals;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use self::range::Wanted;
use super::answer::{PageAnswer, PageResult};
use super::form::Query;
use super::own::Own;
use super::refuse::PageError;
use super::shell::{self, Place};
use super::state::PortalState;
use super::table::{Needs, Page, other, page};

/// The pages of this folder.
pub(super) const PAGES: &[Page] = &[
    page("/usage", Needs::Viewer, "/usage?range=7d&by=key"),
    other("GET", "/usage.csv", Needs::Viewer),
    page(
        "/usage/endpoints",
        Needs::Viewer,
        "/usage/endpoints?range=30d",
    ),
    other("GET", "/usage/endpoints.csv", Needs::Viewer),
];

pub(super) fn routes() -> Router<Arc<PortalState>> {
    Router::new()
        .route("/usage", get(show))
        .route("/usage.csv", get(export))
        .route("/usage/endpoints", get(endpoints::show))
        .route("/usage/endpoints.csv", get(endpoints::export))
}

async fn show(own: Own, query: Query) -> PageResult {
    let wanted = Wanted::read(query.0.fields()).map_err(PageError::Invalid)?;
    let view = read::view(&own, wanted).await?;
    Ok(shell::page(&own, "Usage", Place::Usage, page::page(&view)))
}

async fn export(own: Own, query: Query) -> PageResult {
    let wanted = Wanted::read(query.0.fields()).map_err(PageError::Invalid)?;
    let text = read::file(&own, &wanted).await?;
    let day = own.visit.now.utc("%Y-%m-%d");
    let (range, by) = (wanted.range.word(), wanted.by.word());
    let name = format!("usage-{range}-by-{by}-{day}.csv");
    Ok(PageAnswer::attachment(
        "text/csv; charset=utf-8",
        &name,
        text,
    ))
}
