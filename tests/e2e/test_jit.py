"""ztsctl inspect --jit: what V8 has made of a function, asked of a worker that serves it."""

import os
import signal
import threading

import case
from harness.wait import wait_until

HOT = """
function hot(n) {
  let sum = 0;
  for (let i = 0; i < 20000; i++) sum += (i * n) % 7;
  return sum;
}
export default () => new Response(String(hot(3)));
"""

# Now and then an object of another shape than the code was made for.
UNSTABLE = """
function read(o) {
  let sum = 0;
  for (let i = 0; i < 3000; i++) sum += o.a;
  return sum;
}
let n = 0;
export default () => {
  n += 1;
  return new Response(String(read(n % 300 === 0 ? { ["k" + n]: 1, a: 2 } : { a: n })));
};
"""


class Traffic:
    """Requests for a function, one after the other, while a block runs."""

    def __init__(self, fetch, path):
        self.fetch, self.path = fetch, path
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.over.is_set():
            self.fetch(self.path)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


class Jit(case.PlatformCase):
    @classmethod
    def prepare(cls):
        cls.zts.deploy("hot", HOT)
        cls.zts.deploy("unstable", UNSTABLE)
        cls.zts.deploy("plain", 'export default () => new Response("x");')

    def version(self, function, watch):
        ran = self.zts.ctl("inspect", function, "--jit", "--watch", watch, "--json")
        self.assertEqual(ran.code, 0, ran)
        self.assertEqual([worker["name"] for worker in ran.json["workers"]], ["worker"])
        worker = ran.json["workers"][0]
        self.assertNotIn("problem", worker)
        return worker["versions"][0]

    def function(self, deployed, name, watch="0"):
        found = [each for each in self.version(deployed, watch)["functions"] if each["name"] == name]
        return found[0] if found else None

    def test_a_hot_function_is_optimised(self):
        with Traffic(self.fetch, "/hot"):
            wait_until(lambda: (self.function("hot", "hot") or {}).get("tier") == "turbofan", "optimised code", 60)
            watched = wait_until(lambda: (lambda it: it if it["time_ms"] > 0 else None)(self.function("hot", "hot", "500ms")), "samples", 60)
        self.assertGreater(watched["code_bytes"], 0)
        self.assertEqual((watched["file"], watched["line"]), ("hot.js", 2))
        self.assertGreater(watched["isolates"]["turbofan"], 0)

    def test_a_deoptimisation_has_its_reason(self):
        def deoptimised():
            return self.function("unstable", "read", "2s")["deoptimizations"]

        with Traffic(self.fetch, "/unstable"):
            found = wait_until(deoptimised, "a deoptimisation", 90)
        self.assertTrue(all(each["reason"] and each["count"] > 0 for each in found), found)
        self.assertIn(("unstable.js", 4), [(each["file"], each["line"]) for each in found])

    def test_what_has_not_run_is_interpreted_or_not_there(self):
        self.fetch("/plain")
        version = self.version("plain", "0")
        self.assertTrue(version["loaded"])
        self.assertEqual(version["version"], 1)
        self.assertTrue(all(each["deoptimizations"] == [] and each["time_ms"] == 0 for each in version["functions"]))

    def test_what_a_new_engine_has_not_loaded_yet(self):
        for pid in self.zts.engine_pids():
            os.kill(pid, signal.SIGKILL)

        def first():
            ran = self.zts.ctl("inspect", "plain", "--jit", "--watch", "0", "--json")
            self.assertEqual(ran.code, 0, ran)
            worker = ran.json["workers"][0]
            # Until it serves again, the worker says that it does not.
            return worker["versions"][0] if not worker.get("problem") else None

        self.assertFalse(wait_until(first, "the new engine", 60)["loaded"])
        self.assertIn("not loaded", self.zts.ctl("inspect", "plain", "--jit", "--watch", "0").out)
        self.fetch("/plain")
        self.assertTrue(self.version("plain", "0")["loaded"])

    def test_the_table_is_for_people(self):
        self.fetch("/plain")
        ran = self.zts.ctl("inspect", "plain", "--jit", "--watch", "0")
        self.assertEqual(ran.code, 0, ran)
        self.assertIn("worker worker", ran.out)
        self.assertIn("isolate", ran.out)
        self.assertIn("plain.js:1", ran.out)

    def test_requests_go_on_while_it_is_watched(self):
        watching = threading.Thread(target=lambda: self.zts.ctl("inspect", "plain", "--jit", "--watch", "1s"))
        watching.start()
        while watching.is_alive():
            self.assertEqual(self.fetch("/plain").status, 200)
        watching.join()
        self.assertEqual(self.fetch("/hot").status, 200)

    def test_what_is_asked_wrongly(self):
        for arguments in (("nothing", "--jit"), ("plain", "--jit", "--watch", "31s"), ("plain", "--watch", "1s")):
            self.assertNotEqual(self.zts.ctl("inspect", *arguments).code, 0, arguments)
