#!/usr/bin/env python3
"""Makes a page and two plots of what bench/load/run.py wrote with --json: NAME.md, NAME.svg and NAME-latency.svg beside the file."""
import argparse
import json
import os
import statistics

import svg


def versions(report):
    return ", ".join(f"{name} {version}" for name, version in report["versions"].items() if version)


def head(report):
    m = report["machine"]
    lines = [f"{m['cpus']} x {m['cpu']}, Linux {m['kernel']}, tcp {m['congestion_control']}; commit {m['commit']}; {m['date']}.",
             f"Each server on one core, the generator on another; {report['rounds']} rounds in turns, {report['seconds']} s each; "
             "figures are medians, ratios the median of each round's own.", f"Versions: {versions(report)}." if versions(report) else ""]
    if m["load_before"] > 0.5:
        lines.append(f"**The machine was busy with other work (load {m['load_before']} before): ratios hold, latencies and requests a second do not.**")
    return "\n".join(line for line in lines if line)


def cell(value, form):
    return "" if value is None else format(value, form)


def table(scenario):
    lines = ["| | requests a CPU-second | CPU us a request (quartiles) | x floor | x nginx | requests/s | p50 us | p90 | p99 | p99.9 | max | MiB |",
             "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"]
    for name, s in sorted(scenario["summaries"].items(), key=lambda item: -item[1]["requests_per_cpu_s"]):
        bold = "**" if name == "zts" else ""
        low, high = s["cpu_us_per_request_quartiles"]
        lines.append("| " + " | ".join([
            f"{bold}{name}{bold}", f"{bold}{s['requests_per_cpu_s']:,.0f}{bold}", f"{s['cpu_us_per_request']:.2f} ({low:.2f}-{high:.2f})",
            cell(scenario["to_floor"].get(name), ".2f"), cell(scenario["to_nginx"].get(name), ".2f"), f"{s['requests_per_s']:,.0f}",
            *[f"{s[key]:,.0f}" for key, _ in svg.QUANTILES], f"{s['memory_bytes'] / 2**20:.0f}"]) + " |")
    return "\n".join(lines)


def generators_agree(report):
    """The same scenario by loadgen and by wrk: CPU a request of each server, one over the other."""
    by_tool = {}
    for s in report["scenarios"]:
        by_tool.setdefault((s["workload"], s["connections"], s["pipeline"], s["rate"]), {})[s["tool"]] = s["summaries"]
    for tools in by_tool.values():
        if {"wrk", "loadgen"} <= tools.keys():
            found = [tools["loadgen"][name]["cpu_us_per_request"] / tools["wrk"][name]["cpu_us_per_request"]
                     for name in tools["wrk"] if tools["wrk"][name]["cpu_us_per_request"]]
            if found:
                return (f"Generators: the servers' CPU a request under `loadgen` over that under `wrk`: median {statistics.median(found):.2f} "
                        f"({min(found):.2f}-{max(found):.2f}).")
    return ""


def page(report, name):
    lines = [f"# {name}", "", head(report), "", f"![requests a CPU-second]({name}.svg)", ""]
    if any(s["rate"] for s in report["scenarios"]):
        lines += [f"![latency at a constant rate]({name}-latency.svg)", ""]
    lines += [agree, ""] if (agree := generators_agree(report)) else []
    for scenario in report["scenarios"]:
        lines += [f"## {scenario['name']}", ""]
        if scenario["rate"]:
            lag = max(s["generator_lag_p99_us"] for s in scenario["summaries"].values())
            lines += [f"Latency from when each request was due. The generator itself was late by {lag:,.0f} us at most (p99 of a run).", ""]
        errors = sum(s["errors"] for s in scenario["summaries"].values())
        lines += [table(scenario), ""] + ([f"**{errors} errors.**", ""] if errors else [])
    lines += ["## Checksums", "", "Every response was held against the expected body.", "", "| workload | sha256 |", "|---|---|"]
    lines += [f"| {workload} | `{checksum}` |" for workload, checksum in report["checksums"].items()]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", help="of run.py --json")
    args = parser.parse_args()
    with open(args.file, encoding="utf-8") as f:
        report = json.load(f)
    stem, name = os.path.splitext(args.file)[0], os.path.splitext(os.path.basename(args.file))[0]

    def write(suffix, text):
        with open(stem + suffix, "w", encoding="utf-8") as f:
            f.write(text)
    write(".md", page(report, name))
    closed = [s for s in report["scenarios"] if not s["rate"] and s["tool"] == "loadgen"]
    write(".svg", svg.bars([(f"{s['name']}: requests a CPU-second", {n: x["requests_per_cpu_s"] for n, x in s["summaries"].items()})
                            for s in closed]))
    constant = [(s["name"], s["summaries"]) for s in report["scenarios"] if s["rate"]]
    if constant:
        write("-latency.svg", svg.quantiles(constant))
    print(f"{stem}.md")


if __name__ == "__main__":
    main()
