#!/usr/bin/env python3
"""Runs the end-to-end cases on real binaries.

  python3 tests/e2e/run.py --bin bazel-bin [-k PATTERN] [-v] [--keep] [MODULE...]
"""

import argparse
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

from harness import platform  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description="End-to-end cases on the real binaries.")
    parser.add_argument("--bin", default="bazel-bin", help="where the binaries are: a build tree or an installation")
    parser.add_argument("-k", dest="patterns", action="append", help="only cases whose name contains this; repeatable")
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("-f", "--failfast", action="store_true")
    parser.add_argument("--keep", action="store_true", help="keep the data directories")
    parser.add_argument("modules", nargs="*", help="such as test_http; all when none is named")
    options = parser.parse_args()
    platform.BIN = os.path.abspath(options.bin)
    platform.KEEP = options.keep

    loader = unittest.TestLoader()
    if options.patterns:
        loader.testNamePatterns = [pattern if "*" in pattern else f"*{pattern}*" for pattern in options.patterns]
    if options.modules:
        suite = unittest.TestSuite(loader.loadTestsFromName(os.path.splitext(os.path.basename(name))[0]) for name in options.modules)
    else:
        suite = loader.discover(HERE, "test_*.py", HERE)
    result = unittest.TextTestRunner(verbosity=2 if options.verbose else 1, failfast=options.failfast).run(suite)
    if result.testsRun == 0 and not result.skipped and not result.errors:
        print("no case has such a name", file=sys.stderr)
        return 2
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
