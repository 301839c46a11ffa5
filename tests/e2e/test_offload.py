"""Functions that burn the CPU, and others beside them: on one shard, nobody waits for another's turn."""

import json
import os
import select
import threading
import unittest

import case
from harness import metrics, proc, upstream, wire
from harness.wait import wait_until

QUIET = 'export default () => new Response("quiet");'

# Every turn of it takes its time; what else it does is in the query.
HEAVY = """
let count = 0;
export default { async fetch(request, env, ctx) {
  const url = new URL(request.url), what = url.searchParams.get("do");
  if (what === "ready") return new Response("ready");
  if (what !== "rest") { let n = 0; for (let i = 0; i < 2e7; i++) n = (n * 31 + i) | 0; globalThis.n = n; }
  switch (what) {
    case "loop": for (;;) {}
    case "greed": { const a = []; for (;;) a.push(new Array(1000).fill(Math.random())); }
    case "never": return new Promise(() => {});
    case "throw": throw new TypeError("on purpose");
    case "later": await new Promise((r) => setTimeout(r, 20)); return new Response("later");
    case "who": return Response.json(ctx.remoteAddr);
    case "text": return new Response(`${request.method} ${request.headers.get("x-a")} ${await request.text()}`);
    case "mirror": return new Response(request.body, { headers: { "x-mirror": "yes" } });
    case "pieces": return new Response(new ReadableStream({
      async pull(c) { if (count++ % 200 === 199) c.close(); else c.enqueue(new Uint8Array(10_000).fill(112)); } }));
    case "fetch": { const r = await fetch(url.searchParams.get("url")); return new Response(await r.text(), { status: r.status }); }
    case "log": console.log("said elsewhere"); return new Response("logged");
    default: return new Response("heavy");
  }
} };
"""


