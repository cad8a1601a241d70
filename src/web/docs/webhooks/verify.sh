#!/usr/bin/env bash
# Verifies one message that was kept, body on standard input. bash and openssl, nothing else.
#
#     WEBHOOK_SECRET=whsec_... ./verify.sh "$webhook_id" "$webhook_timestamp" "$webhook_signature" <body
set -euo pipefail

tolerance_seconds=300

# HMAC-SHA-256 of standard input in base64, under the key in $1 (hex, at most 64 bytes). `openssl dgst -hmac` would do
# the same and show the key to everybody who lists processes.
hmac() {
  { pad "$1" 0x5c; { pad "$1" 0x36; cat; } | openssl dgst -sha256 -binary; } | openssl dgst -sha256 -binary | openssl base64 -A
}

# The key in $1, filled up to 64 bytes, each byte XOR $2.
pad() {
  local i byte out=''
  for ((i = 0; i < 128; i += 2)); do
    byte=${1:i:2}
    printf -v byte '\\x%02x' $((0x${byte:-00} ^ $2))
    out+=$byte
  done
  printf '%b' "$out"
}

refuse() {
  echo "$1" >&2
  exit 1
}

id=$1 timestamp=$2 signatures=$3
[[ -n $id && $timestamp =~ ^[1-9][0-9]{0,14}$ ]] || refuse 'headers are missing'
# An old message that is sent again is refused, whoever sends it.
age=$(($(date +%s) - timestamp))
((age <= tolerance_seconds && age >= -tolerance_seconds)) || refuse 'the timestamp is too far from now'
[[ ${WEBHOOK_SECRET:-} == whsec_* ]] || refuse 'a secret begins with whsec_'
key=$(printf '%s' "${WEBHOOK_SECRET#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')

expected=$({ printf '%s.%s.' "$id" "$timestamp"; cat; } | hmac "$key")
# Comparing digests under a key of the moment: the time it takes tells nothing about the signature.
moment=$(openssl rand -hex 32)
wanted=$(printf '%s' "$expected" | hmac "$moment")
# During a rotation there are two signatures, and one of them is of the secret known here.
IFS=' ' read -ra all <<<"$signatures"
for signature in "${all[@]}"; do
  [[ $signature == v1,* ]] || continue
  given=$(printf '%s' "${signature#v1,}" | hmac "$moment")
  [[ $given == "$wanted" ]] && echo verified && exit 0
done
refuse 'no signature fits'
