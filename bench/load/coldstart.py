#!/usr/bin/env python3
"""What the first request of a function waits: deploys many functions, starts zts again so that none has an isolate, calls each once
and reads the worker's own histogram. Between two calls there is a pause, so that a spare isolate is at hand; --pause-ms 0 is the burst.
--learned is of functions that have been called, and have given way to others since: the engine has learned what their requests run."""
import argparse
import json
import os
import statistics
import sys
import tempfile
import time

import bundle
import machine
import metrics
import zts

BAR_MS = 2.0
LITTLE_MEMORY = "64MiB"  # some thirty isolates
HISTOGRAM = "zts_cold_start_seconds"
PHASES = ("route", "queue", "isolate", "context", "artifact", "compile", "evaluate", "hand-over", "total", "handler", "gc")


def deploy_all(z, count, size, flags):
    with tempfile.TemporaryDirectory(prefix="zts-bench-") as folder:
        path = os.path.join(folder, "cold.js")
        for n in range(count):
            with open(path, "w") as f:
                f.write(bundle.make(size, f"f{n}"))
            z.deploy(path, f"cold-{n}", *flags)


def call_all(z, count, pause):
    """Milliseconds that each first call took, seen from outside (a new connection each)."""
    took = []
    for n in range(count):
        begin = time.monotonic()
        status, body = zts.fetch(z.port, f"/cold-{n}")
        took.append((time.monotonic() - begin) * 1e3)
        if status != 200 or not body.decode().endswith(f" f{n}"):
            raise zts.Failed(f"cold-{n} answers {status} {body[:100]!r}")
        time.sleep(pause)
    return sorted(took)


def learn(z, count, pause):
    """Calls each four times. Memory is for a fraction of them: the others have given up their isolates by then."""
    for n in range(count):
        for _ in range(4):
            zts.fetch(z.port, f"/cold-{n}")
        time.sleep(pause)


def phases(page):
    return {phase: metrics.buckets(page, HISTOGRAM, phase=phase) for phase in PHASES}


def run(args):
    with zts.Zts(args.bin, threads=args.threads, flags=["--memory-budget", LITTLE_MEMORY] if args.learned else []) as z:
        # Spares have V8's usual nursery: who asks for another one gets an isolate of its own.
        deploy_all(z, args.functions, args.bytes, ["--nursery", "3MiB"] if args.nothing_warm else [])
        if not args.no_restart:
            z.down()
            z.up()
        zts.wait_until_served(z.port, "/")
        if args.learned:
            learn(z, args.functions, args.pause_ms / 1e3)
        before = phases(z.metrics())
        outside = call_all(z, args.functions, args.pause_ms / 1e3)
        after = phases(z.metrics())
    return outside, {phase: metrics.difference(after[phase], before[phase]) for phase in PHASES}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--functions", type=int, default=200)
    parser.add_argument("--bytes", type=int, default=2_000, help="of each bundle [%(default)s]")
    parser.add_argument("--pause-ms", type=float, default=20)
    parser.add_argument("--nothing-warm", action="store_true", help="no spare isolate fits: each is made while the request waits")
    parser.add_argument("--learned", action="store_true", help="called before, and given up: needs some 50 functions")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--no-restart", action="store_true", help="call what the deploy has warmed already")
    parser.add_argument("--bin", default=os.path.join(zts.ROOT, "bazel-bin"))
    parser.add_argument("--check", action="store_true", help=f"fail when p99 is {BAR_MS} ms or more")
    parser.add_argument("--json", metavar="FILE")
    args = parser.parse_args()
    described = machine.describe(zts.ROOT)
    machine.print_description(described)
    outside, histograms = run(args)
    cold = metrics.count(histograms["total"])
    print(f"{args.functions} functions of {args.bytes} bytes called once: {cold:.0f} cold starts; "
          f"from outside p50 {statistics.median(outside):.2f} ms, p99 {outside[int(0.99 * (len(outside) - 1))]:.2f} ms")
    for phase in PHASES:
        p50, p99 = (metrics.quantile(histograms[phase], q) for q in (0.5, 0.99))
        if p50 is not None:
            print(f"  {phase:9} p50 <= {p50 * 1e3:.3f} ms, p99 <= {p99 * 1e3:.3f} ms  ({metrics.count(histograms[phase]):.0f})")
    p99 = metrics.quantile(histograms["total"], 0.99)
    if args.json:
        with open(args.json, "w") as f:
            json.dump({"machine": described, "outside_ms": outside, "cold_starts": cold,
                       "p99_ms": None if p99 is None else p99 * 1e3}, f, indent=2)
    if cold < args.functions:
        print(f"note: {args.functions - cold:.0f} functions were warm before their first call")
    met = p99 is not None and p99 * 1e3 < BAR_MS
    print(f"p99 under {BAR_MS:g} ms: {'met' if met else 'MISSED'}")
    return 1 if args.check and not met else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except zts.Failed as problem:
        print(f"coldstart: {problem}", file=sys.stderr)
        sys.exit(1)
