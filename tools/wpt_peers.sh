#!/usr/bin/env bash
# Fetches the peers of docs/wpt.md from npm into the private cache, each checked against its pinned hash. Prints "NAME FOLDER" a line.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/versions.sh

die() { printf 'wpt: error: %s\n' "$*" >&2; exit 1; }
cache="${XDG_CACHE_HOME:-$HOME/.cache}/zts"
mkdir -p "$cache"

fetch() {  # NAME PACKAGE VERSION INTEGRITY
  local home="$cache/$1-$3"
  if [ ! -d "$home" ]; then
    local tmp got
    tmp=$(mktemp -d "$cache/$1.XXXXXX")
    printf 'wpt: fetching %s %s from npm\n' "$1" "$3" >&2
    (cd "$tmp" && npm pack --loglevel=error "$2@$3" >/dev/null) || die "npm could not fetch $2@$3; check that npm reaches its registry, then run again"
    got="sha512-$(openssl dgst -sha512 -binary "$tmp"/*.tgz | openssl base64 -A)"
    [ "$got" = "$4" ] || die "$2@$3 does not have the pinned hash (got $got, want $4)"
    tar -xzf "$tmp"/*.tgz -C "$tmp"
    chmod -R u+rwX,go+rX "$tmp/package"
    mv -T "$tmp/package" "$home" 2>/dev/null || true
    rm -rf "$tmp"
  fi
  echo "$1 $home"
}

fetch deno "$DENO_PACKAGE" "$DENO_VERSION" "$DENO_INTEGRITY"
fetch workerd "$WORKERD_PACKAGE" "$WORKERD_VERSION" "$WORKERD_INTEGRITY"
echo "node $cache/node-$NODE_VERSION"
