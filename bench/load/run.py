#!/usr/bin/env python3
"""Requests a second, latency and server CPU a request: zts beside nginx and the floor, in turns on one machine.

Every server is pinned to one CPU and the load generator (wrk) to another. A round measures each server once; rounds repeat, so
that a change of the machine's speed meets all of them. The figure to compare is CPU microseconds a request (user + system time of the
serving processes from /proc over the requests answered): requests a second saturate at the generator's speed.
"""
import argparse
import hashlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time

import machine
import procfs
import servers
import zts

HERE = os.path.dirname(os.path.abspath(__file__))
FUNCTIONS = {name: os.path.join(zts.ROOT, "bench", "functions", name + ".js") for name in ("hello", "json")}
WARM_UP_SECONDS = 1
# Below this the server was waiting, for the generator or for its CPU: requests a second then say nothing about it.
BUSY_SHARE = 0.93


class Scenario:
    def __init__(self, function, connections, depth=1):
        self.function, self.connections, self.depth = function, connections, depth
        self.name = f"{function}, {connections} connections" + (f", {depth} deep" if depth > 1 else "")


SCENARIOS = [Scenario("hello", 64), Scenario("hello", 256), Scenario("hello", 64, depth=16),
             Scenario("json", 64), Scenario("json", 256), Scenario("json", 64, depth=16)]


def parse_result(printed):
    """What report.lua wrote."""
    for line in printed.splitlines():
        if line.startswith("RESULT "):
            return json.loads(line[len("RESULT "):])
    raise zts.Failed("wrk printed no result:\n" + printed)


