"""Versions of a function that are there already: going back, canaries, promotion by objectives, configuration."""

import os
import signal
import time
import unittest

import case
from harness import platform, wire
from harness.load import Load
from harness.metrics import Metrics
from harness.wait import wait_until

FAILED, NOT_LIVE = 1, 6


def answering(text):
    return f'export default {{ fetch() {{ return new Response("{text}"); }} }};\n'


def failing_in(text, rate):
    """Answers 500 so often."""
    return (f'export default {{ fetch() {{ return Math.random() < {rate} ? new Response("broken", {{ status: 500 }}) '
            f': new Response("{text}"); }} }};\n')


def taking(text, milliseconds):
    return (f'export default {{ async fetch() {{ await new Promise((r) => setTimeout(r, {milliseconds})); '
            f'return new Response("{text}"); }} }};\n')


class Case(case.PlatformCase):
    def ctl(self, *arguments):
        ran = self.zts.ctl(*arguments, "--json")
        self.assertEqual(ran.code, 0, ran)
        return ran.json

    def story(self, name):
        return self.ctl("versions", name)

    def version(self, name, state):
        found = [v for v in self.story(name)["versions"] if v["state"] == state]
        return found[0] if found else None

    def events(self, name):
        return [(event["what"], event["version"], event["share"]) for event in self.story(name)["history"]]

    def answers(self, name, count, headers=()):
        """The bodies of so many requests on one connection."""
        connection = self.connect()
        return [connection.request("GET", f"/{name}", headers).text for _ in range(count)]


class Rollback(Case):
    def test_goes_back_under_load_without_a_failed_request(self):
        self.zts.deploy("back", answering("v1"))
        self.zts.deploy("back", answering("v2"))
        with Load(self.zts.http, "/back", connections=16) as load:
            load.wait_answers(200)
            for to in (1, 2, 1):
                answer = self.ctl("rollback", "back", "--to", str(to), "-m", "drill")
                self.assertEqual((answer["version"], answer["live"]), (to, True))
                # From here on nobody gets the other one.
                self.assertEqual(set(self.answers("back", 50)), {f"v{to}"})
                load.wait_answers(100)
        self.assertEqual(load.failures(), [])
        self.assertEqual({answer.body.decode() for answer in load.answers()}, {"v1", "v2"})
        self.assertEqual(self.events("back")[-1], ("rolled-back", 1, 100.0))
        self.assertEqual(self.story("back")["history"][-1]["note"], "drill")
        self.assertEqual(self.version("back", "warm")["version"], 2)

    def test_without_a_number_it_is_the_one_before(self):
        for number in (1, 2, 3):
            self.zts.deploy("steps", answering(f"v{number}"))
        self.assertEqual(self.ctl("rollback", "steps")["version"], 2)
        self.assertEqual(self.ctl("rollback", "steps")["version"], 1)
        ran = self.zts.ctl("rollback", "steps")
        self.assertEqual(ran.code, FAILED, ran)
        self.assertIn("no version of 'steps' that served before v1", ran.err)
        self.assertEqual(self.zts.ctl("rollback", "nobody").code, FAILED)

    def test_the_last_line_is_a_url(self):
        self.zts.deploy("lines", answering("v1"))
        self.zts.deploy("lines", answering("v2"))
        ran = self.zts.ctl("rollback", "lines")
        self.assertEqual(ran.code, 0, ran)
        self.assertRegex(ran.out.splitlines()[0], r"^lines v1 live on 1/1 workers in [0-9.]+ ms$")
        self.assertTrue(ran.out.splitlines()[-1].endswith("/lines"), ran)


class ManyDeploys(Case):
    def test_a_hundred_in_a_row_under_load(self):
        """Every answer names its version; none fails, none goes back, none is of a version that was not the newest when it was asked."""
        self.zts.deploy("many", answering("1"))
        live = {1: 0.0}
        with Load(self.zts.http, "/many", connections=8, pause=0.005) as load:
            for number in range(2, 102):
                # Every other one by its configuration alone, which compiles nothing.
                if number % 2:
                    self.ctl("env", "many", "set", f"N={number}")
                else:
                    self.zts.deploy("many", f'export default {{ fetch(request, env) {{ return new Response(String({number} + (env.N ? 1 : 0))); }} }};\n')
                live[number] = time.monotonic()
            load.wait_answers(50)
        self.assertEqual(load.failures(), [])
        newest = {}
        for answer in sorted(load.answers(), key=lambda a: a.begun):
            number = int(answer.body)
            self.assertGreaterEqual(number, newest.get(answer.connection, 0), "a connection saw an older version after a newer one")
            newest[answer.connection] = number
            self.assertGreaterEqual(number, max(n for n, at in live.items() if at <= answer.begun))
        self.assertEqual(max(newest.values()), 101)


