//! Usage: what was served and refused, counted in memory and flushed in idempotent batches; never a limit's decision.

mod flusher;
mod key_usage;
pub mod model;
pub mod port;
mod recorder;
pub mod series;

pub use flusher::Flusher;
pub use key_usage::{KeyUsage, Served};
pub use recorder::Recorder;
