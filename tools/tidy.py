#!/usr/bin/env python3
"""The style rules that a compiler cannot check. Prints one line a finding, with what to do; exit code 1 when there is one."""
import os
import re
import subprocess
import sys

LINE_MAX = 140
FUNCTION_LINES_MAX = 100  # a hard look is due past 70; past this a function is split
BANNED = [
    (re.compile(r"\bFIXME\b|\bXXX\b"), "write TODO(perf|security|cleanup|someday): what"),
    (re.compile(r"\bstrto[lu]+l?\(|\batoi\("), "use ParseInteger of base/bytes.h: it refuses what is no number"),
    (re.compile(r"\bsprintf\("), "use snprintf or std::to_chars"),
    (re.compile(r"\bstd::regex\b"), "std::regex is slow and recursive; parse by hand or with from_chars"),
    (re.compile(r"\bsleep_for\b|\busleep\("), "wait for a condition or a deadline instead of sleeping"),
    (re.compile(r"using namespace std\b"), "name what you use"),
    (re.compile(r"EXPECT_TRUE\(true\)"), "a test that cannot fail is none"),
]
# One door a library: who may include what.
DOORS = [
    (re.compile(r"#include <liburing\.h>"), ("worker/engine/net/uring",)),
    (re.compile(r"#include <llhttp\.h>|#include \"llhttp\.h\""), ("worker/engine/http/parser", "bench/load/response_reader",
                                                                      "worker/egress/web_socket_handshake")),
    (re.compile(r"#include <wslay/"), ("worker/egress/web_socket_codec",)),
    (re.compile(r"#include <rocksdb/"), ("controller/store/rocks_store",)),
    (re.compile(r"#include <v8"), ("jsruntime/",)),
    (re.compile(r"#include <seccomp\.h>"), ("jsruntime/sandbox",)),
    (re.compile(r"#include <node\.h>"), ("jsruntime/",)),
    (re.compile(r"#include <httplib\.h>"), ("admin/",)),
    (re.compile(r"#include <grpc"), ("cli/", "controller/", "worker/supervisor/", "tests/", "bench/fleet/")),
]


def tracked():
    names = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True).stdout.split()
    return [n for n in names if os.path.isfile(n)]


def check_header(name, lines, report):
    if name.endswith("_test.h"):
        return
    head = "".join(lines[:40])
    if not lines[0].startswith("//"):
        report(name, 1, "a header begins with one sentence that says what it is for")
    # "Owner, Thread, Life: as x.h says" counts too.
    if not re.search(r"\b(Owner|Thread|Life)[:,]", head):
        report(name, 1, "a header says owner, thread, life, limits and errors where there is something to say")


def check_functions(name, lines, report):
    start = None
    for number, line in enumerate(lines, 1):
        if start is None and re.match(r"^[A-Za-z].*\)( const| noexcept| override)* \{$", line):
            start = number
        elif start is not None and line.startswith("}"):
            if number - start > FUNCTION_LINES_MAX:
                report(name, start, f"a function of {number - start} lines; split it (the bound is {FUNCTION_LINES_MAX})")
            start = None


def main():
    findings = []

    def report(name, number, what):
        findings.append(f"{name}:{number}: {what}")

    names = tracked()
    for name in names:
        if not name.endswith((".cc", ".h")):
            continue
        with open(name, encoding="utf-8") as file:
            lines = file.readlines()
        for number, line in enumerate(lines, 1):
            if len(line.rstrip("\n")) > LINE_MAX:
                report(name, number, f"a line of {len(line) - 1} characters (the bound is {LINE_MAX})")
            for pattern, advice in BANNED:
                if pattern.search(line) and "tidy: ok" not in line:
                    report(name, number, f"{pattern.search(line).group(0)}: {advice}")
            for pattern, doors in DOORS:
                if pattern.search(line) and not name.startswith(doors):
                    report(name, number, f"{line.strip()}: only {', '.join(doors)} may include it")
        if name.endswith(".h") and lines:
            check_header(name, lines, report)
        check_functions(name, lines, report)
    folders = {os.path.dirname(n) for n in names if n.endswith((".cc", ".h", ".proto"))}
    for folder in sorted(folders):
        if os.path.basename(folder) in ("testing", "testdata", "v1", "tools", "floor", "ops", "web", "load", "micro"):
            continue
        if not any(n == f"{folder}/README.md" for n in names) and folder not in ("", "admin", "tools"):
            report(folder, 0, "a folder has a README.md of at most a screen")
    for finding in findings:
        print(finding)
    print(f"tidy: {len(findings)} findings in {len(names)} files")
    sys.exit(1 if findings else 0)


main()
