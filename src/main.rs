//! Parses the command line and dispatches; never does anything itself.

use std::process::ExitCode;

use clap::Parser;

/// mimalloc: measured faster than the system's allocator on the request path.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // First of all: whatever builds a TLS configuration later must find the one provider that is shipped.
    let _ = rustls::crypto::ring::default_provider().install_default();
    fuelgate::cli::run(fuelgate::cli::Cli::parse())
}
