//! What belongs to the account that is signed in: every read and change of a page goes through here; never another account's.

mod alerts;
mod explorer;
mod keys;
pub(in crate::web::portal) mod once;
mod overview;
pub(in crate::web::portal) mod simulator;
mod usage;
pub(in crate::web::portal) mod webhooks;

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::guard::Visit;
use super::refuse::PageError;
use super::state::PortalState;
use crate::config::model::Config;

pub use explorer::KeyChoice;
pub use overview::{Overview, Quotas};
pub use usage::{Called, Span};

/// The account's own things. Each folder of pages has its part in a file of this one; every read by id compares the account
/// and says `NotFound` otherwise, lists name the account, and changes go through such a read.
pub struct Own {
    state: Arc<PortalState>,
    /// Who asks.
    pub visit: Visit,
}

impl Own {
    /// The things of the account of a visit, for pages that are there without one, too.
    pub fn of(state: &Arc<PortalState>, visit: Visit) -> Self {
        Self {
            state: Arc::clone(state),
            visit,
        }
    }

    /// The account.
    pub fn account_id(&self) -> &str {
        &self.visit.session.account_id
    }

    /// The configuration that the request began with.
    pub fn config(&self) -> &Config {
        &self.visit.config
    }

    /// Whether who asks may change anything.
    pub fn is_developer(&self) -> bool {
        self.visit.is_developer
    }

    /// `Ok` where a thing is of this account; it is not found otherwise, as if it were not there.
    ///
    /// # Errors
    /// It is another account's.
    pub fn mine(&self, account_id: &str) -> Result<(), PageError> {
        if account_id == self.account_id() {
            Ok(())
        } else {
            Err(PageError::NotFound)
        }
    }
}

impl FromRequestParts<Arc<PortalState>> for Own {
    type Rejection = PageError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Arc<PortalState>,
    ) -> Result<Self, PageError> {
        let visit = Visit::from_request_parts(parts, state).await?;
        Ok(Self::of(state, visit))
    }
}
