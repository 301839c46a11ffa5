#!/usr/bin/env python3
"""Bundles the modules of this folder, and writes them as C++.

  make_sources.py --node NODE --folder FOLDER --output sources.cc

node/x/y.js becomes the module "x/y"; node/internal/x.js "zts:x", webcrypto/index.js "zts:webcrypto". Each is one text; modules
of this folder are left as require() in each other's texts, so that no code is there twice. "zts:node_exports" and
"zts:node_names" are what node_exports.cjs writes, and "zts:lib_x" is Node's own JavaScript (node_library.cjs), which stands on "zts:library".
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

ESBUILD = "/usr/bin/esbuild"


def modules(folder):
    """(name, entry) of every module."""
    found = [("zts:lib_crypto", "crypto/index.js"), ("zts:lib_stream", "streams/lib_stream.js"), ("zts:library", "library/core.js"), ("zts:webcrypto", "webcrypto/index.js")]
    node = os.path.join(folder, "node")
    for root, _, files in os.walk(node):
        for file in files:
            path = os.path.relpath(os.path.join(root, file), node)
            name = path[: -len(".js")]
            name = "zts:" + name[len("internal/"):] if name.startswith("internal/") else name
            found.append((name, os.path.join("node", path)))
    return sorted(found)


# What packages take for a global of Node's. The modules that node:process itself stands on do without.
PROCESS = "import process from 'process';\nexport { process };\n"
WITHOUT_PROCESS = ("process", "events", "async_hooks", "zts:node_exports", "zts:node_names")


def bundle(folder, name, entry, externals, version):
    command = [ESBUILD, entry, "--bundle", "--format=cjs", "--platform=neutral", "--target=esnext",
               "--charset=ascii", "--minify-whitespace", "--log-level=warning", "--define:process.env.NODE_ENV=\"production\"",
               f"--define:NODE_VERSION=\"{version}\""]
    command += [f"--external:{external}" for external in externals]
    # Functions of Node's own keep their names, which people see.
    if not name.startswith("zts:lib"):
        command.append("--minify-syntax")
    if name not in WITHOUT_PROCESS and not name.startswith("zts:lib"):
        command.append("--inject:globals/process.js")
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    sys.stderr.write(done.stderr)
    if done.returncode != 0:
        sys.exit(f"{entry}: esbuild failed")
    return done.stdout


def literal(text):
    """ASCII text as adjacent C++ string literals, each well below what a compiler must take."""
    parts = []
    for start in range(0, len(text), 4000):
        piece = text[start:start + 4000]
        escaped = piece.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t").replace("?", "\\?")
        parts.append(f'"{escaped}"')
    return "\n    ".join(parts)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--node", required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--output", required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        # esbuild follows links, and would not find the files made here.
        for part in ("library", "node", "webcrypto"):
            shutil.copytree(os.path.join(options.folder, part), os.path.join(work, part))
        for part in ("crypto", "globals", "streams"):
            os.mkdir(os.path.join(work, part))
        for file, text in (("process.js", PROCESS), ("package.json", '{"sideEffects": false}')):
            with open(os.path.join(work, "globals", file), "w", encoding="ascii") as out:
                out.write(text)
        for file, flags in (("node_exports.js", []), ("node_names.js", ["--names"])):
            with open(os.path.join(work, "node", "internal", file), "w", encoding="ascii") as out:
                subprocess.run([options.node, os.path.join(options.folder, "node_exports.cjs"), *flags], stdout=out, check=True)
        library = json.loads(subprocess.run([options.node, os.path.join(options.folder, "node_library.cjs")], stdout=subprocess.PIPE, text=True, check=True).stdout)
        for file, text in library.items():
            with open(os.path.join(work, file), "w", encoding="utf-8") as out:
                out.write(text)
        found = modules(work)
        public = [name for name, _ in found if not name.startswith("zts:")]
        # "node:x", and the "x/" by which packages ask for a package of that name.
        externals = ["zts:*", "node:*"] + public + [f"{name}/" for name in public]
        version = subprocess.run([options.node, "-p", "process.versions.node"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        texts = [(name, bundle(work, name, entry, externals, version)) for name, entry in found]
    with open(options.output, "w", encoding="ascii") as out:
        out.write('// Made by make_sources.py.\n#include "jsruntime/builtins/sources.h"\n\nnamespace zts::js {\nnamespace {\n\n')
        out.write("constexpr BuiltinSource kSources[] = {\n")
        for name, text in texts:
            # With its length: counting so many characters is more than some compilers do in a constant.
            out.write(f'    {{"{name}",\n    {{{literal(text)}, {len(text)}}}}},\n')
        out.write("};\n\n}  // namespace\n\nstd::span<const BuiltinSource> BuiltinSources() { return kSources; }\n\n}  // namespace zts::js\n")


if __name__ == "__main__":
    main()
