"""Functions that begin from a snapshot of their evaluated module, and those that cannot."""

import json
import os

import case
from harness import metrics, wire
from harness.wait import wait_until

# Enough work for any machine to notice, and well below the start-up limit.
WORK = """
let table = new Array(1000).fill(0);
for (let i = 0; i < 30_000_000; i++) table[i % 1000] = (table[i % 1000] * 31 + i) | 0;
const index = new Map();
for (let i = 0; i < 2000; i++) index.set('key' + i, table[i % 1000]);
"""
HANDLER = """
let served = 0;
export default {
  fetch(request, env) {
    const what = new URL(request.url).searchParams.get('do');
    if (what === 'spin') for (;;) ;
    let found = 0;
    for (let i = 0; i < 2000; i++) if (index.get('key' + i) === table[i % 1000]) found++;
    return Response.json({ sum: table.reduce((a, b) => (a + b) | 0), found, served: ++served, mode: env.MODE ?? null,
                           id: crypto.randomUUID(), fresh: Math.abs(Date.now() - performance.timeOrigin - performance.now()) < 60000 });
  },
};
"""
TYPED = """import { basename } from "node:path";
type Card = { number: string };
const table: number[] = [];
for (let i = 0; i < 100_000; i++) table[i % 1000] = i;
export function charge(card: Card | undefined): number {
  return card!.number.length;
}
"""
TYPED_MAIN = """import { basename } from "node:path";
import { charge } from "./charge";
export default (request: Request) => {
  if (request.url.endsWith("?fail")) charge(undefined);
  return new Response(basename("/a/typed"));
};
"""


