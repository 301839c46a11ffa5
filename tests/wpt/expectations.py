"""What is known not to pass: expectations/*.json, a file a directory of the suite.

    {"url/x.any.js?1-10": {"status": "OK", "reason": "...", "fails": {"subtest's name": "reason"}}}

A test that is not listed passes whole. `reason` is one of REASONS, a colon and words. A test whose harness itself ends in an
error, or that has more than half of its subtests failing for one reason, is listed as a whole ("fails": "*").
"""

import collections
import glob
import json
import os
import re

import suite

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "expectations")

REASONS = {
    "missing": "an interface that the platform does not have",
    "page": "needs a document, a worker, or another realm",
    "server": "needs the tests' own server",
    "newer": "the standard has changed since this version of the suite",
    "proposal": "in no standard yet",
    "policy": "the platform decides otherwise, see docs",
    "bug": "to be mended",
}

# What no platform of this kind can pass, or should: table.py counts these for nobody.
NOBODYS = ("page", "server", "newer", "proposal")


def reason_of(expected, test, subtest):
    """The word before the colon; None where the subtest is to pass."""
    known = expected.get(test)
    if known is None:
        return None
    reason = known["reason"] if known["fails"] == "*" else known["fails"].get(subtest)
    return reason and reason.split(":")[0]


def load():
    expected = {}
    for name in sorted(glob.glob(os.path.join(FOLDER, "*.json"))):
        with open(name, encoding="utf-8") as file:
            expected.update(json.load(file))
    return expected


def failing(outcome):
    return {name: subtest for name, subtest in outcome["subtests"].items() if subtest["status"] != "PASS"}


def regressions(test, outcome, expected):
    """What should pass and does not: names of subtests, "" for the file itself."""
    known = expected.get(test.id, {"status": "OK", "fails": {}})
    if known["fails"] == "*":
        return []
    found = [name for name in failing(outcome) if name not in known["fails"]]
    if outcome["status"] != "OK" and outcome["status"] != known["status"]:
        found.append("")
    return found


def improvements(test, outcome, expected):
    """How many subtests pass although they are listed."""
    known = expected.get(test.id)
    if known is None:
        return 0
    if known["fails"] == "*":
        return int(outcome["status"] == "OK" and bool(outcome["subtests"]) and not failing(outcome))
    return sum(name in outcome["subtests"] and outcome["subtests"][name]["status"] == "PASS" for name in known["fails"])


def guess(outcome_message):
    """The reason of a failure that nobody has looked at yet."""
    message = outcome_message or ""
    undefined = re.search(r"(\w+) is not defined", message) or re.search(r"(fetch) is not there", message)
    return f"missing: {undefined[1]}" if undefined else "bug: not looked at"


def entry(outcome, old):
    """The entry of a test with failures; reasons given by hand stay."""
    fails = failing(outcome)
    whole = old.get("reason", "")
    if outcome["status"] != "OK" and not outcome["subtests"]:
        return {"status": outcome["status"], "reason": whole or guess(outcome["message"]), "fails": "*"}
    old_fails = old["fails"] if isinstance(old.get("fails"), dict) else {}
    reasons = {name: old_fails.get(name) or whole or guess(subtest["message"]) for name, subtest in fails.items()}
    # What a peer alone names, and is nobody's to pass: table.py asks for it.
    reasons.update({name: reason for name, reason in old_fails.items()
                    if name not in outcome["subtests"] and reason.split(":")[0] in NOBODYS})
    counts = collections.Counter(reasons.values())
    if len(fails) == len(outcome["subtests"]) > 0 and len(counts) == 1:
        return {"status": outcome["status"], "reason": next(iter(counts)), "fails": "*"}
    return {"status": outcome["status"], "fails": reasons}


def save(tests, results, expected, whole):
    """`whole`: all tests were run, so that an entry of one that is no longer there goes."""
    if whole:
        run = {test.id for test in tests}
        expected = {name: known for name, known in expected.items() if name in run}
    for test in tests:
        outcome = results[test.id]
        old = expected.pop(test.id, {})
        if outcome["status"] != "OK" or failing(outcome):
            expected[test.id] = entry(outcome, old)
    files = collections.defaultdict(dict)
    for name, known in expected.items():
        files[name.split("/")[0]][name] = known
    for name in {path.split("/")[0] for path in suite.DIRECTORIES}:
        path = os.path.join(FOLDER, name + ".json")
        if name in files:
            with open(path, "w", encoding="utf-8") as file:
                json.dump(files[name], file, indent=1, sort_keys=True)
                file.write("\n")
        elif os.path.exists(path):
            os.unlink(path)


def sums(tests, results):
    """{directory: [tests, subtests, passed]}"""
    groups = collections.defaultdict(lambda: [0, 0, 0])
    for test in tests:
        outcome = results[test.id]
        group = groups[test.group]
        group[0] += 1
        # A test that ends before it has named its subtests counts as one.
        group[1] += len(outcome["subtests"]) or 1
        group[2] += len(outcome["subtests"]) - len(failing(outcome))
    return groups


def print_sums(tests, results, skipped):
    for group, (files, subtests, passed) in sorted(sums(tests, results).items()):
        print(f"wpt: {group:34} {files:4} tests {passed:6} of {subtests:6} subtests pass ({100 * passed / subtests:5.1f}%)")
    for reason, count in sorted(skipped.items()):
        print(f"wpt: out of scope: {count} files: {reason}")


def report(tests, results, expected, skipped):
    """Prints the sums and what differs; the exit code."""
    print_sums(tests, results, skipped)
    worse = [(test.id, name, results[test.id]) for test in tests for name in regressions(test, results[test.id], expected)]
    better = sum(improvements(test, results[test.id], expected) for test in tests)
    if better:
        print(f"wpt: {better} subtests pass that the expectations list: run again with --update")
    for name, subtest, outcome in worse[:50]:
        message = outcome["subtests"][subtest]["message"] if subtest else outcome["message"]
        print(f"wpt: WORSE {name}: {subtest or outcome['status']}: {message}")
    print(f"wpt: {len(worse)} subtests fail that should pass")
    return 1 if worse else 0
