#!/usr/bin/env bash
# Runs one fuzzer, or each of them, for a number of seconds of CPU time; what it finds is written into the folder it names.
# usage: tools/fuzz.sh [//package:name_fuzz] [seconds]
#
# It begins with the corpus in the tree, NAME_corpus beside NAME_fuzz.cc. What is worth keeping of what it finds goes there:
#   bazel-bin/PACKAGE/NAME_fuzz_bin -merge=1 PACKAGE/NAME_corpus FOUND
set -euo pipefail
cd "$(dirname "$0")/.."
target="${1:-}" seconds="${2:-60}"
if [ -n "$target" ]; then
  targets="${target}_bin"
else
  targets=$(bazel query 'attr(tags, "\bfuzz\b", //...)' 2>/dev/null)
fi

# cpu_seconds PID: what the process has used so far; nothing where it has ended.
cpu_seconds() { awk -v tick="$(getconf CLK_TCK)" '{ sub(/^.*\) /, ""); print int(($12 + $13) / tick) }' "/proc/$1/stat" 2>/dev/null; }

# A busy machine gives a fuzzer little of an hour: its own time counts, and libFuzzer's limit of a wall clock does not serve.
run() {
  "$@" &
  local pid=$! used
  trap 'kill -INT $pid 2>/dev/null' EXIT
  while used=$(cpu_seconds "$pid") && [ -n "$used" ]; do
    if [ "$used" -ge "$seconds" ]; then
      kill -INT "$pid"
      break
    fi
    sleep 1
  done
  local code=0
  wait "$pid" || code=$?
  trap - EXIT
  # 72: it was told to end, and has found nothing.
  [ "$code" = 72 ] || [ "$code" = 0 ]
}

for t in $targets; do
  echo "fuzz: building $t"
  bazel build --config=fuzz "$t"
  package=${t#//}; package=${package%%:*}
  name=${t##*:}
  found="${TMPDIR:-/tmp}/zts-fuzz/$name"
  mkdir -p "$found"
  dict=()
  [ ! -f "$package/${name%_fuzz_bin}.dict" ] || dict=("-dict=$package/${name%_fuzz_bin}.dict")
  echo "fuzz: $t for $seconds s of CPU time; new inputs and crashes go to $found"
  run "bazel-bin/$package/$name" -artifact_prefix="$found/" -print_final_stats=1 "${dict[@]}" "$found" "$package/${name%_fuzz_bin}_corpus"
done
