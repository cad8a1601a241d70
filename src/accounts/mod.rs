//! Accounts: plan, overrides and suspension of a customer, their erasure and the audit log; never a key or a request.

pub mod model;
pub mod port;
pub mod service;
pub mod state;
#[cfg(test)]
mod tests;
