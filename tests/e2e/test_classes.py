"""Engine classes: functions with another JIT policy, or a process of their namespace's own, on the same worker at the same time."""

import json
import os
import signal
import threading
import unittest

import case
import test_streaming
import test_takeover
from harness import proc, wire
from harness.load import Load
from harness.metrics import Metrics
from harness.wait import wait_until

HELLO = 'export default () => new Response("hello");'

# Work for a compiler: some milliseconds of it a request.
BURN = """
function mix(n) {
  let sum = 0;
  for (let i = 0; i < 60000; i++) sum = (sum * 31 + i * n) % 1000003;
  return sum;
}
export default () => new Response(String(mix(7)));
"""

# Counts in its isolate: another engine begins anew.
COUNTER = """
let count = 0;
export default {
  async fetch(request, env, ctx) {
    const what = new URL(request.url).pathname.split("/").pop();
    if (what === "log") console.log("said by the function");
    if (what === "who") return Response.json(ctx.remoteAddr);
    if (what === "throws") throw new Error("on purpose");
    if (what === "never") return new Promise(() => {});
    if (what === "big") return new Response("b".repeat(3 << 20));
    if (what === "length") return new Response(String((await request.bytes()).length));
    if (what === "head") return new Response("x", { headers: { "x-large": "y".repeat(70000) } });
    if (what === "burn") for (;;) {}
    return new Response(String(++count));
  },
};
"""


def class_engines(zts, name=None):
    """The engine processes of classes besides the default one: process id -> the class's name, as `ps` shows it."""
    found = {}
    for pid in zts.engine_pids():
        of = [argument.split("=", 1)[1] for argument in proc.command_line(pid) if argument.startswith("--class=")]
        if of and name in (None, of[0]):
            found[pid] = of[0]
    return found


def default_engine(zts):
    (pid,) = [pid for pid in zts.engine_pids() if pid not in class_engines(zts)]
    return pid


def metric(zts, name, **labels):
    return Metrics(wire.fetch(zts.admin, "/metrics", host="admin").text).total(name, **labels)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Policies(case.PlatformCase):
    threads = 1

    @classmethod
    def prepare(cls):
        cls.zts.deploy("lazy", BURN, "--jit", "lazy")
        cls.zts.deploy("off", BURN, "--jit", "disabled")

    def tier(self, function):
        ran = self.zts.ctl("inspect", function, "--jit", "--watch", "0", "--json")
        self.assertEqual(ran.code, 0, ran)
        found = [each["tier"] for each in ran.json["workers"][0]["versions"][0]["functions"] if each["name"] == "mix"]
        return found[0] if found else None

    def test_each_has_its_own_at_the_same_time(self):
        self.assertEqual(list(class_engines(self.zts).values()), ["jit=disabled"])  # `lazy` is what the worker does anyway
        with Load(self.zts.http, "/lazy", connections=2) as lazy, Load(self.zts.http, "/off", connections=2) as off:
            wait_until(lambda: self.tier("lazy") == "turbofan", "optimised code", 60)
            off.wait_answers(20)
            self.assertEqual(self.tier("off"), "interpreter")
        self.assertEqual(lazy.failures() + off.failures(), [])
        self.assertEqual(self.fetch("/lazy").text, self.fetch("/off").text)

    def test_the_same_work_costs_what_the_policy_makes_of_it(self):
        engines = {"lazy": default_engine(self.zts), "off": next(iter(class_engines(self.zts, "jit=disabled")))}
        connection = self.connect()
        for _ in range(600):
            connection.request("GET", "/lazy")  # optimised from here on
        spent = {}
        for function, pid in engines.items():
            before = cpu_seconds(pid)
            for _ in range(200):
                self.assertEqual(connection.request("GET", f"/{function}").status, 200)
            spent[function] = cpu_seconds(pid) - before
        print(f"CPU time of 200 requests: {spent}")
        # Three times as much, read in ticks of ten milliseconds.
        self.assertGreater(spent["off"], 2 * max(spent["lazy"], 0.01))

    def test_the_policy_is_a_part_of_the_version(self):
        version = self.zts.ctl("versions", "off", "--json").json["versions"][0]
        self.assertEqual((version["jit"], version["isolation"]), ("disabled", ""))
        self.assertIn("jit disabled", self.zts.ctl("versions", "off").out)
        self.assertIn("engine  jit disabled", self.zts.ctl("inspect", "off").out)
        ran = self.zts.ctl("env", "off", "set", "A=1", "--json")
        self.assertEqual(ran.code, 0, ran)
        self.assertEqual(self.zts.ctl("inspect", "off", "--json").json["jit"], "disabled")
        self.assertEqual(self.fetch("/off").status, 200)

    def test_what_makes_no_sense_is_refused(self):
        for options in (["--jit", "fast"], ["--jit-threshold", "100"], ["--jit", "disabled", "--jit-threshold", "1"],
                        ["--jit", "lazy", "--jit-threshold", "x"], ["--isolation", "none"]):
            self.assertEqual(self.zts.try_deploy("bad", HELLO, *options).code, 2, options)
        self.assertNotEqual(self.zts.try_deploy("bad", HELLO, "--jit", "lazy", "--jit-threshold", "9999999").code, 0)


