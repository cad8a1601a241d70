#!/usr/bin/env bash
# Signs the text in a file and sends it to an endpoint that is being written. bash, curl and openssl.
#
#     WEBHOOK_SECRET=whsec_... ./send.sh http://127.0.0.1:8000/ event.json
set -euo pipefail

url=$1 file=$2
id=msg_$(openssl rand -hex 12)
timestamp=$(date +%s)
key=$(printf '%s' "${WEBHOOK_SECRET#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
# For a secret made to try things: while openssl runs, everybody who lists processes sees the key.
signature=$({ printf '%s.%s.' "$id" "$timestamp"; cat "$file"; } |
  openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | openssl base64 -A)

curl --silent --show-error --fail --noproxy '*' --data-binary "@$file" --header 'Content-Type: application/json' \
  --header "webhook-id: $id" --header "webhook-timestamp: $timestamp" --header "webhook-signature: v1,$signature" \
  --output /dev/null --write-out '%{http_code}\n' "$url"
