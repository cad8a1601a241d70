#!/usr/bin/env bash
# Builds fuelgate in release with a profile of its own work: once so that it counts what it does, then a load on both stores,
# then a build that is laid out by those counts (rustc's profile-guided optimization). About half an hour on two cores; the program
# is the same, its CPU per request lower. Says at the end where it lies. `--with-bare-pingora` builds the benchmark's yardstick alike.
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/install.sh
wanted=(--bin fuelgate)
for argument in "$@"; do
  case "$argument" in
    --with-bare-pingora) wanted+=(--example bare_pingora) ;;
    *)
      echo "usage: deploy/release.sh [--with-bare-pingora]" >&2
      exit 2
      ;;
  esac
done
need_build_tools
need_packages nginx-light wrk redis-server redis-tools python3 procps
base="${CARGO_TARGET_DIR:-$HOME/.cache/fuelgate/target}"
host="$(rustc -vV | sed -n 's/^host: //p')"
tools="$(rustc --print sysroot)/lib/rustlib/$host/bin"
if [ ! -x "$tools/llvm-profdata" ]; then
  say "installing the compiler's own llvm-tools"
  rustup component add llvm-tools
fi

# Both builds lie apart from others; flags go to the program only, not to what runs while it is built (--target).
build() {
  CARGO_TARGET_DIR="$base/$1" CARGO_ENCODED_RUSTFLAGS="$2" cargo build --release --locked --target "$host" "${wanted[@]}"
}
counts="$base/profile"
rm -rf "$counts"
say "building in release, so that it counts what it does"
build counting "-Cprofile-generate=$counts"
say "putting load on it"
python3 benches/train.py "$base/counting/$host/release" 8
"$tools/llvm-profdata" merge -o "$counts/merged" "$counts"/*.profraw
# Named by its content, since cargo builds anew only for another name.
profile="$counts/$(sha256sum "$counts/merged" | cut -c1-16).profdata"
mv "$counts/merged" "$profile"
say "building in release by what was counted"
build guided "-Cprofile-use=$profile"
say "the program: $(guided)/fuelgate"