class Isolation(case.PlatformCase):
    @classmethod
    def prepare(cls):
        cls.zts.deploy("hello", HELLO)
        cls.zts.deploy("own", COUNTER, "--isolation", "process", "--cpu-limit", "50ms", "--wall-limit", "1s")

    def engine(self):
        (pid,) = class_engines(self.zts, "namespace=default")
        return pid

    def test_its_requests_are_answered_as_anybodys(self):
        connection = self.connect()
        first = connection.request("GET", "/own/x")
        self.assertEqual(first.status, 200)
        self.assertEqual(len(first.header("x-zts-request-id")), 16)
        self.assertAnswer(connection.request("GET", "/hello"), 200, "hello")
        self.assertEqual(json.loads(connection.request("GET", "/own/who").text),
                         {"transport": "tcp", "hostname": "127.0.0.1", "port": connection.socket.getsockname()[1]})
        self.assertEqual(connection.request("GET", "/own/big").text, "b" * (3 << 20))
        for size in (10, 100_000, 5_000_000):
            self.assertEqual(connection.request("POST", "/own/length", body=b"z" * size).text, str(size))
        for target, status, error in (("/own/throws", 500, "exception"), ("/own/head", 500, "response-head-too-large"),
                                      ("/own/burn", 503, "cpu-limit"), ("/own/never", 504, "wall-limit")):
            answer = self.fetch(target)
            self.assertEqual((answer.status, answer.error), (status, error), target)
            self.assertEqual(len(answer.header("x-zts-request-id")), 16)

    def test_what_it_says_is_its_own(self):
        answer = self.fetch("/own/log")
        request_id = answer.header("x-zts-request-id")

        def told():
            ran = self.zts.ctl("logs", "own", "--json")
            return [line for line in ran.out.splitlines() if "said by the function" in line and request_id in line]

        self.assertIn('"version":1', wait_until(told, "the log")[0].replace(" ", ""))

    def test_it_is_counted_once(self):
        def requests():
            return metric(self.zts, "zts_requests_total", function="own", code="2xx")

        before = requests()
        for _ in range(7):
            self.fetch("/own/x")
        self.assertEqual(requests() - before, 7)
        self.assertEqual(metric(self.zts, "zts_function_in_flight", function="own"), 0)
        self.assertGreater(metric(self.zts, "zts_function_isolates", function="own"), 0)

    def test_it_runs_in_a_process_of_its_own_under_the_filter(self):
        pid = self.engine()
        self.assertNotEqual(pid, default_engine(self.zts))
        if metric(self.zts, "zts_engine_sandboxed") == 1:
            self.assertEqual({status["Seccomp"] for status in proc.thread_statuses(pid)}, {"2"})
        self.assertEqual(metric(self.zts, "zts_engine_class_up", **{"class": "namespace=default"}), 1)

    def test_its_death_is_its_own(self):
        connection = self.connect()
        connection.request("GET", "/own/x")
        self.assertGreater(int(connection.request("GET", "/own/x").text), 1)
        waiting = self.connect()
        waiting.send(wire.format_request("GET", "/own/never"))
        wait_until(lambda: metric(self.zts, "zts_function_in_flight", function="own") == 1, "the request to be there")
        default = default_engine(self.zts)
        with Load(self.zts.http, "/hello", connections=8) as load:
            load.wait_answers(100)
            killed = self.engine()
            os.kill(killed, signal.SIGKILL)
            lost = waiting.read_response()
            self.assertEqual((lost.status, lost.error), (503, "isolate-recycled"))
            # Those that come meanwhile wait for the next engine.
            self.assertEqual(connection.request("GET", "/own/x").status, 200)
            load.wait_answers(100)
        self.assertEqual(load.failures(), [])
        self.assertEqual(default_engine(self.zts), default)
        self.assertNotEqual(self.engine(), killed)
        self.assertEqual(metric(self.zts, "zts_engine_class_restarts_total", **{"class": "namespace=default"}), 1)

    def test_the_default_engines_death_leaves_it_alone(self):
        pid = self.engine()
        os.kill(default_engine(self.zts), signal.SIGKILL)

        def answers():
            try:
                return self.fetch("/own/x").status == 200
            except (OSError, wire.Closed):
                return False

        wait_until(answers, "the next engine")
        self.assertEqual(self.engine(), pid)

    def test_a_deploy_of_another_class_does_not_wait_for_it(self):
        pid = self.engine()
        os.kill(pid, signal.SIGSTOP)
        try:
            self.zts.deploy("other", HELLO)
            self.assertAnswer(self.fetch("/other"), 200, "hello")
        finally:
            os.kill(pid, signal.SIGCONT)
        self.assertEqual(self.fetch("/own/x").status, 200)


