#!/bin/bash
# clang for `make layering`. Its dependency files name the module maps of indirect dependencies too, which this Bazel takes for
# undeclared headers; they are none, so they are taken out again.
# By its whole name: found as /bin/clang, it looks for its own headers in places that Bazel does not know.
/usr/bin/clang "$@" || exit $?
while [ $# -gt 0 ]; do
  if [ "$1" = -MF ] && [ -f "${2:-}" ]; then sed -i -E 's/[^ ]+\.cppmap( \\)?$/\\/; s/^ *\\ *$/ \\/' "$2"; fi
  shift
done
exit 0
