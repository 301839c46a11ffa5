"""Many functions on little memory: the used ones are resident, the others come back when they are asked."""

import case
from harness import metrics, wire
from harness.wait import wait_until

FUNCTIONS = 50


class Density(case.PlatformCase):
    threads = 1

    @classmethod
    def worker_flags(cls):
        return ["--memory-budget", "64MiB"]  # for some thirty small isolates

    @classmethod
    def prepare(cls):
        for n in range(FUNCTIONS):
            cls.zts.deploy(f"f{n}", f'export default () => new Response("{n}");')

    def metric(self, pattern, **labels):
        return metrics.Metrics(wire.fetch(self.zts.admin, "/metrics").text).total(pattern, **labels)

    def test_all_answer_and_few_are_resident(self):
        for _ in range(2):
            for n in range(FUNCTIONS):
                self.assertAnswer(self.fetch(f"/f{n}"), 200, str(n))
        self.assertLess(self.metric("zts_isolates_warm"), FUNCTIONS)
        self.assertGreater(self.metric("zts_isolate_evictions_total"), 0)
        self.assertGreater(self.metric("zts_isolates_warm"), 1)

    def test_one_that_is_used_stays(self):
        before = self.metric("zts_cold_starts_total", function="f0")
        self.assertAnswer(self.fetch("/f0"), 200, "0")
        warm = self.metric("zts_cold_starts_total", function="f0")
        self.assertLessEqual(warm - before, 1)
        for n in range(1, FUNCTIONS):
            self.assertAnswer(self.fetch(f"/f{n}"), 200, str(n))
            self.assertAnswer(self.fetch("/f0"), 200, "0")
        self.assertEqual(self.metric("zts_cold_starts_total", function="f0"), warm)

    def test_what_was_given_up_has_left_what_it_knew(self):
        for _ in range(2):
            for n in range(FUNCTIONS):
                for _ in range(4):
                    self.assertAnswer(self.fetch(f"/f{n}"), 200, str(n))
        learned = sum(self.metric("zts_cold_starts_total", kind=kind) for kind in ("spare-learned", "fresh-learned"))
        self.assertGreater(learned, FUNCTIONS / 2)
        wait_until(lambda: self.metric("zts_learned_code_bytes") > 1000, "the gauge")
        self.assertLess(self.metric("zts_learned_code_bytes"), (64 << 20) / 16)
