//! Routing: which route a method, host and path belong to; never what the route allows.

mod fold;
mod params;
pub mod path;
mod rewrite;
mod router;
mod template;
mod tree;
pub mod weighted;

pub use params::Params;
pub use path::{PathError, canonical};
pub use rewrite::rewrite;
pub use router::{Found, Router, RouterError};
pub use weighted::Weighted;
