#!/usr/bin/env python3
"""One function asked, and a thousand asked in turns: what routing among many costs, and what many isolates cost a shard's caches.

Every function answers with its own name, so that a request which ends at another one is an error. The first pass over all of them, in which each
is a cold start, is not counted; with --warm-requests neither is the time in which V8 comes to compile what they run, which for many functions at
once is its helper threads' to give. nginx beside it has a thousand `location =` of constant strings.
"""
import argparse
import json
import os
import signal
import sys
import tempfile

import machine
import measure as measuring
import procfs
import servers
import statistics
import zts
from workloads import Workload

FUNCTION = 'export default {{ fetch() {{ return new Response("{name}"); }} }};\n'


def deploy(product, count):
    with tempfile.TemporaryDirectory(prefix="zts-bench-") as folder:
        path = os.path.join(folder, "f.js")
        for n in range(count):
            with open(path, "w") as f:
                f.write(FUNCTION.format(name=f"fn-{n}"))
            product.zts.deploy(path, f"fn-{n}")
            if n % 100 == 99:
                print(f"  {n + 1} functions deployed", flush=True)


def targets(count):
    return [Workload(f"fn-{n}", "", f"fn-{n}".encode()) for n in range(count)]


def one_run(server, load, asked, seconds, connections):
    pids = server.pids()
    cpu = sum(map(procfs.cpu_seconds, pids))
    result = load.load(server.port, asked, connections, seconds=seconds)
    cpu = sum(map(procfs.cpu_seconds, pids)) - cpu
    return {"cpu_us_per_request": cpu * 1e6 / max(1, result["requests"]), "errors": result["errors"], "requests": result["requests"],
            **{key: result[key] for key in measuring.LATENCIES}}


def warm(server, load, counts, args):
    had = 0
    while had < args.warm_requests * counts[-1]:
        had += one_run(server, load, targets(counts[-1]), args.seconds, args.connections)["requests"]


def main():
    cpus = sorted(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--functions", type=int, default=1_000)
    parser.add_argument("--counts", default="1,10,100,200,1000", help="of functions asked in turns [%(default)s]")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--warm-requests", type=int, default=0, help="of each function before it is measured [%(default)s]")
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--bin", default=os.path.join(zts.ROOT, "bazel-bin"))
    parser.add_argument("--json", metavar="FILE")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    described = machine.describe(zts.ROOT)
    machine.print_description(described)
    counts = sorted({min(int(count), args.functions) for count in args.counts.split(",")})
    load = measuring.Generator(os.path.join(args.bin, "bench", "load", "loadgen"), cpus[-1], args.seconds)
    opened = []
    try:
        if servers.Nginx.binary():
            opened.append(servers.Nginx(cpus[0], constants={f"/fn-{n}": f"fn-{n}" for n in range(args.functions)}))
        product = servers.ZtsServer(args.bin, cpus[0])
        opened.append(product)
        deploy(product, args.functions)
        runs = {(count, server.name): [] for count in counts for server in opened}
        for count in counts:
            for server in opened:
                one_run(server, load, targets(count), 1, 1)
        warm(product, load, counts, args)
        for _ in range(args.rounds):
            for count in counts:
                for server in opened:
                    runs[count, server.name].append(one_run(server, load, targets(count), args.seconds, args.connections))
        memory = sum(procfs.memory(pid).get("Pss", 0) for pid in product.pids())
    finally:
        for server in opened:
            server.close()
    rows = []
    print(f"\n{args.functions} functions deployed, {args.connections} connections\n  {'asked in turns':>16}{'':9}{'CPU us/req':>11}{'x one':>7}"
          f"{'p50 us':>9}{'p99':>9}{'max':>10}{'errors':>8}")
    for count in counts:
        for server in opened:
            of = runs[count, server.name]
            cpu, alone = (statistics.median(run["cpu_us_per_request"] for run in r) for r in (of, runs[counts[0], server.name]))
            row = {"count": count, "server": server.name, "cpu_us_per_request": cpu, "to_one": cpu / alone if alone else None,
                   "errors": sum(run["errors"] for run in of), **{k: statistics.median(run[k] for run in of) for k in measuring.LATENCIES}}
            rows.append(row)
            print(f"  {count:>16,} {server.name:8}{cpu:>11.2f}{row['to_one'] or 0:>7.2f}{row['p50_us']:>9,.0f}{row['p99_us']:>9,.0f}"
                  f"{row['max_us']:>10,.0f}{row['errors']:>8}")
    print(f"zts engine: {memory / 2**20:.0f} MiB at the end")
    if args.json:
        with open(args.json, "w") as f:
            json.dump({"machine": described, "routing": rows, "engine_bytes": memory}, f, indent=2)
    if any(row["errors"] for row in rows):
        raise zts.Failed("errors: a request was not answered by the function it was for")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except zts.Failed as problem:
        print(f"routing: {problem}", file=sys.stderr)
        sys.exit(1)
