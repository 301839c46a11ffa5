"""A real Prometheus on a configuration of the product's, and what it answers."""

import glob
import json
import os
import pwd
import re
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request

from harness.wait import wait_until


def _home():
    """Where tools/deps.sh has unpacked it; a test's environment need not know $HOME."""
    caches = [os.environ.get("XDG_CACHE_HOME"), os.path.join(pwd.getpwuid(os.getuid()).pw_dir, ".cache")]
    for cache in caches:
        if cache and os.path.exists(os.path.join(cache, "zts/prometheus/usr/bin/prometheus")):
            return os.path.join(cache, "zts/prometheus/usr/bin")
    return None


def available():
    return _home() is not None


def promtool(*arguments, text=None, cwd=None):
    """Exit code and output."""
    ran = subprocess.run([os.path.join(_home(), "promtool"), *arguments], input=text, capture_output=True, text=True, cwd=cwd, check=False)
    return ran.returncode, ran.stdout + ran.stderr


class Prometheus:
    """`deploy` is deploy/prometheus; `targets` names addresses by job file: {"workers": [...], "controllers": [...]}."""

    def __init__(self, folder, deploy, targets):
        self.folder = folder
        os.makedirs(os.path.join(folder, "targets"))
        for file in glob.glob(os.path.join(deploy, "*.yml")):
            shutil.copy(file, folder)
        for name, addresses in targets.items():
            with open(os.path.join(folder, "targets", name + ".yml"), "w", encoding="utf-8") as file:
                json.dump([{"targets": addresses}], file)  # JSON is YAML
        config = os.path.join(folder, "prometheus.yml")
        with open(config, encoding="utf-8") as file:
            text = file.read()
        with open(config, "w", encoding="utf-8") as file:
            file.write(re.sub(r"(scrape|evaluation)_interval: 15s", r"\1_interval: 1s", text))
        self.log = os.path.join(folder, "log")
        self.popen = None
        self.address = None

    def start(self):
        with open(self.log, "w", encoding="utf-8") as log:
            self.popen = subprocess.Popen(
                [os.path.join(_home(), "prometheus"), "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.listen-address=127.0.0.1:0"],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

        def listening():
            with open(self.log, encoding="utf-8") as log:
                text = log.read()
            if self.popen.poll() is not None:
                raise AssertionError(f"prometheus ended:\n{text}")
            found = re.search(r'msg="Listening on" address=(127\.0\.0\.1:[1-9][0-9]*)', text)
            return found and found[1]

        self.address = wait_until(listening, "prometheus to listen", 60)

        def ready():
            try:
                with urllib.request.urlopen(f"http://{self.address}/-/ready", timeout=30) as response:
                    return response.status == 200
            except OSError:
                return False

        wait_until(ready, "prometheus to be ready", 60)
        return self

    def stop(self):
        if self.popen is not None:
            self.popen.terminate()
            self.popen.wait(30)

    def get(self, path, **parameters):
        url = f"http://{self.address}{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as response:
                return json.load(response)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from None

    def query(self, expression):
        """Samples that are numbers."""
        return [one for one in self.get("/api/v1/query", query=expression)["result"] if one["value"][1] != "NaN"]
