//! How much memory a cached key takes: resident memory before and after 10^4 and 10^6 keys are looked up.
//!
//! `cargo run --release --example key_memory`; uses mimalloc, as the gateway does.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

#[path = "support/keys.rs"]
mod support;

use support::Warm;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Resident bytes of this process (Linux).
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    let kib: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib * 1024
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    for keys in [10_000, 1_000_000] {
        let warm = Warm::cold(keys);
        let before = resident();
        warm.warm_up().await;
        let grown = resident().saturating_sub(before);
        println!(
            "{keys} keys: {:.1} MiB, {} bytes a key",
            grown as f64 / 1_048_576.0,
            grown / keys
        );
    }
}
