//! API keys: their form, digests, life and cache; never an HTTP type, never a store's.

pub mod cache;
pub mod digest;
pub mod model;
pub mod port;
pub mod secret;
pub mod verify;
