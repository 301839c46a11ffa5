"""What functions may use, and that whoever takes more harms only itself."""

import os
import signal
import threading
import time

import case
from harness import proc, wire
from harness.load import Load
from harness.wait import wait_until

NEIGHBOUR = 'export default () => new Response("well");'

MISBEHAVIOUR = """
export default {
  async fetch(request) {
    switch (new URL(request.url).searchParams.get("do")) {
      case "throw": throw new TypeError("on purpose");
      case "reject": await null; throw new Error("later");
      case "throw-string": throw "a string";
      case "throw-null": throw null;
      case "number": return 42;
      case "nothing": return;
      case "object": return { status: 200 };
      case "loop": for (;;) {}
      case "loop-late": await new Promise((r) => setTimeout(r, 10)); for (;;) {}
      case "loop-microtasks": { const again = () => Promise.resolve().then(again); return again(); }
      case "loop-regexp": /^(a+)+$/.test("a".repeat(40) + "b"); return new Response("?");
      case "recursion": { const deep = () => deep() + 1; return new Response(String(deep())); }
      case "never": return new Promise(() => {});
      case "status": return new Response("x", { status: 99 });
      default: return new Response("good");
    }
  },
};
"""

GREED = {
    "arrays": "const a = []; for (;;) a.push(new Array(1000).fill(Math.random()));",
    "objects": "let o = null; for (;;) o = { next: o, payload: [1, 2, 3] };",
    "strings": "const a = []; for (let n = 0;; n++) a.push('x'.repeat(1000) + n);",
    "doubling": "let s = 'x'; for (;;) { s += s; s.charCodeAt(0); }",
    "buffers": "const a = []; for (;;) a.push(new Uint8Array(1 << 20).fill(1));",
    "map": "const m = new Map(); for (let n = 0;; n++) m.set(n, n);",
    "set": "const s = new Set(); for (let n = 0;; n++) s.add('k' + n);",
    "sparse": "const a = new Array(2 ** 26).fill(1.5); return new Response(String(a.length));",
    "split": "return new Response(String('x'.repeat(2 ** 27).split('').length));",
    "closures": "const a = []; for (;;) { const big = new Array(100); a.push(() => big); }",
}


class Limits(case.PlatformCase):
    @classmethod
    def prepare(cls):
        cls.zts.deploy("neighbour", NEIGHBOUR)
        # A busy machine gives a loop its CPU time late.
        cls.zts.deploy("bad", MISBEHAVIOUR, "--cpu-limit", "200ms", "--wall-limit", "300s")
        cls.zts.deploy("hasty", MISBEHAVIOUR, "--wall-limit", "1s")

    def tearDown(self):
        # Whatever a case did, others and the function itself go on; a new isolate or engine may take a moment.
        wait_until(lambda: self._well("/neighbour", "well") and self._well("/bad", "good"), "functions to be well after the case", 120)

    def _well(self, target, text):
        try:
            response = self.fetch(target, timeout=60)
        except OSError:
            return False
        except wire.Closed:
            return False
        return response.status == 200 and response.text == text

    def test_exceptions_are_500(self):
        for what in ("throw", "reject", "throw-string", "throw-null", "number", "nothing", "object", "status"):
            with self.subTest(what):
                response = self.fetch(f"/bad?do={what}")
                self.assertAnswer(response, 500)
                self.assertEqual(response.error, "exception")
                self.assertNotIn("on purpose", response.text, "what a function throws is not for its clients")

    def test_recursion_is_an_exception(self):
        response = self.fetch("/bad?do=recursion")
        self.assertAnswer(response, 500)
        self.assertEqual(response.error, "exception")

    def test_endless_loops_end_at_the_cpu_limit(self):
        for what in ("loop", "loop-late", "loop-microtasks", "loop-regexp"):
            with self.subTest(what):
                begun = time.monotonic()
                response = self.fetch(f"/bad?do={what}", timeout=310)
                took = time.monotonic() - begun
                self.assertAnswer(response, 503)
                self.assertEqual(response.error, "cpu-limit")
                self.assertGreater(took, 0.15)
                wait_until(lambda: self._well("/bad", "good"), "the function to be well after it", 120)

    def test_what_never_settles_ends_at_the_wall_limit(self):
        begun = time.monotonic()
        response = self.fetch("/hasty?do=never")
        took = time.monotonic() - begun
        self.assertAnswer(response, 504)
        self.assertEqual(response.error, "wall-limit")
        self.assertGreater(took, 0.9)

    def test_neighbours_are_served_meanwhile(self):
        # As many endless loops as there are threads, and twice more: the others wait at most for those before them.
        loops = [threading.Thread(target=lambda: self.fetch("/bad?do=loop", timeout=310)) for _ in range(4)]
        with Load(self.zts.http, "/neighbour", connections=8) as load:
            load.wait_answers(50)
            for loop in loops:
                loop.start()
            for loop in loops:
                loop.join()
            load.wait_answers(50)
        self.assertEqual(load.failures(), [])


