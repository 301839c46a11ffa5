#!/usr/bin/env python3
"""How long `ztsctl deploy` of a 50 KB bundle takes, from its start until every shard serves the new version. One function is
replaced again and again, each time by code that no cache has seen; after each deploy the new answer is asked for. Then the last
two versions are gone back to in turns."""
import argparse
import json
import os
import statistics
import sys
import tempfile

import bundle
import machine
import zts

BAR_MS = 300


def run(args):
    seconds, back = [], []
    with zts.Zts(args.bin, threads=args.threads) as z, tempfile.TemporaryDirectory(prefix="zts-bench-") as folder:
        path = os.path.join(folder, "big.js")
        for n in range(args.deploys + 1):
            with open(path, "w") as f:
                f.write(bundle.make(args.bytes, f"v{n}"))
            took = z.deploy(path, "big")
            status, body = zts.fetch(z.port, "/big")
            if status != 200 or not body.decode().endswith(f" v{n}"):
                raise zts.Failed(f"deploy {n} is said to be live, but the answer is {status} {body[:100]!r}")
            if n > 0:  # the first one makes the controller start its compiler for the first time
                seconds.append(took)
        for n in range(args.rollbacks):
            # Between the last two: the one that is left stays warm.
            to = args.deploys + (0 if n % 2 == 0 else 1)
            back.append(z.rollback("big", to))
            status, body = zts.fetch(z.port, "/big")
            if status != 200 or not body.decode().endswith(f" v{to - 1}"):
                raise zts.Failed(f"rollback to {to} is said to be live, but the answer is {status} {body[:100]!r}")
    return seconds, back


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deploys", type=int, default=20)
    parser.add_argument("--rollbacks", type=int, default=20)
    parser.add_argument("--bytes", type=int, default=50_000)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--bin", default=os.path.join(zts.ROOT, "bazel-bin"))
    parser.add_argument("--check", action="store_true", help=f"fail when the median is {BAR_MS} ms or more")
    parser.add_argument("--json", metavar="FILE")
    args = parser.parse_args()
    described = machine.describe(zts.ROOT)
    machine.print_description(described)
    deploys, rollbacks = run(args)
    ms = sorted(s * 1e3 for s in deploys)
    back = sorted(s * 1e3 for s in rollbacks)
    median = statistics.median(ms)
    print(f"deploy of {args.bytes} bytes to live on {args.threads} shards, {len(ms)} times: "
          f"median {median:.0f} ms, least {ms[0]:.0f}, most {ms[-1]:.0f} (bar: under {BAR_MS}: {'met' if median < BAR_MS else 'MISSED'})")
    if back:
        print(f"rollback to live on {args.threads} shards, {len(back)} times: "
              f"median {statistics.median(back):.0f} ms, least {back[0]:.0f}, most {back[-1]:.0f}")
    if args.json:
        with open(args.json, "w") as f:
            json.dump({"machine": described, "deploy_ms": ms, "median_ms": median, "rollback_ms": back, "bytes": args.bytes}, f, indent=2)
    return 1 if args.check and median >= BAR_MS else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except zts.Failed as problem:
        print(f"deploy: {problem}", file=sys.stderr)
        sys.exit(1)
