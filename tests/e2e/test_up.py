"""ztsctl up and down: one machine's zts, started, looked after and ended."""

import json
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import unittest

from harness import platform, proc, wire
from harness.wait import wait_until


class Up(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="zts_up_")
        self.data = os.path.join(self.folder, "data")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.addCleanup(self.end)

    def end(self):
        family = self.family()
        self.ctl("down")
        wait_until(lambda: not [pid for pid in family if proc.is_running(pid)], "all processes to end", 60)

    def family(self):
        try:
            with open(os.path.join(self.data, "run/up.pid"), encoding="utf-8") as file:
                monitor = json.load(file)["monitor"]["pid"]
        except FileNotFoundError:
            return []
        return [monitor] + proc.descendants(monitor)

    def environment(self, **extra):
        env = {key: value for key, value in os.environ.items() if key not in ("ZTS_CONTROLLER", "ZTS_TOKEN", "ZTS_DATA_DIR")}
        return {**env, **extra}

    def ctl(self, *arguments, **extra):
        run = subprocess.run([platform.binary("ztsctl"), *arguments, "--data-dir", self.data], stdin=subprocess.DEVNULL, capture_output=True,
                             text=True, timeout=120, env=self.environment(**extra), check=False)
        return platform.Ran(run.returncode, run.stdout, run.stderr)

    def up(self, *arguments):
        ran = self.ctl("up", "--detach", "--http", "127.0.0.1:0", "--threads", "1", "--json", *arguments)
        self.assertEqual(ran.code, 0, ran)
        return ran.json

    def deploy_hello(self):
        path = os.path.join(self.folder, "hello.js")
        with open(path, "w", encoding="utf-8") as file:
            file.write('export default () => new Response("hello");')
        ran = self.ctl("deploy", path, "--json")
        self.assertEqual(ran.code, 0, ran)

    def fetch(self, answer, target="/hello"):
        host, port = answer["url"][len("http://"):].rsplit(":", 1)
        return wire.fetch((host, int(port)), target, timeout=5)

    def test_up_deploy_down_and_up_again_on_the_same_ports(self):
        first = self.up()
        self.deploy_hello()
        self.assertEqual(self.fetch(first).text, "hello")
        family = self.family()
        self.assertGreaterEqual(len(family), 3)
        again = self.ctl("up", "--detach")
        self.assertEqual(again.code, 1, again)
        self.assertIn("already up", again.err)
        down = self.ctl("down")
        self.assertEqual(down.code, 0, down)
        self.assertEqual([pid for pid in family if proc.is_running(pid)], [])
        self.assertEqual(self.ctl("list").code, 4)
        second = self.up()
        self.assertEqual((second["url"], second["controller"], second["metrics"]), (first["url"], first["controller"], first["metrics"]))
        wait_until(lambda: self.fetch(second).status == 200, "the function to be served after the restart")
        self.assertEqual(self.fetch(second).text, "hello")

    def test_down_twice_is_fine(self):
        self.up()
        self.assertEqual(self.ctl("down").code, 0)
        ran = self.ctl("down")
        self.assertEqual(ran.code, 0)
        self.assertIn("nothing is up", ran.out)

    def test_the_token_is_private(self):
        self.up()
        self.assertEqual(stat.S_IMODE(os.stat(os.path.join(self.data, "token")).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(self.data).st_mode), 0o700)

    def test_what_dies_comes_back_on_the_same_ports(self):
        answer = self.up()
        self.deploy_hello()
        for which in ("worker_pid", "controller_pid"):
            os.kill(answer[which], signal.SIGKILL)

        def served():
            try:
                return self.fetch(answer).text == "hello" and self.ctl("workers", "--json").json["workers"]
            except (OSError, wire.Closed, KeyError, IndexError):
                return False

        wait_until(served, "both to be back")
        with open(os.path.join(self.data, "log/up.log"), encoding="utf-8") as file:
            log = file.read()
        self.assertIn("the controller ended by signal 9", log)
        self.assertIn("the worker ended by signal 9", log)

    def test_a_killed_monitor_leaves_nothing_that_down_cannot_end(self):
        self.up()
        family = self.family()
        os.kill(family[0], signal.SIGKILL)
        self.assertEqual(self.ctl("down").code, 0)
        wait_until(lambda: not [pid for pid in family if proc.is_running(pid)], "what the monitor left to end", 60)

    def test_foreground_ends_on_ctrl_c(self):
        popen = subprocess.Popen([platform.binary("ztsctl"), "up", "--data-dir", self.data, "--http", "127.0.0.1:0", "--threads", "1"],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment(),
                                 start_new_session=True)
        self.addCleanup(popen.stdout.close)
        self.addCleanup(popen.stderr.close)
        lines = []
        while not lines or "Ctrl-C" not in lines[-1]:
            line = popen.stdout.readline()
            self.assertNotEqual(line, "", f"up ended early: {lines} {popen.poll()}")
            lines.append(line)
        self.assertIn("http://127.0.0.1:", "".join(lines))
        family = self.family()
        # As a terminal does it: to the whole foreground process group.
        os.killpg(popen.pid, signal.SIGINT)
        self.assertEqual(popen.wait(60), 0)
        self.assertEqual([pid for pid in family if proc.is_running(pid)], [])

    def test_the_jit_policy_is_all_functions(self):
        for policy in ("eager", "disabled"):
            answer = self.up("--jit", policy)
            self.deploy_hello()
            for _ in range(50):
                self.assertEqual(self.fetch(answer).text, "hello")
            ran = self.ctl("inspect", "hello", "--jit", "--watch", "0", "--json")
            self.assertEqual(ran.code, 0, ran)
            tiers = {each["name"]: each["tier"] for each in ran.json["workers"][0]["versions"][0]["functions"]}
            self.assertEqual(tiers["default"] == "interpreter", policy == "disabled", tiers)
            self.assertEqual(self.ctl("down").code, 0)
        self.assertEqual(self.ctl("up", "--jit", "sometimes").code, 2)

    def test_a_taken_port_is_named(self):
        import socket
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = "127.0.0.1:%d" % taken.getsockname()[1]
            ran = self.ctl("up", "--detach", "--http", address)
        self.assertEqual(ran.code, 1, ran)
        self.assertIn(address, ran.err)
        self.assertIn("--http", ran.err)

    def test_a_program_that_fails_is_shown_with_its_log(self):
        libexec = os.path.join(self.folder, "libexec")
        os.mkdir(libexec)
        for name in ("zts-controller", "zts-worker"):
            path = os.path.join(libexec, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write("#!/bin/sh\necho 'no luck today' >&2\nexit 3\n")
            os.chmod(path, 0o755)
        ran = self.ctl("up", "--detach", "--http", "127.0.0.1:0", ZTS_LIBEXEC=libexec)
        self.assertEqual(ran.code, 1, ran)
        self.assertIn("the controller ended with exit code 3", ran.err)
        self.assertIn("no luck today", ran.err)
