"""What runs a test: this platform's isolate, this platform's real processes, and its peers."""

import http.client
import json
import os
import queue
import select
import shutil
import subprocess
import tempfile
import threading

import bundle

TEST_STATUS = {0: "PASS", 1: "FAIL", 2: "TIMEOUT", 3: "NOTRUN", 4: "PRECONDITION_FAILED"}
HARNESS_STATUS = {0: "OK", 1: "ERROR", 2: "TIMEOUT", 3: "PRECONDITION_FAILED"}
# Past the harness's own time: for a machine that is busy, and for a runtime to start.
GRACE = 20.0


def result(text):
    """The reporter's text -> {status, message, subtests: {name: {status, message}}}."""
    report = json.loads(text)
    subtests = {}
    for test in report["tests"]:
        name, count = test["name"], 1
        # Names are to be unique; where a test's are not, the second is another subtest all the same.
        while name in subtests:
            count += 1
            name = f"{test['name']} (#{count})"
        subtests[name] = {"status": TEST_STATUS[test["status"]], "message": test["message"]}
    return {"status": HARNESS_STATUS[report["status"]], "message": report["message"], "subtests": subtests}


def failed(status, message):
    return {"status": status, "message": message, "subtests": {}}


class Isolate:
    """The product's isolate in a test host: fast, one process for many tests. No way out of the process."""

    name = "zts"

    def __init__(self, bin_folder, folder):
        self.bin = os.path.abspath(bin_folder)
        self.folder = folder
        self.popen = None

    def _start(self):
        libexec = os.path.join(self.bin, "jsruntime")
        with open(os.path.join(libexec, "v8_flags.txt"), encoding="utf-8") as file:
            flags = [line.strip() for line in file if line.strip() and not line.startswith("#")]
        env = {key: value for key, value in os.environ.items() if not key.startswith("NODE_")}
        env["ZTS_LIBEXEC"] = libexec
        self.stderr = tempfile.TemporaryFile("w+", dir=self.folder)
        self.popen = subprocess.Popen(
            [os.path.join(libexec, "zts-host"), *flags, os.path.join(self.bin, "tests/wpt/wpt_host.node")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.stderr, env=env)

    def run(self, test, origin):
        if self.popen is None:
            self._start()
        path = os.path.join(self.folder, f"{id(self)}.js")
        with open(path, "w", encoding="utf-8", errors="surrogatepass") as file:
            file.write(bundle.function(test, origin))
        self.popen.stdin.write(f"{path} {test.seconds + GRACE / 2}\n".encode())
        self.popen.stdin.flush()
        line = self._read_line(test.seconds + GRACE)
        if line is None:
            return self._lost()
        answer = json.loads(line)
        if answer["outcome"] == "ok":
            return result(answer["body"])
        return failed("ERROR", f"{answer['outcome']}: {answer['message']}")

    def _read_line(self, timeout):
        """None when the process is gone or stuck."""
        line = b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self.popen.stdout], [], [], timeout)
            chunk = os.read(self.popen.stdout.fileno(), 1 << 20) if ready else b""
            if not chunk:
                return None
            line += chunk
        return line

    def _lost(self):
        code = self.popen.poll()
        self.close()
        if code is None:
            return failed("HANG", "a turn that did not end")
        self.stderr.seek(0)
        return failed("CRASH", f"exit code {code}: {self.stderr.read()[-500:]}")

    def close(self):
        if self.popen is not None:
            self.popen.kill()
            self.popen.wait()
            self.popen.stdin.close()
            self.popen.stdout.close()
            self.popen = None


class Shell:
    """A peer that is started for each test and prints its results: Node, Deno."""

    def __init__(self, name, command, folder):
        self.name = name
        self.command = command
        self.folder = folder

    def run(self, test, origin):
        path = os.path.join(self.folder, f"{id(self)}.{self.name}.js")
        with open(path, "w", encoding="utf-8", errors="surrogatepass") as file:
            file.write(bundle.script(test, origin))
        env = {**os.environ, "NO_COLOR": "1", "DENO_DIR": os.path.join(self.folder, "deno"), "DENO_NO_UPDATE_CHECK": "1"}
        try:
            ran = subprocess.run([*self.command, path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env,
                                 timeout=test.seconds + GRACE)
        except subprocess.TimeoutExpired:
            return failed("HANG", "no end in time")
        for line in reversed(ran.stdout.decode(errors="replace").split("\n")):
            if line.startswith('{"status":'):
                return result(line)
        status = "CRASH" if ran.returncode < 0 else "ERROR"
        return failed(status, f"exit code {ran.returncode}: {ran.stderr.decode(errors='replace')[-500:]}")

    def close(self):
        pass


class Workerd:
    """workerd, started for each test with a worker of its own on a port that the kernel picks."""

    name = "workerd"

    def __init__(self, binary, folder):
        self.binary = binary
        self.folder = tempfile.mkdtemp(dir=folder)
        here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers")
        for name in ("workerd.capnp", "workerd.mjs"):
            shutil.copy(os.path.join(here, name), self.folder)

    def run(self, test, origin):
        with open(os.path.join(self.folder, "SCRIPT"), "w", encoding="utf-8", errors="replace") as file:
            file.write(bundle.script(test, origin))
        control, control_write = os.pipe()
        popen = subprocess.Popen([self.binary, "serve", "--experimental", f"--control-fd={control_write}", "workerd.capnp"],
                                 cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                 pass_fds=[control_write])
        os.close(control_write)
        try:
            with open(control, encoding="utf-8") as events:
                listening = events.readline()
            if not listening:
                return failed("ERROR", popen.stdout.read().decode(errors="replace")[-500:])
            return self._ask(json.loads(listening)["port"], test.seconds + GRACE)
        finally:
            popen.kill()
            popen.wait()
            popen.stdout.close()

    def _ask(self, port, seconds):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
        try:
            connection.request("GET", "/")
            response = connection.getresponse()
            body = response.read().decode(errors="replace")
            return result(body) if response.status == 200 else failed("ERROR", f"{response.status}: {body[:500]}")
        except TimeoutError:
            return failed("HANG", "no answer in time")
        except (OSError, http.client.HTTPException) as error:
            return failed("CRASH", str(error))
        finally:
            connection.close()

    def close(self):
        pass


def peer(name, home, folder):
    peers = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers")
    if name == "node":
        return Shell(name, [os.path.join(home, "bin/node"), os.path.join(peers, "node.cjs")], folder)
    if name == "deno":
        return Shell(name, [os.path.join(home, "deno"), "run", "-A", "--quiet", "--no-config", os.path.join(peers, "deno.mjs")], folder)
    return Workerd(os.path.join(home, "bin/workerd"), folder)


def run_all(tests, make_runtime, origin, jobs, on_result):
    """Runs the tests on `jobs` runtimes at once; on_result(test, result) is called by one thread at a time."""
    waiting = queue.Queue()
    for test in tests:
        waiting.put(test)
    lock = threading.Lock()
    errors = []

    def work():
        runtime = make_runtime()
        try:
            while True:
                try:
                    test = waiting.get_nowait()
                except queue.Empty:
                    return
                outcome = runtime.run(test, origin)
                with lock:
                    on_result(test, outcome)
        except Exception as error:  # the runner's own trouble is nobody's test result
            errors.append(error)
        finally:
            runtime.close()

    threads = [threading.Thread(target=work) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
