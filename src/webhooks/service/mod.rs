//! What the admin API and the portal do with webhooks and events: validates, changes, notes who did it; no HTTP, no storage of its own.

mod deliveries;
mod endpoints;
mod events;
mod feed;
mod replays;
mod requests;
mod secrets;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::sync::Notify;

pub use self::replays::ReplayService;
pub use self::requests::SentRequest;
pub use super::input::{EndpointPatch, NewEndpoint, NewEvent};
use super::port::{EventStore, WebhookTransport};
use super::seal::SealError;
use super::settings::SharedSettings;
use super::view::EndpointView;
use crate::base::error::{FieldError, StoreError};
use crate::base::secret::Secret;

/// Why an operation was refused.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// There is no such endpoint, delivery or event.
    #[error("not found")]
    NotFound,
    /// The present state does not allow it; public text.
    #[error("{0}")]
    Conflict(String),
    /// What the caller gave is not acceptable.
    #[error("{} fields are not valid", .0.len())]
    Invalid(Vec<FieldError>),
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
    /// A secret could not be made, sealed or opened.
    #[error("webhook secret: {0}")]
    Secret(String),
}

impl From<StoreError> for WebhookError {
    fn from(e: StoreError) -> Self {
        match e {
            StoreError::NotFound => Self::NotFound,
            StoreError::Conflict(_) => {
                Self::Conflict("It was changed by another call at the same time.".to_owned())
            }
            other => Self::Store(other),
        }
    }
}

impl From<SealError> for WebhookError {
    fn from(e: SealError) -> Self {
        Self::Secret(e.to_string())
    }
}

/// An endpoint with its new secret, which nobody will ever see again.
#[derive(Debug)]
pub struct Made {
    /// The endpoint.
    pub endpoint: EndpointView,
    /// `whsec_…`.
    pub secret: Secret,
}

/// The operations. Cheap to share.
#[derive(Clone)]
pub struct WebhookService {
    store: Arc<dyn EventStore>,
    transport: Arc<dyn WebhookTransport>,
    settings: SharedSettings,
    wake: Arc<Notify>,
}

impl WebhookService {
    /// A service over a store. `wake` is notified when a delivery may have become due.
    pub fn new(
        store: Arc<dyn EventStore>,
        transport: Arc<dyn WebhookTransport>,
        settings: SharedSettings,
        wake: Arc<Notify>,
    ) -> Self {
        Self {
            store,
            transport,
            settings,
            wake,
        }
    }
}
