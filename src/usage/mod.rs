//! Usage: what was served and refused, counted in memory and flushed in idempotent batches; never a limit's decision.

pub mod model;
pub mod port;
