//! What leaves the gateway on its own account: webhook requests, to vetted addresses only; never the forwarding of a client's request.

mod errors;
mod paced;
mod resolver;
#[cfg(test)]
mod tests;
pub mod vet;
pub mod webhook;
