//! What every layer may use: time, ids, secrets, errors and ceilings; never I/O, never a domain's rules.

pub mod audit;
pub mod byte_set;
pub mod ceilings;
pub mod clock;
pub mod date;
pub mod email;
pub mod error;
pub mod flight;
pub mod hex;
pub mod idempotency;
pub mod ids;
pub mod media_type;
pub mod network;
pub mod number;
pub mod page;
pub mod problem;
pub mod secret;
#[cfg(test)]
pub(crate) mod testing;

/// The root of the checkout that the tests are run in; it need not be the one they were built in, since two can share their
/// build output.
#[cfg(test)]
pub(crate) fn checkout() -> std::path::PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR")
        .unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into())
        .into()
}
