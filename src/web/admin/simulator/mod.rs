//! Operations of the webhook simulator: compose, send, dry run, inboxes; what each does is the domain's to decide.

mod compose;
mod create_inbox;
mod delete_inbox;
mod dry_run;
mod get_inbox;
mod har;
mod inbox_messages;
mod list_inboxes;
mod send;
mod trial;
mod types;

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::respond::ApiError;
use super::state::AdminState;
use crate::base::ceilings::EVENT_DATA_BYTES;
use crate::base::error::Code;
use crate::config::model::Config;
use crate::webhooks::simulator::examples;
use crate::webhooks::simulator::service::Simulator;

/// The operations of this folder.
pub fn operations() -> OpenApiRouter<Arc<AdminState>> {
    OpenApiRouter::new()
        .routes(routes!(types::list_simulator_types))
        .routes(routes!(compose::compose_webhook))
        .routes(routes!(send::send_webhook))
        .routes(routes!(dry_run::dry_run_rules))
        .routes(routes!(
            create_inbox::create_inbox,
            list_inboxes::list_inboxes
        ))
        .routes(routes!(get_inbox::get_inbox, delete_inbox::delete_inbox))
        .routes(routes!(inbox_messages::list_inbox_messages))
}

/// Data to begin with for an event of this type, as JSON text.
fn example(config: &Config, event_type: &str) -> String {
    let text = examples::example(config, event_type).to_string();
    if text.len() > EVENT_DATA_BYTES {
        return "{}".to_owned();
    }
    text
}

/// A place for something that takes long.
fn place(simulator: &Simulator) -> Result<OwnedSemaphorePermit, ApiError> {
    simulator.place().ok_or_else(|| {
        ApiError::detail(
            Code::Overloaded,
            "The simulator is busy. Try again in a moment.",
        )
    })
}
