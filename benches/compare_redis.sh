#!/usr/bin/env bash
# Compares fuelgate on Redis with fuelgate on its embedded store and with nginx + Lua that asks Redis for each request: CPU per
# request of the proxy process; then how much of the gateway's latency changes when Redis is 5 ms further away.
# One core for the proxies, the other for client, backend and Redis; rounds are interleaved, all are started anew some times. Results: benches/results/<date>-compare-redis/.
# usage: benches/compare_redis.sh [--guided] [starts=5] [rounds=3] [seconds=3] [connections=32]
# `--guided` takes what deploy/release.sh built instead of a plain release build.
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/install.sh
need_build_tools
need_packages nginx-light libnginx-mod-http-lua lua-nginx-redis redis-server wrk apache2-utils python3 procps
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/fuelgate/target}"
if [ "${1:-}" = --guided ]; then
  shift
  built="$(guided)"
else
  say "building in release"
  cargo build --release --locked --bin fuelgate
  built="$CARGO_TARGET_DIR/release"
fi
exec python3 benches/compare_redis.py "$built" "$@"
