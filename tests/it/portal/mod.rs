//! The developer portal over the binary: pages by plain HTTP and in a real browser, on both stores.

mod alerts;
mod api;
mod audit;
mod docs;
mod hostile;
mod house;
mod keys;
mod large;
mod old_secrets;
mod path;
mod refusals;
mod sessions;
mod sign_in;
mod simulator;
mod things;
mod tls;
mod usage;
mod usage_history;
mod walk;
mod webhooks;
