#!/usr/bin/env bash
# Installs what the build, the tests and the binaries need, and nothing else:
#   - Debian packages, by apt (as root, or with sudo);
#   - the pinned Node binary that lends its V8, from npm, into a private prefix, checked against its integrity hash.
# Does nothing, quickly, when all is there. "tools/deps.sh bench" adds what only the benchmarks need.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/versions.sh

say() { printf 'deps: %s\n' "$*"; }
die() { printf 'deps: error: %s\n' "$*" >&2; exit 1; }

[ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || die "zts builds on Linux x86-64; this is $(uname -s) $(uname -m)"

wanted="$BUILD_PACKAGES"
if [ "${1:-}" = bench ]; then wanted="$wanted $BENCH_PACKAGES"; fi
if [ "${1:-}" = clang ]; then wanted="$wanted $CLANG_PACKAGES"; fi

# --- Debian packages ---------------------------------------------------------------------------------
missing_packages() {
  # One dpkg-query for all: a name it does not know is missing too.
  local have
  have=" $(dpkg-query -W -f='${db:Status-Abbrev}${Package}\n' $wanted 2>/dev/null | sed -n 's/^ii //p' | tr '\n' ' ') "
  local p
  for p in $wanted; do
    case "$have" in *" $p "*) ;; *) printf '%s ' "$p" ;; esac
  done
}
command -v dpkg-query >/dev/null || die "this is not a Debian system (no dpkg-query); Debian 12 is what zts is built on"
missing=$(missing_packages)
# The npm client is needed once, to fetch the Node binary; any npm on the PATH will do.
node_home="${XDG_CACHE_HOME:-$HOME/.cache}/zts/node-$NODE_VERSION"
if [ ! -x "$node_home/bin/node" ] && ! command -v npm >/dev/null; then missing="$missing npm"; fi
if [ -n "${missing// /}" ]; then
  as_root=""
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "packages are missing ($missing) and neither root nor sudo is at hand; install them and run again"
    as_root="sudo"
  fi
  count=$(printf '%s\n' $missing | wc -l)
  say "installing $count Debian packages (a few minutes on a new machine): $missing"
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  # Service packages must not start anything on the user's machine: policy-rc.d is not ours to change, so only
  # libraries and tools are in these lists.
  if ! $as_root env DEBIAN_FRONTEND=noninteractive apt-get update >"$log" 2>&1; then
    tail -20 "$log" >&2
    die "apt-get update failed; check the network and /etc/apt/sources.list, then run again"
  fi
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing 2>&1 |
    tee "$log" | awk '/^Unpacking|^Setting up/ { n++; if (n % 20 == 0) { printf "deps:   %d steps done\n", n; fflush() } }'
  missing=$(missing_packages)
  if [ -n "${missing// /}" ]; then
    tail -20 "$log" >&2
    die "apt could not install: $missing"
  fi
fi

# --- the Node binary -----------------------------------------------------------------------------------
if [ ! -x "$node_home/bin/node" ]; then
  say "fetching Node $NODE_VERSION (55 MB) from npm; its V8 is the engine"
  tmp=$(mktemp -d)
  trap 'rm -rf "$tmp"' EXIT
  if ! (cd "$tmp" && npm pack --loglevel=error "$NODE_PACKAGE@$NODE_VERSION" >/dev/null 2>"$tmp/log"); then
    tail -5 "$tmp/log" >&2
    die "npm could not fetch $NODE_PACKAGE@$NODE_VERSION (its words are above); check that npm reaches its registry, then run again"
  fi
  tarball=$(ls "$tmp"/*.tgz)
  got="sha512-$(openssl dgst -sha512 -binary "$tarball" | openssl base64 -A)"
  [ "$got" = "$NODE_INTEGRITY" ] ||
    die "$NODE_PACKAGE@$NODE_VERSION does not have the pinned hash (got $got, want $NODE_INTEGRITY); nothing was installed"
  tar -xzf "$tarball" -C "$tmp"
  mkdir -p "$(dirname "$node_home")"
  rm -rf "$node_home.new.$$"
  mv "$tmp/package" "$node_home.new.$$"
  # The rename makes it appear whole or not at all; another run may have been faster.
  mv -T "$node_home.new.$$" "$node_home" 2>/dev/null || rm -rf "$node_home.new.$$"
fi
mkdir -p .deps
if [ "$(readlink .deps/node 2>/dev/null)" != "$node_home" ]; then
  ln -sfn "$node_home" .deps/node
fi
say "all there (Node $NODE_VERSION, $(printf '%s\n' $wanted | wc -l) Debian packages)"
