"""Controller, worker and ztsctl as a test wants them: started on port 0 in a temporary folder, ended without a trace."""

import ctypes
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile

from harness import proc
from harness.wait import wait_until

# Set by run.py.
BIN = "bazel-bin"
KEEP = False

START_TIMEOUT = 30.0
# A worker drains for at most 30 s.
STOP_TIMEOUT = 40.0


def binary(name):
    folder = {"ztsctl": "cli", "zts-controller": "controller", "zts-worker": "worker"}[name]
    places = [os.path.join(BIN, folder, name), os.path.join(BIN, name), os.path.join(BIN, "bin", name)]
    for place in places:
        if os.path.exists(place):
            return os.path.abspath(place)
    raise FileNotFoundError(f"{name} is in none of {places}; build it, or name the folder with --bin")


def uring_refusal():
    """Why io_uring cannot be used on this machine, or None."""
    params = (ctypes.c_char * 256)()
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.syscall(425, 4, params)
    if fd < 0:
        return f"io_uring_setup: {os.strerror(ctypes.get_errno())}"
    os.close(fd)
    return None


class Process:
    """One server process with a ready file and a log."""

    def __init__(self, name, folder, command):
        self.name = name
        self.command = command
        self.ready_file = os.path.join(folder, name + ".ready.json")
        self.log_file = os.path.join(folder, name + ".log")
        self.popen = None
        self.ready = None
        self._family = set()

    @property
    def pid(self):
        return self.popen.pid

    def start(self, wait=True):
        if os.path.exists(self.ready_file):
            os.unlink(self.ready_file)
        with open(self.log_file, "ab") as log:
            self.popen = subprocess.Popen(self.command + ["--ready-file", self.ready_file], stdin=subprocess.DEVNULL, stdout=log,
                                          stderr=log, start_new_session=True)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self):
        def look():
            if self.popen.poll() is not None:
                raise AssertionError(f"{self.name} ended with {self.popen.returncode} while starting:\n{self.log_tail()}")
            try:
                with open(self.ready_file, encoding="utf-8") as file:
                    return json.load(file)
            except (FileNotFoundError, json.JSONDecodeError):
                return None

        try:
            self.ready = wait_until(look, f"{self.name} to be ready", START_TIMEOUT)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log_tail()}") from None
        return self.ready

    def log_tail(self, lines=40):
        try:
            with open(self.log_file, encoding="utf-8", errors="replace") as file:
                return "".join(file.readlines()[-lines:])
        except FileNotFoundError:
            return "(no log)"

    def children(self):
        found = proc.children(self.pid)
        self._family.update(found)
        return found

    def running(self):
        return self.popen is not None and self.popen.poll() is None

    def kill(self):
        """As a crash: SIGKILL. What it had started must end by itself."""
        if self.running():
            self._family.update(proc.descendants(self.pid))
            self.popen.send_signal(signal.SIGKILL)
            self.popen.wait()

    def terminate(self):
        """SIGTERM; returns the exit code."""
        if self.running():
            self._family.update(proc.descendants(self.pid))
            self.popen.send_signal(signal.SIGTERM)
            self.popen.wait(STOP_TIMEOUT)
        return self.popen.returncode

    def wait_family_gone(self):
        wait_until(lambda: not [pid for pid in self._family if proc.is_running(pid)],
                   f"the children of {self.name} to end after it ({[proc.command_line(p)[:2] for p in self._family if proc.is_running(p)]})")


class Ran:
    """A finished run of ztsctl."""

    def __init__(self, code, out, err):
        self.code = code
        self.out = out
        self.err = err

    @property
    def json(self):
        return json.loads(self.out.splitlines()[0])

    def __repr__(self):
        return f"exit {self.code}\n--- out\n{self.out}\n--- err\n{self.err}"