class Canary(Case):
    def test_its_share_is_what_was_asked(self):
        self.zts.deploy("shared", answering("old"))
        answer = self.zts.deploy("shared", answering("new"), "--canary", "20%")
        self.assertEqual(answer["version"], 2)
        count = 4000
        # Four standard deviations of a draw at a fifth.
        slack = 4 * (0.2 * 0.8 / count) ** 0.5
        rate = self.answers("shared", count).count("new") / count
        self.assertAlmostEqual(rate, 0.2, delta=slack)
        self.ctl("promote", "shared", "--weight", "60")
        rate = self.answers("shared", count).count("new") / count
        self.assertAlmostEqual(rate, 0.6, delta=4 * (0.6 * 0.4 / count) ** 0.5)
        self.assertEqual((self.version("shared", "canary")["share"], self.version("shared", "active")["share"]), (60.0, 40.0))
        self.assertEqual(self.ctl("promote", "shared")["version"], 2)
        self.assertEqual(set(self.answers("shared", 100)), {"new"})

    def test_a_header_asks_for_a_version_at_nothing(self):
        self.zts.deploy("asked", answering("old"))
        self.zts.deploy("asked", answering("new"), "--canary", "0")
        self.assertEqual(set(self.answers("asked", 200)), {"old"})
        response = self.fetch("/asked", headers=[("X-Zts-Version", "2")])
        self.assertEqual((response.text, response.header("x-zts-version")), ("new", "2"))
        response = self.fetch("/asked", headers=[("x-zts-version", "7")])
        self.assertEqual((response.text, response.header("x-zts-version")), ("old", "1"))
        self.assertEqual(self.ctl("rollback", "asked")["version"], 1)
        response = self.fetch("/asked", headers=[("x-zts-version", "2")])
        self.assertEqual((response.text, response.header("x-zts-version")), ("old", None))

    def test_clients_stay_where_they_are(self):
        self.zts.deploy("kept", answering("old"))
        self.zts.deploy("kept", answering("new"), "--canary", "30%", "--sticky", "cookie:sid")
        first = {}
        for user in range(60):
            headers = [("Cookie", f"a=1; sid=user{user}")]
            seen = set(self.answers("kept", 5, headers)) | {self.fetch("/kept", headers=headers).text}
            self.assertEqual(len(seen), 1, "one client, two versions")
            first[user] = seen.pop()
        self.assertEqual(set(first.values()), {"old", "new"})
        self.ctl("promote", "kept", "--weight", "70", "--sticky", "cookie:sid")
        for user, version in first.items():
            if version == "new":
                self.assertEqual(self.fetch("/kept", headers=[("Cookie", f"sid=user{user}")]).text, "new", "a larger share loses nobody")
        self.ctl("promote", "kept", "--weight", "50", "--sticky", "ip")
        self.assertEqual(len(set(self.answers("kept", 40))), 1, "one address, one version")

    def test_its_figures_are_told_apart(self):
        self.zts.deploy("figures", answering("old"))
        page = lambda: Metrics(wire.fetch(self.zts.admin, "/metrics", host="admin").text)  # noqa: E731
        of = lambda version, name: page().total(f"zts_version_{name}", function="figures", version=version)  # noqa: E731
        self.answers("figures", 5)
        self.assertNotIn("zts_version_requests_total{function=\"figures\"", wire.fetch(self.zts.admin, "/metrics", host="admin").text)
        self.zts.deploy("figures", failing_in("new", 1), "--canary", "0")
        self.answers("figures", 7)
        self.answers("figures", 3, headers=[("x-zts-version", "2")])
        wait_until(lambda: (of("1", "requests_total"), of("2", "requests_total")) == (7, 3), "the requests of both")
        self.assertEqual((of("1", "errors_total"), of("2", "errors_total")), (0, 3))
        wait_until(lambda: of("2", "request_duration_seconds_count") == 3, "their durations")
        self.ctl("rollback", "figures")
        wait_until(lambda: "zts_version_requests_total{function=\"figures\"" not in
                   wire.fetch(self.zts.admin, "/metrics", host="admin").text, "the series to end")

    def test_a_canary_beside_nothing_is_refused(self):
        ran = self.zts.try_deploy("alone", answering("x"), "--canary", "10%")
        self.assertNotEqual(ran.code, 0)
        self.assertIn("without --canary", ran.json["error"]["message"])

    def test_a_canary_that_does_not_load_changes_nothing(self):
        self.zts.deploy("loads", answering("old"))
        ran = self.zts.try_deploy("loads", "throw new Error('no');", "--canary", "50%")
        self.assertNotEqual(ran.code, 0)
        self.assertEqual(set(self.answers("loads", 50)), {"old"})


