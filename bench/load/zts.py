"""One zts on this machine for the time of a benchmark: the real binaries, an own data directory, loopback."""
import http.client
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request

import procfs

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
START_SECONDS_MAX = 60


class Failed(Exception):
    """What went wrong and what to do, for people."""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def fetch(port, path, host=None, method="GET", body=b""):
    """Status and body of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body=body or None, headers={"Host": host} if host else {})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def wait_until_served(port, path, process=None):
    deadline = time.monotonic() + START_SECONDS_MAX
    while True:
        try:
            return fetch(port, path)
        except OSError as error:
            if process is not None and process.poll() is not None:
                raise Failed(f"the server on port {port} ended with code {process.returncode}") from error
            if time.monotonic() > deadline:
                raise Failed(f"nothing answers on port {port} after {START_SECONDS_MAX} s") from error
            time.sleep(0.02)


class Zts:
    """`with Zts() as zts:` starts it and ends it."""

    def __init__(self, bin_dir, cpu=None, threads=1, io="auto", flags=()):
        self.ctl = os.path.join(bin_dir, "cli", "ztsctl")
        if not os.path.exists(self.ctl):
            raise Failed(f"{self.ctl} is missing; build it with 'make build'")
        self._prefix = ["taskset", "-c", str(cpu)] if cpu is not None else []
        self._threads = threads
        self._io = io
        self._flags = flags
        self.data_dir = tempfile.mkdtemp(prefix="zts-bench-")
        self.port = free_port()
        self.metrics_url = None
        self.worker_pid = None

    def __enter__(self):
        try:
            self.up()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def run(self, *args, prefix=()):
        """Runs one verb; what it printed. Output goes to a file: a detached child may keep a pipe open."""
        command = [*prefix, self.ctl, *args, "--data-dir", self.data_dir]
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err).returncode
            out.seek(0)
            err.seek(0)
            printed = out.read()
            if code != 0:
                raise Failed(f"'{' '.join(command)}' ended with code {code}:\n{printed}{err.read()}")
            return printed

    def up(self):
        printed = self.run("up", "--http", f"127.0.0.1:{self.port}", "--threads", str(self._threads), "--io", self._io,
                           "--detach", "--json", *self._flags, prefix=self._prefix)
        told = json.loads(printed.strip().splitlines()[-1])
        self.metrics_url = told["metrics"]["worker"]
        self.worker_pid = told["worker_pid"]
        self.controller_pid = told.get("controller_pid")

    def down(self):
        self.run("down")

    def close(self):
        try:
            if os.path.exists(os.path.join(self.data_dir, "client.json")):
                self.down()
        finally:
            shutil.rmtree(self.data_dir, ignore_errors=True)

    def deploy(self, path, name, *flags):
        """Seconds until it is live on every shard, the start of ztsctl included."""
        begin = time.monotonic()
        self.run("deploy", path, "--name", name, "--json", *flags)
        return time.monotonic() - begin

    def rollback(self, name, to):
        """The same, of going back to a version."""
        begin = time.monotonic()
        self.run("rollback", name, "--to", str(to), "--json")
        return time.monotonic() - begin

    def metrics(self):
        with urllib.request.urlopen(self.metrics_url, timeout=10) as response:
            return response.read().decode()

    def engine_pids(self):
        """The processes that run functions: below the worker, with the engine addon on their command line."""
        found = [pid for pid in procfs.descendants(self.worker_pid) if "engine.node" in procfs.command_line(pid)]
        if not found:
            raise Failed(f"no engine process below zts-worker ({self.worker_pid})")
        return found
