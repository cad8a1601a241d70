#!/usr/bin/env bash
# A million keys in Redis: import, cold start, memory on both sides, look-up cold and warm. Results: benches/results/<date>-redis-keys/.
# usage: benches/redis_keys.sh [keys=1000000]
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/install.sh
need_build_tools
need_packages nginx-light redis-server wrk python3 procps
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/fuelgate/target}"
say "building in release"
cargo build --release --locked --bin fuelgate
exec python3 benches/redis_keys.py "$CARGO_TARGET_DIR/release" "$@"
