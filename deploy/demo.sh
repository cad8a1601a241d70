#!/usr/bin/env bash
# Installs what is missing, builds fuelgate in release and runs `fuelgate demo`. Arguments go to the demo.
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/install.sh
need_build_tools
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/fuelgate/target}"
say "building in release (some minutes the first time)"
cargo build --release --locked --bin fuelgate
say "starting the demo; stop it with Ctrl-C"
exec "$CARGO_TARGET_DIR/release/fuelgate" demo "$@"
