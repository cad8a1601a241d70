#!/usr/bin/env bash
# Brings what the portal's pages use of others into the tree: fetched from npm's registry by version, taken only where its
# content is what VERSIONS says. Run it after a version was changed there; the files are committed.
set -euo pipefail
cd "$(dirname "$0")/.."
target=src/web/portal/assets/vendor
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# package version integrity
while read -r package version integrity; do
  case "$package" in '' | '#'*) continue ;; esac
  mkdir -p "$work/$package"
  file="$(npm pack --silent --pack-destination "$work/$package" "$package@$version")"
  found="sha512-$(openssl dgst -sha512 -binary "$work/$package/$file" | base64 -w0)"
  if [ "$found" != "$integrity" ]; then
    echo "$package@$version is not what $target/VERSIONS says: $found" >&2
    exit 1
  fi
  tar -xzf "$work/$package/$file" -C "$work/$package"
done <"$target/VERSIONS"

swagger="$work/swagger-ui-dist/package"
gzip -9n <"$swagger/swagger-ui-bundle.js" >"$target/swagger-ui-bundle.js.gz"
cp "$swagger/swagger-ui-bundle.js.LICENSE.txt" "$target/swagger-ui-bundle.LICENSE.txt"
cat "$swagger/NOTICE" "$swagger/LICENSE" >"$target/swagger-ui.LICENSE.txt"
inter="$work/@fontsource-variable/inter/package"
cp "$inter/files/inter-latin-wght-normal.woff2" "$target/inter-latin-wght-normal.woff2"
cp "$inter/LICENSE" "$target/inter.LICENSE.txt"
