"""The servers that are compared. Each is started pinned to one CPU, and tells which processes to charge."""
import os
import re
import shutil
import signal
import subprocess
import tempfile

import zts
from workloads import WORKLOADS

HELLO = WORKLOADS["hello"].expect


class Floor:
    """Our fixed-response epoll server: what the kernel's TCP costs. It has one answer, so each workload has a floor of its own."""
    name = "floor"

    def __init__(self, binary, cpu, workload="hello", body=None):
        self.offers = {workload}
        body = WORKLOADS[workload].expect if body is None else body
        if not os.path.exists(binary):
            raise zts.Failed(f"{binary} is missing; build it with 'bazel build -c opt //bench/load:floor'")
        self.process = subprocess.Popen(["taskset", "-c", str(cpu), binary, "0", body.decode()],
                                        stdout=subprocess.PIPE, text=True)
        words = self.process.stdout.readline().split()
        if len(words) != 2 or words[0] != "PORT":
            raise zts.Failed("the floor server did not start")
        self.port = int(words[1])

    def pids(self):
        return [self.process.pid]

    def others(self):
        return {}

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


NGINX_CONFIG = """
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log crit;
worker_rlimit_nofile 20000;
events {{ worker_connections 16384; multi_accept on; }}
http {{
  access_log off;
  sendfile on;
  open_file_cache max=100;
  keepalive_requests 1000000000;
  keepalive_timeout 75s;
  default_type text/plain;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location = /hello {{ return 200 "{hello}"; }}
    location = /json {{ default_type application/json; return 200 '{json}'; }}
{constants}
    location / {{ root {folder}/files; }}
  }}
}}
"""


