#!/usr/bin/env bash
# How long the server takes for each page of the portal, for an account with 1,000 keys and a year of usage on the embedded
# store and on a Redis of its own: the median of seven loads by Server-Timing. Fails where a page takes longer than 50 ms, a
# file longer than eight times as much, or one command holds Redis for more than 20 ms.
# Results: benches/results/<date>-portal/.
# usage: benches/portal.sh [most_ms=50]
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/install.sh
need_build_tools
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/fuelgate/target}"
export FUELGATE_PAGE_MS="${1:-50}"
out="benches/results/$(date -u +%F)-portal"
mkdir -p "$out"
say "building in release"
cargo test --release --locked --test it --no-run
cargo test --release --locked --test it -- portal::large --nocapture --test-threads 1 | tee "$out/raw.txt"