class Snapshots(case.PlatformCase):
    threads = 2

    def ask(self, name):
        response = self.fetch("/" + name)
        self.assertAnswer(response, 200)
        return json.loads(response.text)

    def ask_until_there(self, name):
        def answer():
            try:
                response = self.fetch("/" + name)
            except OSError:
                return None
            return json.loads(response.text) if response.status == 200 else None
        return wait_until(answer, f"an answer of {name}")

    def cold_starts(self, function):
        found = metrics.Metrics(wire.fetch(self.zts.admin, "/metrics").text).find("zts_cold_starts_total", function=function)
        return {sample.labels["kind"]: sample.value for sample in found if sample.value > 0}

    def test_work_done_while_loading_is_done_once(self):
        plain = self.zts.deploy("plain", WORK + HANDLER, "--snapshot", "never")
        self.assertEqual((plain["start"], plain["start_reason"]), ("code cache", "no snapshot is wanted"))
        deployed = self.zts.deploy("heavy", WORK + HANDLER)
        self.assertEqual(deployed["start"], "snapshot", deployed)
        self.assertIn("evaluation takes", deployed["start_reason"])
        expected = self.ask("plain")["sum"]
        answers = [self.ask("heavy") for _ in range(8)]
        self.assertEqual({(answer["sum"], answer["found"]) for answer in answers}, {(expected, 2000)})
        self.assertEqual(len({answer["id"] for answer in answers}), len(answers))
        self.assertTrue(all(answer["fresh"] for answer in answers))
        inspected = self.zts.ctl("inspect", "heavy", "--json").json["versions"][0]
        self.assertEqual(inspected["start"], "snapshot")
        self.assertIn("snapshot: its evaluation takes", self.zts.ctl("inspect", "heavy").out)

    def test_small_functions_begin_from_the_code_cache(self):
        deployed = self.zts.deploy("small", "export default () => new Response('x');")
        self.assertEqual(deployed["start"], "code cache")
        self.assertIn("pays from", deployed["start_reason"])

    def test_what_is_in_the_way_is_named(self):
        for name, statement, why in (("timer", "setTimeout(() => {}, 1);", "timers"), ("clock", "const at = Date.now();", "clock"),
                                     ("awaits", "await null;", "awaits at its top level"), ("meta", "const url = import.meta.url;", "import.meta")):
            deployed = self.zts.deploy(name, statement + WORK + HANDLER)
            self.assertEqual(deployed["start"], "code cache")
            self.assertIn(", but ", deployed["start_reason"])
            self.assertIn(why, deployed["start_reason"])
            self.assertEqual(self.ask(name)["found"], 2000)

    def test_what_v8_cannot_write_down_costs_no_deploy(self):
        # V8 ends the process that tries: only the compiler's second one.
        deployed = self.zts.deploy("native", "const weak = new FinalizationRegistry(() => {}); weak.register({}, 1);\n" + WORK + HANDLER)
        self.assertEqual(self.ask("native")["found"], 2000)
        if deployed["start"] != "snapshot":
            self.assertIn("no snapshot could be made", deployed["start_reason"])

    def test_variables_are_not_in_the_snapshot(self):
        self.zts.deploy("vars", WORK + HANDLER, "--env", "MODE=one", "--snapshot", "always")
        self.assertEqual(self.ask("vars")["mode"], "one")
        ran = self.zts.ctl("env", "vars", "set", "MODE=two")
        self.assertEqual(ran.code, 0, ran)
        self.assertEqual(self.ask("vars")["mode"], "two")
        version = self.zts.ctl("versions", "vars", "--json").json["versions"][0]
        self.assertEqual(version["start"], "snapshot")

    def test_stacks_of_a_bundle_name_the_original_file(self):
        self.zts.write("sources/typed/charge.ts", TYPED)
        self.zts.write("sources/typed/index.ts", TYPED_MAIN)
        ran = self.zts.ctl("deploy", os.path.join(self.zts.folder, "sources/typed"), "--name", "typed", "--json", "--snapshot", "always")
        self.assertEqual((ran.code, ran.json["start"]), (0, "snapshot"), ran)
        self.assertAnswer(self.fetch("/typed"), 200, "typed")
        self.assertAnswer(self.fetch("/typed?fail"), 500)
        out = wait_until(lambda: (out := self.zts.ctl("logs", "typed").out) and "TypeError" in out and out, "the error in the log")
        self.assertIn("at charge (sources/typed/charge.ts:6:16)\n        return card!.number.length;\n", out)

    def test_cold_starts_begin_from_the_snapshot(self):
        self.assertEqual(self.zts.deploy("cold", WORK + HANDLER, "--cpu-limit", "200ms")["start"], "snapshot")
        self.ask("cold")
        # What has used up its CPU time gives its isolate away.
        for _ in range(8):
            self.assertEqual(self.fetch("/cold?do=spin").status, 503)
            self.assertEqual(self.ask_until_there("cold")["found"], 2000)
        wait_until(lambda: self.cold_starts("cold"), "a cold start")
        self.assertEqual(set(self.cold_starts("cold")), {"snapshot"})


class FromTheDisk(case.PlatformCase):
    """A worker that is killed and started again without a controller begins from what is in its cache."""

    threads = 1

    def test_the_snapshot_is_there_after_a_restart(self):
        zts = self.zts
        self.assertEqual(zts.deploy("heavy", WORK + HANDLER)["start"], "snapshot")
        before = json.loads(self.fetch("/heavy").text)
        zts.controller.kill()
        zts.worker.kill()
        zts.worker.wait_family_gone()
        zts.start_worker()
        after = wait_until(self.answer, "an answer of the worker that was started anew")
        self.assertEqual((after["sum"], after["found"], after["served"]), (before["sum"], 2000, 1))
        self.assertEqual(self.fetch("/heavy").status, 200)
        # The worker says so itself: nothing was evaluated anew.
        found = metrics.Metrics(wire.fetch(zts.admin, "/metrics").text)
        kinds = {sample.labels["kind"] for sample in found.find("zts_cold_starts_total", function="heavy") if sample.value > 0}
        self.assertEqual(kinds, {"snapshot"})
        by_kind = {sample.labels["kind"]: sample.value for sample in found.find("zts_cold_start_kind_seconds_count") if sample.value > 0}
        self.assertEqual(by_kind, {"snapshot": 1})

    def answer(self):
        try:
            response = self.fetch("/heavy")
        except OSError:
            return None
        return json.loads(response.text) if response.status == 200 else None
