#!/usr/bin/env python3
"""A controller at the size of a fleet: the real zts-controller with thousands of functions, hundreds of simulated workers that speak
its protocol through the client of the real one, and one real worker that starts from its disk. Measures and checks; --small is the
form that runs as a test, which checks alone."""
import argparse
import json
import os
import secrets
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "load"))
import machine  # noqa: E402
import metrics  # noqa: E402
import procfs  # noqa: E402
import zts  # noqa: E402

RSS_BAR = 1 << 30
WORKER_READY_BAR_S = 3
START_SECONDS_MAX = 120


def check(condition, what):
    if not condition:
        raise zts.Failed(what)


class Process:
    """A server of the product with a ready file."""

    def __init__(self, folder, name, command):
        self.folder, self.name, self.command = folder, name, command
        self.ready_file = os.path.join(folder, name + ".ready.json")
        self.popen = self.ready = None

    def start(self):
        if os.path.exists(self.ready_file):
            os.unlink(self.ready_file)
        with open(os.path.join(self.folder, self.name + ".log"), "ab") as log:
            self.popen = subprocess.Popen([*self.command, "--ready-file", self.ready_file], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS_MAX
        while True:
            try:
                with open(self.ready_file, encoding="utf-8") as file:
                    self.ready = json.load(file)
                return
            except (FileNotFoundError, json.JSONDecodeError):
                check(self.popen.poll() is None, f"{self.name} ended with code {self.popen.returncode}:\n{self.log_tail()}")
                check(time.monotonic() < deadline, f"{self.name} is not ready after {START_SECONDS_MAX} s:\n{self.log_tail()}")
                time.sleep(0.005)

    def log_tail(self):
        with open(os.path.join(self.folder, self.name + ".log"), encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-20:])

    def end(self, how=signal.SIGTERM):
        if self.popen is not None and self.popen.poll() is None:
            self.popen.send_signal(how)
            self.popen.wait()

    def cpu(self):
        return procfs.cpu_seconds(self.popen.pid)

    def memory(self, key):
        """VmRSS or VmHWM, the most it ever was."""
        with open(f"/proc/{self.popen.pid}/status", encoding="utf-8") as file:
            return next(int(line.split()[1]) << 10 for line in file if line.startswith(key + ":"))

    def page(self):
        with urllib.request.urlopen(f"http://{self.ready['admin']}/metrics", timeout=30) as response:
            return response.read().decode()

    def metric(self, name):
        return sum(value for _, value in metrics.samples(self.page(), name))


class Fleet:
    """The C++ side."""

    def __init__(self, binary, controller, token_file):
        self.popen = subprocess.Popen([binary, controller, token_file], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL, text=True)

    def do(self, verb, **arguments):
        self.popen.stdin.write(json.dumps({"do": verb, **arguments}) + "\n")
        self.popen.stdin.flush()
        line = self.popen.stdout.readline()
        check(line, f"the fleet ended while it did '{verb}'")
        answer = json.loads(line)
        check("error" not in answer, f"{verb}: {answer.get('error')}")
        return answer

    def end(self):
        if self.popen.poll() is None:
            self.popen.stdin.close()
            self.popen.wait()


