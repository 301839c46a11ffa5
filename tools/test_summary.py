#!/usr/bin/env python3
"""Counts the test cases of one `bazel test` run from its build events and prints "N passed, N failed" last.

Before it stand the ends of the logs of all that failed, those of a first try whose second one passed too: where only the end of the output
is kept, it says what happened. A target without a readable report counts as one case. A build failure counts as a failed case, so that it cannot look green.
"""
import json
import sys
import urllib.parse
import xml.etree.ElementTree as ElementTree


def cases_of(path):
    """(passed, failed, skipped, names of the failed) in one JUnit-style report."""
    passed = failed = skipped = 0
    bad = []
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = f"{case.get('classname', '')}.{case.get('name', '')}"
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
            bad.append(name)
        elif case.find("skipped") is not None or case.get("status") == "notrun":
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped, bad


# Lines of a failed program's log that are worth the place: a case's trace and what the processes said last.
LOG_LINES = 60


def output(result, name):
    """The path of a result's file of that name, or None."""
    uri = next((o["uri"] for o in result.get("testActionOutput", []) if o["name"] == name), None)
    return urllib.parse.unquote(urllib.parse.urlparse(uri).path) if uri else None


def print_log(label, result):
    """The end of what a program has printed."""
    try:
        with open(output(result, "test.log") or "", encoding="utf-8", errors="replace") as f:
            lines = f.read().splitlines()
    except OSError as error:
        lines = [f"no log: {error}"]
    left_out = len(lines) - LOG_LINES
    print(f"---- {label}" + (f" ({left_out} lines before)" if left_out > 0 else ""))
    print("\n".join(lines[-LOG_LINES:]))


def main():
    events_path, exit_code = sys.argv[1], int(sys.argv[2])
    passed = failed = skipped = 0
    seen = {}
    failures = []
    broken = []
    with open(events_path, encoding="utf-8") as events:
        for line in events:
            event = json.loads(line)
            identity = event.get("id", {})
            if "testResult" in identity and "testResult" in event:
                # A later attempt replaces an earlier one; shards of one program stand beside each other.
                test = identity["testResult"]
                seen[(test["label"], test.get("run", 1), test.get("shard", 1))] = event["testResult"]
                if event["testResult"].get("status") not in ("PASSED", "FLAKY"):
                    failures.append((test["label"], event["testResult"]))
            elif "targetCompleted" in identity and not event.get("completed", {}).get("success", False):
                broken.append(identity["targetCompleted"]["label"])
    labels = {label for label, _, _ in seen}
    for label, result in failures:
        print_log(label, result)
    unsteady = {label for label, _ in failures}
    for (label, _, _), result in sorted(seen.items(), key=lambda item: item[0]):
        good = result.get("status") in ("PASSED", "FLAKY")
        if good and label in unsteady:
            # It passed on its second try only: worth a look, and said every time.
            print(f"FLAKY {label}")
        counts = None
        try:
            counts = cases_of(output(result, "test.xml") or "")
        except (OSError, ElementTree.ParseError):
            pass
        if counts is None or sum(counts[:3]) == 0:
            counts = (1, 0, 0, []) if good else (0, 1, 0, [label])
        elif not good and counts[1] == 0:
            # It died outside a case: a crash at exit, a leak, a time-out.
            counts = (counts[0], 1, counts[2], [label])
        passed += counts[0]
        failed += counts[1]
        skipped += counts[2]
        for name in counts[3]:
            print(f"FAILED {label} {name}")
    for label in sorted(set(broken)):
        if label not in labels:
            failed += 1
            print(f"NOT BUILT {label}")
    if exit_code != 0 and failed == 0:
        failed += 1
        print(f"the build tool ended with {exit_code}; its message is above")
    print(f"{len(labels)} test programs")
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    sys.exit(0 if failed == 0 and passed > 0 else 1)


main()