def run_wrk(cpu, port, path, scenario, seconds):
    command = ["taskset", "-c", str(cpu), "wrk", "-t1", f"-c{scenario.connections}", f"-d{seconds}s", "--latency",
               "-s", os.path.join(HERE, "report.lua"), f"http://127.0.0.1:{port}{path}", "--", str(scenario.depth)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise zts.Failed(f"wrk failed:\n{done.stdout}{done.stderr}")
    return parse_result(done.stdout)


def measure(server, scenario, load):
    """One run: what the generator saw, and what the server's processes used meanwhile."""
    pids = server.pids()
    others = {name: sum(map(procfs.cpu_seconds, p)) for name, p in server.others().items()}
    cpu = sum(map(procfs.cpu_seconds, pids))
    begin = time.monotonic()
    result = load(server.port, server.path(scenario.function), scenario)
    wall = time.monotonic() - begin
    cpu = sum(map(procfs.cpu_seconds, pids)) - cpu
    others = {name: sum(map(procfs.cpu_seconds, p)) - others[name] for name, p in server.others().items()}
    if sorted(pids) != sorted(server.pids()):
        raise zts.Failed(f"{server.name}: its processes changed during the run; something died")
    requests = max(1, result["requests"])
    return {"requests_per_s": result["requests"] / result["seconds"], "p50_us": result["p50_us"], "p99_us": result["p99_us"],
            "p999_us": result["p999_us"], "errors": result["errors"], "requests": result["requests"],
            "cpu_us_per_request": cpu * 1e6 / requests, "busy": cpu / wall,
            "other_cpu_us_per_request": {name: used * 1e6 / requests for name, used in others.items()}}


def summarize(runs):
    """The median of each figure over the rounds, and the least CPU."""
    def median(key):
        return statistics.median(run[key] for run in runs)
    summary = {key: median(key) for key in ("requests_per_s", "p50_us", "p99_us", "p999_us", "cpu_us_per_request", "busy")}
    summary["cpu_us_per_request_min"] = min(run["cpu_us_per_request"] for run in runs)
    summary["errors"] = sum(run["errors"] for run in runs)
    summary["requests"] = sum(run["requests"] for run in runs)
    summary["other_cpu_us_per_request"] = {
        name: statistics.median(run["other_cpu_us_per_request"][name] for run in runs)
        for name in runs[0]["other_cpu_us_per_request"]}
    return summary


def ratio(summaries, of, to):
    """CPU a request of one server in units of another's, from the medians of the same rounds."""
    if of not in summaries or to not in summaries or summaries[to]["cpu_us_per_request"] == 0:
        return None
    return summaries[of]["cpu_us_per_request"] / summaries[to]["cpu_us_per_request"]


def check_answers(scenario_servers, function):
    """The SHA-256 of the body that all of them give; different answers are no comparison."""
    bodies = {}
    for server in scenario_servers:
        status, body = zts.fetch(server.port, server.path(function))
        if status != 200:
            raise zts.Failed(f"{server.name} answers {function} with status {status}: {body[:200]!r}")
        bodies[server.name] = body
    if len(set(bodies.values())) != 1:
        raise zts.Failed(f"the servers answer {function} differently: {bodies}")
    return hashlib.sha256(next(iter(bodies.values()))).hexdigest()


def print_scenario(scenario, summaries):
    print(f"\n{scenario.name}")
    print(f"  {'':8}{'req/s':>10}{'p50 us':>9}{'p99 us':>9}{'p99.9 us':>10}{'CPU us/req':>12}{'(min)':>8}{'busy':>7}{'x floor':>9}{'x nginx':>9}")
    for name, s in summaries.items():
        to_floor, to_nginx = ratio(summaries, name, "floor"), ratio(summaries, name, "nginx")
        print(f"  {name:8}{s['requests_per_s']:>10,.0f}{s['p50_us']:>9,.0f}{s['p99_us']:>9,.0f}{s['p999_us']:>10,.0f}"
              f"{s['cpu_us_per_request']:>12.2f}{s['cpu_us_per_request_min']:>8.2f}{s['busy']:>7.0%}"
              f"{'' if to_floor is None else format(to_floor, '.2f'):>9}{'' if to_nginx is None else format(to_nginx, '.2f'):>9}")
        for other, used in s["other_cpu_us_per_request"].items():
            print(f"  {'':8}  {other}: {used:.3f} us a request beside")
        if s["errors"]:
            print(f"  {'':8}  {s['errors']} errors of {s['requests']} requests")
        if s["busy"] < BUSY_SHARE:
            print(f"  {'':8}  not busy all the time: compare CPU, not requests a second")


def bench(groups, scenarios, rounds, load, warm_up):
    """groups: function -> servers. All scenarios with all their servers, in turns; the report."""
    report = {"checksums": {}, "scenarios": []}
    for function, group in groups.items():
        report["checksums"][function] = check_answers(group, function)
        print(f"checksum of {function}: sha256 {report['checksums'][function]}")
    for scenario in scenarios:
        group = groups.get(scenario.function, [])
        if not group:
            continue
        for server in group:
            warm_up(server.port, server.path(scenario.function), scenario)
        runs = {server.name: [] for server in group}
        for _ in range(rounds):
            for server in group:
                runs[server.name].append(measure(server, scenario, load))
        summaries = {name: summarize(of) for name, of in runs.items()}
        print_scenario(scenario, summaries)
        report["scenarios"].append({"name": scenario.name, "function": scenario.function, "connections": scenario.connections,
                                    "pipeline": scenario.depth, "summaries": summaries, "runs": runs,
                                    "zts_to_floor": ratio(summaries, "zts", "floor"), "zts_to_nginx": ratio(summaries, "zts", "nginx")})
    for function, group in groups.items():
        if check_answers(group, function) != report["checksums"][function]:
            raise zts.Failed(f"the answer of {function} changed during the run")
    return report


def start_servers(args, opened):
    """What is asked for and there, by function. The floor answers JSON as well: with the body that zts gives."""
    wanted = args.servers.split(",")
    groups = {"hello": [], "json": []}
    floor = os.path.join(args.bin, "bench", "load", "floor")
    if "floor" in wanted:
        opened.append(servers.Floor(floor, args.server_cpu))
        groups["hello"].append(opened[-1])
    if "nginx" in wanted and servers.Nginx.binary() is None:
        print("nginx is not installed and left out (tools/deps.sh bench installs it)")
    elif "nginx" in wanted:
        opened.append(servers.Nginx(args.server_cpu))
        groups["hello"].append(opened[-1])
    if "zts" in wanted:
        opened.append(servers.ZtsServer(args.bin, args.server_cpu, FUNCTIONS, args.io))
        product = opened[-1]
        groups["hello"].append(product)
        groups["json"].append(product)
        if "floor" in wanted:
            _, body = zts.fetch(product.port, product.path("json"))
            opened.append(servers.Floor(floor, args.server_cpu, body))
            groups["json"].insert(0, opened[-1])
    return {function: group for function, group in groups.items() if group}


def check_bar(report, bar):
    """The foundation's bar: hello at 256 connections within `bar` times the floor."""
    for scenario in report["scenarios"]:
        if (scenario["function"], scenario["connections"], scenario["pipeline"]) == ("hello", 256, 1):
            got = scenario["zts_to_floor"]
            if got is None:
                return True
            print(f"\nhello at 256 connections: {got:.2f} x the floor (bar: at most {bar:.2f}): {'met' if got <= bar else 'MISSED'}")
            return got <= bar
    return True


def parse_arguments():
    cpus = sorted(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--servers", default="floor,nginx,zts", help="which, comma-separated [%(default)s]")
    parser.add_argument("--functions", default="hello,json", help="which, comma-separated [%(default)s]")
    parser.add_argument("--rounds", type=int, default=3, help="times each server is measured [%(default)s]")
    parser.add_argument("--seconds", type=int, default=3, help="of one measurement [%(default)s]")
    parser.add_argument("--server-cpu", type=int, default=cpus[0], help="[%(default)s]")
    parser.add_argument("--load-cpu", type=int, default=cpus[-1], help="[%(default)s]")
    parser.add_argument("--io", default="auto", help="the engine's I/O: auto, uring or epoll")
    parser.add_argument("--bin", default=os.path.join(zts.ROOT, "bazel-bin"), help="where the built binaries are")
    parser.add_argument("--bar", type=float, default=1.5, help="zts over floor, hello at 256 connections [%(default)s]")
    parser.add_argument("--check", action="store_true", help="fail when the bar is missed")
    parser.add_argument("--json", metavar="FILE", help="write everything there")
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
    described = machine.describe(zts.ROOT)
    machine.print_description(described)

    def load(port, path, scenario):
        return run_wrk(args.load_cpu, port, path, scenario, args.seconds)

    def warm_up(port, path, scenario):
        run_wrk(args.load_cpu, port, path, scenario, WARM_UP_SECONDS)

    opened = []
    try:
        groups = start_servers(args, opened)
        groups = {function: group for function, group in groups.items() if function in args.functions.split(",")}
        report = bench(groups, SCENARIOS, args.rounds, load, warm_up)
    finally:
        for server in opened:
            server.close()
    report["machine"] = described
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