class Promotion(Case):
    STEPS = ("--steps", "10,50,100", "--step-time", "1s", "--min-requests", "40")

    def promote(self, name, *options):
        return self.ctl("promote", name, "--auto", "--slo", "p99<5s,errors<1%,cold<50%", *(options or self.STEPS))

    def wait_event(self, name, what):
        def look():
            found = [event for event in self.story(name)["history"] if event["what"] == what]
            return found[-1] if found else None
        return wait_until(look, f"'{what}' in the history of {name}: {self.story(name)}", 120, every=0.2)

    def test_a_good_canary_gets_everything(self):
        self.zts.deploy("good", answering("old"))
        self.zts.deploy("good", answering("new"), "--canary", "0")
        with Load(self.zts.http, "/good", connections=8, pause=0.002) as load:
            answer = self.promote("good", *self.STEPS, "--factor", "50")
            self.assertEqual(answer["version"], 2)
            self.assertEqual(self.story("good")["promotion"]["steps"], [10.0, 50.0, 100.0])
            self.wait_event("good", "promoted")
        self.assertEqual(load.failures(), [])
        self.assertEqual(set(self.answers("good", 50)), {"new"})
        self.assertIn(("canary", 2, 50.0), self.events("good"))
        self.assertEqual(self.story("good")["history"][-1]["by"], "controller")

    def test_errors_take_it_away(self):
        self.zts.deploy("failing", answering("old"))
        self.zts.deploy("failing", failing_in("new", 0.05), "--canary", "0")
        with Load(self.zts.http, "/failing", connections=8, pause=0.002):
            self.promote("failing", "--steps", "10,100", "--step-time", "60s", "--factor", "50")
            event = self.wait_event("failing", "withdrawn")
        self.assertIn("errors", event["note"])
        self.assertEqual(set(self.answers("failing", 100)), {"old"})
        self.assertIsNone(self.version("failing", "canary"))

    def test_doubled_latency_takes_it_away(self):
        self.zts.deploy("slower", taking("old", 40))
        self.zts.deploy("slower", taking("new", 160), "--canary", "0")
        with Load(self.zts.http, "/slower", connections=24):
            self.promote("slower", "--steps", "10,100", "--step-time", "60s")
            event = self.wait_event("slower", "withdrawn")
        self.assertIn("p99", event["note"])
        self.assertEqual(set(self.answers("slower", 20)), {"old"})

    def test_it_can_be_stopped(self):
        self.zts.deploy("stopped", answering("old"))
        self.zts.deploy("stopped", answering("new"), "--canary", "0")
        self.promote("stopped")
        self.ctl("promote", "stopped", "--stop")
        self.assertIsNone(self.story("stopped")["promotion"])
        self.assertEqual(self.version("stopped", "canary")["share"], 10.0)


class PromotionOverACrash(Case):
    def test_a_controller_that_is_killed_goes_on_when_it_is_back(self):
        self.zts.deploy("crash", answering("old"))
        self.zts.deploy("crash", answering("new"), "--canary", "0")
        with Load(self.zts.http, "/crash", connections=8, pause=0.002) as load:
            self.ctl("promote", "crash", "--auto", "--steps", "10,50,100", "--step-time", "1s", "--min-requests", "40", "--factor", "50")
            wait_until(lambda: ("canary", 2, 50.0) in self.events("crash"), "the second step", 60, every=0.1)
            self.zts.controller.kill()
            load.wait_answers(100)
            self.zts.start_controller()
            self.zts.wait_connected()
            wait_until(lambda: self.events("crash")[-1][0] == "promoted", "the promotion to end", 60, every=0.2)
        self.assertEqual(load.failures(), [])
        self.assertEqual(set(self.answers("crash", 50)), {"new"})