class Platform:
    """One controller and one worker (more on demand), and the means to deploy to them."""

    def __init__(self, io="auto", threads=2, worker_flags=()):
        self.folder = tempfile.mkdtemp(prefix="zts_e2e_")
        self.io = io
        self.threads = threads
        self.worker_flags = list(worker_flags)
        self.token = secrets.token_hex(16)
        self.token_file = self.write("token", self.token)
        os.chmod(self.token_file, 0o600)
        self.controller_address = "127.0.0.1:0"
        self.sync_address = None  # where workers dial; of its own with --worker-listen
        self.http_address = "127.0.0.1:0"
        self.controller = None
        self.worker = None
        self.controller_options = []
        self.worker_options = []
        self.ctl_environment = {}
        self._extra = []

    # --- life ---

    def start(self):
        try:
            self.start_controller()
            self.start_worker()
            self.wait_connected()
        except BaseException:
            self.stop()
            raise
        return self

    def start_controller(self, wait=True):
        # Started again, it listens where it did before: workers and ztsctl look there.
        self.controller = Process("controller", self.folder, [
            binary("zts-controller"), "--data-dir", os.path.join(self.folder, "controller"), "--listen", self.controller_address,
            "--admin", "127.0.0.1:0", "--token-file", self.token_file, *self.controller_options])
        self.controller.start(wait)
        if wait:
            self.controller_address = self.controller.ready["grpc"]
            self.sync_address = self.controller.ready["workers"] or self.controller_address
        return self.controller

    def make_worker(self, name="worker", http="127.0.0.1:0"):
        folder = os.path.join(self.folder, name)
        return Process(name, self.folder, [
            binary("zts-worker"), "--controller", self.sync_address, "--token-file", self.token_file, "--data-dir", folder,
            "--http", http, "--admin", "127.0.0.1:0", "--threads", str(self.threads), "--io", self.io, "--name", name,
            *self.worker_flags, *self.worker_options])

    def start_worker(self):
        self.worker = self.make_worker(http=self.http_address)
        self.worker.start()
        self.http_address = self.worker.ready["http"]
        return self.worker

    def add_worker(self, name):
        worker = self.make_worker(name)
        self._extra.append(worker)
        return worker.start()

    def wait_connected(self, name="worker"):
        def connected():
            ran = self.ctl("workers", "--json")
            return ran.code == 0 and any(worker["name"] == name for worker in ran.json["workers"])

        wait_until(connected, f"{name} to connect")

    def stop(self):
        """Ends everything; a process that only ends by force, or leaves children, is a failure."""
        problems = []
        for process in [self.worker, *self._extra, self.controller]:
            if process is None or process.popen is None:
                continue
            try:
                process.terminate()
            except subprocess.TimeoutExpired:
                problems.append(f"{process.name} did not end on SIGTERM:\n{process.log_tail()}")
                process.kill()
            try:
                process.wait_family_gone()
            except AssertionError as error:
                problems.append(str(error))
                for pid in process._family:
                    if proc.is_running(pid):
                        os.kill(pid, signal.SIGKILL)
        if KEEP:
            print(f"kept: {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
        if problems:
            raise AssertionError("\n".join(problems))

    # --- use ---

    @property
    def http(self):
        host, port = self.http_address.rsplit(":", 1)
        return host, int(port)

    @property
    def admin(self):
        host, port = self.worker.ready["admin"].rsplit(":", 1)
        return host, int(port)

    @property
    def controller_admin(self):
        host, port = self.controller.ready["admin"].rsplit(":", 1)
        return host, int(port)

    def engine_pids(self):
        return [pid for pid in self.worker.children() if not self._is_egress(pid)]

    def egress_pids(self):
        return [pid for pid in self.worker.children() if self._is_egress(pid)]

    @staticmethod
    def _is_egress(pid):
        return os.path.basename((proc.command_line(pid) or [""])[0]) == "zts-egress"

    def write(self, name, content):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return path

    def environment(self, token=None):
        env = {key: value for key, value in os.environ.items() if key not in ("ZTS_CONTROLLER", "ZTS_TOKEN", "ZTS_DATA_DIR")}
        env.update({"ZTS_CONTROLLER": self.controller_address, "ZTS_TOKEN": token or self.token, "NO_COLOR": "1", **self.ctl_environment})
        return env

    def ctl_popen(self, *arguments, token=None, environment=None):
        return subprocess.Popen([binary("ztsctl"), *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, env={**self.environment(token), **(environment or {})}, cwd=self.folder)

    def ctl(self, *arguments, token=None, timeout=120):
        popen = self.ctl_popen(*arguments, token=token)
        try:
            out, err = popen.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            popen.kill()
            out, err = popen.communicate()
            raise AssertionError(f"ztsctl {' '.join(arguments)} did not end in {timeout} s\n{out}\n{err}") from None
        return Ran(popen.returncode, out, err)

    def deploy(self, name, source, *options, extension="js"):
        """Deploys and requires that it is live everywhere; the JSON answer."""
        ran = self.try_deploy(name, source, *options, extension=extension)
        if ran.code != 0:
            raise AssertionError(f"deploy of {name} failed: {ran}")
        return ran.json

    def try_deploy(self, name, source, *options, extension="js"):
        path = self.write(f"sources/{name}.{extension}", source)
        return self.ctl("deploy", path, "--name", name, "--json", *options)
