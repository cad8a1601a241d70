//! Events and their delivery: rules, conditions, envelopes, signatures, schedule; never a socket, never a store.

pub mod condition;
mod condition_shape;
pub mod counters;
pub mod delivery;
pub mod envelope;
pub mod facts;
mod input;
pub mod model;
pub mod pipeline;
pub mod port;
pub mod rules;
pub mod schedule;
pub mod seal;
pub mod service;
pub mod settings;
pub mod settlement;
pub mod settler;
pub mod sign;
pub mod sweeper;
#[cfg(test)]
pub(crate) mod testing;
pub mod view;
