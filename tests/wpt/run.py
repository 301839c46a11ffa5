#!/usr/bin/env python3
"""Runs web-platform-tests and compares with the expectations; README.md says how."""

import argparse
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import expectations  # noqa: E402
import runtimes  # noqa: E402
import suite  # noqa: E402

TREE = os.path.dirname(os.path.dirname(HERE))
# Where a test believes to stand; nothing is asked there unless a server is started.
ORIGIN = "http://web-platform.test:8000"
SKIPPED = 3


def find_suite(cached):
    """The folder of the pinned suite; None when it is to be had from the cache only and is not there."""
    ran = subprocess.run([os.path.join(TREE, "tools/wpt.sh")] + (["--cached"] if cached else []), stdout=subprocess.PIPE, text=True)
    if cached and ran.returncode == SKIPPED:
        return None
    if ran.returncode != 0:
        sys.exit(f"wpt: the suite could not be fetched (exit code {ran.returncode})")
    return ran.stdout.strip()


def find_peers():
    ran = subprocess.run([os.path.join(TREE, "tools/peers.sh"), "deno", "workerd", "node"], stdout=subprocess.PIPE, text=True, check=True)
    return dict(line.split(" ", 1) for line in ran.stdout.splitlines())


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("patterns", nargs="*", help="run only tests whose id contains one of these")
    parser.add_argument("--bin", default=os.path.join(TREE, "bazel-bin"))
    parser.add_argument("--suite", help="folder of web-platform-tests; the pinned one when not given")
    parser.add_argument("--cached", action="store_true", help="do not fetch the suite; say so and end well when it is not there")
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--update", action="store_true", help="rewrite the expectations of what was run")
    parser.add_argument("--peer", choices=["node", "deno", "workerd"], help="run a peer instead; nothing is compared")
    parser.add_argument("--json", help="write all results here")
    parser.add_argument("-v", action="store_true", help="print every subtest that does not pass")
    return parser.parse_args()


def main():
    options = arguments()
    root = options.suite or find_suite(options.cached)
    if root is None:
        print("wpt: SKIPPED: the suite is not in the cache; `make wpt` fetches it (680 MB) and runs")
        return 0
    peers = find_peers() if options.peer else {}
    tests, skipped = suite.find(root, options.patterns)
    if not tests:
        sys.exit(f"wpt: no test matches {options.patterns}")
    results = {}
    with tempfile.TemporaryDirectory(prefix="zts_wpt_") as folder:
        def make():
            return runtimes.peer(options.peer, peers[options.peer], folder) if options.peer else runtimes.Isolate(options.bin, folder)

        def run(some, jobs):
            def note(test, outcome):
                results[test.id] = outcome
                if options.v:
                    show(test, outcome)
                elif len(results) % 100 == 0:
                    print(f"wpt: {len(results)} of {len(tests)}", flush=True)
            runtimes.run_all(some, make, ORIGIN, jobs, note)

        run(tests, options.jobs)
        expected = {} if options.peer else expectations.load()
        # What differs is run once more, alone: a busy machine makes timers late.
        if not options.peer:
            run([test for test in tests if expectations.regressions(test, results[test.id], expected)], 1)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"results": results, "skipped": skipped}, file, indent=1, sort_keys=True)
    if options.peer:
        expectations.print_sums(tests, results, skipped)
        return 0
    if options.update:
        expectations.save(tests, results, expected, whole=not options.patterns)
        expected = expectations.load()
    return expectations.report(tests, results, expected, skipped)


def show(test, outcome):
    print(f"{test.id}: {outcome['status']} {outcome['message'] or ''}")
    for name, subtest in outcome["subtests"].items():
        if subtest["status"] != "PASS":
            print(f"  {subtest['status']} {name!r}: {subtest['message']}")


if __name__ == "__main__":
    sys.exit(main())
