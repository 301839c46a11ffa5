#!/usr/bin/env python3
"""What a neighbour costs: the time of a quiet function's answers on one shard, alone and beside one that burns the CPU or allocates at
full speed, in turns; and that of a heavy one, alone and beside another. The machine should have a core to spare beside the shard's, and
something for this client."""
import argparse
import contextlib
import json
import os
import socket
import statistics
import sys
import tempfile
import threading
import time

import machine
import metrics
import zts

RATIO_BAR = 2.0
QUIET = 'export default () => new Response("quiet");'
NEIGHBOURS = {
    # 50 ms of arithmetic a request.
    "burner": "export default () => { let n = 0; for (let i = 0; i < 5e7; i++) n = (n * 31 + i) | 0; return new Response(String(n)); };",
    # Some 10 MB of small objects a request, part of which survives the next collections.
    "allocator": "let kept = []; export default () => { kept = []; for (let i = 0; i < 200000; i++) { const o = { a: i, b: [i, i], c: `x${i}` };"
                 " if (i % 10 === 0) kept.push(o); } return new Response(String(kept.length)); };",
}


# Heavy, but short: a few milliseconds a turn.
BRISK = "export default () => { let n = 0; for (let i = 0; i < 4e6; i++) n = (n * 31 + i) | 0; return new Response(String(n)); };"
HEAVY_CASES = {"brisk": None, "brisk+burner": "burner", "brisk+looper": "looper"}
# More burners than there are offload threads (kOffloadThreadsMin), each with a queue.
CROWD, QUEUE = 5, 8
# Each request of it ends by its CPU limit.
LOOPER = "export default () => { for (;;) {} };"


class Client:
    """One connection, one request after the other."""

    def __init__(self, port, path):
        self.request = f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self):
        self.socket.sendall(self.request)
        got = b""
        while True:
            more = self.socket.recv(1 << 16)
            if not more:
                raise zts.Failed("a connection ended in the middle")
            got += more
            end = got.find(b"\r\n\r\n")
            if end < 0:
                continue
            length = int(got[:end].lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            if len(got) >= end + 4 + length:
                return int(got[9:12])


class Neighbour:
    """Keeps a function busy by a few connections, for the time of a `with`."""

    def __init__(self, port, path, connections):
        self.answers = 0
        self._port, self._path = port, path
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(connections)]

    def _run(self):
        client = Client(self._port, self._path)
        while not self._stop.is_set():
            client.ask()
            self.answers += 1
        client.socket.close()

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()


def measure(client, requests, pause):
    """Milliseconds of each answer, at an even pace that leaves the shard mostly idle."""
    took = []
    due = time.monotonic()
    for _ in range(requests):
        due += pause
        time.sleep(max(0, due - time.monotonic()))
        begin = time.monotonic()
        if client.ask() != 200:
            raise zts.Failed("the quiet function did not answer")
        took.append((time.monotonic() - begin) * 1e3)
    return took


def measure_for(client, seconds, pause):
    """Milliseconds of each answer in that time, as far as it is none that refuses; and how many refused."""
    took, refused = [], 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        begin = time.monotonic()
        if client.ask() == 200:
            took.append((time.monotonic() - begin) * 1e3)
        else:
            refused += 1
        time.sleep(pause)
    return took, refused


def quantile(sorted_values, q):
    return sorted_values[min(len(sorted_values) - 1, int(q * len(sorted_values)))]


def offloaded(z, name):
    return sum(value for labels, value in metrics.samples(z.metrics(), "zts_function_offloaded") if labels.get("function") == name)


def deploy(z, name, source, *options):
    with tempfile.NamedTemporaryFile("w", suffix=".js") as f:
        f.write(source)
        f.flush()
        z.deploy(f.name, name, *options)


def run(args):
    rounds = {"alone": [], **{name: [] for name in NEIGHBOURS}}
    with zts.Zts(args.bin, threads=1) as z:
        deploy(z, "quiet", QUIET)
        for name, source in NEIGHBOURS.items():
            deploy(z, name, source)
        client = Client(z.port, "/quiet")
        measure(client, 200, 0)
        for _ in range(args.rounds):
            rounds["alone"].append(measure(client, args.requests, args.pause_ms / 1e3))
            for name in NEIGHBOURS:
                with Neighbour(z.port, f"/{name}", args.connections) as neighbour:
                    time.sleep(args.settle_s)  # until it is where it belongs
                    before = neighbour.answers
                    begin = time.monotonic()
                    took = measure(client, args.requests, args.pause_ms / 1e3)
                    rate = (neighbour.answers - before) / (time.monotonic() - begin)
                rounds[name].append(took)
                print(f"  {name}: {rate:.1f} answers/s beside, on an offload thread: {offloaded(z, name):.0f}", flush=True)
    return rounds


