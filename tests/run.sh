#!/usr/bin/env bash
# Installs what the tests need and runs all of them; `--full` runs the long forms too. Ends in cargo's summary.
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/install.sh
need_build_tools
need_packages chromium curl faketime fonts-inter nginx-light php-cli prometheus python3 python3-venv openssl procps redis-server redis-sentinel redis-tools
# Node may be there from elsewhere, with npm in it, and Debian's own would then conflict with it.
command -v node >/dev/null && command -v npm >/dev/null || need_packages nodejs npm
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$HOME/.cache/fuelgate/target}"

venv="${FUELGATE_VENV:-$HOME/.cache/fuelgate/venv}"
wanted="requests==2.34.2 standardwebhooks==1.1.0 svix==2.9.1 openapi-spec-validator==0.9.0 jsonschema==4.26.0 aiosmtpd==1.4.6 atpublic==9.0.0"
compose="docker-compose==1.29.2"
if [ "$(cat "$venv/wanted" 2>/dev/null)" != "$wanted $compose" ]; then
  say "installing Python clients into a virtual environment"
  rm -rf "$venv"
  python3 -m venv "$venv"
  # shellcheck disable=SC2086
  "$venv/bin/pip" install --quiet --disable-pip-version-check $wanted
  # Only its copy of the compose-spec's JSON Schema is used.
  "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps "$compose"
  echo "$wanted $compose" >"$venv/wanted"
fi
export FUELGATE_TEST_PYTHON="$venv/bin/python"

node="${FUELGATE_NODE:-$HOME/.cache/fuelgate/node}"
packages="standardwebhooks@1.1.1 fast-sha256@1.3.0 @stablelib/base64@1.0.1 playwright-core@1.64.1 axe-core@4.14.1"
if [ "$(cat "$node/wanted" 2>/dev/null)" != "$packages" ]; then
  say "installing npm clients into a folder of their own"
  rm -rf "$node"
  mkdir -p "$node"
  # shellcheck disable=SC2086
  npm install --prefix "$node" --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error $packages
  echo "$packages" >"$node/wanted"
fi
export FUELGATE_TEST_NODE="$node"

export FUELGATE_TEST_FULL=0
for argument in "$@"; do
  case "$argument" in
    --full) export FUELGATE_TEST_FULL=1 ;;
    *)
      echo "usage: tests/run.sh [--full]" >&2
      exit 2
      ;;
  esac
done

say "building the binary that the tests drive"
cargo build --locked --bin fuelgate
say "running the tests"
exec cargo test --locked --no-fail-fast
