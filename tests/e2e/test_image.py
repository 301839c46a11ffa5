"""The file system of the container image: it serves a request with nothing of this machine but its kernel."""

import os
import shutil
import subprocess
import unittest

from harness import platform, wire

DEPLOY = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "deploy")


@unittest.skipUnless(os.geteuid() == 0, "SKIPPED: chroot needs root")
class Image(unittest.TestCase):
    def test_the_image_serves_a_request(self):
        zts = platform.Platform(threads=1)
        self.addCleanup(zts.stop)
        root = os.path.join(zts.folder, "image")
        script = os.path.join(DEPLOY, "image/image_root.sh")
        made = subprocess.run(["bash", script, root, platform.BIN], capture_output=True, text=True, check=False)
        self.assertEqual(made.returncode, 0, made.stderr)
        # One folder, at one path on both sides, for what the processes write.
        inside = root + zts.folder
        os.makedirs(inside)
        shutil.copy(zts.token_file, os.path.join(inside, "token"))
        os.chmod(os.path.join(inside, "token"), 0o600)
        real = platform.binary
        platform.binary = lambda name: "/usr/lib/zts/" + name
        process_start = platform.Process.start

        def start(process, wait=True):
            # As a container has it: /proc, in a mount namespace that goes with the process.
            enter = 'mount --rbind /proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"'
            process.command = ["unshare", "--mount", "sh", "-c", enter, root, *process.command]
            process.ready_file, given = root + process.ready_file, process.ready_file
            if os.path.exists(process.ready_file):
                os.unlink(process.ready_file)
            with open(process.log_file, "ab") as log:
                process.popen = subprocess.Popen(process.command + ["--ready-file", given], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                 start_new_session=True, env={"PATH": "/usr/bin:/usr/sbin", "ZTS_LIBEXEC": "/usr/lib/zts"})
            process.wait_ready()
            return process

        platform.Process.start = start
        self.addCleanup(setattr, platform.Process, "start", process_start)
        self.addCleanup(setattr, platform, "binary", real)
        zts.start_controller()
        zts.start_worker()
        platform.binary = real
        zts.wait_connected()
        zts.deploy("hello", 'export default () => new Response("from the image");')
        self.assertEqual(wire.fetch(zts.http, "/hello").text, "from the image")


if __name__ == "__main__":
    unittest.main()
