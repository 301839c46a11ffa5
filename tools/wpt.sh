#!/usr/bin/env bash
# Fetches web-platform-tests into the private cache: the pinned source archive of a Debian package (680 MB, a minute or two),
# of which only the directories that WPT_DIRECTORIES names are kept. Prints the folder. Does nothing, quickly, when it is there.
#
#   tools/wpt.sh             fetches what is missing
#   tools/wpt.sh --cached    fetches nothing; exit code 3 when it is not there
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/versions.sh

die() { printf 'wpt: error: %s\n' "$*" >&2; exit 1; }

# Another list of directories is another folder.
kept=$(printf '%s' "$WPT_DIRECTORIES" | sha256sum | cut -c1-8)
home="${XDG_CACHE_HOME:-$HOME/.cache}/zts/wpt-$WPT_VERSION-$kept"
if [ -d "$home" ]; then echo "$home"; exit 0; fi
[ "${1:-}" != --cached ] || exit 3

archive="${WPT_PACKAGE}_$WPT_VERSION.orig.tar.xz"
pool="pool/main/${WPT_PACKAGE:0:1}/$WPT_PACKAGE/$archive"
command -v xz >/dev/null || die "xz is missing; run: apt-get install xz-utils"
mkdir -p "$(dirname "$home")"
tmp=$(mktemp -d "$(dirname "$home")/wpt.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
printf 'wpt: fetching %s (680 MB) from the Debian mirror of this machine\n' "$archive" >&2

# The mirrors that apt is set up with; a source archive stands in the pool beside the packages.
fetched=
for mirror in $(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sort -u); do
  if /usr/lib/apt/apt-helper download-file "${mirror%/}/$pool" "$tmp/$archive" "SHA256:$WPT_SHA256" >"$tmp/log" 2>&1; then
    fetched=yes
    break
  fi
done
[ -n "$fetched" ] || { tail -3 "$tmp/log" >&2; die "no mirror of this machine has $pool with the pinned hash; see WPT_VERSION in tools/versions.sh"; }

root="${WPT_PACKAGE%-esr}-${WPT_VERSION%esr}/testing/web-platform/tests"
mkdir "$tmp/tests"
# shellcheck disable=SC2046  # one directory a word
xz -dc -T0 "$tmp/$archive" | tar -x -C "$tmp/tests" --strip-components=4 $(printf "$root/%s " $WPT_DIRECTORIES)
# The rename makes it appear whole or not at all; another run may have been faster.
mv -T "$tmp/tests" "$home" 2>/dev/null || true
echo "$home"
