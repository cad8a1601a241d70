//! What a key costs on the request path: form, digest, decision, and the cache's look-up with 1, 10^4 and 10^6 keys.
//!
//! `cargo bench --bench keys`. The memory of a key is measured by `cargo run --release --example key_memory`.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "support/keys.rs"]
mod support;

use std::hint::black_box;
use std::net::IpAddr;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use fuelgate::base::clock::Timestamp;
use fuelgate::keys::digest::Digester;
use fuelgate::keys::last_use::LastUses;
use fuelgate::keys::secret;
use fuelgate::keys::verify::{Asked, authorise};
use support::{NOW, Warm, settings};

fn verify(c: &mut Criterion) {
    let digester = Digester::new(&settings(1));
    let text = secret::generate("lf_live").unwrap();
    let text = text.expose();
    c.bench_function("secret/generate", |b| {
        b.iter(|| secret::generate("lf_live"))
    });
    c.bench_function("secret/check", |b| {
        b.iter(|| secret::check("lf_live", black_box(text)));
    });
    c.bench_function("digest/cache_key", |b| {
        b.iter(|| digester.cache_key(black_box(text)));
    });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let warm = runtime.block_on(Warm::new(1));
    let entry = runtime.block_on(warm.find(0)).unwrap();
    let scopes = ["contacts:read".to_owned()];
    let asked = Asked {
        now: NOW,
        address: IpAddr::from([127, 0, 0, 1]),
        scopes: &scopes,
        deny: &[],
    };
    c.bench_function("verify/authorise", |b| {
        b.iter(|| authorise(black_box(&entry.grant), black_box(&asked)));
    });
    let uses = LastUses::new();
    c.bench_function("last_use/note", |b| {
        b.iter(|| uses.note(black_box(&entry), asked.address, Timestamp::from_secs(7)));
    });
}

/// A whole look-up: digest and table, as the request path does it. The keys come in random order, so that with many
/// of them the processor's caches are as cold as in production.
fn look_up(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    for keys in [1_usize, 10_000, 1_000_000] {
        let warm = runtime.block_on(Warm::new(keys));
        c.bench_function(&format!("cache/find/{keys}"), |b| {
            b.iter_batched(
                || fastrand::usize(..keys),
                |i| {
                    futures_util::FutureExt::now_or_never(warm.find(i))
                        .unwrap()
                        .unwrap()
                },
                BatchSize::SmallInput,
            );
        });
    }
}

criterion_group!(benches, verify, look_up);
criterion_main!(benches);
