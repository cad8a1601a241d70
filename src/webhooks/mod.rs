//! Events and their delivery: rules, conditions, envelopes, signatures, schedule; never a socket, never a store.

pub mod model;
pub mod port;
