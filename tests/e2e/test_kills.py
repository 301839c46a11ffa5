"""Controller, workers and engines are killed at random under deploys and load: nothing acknowledged is lost, and whoever was not killed
goes on answering. The long form: ZTS_E2E_KILLS=200."""

import os
import random
import signal
import time
import unittest

from harness import platform, wire
from harness.load import Load
from harness.wait import wait_until

KILLS = int(os.environ.get("ZTS_E2E_KILLS", "8"))
SEED = int(os.environ.get("ZTS_E2E_SEED", str(random.randrange(1 << 30))))
VICTIMS = ("controller", "worker", "engine")
# Of ztsctl deploy: live; failed; no controller; stored but not live everywhere.
LIVE, FAILED, UNREACHABLE, NOT_LIVE = 0, 1, 4, 6


def answering(text):
    return f'export default {{ fetch() {{ return new Response("{text}"); }} }};\n'


class Serving:
    """A worker, and the load that it is under."""

    def __init__(self, zts, name):
        self.zts, self.name = zts, name
        self.process = zts.add_worker(name)
        host, port = self.process.ready["http"].rsplit(":", 1)
        self.address = host, int(port)
        self.load = Load(self.address, "/steady", connections=4, reconnect=True, pause=0.005)
        self.judged = 0

    def engine(self):
        return next(pid for pid in self.process.children() if not self.zts._is_egress(pid))

    def restart(self):
        """Where it listened before, from the disk it had."""
        self.process.wait_family_gone()
        self.process.command[self.process.command.index("--http") + 1] = f"{self.address[0]}:{self.address[1]}"
        self.process.start()

    def text(self, function):
        try:
            response = wire.fetch(self.address, "/" + function, timeout=10)
        except (OSError, wire.Closed):
            return None
        return response.text if response.status == 200 else None

    def failures(self):
        """Of the load, since it was asked last."""
        answers = self.load.answers()[self.judged:]
        self.judged += len(answers)
        return [answer for answer in answers if answer.status != 200]


class Kills(unittest.TestCase):
    def setUp(self):
        self.zts = platform.Platform(threads=1)
        self.addCleanup(self.zts.stop)
        self.zts.start_controller()
        self.workers = [Serving(self.zts, name) for name in ("one", "two")]
        for worker in self.workers:
            self.zts.wait_connected(worker.name)
        self.zts.deploy("steady", answering("steady"))
        self.rng = random.Random(SEED)
        self.acknowledged, self.attempts = {}, {}
        self.counts = {"live": 0, "unsure": 0, "in flight": 0, "while away": 0}

    def test_at_random_under_deploys_and_load(self):
        for worker in self.workers:
            worker.load.__enter__()
            self.addCleanup(worker.load.__exit__)
        for round_ in range(KILLS):
            self.where = f"round {round_} of seed {SEED}"
            victim = VICTIMS[round_ % len(VICTIMS)] if KILLS < 20 else self.rng.choice(VICTIMS)
            self.run_round(round_, victim, self.rng.choice(self.workers))
        print(f"[{KILLS} kills, seed {SEED}: {self.counts}]", end=" ", flush=True)
        self.assertGreater(self.counts["live"], 0, "no deploy was acknowledged")

    def run_round(self, round_, victim, worker):
        name, text = f"fn-{round_ % 5}", f"round {round_}"
        path = self.zts.write(f"sources/{name}.js", answering(text))
        deploy = self.zts.ctl_popen("deploy", path, "--json", "--wait", "20s")
        time.sleep(self.rng.uniform(0, 0.15))
        killed = time.monotonic()
        back = self.kill(victim, worker)
        out, err = deploy.communicate(timeout=60)
        self.note(name, text, deploy.returncode, f"{self.where}, {victim} killed: exit {deploy.returncode}, {out} {err}")
        for serving in self.workers:
            serving.load.wait_answers(20)
        for serving in self.workers:
            self.judge_load(serving, serving is worker and victim != "controller", killed, back, victim)
        self.check_functions()

    def kill(self, victim, worker):
        """Kills it and brings it back; when it was."""
        if victim == "controller":
            self.zts.controller.kill()
            self.zts.start_controller()
        elif victim == "worker":
            worker.process.kill()
            worker.restart()
        else:
            os.kill(worker.engine(), signal.SIGKILL)
        for serving in self.workers:
            wait_until(lambda s=serving: s.text("steady") == "steady", f"{self.where}: {serving.name} to serve", 30)
        back = time.monotonic()
        for serving in self.workers:
            self.zts.wait_connected(serving.name)
        return back

    def note(self, name, text, code, what):
        self.assertIn(code, (LIVE, FAILED, UNREACHABLE, NOT_LIVE), what)
        self.attempts.setdefault(name, []).append(text)
        if code == LIVE:
            self.acknowledged[name] = text
            del self.attempts[name][:-1]
        self.counts["live" if code == LIVE else "unsure"] += 1

    def judge_load(self, serving, was_hit, killed, back, victim):
        failures = serving.failures()
        if was_hit:
            # What was in flight on it is lost with it, and what came while it was away; nothing that began later.
            self.counts["in flight"] += sum(a.begun <= killed for a in failures)
            self.counts["while away"] += sum(killed < a.begun <= back for a in failures)
            failures = [a for a in failures if a.begun > back]
        self.assertEqual([(a.status, a.error, a.begun - killed) for a in failures], [], f"{self.where}: {serving.name} was not hit (or is back) when the {victim} was killed")

    def check_functions(self):
        """Both workers come to the same, and to nothing older than what was acknowledged."""
        def settled(name):
            texts = {serving.text(name) for serving in self.workers}
            known = self.acknowledged.get(name)
            allowed = self.attempts[name][self.attempts[name].index(known):] if known else [None, *self.attempts[name]]
            return len(texts) == 1 and texts.pop() in allowed

        for name in self.attempts:
            wait_until(lambda n=name: settled(n), f"{self.where}: {name} to be one of {self.attempts[name]} (acknowledged: "
                       f"{self.acknowledged.get(name)}), not {[s.text(name) for s in self.workers]}", 60)


if __name__ == "__main__":
    unittest.main()