class Quarantine(case.PlatformCase):
    """What takes its engine down again and again is left out, in whichever engine that is."""

    threads = 1

    @classmethod
    def prepare(cls):
        cls.zts.deploy("hello", HELLO)
        cls.zts.deploy("here", COUNTER)
        cls.zts.deploy("there", COUNTER, "--isolation", "process")
        cls.zts.deploy("before", COUNTER)
        cls.zts.deploy("apart", COUNTER, "--isolation", "process")

    def in_flight(self, function):
        return metric(self.zts, "zts_function_in_flight", function=function)

    def crash(self, function, engine):
        """Ends the engine while it runs this function alone, as its code might."""
        asked = self.connect()
        asked.send(wire.format_request("GET", f"/{function}/never"))
        wait_until(lambda: self.in_flight(function) == 1, "the request to be there")
        os.kill(engine(), signal.SIGABRT)
        wait_until(lambda: self.in_flight(function) == 0, "the death to be noticed")

    def leave_out(self, function, engine):
        for _ in range(3):
            self.crash(function, engine)
        wait_until(lambda: metric(self.zts, "zts_function_quarantined", function=function) == 1, "the quarantine")

        def answer():
            try:
                found = self.fetch(f"/{function}/x")
            except (OSError, wire.Closed):
                return None  # the default engine is away
            return found if found.status == 404 else None

        found = wait_until(answer, f"{function} to be left out")
        self.assertAnswer(self.fetch("/hello"), 200, "hello")
        return found.status, found.error, found.text

    def test_of_a_class_as_of_the_default_engine(self):
        there = self.leave_out("there", lambda: next(iter(class_engines(self.zts, "namespace=default"))))
        self.assertEqual(self.fetch("/here/x").status, 200)
        here = self.leave_out("here", lambda: default_engine(self.zts))
        self.assertEqual(there[:2], here[:2])
        with open(f"{self.zts.folder}/worker.log", encoding="utf-8") as log:
            self.assertRegex(log.read(), r"engine \d+ \(namespace=default\) ended with .*, in there v1")
        # Another version of either serves again.
        self.zts.deploy("there", COUNTER + "//", "--isolation", "process")
        self.assertEqual(self.fetch("/there/x").status, 200)
        self.zts.deploy("here", COUNTER + "//")
        self.assertEqual(self.fetch("/here/x").status, 200)

    def go_back_to(self, function, engine, next_version):
        self.leave_out(function, engine)
        next_version(function)
        self.assertAnswer(self.fetch(f"/{function}"), 200, "hello")
        ran = self.zts.ctl("rollback", function, "--json")
        self.assertEqual((ran.code, ran.json["version"]), (0, 1), ran)
        # What is said to be live answers.
        self.assertEqual(self.fetch(f"/{function}/x").status, 200)
        self.assertEqual(metric(self.zts, "zts_function_quarantined", function=function), 0)
        wait_until(lambda: "another chance" in self.zts.ctl("logs", function, "--json").out, "the log to say so")
        # And begins to count anew.
        self.leave_out(function, engine)

    def test_going_back_to_one_gives_it_another_chance(self):
        self.go_back_to("before", lambda: default_engine(self.zts), lambda function: self.zts.deploy(function, HELLO))

    def test_going_back_to_one_of_a_class_too(self):
        self.go_back_to("apart", lambda: next(iter(class_engines(self.zts, "namespace=default"))),
                        lambda function: self.zts.deploy(function, HELLO, "--isolation", "process"))

    def test_going_back_to_one_of_another_class_too(self):
        self.zts.deploy("moved", COUNTER, "--jit", "disabled")
        self.go_back_to("moved", lambda: next(iter(class_engines(self.zts, "jit=disabled"))),
                        lambda function: self.zts.deploy(function, HELLO))


