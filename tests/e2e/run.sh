#!/bin/sh
# Runs one file of cases on the binaries that the build has just made.
here=$(dirname "$0")
# The binary's true place is the build tree, where its companions are.
bin=$(dirname "$(dirname "$(readlink -f cli/ztsctl)")")
exec python3 "$here/run.py" --bin "$bin" "$@"
