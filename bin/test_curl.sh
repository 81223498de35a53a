#!/usr/bin/env bash
# Asks a running server one thing: bin/test_curl.sh URL [curl arguments]
# The whole request has 3 seconds. What was said both ways goes to .tmp/logs/YYYYMMDD_HHMMSS/curl.log.
# Status: curl's own (7 when nothing listens, 28 when the time is over); an answer of any status code is 0.
set -uo pipefail
if [ $# -eq 0 ]; then
  echo "usage: bin/test_curl.sh URL [curl arguments]" >&2
  exit 2
fi
url="$1"
shift
folder="$(cd "$(dirname "$0")/.." && pwd)/.tmp/logs/$(date +%Y%m%d_%H%M%S)"
mkdir -p "$folder"
curl --silent --show-error --include --verbose --connect-timeout 3 --max-time 3 "$@" -- "$url" \
  2>>"$folder/curl.log" | tee -a "$folder/curl.log"
status=${PIPESTATUS[0]}
case "$status" in
  0) echo ;;
  7) echo "Cannot ask \"$url\": nothing listens there; start the server with: make start" >&2 ;;
  28) echo "Cannot ask \"$url\": no whole answer within 3 s" >&2 ;;
  *) echo "Cannot ask \"$url\": curl ended with status $status, see $folder/curl.log" >&2 ;;
esac
exit "$status"
