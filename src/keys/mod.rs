//! API keys: their form, digests, life and cache; never an HTTP type, never a store's.

pub mod model;
pub mod port;
