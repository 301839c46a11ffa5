"""A row of functions that mean harm: each harms itself alone, and its limit is named to the client, in the log and in the metrics."""

import os
import random

import case
import hostile
from harness import proc, wire
from harness.load import Load
from harness.metrics import Metrics
from harness.wait import wait_until

# Every third is asked, always the same, for the sake of time. ZTS_E2E_HOSTILE=all: each once; =1000: so many, at random; or names.
WHICH = os.environ.get("ZTS_E2E_HOSTILE", "third")
SEED = int(os.environ.get("ZTS_E2E_SEED", str(random.randrange(1 << 30))))
LIMITS = ["--cpu-limit", "200ms", "--memory-limit", "64MiB"]
# What the engine may keep after all of them: code that it has touched (16 MiB), what the spares take, holes in the allocator's arenas. Those that
# still wait for their wall limit go when it is over, and then what V8 and the allocator have kept goes back in three steps of nine seconds.
KEPT_BYTES = 96 << 20
COMES_BACK_WITHIN = 150


class Hostile(case.PlatformCase):
    @classmethod
    def prepare(cls):
        cls.zts.deploy("neighbour", 'export default () => new Response("well");')

    def setUp(self):
        self.lost = 0

    def engine(self):
        pids = self.zts.engine_pids()
        return pids[0] if pids else None

    def resident(self):
        return int(proc.thread_statuses(self.engine())[0]["VmRSS"].split()[0]) << 10

    def metrics(self):
        return Metrics(wire.fetch(self.zts.admin, "/metrics", host="admin").text)

    def outcomes(self, function, outcome):
        return self.metrics().total("zts_invocation_outcomes_total", function=function, outcome=outcome)

    def is_well(self, target):
        try:
            response = self.fetch(target, timeout=5)
        except (OSError, wire.Closed):
            return False
        return response.status == 200 and response.text == "well"

    def names(self):
        names = list(hostile.TABLE)
        if WHICH == "third":
            return names[::3]
        if WHICH == "all":
            return names
        if not WHICH.isdigit():
            return WHICH.split(",")
        print(f"[seed {SEED}]", end=" ", flush=True)
        rng = random.Random(SEED)
        return [rng.choice(names) for _ in range(int(WHICH))]

    def test_each_harms_itself_alone(self):
        self.resident_before = self.resident()
        descriptors = proc.descriptor_count(self.engine())
        with Load(self.zts.http, "/neighbour", connections=1, reconnect=True, pause=0.02) as load:
            for number, name in enumerate(self.names()):
                with self.subTest(name, number=number):
                    self.harm(name)
                load.wait_answers(1)
        # A process that V8 has ended takes the neighbour's request under way with it; nothing else does.
        self.assertLessEqual(len(load.failures()), 2 * self.lost, load.failures()[:5])
        wait_until(lambda: self.resident() < self.resident_before + KEPT_BYTES, f"memory to come back to near {self.resident_before >> 20} MiB; "
                   f"it was {self.resident() >> 20} MiB", COMES_BACK_WITHIN, every=1)
        if WHICH != "third":
            print(f"[{number + 1} in a row; the neighbour: {load.count_ok()} answers, {len(load.failures())} failures; engines that V8 has ended: "
                  f"{self.lost}; resident before {self.resident_before >> 20} MiB, after {self.resident() >> 20} MiB]", end=" ", flush=True)
        if not self.lost:
            wait_until(lambda: proc.descriptor_count(self.engine()) <= descriptors + 8, "descriptors to be closed")

    def harm(self, name):
        body, allowed = hostile.TABLE[name]
        engine = self.engine()
        # A busy machine gives a loop its CPU time late: its wall limit is not to be what ends it.
        self.zts.deploy(name, hostile.source(body), *LIMITS, "--wall-limit", "1s" if "wall-limit" in allowed else "60s")
        try:
            response = self.fetch(f"/{name}?do", timeout=90)
            ended = response.error or str(response.status)
        except (OSError, wire.Closed):
            # A response that had been begun is cut off by what ends its function; the engine goes on.
            is_cut = hostile.CUT in allowed and self.engine() == engine
            response, ended = None, hostile.CUT if is_cut else hostile.FATAL
        self.assertIn(ended, allowed, response if response is not None else self.zts.worker.log_tail())
        if ended == hostile.FATAL:
            self.lost += 1
            wait_until(lambda: self.is_well("/neighbour"), "the next engine to serve")
            wait_until(lambda: "this version ended the engine process" in self.zts.ctl("logs", name, "-n", "1000").out, "the end in the log")
        else:
            self.assertEqual(self.engine(), engine, f"the engine is another one after {ended}")
            if response is not None and response.error:
                self.assertNamed(name, response)
        wait_until(lambda: self.is_well(f"/{name}"), f"the function to serve again after {ended}")
        self.assertEqual(self.zts.ctl("delete", name).code, 0)

    def assertNamed(self, name, response):
        """The word that the client has read stands in the metrics and in the log."""
        wait_until(lambda: self.outcomes(name, response.error) >= 1, f"zts_invocation_outcomes_total of {response.error}")
        wait_until(lambda: response.header("x-zts-request-id") in self.zts.ctl("logs", name, "-n", "1000").out, "the failure in the log")
