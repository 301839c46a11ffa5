#!/usr/bin/env bash
# The foreground of `make up`: starts everything, deploys the example, waits for Ctrl-C, ends everything.
set -uo pipefail
cd "$(dirname "$0")/.."
data="$1" http="$2" threads="$3"
ctl=bazel-bin/cli/ztsctl
args=(up --data-dir "$data" --http "$http")
[ "$threads" = 0 ] || args+=(--threads "$threads")
mkdir -p "$data" || { echo "up: cannot make the data directory $data" >&2; exit 1; }

# Ctrl-C reaches the whole foreground group; this shell stays to see the end and to report it.
trap : INT TERM
"$ctl" "${args[@]}" &
up=$!
# The controller answers before its worker has connected: a deploy then would be stored and served by nobody yet.
for _ in $(seq 300); do
  kill -0 "$up" 2>/dev/null || { wait "$up"; exit $?; }
  "$ctl" workers --data-dir "$data" --json 2>/dev/null | grep -q '"name"' && break
  sleep 0.1
done
if "$ctl" deploy examples/hello.js --name hello --data-dir "$data"; then
  echo "Try it: curl http://$http/hello     Your own: $ctl deploy FILE.js --data-dir $data     Ctrl-C ends all."
else
  echo "up: the example could not be deployed; the reason is above" >&2
fi
code=0
while kill -0 "$up" 2>/dev/null; do
  wait "$up"
  code=$?
done
exit "$code"
