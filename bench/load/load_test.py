"""Tests of the load harness. Arguments: the binaries of the floor server and of the load generator."""
import json
import math
import os
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bundle  # noqa: E402
import metrics  # noqa: E402
import measure  # noqa: E402
import procfs  # noqa: E402
import run  # noqa: E402
import servers  # noqa: E402
import workloads  # noqa: E402
import zts  # noqa: E402

FLOOR = sys.argv.pop(1)
LOADGEN = sys.argv.pop(1)
CPU = min(os.sched_getaffinity(0))
REQUEST = b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"


def ask(port, *pieces):
    """Sends the pieces one by one, then finishes; all that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            s.sendall(piece)
        s.shutdown(socket.SHUT_WR)
        got = b""
        while True:
            more = s.recv(1 << 16)
            if not more:
                return got
            got += more


class Server:
    """Answers each request on a thread of its own by what `answer(nth)` returns: bytes to send, or None to close without."""
    def __init__(self, answer):
        self._answer, self._count, self._lock = answer, 0, threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection:
            got = b""
            while True:
                while b"\r\n\r\n" not in got:
                    more = connection.recv(65536)
                    if not more:
                        return
                    got += more
                _, _, got = got.partition(b"\r\n\r\n")
                with self._lock:
                    nth, self._count = self._count, self._count + 1
                said = self._answer(nth)
                if said is None:
                    return
                connection.sendall(said)

    def close(self):
        # The thread first: the next server may get the descriptor's number, and this one would take its connections.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()


def response(body, status="200 OK"):
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


def loadgen(port, targets, **options):
    """What the load generator reports of these targets."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
        json.dump(targets, f)
        f.flush()
        words = [word for key, value in options.items() for word in ("--" + key, str(value))]
        done = subprocess.run([LOADGEN, "--port", str(port), "--targets", f.name, *words], capture_output=True, text=True)
    return measure.parse_result(done.stdout) if done.returncode == 0 else done.stderr


class FloorTest(unittest.TestCase):
    def setUp(self):
        self.floor = servers.Floor(FLOOR, CPU)
        self.addCleanup(self.floor.close)

    def test_answers_each_request_of_a_pipeline(self):
        for deep in (1, 2, 16, 63, 64, 65, 1000):
            got = ask(self.floor.port, REQUEST * deep)
            self.assertEqual(got.count(b"HTTP/1.1 200 OK\r\n"), deep)
            self.assertEqual(got.count(servers.HELLO), deep)

    def test_finds_the_end_of_a_request_across_pieces(self):
        for cut in range(1, len(REQUEST)):
            got = ask(self.floor.port, REQUEST[:cut], REQUEST[cut:] + REQUEST)
            self.assertEqual(got.count(servers.HELLO), 2, cut)

    def test_is_charged_for_its_cpu(self):
        before = procfs.cpu_seconds(self.floor.process.pid)
        # The kernel counts in ticks of 10 ms: asks until one has passed.
        while procfs.cpu_seconds(self.floor.process.pid) == before:
            ask(self.floor.port, REQUEST * 1000)
        self.assertGreater(procfs.rss_bytes(self.floor.process.pid), 0)
        self.assertIn("floor", procfs.command_line(self.floor.process.pid))
        self.assertIn(self.floor.process.pid, procfs.descendants(os.getpid()))

    def test_runs_the_whole_harness(self):
        other = servers.Floor(FLOOR, CPU)
        other.name = "zts"
        self.addCleanup(other.close)
        load = measure.Generator(LOADGEN, CPU, 0.05)
        scenarios = [workloads.Scenario("hello", 4), workloads.Scenario("hello", 2, depth=16), workloads.Scenario("hello", 2, rate=1000),
                     workloads.Scenario("json", 2)]
        report = measure.bench([self.floor, other], scenarios, 2, load, load)
        self.assertEqual(len(report["scenarios"]), 3)  # those of hello
        for scenario in report["scenarios"]:
            for name in ("zts", "floor"):
                self.assertEqual(scenario["summaries"][name]["errors"], 0)
                self.assertGreater(scenario["summaries"][name]["requests"], 0)
        self.assertEqual(report["scenarios"][2]["summaries"]["zts"]["requests"], 2 * 50)  # an open loop sends what is due, no more
        self.assertEqual(len(report["checksums"]["hello"]), 64)

    def test_answers_each_workload_as_it_must_be(self):
        for workload in workloads.WORKLOADS.values():
            floor = servers.Floor(FLOOR, CPU, workload.name)
            self.addCleanup(floor.close)
            result = measure.Generator(LOADGEN, CPU, 0.02).load(floor.port, [workload], 2)
            self.assertEqual((result["errors"], result["reconnects"]), (0, 0), workload.name)
            self.assertGreater(result["requests"], 0)

    def test_refuses_to_compare_different_answers(self):
        other = servers.Floor(FLOOR, CPU, body=b"something else")
        self.addCleanup(other.close)
        measure.check_answer(self.floor, workloads.WORKLOADS["hello"])
        with self.assertRaisesRegex(zts.Failed, "differently"):
            measure.check_answer(other, workloads.WORKLOADS["hello"])


