#!/usr/bin/env bash
# Runs one fuzzer, or each of them, for a number of seconds; what it finds is written into the folder it names.
# usage: tools/fuzz.sh [//package:name_fuzz] [seconds]
set -euo pipefail
cd "$(dirname "$0")/.."
target="${1:-}" seconds="${2:-60}"
if [ -n "$target" ]; then
  targets="${target}_bin"
else
  targets=$(bazel query 'attr(tags, "\bfuzz\b", //...)' 2>/dev/null)
fi
for t in $targets; do
  echo "fuzz: building $t"
  bazel build --config=fuzz "$t"
  package=${t#//}; package=${package%%:*}
  name=${t##*:}
  found="${TMPDIR:-/tmp}/zts-fuzz/$name"
  mkdir -p "$found"
  dict=()
  for d in "$package/${name%_bin}.dict" "$package"/*.dict; do [ -f "$d" ] && dict=("-dict=$d") && break; done
  echo "fuzz: $t for $seconds s; new inputs and crashes go to $found"
  "bazel-bin/$package/$name" -max_total_time="$seconds" -artifact_prefix="$found/" -print_final_stats=1 \
    "${dict[@]}" "$found" "$package/corpus"
done
