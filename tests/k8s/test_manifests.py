"""deploy/k8s against the schemas of the Kubernetes API, and against what it promises itself.

Needs PyYAML. The schemas are those of the package kubernetes-validate, which `tools/deps.sh k8s` unpacks; overlays are put together by a
real kustomize, where there is one. What is not at hand is said, and not passed over in silence.
"""

import functools
import glob
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import unittest
import urllib.parse

try:
    import yaml
except ImportError:
    yaml = None
try:
    import jsonschema
except ImportError:
    jsonschema = None

K8S = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "deploy/k8s")
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.join(pwd.getpwuid(os.getuid()).pw_dir, ".cache"), "zts")
SCHEMAS = os.path.join(CACHE, "k8s-schemas/kubernetes_validate/kubernetes-json-schema")
# The oldest that the manifests are for, and the newest.
RELEASES = ("v1.29.0-local-strict", "v1.37.0-local-strict")


def kustomize():
    found = os.path.join(CACHE, "k8s/kustomize")
    return found if os.path.exists(found) else shutil.which("kustomize")


def overlays():
    return ["base"] + sorted("overlays/" + name for name in os.listdir(os.path.join(K8S, "overlays")))


def documents(text):
    return [one for one in yaml.safe_load_all(text) if one]


def base_objects():
    """Of the base, as they stand in its files."""
    objects = []
    for path in sorted(glob.glob(os.path.join(K8S, "base/*.yaml"))):
        if not path.endswith("kustomization.yaml"):
            with open(path, encoding="utf-8") as file:
                objects += documents(file.read())
    return objects


