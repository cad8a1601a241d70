#!/usr/bin/env bash
# What webhook delivery does on this machine, on the embedded store and on Redis: deliveries per second and CPU per delivery of a
# backlog, delay from a client's response to the first attempt (p50, p99), and what a receiver that never answers does to
# the API's p99 and CPU per request. One core for the gateway, the other for everything else.
# Results: benches/results/<date>-webhooks/.
# usage: benches/webhooks.sh [deliveries=20000] [seconds=20] [rounds=9]
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/install.sh
need_build_tools
need_packages nginx-light redis-server nghttp2-client python3 procps
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/fuelgate/target}"
say "building in release"
cargo build --release --locked --bin fuelgate
exec python3 benches/webhooks.py "$CARGO_TARGET_DIR/release" "$@"
