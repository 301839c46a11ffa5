"""Tests of the report on made-up figures."""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
import xml.dom.minidom

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import report  # noqa: E402
import svg  # noqa: E402


def summary(cpu_us, **more):
    return {"requests_per_cpu_s": 1e6 / cpu_us, "cpu_us_per_request": cpu_us, "cpu_us_per_request_quartiles": [cpu_us - 1, cpu_us + 1],
            "requests_per_s": 1000.0, "p50_us": 100.0, "p90_us": 200.0, "p99_us": 1000.0, "p999_us": 2000.0, "max_us": 5000.0,
            "memory_bytes": 3 * 2**20, "generator_lag_p99_us": 7.0, "errors": 0, **more}


def scenario(name, summaries, rate=0, tool="loadgen"):
    floor = summaries["floor"]["cpu_us_per_request"]
    return {"name": name, "workload": "hello", "connections": 64, "pipeline": 1, "rate": rate, "tool": tool, "summaries": summaries,
            "to_floor": {n: s["cpu_us_per_request"] / floor for n, s in summaries.items()}, "to_nginx": {n: None for n in summaries}}


SUMMARIES = {"floor": summary(4.0), "zts": summary(5.0), "a<b": summary(8.0, p99_us=90.0, max_us=90.0)}
REPORT = {"machine": {"cpus": 2, "cpu": "made up", "kernel": "1", "congestion_control": "bbr", "commit": "abc", "date": "today", "load_before": 3.0},
          "rounds": 5, "seconds": 2, "versions": {"zts": "", "floor": "", "a<b": "1.2.3"}, "checksums": {"hello": "00ff"},
          "scenarios": [scenario("hello, 64", SUMMARIES), scenario("hello, 64 (wrk)", SUMMARIES, tool="wrk"),
                        scenario("hello, open", SUMMARIES, rate=1000)]}


class PageTest(unittest.TestCase):
    def test_puts_the_best_first_and_says_what_was_measured(self):
        page = report.page(REPORT, "name")
        rows = re.findall(r"^\| \**(floor|zts|a<b)\** \|", page, re.M)
        self.assertEqual(rows[:3], ["floor", "zts", "a<b"])
        self.assertIn("| **zts** | **200,000** | 5.00 (4.00-6.00) | 1.25 |", page)
        self.assertIn("a<b 1.2.3", page)
        self.assertIn("`00ff`", page)
        self.assertIn("median 1.00 (1.00-1.00)", page)
        self.assertIn("busy with other work", page)
        self.assertIn("late by 7 us", page)

    def test_shows_errors(self):
        broken = {**REPORT, "scenarios": [scenario("x", {**SUMMARIES, "zts": summary(5.0, errors=3)})]}
        self.assertIn("**3 errors.**", report.page(broken, "name"))

    def test_writes_all_files(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "peers.json")
            with open(path, "w", encoding="utf-8") as f:
                json.dump(REPORT, f)
            subprocess.run([sys.executable, os.path.join(HERE, "report.py"), path], check=True, stdout=subprocess.DEVNULL)
            self.assertEqual(sorted(os.listdir(folder)), ["peers-latency.svg", "peers.json", "peers.md", "peers.svg"])


class PlotTest(unittest.TestCase):
    def test_bars_are_as_long_as_their_values(self):
        text = svg.bars([("t", {n: s["requests_per_cpu_s"] for n, s in SUMMARIES.items()})])
        widths = [float(r.getAttribute("width")) for r in xml.dom.minidom.parseString(text).getElementsByTagName("rect")]
        self.assertEqual(len(widths), 3)
        self.assertAlmostEqual(widths[1] / widths[0], 4 / 5, places=2)
        self.assertAlmostEqual(widths[2] / widths[0], 4 / 8, places=2)

    def test_quantiles_lie_in_order_on_the_axis(self):
        document = xml.dom.minidom.parseString(svg.quantiles([("t", SUMMARIES)]))
        dots = [float(c.getAttribute("cx")) for c in document.getElementsByTagName("circle")]
        self.assertEqual(len(dots), 15)
        floor = [float(c.getAttribute("cx")) for c in document.getElementsByTagName("circle")
                 if "floor" in c.getElementsByTagName("title")[0].firstChild.data]
        self.assertEqual(floor, sorted(floor))
        # 100 us, 200 us, 1 ms, 2 ms: twice as much is as far everywhere.
        self.assertAlmostEqual(floor[1] - floor[0], floor[3] - floor[2], places=0)


if __name__ == "__main__":
    unittest.main()