class Bench:
    def __init__(self, args):
        self.args = args
        self.folder = tempfile.mkdtemp(prefix="zts-fleet-")
        self.token_file = os.path.join(self.folder, "token")
        with open(os.open(self.token_file, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
            file.write(secrets.token_hex(16))
        self.controller = self.fleet = self.worker = None
        self.report = {}

    def __enter__(self):
        try:
            self.start_controller("127.0.0.1:0")
            self.fleet = Fleet(self.args.fleet, self.controller.ready["grpc"], self.token_file)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for part in (self.fleet, self.worker, self.controller):
            if part is not None:
                part.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start_controller(self, listen):
        self.controller = Process(self.folder, "controller", [
            self.args.controller, "--data-dir", os.path.join(self.folder, "controller"), "--listen", listen, "--admin", "127.0.0.1:0",
            "--token-file", self.token_file])
        self.controller.start()

    def say(self, name, text, **figures):
        self.report[name] = figures
        print(f"{name + ':':22}{text}", flush=True)

    def around(self, verb, **arguments):
        """A command, what it answered, the controller's CPU and the bytes it pushed meanwhile."""
        cpu, sent = self.controller.cpu(), self.controller.metric("zts_controller_push_bytes_total")
        answer = self.fleet.do(verb, **arguments)
        return answer, self.controller.cpu() - cpu, self.controller.metric("zts_controller_push_bytes_total") - sent

    def same_catalog(self, answer, what):
        check(len(answer["digests"]) == 1, f"{what}: the workers do not have the same catalog: {answer['digests']}")
        return answer["digests"][0]

    def run(self):
        self.fill()
        self.initial_sync()
        self.deploys()
        self.storm()
        self.whole_again()
        self.late_worker()
        self.mute_streams()
        if self.args.worker:
            self.real_worker()
        if self.args.check:
            self.check_bars()

    # --- phases ---

    def fill(self):
        args = self.args
        answer, cpu, _ = self.around("fill", functions=args.functions, sources=args.sources, source_bytes=args.source_bytes)
        self.say("fill", f"{args.functions} functions of {args.sources} sources in {answer['ms'] / 1e3:.1f} s, "
                         f"controller CPU {cpu:.1f} s, RSS {self.controller.memory('VmRSS') >> 20} MiB", ms=answer["ms"], cpu_s=cpu)

    def initial_sync(self):
        n = self.args.workers
        answer, cpu, sent = self.around("connect", workers=n)
        self.same_catalog(answer, "initial sync")
        check(answer["functions"] == self.args.functions, f"workers have {answer['functions']} functions")
        check(answer["full"] == n and answer["deltas"] == 0, f"{answer['full']} whole catalogs for {n} workers")
        self.say("initial sync", f"{n} workers in {answer['ms'] / 1e3:.2f} s, {sent / n / 1e6:.2f} MB each, controller CPU {cpu:.2f} s, "
                                 f"most RSS {self.controller.memory('VmHWM') >> 20} MiB", ms=answer["ms"], cpu_s=cpu, bytes=sent)

    def deploys(self):
        n, count = self.args.workers, self.args.deploys
        before = self.fleet.do("digest")
        answer, cpu, sent = self.around("deploy", count=count)
        self.digest = self.same_catalog(answer, "deploys")
        check(self.digest not in before["digests"], "the catalog is what it was before the deploys")
        check(answer["full"] == before["full"], "a whole catalog was sent for a deploy")
        records = answer["delta_records"] - before["delta_records"]
        check(records == n * count, f"{records} records travelled for {count} deploys to {n} workers")
        check(all(live == n for live in answer["workers_live"]), f"live on {answer['workers_live']} of {n}")
        last, each, whole = (sorted(answer[key]) for key in ("to_last_ms", "to_each_ms", "deploy_ms"))
        self.say("one deploy to all", f"to the last worker p50 {statistics.median(last):.0f} ms, most {last[-1]:.0f} of {count}; to each p50 "
                                      f"{statistics.median(each):.0f}, p99 {each[int(len(each) * 0.99)]:.0f}; the whole deploy p50 "
                                      f"{statistics.median(whole):.0f} ms; {sent / n / count:.0f} bytes a worker, "
                                      f"controller CPU {cpu / count * 1e3:.0f} ms a deploy",
                 to_last_ms=last, to_each_p99_ms=each[int(len(each) * 0.99)], deploy_ms=whole, bytes=sent, cpu_s=cpu)

    def storm(self):
        """The controller is killed and started again: all come back at once, and nobody needs anything."""
        listen = self.controller.ready["grpc"]
        self.controller.end(signal.SIGKILL)
        began = time.monotonic()
        self.start_controller(listen)
        ready = time.monotonic() - began
        answer = self.fleet.do("await")
        settled = time.monotonic() - began
        check(self.same_catalog(answer, "storm") == self.digest, "the catalog changed over a restart of the controller")
        sent = self.controller.metric("zts_controller_push_bytes_total")
        check(self.controller.metric("zts_controller_updates_sent_total") == 0, "updates were sent to workers that had everything")
        self.say("reconnect storm", f"controller ready after {ready:.2f} s, all {self.args.workers} back {settled - ready:.2f} s later, "
                                    f"CPU since its start {self.controller.cpu():.2f} s, {sent:.0f} bytes pushed",
                 ready_s=ready, settled_s=settled, cpu_s=self.controller.cpu(), bytes=sent)

    def whole_again(self):
        """All come back with nothing: the worst a fleet can ask for."""
        answer, cpu, sent = self.around("forget")
        check(self.same_catalog(answer, "whole again") == self.digest, "a whole catalog is not what the deltas had made")
        self.say("all with nothing", f"{self.args.workers} workers in {answer['ms'] / 1e3:.2f} s, {sent / 1e6:.0f} MB, controller CPU {cpu:.2f} s, "
                                     f"most RSS {self.controller.memory('VmHWM') >> 20} MiB",
                 ms=answer["ms"], cpu_s=cpu, bytes=sent, rss_most=self.controller.memory("VmHWM"))

    def late_worker(self):
        """One worker takes what it is sent and does not answer."""
        self.fleet.do("hold", workers=1)
        wait_ms = 300_000
        answer = self.fleet.do("deploy", count=3, wait_ms=wait_ms)
        live = answer["workers_live"]
        check(all(n == self.args.workers - 1 for n in live), f"deploys were live on {live} workers")
        ms = answer["deploy_ms"]
        check(ms[0] < wait_ms, f"the first deploy waited for as long as it may: {ms} ms")
        check(max(ms[1:]) < ms[0], f"deploys waited for a worker that had held up one already: {ms} ms")
        self.same_catalog(self.fleet.do("release"), "after the late worker")
        self.say("one does not answer", f"deploys of {', '.join(f'{m:.0f}' for m in ms)} ms: the first waits five seconds for it, the others do not",
                 deploy_ms=ms)

    def mute_streams(self):
        """Streams that are never read from, each owed a whole catalog."""
        before = self.controller.memory("VmRSS")
        self.fleet.do("mute", streams=self.args.mute)
        answer = self.fleet.do("deploy", count=2)
        self.same_catalog(answer, "beside mute streams")
        grown = self.controller.memory("VmRSS") - before
        self.fleet.do("mute", streams=0)
        check(grown < (64 << 20) + self.args.mute * (1 << 20), f"{self.args.mute} streams that do not read cost {grown >> 20} MiB")
        self.say("streams not read", f"{self.args.mute} cost {grown / 2**20:.0f} MiB", grown=grown)

    def real_worker(self):
        folder = os.path.join(self.folder, "worker")
        self.worker = Process(self.folder, "worker", [
            self.args.worker, "--controller", self.controller.ready["grpc"], "--token-file", self.token_file, "--data-dir", folder,
            "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--threads", "1", "--name", "real"])
        began = time.monotonic()
        self.worker.start()
        self.await_ready()
        first = time.monotonic() - began
        name = f"f{self.args.functions - 1:05d}"
        port = int(self.worker.ready["http"].rsplit(":", 1)[1])
        expected = zts.fetch(port, "/" + name)
        check(expected[0] == 200, f"/{name} answers {expected}")
        self.worker.end()
        self.controller.end()
        times = []
        for _ in range(self.args.starts):
            began = time.monotonic()
            self.worker.start()
            self.await_ready()
            times.append(time.monotonic() - began)
            port = int(self.worker.ready["http"].rsplit(":", 1)[1])
            check(zts.fetch(port, "/" + name) == expected, f"/{name} answers something else from the disk")
            resident = self.worker.memory("VmRSS")
            self.worker.end()
        self.say("a real worker", f"first catalog in {first:.2f} s; from its disk, without a controller, ready after "
                                  f"{', '.join(f'{t:.2f}' for t in times)} s; supervisor's RSS {resident >> 20} MiB",
                 first_s=first, from_disk_s=times)

    def await_ready(self):
        deadline = time.monotonic() + START_SECONDS_MAX
        while True:
            try:
                with urllib.request.urlopen(f"http://{self.worker.ready['admin']}/readyz", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                check(time.monotonic() < deadline, f"the worker is not ready after {START_SECONDS_MAX} s:\n{self.worker.log_tail()}")
                time.sleep(0.005)

    def check_bars(self):
        most = self.report["all with nothing"]["rss_most"]
        check(most < RSS_BAR, f"the controller's RSS was {most >> 20} MiB")
        if "a real worker" in self.report:
            best = min(self.report["a real worker"]["from_disk_s"])
            check(best < WORKER_READY_BAR_S, f"a worker with a full disk was ready after {best:.2f} s")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--functions", type=int, default=10_000)
    parser.add_argument("--sources", type=int, default=100, help="distinct ones among the functions: each is compiled once")
    parser.add_argument("--source-bytes", type=int, default=0, help="the least size of each")
    parser.add_argument("--workers", type=int, default=200)
    parser.add_argument("--deploys", type=int, default=20)
    parser.add_argument("--mute", type=int, default=40, help="streams that are never read from")
    parser.add_argument("--starts", type=int, default=3, help="of the real worker from its disk")
    parser.add_argument("--small", action="store_true", help="20 workers and 300 functions, no real worker: the test's form")
    parser.add_argument("--bin", default=os.path.join(zts.ROOT, "bazel-bin"))
    parser.add_argument("--fleet", help="the simulated workers' binary")
    parser.add_argument("--controller", help="zts-controller")
    parser.add_argument("--worker", help="zts-worker")
    parser.add_argument("--check", action="store_true", help="fail when a bar is missed")
    parser.add_argument("--json", metavar="FILE")
    args = parser.parse_args()
    if args.small:
        args.functions, args.sources, args.workers, args.deploys, args.mute = 300, 3, 20, 3, 4
    elif args.worker is None:
        args.worker = os.path.join(args.bin, "worker", "zts-worker")
    args.fleet = args.fleet or os.path.join(args.bin, "bench", "fleet", "fleet")
    args.controller = args.controller or os.path.join(args.bin, "controller", "zts-controller")
    return args


def main():
    args = arguments()
    described = machine.describe(zts.ROOT)
    machine.print_description(described)
    with Bench(args) as bench:
        bench.run()
        print(f"checksum of the catalog: {bench.digest:016x}")
        if args.json:
            with open(args.json, "w", encoding="utf-8") as file:
                json.dump({"machine": described, "arguments": vars(args), "digest": bench.digest, **bench.report}, file, indent=2)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except zts.Failed as problem:
        print(f"fleet: {problem}", file=sys.stderr)
        sys.exit(1)
