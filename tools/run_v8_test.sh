#!/bin/sh
# Runs one GoogleTest addon inside the host binary, with the flags and the snapshot of the product's own processes.
addon="$1"; shift
case "$addon" in /*) ;; *) addon="$PWD/$addon" ;; esac
node=$(find -L external/node/bin ../node/bin .deps/node/bin -name node -type f 2>/dev/null | head -n 1)
[ -n "$node" ] || { echo "the host binary is not among the test's files" >&2; exit 1; }
[ -r jsruntime/v8_flags.txt ] || { echo "jsruntime/v8_flags.txt is not among the test's files" >&2; exit 1; }
[ -z "$XML_OUTPUT_FILE" ] || export GTEST_OUTPUT="xml:$XML_OUTPUT_FILE"
[ -z "$TEST_SHARD_STATUS_FILE" ] || touch "$TEST_SHARD_STATUS_FILE"
[ -z "$TESTBRIDGE_TEST_ONLY" ] || export GTEST_FILTER="$TESTBRIDGE_TEST_ONLY"
export ZTS_LIBEXEC="$PWD/jsruntime"
unset NODE_OPTIONS NODE_V8_COVERAGE NODE_COMPILE_CACHE
# An addon built with AddressSanitizer: the host is not, so the runtime is loaded before it, and the host's own leaks are not ours.
if grep -q __asan_init "$addon"; then
  export LD_PRELOAD="$(clang -print-file-name=libclang_rt.asan-x86_64.so)"
  export ASAN_OPTIONS="$ASAN_OPTIONS:detect_leaks=0:allocator_may_return_null=1"
fi
# shellcheck disable=SC2046  # one flag a word
exec "$node" $(grep -v '^#' jsruntime/v8_flags.txt) "$addon" "$@"
