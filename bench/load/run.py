#!/usr/bin/env python3
"""Requests a CPU-second, latency and memory: zts beside its peers, nginx and the floor, in turns on one machine.

Every server is pinned to one CPU and the load generator to another. A round measures each server once; rounds repeat, so that a change of the
machine's speed meets all of them. The figure to compare is CPU a request (user + system time of the serving processes from /proc over the
requests answered), or its inverse, requests a CPU-second: requests a second saturate at the generator's speed. Ratios are medians of each round's own.
"""
import argparse
import json
import os
import shutil
import signal
import sys

import machine
import measure
import servers
import zts
from workloads import SCENARIOS, WORKLOADS

WARM_UP_SECONDS = 1
OURS = ("floor", "nginx", "zts")


def start_one(name, args, opened):
    if name == "floor":
        binary = os.path.join(args.bin, "bench", "load", "floor")
        opened += [servers.Floor(binary, args.server_cpu, workload) for workload in WORKLOADS]
    elif name == "nginx" and servers.Nginx.binary() is None:
        print("nginx is not installed and left out (tools/deps.sh bench installs it)")
    elif name == "nginx":
        opened.append(servers.Nginx(args.server_cpu))
    else:
        opened.append(servers.ZtsServer(args.bin, args.server_cpu, args.io))


def start_servers(args, opened):
    """What is asked for and there."""
    wanted = args.servers.split(",")
    if wanted == ["all"]:
        wanted = [*OURS, *servers.PEERS]
    unknown = [name for name in wanted if name not in OURS and name not in servers.PEERS]
    if unknown:
        raise zts.Failed(f"no server is called {', '.join(unknown)}; there are {', '.join([*OURS, *servers.PEERS])}, and --peer NAME=CMD")
    for name in wanted:
        if name in OURS:
            start_one(name, args, opened)
    peers = [name for name in wanted if name in servers.PEERS]
    homes = servers.peer_homes(peers) if peers else {}
    for name in peers:
        if name in homes:
            try:
                opened.append(servers.start_peer(name, homes[name], args.server_cpu))
            except zts.Failed as problem:
                print(f"{name} is left out: {problem}")
    for given in args.peer:
        name, _, command = given.partition("=")
        if not name or not command:
            raise zts.Failed(f"--peer {given}: write NAME=COMMAND; the command gets PORT in its environment and {{port}} replaced")
        opened.append(servers.Peer(name, ["sh", "-c", "exec " + command], args.server_cpu))


def check_bar(report, bar):
    """The bar: hello at 256 connections within `bar` times the floor."""
    for scenario in report["scenarios"]:
        if (scenario["workload"], scenario["connections"], scenario["pipeline"], scenario["rate"], scenario["tool"]) == \
                ("hello", 256, 1, 0, "loadgen"):
            got = scenario["to_floor"].get("zts")
            if got is None:
                return True
            print(f"\nhello at 256 connections: {got:.2f} x the floor (bar: at most {bar:.2f}): {'met' if got <= bar else 'MISSED'}")
            return got <= bar
    return True


def parse_arguments(more=lambda parser: None):
    cpus = sorted(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--servers", default=",".join(OURS), help="which, comma-separated, or all: %(default)s,"
                        + ",".join(servers.PEERS) + " [%(default)s]")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=CMD",
                        help="another server: its command, which gets PORT in its environment and {port} replaced; what it answers as "
                             "bench/load/workloads.py says is measured. May be repeated")
    parser.add_argument("--only", default="", help="scenarios whose name contains this")
    parser.add_argument("--rounds", type=int, default=5, help="times each server is measured [%(default)s]")
    parser.add_argument("--seconds", type=int, default=2, help="of one measurement [%(default)s]")
    parser.add_argument("--server-cpu", type=int, default=cpus[0], help="[%(default)s]")
    parser.add_argument("--load-cpu", type=int, default=cpus[-1], help="[%(default)s]")
    parser.add_argument("--io", default="auto", help="the engine's I/O: auto, uring or epoll")
    parser.add_argument("--bin", default=os.path.join(zts.ROOT, "bazel-bin"), help="where the built binaries are")
    parser.add_argument("--bar", type=float, default=1.5, help="zts over floor, hello at 256 connections [%(default)s]")
    parser.add_argument("--check", action="store_true", help="fail when the bar is missed")
    parser.add_argument("--json", metavar="FILE", help="write everything there; bench/report/report.py makes a page of it")
    more(parser)
    return parser.parse_args()


def main():
    args = parse_arguments()
    # A signal ends what was started: as an exception through every `finally`.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    for tool in ("wrk", "taskset"):
        if shutil.which(tool) is None:
            raise zts.Failed(f"{tool} is missing; tools/deps.sh bench installs what benchmarks need")
    if args.server_cpu == args.load_cpu:
        raise zts.Failed("one CPU is not enough: server and generator would share it")
    chosen = [scenario for scenario in SCENARIOS if args.only in scenario.name]
    if not chosen:
        raise zts.Failed(f"no scenario's name contains '{args.only}'; there are: " + "; ".join(scenario.name for scenario in SCENARIOS))
    described = machine.describe(zts.ROOT)
    machine.print_description(described)
    load = measure.Generator(os.path.join(args.bin, "bench", "load", "loadgen"), args.load_cpu, args.seconds)

    opened = []
    try:
        start_servers(args, opened)
        report = measure.bench(opened, chosen, args.rounds, load,
                               lambda server, scenario: load(server, scenario, WARM_UP_SECONDS))
    finally:
        for server in opened:
            server.close()
    report["machine"] = described
    report["rounds"], report["seconds"] = args.rounds, args.seconds
    report["versions"] = {server.name: servers.peer_version(server.name) for server in opened}
    met = check_bar(report, args.bar)
    if args.json:
        with open(args.json, "w") as f:
            json.dump(report, f, indent=2)
        print(f"all figures: {args.json}")
    failed = [s["name"] for s in report["scenarios"] if any(x["errors"] for x in s["summaries"].values())]
    if failed:
        raise zts.Failed("errors in: " + "; ".join(failed))
    return 0 if met or not args.check else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except zts.Failed as problem:
        print(f"bench: {problem}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
