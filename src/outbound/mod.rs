//! What leaves the gateway on its own account: webhook requests, to vetted addresses only, and e-mails; never the forwarding of a client's request.
//!
//! A webhook's URL is chosen by an account and called from inside the operator's network, so that each request is judged in
//! three places, none of which trusts the one before:
//!
//! 1. `targets`, when the URL is set and again at each attempt: its form, its scheme and port, and its address where it
//!    names one, since the HTTP client asks no resolver about those.
//! 2. `names`, where it names a host, for each new connection: all its addresses, by name servers within a time.
//! 3. `vet`: every one of these addresses, by the tables of special networks and what the operator lists. The client
//!    connects to these very addresses and to no other; what the name says later does not matter to a connection that is there.
//!
//! A reply is bounded in time, fields and bytes, and never leads to another request.
//!
//! The mail server of `smtp` is the operator's choice and is called wherever it is.

mod errors;
mod names;
mod paced;
mod resolver;
mod reuse;
pub mod smtp;
mod targets;
#[cfg(test)]
mod tests;
pub mod vet;
pub mod webhook;