def run_heavy(args):
    """Of two heavy functions, the answers of the shorter one."""
    rounds = {name: [] for name in HEAVY_CASES}
    with zts.Zts(args.bin, threads=1) as z:
        deploy(z, "brisk", BRISK)
        deploy(z, "burner", NEIGHBOURS["burner"])
        deploy(z, "looper", LOOPER, "--cpu-limit", "2s", "--wall-limit", "60s")
        client = Client(z.port, "/brisk")
        for name in ("brisk", "burner", "looper"):
            with Neighbour(z.port, f"/{name}", 1):
                while not offloaded(z, name):
                    time.sleep(0.1)
        for _ in range(args.rounds):
            for case, beside in HEAVY_CASES.items():
                with Neighbour(z.port, f"/{beside}", 1) if beside else contextlib.nullcontext():
                    time.sleep(args.settle_s)
                    took, refused = measure_for(client, args.heavy_s, args.pause_ms / 1e3)
                print(f"  {case}: {len(took)} answers in {args.heavy_s:g} s, {refused} refused", flush=True)
                rounds[case].append(took or [args.heavy_s * 1e3])  # at least so long
    return rounds


def run_crowd(args):
    """Answers of the shorter one where it shares its thread with a longer one that is never without a queue."""
    rounds = []
    with zts.Zts(args.bin, threads=1) as z:
        deploy(z, "brisk", BRISK)
        crowd = [f"burner-{n}" for n in range(CROWD)]
        for name in crowd:
            deploy(z, name, NEIGHBOURS["burner"])
        for name in [*crowd, "brisk"]:
            with Neighbour(z.port, f"/{name}", 1):
                while not offloaded(z, name):
                    time.sleep(0.1)
        client = Client(z.port, "/brisk")
        for _ in range(args.rounds):
            with contextlib.ExitStack() as all_of_them:
                for name in crowd:
                    all_of_them.enter_context(Neighbour(z.port, f"/{name}", QUEUE))
                time.sleep(args.settle_s)
                took, refused = measure_for(client, args.heavy_s, args.pause_ms / 1e3)
            print(f"  brisk+crowd: {len(took)} answers in {args.heavy_s:g} s, {refused} refused", flush=True)
            rounds.append(took or [args.heavy_s * 1e3])
    return rounds


def report(rounds, alone):
    """By case: the median over the rounds of p50, p99 and p99.9, in milliseconds; the ratio is to the case `alone`."""
    figures = {}
    for case, took in rounds.items():
        quantiles = [[quantile(sorted(one), q) for one in took] for q in (0.5, 0.99, 0.999)]
        figures[case] = [statistics.median(values) for values in quantiles]
    base = figures[alone]
    for case, (p50, p99, p999) in figures.items():
        print(f"{case:12} p50 {p50:7.3f} ms  p99 {p99:7.3f} ms  p99.9 {p999:7.3f} ms   p99 {p99 / base[1]:.2f} x alone")
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=2000, help="of the quiet function a turn [%(default)s]")
    parser.add_argument("--pause-ms", type=float, default=2, help="from one of them to the next [%(default)s]")
    parser.add_argument("--heavy-s", type=float, default=6, help="time of a turn with two heavy functions [%(default)s]")
    parser.add_argument("--connections", type=int, default=2, help="that keep a neighbour busy [%(default)s]")
    parser.add_argument("--settle-s", type=float, default=1.5)
    parser.add_argument("--bin", default=os.path.join(zts.ROOT, "bazel-bin"))
    parser.add_argument("--check", action="store_true", help=f"fail when a neighbour moves the p99 by more than {RATIO_BAR} x")
    parser.add_argument("--json", metavar="FILE")
    args = parser.parse_args()
    described = machine.describe(zts.ROOT)
    machine.print_description(described)
    figures = report(run(args), "alone")
    heavy = report({**run_heavy(args), "brisk+crowd": run_crowd(args)}, "brisk")
    worst = max(figures[name][1] / figures["alone"][1] for name in NEIGHBOURS)
    if args.json:
        with open(args.json, "w") as f:
            json.dump({"machine": described, "quantiles_ms": figures, "heavy_quantiles_ms": heavy, "worst_ratio": worst}, f, indent=2)
    print(f"p99 within {RATIO_BAR:g} x of alone: {'met' if worst <= RATIO_BAR else 'MISSED'}")
    return 1 if args.check and worst > RATIO_BAR else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except zts.Failed as problem:
        print(f"neighbours: {problem}", file=sys.stderr)
        sys.exit(1)
