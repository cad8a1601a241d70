//! The path that the upstream gets where a route rewrites it; values are copied as the client sent them, never decoded.

use super::params::Params;
use crate::config::model::{Rewrite, RewritePart};

/// Puts a route's template together with the values that `path` had. A canonical path's values hold neither a slash
/// (but for a tail) nor a dot segment, so the result cannot leave the template.
pub fn rewrite(template: &Rewrite, path: &str, params: &Params) -> String {
    let mut out = String::with_capacity(path.len() + 16);
    for part in &template.parts {
        match part {
            RewritePart::Literal(text) => out.push_str(text),
            RewritePart::Param(name) => out.push_str(params.get(path, name).unwrap_or_default()),
        }
    }
    out
}
