#!/usr/bin/env python3
"""Writes docs/wpt.md: this platform beside its peers on the same tests, by the same runner."""

import datetime
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)

import expectations  # noqa: E402
import suite  # noqa: E402

RUNTIMES = ["zts", "node", "deno", "workerd"]
PAGE = os.path.join(TREE, "docs/wpt.md")
BEGIN, END = "<!-- table: make wpt-table -->", "<!-- end of the table -->"


def measure(folder, arguments):
    """{runtime: {test: result}}"""
    found, skipped = {}, {}
    for name in RUNTIMES:
        path = os.path.join(folder, name + ".json")
        if not os.path.exists(path):
            peer = [] if name == "zts" else ["--peer", name]
            print(f"wpt: {name}", flush=True)
            subprocess.run([sys.executable, os.path.join(HERE, "run.py"), "--json", path, *peer, *arguments], check=name != "zts")
        with open(path, encoding="utf-8") as file:
            read = json.load(file)
        found[name], skipped = read["results"], read["skipped"]
    return found, skipped


def count(found):
    """({directory: [subtests that anybody knows of, {runtime: passed}]}, {reason: subtests left out}): who does not get as far as naming a
    subtest has not passed it, and what is nobody's to pass is counted for nobody, whoever passes it."""
    groups, left_out = {}, {}
    expected = expectations.load()
    for test in sorted(set().union(*found.values())):
        group = next((d for d in suite.DIRECTORIES if test.startswith(d + "/")), None)
        if group is None:
            continue  # of an older run
        known = set().union(*(results.get(test, {"subtests": {}})["subtests"] for results in found.values())) or {""}
        reasons = {name: expectations.reason_of(expected, test, name) for name in known}
        names = {name for name in known if reasons[name] not in expectations.NOBODYS}
        for reason in reasons.values():
            if reason in expectations.NOBODYS:
                left_out[reason] = left_out.get(reason, 0) + 1
        if not names:
            continue
        total, passed = groups.setdefault(group, [0, dict.fromkeys(RUNTIMES, 0)])
        groups[group][0] = total + len(names)
        for runtime, results in found.items():
            subtests = results.get(test, {"subtests": {}})["subtests"]
            passed[runtime] += sum(name in names and subtest["status"] == "PASS" for name, subtest in subtests.items())
    return groups, left_out


def versions():
    text = open(os.path.join(TREE, "tools/versions.sh"), encoding="utf-8").read()
    found = {name: re.search(rf"^{name.upper()}_VERSION=(.*)$", text, re.M)[1] for name in ("node", "deno", "workerd", "wpt")}
    return found


def revision():
    ran = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=TREE, stdout=subprocess.PIPE, text=True, check=True)
    return ran.stdout.strip()


def table(found, skipped):
    (groups, left_out), version = count(found), versions()
    head = ["zts", f"Node {version['node']}", f"Deno {version['deno']}", f"workerd {version['workerd']}"]
    lines = [f"Suite: web-platform-tests as of Firefox {version['wpt']}; run on {datetime.date.today()} at revision {revision()}.", "",
             "| directory | subtests | " + " | ".join(head) + " |", "|---|--:|" + "--:|" * len(head)]
    sums = [0, dict.fromkeys(RUNTIMES, 0)]
    for group, (total, passed) in sorted(groups.items()):
        lines.append(f"| {group} | {total} | " + " | ".join(f"{100 * passed[name] / total:.1f}%" for name in RUNTIMES) + " |")
        sums[0] += total
        for name in RUNTIMES:
            sums[1][name] += passed[name]
    lines.append(f"| **all** | {sums[0]} | " + " | ".join(f"**{100 * sums[1][name] / sums[0]:.1f}%**" for name in RUNTIMES) + " |")
    meaning = expectations.REASONS
    lines += ["", "Left out of the count, for all of them: " +
              "; ".join(f"{n} subtests ({reason}: {meaning[reason]})" for reason, n in sorted(left_out.items())) + "."]
    lines += ["", "Not run, for any of them: " + "; ".join(f"{count} files ({reason})" for reason, count in sorted(skipped.items())) + "."]
    return "\n".join(lines)


def main():
    # A folder given keeps the results; runs that are there already are not repeated.
    folder = sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="zts_wpt_table_")
    os.makedirs(folder, exist_ok=True)
    text = table(*measure(folder, sys.argv[2:]))
    page = open(PAGE, encoding="utf-8").read()
    before, rest = page.split(BEGIN)
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}")


if __name__ == "__main__":
    main()
