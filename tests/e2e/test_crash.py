"""Processes die at the worst moments: nothing acknowledged is lost, and service goes on or comes back."""

import os
import random
import resource
import secrets
import signal
import time
import unittest

import case
from harness import platform, proc, wire
from harness.load import Load
from harness.wait import wait_until

# The long variant: ZTS_E2E_ROUNDS=50.
ROUNDS = int(os.environ.get("ZTS_E2E_ROUNDS", "8"))
SEED = int(os.environ.get("ZTS_E2E_SEED", str(random.randrange(1 << 30))))


def answering(text):
    return f'export default {{ fetch() {{ return new Response("{text}"); }} }};\n'


class CrashController(case.PlatformCase):
    def test_killed_at_random_points_of_deploys(self):
        rng = random.Random(SEED)
        acknowledged = {}
        attempts = {}
        exits = []
        # Kills are spread over twice the time that about half of the deploys are over in; a controller just started is slower.
        window = 3 * self.zts.deploy("probe", answering("probe"))["ms"] / 1000
        with Load(self.zts.http, "/probe", connections=2, pause=0.01) as load:
            for round_ in range(ROUNDS):
                name = f"fn-{round_ % 5}"
                text = f"round {round_}"
                path = self.zts.write(f"sources/{name}.js", answering(text))
                deploy = self.zts.ctl_popen("deploy", path, "--json")
                time.sleep(rng.uniform(0, window))
                self.zts.controller.kill()
                out, err = deploy.communicate(timeout=60)
                exits.append(deploy.returncode)
                window *= 0.8 if deploy.returncode == 0 else 1.2
                attempts.setdefault(name, []).append(text)
                if deploy.returncode == 0:
                    acknowledged[name] = text
                    del attempts[name][:-1]
                self.zts.start_controller()
                self.zts.wait_connected()
                self.check(acknowledged, attempts, f"round {round_} of seed {SEED}: exit {deploy.returncode}, {out} {err}")
        self.assertEqual(load.failures(), [], "the data plane noticed")
        # Both outcomes must have been tried, or the kills were not spread over the deploys.
        print(f"[{exits.count(0)} of {len(exits)} deploys acknowledged before the kill, seed {SEED}]", end=" ", flush=True)
        self.assertEqual(set(exits) - {0, 4}, set(), exits)
        if ROUNDS >= 20:
            self.assertEqual(set(exits), {0, 4})

    def check(self, acknowledged, attempts, where):
        listed = {function["name"] for function in self.zts.ctl("list", "--json").json["functions"]}
        for name, text in acknowledged.items():
            self.assertIn(name, listed, where)
            # What was tried after the acknowledged version may or may not have been stored; nothing older may answer.
            allowed = [text] + attempts[name][attempts[name].index(text) + 1:]
            response = wire.fetch(self.zts.http, "/" + name)
            self.assertEqual(response.status, 200, f"{where}: {response}")
            self.assertIn(response.text, allowed, where)

    def test_deploy_while_it_is_gone_says_so(self):
        self.zts.controller.kill()
        ran = self.zts.try_deploy("late", answering("late"))
        self.assertEqual(ran.code, 4, ran)
        self.zts.start_controller()
        self.zts.wait_connected()
        self.zts.deploy("late", answering("late"))
        self.assertAnswer(self.fetch("/late"), 200, "late")

    def test_another_database_is_taken_whole(self):
        # The worker must not keep functions of a store that is gone.
        self.zts.deploy("relic", answering("relic"))
        self.zts.controller.kill()
        os.rename(os.path.join(self.zts.folder, "controller"), os.path.join(self.zts.folder, "controller.old"))
        self.zts.start_controller()
        self.zts.wait_connected()
        self.zts.deploy("fresh", answering("fresh"))
        self.assertAnswer(self.fetch("/fresh"), 200, "fresh")
        self.assertAnswer(self.fetch("/relic"), 404)


