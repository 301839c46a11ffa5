#!/usr/bin/env python3
"""A long run of mixed traffic, and whether anything grows with it: memory, descriptors and threads of every process, against requests served.

Each cycle is the same number of everything: answers, echoes, streams, failing functions, peers that abort in every phase, a deploy. Behind it the
processes are looked at when their connections are closed. What counts comes after a warm-up; then memory may grow by a bounded number of bytes a
request (the median slope between all pairs of cycles), and descriptors and threads not at all.
"""
import argparse
import json
import os
import signal
import sys
import time

import traffic  # puts bench/load on the path
import trend

import machine
import measure
import procfs
import zts

SETTLE_SECONDS = 60
# A leaked connection, request or response would be kilobytes each time; what V8's heap and the allocators drift by in a short run stays below this.
BYTES_A_REQUEST_MAX = 256.0
# Caches, pools, V8's heaps and the isolates of versions on standby fill in this share of the run.
WARM_UP = 1 / 3


def processes(product):
    """Name -> pid; the same names for the whole run."""
    found = {"worker": product.worker_pid}
    for number, pid in enumerate(sorted(product.engine_pids())):
        found[f"engine {number}" if number else "engine"] = pid
    for pid in procfs.descendants(product.worker_pid):
        if "zts-egress" in procfs.command_line(pid):
            found["egress"] = pid
    found["controller"] = product.controller_pid
    return found


def look(pids):
    return {name: {"memory": procfs.memory(pid).get("Anonymous", 0), "files": procfs.open_files(pid), "threads": procfs.threads(pid)}
            for name, pid in pids.items()}


def settled(pids, wanted):
    """Looks until no process has more descriptors than `wanted` tells; the last look, settled or not."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        seen = look(pids)
        if wanted is None or time.monotonic() > deadline or all(seen[name]["files"] <= wanted[name]["files"] for name in pids):
            return seen
        time.sleep(0.05)


def judge(samples, bytes_max, warm_up=WARM_UP):
    """What grows, as words; and the figures of every process."""
    problems, figures = [], {}
    kept = trend.after_warm_up(samples, warm_up)
    requests = [sample["requests"] for sample in kept]
    for name in kept[0]["seen"]:
        of = [sample["seen"][name] for sample in kept]
        growth = trend.slope(requests, [x["memory"] for x in of])
        figures[name] = {"first_bytes": samples[0]["seen"][name]["memory"], "last_bytes": of[-1]["memory"], "bytes_a_request": growth,
                         "files": [of[0]["files"], of[-1]["files"]], "threads": [of[0]["threads"], of[-1]["threads"]]}
        if growth > bytes_max:
            problems.append(f"{name}: memory grows by {growth:.0f} bytes a request (bound: {bytes_max:.0f})")
        for what in ("files", "threads"):
            counts = [x[what] for x in of]
            # Tenants' descriptors are the engine's and egress's: there not one may be left over. A database and gRPC open and start some as they go.
            exact = what == "files" and name.startswith(("engine", "egress"))
            over = max(0, counts[-1] - max(counts[:-1] or counts)) if exact else 0
            if over or trend.slope(requests, counts) > 0:
                problems.append(f"{name}: {what} grow: " + " ".join(map(str, counts)))
    return problems, figures


def run(product, load, args):
    """Samples of all cycles."""
    traffic.deploy_all(product)
    pids = processes(product)
    samples, total, until, lowest = [], 0, time.monotonic() + args.minutes * 60, None
    while len(samples) < args.cycles if args.cycles else time.monotonic() < until or len(samples) < 6:
        total += traffic.cycle(product, load, args.requests, len(samples))
        if processes(product) != pids:
            raise zts.Failed(f"a process was replaced during the run: {pids} became {processes(product)}")
        seen = settled(pids, lowest)
        # The first cycles open what stays open: logs, channels, a compiler.
        if len(samples) >= 2:
            lowest = seen if lowest is None else {n: min(lowest[n], seen[n], key=lambda x: x["files"]) for n in seen}
        samples.append({"requests": total, "seen": seen})
        if len(samples) % args.every == 0:
            engine = seen["engine"]
            print(f"  cycle {len(samples)}: {total:,} requests; engine {engine['memory'] / 2**20:.1f} MiB, {engine['files']} files", flush=True)
    return samples


def show(figures, samples):
    print(f"\n{len(samples)} cycles, {samples[-1]['requests']:,} requests")
    print(f"  {'':12}{'MiB first':>10}{'MiB last':>10}{'bytes a request':>17}{'files':>12}{'threads':>12}")
    for name, f in figures.items():
        print(f"  {name:12}{f['first_bytes'] / 2**20:>10.1f}{f['last_bytes'] / 2**20:>10.1f}{f['bytes_a_request']:>17.1f}"
              f"{' -> '.join(map(str, f['files'])):>12}{' -> '.join(map(str, f['threads'])):>12}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--cycles", type=int, default=0, help="that many, however long they take, instead of minutes")
    parser.add_argument("--requests", type=int, default=20_000, help="of a cycle, roughly [%(default)s]")
    parser.add_argument("--bytes-a-request", type=float, default=BYTES_A_REQUEST_MAX, help="by which memory may grow [%(default)s]")
    parser.add_argument("--warm-up", type=float, default=WARM_UP, help="share of the run that does not count [%(default).2f]")
    parser.add_argument("--every", type=int, default=10, help="prints a line each that many cycles [%(default)s]")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--io", default="auto")
    parser.add_argument("--bin", default=os.path.join(zts.ROOT, "bazel-bin"))
    parser.add_argument("--json", metavar="FILE")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    described = machine.describe(zts.ROOT)
    machine.print_description(described)
    cpu = ",".join(map(str, sorted(os.sched_getaffinity(0))))
    load = measure.Generator(os.path.join(args.bin, "bench", "load", "loadgen"), cpu, 1)
    with zts.Zts(args.bin, threads=args.threads, io=args.io) as product:
        samples = run(product, load, args)
    problems, figures = judge(samples, args.bytes_a_request, args.warm_up)
    show(figures, samples)
    if args.json:
        with open(args.json, "w") as f:
            json.dump({"machine": described, "figures": figures, "samples": samples, "problems": problems}, f, indent=2)
    for problem in problems:
        print(f"soak: {problem}", file=sys.stderr)
    print("nothing grows" if not problems else "something grows")
    return 1 if problems else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except zts.Failed as problem:
        print(f"soak: {problem}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
