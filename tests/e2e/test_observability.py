"""Every panel's query, every rule and every alert, against a real Prometheus that scrapes real binaries at work."""

import importlib.util
import json
import os
import re
import signal
import threading
import unittest

import case
from harness import prometheus, wire
from harness.wait import wait_until

DEPLOY = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "deploy")

FUNCTIONS = {
    "steady": 'export default () => new Response("x");',
    "throws": 'export default () => { throw new Error("oops"); }',
    "garbage": """let kept = [];
        export default () => {
          for (let i = 0; i < 20000; ++i) kept.push({ i, text: "x" + i });
          if (kept.length > 400000) kept = [];
          return new Response(new Uint8Array(1000));
        }""",
    "buffers": "const kept = new Uint8Array(1 << 20); export default () => { console.log('noted'); return new Response('' + kept.length); }",
    # Takes its isolate down.
    "greedy": "export default () => { const kept = []; for (;;) kept.push(new Array(1000).fill({})); }",
}


def dashboards():
    spec = importlib.util.spec_from_file_location("make_dashboards", os.path.join(DEPLOY, "grafana/make_dashboards.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.all_dashboards()


def queries():
    """(dashboard and panel, expression) of every query, its variables filled in as Grafana does for "All"."""
    for board in dashboards().values():
        for panel in board["panels"]:
            for target in panel.get("targets", []):
                expression = target["expr"].replace("$__rate_interval", "30s").replace("$instance", ".*").replace("$function", ".*")
                yield f"{board['title']} / {panel['title']}", expression


class Files(unittest.TestCase):
    def test_dashboards_are_what_their_program_writes(self):
        for name, content in dashboards().items():
            with open(os.path.join(DEPLOY, "grafana", name), encoding="utf-8") as file:
                self.assertEqual(json.load(file), content, f"{name} is out of date; run deploy/grafana/make_dashboards.py")

    @unittest.skipUnless(prometheus.available(), "SKIPPED: no Prometheus here; tools/deps.sh fetches it")
    def test_rules_and_alerts_pass_their_unit_tests(self):
        for command in (["check", "config", "prometheus.yml"], ["test", "rules", "alerts_test.yml"]):
            code, output = prometheus.promtool(*command, cwd=os.path.join(DEPLOY, "prometheus"))
            self.assertEqual(code, 0, output)

    def test_every_alert_has_a_unit_test_and_a_runbook(self):
        with open(os.path.join(DEPLOY, "prometheus/alerts.yml"), encoding="utf-8") as file:
            alerts = file.read()
        with open(os.path.join(DEPLOY, "prometheus/alerts_test.yml"), encoding="utf-8") as file:
            tests = file.read()
        names = re.findall(r"alert: (\w+)", alerts)
        self.assertGreater(len(names), 15)
        self.assertEqual(alerts.count("runbook:"), len(names))
        for name in names:
            self.assertEqual(len(re.findall(rf"alertname: {name}\n", tests)), 2, f"{name}: one case that fires, one that does not")


@unittest.skipUnless(prometheus.available(), "SKIPPED: no Prometheus here; tools/deps.sh fetches it")
class Observed(case.PlatformCase):
    @classmethod
    def prepare(cls):
        for name, source in FUNCTIONS.items():
            cls.zts.deploy(name, source, "--memory-limit", "64MiB")
        cls.zts.try_deploy("broken", "export default {")
        targets = {"workers": ["%s:%d" % cls.zts.admin], "controllers": ["%s:%d" % cls.zts.controller_admin]}
        cls.prometheus = prometheus.Prometheus(os.path.join(cls.zts.folder, "prometheus"), os.path.join(DEPLOY, "prometheus"), targets)
        cls.addClassCleanup(cls.prometheus.stop)
        cls.prometheus.start()
        cls.ended = threading.Event()
        cls.load = threading.Thread(target=cls.make_load)
        cls.load.start()
        cls.addClassCleanup(cls.load.join)
        cls.addClassCleanup(cls.ended.set)

    @classmethod
    def make_load(cls):
        paths = ["/steady", "/throws", "/garbage", "/buffers", "/nowhere"] * 4 + ["/greedy"]
        deploys = 0
        while not cls.ended.is_set():
            for path in paths:
                try:
                    wire.fetch(cls.zts.http, path, timeout=20)
                except (OSError, wire.Closed):
                    pass  # the engine may be busy with its limits
            deploys += 1
            if deploys % 12 == 6:
                # A new engine has the catalog and no warm isolate: cold starts, and a restart to count.
                for pid in cls.zts.engine_pids():
                    os.kill(pid, signal.SIGKILL)
            if deploys % 4 == 0:
                cls.zts.try_deploy("steady", FUNCTIONS["steady"] + f"// {deploys}")
            cls.ended.wait(0.05)

    def empty(self):
        return [f"{panel}: {expression}" for panel, expression in queries() if not self.prometheus.query(expression)]

    def test_every_panel_shows_something(self):
        left = []

        def all_shown():
            left[:] = self.empty()
            return not left

        try:
            wait_until(all_shown, "data in every panel", 60)
        except AssertionError:
            self.fail("panels without data:\n" + "\n".join(left))

    def test_every_rule_is_evaluated(self):
        def rules():
            return [rule for group in self.prometheus.get("/api/v1/rules")["groups"] for rule in group["rules"]]

        wait_until(lambda: all(rule["health"] != "unknown" for rule in rules()), "every rule to be evaluated", 60)
        for rule in rules():
            self.assertEqual(rule["health"], "ok", rule)
        records = [rule["name"] for rule in rules() if rule["type"] == "recording"]
        self.assertGreater(len(records), 10)
        for name in records:
            wait_until(lambda name=name: self.prometheus.query(name), f"data of {name}", 60)

    def test_alerts_ask_for_what_is_there(self):
        known = set()

        def asked():
            known.update(self.prometheus.get("/api/v1/label/__name__/values"))
            return {"zts_ready", "zts_controller_functions", "fleet:zts_cold_start_seconds:p99_10m"} <= known

        # A quarantine is the one thing that no test of a few seconds brings about.
        wait_until(asked, "the first scrapes and rules", 60)
        for group in self.prometheus.get("/api/v1/rules", type="alert")["groups"]:
            for rule in group["rules"]:
                names = set(re.findall(r"\b(?:zts_\w+|\w+:zts_\w+:\w+)\b", rule["query"])) - {"zts_function_quarantined"}
                wait_until(lambda names=names: names <= set(self.prometheus.get("/api/v1/label/__name__/values")),
                           f"{rule['name']}: {names - known}", 60)

    def test_names_keep_to_the_conventions(self):
        for address in (self.zts.admin, self.zts.controller_admin):
            code, output = prometheus.promtool("check", "metrics", text=wire.fetch(address, "/metrics", host="admin").text)
            self.assertEqual((code, output), (0, ""))


if __name__ == "__main__":
    unittest.main()
