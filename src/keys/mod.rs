//! API keys: their form, digests, life and cache; never an HTTP type, never a store's.

pub mod cache;
pub mod digest;
pub mod input;
pub mod last_use;
pub mod model;
pub mod port;
pub mod previous_uses;
pub mod secret;
pub mod service;
pub mod verify;
pub mod view;

#[cfg(test)]
mod testing;
