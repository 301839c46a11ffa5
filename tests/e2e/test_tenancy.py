"""Tokens, namespaces, quotas, secrets and the audit trail, through the real binaries."""

import json
import os
import stat
import subprocess
import unittest

import case
from harness import platform, wire
from harness.wait import wait_until


def answering(text):
    return f'export default {{ fetch() {{ return new Response("{text}"); }} }};\n'


ECHO_ENV = 'export default { fetch(request, env) { return Response.json(env); } };\n'


class Tenancy(case.PlatformCase):
    def ctl(self, *arguments, code=0, token=None, stdin=None):
        popen = subprocess.run([platform.binary("ztsctl"), *arguments], input=stdin or "", capture_output=True, text=True, timeout=120,
                               env=self.zts.environment(token), cwd=self.zts.folder, check=False)
        ran = platform.Ran(popen.returncode, popen.stdout, popen.stderr)
        self.assertEqual(ran.code, code, ran)
        return ran

    def token(self, *options):
        return self.ctl("token", "create", "--json", *options).json["token"]

    def source(self, name, text):
        return self.zts.write(f"sources/{name}.js", text)

    # --- tokens ---

    def test_roles_and_scopes_hold(self):
        mine = self.source("mine-a", answering("mine"))
        other = self.source("other", answering("other"))
        deployer = self.token("--role", "deployer", "--scope", "default/mine-*")
        viewer = self.token("--role", "viewer")
        worker = self.token("--role", "worker")
        self.ctl("deploy", mine, token=deployer)
        self.ctl("deploy", other)
        self.assertIn("scopes", self.ctl("deploy", other, token=deployer, code=5).err)
        self.assertIn("role is viewer", self.ctl("deploy", mine, token=viewer, code=5).err)
        self.ctl("list", token=worker, code=5)
        # Out of reach and not there are told apart by nobody who may not know.
        self.assertEqual(self.ctl("delete", "other", token=deployer, code=5).err, self.ctl("delete", "nobody", token=deployer, code=5).err)
        names = {f["name"] for f in self.ctl("list", "--json", token=deployer).json["functions"]}
        self.assertEqual(names, {"mine-a"})
        self.assertLessEqual({"mine-a", "other"}, {f["name"] for f in self.ctl("list", "--json", token=viewer).json["functions"]})
        self.ctl("token", "list", token=deployer, code=5)

    def test_without_a_token_nothing_is_learned(self):
        said = {self.ctl(*verb, token=token, code=5).err
                for verb in (["list"], ["versions", "mine"], ["delete", "nobody"], ["audit"], ["workers"])
                for token in ("wrong", "zts_00000000_" + "0" * 64)}
        self.assertEqual(len(said), 1, said)

    def test_a_revoked_token_is_out_at_once(self):
        created = self.ctl("token", "create", "--role", "viewer", "--name", "guest", "--json").json
        self.ctl("list", token=created["token"])
        tail = self.zts.ctl_popen("logs", "-f", token=created["token"])
        try:
            self.ctl("token", "revoke", created["id"])
            tail.communicate(timeout=60)
        finally:
            tail.kill()
        self.ctl("list", token=created["token"], code=5)
        self.assertNotIn(created["id"], [t["id"] for t in self.ctl("token", "list", "--json").json["tokens"]])

    def test_the_store_holds_no_token(self):
        token = self.token("--role", "admin")
        self.assertEqual(self.grep(self.zts.folder, token), [])

    def grep(self, folder, text):
        found = []
        for where, _, files in os.walk(folder):
            for name in files:
                if not os.path.isfile(os.path.join(where, name)):
                    continue
                with open(os.path.join(where, name), "rb") as file:
                    if text.encode() in file.read():
                        found.append(os.path.join(where, name))
        return found

    # --- namespaces ---

    def test_one_name_in_two_namespaces(self):
        cart = self.source("cart", answering("default"))
        self.ctl("deploy", cart)
        self.assertIn("namespace create shop", self.ctl("deploy", cart, "--namespace", "shop", code=3).err)
        self.ctl("namespace", "create", "shop")
        ran = self.ctl("deploy", self.source("cart", answering("shop")), "--namespace", "shop", "--json").json
        self.assertTrue(ran["url"].endswith("/cart.shop"), ran)
        self.assertAnswer(self.fetch("/cart"), 200, "default")
        self.assertAnswer(self.fetch("/cart.shop/below"), 200, "shop")
        self.assertAnswer(self.fetch("/any", host="cart.shop.localhost"), 200, "shop")
        self.assertAnswer(self.fetch("/any", host="cart.localhost"), 200, "default")
        self.assertIn("has functions", self.ctl("namespace", "delete", "shop", code=1).err)
        self.ctl("delete", "cart", "--namespace", "shop")
        self.assertAnswer(self.fetch("/cart.shop"), 404)
        self.assertAnswer(self.fetch("/cart"), 200, "default")
        self.ctl("namespace", "delete", "shop")

    def test_list_and_top_show_one_namespace_when_asked(self):
        self.ctl("namespace", "create", "narrow")
        self.ctl("deploy", self.zts.write("wide.js", answering("wide")), "--name", "wide")
        self.ctl("deploy", self.zts.write("thin.js", answering("thin")), "--name", "thin", "--namespace", "narrow")

        def names(*flags):
            return {f["name"] for f in self.ctl("list", "--json", *flags).json["functions"]}

        self.assertLessEqual({"wide", "thin.narrow"}, names())
        self.assertEqual(names("--namespace", "narrow"), {"thin.narrow"})
        self.assertIn("wide", names("--namespace", "default"))
        self.assertNotIn("thin.narrow", names("--namespace", "default"))

    def test_quotas_are_enforced_and_named(self):
        self.ctl("namespace", "create", "small", "--max-functions", "1", "--max-versions", "2", "--max-bytes", "64KiB")
        one = self.source("one", answering("one"))
        self.ctl("deploy", one, "--namespace", "small")
        self.assertIn("1 functions", self.ctl("deploy", self.source("two", answering("two")), "--namespace", "small", code=3).err)
        self.ctl("deploy", one, "--namespace", "small")
        self.assertIn("2 versions", self.ctl("deploy", one, "--namespace", "small", code=3).err)
        self.ctl("namespace", "set", "small", "--max-bytes", "1KiB")
        self.assertIn("1024 bytes", self.ctl("deploy", self.source("one", answering("x" * 2000)), "--namespace", "small", code=3).err)
        self.ctl("namespace", "set", "small", "--max-deploys", "1")
        self.ctl("deploy", one, "--namespace", "small")
        self.assertIn("a minute", self.ctl("deploy", one, "--namespace", "small", code=3).err)
        listed = {n["name"]: n for n in self.ctl("namespace", "list", "--json").json["namespaces"]}
        self.assertEqual(listed["small"]["functions"], 1)

    # --- secrets ---

    def env_of(self, name):
        return json.loads(self.fetch("/" + name).text)

    def test_a_secret_reaches_the_function_and_nothing_else(self):
        value = "correct-horse-battery-staple"
        self.ctl("secret", "set", "vault", "EARLY", stdin="before the first deploy\n")
        self.ctl("deploy", self.source("vault", ECHO_ENV), "--env", "PLAIN=1")
        self.assertEqual(self.env_of("vault"), {"EARLY": "before the first deploy", "PLAIN": "1"})
        self.ctl("secret", "set", "vault", "PASSWORD", stdin=value + "\n")
        wait_until(lambda: self.env_of("vault").get("PASSWORD") == value, "the secret to reach the function")
        shown = [self.ctl(*verb).out for verb in (["secret", "list"], ["secret", "list", "--json"], ["list", "--json"], ["versions", "vault", "--json"],
                                                 ["audit", "--json"], ["logs"])]
        self.assertNotIn(value, "".join(shown))
        self.assertIn("PASSWORD", shown[0])
        for port in (self.zts.admin, self.zts.controller_admin):
            self.assertNotIn(value, wire.fetch(port, "/metrics").text)
        self.assertEqual(self.grep(self.zts.folder, value), [], "in clear on a disk, or in a log")
        self.ctl("secret", "delete", "vault", "PASSWORD")
        wait_until(lambda: "PASSWORD" not in self.env_of("vault"), "the secret to go")
        self.ctl("delete", "vault")
        self.assertEqual(self.ctl("secret", "list", "vault", "--json").json["secrets"], [])

    def test_a_version_names_the_secrets_it_needs(self):
        path = self.source("needy", ECHO_ENV)
        refused = self.ctl("deploy", path, "--secret", "KEY", code=3).err
        self.assertIn("ztsctl secret set needy KEY", refused)
        self.assertAnswer(self.fetch("/needy"), 404)
        for key in ("KEY", "OTHER"):
            self.ctl("secret", "set", "needy", key, stdin="value of " + key)
        self.ctl("deploy", path, "--secret", "KEY")
        self.assertEqual(self.env_of("needy"), {"KEY": "value of KEY"})
        self.assertEqual(self.ctl("versions", "needy", "--json").json["versions"][0]["secrets"], ["KEY"])
        self.assertIn("secrets  KEY\n", self.ctl("inspect", "needy").out)
        self.assertIn("v1 serves and names the secret 'KEY'", self.ctl("secret", "delete", "needy", "KEY", code=1).err)
        self.ctl("deploy", path)
        self.assertEqual(self.env_of("needy"), {"KEY": "value of KEY", "OTHER": "value of OTHER"})
        self.ctl("secret", "delete", "needy", "KEY")
        self.assertIn("ztsctl secret set needy KEY", self.ctl("rollback", "needy", code=1).err)
        wait_until(lambda: self.env_of("needy") == {"OTHER": "value of OTHER"}, "the secret to go")
        self.ctl("secret", "set", "needy", "KEY", stdin="again")
        self.ctl("rollback", "needy")
        self.assertEqual(self.env_of("needy"), {"KEY": "again"})
        self.ctl("delete", "needy")

    def test_rotation_keeps_every_secret(self):
        self.ctl("secret", "set", "turning", "A", stdin="value")
        self.ctl("deploy", self.source("turning", ECHO_ENV))
        before = self.ctl("secret", "list", "turning", "--json").json["secrets"][0]["key_id"]
        self.ctl("secret", "rotate", "--new-key")
        after = self.ctl("secret", "list", "turning", "--json").json["secrets"][0]["key_id"]
        self.assertNotEqual(before, after)
        key_file = os.path.join(self.zts.folder, "controller.secret-key")
        self.assertEqual(stat.S_IMODE(os.stat(key_file).st_mode), 0o600)
        self.ctl("secret", "set", "turning", "B", stdin="second")
        wait_until(lambda: self.env_of("turning") == {"A": "value", "B": "second"}, "both secrets")

    # --- audit ---

    def test_the_audit_trail_says_who_did_what(self):
        created = self.ctl("token", "create", "--role", "deployer", "--name", "robot", "--json").json
        self.ctl("deploy", self.source("audited", answering("x")), token=created["token"])
        self.ctl("deploy", self.source("audited", "export default 1;"), token=created["token"], code=3)
        self.ctl("token", "list", token=created["token"], code=5)
        lines = [json.loads(line) for line in self.ctl("audit", "--json", "--since", "1h").out.splitlines()]
        mine = [(e["action"], e["target"], e["result"]) for e in lines if "robot" in e["actor"]]
        self.assertEqual(mine, [("deploy", "audited", "ok"), ("deploy", "audited", "source"), ("token list", "", "denied")])
        self.assertTrue(all(e["from"].startswith("ipv4:127.0.0.1:") for e in lines))


class WithoutController(unittest.TestCase):
    def test_a_worker_alone_has_its_secrets_after_a_restart(self):
        zts = platform.Platform().start()
        self.addCleanup(zts.stop)
        run = subprocess.run([platform.binary("ztsctl"), "secret", "set", "alone", "KEY"], input="to itself", text=True, capture_output=True,
                             env=zts.environment(), check=False)
        self.assertEqual(run.returncode, 0, run)
        zts.deploy("alone", ECHO_ENV)
        zts.controller.kill()
        zts.worker.kill()
        zts.worker.wait_family_gone()
        zts.start_worker()
        wait_until(lambda: wire.fetch(zts.http, "/alone").status == 200, "the cached function to be served")
        self.assertEqual(json.loads(wire.fetch(zts.http, "/alone").text), {"KEY": "to itself"})