class Offload(case.PlatformCase):
    threads = 1

    @classmethod
    def prepare(cls):
        cls.zts.deploy("quiet", QUIET)
        cls.up = upstream.Upstream(upstream.Handler)
        cls.addClassCleanup(cls.up.stop)
        cls.deploy_heavy("heavy")

    @classmethod
    def deploy_heavy(cls, name, source=HEAVY, **more):
        cls.zts.deploy(name, source, "--cpu-limit", "3s", "--wall-limit", "300s", "--memory-limit", "64MiB", "--allow-net", "127.0.0.1")

    def setUp(self):
        self.send_away("heavy")

    def metric(self, pattern, **labels):
        return metrics.Metrics(wire.fetch(self.zts.admin, "/metrics").text).total(pattern, **labels)

    def ask(self, target, statuses=(200,), **options):
        """As often as it is told to ask again: on a machine that gives an offload thread nothing for ten seconds."""
        def answer():
            response = self.fetch(target, timeout=310, **options)
            return None if response.error == "overloaded" else response
        response = wait_until(answer, f"{target} to be answered", 300)
        self.assertIn(response.status, statuses, response)
        return response

    def send_away(self, function):
        """Asks until its CPU time has sent it to an offload thread."""
        def away():
            self.ask(f"/{function}")
            return self.metric("zts_function_offloaded", function=function) == 1
        wait_until(away, f"{function} to be on an offload thread", 300)
        # That may have been the last answer of its isolate on the shard.
        self.ask(f"/{function}")

    def burn(self):
        """An endless loop in the heavy function, which is under way: the thread that has asked for it, and where its answer will be."""
        def begin():
            answers = []
            thread = threading.Thread(target=lambda: answers.append(self.ask("/heavy?do=loop", (503,))))
            thread.start()
            self.addCleanup(thread.join)
            # On a machine that gave this case no time it may be over by now.
            while not answers:
                if self.metric("zts_function_in_flight", function="heavy") == 1 and not answers:
                    return thread, answers
            return None
        return wait_until(begin, "the loop to be seen while it runs", 300)

    def test_its_code_is_looked_at_where_it_runs(self):
        ran = self.zts.ctl("inspect", "heavy", "--jit", "--watch", "0", "--json")
        self.assertEqual(ran.code, 0, ran)
        version = ran.json["workers"][0]["versions"][0]
        self.assertTrue(version["loaded"], ran)
        self.assertIn("fetch", [each["name"] for each in version["functions"]])

    def test_others_are_answered_while_it_does_not_return(self):
        burning, answers = self.burn()
        for _ in range(20):
            self.assertAnswer(self.fetch("/quiet"), 200, "quiet")
        self.assertEqual(answers, [], "the loop is over before the others were answered")
        burning.join()
        self.assertEqual((answers[0].status, answers[0].error), (503, "cpu-limit"), answers[0])
        self.assertAnswer(self.ask("/heavy"), 200, "heavy")

    def test_a_heavy_one_is_answered_while_another_does_not_return(self):
        self.deploy_heavy("second")
        self.send_away("second")
        burning, answers = self.burn()
        # Its own isolate waits for the loop, the other one's thread does not.
        waiting = self.connect(310)
        waiting.send(wire.format_request("GET", "/heavy?do=ready"))
        for request in range(20):
            self.ask("/second?do=ready" if request % 4 else "/second")
        self.assertEqual(answers, [], "the loop is over before the other heavy function has answered")
        burning.join()
        self.assertEqual((answers[0].status, answers[0].error), (503, "cpu-limit"), answers[0])
        # It was behind the turn that has ended its isolate: it gets the next one, or is told to ask again.
        response = waiting.read_response()
        self.assertIn(response.status, (200, 503), response)
        self.assertAnswer(self.ask("/heavy"), 200, "heavy")
        self.assertEqual(self.zts.ctl("delete", "second").code, 0)

    def test_threads_come_with_functions_and_go_with_them(self):
        # Those of other cases' functions end.
        wait_until(lambda: self.metric("zts_offload_threads") == 1, "the other threads to end", 120)
        before = 1
        starts = self.metric("zts_offload_starts_total")
        self.deploy_heavy("passing")
        self.send_away("passing")
        self.assertEqual(self.metric("zts_offload_threads"), before + 1)
        self.assertEqual(self.metric("zts_offload_starts_total"), starts + 1)
        ran = self.zts.ctl("delete", "passing")
        self.assertEqual(ran.code, 0, ran)
        wait_until(lambda: self.metric("zts_offload_threads") == before, "the thread to end", 120)
        # One that has begun after the others may do what they may.
        self.deploy_heavy("passing")
        self.send_away("passing")
        self.assertEqual(self.metric("zts_offload_threads"), before + 1)
        self.assertAnswer(self.ask("/passing?do=fetch&url=" + self.up.url("/size/1000")), 200)
        ran = self.zts.ctl("inspect", "passing", "--jit", "--watch", "0", "--json")
        self.assertEqual(ran.code, 0, ran)
        self.assertTrue(ran.json["workers"][0]["versions"][0]["loaded"], ran)
        self.assertEqual(self.zts.ctl("delete", "passing").code, 0)

    def test_bodies_and_time_pass_as_ever(self):
        self.assertAnswer(self.ask("/heavy?do=text", method="POST", body="body", headers=[("X-A", "b")]), 200, "POST b body")
        self.assertAnswer(self.ask("/heavy?do=later"), 200, "later")
        self.assertEqual(json.loads(self.ask("/heavy?do=who").text)["hostname"], "127.0.0.1")
        body = "".join(f"{n}," for n in range(200_000))
        mirrored = self.ask("/heavy?do=mirror", method="POST", body=body)
        self.assertEqual(mirrored.header("x-mirror"), "yes")
        self.assertTrue(mirrored.text == body, f"{len(mirrored.text)} of {len(body)} bytes came back")
        pieces = self.ask("/heavy?do=pieces")
        self.assertEqual(pieces.body.strip(b"p"), b"")
        self.assertGreater(len(pieces.body), 0)

    def test_it_may_fetch(self):
        self.assertAnswer(self.ask("/heavy?do=fetch&url=" + self.up.url("/size/100000")), 200)
        told = json.loads(self.ask("/heavy?do=fetch&url=" + self.up.url("/some/path")).text)
        self.assertEqual(told["path"], "/some/path")

    def test_its_limits_hold(self):
        for what, status, error in (("throw", 500, "exception"), ("greed", 503, "memory-limit"), ("loop", 503, "cpu-limit")):
            with self.subTest(what):
                response = self.ask(f"/heavy?do={what}", (status,))
                self.assertEqual((response.status, response.error), (status, error), response)
                self.assertAnswer(self.ask("/heavy"), 200, "heavy")

    def test_a_client_that_goes_is_forgotten(self):
        def begin():
            connection = self.connect(310)
            connection.send(wire.format_request("GET", "/heavy?do=never"))
            while not select.select([connection.socket], [], [], 0)[0]:
                if self.metric("zts_function_in_flight", function="heavy") == 1:
                    return connection
            response = connection.read_response()
            self.assertEqual(response.error, "overloaded", response)
            return None
        wait_until(begin, "the request to be there", 300).reset()
        wait_until(lambda: self.metric("zts_function_in_flight", function="heavy") == 0, "the request to be gone", 120)

    def test_what_it_logs_is_its_own(self):
        response = self.ask("/heavy?do=log")
        self.assertAnswer(response, 200, "logged")
        request_id = response.header("x-zts-request-id")
        wait_until(lambda: any("said elsewhere" in line and request_id in line
                               for line in self.zts.ctl("logs", "heavy", "--json").out.splitlines()), "the line in the log", 120)

    def test_versions_change_in_mid_request(self):
        self.deploy_heavy("changing")
        self.send_away("changing")
        with self.connect(310) as connection:
            connection.send(wire.format_request("GET", "/changing?do=later"))
            self.deploy_heavy("changing", 'export default () => new Response("new");')
            self.assertAnswer(connection.read_response(), 200, "later")
            self.assertAnswer(self.ask("/changing"), 200, "new")
        wait_until(lambda: self.metric("zts_function_offloaded", function="changing") == 0, "the old version to be gone", 120)

    @unittest.skipIf(len(os.sched_getaffinity(0)) < 2, "there is no core to spare")
    def test_what_works_for_heavy_functions_is_on_no_shards_core(self):
        cores = {}
        for pid in proc.descendants(self.zts.worker.popen.pid):
            for thread in proc.thread_statuses(pid):
                cores.setdefault(thread["Name"], set()).add(thread["Cpus_allowed_list"])
        self.assertEqual(len(cores["zts-shard-0"]), 1, cores)
        offloads = [name for name in cores if name.startswith("zts-offload-")]
        self.assertTrue(offloads, cores)
        for name in (*offloads, "zts-offloads", "node-V8Worker"):
            self.assertTrue(cores[name].isdisjoint(cores["zts-shard-0"]), cores)

    def test_metrics_name_the_thread(self):
        # Which of them it has depends on where it was before.
        def of_threads(name):
            return sum(self.metric(name, shard=f"offload-{thread}") for thread in range(4))

        self.assertGreaterEqual(of_threads("zts_isolates_warm"), 1)
        self.assertGreaterEqual(of_threads("zts_offload_functions"), 1)
        cpu = of_threads("zts_offload_cpu_seconds_total")
        self.assertAnswer(self.ask("/heavy"), 200, "heavy")
        wait_until(lambda: of_threads("zts_offload_cpu_seconds_total") > cpu, "its time to be counted", 120)
        self.assertGreaterEqual(self.metric("zts_function_offloads_total", function="heavy"), 1)
        self.assertEqual(self.metric("zts_function_offloads_total", function="quiet"), 0)
