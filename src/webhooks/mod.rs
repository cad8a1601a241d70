//! Events and their delivery: rules, conditions, envelopes, signatures, schedule; never a socket, never a store.

pub mod condition;
mod condition_shape;
pub mod counters;
pub mod facts;
pub mod model;
pub mod pipeline;
pub mod port;
pub mod rules;
pub mod settlement;
pub mod settler;
pub mod sweeper;
