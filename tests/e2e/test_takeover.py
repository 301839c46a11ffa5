"""A worker that takes another's place: nobody who asks meanwhile notices."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import unittest

from case import both_ios
from harness import metrics, platform, proc, wire
from harness.load import Load
from harness.wait import wait_until

HELLO = 'export default () => new Response("hello");'
SLOW = """export default async (request) => {
  console.log("begun");
  await new Promise((resolve) => setTimeout(resolve, 1500));
  console.log("last words");
  return new Response("slow");
};"""


BURNER = """export default () => {
  let n = 0;
  for (let i = 0; i < 2e7; i++) n = (n * 31 + i) | 0;
  globalThis.n = n;
  return new Response("burnt");
};"""


class Pipelines:
    """Connections that send a batch of requests in one piece, and the next when all of it is answered."""

    DEPTH = 16

    def __init__(self, address, target, connections=4):
        self.address = address
        self.batch = f"GET {target} HTTP/1.1\r\nHost: test\r\n\r\n".encode() * self.DEPTH
        self.failures = []
        self.batches = 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(connections)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _run(self):
        connection = None
        while not self._stop.is_set():
            try:
                if connection is None:
                    connection = socket.create_connection(self.address, timeout=30)
                if not self._ask(connection):
                    connection.close()
                    connection = None
            except Exception as error:  # any failure is a finding
                self.failures.append(f"{type(error).__name__}: {error}")
                return
        if connection:
            connection.close()

    def _ask(self, connection):
        """One batch; whether the connection goes on."""
        connection.sendall(self.batch)
        text = b""
        while text.count(b"\r\n\r\nhello") < self.DEPTH:
            got = connection.recv(65536)
            if not got:
                raise AssertionError(f"closed after {text.count(b'hello')} answers of {self.DEPTH}")
            text += got
        if text.count(b"HTTP/1.1 200 ") != self.DEPTH:
            raise AssertionError(f"not all are 200: {text[:200]}")
        self.batches += 1
        return b"connection: close" not in text


@both_ios
class Takeover:
    @classmethod
    def prepare(cls):
        cls.zts.deploy("hello", HELLO)
        cls.zts.deploy("slow", SLOW)

    def successor(self):
        made = self.zts.make_worker(http=self.zts.http_address)
        made.command.append("--takeover")
        return made

    def replace(self):
        """A new worker for the platform; the old one, which drains."""
        old = self.zts.worker
        self.zts.worker = self.successor().start()
        return old

    def test_no_request_is_lost(self):
        begun = self.zts.worker.ready
        old = []
        with Load(self.zts.http, "/hello", connections=16) as load, Pipelines(self.zts.http, "/hello") as pipelines:
            for _ in range(4):
                load.wait_answers(300)
                old.append(self.replace())
                load.wait_answers(300)
            self.zts.deploy("during", HELLO)
        self.assertEqual(load.failures(), [])
        self.assertEqual(pipelines.failures, [])
        self.assertGreater(pipelines.batches, 8)
        for worker in old:
            self.assertEqual(worker.popen.wait(platform.STOP_TIMEOUT), 0, worker.log_tail())
        self.assertEqual(self.zts.worker.ready["http"], begun["http"])
        self.assertEqual(self.zts.worker.ready["admin"], begun["admin"])
        self.assertAnswer(self.fetch("/during"), 200, "hello")

    def test_what_is_in_flight_is_finished_and_heard(self):
        asked = self.connect()
        asked.send(b"GET /slow HTTP/1.1\r\nHost: test\r\n\r\n")
        wait_until(lambda: "begun" in self.zts.ctl("logs", "slow").out, "the request to begin")
        old = self.replace()
        answer = asked.read_response()
        self.assertAnswer(answer, 200, "slow")
        self.assertEqual(answer.header("connection"), "close")
        self.assertEqual(old.popen.wait(platform.STOP_TIMEOUT), 0)
        wait_until(lambda: "last words" in self.zts.ctl("logs", "slow").out, "what the function said last")

    def test_heavy_functions_are_finished_on_their_threads(self):
        # Turns of it are long: each is run by an offload thread of the engine that has its connection.
        for name in ("burner", "second"):
            self.zts.deploy(name, BURNER)
        def away(name):
            self.assertAnswer(self.fetch(f"/{name}"), 200, "burnt")
            return metrics.Metrics(wire.fetch(self.zts.admin, "/metrics").text).total("zts_function_offloaded", function=name) >= 1
        for name in ("burner", "second"):
            wait_until(lambda: away(name), f"{name} to be on offload threads", 120)
        with Load(self.zts.http, "/burner", connections=2) as first, Load(self.zts.http, "/second", connections=2) as second:
            first.wait_answers(10)
            old = self.replace()
            first.wait_answers(10)
            second.wait_answers(10)
        self.assertEqual(first.failures(), [])
        self.assertEqual(second.failures(), [])
        self.assertEqual(old.popen.wait(platform.STOP_TIMEOUT), 0, old.log_tail())

    def test_a_successor_that_is_killed_changes_nothing(self):
        with Load(self.zts.http, "/hello", connections=8, reconnect=True) as load:
            load.wait_answers(100)
            made = self.successor().start(wait=False)
            wait_until(lambda: "taking this one's place" in self.zts.worker.log_tail(), "the handover to begin")
            made.kill()
            wait_until(lambda: "serves on" in self.zts.worker.log_tail(), "the old worker to go on")
            load.wait_answers(300)
        self.assertEqual(load.failures(), [])
        made.wait_family_gone()
        self.zts.wait_connected()
        self.zts.deploy("after", HELLO)
        self.assertAnswer(self.fetch("/after"), 200, "hello")

    def test_a_takeover_keeps_address_and_threads(self):
        other = self.successor()
        other.command[other.command.index("--threads") + 1] = "3"
        other.start(wait=False)
        self.assertEqual(other.popen.wait(30), 1)
        self.assertIn("a takeover keeps their number", other.log_tail())
        self.assertAnswer(self.fetch("/hello"), 200, "hello")


class Reload(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="zts_reload_")
        self.data = os.path.join(self.folder, "data")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.addCleanup(lambda: self.ctl("down"))

    def ctl(self, *arguments):
        env = {key: value for key, value in os.environ.items() if key not in ("ZTS_CONTROLLER", "ZTS_TOKEN", "ZTS_DATA_DIR")}
        run = subprocess.run([platform.binary("ztsctl"), *arguments, "--data-dir", self.data], stdin=subprocess.DEVNULL, capture_output=True,
                             text=True, timeout=120, env=env, check=False)
        return platform.Ran(run.returncode, run.stdout, run.stderr)

    def test_reload_under_load(self):
        self.assertEqual(self.ctl("reload").code, 1)
        up = self.ctl("up", "--detach", "--http", "127.0.0.1:0", "--threads", "1", "--json")
        self.assertEqual(up.code, 0, up)
        path = os.path.join(self.folder, "hello.js")
        with open(path, "w", encoding="utf-8") as file:
            file.write(HELLO)
        self.assertEqual(self.ctl("deploy", path).code, 0)
        host, port = up.json["url"][len("http://"):].rsplit(":", 1)
        pids = set()
        with Load((host, int(port)), "/hello", connections=8) as load:
            for _ in range(3):
                load.wait_answers(100)
                ran = self.ctl("reload", "--json")
                self.assertEqual(ran.code, 0, ran)
                pids |= {ran.json["worker_pid"], ran.json["replaced_pid"]}
                self.assertTrue(proc.is_running(ran.json["worker_pid"]))
            load.wait_answers(100)
        self.assertEqual(load.failures(), [])
        self.assertEqual(len(pids), 4)
        last = ran.json["worker_pid"]
        wait_until(lambda: not any(proc.is_running(pid) for pid in pids - {last}), "the replaced workers to end", 60)
        # It is looked after like the one it replaced.
        os.kill(last, 9)
        wait_until(lambda: self._answers(host, int(port)), "the worker to be started again")

    @staticmethod
    def _answers(host, port):
        try:
            return wire.fetch((host, port), "/hello", timeout=5).status == 200
        except (OSError, AssertionError, wire.Closed):
            return False


if __name__ == "__main__":
    unittest.main()
