//! The developer portal over the binary: pages by plain HTTP and in a real browser, on both stores.

mod alerts;
mod api;
mod docs;
mod hostile;
mod house;
mod keys;
mod large;
mod path;
mod sign_in;
mod simulator;
mod things;
mod usage;
mod usage_history;
mod walk;
mod webhooks;