class Changes(case.PlatformCase):
    def test_versions_of_different_classes_take_turns_without_a_failed_request(self):
        self.zts.deploy("moves", HELLO)
        with Load(self.zts.http, "/moves", connections=8) as load:
            load.wait_answers(100)
            self.zts.deploy("moves", HELLO, "--jit", "disabled")
            load.wait_answers(100)
            for to in ("1", "2", "1"):
                self.assertEqual(self.zts.ctl("rollback", "moves", "--to", to).code, 0)
                load.wait_answers(100)
            self.zts.deploy("moves", HELLO, "--isolation", "process")
            load.wait_answers(100)
            self.zts.deploy("moves", HELLO)
            load.wait_answers(100)
        self.assertEqual(load.failures(), [])

    def test_a_canary_of_another_class(self):
        self.zts.deploy("both", 'export default () => new Response("one");')
        self.zts.deploy("both", 'export default () => new Response("two");', "--jit", "disabled", "--canary", "50%")
        connection = self.connect()
        answers = [connection.request("GET", "/both") for _ in range(60)]
        self.assertEqual({answer.status for answer in answers}, {200})
        self.assertEqual({(answer.text, answer.header("x-zts-version")) for answer in answers}, {("one", "1"), ("two", "2")})
        self.assertEqual(connection.request("GET", "/both", [("x-zts-version", "2")]).text, "two")
        counted = metric(self.zts, "zts_version_requests_total", function="both", version="2")
        self.assertEqual(counted, 1 + sum(answer.text == "two" for answer in answers))
        self.assertEqual(self.zts.ctl("promote", "both").code, 0)
        self.assertAnswer(self.fetch("/both"), 200, "two")

    def test_a_class_without_functions_has_no_process(self):
        self.zts.deploy("last", HELLO, "--jit", "eager", "--jit-threshold", "77")
        self.assertAnswer(self.fetch("/last"), 200, "hello")
        (pid,) = class_engines(self.zts, "jit=eager:77")
        self.assertIn("--jit-threshold=77", proc.command_line(pid))
        with Load(self.zts.http, "/last", connections=4) as load:
            load.wait_answers(50)
            self.assertEqual(self.zts.ctl("delete", "last").code, 0)
        self.assertEqual({failure[0] for failure in load.failures()} - {404}, set())
        wait_until(lambda: not class_engines(self.zts, "jit=eager:77"), "the class's engine to end", 60)

    def test_one_that_does_not_load_is_refused(self):
        ran = self.zts.try_deploy("broken", "export default () => new Response('x'); throw new Error('no');", "--jit", "disabled")
        self.assertNotEqual(ran.code, 0)
        self.assertEqual(self.fetch("/broken").status, 404)


class Bounds(case.PlatformCase):
    threads = 1

    def test_there_are_so_many_classes_and_no_more(self):
        for threshold in range(101, 109):
            self.zts.deploy(f"f{threshold}", HELLO, "--jit", "lazy", "--jit-threshold", str(threshold))
        ran = self.zts.try_deploy("f109", HELLO, "--jit", "lazy", "--jit-threshold", "109")
        self.assertNotEqual(ran.code, 0)
        self.assertIn("8 engine processes besides its default one", ran.out + ran.err)
        self.assertEqual(self.fetch("/f109").status, 404)
        for threshold in range(101, 109):
            self.assertAnswer(self.fetch(f"/f{threshold}"), 200, "hello")
        self.zts.deploy("g", HELLO, "--jit", "lazy", "--jit-threshold", "101")  # a class that is there


class InAnotherProcess:
    """The same as of functions in the default engine, through the hop."""

    @classmethod
    def prepare(cls):
        deploy = cls.zts.deploy
        cls.zts.deploy = lambda name, source, *options: deploy(name, source, *options, "--isolation", "process")
        super().prepare()
        assert class_engines(cls.zts), "no class has an engine"


@case.both_ios
class StreamingThere(InAnotherProcess, test_streaming.Streaming):
    pass


@case.both_ios
class TakeoverThere(InAnotherProcess, test_takeover.Takeover):
    pass


class Restart(case.PlatformCase):
    def test_a_worker_that_starts_again_serves_them_from_the_disk(self):
        self.zts.deploy("own", HELLO, "--isolation", "process")
        self.zts.controller.kill()
        self.zts.worker.terminate()
        self.zts.start_worker()
        self.assertAnswer(self.fetch("/own"), 200, "hello")
        self.assertEqual(list(class_engines(self.zts).values()), ["namespace=default"])

    def test_a_drain_finishes_what_they_have(self):
        self.zts.deploy("slow", test_takeover.SLOW, "--isolation", "process")
        asked = self.connect()
        asked.send(wire.format_request("GET", "/slow"))
        wait_until(lambda: metric(self.zts, "zts_function_in_flight", function="slow") == 1, "the request to be there")
        ended = threading.Thread(target=self.zts.worker.terminate)
        ended.start()
        self.assertAnswer(asked.read_response(), 200, "slow")
        ended.join()
        self.assertEqual(self.zts.worker.popen.returncode, 0)
        self.zts.start_worker()


if __name__ == "__main__":
    unittest.main()
