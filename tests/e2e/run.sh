#!/bin/sh
# Runs one file of cases on what the build has just made, laid out as an installation: all parts in one folder.
set -e
here=$(dirname "$0")
farm=$(mktemp -d "${TEST_TMPDIR:-/tmp}/installed.XXXXXX")
trap 'rm -rf "$farm"' EXIT
for part in cli/ztsctl controller/zts-controller controller/compiler.node worker/zts-worker worker/zts-egress worker/engine/engine.node \
  jsruntime/zts-host jsruntime/web.snapshot jsruntime/v8_flags.txt; do
  ln -s "$(readlink -f "$part")" "$farm/"
done
# The programs know their own true place; their companions are found by this.
ZTS_LIBEXEC="$farm" python3 -B "$here/run.py" --bin "$farm" "$@"