def build(overlay):
    # kustomize follows no link out of its folder, and a test's files may all be links.
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copytree(K8S, os.path.join(folder, "k8s"))
        ran = subprocess.run([kustomize(), "build", os.path.join(copy, overlay)], capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise AssertionError(f"{overlay}: {ran.stderr}")
    return documents(ran.stdout)


@functools.lru_cache(maxsize=None)
def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def problems(thing, release):
    """What the schema has against an object; a sentence each."""
    group, _, version = thing["apiVersion"].rpartition("/")
    name = "-".join(part for part in (thing["kind"].lower(), group.split(".")[0], version) if part) + ".json"
    path = os.path.join(SCHEMAS, release, name)
    if not os.path.exists(path):
        return [f"{release} has no {name}"]
    schema = load(path)
    definitions = load(os.path.join(SCHEMAS, release, "_definitions.json"))
    # The schemas name each other by addresses of the web; nothing is fetched.
    identity = schema.get("$id") or schema.get("id") or "file:///"
    resolver = jsonschema.RefResolver(identity, schema, store={urllib.parse.urljoin(identity, "_definitions.json"): definitions,
                                                              "https://kubernetes.io/api/_definitions.json": definitions})
    return [f"{thing['kind']} {thing['metadata']['name']}: {'.'.join(map(str, error.path))}: {error.message}"
            for error in jsonschema.Draft7Validator(schema, resolver=resolver).iter_errors(thing)]


@unittest.skipUnless(yaml, "SKIPPED: no PyYAML here (Debian: python3-yaml)")
class Manifests(unittest.TestCase):
    def find(self, kind, name, objects=None):
        found = [one for one in objects or base_objects() if one["kind"] == kind and one["metadata"]["name"] == name]
        self.assertEqual(len(found), 1, f"{kind} {name}")
        return found[0]

    def pods(self, objects=None):
        for one in objects or base_objects():
            if one["kind"] in ("DaemonSet", "StatefulSet"):
                yield one["metadata"]["name"], one["spec"]["template"]["spec"]

    @unittest.skipUnless(jsonschema and os.path.isdir(SCHEMAS), "SKIPPED: no schemas here; `tools/deps.sh k8s` fetches them")
    def test_the_api_takes_every_object(self):
        builds = overlays() if kustomize() else [None]
        if builds == [None]:
            print("SKIPPED: no kustomize here; `tools/deps.sh k8s` builds one. Only the base's own files are looked at.", file=sys.stderr)
        for overlay in builds:
            objects = build(overlay) if overlay else base_objects()
            self.assertGreater(len(objects), 8)
            for thing in objects:
                if thing["apiVersion"].startswith("monitoring.coreos.com/"):
                    continue  # the operator's own; Prometheus itself checks the rules in them
                for release in RELEASES:
                    self.assertEqual(problems(thing, release), [], overlay)

    @unittest.skipUnless(jsonschema and os.path.isdir(SCHEMAS), "SKIPPED: no schemas here; `tools/deps.sh k8s` fetches them")
    def test_the_check_finds_what_is_wrong(self):
        worker = self.find("DaemonSet", "zts-worker")
        worker["spec"]["template"]["spec"]["containers"][0]["readinessProb"] = {}
        worker["spec"]["minReadySeconds"] = "soon"
        self.assertEqual(len(problems(worker, RELEASES[0])), 2)

    def test_pods_have_no_rights_they_do_not_need(self):
        for name, pod in self.pods():
            self.assertFalse(pod["automountServiceAccountToken"], name)
            self.assertTrue(pod["securityContext"]["runAsNonRoot"], name)
            self.assertIn(pod["securityContext"]["seccompProfile"]["type"], ("RuntimeDefault", "Localhost"), name)
            for container in pod["containers"]:
                context = container["securityContext"]
                self.assertTrue(context["readOnlyRootFilesystem"], name)
                self.assertFalse(context["allowPrivilegeEscalation"], name)
                self.assertEqual(context["capabilities"], {"drop": ["ALL"]}, name)
                self.assertIn("memory", container["resources"]["limits"], name)

    def test_a_worker_has_time_to_drain(self):
        pod = self.find("DaemonSet", "zts-worker")["spec"]["template"]["spec"]
        container = pod["containers"][0]
        drain = next(int(arg.split("=")[1]) for arg in container["args"] if arg.startswith("--drain-seconds="))
        wait = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
        self.assertGreaterEqual(pod["terminationGracePeriodSeconds"], drain + wait + 5)
        # Out of the endpoints before it stops to take connections.
        probe = container["readinessProbe"]
        self.assertGreater(wait, probe["periodSeconds"] * probe["failureThreshold"])

    def test_services_and_policies_meet_their_pods(self):
        ports = {name: {port["name"] for container in pod["containers"] for port in container["ports"]} for name, pod in self.pods()}
        for one in base_objects():
            if one["kind"] == "Service":
                name = one["spec"]["selector"]["app.kubernetes.io/name"]
                for port in one["spec"]["ports"]:
                    self.assertIn(port["targetPort"], ports[name])
            if one["kind"] in ("PodDisruptionBudget", "NetworkPolicy"):
                selector = one["spec"].get("selector") or one["spec"]["podSelector"]
                if selector:
                    self.assertIn(selector["matchLabels"]["app.kubernetes.io/name"], ports)

    def test_functions_reach_nothing_of_the_cluster(self):
        egress = self.find("NetworkPolicy", "zts-worker")["spec"]["egress"]
        blocks = [to["ipBlock"] for rule in egress for to in rule["to"] if "ipBlock" in to]
        for block in ("10.0.0.0/8", "169.254.0.0/16", "192.168.0.0/16", "172.16.0.0/12"):
            self.assertTrue(any(block in one["except"] for one in blocks), block)

    def test_the_seccomp_profile_is_a_list_of_what_is_allowed(self):
        with open(os.path.join(K8S, "overlays/local-seccomp/worker.json"), encoding="utf-8") as file:
            profile = json.load(file)
        allowed = {name for rule in profile["syscalls"] for name in rule["names"]}
        self.assertEqual(profile["defaultAction"], "SCMP_ACT_ERRNO")
        self.assertTrue({"io_uring_setup", "io_uring_enter", "io_uring_register", "seccomp", "memfd_create"} <= allowed)
        self.assertFalse({"mount", "ptrace", "bpf", "kexec_load", "init_module", "process_vm_readv", "process_vm_writev", "setns", "unshare"} & allowed)

    def test_the_operators_rules_are_prometheus_rules(self):
        folder = os.path.join(K8S, "overlays/monitoring")
        made = subprocess.run([sys.executable, os.path.join(folder, "make_prometheus_rule.py")], capture_output=True, text=True, check=True).stdout
        with open(os.path.join(folder, "prometheus_rule.yaml"), encoding="utf-8") as file:
            self.assertEqual(file.read(), made, "out of date; run make_prometheus_rule.py")
        self.assertEqual(documents(made)[0]["kind"], "PrometheusRule")

    @unittest.skipUnless(kustomize(), "SKIPPED: no kustomize here; `tools/deps.sh k8s` builds one")
    def test_overlays_change_what_they_say(self):
        worker = self.find("DaemonSet", "zts-worker", build("overlays/epoll"))["spec"]["template"]["spec"]
        self.assertEqual(worker["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
        args = worker["containers"][0]["args"]
        base = self.find("DaemonSet", "zts-worker", build("base"))["spec"]["template"]["spec"]["containers"][0]["args"]
        self.assertEqual(args, ["--io=epoll" if arg == "--io=auto" else arg for arg in base])
        self.assertIn("--io=epoll", args)


if __name__ == "__main__":
    unittest.main()
