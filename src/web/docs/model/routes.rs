//! Which route leads to an operation of a document; never what either says.

use std::collections::HashMap;
use std::sync::Arc;

use crate::config::model::{Config, Route};
use crate::config::template;

/// The routes by which clients reach operations, by method and the shape of their paths.
pub(super) struct Routes(HashMap<(String, String), Arc<Route>>);

impl Routes {
    /// Reads them.
    pub(super) fn of(config: &Config) -> Self {
        let mut all = HashMap::new();
        for route in &config.routes {
            for method in &route.methods {
                let at = (
                    method.as_str().to_ascii_lowercase(),
                    template::shape(&route.path),
                );
                all.entry(at).or_insert_with(|| Arc::clone(route));
            }
        }
        Self(all)
    }

    /// The route of an operation; its path is the one that clients call.
    pub(super) fn find(&self, method: &str, path: &str) -> Option<Arc<Route>> {
        let at = (method.to_owned(), template::shape(path));
        self.0.get(&at).cloned()
    }
}