class LoadGeneratorTest(unittest.TestCase):
    HELLO = [{"path": "/hello", "expect": "hello"}]

    def serve(self, answer):
        server = Server(answer)
        self.addCleanup(server.close)
        return server.port

    def test_counts_a_stall_for_every_request_that_was_due_in_it(self):
        def answer(nth):
            if nth == 0:
                threading.Event().wait(0.5)
            return response(b"hello")
        # One connection, 1000 a second for half a second: all of them are due while the first response is awaited. From the send, only one
        # request was slow; from when they were due, half of them waited for at least a quarter of a second.
        result = loadgen(self.serve(answer), self.HELLO, connections=1, rate=1000, seconds=0.5)
        self.assertEqual((result["requests"], result["errors"]), (500, 0))
        self.assertGreaterEqual(result["p50_us"], 245_000)
        self.assertGreaterEqual(result["p90_us"], 50_000)
        self.assertGreaterEqual(result["max_us"], 499_000)
        self.assertLess(result["service"]["p50_us"], result["p50_us"])

    def test_sends_what_is_due_and_no_more(self):
        for connections in (1, 7):
            result = loadgen(self.serve(lambda nth: response(b"hello")), self.HELLO, connections=connections, rate=500, seconds=0.2)
            self.assertEqual((result["requests"], result["errors"], result["count"]), (100, 0, 100))

    def test_tells_apart_what_goes_wrong(self):
        answers = [response(b"hello"), response(b"hellO"), response(b"", "503 Service Unavailable"), None]
        result = loadgen(self.serve(lambda nth: answers[nth % 4]), self.HELLO, connections=1, rate=200, seconds=0.2)
        self.assertEqual([result[key] for key in ("requests", "errors", "wrong_body", "wrong_status", "lost")], [30, 30, 10, 10, 10])
        self.assertEqual((result["count"], result["reconnects"]), (40, 10))

    def test_opens_another_connection_when_the_server_closes(self):
        closing = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello"
        result = loadgen(self.serve(lambda nth: closing), self.HELLO, connections=2, rate=100, seconds=0.1)
        self.assertEqual((result["requests"], result["errors"], result["reconnects"]), (10, 0, 10))

    def test_asks_for_targets_in_turns(self):
        targets = [{"path": f"/{n}", "expect": str(n)} for n in range(3)]
        result = loadgen(self.serve(lambda nth: response(str(nth % 3).encode())), targets, connections=1, rate=100, seconds=0.3)
        self.assertEqual((result["requests"], result["errors"]), (30, 0))

    def test_says_what_it_cannot_do(self):
        port = zts.free_port()
        self.assertIn(f"connect to port {port}", loadgen(port, self.HELLO, seconds=0.01))
        self.assertIn("no target", loadgen(port, [], seconds=0.01))


