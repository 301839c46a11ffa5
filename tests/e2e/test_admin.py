"""The admin ports: metrics that parse and count, health and readiness."""

import os
import signal
import unittest.mock

import case
from harness import wire
from harness.metrics import Metrics
from harness.wait import wait_until


class Admin(case.PlatformCase):
    @classmethod
    def prepare(cls):
        cls.zts.deploy("counted", 'export default (r) => new Response("x", { status: r.url.includes("bad") ? 404 : 200 });')

    def scrape(self, address):
        response = wire.fetch(address, "/metrics", host="admin")
        self.assertEqual(response.status, 200, response)
        self.assertIn("text/plain", response.header("content-type"))
        return Metrics(response.text)

    def counts(self):
        """Requests of the function by status class."""
        return {sample.labels["code"]: sample.value for sample in self.scrape(self.zts.admin).find("zts_requests_total", function="counted")}

    def test_requests_are_counted_by_function_and_class(self):
        before = self.counts()
        for _ in range(7):
            self.fetch("/counted")
        for _ in range(3):
            self.fetch("/counted?bad")

        def grown():
            return tuple(value - before.get(code, 0) for code, value in sorted(self.counts().items()) if code in ("2xx", "4xx"))

        wait_until(lambda: grown() == (7, 3), "7 good and 3 bad requests in the metrics")

    def test_the_main_series_of_a_worker(self):
        self.fetch("/counted")
        metrics = self.scrape(self.zts.admin)
        names = metrics.names()
        for part in ("requests", "latency|duration", "cold", "isolates", "connections", "catalog"):
            self.assertTrue([name for name in names if any(word in name for word in part.split("|"))], f"no series for {part}: {sorted(names)}")

    def test_histograms_are_cumulative_and_complete(self):
        self.fetch("/counted")
        for address in (self.zts.admin, self.zts.controller_admin):
            metrics = self.scrape(address)
            series = {}
            for sample in metrics.samples:
                if sample.name.endswith("_bucket"):
                    key = (sample.name, tuple(sorted((k, v) for k, v in sample.labels.items() if k != "le")))
                    series.setdefault(key, []).append((float(sample.labels["le"]), sample.value))
            for key, buckets in series.items():
                values = [value for _, value in sorted(buckets)]
                self.assertEqual(values, sorted(values), key)
                self.assertEqual(max(buckets)[0], float("inf"), key)

    def test_the_controller_has_metrics(self):
        self.assertTrue(self.scrape(self.zts.controller_admin).samples)

    def test_healthy_and_ready(self):
        for address in (self.zts.admin, self.zts.controller_admin):
            for path in ("/healthz", "/readyz"):
                self.assertEqual(wire.fetch(address, path, host="admin").status, 200, path)
            self.assertEqual(wire.fetch(address, "/nothing", host="admin").status, 404)

    def test_metrics_are_not_on_the_public_port(self):
        self.assertAnswer(self.fetch("/metrics"), 404)
        self.assertAnswer(self.fetch("/healthz"), 404)

    def test_workers_tell_what_they_are(self):
        worker = self.zts.ctl("workers", "--json").json["workers"][0]
        self.assertEqual(worker["name"], "worker")
        self.assertEqual(worker["shards"], 2)
        self.assertIn(worker["io"], ("uring", "epoll"))
        self.assertEqual(worker["http"], "%s:%d" % self.zts.http)

    def test_counters_survive_an_engine(self):
        for _ in range(5):
            self.fetch("/counted")
        wait_until(lambda: self.counts()["2xx"] >= 5, "the requests in the metrics")
        before = self.counts()["2xx"]
        os.kill(self.zts.engine_pids()[0], signal.SIGKILL)

        def answers():
            try:
                return self.fetch("/counted", timeout=2).status == 200
            except (OSError, wire.Closed):
                return False

        wait_until(answers, "the engine to be back")
        wait_until(lambda: self.counts()["2xx"] > before, "the count to go on from where it was")


class WithoutAFeature(case.PlatformCase):
    """What ZTS_IO_DISABLE names in the worker's environment is off in its engines."""

    io = "uring"

    @classmethod
    def setUpClass(cls):
        with unittest.mock.patch.dict(os.environ, {"ZTS_IO_DISABLE": "batched_send,multishot_recv"}):
            super().setUpClass()

    def test_the_engine_serves_without_it_and_says_so(self):
        self.zts.deploy("plain", "export default () => new Response('served')")
        self.assertAnswer(self.fetch("/plain"), 200, "served")
        metrics = Metrics(wire.fetch(self.zts.admin, "/metrics", host="admin").text)
        features = {sample.labels["feature"]: sample.value for sample in metrics.find("zts_io_feature", backend="uring")}
        self.assertEqual((features["batched_send"], features["multishot_recv"], features["multishot_accept"]), (0, 0, 1), features)