class FullDisk(unittest.TestCase):
    """No file of the controller may grow: what it sees of a disk that is full."""

    def setUp(self):
        self.zts = platform.Platform().start()
        self.addCleanup(self.zts.stop)
        self.zts.deploy("kept", answering("kept"))

    def limit(self, bytes_max):
        _, hard = resource.prlimit(self.zts.controller.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.zts.controller.pid, resource.RLIMIT_FSIZE, (bytes_max, hard))

    def deploy(self, text):
        return self.zts.try_deploy("filler", answering(text) + "// " + secrets.token_hex(30_000))

    def test_is_said_and_loses_nothing(self):
        zts = self.zts
        self.limit(200_000)
        acknowledged = None
        for n in range(30):
            ran = self.deploy(f"deploy {n}")
            if ran.code != 0:
                break
            acknowledged = f"deploy {n}"
        self.assertNotEqual(ran.code, 0, "the limit was never reached")
        self.assertIn("free space", ran.json["error"]["message"])
        # It stays up, and what was there is served and listed.
        self.assertTrue(zts.controller.running(), zts.controller.log_tail())
        self.assertIn("kept", {f["name"] for f in zts.ctl("list", "--json").json["functions"]})
        self.assertEqual(wire.fetch(zts.http, "/kept").text, "kept")
        if acknowledged:
            self.assertEqual(wire.fetch(zts.http, "/filler").text, acknowledged)
        # Once there is room it takes deploys again, and after a restart holds what it acknowledged.
        self.limit(resource.RLIM_INFINITY)
        ran = self.deploy("with some room")
        self.assertEqual(ran.code, 0, ran)
        self.assertEqual(wire.fetch(zts.http, "/filler").text, "with some room")
        zts.controller.kill()
        zts.start_controller()
        zts.wait_connected()
        self.assertEqual({f["name"] for f in zts.ctl("list", "--json").json["functions"]}, {"kept", "filler"})
        ran = self.deploy("with room")
        self.assertEqual(ran.code, 0, ran)
        self.assertEqual(wire.fetch(zts.http, "/filler").text, "with room")


