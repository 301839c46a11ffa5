#!/bin/sh
# docs/metrics.md is what the code says.
set -e
"$1" "$2" > "$TEST_TMPDIR/renewed.md"
if ! diff -u "$2" "$TEST_TMPDIR/renewed.md"; then
  echo "docs/metrics.md is out of date; run: make docs" >&2
  exit 1
fi
