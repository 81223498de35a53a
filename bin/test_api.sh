#!/usr/bin/env bash
# Walks the whole Conduit API of a running server: bin/test_api.sh [BASE_URL], http://127.0.0.1:8080 unless given.
# The steps are in tools/test-api.ts.
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
node="$root/node_modules/.bin/node"
if [ ! -x "$node" ]; then
  echo "Cannot find \"node_modules/.bin/node\": run make install first" >&2
  exit 2
fi
exec "$node" "$root/tools/test-api.ts" "$@"
