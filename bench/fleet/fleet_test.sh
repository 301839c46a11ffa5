#!/bin/sh
# The small form: what must hold at any size, on the real controller.
set -e
farm=$(mktemp -d "${TEST_TMPDIR:-/tmp}/installed.XXXXXX")
trap 'rm -rf "$farm"' EXIT
for part in controller/zts-controller controller/compiler.node controller/v8_flags.txt jsruntime/zts-host jsruntime/web.snapshot; do
  ln -s "$(readlink -f "$part")" "$farm/"
done
export ZTS_LIBEXEC="$farm"
python3 -B bench/fleet/run.py --small --fleet bench/fleet/fleet --controller "$farm/zts-controller"
