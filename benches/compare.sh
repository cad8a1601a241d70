#!/usr/bin/env bash
# Compares fuelgate with everything on, bare Pingora and bare nginx: CPU per request of the proxy process and throughput.
# The proxy has one core, client (wrk) and backend (nginx) the other; rounds are interleaved, and all are started anew some times.
# Results go to benches/results/<date>-compare/.
# usage: benches/compare.sh [--guided] [starts=5] [rounds=3] [seconds=3] [connections=32]
# `--guided` takes what deploy/release.sh built --with-bare-pingora instead of a plain release build.
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/install.sh
need_build_tools
need_packages nginx-light wrk python3 procps
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/fuelgate/target}"
if [ "${1:-}" = --guided ]; then
  shift
  built="$(guided)"
else
  say "building in release"
  cargo build --release --locked --bin fuelgate --example bare_pingora
  built="$CARGO_TARGET_DIR/release"
fi
exec python3 benches/compare.py "$built" "$@"
