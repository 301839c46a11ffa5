#!/usr/bin/env bash
# Brings the servers and runtimes that docs/wpt.md and bench/ set beside ours into the private cache, and prints "NAME FOLDER" for each that is named:
#   node deno bun workerd     binaries from npm, each checked against its pinned hash;
#   axum may-minihttp fiber   built from bench/peers/NAME in release mode, everything pinned by Cargo.lock or go.sum.
#   inferno                   no peer: what draws flame graphs (bench/profile), from crates.
# A peer that cannot be had is left out, with a word on stderr that says why; the exit code is then 1.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/versions.sh

cache="${XDG_CACHE_HOME:-$HOME/.cache}/zts"
mkdir -p "$cache"
code=0

missing() { printf 'peers: %s is left out: %s\n' "$1" "$2" >&2; code=1; }

fetch() {  # NAME PACKAGE VERSION INTEGRITY
  local home="$cache/$1-$3"
  if [ ! -d "$home" ]; then
    local tmp got
    tmp=$(mktemp -d "$cache/$1.XXXXXX")
    printf 'peers: fetching %s %s from npm\n' "$1" "$3" >&2
    if ! (cd "$tmp" && npm pack --loglevel=error "$2@$3" >/dev/null); then
      rm -rf "$tmp"
      missing "$1" "npm could not fetch $2@$3; check that npm reaches its registry, then run again"
      return
    fi
    got="sha512-$(openssl dgst -sha512 -binary "$tmp"/*.tgz | openssl base64 -A)"
    if [ "$got" != "$4" ]; then
      rm -rf "$tmp"
      missing "$1" "$2@$3 does not have the pinned hash (got $got, want $4)"
      return
    fi
    tar -xzf "$tmp"/*.tgz -C "$tmp"
    chmod -R u+rwX,go+rX "$tmp/package"
    mv -T "$tmp/package" "$home" 2>/dev/null || true
    rm -rf "$tmp"
  fi
  echo "$1 $home"
}

# build NAME TOOL COMMAND...: in a copy of the sources, which are the key; the command leaves the binary as $tmp/out/server.
build() {
  local name="$1" tool="$2" home tmp
  shift 2
  home="$cache/peer-$name-$(cd "bench/peers/$name" && git ls-files -z | sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16)"
  if [ ! -x "$home/server" ]; then
    if ! command -v "$tool" >/dev/null; then
      missing "$name" "$tool is not installed"
      return
    fi
    printf 'peers: building %s (minutes the first time)\n' "$name" >&2
    tmp=$(mktemp -d "$cache/peer-$name.XXXXXX")
    mkdir "$tmp/out"
    if ! (cd "bench/peers/$name" && tmp="$tmp" "$@") >"$tmp/log" 2>&1; then
      tail -5 "$tmp/log" >&2
      rm -rf "$tmp"
      missing "$name" "$tool could not build it (its words are above)"
      return
    fi
    mv -T "$tmp/out" "$home" 2>/dev/null || true
    rm -rf "$tmp"
  fi
  echo "$name $home"
}
with_cargo() {
  CARGO_TARGET_DIR="$tmp/target" nice cargo build --release --locked -j1
  cp "$tmp/target/release/$1" "$tmp/out/server"
}
with_go() { nice go build -p 1 -mod=readonly -trimpath -o "$tmp/out/server" .; }

install_inferno() {
  local home="$cache/inferno-$INFERNO_VERSION"
  if [ ! -x "$home/bin/inferno-flamegraph" ]; then
    if ! command -v cargo >/dev/null; then
      missing inferno "cargo is not installed"
      return
    fi
    printf 'peers: building inferno %s (minutes the first time)\n' "$INFERNO_VERSION" >&2
    if ! nice cargo install -q --locked -j1 --root "$home" "inferno@$INFERNO_VERSION" >&2; then
      missing inferno "cargo could not build it (its words are above)"
      return
    fi
  fi
  echo "inferno $home"
}

for name in "$@"; do
  case "$name" in
    node) [ -x "$cache/node-$NODE_VERSION/bin/node" ] && echo "node $cache/node-$NODE_VERSION" || missing node "tools/deps.sh fetches it" ;;
    deno) fetch deno "$DENO_PACKAGE" "$DENO_VERSION" "$DENO_INTEGRITY" ;;
    bun) fetch bun "$BUN_PACKAGE" "$BUN_VERSION" "$BUN_INTEGRITY" ;;
    workerd) fetch workerd "$WORKERD_PACKAGE" "$WORKERD_VERSION" "$WORKERD_INTEGRITY" ;;
    axum | may-minihttp) build "$name" cargo with_cargo "$name-peer" ;;
    fiber) build "$name" go with_go ;;
    inferno) install_inferno ;;
    *) missing "$name" "nothing is known of it" ;;
  esac
done
exit "$code"