class Nginx:
    """nginx with one worker: constant answers from memory, its cheapest request, and larger ones as files that it keeps open."""
    name = "nginx"
    offers = {"hello", "json", "body1k", "body64k"}

    @staticmethod
    def binary():
        return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")

    def __init__(self, cpu, constants=None):
        """constants: further paths with their bodies."""
        self._folder = tempfile.mkdtemp(prefix="zts-bench-nginx-")
        os.mkdir(self._folder + "/files")
        # A worker started by root reads as somebody else.
        os.chmod(self._folder, 0o755)
        for name in ("body1k", "body64k"):
            with open(f"{self._folder}/files/{name}", "wb") as f:
                f.write(WORKLOADS[name].expect)
        self.port = zts.free_port()
        config = os.path.join(self._folder, "nginx.conf")
        with open(config, "w") as f:
            more = "\n".join(f'    location = {path} {{ return 200 "{body}"; }}' for path, body in (constants or {}).items())
            f.write(NGINX_CONFIG.format(folder=self._folder, port=self.port, constants=more,
                                        **{name: WORKLOADS[name].expect.decode() for name in ("hello", "json")}))
        self.process = subprocess.Popen(
            ["taskset", "-c", str(cpu), self.binary(), "-p", self._folder, "-c", config, "-e", self._folder + "/error.log"],
            stdin=subprocess.DEVNULL)
        try:
            zts.wait_until_served(self.port, "/hello", self.process)
        except BaseException:
            self.close()
            raise

    def pids(self):
        return [self.process.pid, *zts.procfs.descendants(self.process.pid)]

    def others(self):
        return {}

    def close(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


class ZtsServer:
    """The product: its engine process is charged, its supervisor shown beside."""
    name = "zts"
    offers = set(WORKLOADS)

    def __init__(self, bin_dir, cpu, io="auto"):
        self.zts = zts.Zts(bin_dir, cpu=cpu, io=io)
        try:
            self.zts.up()
            for name in WORKLOADS:
                self.zts.deploy(os.path.join(zts.ROOT, "bench", "functions", name + ".js"), name)
        except BaseException:
            self.zts.close()
            raise
        self.port = self.zts.port

    def pids(self):
        return self.zts.engine_pids()

    def others(self):
        return {"supervisor": [self.zts.worker_pid]}

    def close(self):
        self.zts.close()


# Where tools/peers.sh puts each peer, and how it is started; {home} is its folder, {here} bench/peers, {port} what it listens on. The same port is in the
# environment as PORT. What a peer does not offer it has no usual way for.
WHOLE_BODIES = {"hello", "json", "body1k", "body64k", "echo"}
ALL = WHOLE_BODIES | {"stream"}
PEERS = {
    "axum": (ALL, ["{home}/server"]),
    "may-minihttp": (WHOLE_BODIES, ["{home}/server"]),
    "fiber": (ALL, ["{home}/server"]),
    "node": (ALL, ["{home}/bin/node", "{here}/node/server.mjs"]),
    "deno": (ALL, ["{home}/deno", "run", "--allow-net", "--allow-env", "--no-lock", "{here}/deno/server.mjs"]),
    "bun": (ALL, ["{home}/bin/bun", "{here}/bun/server.mjs"]),
    "workerd": (ALL, ["{home}/bin/workerd", "serve", "{here}/workerd/config.capnp", "--socket-addr", "http=127.0.0.1:{port}"]),
}


class Peer:
    """Another server, pinned like ours; all processes of its session are charged."""

    def __init__(self, name, command, cpu, offers=None):
        self.name = name
        self.port = zts.free_port()
        self._folder = tempfile.mkdtemp(prefix=f"zts-bench-{name}-")
        self._log = open(os.path.join(self._folder, "log"), "w+")
        env = {**os.environ, "PORT": str(self.port), "NODE_ENV": "production", "NO_COLOR": "1", "DENO_NO_UPDATE_CHECK": "1",
               "DENO_DIR": os.path.join(self._folder, "deno"), "HOME": self._folder}
        self.process = subprocess.Popen(["taskset", "-c", str(cpu), *[word.replace("{port}", str(self.port)) for word in command]],
                                        env=env, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, start_new_session=True)
        try:
            zts.wait_until_served(self.port, "/hello", self.process)
            self.offers = offers if offers is not None else self._probe()
        except (zts.Failed, OSError) as error:
            self._log.seek(0)
            said = self._log.read()[-500:]
            self.close()
            raise zts.Failed(f"{name}: {error}{': ' if said else ''}{said}") from error

    def _probe(self):
        """A peer given as a command offers what it answers as it must be."""
        return {w.name for w in WORKLOADS.values() if zts.fetch(self.port, w.path, method=w.method, body=w.body) == (200, w.expect)}

    def pids(self):
        return [self.process.pid, *zts.procfs.descendants(self.process.pid)]

    def others(self):
        return {}

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def peer_homes(names):
    """Name -> folder of those that tools/peers.sh could bring; it says of the others why not."""
    done = subprocess.run([os.path.join(zts.ROOT, "tools", "peers.sh"), *names], stdout=subprocess.PIPE, text=True)
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


def start_peer(name, home, cpu):
    offers, command = PEERS[name]
    here = os.path.join(zts.ROOT, "bench", "peers")
    return Peer(name, [word.replace("{home}", home).replace("{here}", here) for word in command], cpu, offers)


def peer_version(name):
    """The pinned version, from where it is pinned."""
    def first(path, pattern):
        with open(os.path.join(zts.ROOT, path), encoding="utf-8") as f:
            return re.search(pattern, f.read(), re.M)[1]
    crates = {"axum": "axum", "may-minihttp": "may_minihttp"}
    if name in crates:
        return first(f"bench/peers/{name}/Cargo.lock", rf'name = "{crates[name]}"\nversion = "([^"]*)"')
    if name == "fiber":
        return first("bench/peers/fiber/go.mod", r"gofiber/fiber/v2 v(\S+)")
    if name in PEERS:
        return first("tools/versions.sh", rf"^{name.upper()}_VERSION=(.*)$")
    return ""
