#!/bin/sh
# Runs one GoogleTest addon inside the host binary. The flags are those of the product's own processes.
addon="$1"; shift
case "$addon" in /*) ;; *) addon="$PWD/$addon" ;; esac
node=$(find -L external/node/bin ../node/bin .deps/node/bin -name node -type f 2>/dev/null | head -n 1)
[ -n "$node" ] || { echo "the host binary is not among the test's files" >&2; exit 1; }
[ -z "$XML_OUTPUT_FILE" ] || export GTEST_OUTPUT="xml:$XML_OUTPUT_FILE"
exec "$node" $(cat "$(dirname "$0")/../jsruntime/v8_flags.txt" 2>/dev/null | grep -v '^#') "$addon" "$@"
