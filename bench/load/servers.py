"""The servers that are compared. Each is started pinned to one CPU, and tells which processes to charge."""
import os
import shutil
import subprocess
import tempfile

import zts

HELLO = b"Hello, world!"


class Floor:
    """Our fixed-response epoll server: what the kernel's TCP costs."""
    name = "floor"

    def __init__(self, binary, cpu, body=HELLO):
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

    def path(self, function):
        return "/" + function

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


NGINX_CONFIG = """
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log crit;
worker_rlimit_nofile 8192;
events {{ worker_connections 4096; multi_accept on; }}
http {{
  access_log off;
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
    location / {{ return 200 "{body}"; }}
  }}
}}
"""


class Nginx:
    """nginx with one worker and a constant answer from memory: its cheapest request."""
    name = "nginx"

    @staticmethod
    def binary():
        return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")

    def __init__(self, cpu, body=HELLO):
        self._folder = tempfile.mkdtemp(prefix="zts-bench-nginx-")
        self.port = zts.free_port()
        config = os.path.join(self._folder, "nginx.conf")
        with open(config, "w") as f:
            f.write(NGINX_CONFIG.format(folder=self._folder, port=self.port, body=body.decode()))
        self.process = subprocess.Popen(
            ["taskset", "-c", str(cpu), self.binary(), "-p", self._folder, "-c", config, "-e", self._folder + "/error.log"],
            stdin=subprocess.DEVNULL)
        try:
            zts.wait_until_served(self.port, "/", self.process)
        except BaseException:
            self.close()
            raise

    def pids(self):
        return [self.process.pid, *zts.procfs.descendants(self.process.pid)]

    def others(self):
        return {}

    def path(self, function):
        return "/" + function

    def close(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


class ZtsServer:
    """The product: its engine process is charged, its supervisor shown beside."""
    name = "zts"

    def __init__(self, bin_dir, cpu, functions, io="auto"):
        self.zts = zts.Zts(bin_dir, cpu=cpu, io=io)
        try:
            self.zts.up()
            for function, path in functions.items():
                self.zts.deploy(path, function)
        except BaseException:
            self.zts.close()
            raise
        self.port = self.zts.port

    def pids(self):
        return self.zts.engine_pids()

    def others(self):
        return {"supervisor": [self.zts.worker_pid]}

    def path(self, function):
        return "/" + function

    def close(self):
        self.zts.close()