class Memory(case.PlatformCase):
    @classmethod
    def prepare(cls):
        cls.zts.deploy("neighbour", NEIGHBOUR)

    def test_greed_costs_the_greedy_only(self):
        for name, code in GREED.items():
            with self.subTest(name):
                source = f"""export default (request) => {{
                  if (!request.url.includes("greed=")) return new Response("good");
                  {code}
                }};"""
                self.zts.deploy("greedy", source, "--memory-limit", "64MiB", "--cpu-limit", "2s", "--wall-limit", "300s")
                self._ask_greed(name)
                wait_until(lambda: self._answers("/neighbour", "well"), "the neighbour to be served", 120)
                wait_until(lambda: self._answers("/greedy", "good"), "the greedy function to be served again", 120)

    def _ask_greed(self, name):
        try:
            response = self.fetch("/greedy?greed=1", timeout=310)
        except (wire.Closed, ConnectionError):
            return  # the engine is lost and comes back: allowed, and waited for by the caller
        # Ended by its CPU or its memory: a wall limit would be an answer of its own, which is none of these. A RangeError for an array buffer, or a value too long for V8, is the function's to catch: an exception.
        self.assertIn((response.status, response.error), [(503, "memory-limit"), (500, "exception"), (503, "cpu-limit"),
                                                          (503, "isolate-recycled"), (200, None)], f"{name}: {response}")

    def _answers(self, target, text):
        try:
            response = self.fetch(target, timeout=60)
        except (OSError, wire.Closed):
            return False
        return response.status == 200 and response.text == text


@case.both_ios
class Sandbox:
    @classmethod
    def prepare(cls):
        cls.zts.deploy("served", """export default async () => {
          await new Promise((r) => setTimeout(r, 1));
          return new Response(new Date(0).toLocaleString("en-GB", { timeZone: "Europe/Berlin" }) + crypto.randomUUID().length);
        };""")

    def check_every_thread(self):
        engine, = self.zts.engine_pids()
        statuses = proc.thread_statuses(engine)
        # The main thread, the host's, V8's, two shards, warm-up, watchdog.
        self.assertGreater(len(statuses), 6)
        for status in statuses:
            self.assertEqual((status["Seccomp"], status["NoNewPrivs"]), ("2", "1"), status["Name"])
        # No ring but the shards', which are restricted: offload threads, which begin when all is shut, use epoll.
        self.assertEqual(proc.ring_count(engine), self.threads if self.io == "uring" else 0)
        return engine

    def test_every_thread_of_the_engine_is_behind_the_filter(self):
        with Load(self.zts.http, "/served", connections=8) as load:
            load.wait_answers(200)
            engine = self.check_every_thread()
            load.wait_answers(100)
        self.assertEqual(load.failures(), [])
        self.assertAnswer(self.fetch("/served"), 200, "01/01/1970, 01:00:0036")
        self.assertEqual(self.zts.engine_pids(), [engine])
        metrics = wire.fetch(self.zts.admin, "/metrics", host="admin").text
        self.assertIn("\nzts_engine_sandboxed 1\n", metrics)

    def test_so_is_one_that_was_started_again(self):
        first = self.check_every_thread()
        os.kill(first, signal.SIGKILL)

        def answers():
            try:
                return self.zts.engine_pids() not in ([], [first]) and self.fetch("/served", timeout=60).status == 200
            except (OSError, wire.Closed):
                return False

        wait_until(answers, "the next engine to serve", 60)
        self.assertNotEqual(self.check_every_thread(), first)
