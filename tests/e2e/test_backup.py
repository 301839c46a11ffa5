"""Backup of a running control plane, and restore into an empty data directory."""

import os
import shutil
import unittest

from harness import platform, wire
from harness.load import Load
from harness.wait import wait_until


def answering(text):
    return f'export default {{ fetch() {{ return new Response("{text}"); }} }};\n'


class Backup(unittest.TestCase):
    def setUp(self):
        self.zts = platform.Platform().start()
        self.addCleanup(self.zts.stop)
        self.file = os.path.join(self.zts.folder, "zts.backup")

    def restore(self, data_dir, *options, file=None):
        return self.zts.ctl("restore", file or self.file, "--data-dir", data_dir, *options)

    def test_comes_back_elsewhere(self):
        for n in range(3):
            self.zts.deploy(f"fn-{n}", answering(f"fn-{n}"))
        token = self.zts.ctl("token", "create", "--role", "viewer", "--json").json["token"]
        with Load(self.zts.http, "/fn-0", connections=2, pause=0.01) as load:
            backup = self.zts.ctl("backup", self.file, "--json")
            load.wait_answers(10)
        self.assertEqual(backup.code, 0, backup)
        self.assertEqual(load.failures(), [])
        self.assertEqual(backup.json["functions"], 3)
        self.assertEqual(os.path.getsize(self.file), backup.json["bytes"])
        self.zts.deploy("later", answering("later"))

        # Another machine: a new data directory, a worker that has never been there.
        self.zts.worker.terminate()
        self.zts.controller.kill()
        folder = os.path.join(self.zts.folder, "controller")
        shutil.rmtree(folder)
        restored = self.restore(folder, "--bare")
        self.assertEqual(restored.code, 0, restored)
        shutil.rmtree(os.path.join(self.zts.folder, "worker"))
        self.zts.start_controller()
        self.zts.start_worker()
        self.zts.wait_connected()
        for n in range(3):
            wait_until(lambda n=n: wire.fetch(self.zts.http, f"/fn-{n}").text == f"fn-{n}", f"fn-{n} to be served")
        self.assertEqual(wire.fetch(self.zts.http, "/later").status, 404)
        self.assertEqual(self.zts.ctl("list", token=token).code, 0, "tokens are part of it")
        self.zts.deploy("fn-0", answering("goes on"))
        self.assertEqual(wire.fetch(self.zts.http, "/fn-0").text, "goes on")

    def test_a_worker_that_is_ahead_takes_the_restored_catalog(self):
        self.zts.deploy("old", answering("old"))
        self.assertEqual(self.zts.ctl("backup", self.file).code, 0)
        self.zts.deploy("old", answering("newer"))
        self.zts.deploy("relic", answering("relic"))
        self.zts.controller.kill()
        folder = os.path.join(self.zts.folder, "controller")
        shutil.rmtree(folder)
        self.assertEqual(self.restore(folder, "--bare").code, 0)
        self.zts.start_controller()
        self.zts.wait_connected()
        wait_until(lambda: wire.fetch(self.zts.http, "/old").text == "old", "the restored version to serve")
        wait_until(lambda: wire.fetch(self.zts.http, "/relic").status == 404, "what was made after the backup to go")

    def test_nothing_is_overwritten_and_nothing_damaged_is_restored(self):
        self.zts.deploy("kept", answering("kept"))
        self.assertEqual(self.zts.ctl("backup", self.file).code, 0)
        used = os.path.join(self.zts.folder, "used")
        os.mkdir(used)
        with open(os.path.join(used, "precious"), "w", encoding="utf-8") as file:
            file.write("mine")
        ran = self.restore(used)
        self.assertEqual(ran.code, 1, ran)
        self.assertIn("not empty", ran.err)
        self.assertEqual(os.listdir(used), ["precious"])

        with open(self.file, "rb") as file:
            whole = file.read()
        for name, content in {"cut": whole[:-10], "changed": whole[:1000] + bytes([whole[1000] ^ 1]) + whole[1001:], "other": b"not a backup"}.items():
            path = os.path.join(self.zts.folder, name)
            with open(path, "wb") as file:
                file.write(content)
            target = os.path.join(self.zts.folder, "target-" + name)
            ran = self.restore(target, file=path)
            self.assertEqual(ran.code, 1, ran)
            self.assertFalse(os.path.exists(target), "verified before anything is touched")

    def test_only_admins_make_one(self):
        token = self.zts.ctl("token", "create", "--role", "deployer", "--json").json["token"]
        ran = self.zts.ctl("backup", self.file, token=token)
        self.assertEqual(ran.code, 5, ran)
        self.assertFalse(os.path.exists(self.file))

    def test_secrets_need_their_key(self):
        self.zts.deploy("holder", "export default { fetch(request, env) { return new Response(env.KEY); } };")
        path = self.zts.write("secret", "hidden")
        self.assertEqual(self.zts.ctl("secret", "set", "holder", "KEY", "--file", path).code, 0)
        backup = self.zts.ctl("backup", self.file, "--json")
        self.assertEqual(len(backup.json["secret_key_ids"]), 1)
        self.zts.controller.kill()
        folder = os.path.join(self.zts.folder, "controller")
        key = folder + ".secret-key"
        saved = os.path.join(self.zts.folder, "saved.key")
        os.rename(key, saved)
        shutil.rmtree(folder)
        self.assertEqual(self.restore(folder, "--bare").code, 0)
        controller = self.zts.start_controller(wait=False)
        self.assertEqual(controller.popen.wait(60), 1)
        self.assertIn(backup.json["secret_key_ids"][0], controller.log_tail())
        shutil.rmtree(folder)
        self.assertEqual(self.restore(folder, "--bare", "--secret-key-file", saved).code, 0)
        self.zts.start_controller()
        self.zts.wait_connected()
        wait_until(lambda: wire.fetch(self.zts.http, "/holder").text == "hidden", "the secret to be there")
