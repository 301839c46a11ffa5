#!/usr/bin/env python3
"""Bundles transform.js with acorn, and writes it as C++.

  make_source.py --acorn ACORN.mjs --entry transform.js --output transform_source.cc
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile

ESBUILD = "/usr/bin/esbuild"


def bundle(acorn, entry):
    with tempfile.TemporaryDirectory() as work:
        # esbuild follows links to where no packages are.
        shutil.copyfile(acorn, os.path.join(work, "acorn.mjs"))
        shutil.copyfile(entry, os.path.join(work, "transform.js"))
        command = [ESBUILD, "transform.js", "--bundle", "--format=iife", "--global-name=body", "--platform=neutral", "--target=esnext",
                   "--charset=ascii", "--minify-whitespace", "--log-level=warning", "--alias:acorn=./acorn.mjs"]
        done = subprocess.run(command, cwd=work, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    sys.stderr.write(done.stderr)
    if done.returncode != 0:
        sys.exit("esbuild failed")
    return done.stdout + "return body.transform;\n"


def literal(text):
    """ASCII text as adjacent C++ string literals, each well below what a compiler must take."""
    def escaped(piece):
        return "".join({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "?": "\\?"}.get(c, c) for c in piece)
    return "\n    ".join(f'"{escaped(text[start:start + 4000])}"' for start in range(0, len(text), 4000))


def main():
    parser = argparse.ArgumentParser()
    for name in ("acorn", "entry", "output"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    text = bundle(options.acorn, options.entry)
    with open(options.output, "w", encoding="ascii") as out:
        out.write('// Made by make_source.py.\n#include "jsruntime/function_body/transform_source.h"\n\nnamespace zts::js {\n\n')
        out.write(f"std::string_view TransformSource() {{\n  return {{{literal(text)},\n    {len(text)}}};\n}}\n\n}}  // namespace zts::js\n")


if __name__ == "__main__":
    main()
