#!/bin/sh
# The verdict on made-up samples; then two dozen small cycles on what the build has just made, laid out as an installation.
set -e
python3 -B bench/soak/soak_test.py
farm=$(mktemp -d "${TEST_TMPDIR:-/tmp}/installed.XXXXXX")
trap 'rm -rf "$farm"' EXIT
for part in cli/ztsctl controller/zts-controller controller/compiler.node worker/zts-worker worker/zts-egress worker/engine/engine.node \
  jsruntime/zts-host jsruntime/web.snapshot jsruntime/v8_flags.txt; do
  ln -s "$(readlink -f "$part")" "$farm/"
done
# In so short a run V8's heaps and the isolates of versions on standby still fill, by some two kilobytes a request; so the bound on memory is wide
# here. The one on descriptors and threads is that of the long run: none.
ZTS_LIBEXEC="$farm" python3 -B bench/soak/soak.py --bin . --cycles 24 --requests 150 --threads 1 --every 6 --warm-up 0.5 --bytes-a-request 16384
