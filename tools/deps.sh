#!/usr/bin/env bash
# Installs what the build, the tests and the binaries need, and nothing else:
#   - Debian packages, by apt (as root, or with sudo);
#   - from npm, into a private prefix and checked against their integrity hashes, the pinned Node binary that lends its V8 and the
#     packages of NPM_PACKAGES.
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
# The npm client is needed once, to fetch the Node binary and the packages; any npm on the PATH will do.
cache="${XDG_CACHE_HOME:-$HOME/.cache}/zts"
node_home="$cache/node-$NODE_VERSION"
# archive_of NAME FOLDER: where the packages of FOLDER/package-lock.json are kept.
archive_of() {
  printf '%s/npm-%s-%s.tar' "$cache" "$1" "$(cat "$2/package.json" "$2/package-lock.json" | sha256sum | cut -c1-16)"
}
npm_there() {
  local name version integrity
  [ -x "$node_home/bin/node" ] && [ -f "$(archive_of apps tests/apps)" ] || return 1
  while read -r name version integrity; do
    [ -z "$name" ] || [ -f "$cache/npm/${name//\//+}-$version/package.json" ] || return 1
  done <<<"$NPM_PACKAGES"
}
if ! npm_there && ! command -v npm >/dev/null; then missing="$missing npm"; fi
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

# --- Prometheus, unpacked and not installed -----------------------------------------------------------
prometheus_home="${XDG_CACHE_HOME:-$HOME/.cache}/zts/prometheus"
if [ ! -x "$prometheus_home/usr/bin/prometheus" ]; then
  say "fetching Prometheus (19 MB) from Debian, for the tests of metrics and alerts"
  unpacked=$(mktemp -d)
  if (cd "$unpacked" && apt-get -o APT::Sandbox::User=root download "$PROMETHEUS_PACKAGE" >log 2>&1 && dpkg-deb -x ./*.deb tree); then
    mkdir -p "$(dirname "$prometheus_home")"
    mv -T "$unpacked/tree" "$prometheus_home" 2>/dev/null || true
  else
    tail -5 "$unpacked/log" >&2
    say "Prometheus could not be fetched (above): its tests will say that they are skipped"
  fi
  rm -rf "$unpacked"
fi

# --- from npm: the Node binary, and packages -------------------------------------------------------------
# fetch_npm NAME VERSION INTEGRITY FOLDER: the package's content as FOLDER, whole or not at all.
fetch_npm() {
  local name="$1" version="$2" integrity="$3" folder="$4" tmp got
  tmp=$(mktemp -d)
  trap 'rm -rf "$tmp"' RETURN
  if ! (cd "$tmp" && npm pack --loglevel=error "$name@$version" >/dev/null 2>"$tmp/log"); then
    tail -5 "$tmp/log" >&2
    die "npm could not fetch $name@$version (its words are above); check that npm reaches its registry, then run again"
  fi
  got="sha512-$(openssl dgst -sha512 -binary "$tmp"/*.tgz | openssl base64 -A)"
  [ "$got" = "$integrity" ] ||
    die "$name@$version does not have the pinned hash (got $got, want $integrity); nothing was installed"
  tar -xzf "$tmp"/*.tgz -C "$tmp"
  mkdir -p "$(dirname "$folder")"
  rm -rf "$folder.new.$$"
  mv "$tmp/package" "$folder.new.$$"
  # The rename makes it appear whole or not at all; another run may have been faster.
  mv -T "$folder.new.$$" "$folder" 2>/dev/null || rm -rf "$folder.new.$$"
}
# link NAME FOLDER: .deps/NAME is FOLDER.
link() {
  mkdir -p "$(dirname ".deps/$1")"
  [ "$(readlink ".deps/$1" 2>/dev/null)" = "$2" ] || ln -sfn "$2" ".deps/$1"
}

if [ ! -x "$node_home/bin/node" ]; then
  say "fetching Node $NODE_VERSION (55 MB) from npm; its V8 is the engine"
  fetch_npm "$NODE_PACKAGE" "$NODE_VERSION" "$NODE_INTEGRITY" "$node_home"
fi
link node "$node_home"
mkdir -p .deps/npm
while read -r name version integrity; do
  [ -n "$name" ] || continue
  folder="$cache/npm/${name//\//+}-$version"
  if [ ! -f "$folder/package.json" ]; then
    say "fetching $name $version from npm"
    fetch_npm "$name" "$version" "$integrity" "$folder"
  fi
  link "npm/$name" "$folder"
done <<<"$NPM_PACKAGES"

# --- npm packages with what they depend on --------------------------------------------------------------------------------------
# One archive of node_modules a package-lock.json, which pins every package by version and hash. npm refuses what has another hash, and
# runs none of the packages' scripts.
install_packages() {
  local name="$1" from="$2" archive tmp
  archive=$(archive_of "$name" "$from")
  if [ ! -f "$archive" ]; then
    say "fetching the npm packages of $from"
    tmp=$(mktemp -d)
    mkdir -p "$cache"
    cp "$from/package.json" "$from/package-lock.json" "$tmp/"
    if ! (cd "$tmp" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >log 2>&1); then
      tail -5 "$tmp/log" >&2
      rm -rf "$tmp"
      die "npm could not fetch the packages of $from (its words are above); check that npm reaches its registry, then run again"
    fi
    tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$archive.new.$$" -C "$tmp" node_modules
    mv "$archive.new.$$" "$archive"
    rm -rf "$tmp"
  fi
  link "npm_archives/$name.tar" "$archive"
}
install_packages apps tests/apps

# --- what only the tests of Kubernetes manifests need -------------------------------------------------
if [ "${1:-}" = k8s ]; then
  k8s_home="${XDG_CACHE_HOME:-$HOME/.cache}/zts"
  if [ ! -d "$k8s_home/k8s-schemas" ] && command -v pip3 >/dev/null; then
    unpacked=$(mktemp -d)
    pip3 download --no-deps -q -d "$unpacked" "kubernetes-validate==$K8S_SCHEMAS_VERSION"
    echo "$K8S_SCHEMAS_SHA256  $(ls "$unpacked"/*.whl)" | sha256sum -c --quiet || die "kubernetes-validate does not have the pinned hash"
    mkdir -p "$k8s_home"
    unzip -q "$unpacked"/*.whl -d "$k8s_home/k8s-schemas"
    rm -rf "$unpacked"
  fi
  if [ ! -x "$k8s_home/k8s/kustomize" ] && command -v go >/dev/null; then
    say "building kustomize $KUSTOMIZE_VERSION"
    GOBIN="$k8s_home/k8s" go install "sigs.k8s.io/kustomize/kustomize/v5@$KUSTOMIZE_VERSION"
  fi
fi

say "all there (Node $NODE_VERSION, $(printf '%s\n' $wanted | wc -l) Debian packages)"
