#!/usr/bin/env python3
"""Where a server spends its CPU under a load: samples by perf, a table of the hottest functions, and a flame graph.

The kernel's own time is in it where the machine permits (as root, or with kernel.perf_event_paranoid at most 1). V8's builtins have names; code
that it compiled at run time has not, as a map for perf would take other flags than those in service, and is shown as [JavaScript].
"""
import argparse
import collections
import os
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "load"))

import machine  # noqa: E402
import measure  # noqa: E402
import servers  # noqa: E402
import zts  # noqa: E402
from workloads import WORKLOADS, Scenario  # noqa: E402

RATE_HZ = 4_999  # not a divisor of what servers do in steps
# In order of preference: a virtual machine has no cycle counter and samples by the clock.
EVENTS = ("cycles", "cpu-clock")


def perf_event():
    """The event to sample by; Failed with perf's own words where nothing is permitted."""
    if shutil.which("perf") is None:
        raise zts.Failed("perf is missing; tools/deps.sh bench installs it (Debian: linux-perf)")
    said = ""
    for event in EVENTS:
        with tempfile.TemporaryDirectory(prefix="zts-perf-") as folder:
            done = subprocess.run(["perf", "record", "-q", "-o", folder + "/data", "-e", event, "-g", "--", "true"], capture_output=True, text=True)
            if done.returncode == 0:
                return event
            said = done.stderr.strip() or said
    raise zts.Failed(f"perf may not sample on this machine: {said}\nRun as root, or 'sysctl kernel.perf_event_paranoid=1'; in a container it "
                     "needs CAP_PERFMON, and a seccomp profile that lets perf_event_open through.")


def record(pids, event, path, load):
    """Samples the processes while `load` runs; what it returned."""
    perf = subprocess.Popen(["perf", "record", "-q", "-o", path, "-e", event, "-F", str(RATE_HZ), "-g", "-p", ",".join(map(str, pids))],
                            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        return load()
    finally:
        perf.send_signal(signal.SIGINT)
        _, said = perf.communicate()
        if not os.path.exists(path):
            raise zts.Failed(f"perf recorded nothing: {said}")


def folded(path):
    """Stacks, outermost first, with how often each was seen: 'a;b;c' -> 12."""
    script = subprocess.run(["perf", "script", "-i", path, "-F", "comm,pid,tid,event,ip,sym,dso"], capture_output=True, text=True)
    if script.returncode != 0:
        raise zts.Failed(f"perf script failed:\n{script.stderr}")
    return fold(script.stdout)


def fold(script):
    """The same of what `perf script` prints."""
    stacks, frames, command = collections.Counter(), [], None
    for line in script.splitlines() + [""]:
        if not line.strip():
            if command is not None and frames:
                stacks[";".join([command, *reversed(frames)])] += 1
            frames, command = [], None
        elif command is None:
            command = line.split()[0]
        else:
            frames.append(_frame(line))
    return stacks


def _frame(line):
    """A name without address: '7f12 zts::Shard::OnRecv+0x10 (/path/engine.node)' -> 'zts::Shard::OnRecv'; kernel frames end in _[k]."""
    name, _, library = line.strip().partition(" ")[2].rpartition(" (")
    library = library.rstrip(")")
    name = name.split("+0x")[0].replace(";", ":")
    if name in ("", "[unknown]"):
        name = "[JavaScript]" if library.startswith("[JIT]") else f"[{os.path.basename(library.strip('[]')) or 'unknown'}]"
    return name + "_[k]" if library.startswith("[kernel") or library.endswith(".ko") else name


def hottest(stacks, count):
    """(share by itself, share with what it calls, name), the hottest by themselves first."""
    total = sum(stacks.values()) or 1
    alone, within = collections.Counter(), collections.Counter()
    for stack, times in stacks.items():
        names = stack.split(";")[1:]
        alone[names[-1]] += times
        for name in set(names):
            within[name] += times
    return [(times / total, within[name] / total, name) for name, times in alone.most_common(count)]


def kernel_share(stacks):
    total = sum(stacks.values()) or 1
    return sum(times for stack, times in stacks.items() if stack.endswith("_[k]")) / total


def draw(stacks, title, path):
    """The flame graph, by inferno; False where it cannot be had."""
    done = subprocess.run([os.path.join(zts.ROOT, "tools", "peers.sh"), "inferno"], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        return False
    tool = os.path.join(done.stdout.split()[1], "bin", "inferno-flamegraph")
    text = "".join(f"{stack} {times}\n" for stack, times in sorted(stacks.items()))
    with open(path, "w", encoding="utf-8") as f:
        subprocess.run([tool, "--title", title, "--hash"], input=text, stdout=f, text=True, check=True)
    return True


def start(args):
    if args.server == "zts":
        return servers.ZtsServer(args.bin, args.server_cpu, args.io)
    if args.server == "floor":
        return servers.Floor(os.path.join(args.bin, "bench", "load", "floor"), args.server_cpu, args.workload)
    if args.server == "nginx":
        return servers.Nginx(args.server_cpu)
    homes = servers.peer_homes([args.server])
    if args.server not in homes:
        raise zts.Failed(f"{args.server} cannot be had here")
    return servers.start_peer(args.server, homes[args.server], args.server_cpu)


def parse_arguments():
    cpus = sorted(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default="zts", help="zts, floor, nginx or a peer of bench/peers [%(default)s]")
    parser.add_argument("--workload", default="hello", choices=list(WORKLOADS))
    parser.add_argument("--connections", type=int, default=256)
    parser.add_argument("--depth", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--top", type=int, default=30, help="functions to print [%(default)s]")
    parser.add_argument("--server-cpu", type=int, default=cpus[0])
    parser.add_argument("--load-cpu", type=int, default=cpus[-1])
    parser.add_argument("--io", default="auto")
    parser.add_argument("--bin", default=os.path.join(zts.ROOT, "bazel-bin"))
    parser.add_argument("--out", default="flamegraph.svg")
    return parser.parse_args()


def main():
    args = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    event = perf_event()
    machine.print_description(machine.describe(zts.ROOT))
    scenario = Scenario(args.workload, args.connections, args.depth)
    load = measure.Generator(os.path.join(args.bin, "bench", "load", "loadgen"), args.load_cpu, args.seconds)
    server = start(args)
    try:
        measure.check_answer(server, scenario.workload)
        load(server, scenario, 2)
        with tempfile.TemporaryDirectory(prefix="zts-perf-") as folder:
            path = os.path.join(folder, "data")
            run = record(server.pids(), event, path, lambda: measure.measure(server, scenario, load))
            stacks = folded(path)
            event = subprocess.run(["perf", "evlist", "-i", path], capture_output=True, text=True).stdout.strip() or event
    finally:
        server.close()
    cpu = run["cpu_us_per_request"]
    print(f"\n{server.name}, {scenario.name}: {run['requests']:,} requests, {cpu:.2f} us of CPU each (sampling included), "
          f"{kernel_share(stacks):.0%} in the kernel; {sum(stacks.values()):,} samples by {event}")
    print(f"  {'us alone':>9}{'us with callees':>17}  function")
    for alone, within, name in hottest(stacks, args.top):
        print(f"  {alone * cpu:>9.3f}{within * cpu:>17.3f}  {name[:110]}")
    if draw(stacks, f"{server.name}, {scenario.name}: {cpu:.2f} us of CPU a request", args.out):
        print(f"flame graph: {args.out}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except zts.Failed as problem:
        print(f"flamegraph: {problem}", file=sys.stderr)
        sys.exit(1)
