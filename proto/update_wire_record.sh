#!/bin/sh
# Takes the .proto files as they are for the record that proto/wire_record_test holds later changes to.
# A diff that removes or changes a line breaks builds and data that exist: it needs a reason as good as that.
set -eu
cd "$(dirname "$0")/.."
bazel build //proto:print_wire_record
new=$(mktemp)
trap 'rm -f "$new"' EXIT
bazel-bin/proto/print_wire_record > "$new"
cp "$new" proto/testdata/wire_record.txt
git --no-pager diff --stat -- proto/testdata/wire_record.txt
