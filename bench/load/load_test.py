"""Tests of the load harness. Argument: the floor server's binary."""
import math
import os
import socket
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bundle  # noqa: E402
import metrics  # noqa: E402
import procfs  # noqa: E402
import run  # noqa: E402
import servers  # noqa: E402
import zts  # noqa: E402

FLOOR = sys.argv.pop(1)
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


def plain_load(port, path, scenario):
    """A load generator of a few requests, for the harness's own sake."""
    got = ask(port, *[f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode() * scenario.depth] * 20)
    answered = got.count(b"HTTP/1.1 200 OK\r\n")
    return {"requests": answered, "seconds": 0.01, "p50_us": 10, "p99_us": 20, "p999_us": 30, "errors": 20 * scenario.depth - answered}


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
        report = run.bench({"hello": [self.floor, other]}, run.SCENARIOS, 2, plain_load, plain_load)
        self.assertEqual(len(report["scenarios"]), 3)  # those of hello
        for scenario in report["scenarios"]:
            self.assertEqual(scenario["summaries"]["zts"]["errors"], 0)
            self.assertEqual(scenario["summaries"]["floor"]["requests"], 40 * scenario["pipeline"])
        self.assertEqual(len(report["checksums"]["hello"]), 64)

    def test_refuses_to_compare_different_answers(self):
        other = servers.Floor(FLOOR, CPU, b"something else")
        other.name = "other"
        self.addCleanup(other.close)
        with self.assertRaisesRegex(zts.Failed, "differently"):
            run.check_answers([self.floor, other], "hello")


class FiguresTest(unittest.TestCase):
    def test_reads_what_the_generator_prints(self):
        printed = 'Running 3s test\nRESULT {"requests": 3, "seconds": 1.5, "p50_us": 7, "errors": 0}\n'
        self.assertEqual(run.parse_result(printed)["p50_us"], 7)
        with self.assertRaises(zts.Failed):
            run.parse_result("nothing")

    def test_takes_medians_and_the_least_cpu(self):
        runs = [{"requests_per_s": r, "p50_us": 1, "p99_us": 2, "p999_us": 3, "cpu_us_per_request": c, "busy": 1, "errors": e,
                 "requests": 10, "other_cpu_us_per_request": {"supervisor": c / 10}} for r, c, e in ((1, 5, 0), (9, 7, 1), (2, 6, 0))]
        summary = run.summarize(runs)
        self.assertEqual(summary["requests_per_s"], 2)
        self.assertEqual(summary["cpu_us_per_request"], 6)
        self.assertEqual(summary["cpu_us_per_request_min"], 5)
        self.assertEqual(summary["errors"], 1)
        self.assertAlmostEqual(summary["other_cpu_us_per_request"]["supervisor"], 0.6)
        self.assertEqual(run.ratio({"zts": {"cpu_us_per_request": 6}, "floor": {"cpu_us_per_request": 5}}, "zts", "floor"), 1.2)
        self.assertIsNone(run.ratio({"zts": {"cpu_us_per_request": 6}}, "zts", "floor"))

    def test_judges_the_bar(self):
        def report(of):
            return {"scenarios": [{"function": "hello", "connections": 256, "pipeline": 1, "zts_to_floor": of}]}
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

    def test_says_what_is_missing(self):
        with self.assertRaisesRegex(zts.Failed, "make build"):
            zts.Zts("/nonexistent")


if __name__ == "__main__":
    unittest.main()