class FiguresTest(unittest.TestCase):
    def test_reads_what_the_generator_prints(self):
        printed = 'Running 3s test\nRESULT {"requests": 3, "seconds": 1.5, "p50_us": 7, "errors": 0}\n'
        self.assertEqual(measure.parse_result(printed)["p50_us"], 7)
        with self.assertRaises(zts.Failed):
            measure.parse_result("nothing")

    def test_takes_medians_and_the_least_cpu(self):
        runs = [{"requests_per_s": r, "p50_us": 1, "p90_us": 1, "p99_us": 2, "p999_us": 3, "max_us": 4, "cpu_us_per_request": c, "busy": 1,
                 "errors": e, "requests": 10, "generator_lag_p99_us": 0, "service_p99_us": 2, "memory_bytes": 1,
                 "other_cpu_us_per_request": {"supervisor": c / 10}} for r, c, e in ((1, 5, 0), (9, 8, 1), (2, 6, 0))]
        summary = measure.summarize(runs)
        self.assertEqual(summary["requests_per_s"], 2)
        self.assertEqual(summary["cpu_us_per_request"], 6)
        self.assertEqual(summary["cpu_us_per_request_min"], 5)
        self.assertAlmostEqual(summary["requests_per_cpu_s"], 1e6 / 6)
        self.assertEqual(summary["errors"], 1)
        self.assertAlmostEqual(summary["other_cpu_us_per_request"]["supervisor"], 0.6)
        # Round by round: the machine was twice as slow in the second.
        self.assertEqual(measure.ratio({"zts": runs, "floor": [{"cpu_us_per_request": c} for c in (4, 8, 5)]}, "zts", "floor"), 1.2)
        self.assertIsNone(measure.ratio({"zts": runs}, "zts", "floor"))

    def test_judges_the_bar(self):
        def report(of):
            return {"scenarios": [{"workload": "hello", "connections": 256, "pipeline": 1, "rate": 0, "tool": "loadgen",
                                   "to_floor": {} if of is None else {"zts": of}}]}
        self.assertTrue(run.check_bar(report(1.4), 1.5))
        self.assertFalse(run.check_bar(report(1.6), 1.5))
        self.assertTrue(run.check_bar(report(None), 1.5))

    def test_reads_quantiles_of_a_histogram(self):
        page = "\n".join(["# TYPE t histogram",
                          't_bucket{phase="total",kind="a",le="0.001"} 90', 't_bucket{phase="total",kind="b",le="0.001"} 5',
                          't_bucket{phase="total",kind="a",le="0.002"} 99', 't_bucket{phase="total",kind="b",le="0.002"} 5',
                          't_bucket{phase="total",kind="a",le="+Inf"} 100', 't_bucket{phase="total",kind="b",le="+Inf"} 5',
                          't_bucket{phase="queue",le="+Inf"} 7', 't_sum{phase="total"} 1'])
        total = metrics.buckets(page, "t", phase="total")
        self.assertEqual(total, {0.001: 95, 0.002: 104, math.inf: 105})
        self.assertEqual(metrics.quantile(total, 0.5), 0.001)
        self.assertEqual(metrics.quantile(total, 0.99), 0.002)
        self.assertEqual(metrics.quantile(total, 0.999), math.inf)
        self.assertEqual(metrics.count(metrics.difference(total, total)), 0)
        self.assertIsNone(metrics.quantile({}, 0.5))

    def test_makes_bundles_of_a_size_that_differ(self):
        one, other = bundle.make(50_000, "a"), bundle.make(50_000, "b")
        self.assertLess(abs(len(one) - 50_000), 1_000)
        self.assertNotEqual(one, other)

    def test_knows_the_version_of_every_peer(self):
        for name in servers.PEERS:
            self.assertRegex(servers.peer_version(name), r"^\d+\.\d+")

    def test_says_what_is_missing(self):
        with self.assertRaisesRegex(zts.Failed, "make build"):
            zts.Zts("/nonexistent")


if __name__ == "__main__":
    unittest.main()
