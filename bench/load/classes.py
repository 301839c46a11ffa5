#!/usr/bin/env python3
"""What a request costs that another class's engine runs: the same function with and without `--isolation process`, in turns.

CPU time is that of both engine processes, the one that accepts and the one that runs it.
"""
import argparse
import json
import os
import signal
import statistics
import sys

import machine
import measure as measuring
import procfs
import zts
from workloads import WORKLOADS, Workload

KINDS = {"here": (), "there": ("--isolation", "process")}


def deploy(product, name):
    path = os.path.join(zts.ROOT, "bench", "functions", name + ".js")
    for kind, options in KINDS.items():
        product.run("deploy", path, "--name", f"{name}-{kind}", "--json", *options)


def one_run(product, load, asked, seconds, connections):
    pids = product.engine_pids()
    cpu = sum(map(procfs.cpu_seconds, pids))
    result = load.load(product.port, [asked], connections, seconds=seconds)
    cpu = sum(map(procfs.cpu_seconds, pids)) - cpu
    return {"cpu_us_per_request": cpu * 1e6 / max(1, result["requests"]), "errors": result["errors"],
            **{key: result[key] for key in measuring.LATENCIES}}


def main():
    cpus = sorted(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--functions", default="hello,body64k")
    parser.add_argument("--connections", default="1,64", help="[%(default)s]")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--bin", default=os.path.join(zts.ROOT, "bazel-bin"))
    parser.add_argument("--json", metavar="FILE")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    described = machine.describe(zts.ROOT)
    machine.print_description(described)
    load = measuring.Generator(os.path.join(args.bin, "bench", "load", "loadgen"), cpus[-1], args.seconds)
    counts = [int(count) for count in args.connections.split(",")]
    rows = []
    with zts.Zts(args.bin, cpu=cpus[0]) as product:
        for name in args.functions.split(","):
            deploy(product, name)
            asked = {kind: Workload(f"{name}-{kind}", "", WORKLOADS[name].expect) for kind in KINDS}
            for count in counts:
                for workload in asked.values():
                    one_run(product, load, workload, 1, count)
                runs = {kind: [] for kind in KINDS}
                for _ in range(args.rounds):
                    for kind, workload in asked.items():
                        runs[kind].append(one_run(product, load, workload, args.seconds, count))
                rows += [{"function": name, "connections": count, "kind": kind, "errors": sum(run["errors"] for run in of),
                          **{key: statistics.median(run[key] for run in of) for key in ("cpu_us_per_request", *measuring.LATENCIES)}}
                         for kind, of in runs.items()]
    print(f"\n  {'function':10}{'connections':>12}  {'run':6}{'CPU us/req':>11}{'p50 us':>9}{'p99':>9}{'errors':>8}")
    for row in rows:
        print(f"  {row['function']:10}{row['connections']:>12}  {row['kind']:6}{row['cpu_us_per_request']:>11.2f}{row['p50_us']:>9,.0f}"
              f"{row['p99_us']:>9,.0f}{row['errors']:>8}")
    if args.json:
        with open(args.json, "w") as f:
            json.dump({"machine": described, "classes": rows}, f, indent=2)
    return 1 if any(row["errors"] for row in rows) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except zts.Failed as problem:
        print(f"classes: {problem}", file=sys.stderr)
        sys.exit(1)
