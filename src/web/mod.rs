//! HTTP interfaces for operators and people: the admin API, the portal, its documentation, health and metrics; never the request path, never a store.

pub mod admin;
mod body;
pub mod docs;
pub mod health;
pub mod inbox;
mod once;
pub mod peer;
pub mod portal;
pub mod serve;
pub mod sources;
mod usage_summary;
