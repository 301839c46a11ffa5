"""ztsctl top and inspect: figures that workers report, by way of the controller."""

import case
from harness.wait import wait_until


class Top(case.PlatformCase):
    @classmethod
    def prepare(cls):
        cls.zts.deploy("busy", 'export default (r) => { if (r.url.includes("bad")) throw new Error("oops"); return new Response("x"); }')
        cls.zts.deploy("idle", 'export default () => new Response("x");', "--memory-limit", "64MiB")

    def figures(self):
        ran = self.zts.ctl("top", "--once", "--json")
        self.assertEqual(ran.code, 0, ran)
        return {function["name"]: function for function in ran.json["functions"]}

    def test_top_shows_who_is_busy(self):
        for _ in range(30):
            self.fetch("/busy")
        self.fetch("/busy?bad")
        wait_until(lambda: self.figures().get("busy", {}).get("errors_per_second", 0) > 0, "the error in the figures", 20)
        busy = self.figures()["busy"]
        self.assertGreaterEqual(busy["requests_per_second"], busy["errors_per_second"])
        self.assertGreater(busy["p50_ms"], 0)
        self.assertGreaterEqual(busy["p99_ms"], busy["p50_ms"])
        self.assertGreater(busy["isolates"], 0)
        wait_until(lambda: self.figures()["busy"]["memory_bytes"] > 500_000, "its memory in the figures", 20)

    def test_the_table_is_for_people(self):
        wait_until(lambda: "busy" in self.figures(), "the first report", 20)
        ran = self.zts.ctl("top")
        self.assertEqual(ran.code, 0, ran)
        self.assertIn("REQ/S", ran.out)
        self.assertIn("busy", ran.out)
        self.assertNotIn("\x1b", ran.out)

    def test_inspect_knows_versions_limits_workers_and_errors(self):
        self.fetch("/busy?bad")

        def seen():
            ran = self.zts.ctl("inspect", "busy", "--json")
            self.assertEqual(ran.code, 0, ran)
            return ran.json if ran.json["errors"] else None

        found = wait_until(seen, "the error in the log", 20)
        self.assertIn("oops", found["errors"][-1]["message"])
        self.assertEqual(found["active_version"], found["versions"][0]["version"])
        self.assertEqual([worker["name"] for worker in found["workers"]], ["worker"])
        self.assertEqual(self.zts.ctl("inspect", "idle", "--json").json["limits"]["memory_bytes"], 64 << 20)
        self.assertIn("64.0 MiB", self.zts.ctl("inspect", "idle").out)

    def test_inspect_tells_of_garbage(self):
        self.zts.deploy("garbage", """
            let kept;
            export default () => {
              for (let i = 0; i < 3000; i++) kept = new Array(16).fill(i);
              return new Response(String(kept.length));
            }""", "--memory-limit", "64MiB")
        for _ in range(100):
            self.assertAnswer(self.fetch("/garbage"), 200, "16")

        def seen():
            worker = self.zts.ctl("inspect", "garbage", "--json").json["workers"][0]
            return worker if worker["gc"]["minor"] > 0 and worker["heap"]["used_bytes"] > 0 else None

        worker = wait_until(seen, "collections in the figures", 20)
        self.assertGreater(worker["gc"]["pause_in_turns_ms"] + worker["gc"]["pause_between_turns_ms"], 0)
        self.assertGreaterEqual(worker["heap"]["committed_bytes"], worker["heap"]["used_bytes"])
        self.assertEqual(worker["heap"]["limit_bytes"], worker["isolates"] * (64 << 20))
        out = self.zts.ctl("inspect", "garbage").out
        self.assertIn("PAUSES IN TURNS", out)

    def test_inspect_of_nothing(self):
        ran = self.zts.ctl("inspect", "nothing", "--json")
        self.assertEqual(ran.code, 1, ran)
