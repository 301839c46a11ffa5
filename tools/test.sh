#!/usr/bin/env bash
# Runs the tests and counts single cases, not targets.
# usage: tools/test.sh [bazel flags] -- targets
set -uo pipefail
cd "$(dirname "$0")/.."
flags=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do flags+=("$1"); shift; done
[ "${1:-}" = -- ] && shift
events=$(mktemp)
trap 'rm -f "$events"' EXIT
echo "test: building and running $* (the first build takes some minutes)"
bazel test "${flags[@]}" --keep_going --build_event_json_file="$events" -- "$@"
code=$?
# 4: there were no tests; 3: some failed; anything else that is not 0 is a build that did not work.
python3 tools/test_summary.py "$events" "$code"
