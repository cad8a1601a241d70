//! The documentation of the configuration in use, made anew with the first request after a reload; never of another one.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use tokio::task::{JoinError, spawn_blocking};

use super::model::DocsSet;
use crate::config::model::Config;

/// Keeps what was made of a configuration as long as that is in use.
#[derive(Default)]
pub struct DocsCache(ArcSwapOption<DocsSet>);

impl DocsCache {
    /// What a configuration documents. It is read beside what else is asked for: a document may be large.
    ///
    /// # Errors
    /// The reading failed.
    pub(crate) async fn of(&self, config: &Arc<Config>) -> Result<Arc<DocsSet>, JoinError> {
        let is_it = |set: &Arc<DocsSet>| Arc::ptr_eq(&set.config, config);
        if let Some(set) = self.0.load_full().filter(is_it) {
            return Ok(set);
        }
        // Two requests at once make it twice, which is no harm.
        let config = Arc::clone(config);
        let set = Arc::new(spawn_blocking(move || DocsSet::new(config)).await?);
        self.0.store(Some(Arc::clone(&set)));
        Ok(set)
    }
}
