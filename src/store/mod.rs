//! Backends that implement the domains' ports, side by side; never a rule of the business.

#[cfg(test)]
mod contract;
pub mod embedded;
pub mod redis;
mod rename;
mod session_text;
mod span;
pub mod spool;
mod sqlite;
pub mod transfer;
