# Functions that install what a fresh Debian machine lacks; sourced by demo.sh, tests/run.sh and .ci/run.

say() { printf '== %s\n' "$*"; }

# as_root COMMAND...: runs it as root, with sudo where this user is not.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# need_packages PACKAGE...: installs those Debian packages that are not installed yet.
need_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  say "installing ${missing[*]}"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  # Services that packages would start are not wanted: tests start their own on free ports.
  as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# need_build_tools: a C compiler and cmake for the C code in dependencies; cargo itself must be there.
need_build_tools() {
  command -v cargo >/dev/null || {
    echo "cargo is missing: install Rust from https://rustup.rs first" >&2
    return 1
  }
  need_packages cmake gcc libc6-dev make
}

# guided: the folder where deploy/release.sh has put what it built.
guided() {
  local folder
  folder="${CARGO_TARGET_DIR:-$HOME/.cache/fuelgate/target}/guided/$(rustc -vV | sed -n 's/^host: //p')/release"
  [ -x "$folder/fuelgate" ] || {
    echo "nothing is in $folder: run deploy/release.sh first" >&2
    return 1
  }
  printf '%s\n' "$folder"
}
