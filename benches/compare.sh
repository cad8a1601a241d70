#!/usr/bin/env bash
# Compares fuelgate with everything on, bare Pingora and bare nginx: CPU per request of the proxy process and throughput.
# The proxy has one core, client (wrk) and backend (nginx) the other; rounds are interleaved, and all are started anew some times.
# Results go to benches/results/<date>-compare/.
# usage: benches/compare.sh [starts=5] [rounds=3] [seconds=3] [connections=32]
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/install.sh
need_build_tools
need_packages nginx-light wrk python3 procps
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/fuelgate/target}"
say "building in release"
cargo build --release --locked --bin fuelgate --example bare_pingora
exec python3 benches/compare.py "$CARGO_TARGET_DIR/release" "$@"
