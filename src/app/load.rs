//! Loads a configuration file as every command does: with the process's environment and the rules' language; never decides what is valid.

use std::path::Path;

use crate::config::{self, LoadOptions, Report, model::Config};
use crate::webhooks::condition::check_condition;
use crate::webhooks::shape::check_shape;

/// Loads and validates the file at `path`.
///
/// # Errors
/// Every problem there is.
pub fn load(path: &Path) -> Result<Config, Report> {
    config::load_with(
        path,
        &|name| std::env::var(name).ok(),
        &LoadOptions {
            check_condition: Some(&|text| check_condition(text)),
            check_shape: Some(&|text| check_shape(text)),
            ..LoadOptions::default()
        },
    )
}