class Configuration(Case):
    def test_variables_are_a_new_version_of_the_same_code(self):
        source = "export default { fetch(request, env) { return new Response(JSON.stringify(env)); } };\n"
        self.zts.deploy("configured", source, "--env", "A=1")
        answer = self.ctl("env", "configured", "set", "B=2", "A=3")
        self.assertEqual((answer["version"], answer["live"]), (2, True))
        self.assertEqual(self.fetch("/configured").text, '{"A":"3","B":"2"}')
        self.assertEqual(self.ctl("env", "configured")["env"], {"A": "3", "B": "2"})
        self.assertEqual(self.ctl("env", "list", "configured")["env"], {"A": "3", "B": "2"}, "the action first, as 'secret' has it")
        self.assertIn("'frob' is none of list, set, unset", self.zts.ctl("env", "configured", "frob").err)
        self.assertIn("ztsctl list", self.zts.ctl("rollback", "nobody").err)
        self.ctl("env", "configured", "unset", "A")
        self.assertEqual(self.fetch("/configured").text, '{"B":"2"}')
        versions = self.story("configured")["versions"]
        self.assertEqual([v["based_on"] for v in versions], [1, 1, 0])
        self.assertEqual(len({v["digest"] for v in versions}), 1)
        self.assertEqual(self.zts.ctl("env", "configured", "unset", "NOPE").code, FAILED)
        self.ctl("rollback", "configured", "--to", "1")
        self.assertEqual(self.fetch("/configured").text, '{"A":"1"}')

    def test_routes_come_and_go(self):
        self.zts.deploy("routed", answering("here"))
        self.assertEqual(self.fetch("/elsewhere").status, 404)
        self.ctl("routes", "routed", "add", "/elsewhere", "shop.example.com/")
        self.assertAnswer(self.fetch("/elsewhere"), 200, "here")
        self.assertAnswer(self.fetch("/any", host="shop.example.com"), 200, "here")
        self.assertEqual(self.ctl("routes", "routed")["routes"],
                         ["/routed", "routed.localhost/", "/elsewhere", "shop.example.com/"])
        self.ctl("routes", "routed", "remove", "/elsewhere")
        self.assertEqual(self.fetch("/elsewhere").status, 404)
        self.zts.deploy("other", answering("other"))
        ran = self.zts.ctl("routes", "other", "add", "shop.example.com/")
        self.assertEqual(ran.code, FAILED, ran)
        self.assertIn("belongs to function 'routed'", ran.err)


class EveryWorker(unittest.TestCase):
    def setUp(self):
        self.zts = platform.Platform(threads=1)
        self.addCleanup(self.zts.stop)
        self.zts.start()
        self.other = self.zts.add_worker("other")
        self.zts.wait_connected("other")
        self.zts.deploy("all", answering("v1"))

    def answer_of_other(self):
        host, port = self.other.ready["http"].rsplit(":", 1)
        return wire.fetch((host, int(port)), "/all").text

    def test_one_that_cannot_is_named_and_holds_nobody_up(self):
        os.kill(self.other.pid, signal.SIGSTOP)
        try:
            # Past the time that all wait for all; before the stopped one counts as disconnected.
            ran = self.zts.try_deploy("all", answering("v2"), "--wait", "8s")
            self.assertEqual(ran.code, NOT_LIVE, ran)
            self.assertEqual((ran.json["workers_live"], ran.json["workers_total"]), (1, 2))
            self.assertIn("other: preparing", ran.json["laggards"][0])
            self.assertEqual(wire.fetch(self.zts.http, "/all").text, "v2")
        finally:
            os.kill(self.other.pid, signal.SIGCONT)
        wait_until(lambda: self.answer_of_other() == "v2", "the other one to take it")

    def test_whoever_asks_for_all_gets_all_or_nothing(self):
        os.kill(self.other.pid, signal.SIGSTOP)
        try:
            ran = self.zts.try_deploy("all", answering("v2"), "--require-all", "--wait", "2s")
            self.assertNotEqual(ran.code, 0, ran)
            self.assertIn("other: preparing", ran.json["error"]["message"])
            self.assertEqual(wire.fetch(self.zts.http, "/all").text, "v1", "nobody has switched")
        finally:
            os.kill(self.other.pid, signal.SIGCONT)
        answer = self.zts.deploy("all", answering("v3"), "--require-all")
        self.assertEqual((answer["workers_live"], answer["workers_total"]), (2, 2))
        self.assertEqual((wire.fetch(self.zts.http, "/all").text, self.answer_of_other()), ("v3", "v3"))


if __name__ == "__main__":
    unittest.main()