class CrashWorker(unittest.TestCase):
    def setUp(self):
        self.zts = platform.Platform().start()
        self.addCleanup(self.zts.stop)
        self.zts.deploy("kept", answering("kept"))

    def test_serves_from_its_cache_without_a_controller(self):
        self.zts.controller.kill()
        self.zts.worker.kill()
        self.zts.worker.wait_family_gone()
        self.zts.start_worker()
        wait_until(lambda: wire.fetch(self.zts.http, "/kept").status == 200, "the cached function to be served")
        self.assertEqual(wire.fetch(self.zts.http, "/kept").text, "kept")

    def test_a_restarted_worker_catches_up(self):
        self.zts.worker.kill()
        self.zts.worker.wait_family_gone()
        self.zts.try_deploy("kept", answering("newer"), "--wait", "1s")
        self.zts.start_worker()
        wait_until(lambda: wire.fetch(self.zts.http, "/kept").text == "newer", "the version deployed meanwhile")

    def test_a_damaged_cache_is_not_served(self):
        self.zts.worker.kill()
        self.zts.worker.wait_family_gone()
        for folder, _, files in os.walk(os.path.join(self.zts.folder, "worker")):
            for name in files:
                path = os.path.join(folder, name)
                if os.path.getsize(path) > 0:
                    with open(path, "r+b") as file:
                        file.seek(os.path.getsize(path) // 2)
                        file.write(b"\xff\x00\xff")
        self.zts.start_worker()
        wait_until(lambda: wire.fetch(self.zts.http, "/kept").status == 200, "the function to be fetched again")
        self.assertEqual(wire.fetch(self.zts.http, "/kept").text, "kept")


class CrashEngine(case.PlatformCase):
    @classmethod
    def prepare(cls):
        for n in range(5):
            cls.zts.deploy(f"fn-{n}", answering(f"fn-{n}"))

    def test_back_at_once_and_nothing_else_lost(self):
        for round_ in range(3):
            with self.subTest(round_):
                engines = self.zts.engine_pids()
                self.assertTrue(engines, "the worker has no engine")
                worker_pid = self.zts.worker.pid
                with Load(self.zts.http, "/fn-0", connections=16, reconnect=True) as load:
                    load.wait_answers(100)
                    os.kill(engines[0], signal.SIGKILL)
                    back = wait_until(lambda: self._served_at(), "a new connection to be served")
                    load.wait_answers(100)
                # How long a start takes is the machine's; that nothing is waited for before it is ours.
                self.assertIn(f"engine {engines[0]} ended with signal 9 (SIGKILL); a new one starts at once", self.zts.worker.log_tail())
                # What was in flight is lost with the engine; nothing that began later is.
                late = [(a.status, a.error) for a in load.answers() if a.status != 200 and a.begun > back]
                self.assertEqual(late, [])
                self.assertEqual(self.zts.worker.pid, worker_pid)
                for n in range(5):
                    self.assertAnswer(self.fetch(f"/fn-{n}"), 200, f"fn-{n}")
                wait_until(lambda: not proc.is_running(engines[0]), "the dead engine to be reaped")
        self.zts.deploy("fn-0", answering("after the crash"))
        self.assertAnswer(self.fetch("/fn-0"), 200, "after the crash")

    def test_a_version_that_ends_it_is_named_and_barred(self):
        kinds = {
            "fatal": ("Array.prototype.sort.call({ length: 2 ** 53 - 1 });", "V8 cannot go on"),
            "stuck": ("Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1);", "a turn of JavaScript did not end after its limit"),
        }
        for name, (does, why) in kinds.items():
            with self.subTest(name):
                self.zts.deploy(name, f"""export default (request) => {{
                  if (request.url.includes("?do")) {does}
                  return new Response("well");
                }};""", "--cpu-limit", "200ms", "--wall-limit", "300s")
                for _ in range(3):
                    wait_until(lambda: self._text_of(f"/{name}") == "well", "the function to be served")
                    with self.assertRaises((OSError, wire.Closed)):
                        self.fetch(f"/{name}?do", timeout=310)
                # Nobody waits for it, however often it has happened.
                wait_until(lambda: self.zts.worker.log_tail(400).count(why) >= 3, "the last words in the worker's log")
                wait_until(lambda: self._text_of("/fn-1") == "fn-1", "the others to be served")
                wait_until(lambda: self._text_of(f"/{name}") != "well", "the version to be barred")
                deaths = [line for line in self.zts.worker.log_tail(400).splitlines() if f"in {name} v1; " in line]
                self.assertEqual(len(deaths), 3, deaths)
                for line in deaths:
                    self.assertIn(why, line)
                    self.assertTrue(line.endswith("; a new one starts at once"), line)
                wait_until(lambda: "barred from worker" in self.zts.ctl("logs", name).out, "the report")
                self.assertEqual(self.zts.ctl("logs", name).out.count("this version ended the engine process"), 3)
                self.assertEqual(self._text_of("/fn-1"), "fn-1")

    def _text_of(self, target):
        try:
            return self.fetch(target, timeout=60).text
        except (OSError, wire.Closed):
            return None

    def _served_at(self):
        try:
            response = self.fetch("/fn-0", timeout=60)
        except (OSError, wire.Closed):
            return None
        return time.monotonic() if response.status == 200 else None


class Drain(unittest.TestCase):
    def drain(self, io):
        if io == "uring" and platform.uring_refusal():
            self.skipTest(platform.uring_refusal())
        zts = platform.Platform(io=io).start()
        self.addCleanup(zts.stop)
        zts.deploy("quick", answering("quick"))
        zts.deploy("whole", "export default async (request) => new Response(await request.text());")
        zts.deploy("slow", "export default async () => { await new Promise((r) => setTimeout(r, 500)); return new Response('slow to the end'); };")
        waiting = wire.Connection(zts.http)
        self.addCleanup(waiting.close)
        waiting.send(wire.format_request("GET", "/slow"))
        # In mid-request until the test ends it.
        held = wire.Connection(zts.http)
        self.addCleanup(held.close)
        held.send("POST /whole HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nab")
        with Load(zts.http, "/quick", connections=8, reconnect=True) as load:
            load.wait_answers(100)
            begun = time.monotonic()
            zts.worker.popen.send_signal(signal.SIGTERM)
            # Refused at once, not left in a queue that nobody reads.
            wait_until(lambda: self._refused(zts.http), "new connections to be refused")
            held.send("cd")
            finished = held.read_response()
            response = waiting.read_response()
            zts.worker.popen.wait(40)
            took = time.monotonic() - begun
            ended = time.monotonic()
        self.assertEqual((finished.status, finished.text, finished.header("connection")), (200, "abcd", "close"))
        self.assertEqual((response.status, response.text), (200, "slow to the end"))
        self.assertEqual(zts.worker.popen.returncode, 0, zts.worker.log_tail())
        self.assertLess(took, 10.0)
        # Refused connections are the end of the listener; an answer begun and not finished would be a loss.
        lost = [(a.status, a.error) for a in load.answers()
                if a.status != 200 and a.begun < ended and "ConnectionRefused" not in (a.error or "")]
        self.assertEqual(lost, [])

    def _refused(self, address):
        try:
            wire.Connection(address).close()
        except ConnectionRefusedError:
            return True
        except ConnectionResetError:
            pass
        return False

    def test_sigterm_finishes_what_is_in_flight_uring(self):
        self.drain("uring")

    def test_sigterm_finishes_what_is_in_flight_epoll(self):
        self.drain("epoll")
