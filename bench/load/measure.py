"""Runs scenarios on servers in turns, and makes medians and ratios of what was seen."""
import json
import os
import statistics
import subprocess
import tempfile
import time

import procfs
import zts

HERE = os.path.dirname(os.path.abspath(__file__))
# Below this the server was waiting, for the generator or for its CPU: requests a second then say nothing about it.
BUSY_SHARE = 0.93
LATENCIES = ("p50_us", "p90_us", "p99_us", "p999_us", "max_us")


def parse_result(printed):
    """What report.lua and loadgen write."""
    for line in printed.splitlines():
        if line.startswith("RESULT "):
            return json.loads(line[len("RESULT "):])
    raise zts.Failed("the load generator printed no result:\n" + printed)


class Generator:
    """The load generators, on a CPU of their own: loadgen, which checks every response, and wrk, which stands beside it as a cross-check."""

    def __init__(self, binary, cpu, seconds):
        self.binary, self.cpu, self.seconds = binary, cpu, seconds

    def __call__(self, server, scenario, seconds=None):
        seconds = seconds or self.seconds
        if scenario.tool == "wrk":
            return self._run(["wrk", "-t1", f"-c{scenario.connections}", f"-d{seconds}s", "--latency", "-s", os.path.join(HERE, "report.lua"),
                              f"http://127.0.0.1:{server.port}{scenario.workload.path}", "--", str(scenario.depth)])
        return self.load(server.port, [scenario.workload], scenario.connections, scenario.depth, scenario.rate, seconds)

    def load(self, port, workloads, connections, depth=1, rate=0, seconds=None):
        """The workloads in turns, each answer checked."""
        with tempfile.TemporaryDirectory(prefix="zts-bench-") as folder:
            path = os.path.join(folder, "targets.json")
            with open(path, "w", encoding="utf-8") as f:
                json.dump([{"method": w.method, "path": w.path, "body": w.body.decode(), "expect": w.expect.decode()} for w in workloads], f)
            return self._run([self.binary, "--port", str(port), "--targets", path, "--connections", str(connections), "--depth", str(depth),
                              "--rate", str(rate), "--seconds", str(seconds or self.seconds)])

    def _run(self, command):
        done = subprocess.run(["taskset", "-c", str(self.cpu), *command], capture_output=True, text=True)
        if done.returncode != 0:
            raise zts.Failed(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
        return parse_result(done.stdout)


def measure(server, scenario, load):
    """One run: what the generator saw, and what the server's processes used meanwhile."""
    pids = server.pids()
    others = {name: sum(map(procfs.cpu_seconds, p)) for name, p in server.others().items()}
    cpu = sum(map(procfs.cpu_seconds, pids))
    begin = time.monotonic()
    result = load(server, scenario)
    wall = time.monotonic() - begin
    cpu = sum(map(procfs.cpu_seconds, pids)) - cpu
    others = {name: sum(map(procfs.cpu_seconds, p)) - others[name] for name, p in server.others().items()}
    if sorted(pids) != sorted(server.pids()):
        raise zts.Failed(f"{server.name}: its processes changed during the run; something died")
    requests = max(1, result["requests"])
    return {"requests_per_s": result["requests"] / result["seconds"], **{key: result[key] for key in LATENCIES},
            "errors": result["errors"], "requests": result["requests"], "cpu_us_per_request": cpu * 1e6 / requests, "busy": cpu / wall,
            "generator_lag_p99_us": result.get("generator_lag", {}).get("p99_us", 0.0),
            "service_p99_us": result.get("service", {}).get("p99_us", result["p99_us"]),
            "memory_bytes": sum(procfs.memory(pid).get("Pss", 0) for pid in pids),
            "other_cpu_us_per_request": {name: used * 1e6 / requests for name, used in others.items()}}


def summarize(runs):
    """The median of each figure over the rounds, the least CPU, and the middle half of the rounds' CPU."""
    def median(key):
        return statistics.median(run[key] for run in runs)
    summary = {key: median(key) for key in ("requests_per_s", *LATENCIES, "cpu_us_per_request", "busy", "generator_lag_p99_us",
                                            "service_p99_us", "memory_bytes")}
    cpu = sorted(run["cpu_us_per_request"] for run in runs)
    summary["cpu_us_per_request_min"] = cpu[0]
    summary["cpu_us_per_request_quartiles"] = [cpu[len(cpu) // 4], cpu[(3 * len(cpu)) // 4]]
    summary["requests_per_cpu_s"] = 1e6 / summary["cpu_us_per_request"] if summary["cpu_us_per_request"] else 0.0
    summary["errors"] = sum(run["errors"] for run in runs)
    summary["requests"] = sum(run["requests"] for run in runs)
    summary["other_cpu_us_per_request"] = {
        name: statistics.median(run["other_cpu_us_per_request"][name] for run in runs)
        for name in runs[0]["other_cpu_us_per_request"]}
    return summary


def ratio(runs, of, to):
    """CPU a request of one server in units of another's: the median over the rounds of each round's own ratio, as both stood in the same minute."""
    pairs = [a["cpu_us_per_request"] / b["cpu_us_per_request"] for a, b in zip(runs.get(of, []), runs.get(to, [])) if b["cpu_us_per_request"]]
    return statistics.median(pairs) if pairs else None


def check_answer(server, workload):
    """Different answers are no comparison."""
    status, body = zts.fetch(server.port, workload.path, method=workload.method, body=workload.body)
    if status != 200:
        raise zts.Failed(f"{server.name} answers {workload.name} with status {status}: {body[:200]!r}")
    if body != workload.expect:
        raise zts.Failed(f"{server.name} answers {workload.name} differently: {len(body)} bytes {body[:60]!r}, "
                         f"not {len(workload.expect)} bytes {workload.expect[:60]!r}")


def print_scenario(scenario, summaries, runs):
    print(f"\n{scenario.name}: {scenario.workload.means}")
    print(f"  {'':13}{'req/CPU-s':>10}{'CPU us/req':>11}{'(min)':>8}{'x floor':>8}{'x nginx':>8}{'req/s':>9}"
          f"{'p50 us':>9}{'p90':>9}{'p99':>9}{'p99.9':>9}{'max':>9}{'busy':>6}{'MiB':>6}")
    for name, s in summaries.items():
        ratios = [ratio(runs, name, to) for to in ("floor", "nginx")]
        print(f"  {name:13}{s['requests_per_cpu_s']:>10,.0f}{s['cpu_us_per_request']:>11.2f}{s['cpu_us_per_request_min']:>8.2f}"
              + "".join(f"{'' if r is None else format(r, '.2f'):>8}" for r in ratios) + f"{s['requests_per_s']:>9,.0f}"
              + "".join(f"{s[key]:>9,.0f}" for key in LATENCIES) + f"{s['busy']:>6.0%}{s['memory_bytes'] / 2**20:>6.0f}")
        for other, used in s["other_cpu_us_per_request"].items():
            print(f"  {'':13}  {other}: {used:.3f} us a request beside")
        if s["errors"]:
            print(f"  {'':13}  {s['errors']} errors of {s['requests']} requests")
        if scenario.rate and s["generator_lag_p99_us"] > 1_000:
            print(f"  {'':13}  the generator itself was late (p99 {s['generator_lag_p99_us']:,.0f} us): its CPU was wanted elsewhere")
        if not scenario.rate and s["busy"] < BUSY_SHARE:
            print(f"  {'':13}  not busy all the time: compare CPU, not requests a second")


def bench(servers, scenarios, rounds, load, warm_up):
    """All scenarios, each on all servers that offer its workload, in turns; the report."""
    report = {"checksums": {}, "scenarios": []}
    for scenario in scenarios:
        workload = scenario.workload
        group = [server for server in servers if workload.name in server.offers]
        if not group:
            continue
        for server in group:
            check_answer(server, workload)
            warm_up(server, scenario)
        report["checksums"][workload.name] = workload.checksum()
        runs = {server.name: [] for server in group}
        for _ in range(rounds):
            for server in group:
                runs[server.name].append(measure(server, scenario, load))
        for server in group:
            check_answer(server, workload)
        summaries = {name: summarize(of) for name, of in runs.items()}
        print_scenario(scenario, summaries, runs)
        report["scenarios"].append({
            "name": scenario.name, "workload": workload.name, "connections": scenario.connections, "pipeline": scenario.depth,
            "rate": scenario.rate, "tool": scenario.tool, "summaries": summaries, "runs": runs,
            "to_floor": {name: ratio(runs, name, "floor") for name in runs}, "to_nginx": {name: ratio(runs, name, "nginx") for name in runs}})
    print("\nevery response was held against the expected body; sha256 of each:")
    for name, checksum in report["checksums"].items():
        print(f"  {name:8} {checksum}")
    return report
