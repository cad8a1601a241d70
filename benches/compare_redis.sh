#!/usr/bin/env bash
# Compares fuelgate on Redis with fuelgate on its embedded store and with nginx + Lua that asks Redis for each request: CPU per
# request of the proxy process; then how much of the gateway's latency changes when Redis is 5 ms further away.
# One core for the proxies, the other for client, backend and Redis; rounds are interleaved. Results: benches/results/<date>-compare-redis/.
# usage: benches/compare_redis.sh [rounds=9] [seconds=5] [connections=32]
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/install.sh
need_build_tools
need_packages nginx-light libnginx-mod-http-lua lua-nginx-redis redis-server wrk apache2-utils python3 procps
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/fuelgate/target}"
say "building in release"
cargo build --release --locked --bin fuelgate
exec python3 benches/compare_redis.py "$CARGO_TARGET_DIR/release" "$@"
