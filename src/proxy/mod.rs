//! The request path from a client's socket to the upstream's and back; never a domain's rule, never a store.

pub mod admit;
pub mod attach;
mod begin;
mod body;
pub mod client;
pub mod connection;
pub mod credentials;
pub mod ctx;
pub mod events;
mod fail;
pub mod failure;
mod finish;
pub mod forward;
pub mod gateway;
pub mod hygiene;
pub mod in_flight;
pub mod inner;
pub mod io;
pub mod listener;
pub mod monitor;
pub mod own_key;
mod places;
mod reading;
pub mod refusal;
mod relay;
pub mod request_digest;
pub mod request_id;
pub mod respond;
pub mod snapshot;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub mod trace;
pub mod upstream;
mod waiting;
mod worker;
