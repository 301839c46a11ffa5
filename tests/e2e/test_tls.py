"""TLS between everybody and the controller: certificates of workers, renewal without a restart, plain text refused."""

import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import unittest

from harness import platform, wire
from harness.wait import wait_until


def answering(text):
    return f'export default {{ fetch() {{ return new Response("{text}"); }} }};\n'


class Authority:
    """A certificate authority of the test's own."""

    def __init__(self, folder, name):
        self.folder = folder
        self.cert = os.path.join(folder, name + ".ca.pem")
        self.key = os.path.join(folder, name + ".ca.key")
        self.run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=" + name,
                 "-keyout", self.key, "-out", self.cert)

    def run(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)

    def issue(self, name, path):
        """Writes path.pem and path.key, each in one step."""
        request = path + ".csr"
        self.run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name, "-keyout", path + ".key.new",
                 "-out", request)
        with open(path + ".ext", "w", encoding="utf-8") as file:
            file.write("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        self.run("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key, "-CAcreateserial", "-days", "2", "-extfile", path + ".ext",
                 "-out", path + ".pem.new")
        os.replace(path + ".key.new", path + ".key")
        os.replace(path + ".pem.new", path + ".pem")


class Tls(unittest.TestCase):
    def setUp(self):
        self.keys = tempfile.mkdtemp(prefix="zts_tls_")
        self.addCleanup(shutil.rmtree, self.keys, ignore_errors=True)
        self.authority = Authority(self.keys, "authority")
        self.zts = platform.Platform()
        self.addCleanup(self.zts.stop)
        self.authority.issue("controller", os.path.join(self.keys, "controller"))
        for name in ("worker", "second"):
            self.authority.issue(name, os.path.join(self.keys, name))
        self.zts.controller_options = ["--tls-cert", self.path("controller.pem"), "--tls-key", self.path("controller.key"),
                                       "--tls-ca", self.authority.cert]
        self.zts.worker_options = ["--tls-ca", self.authority.cert, "--tls-cert", self.path("worker.pem"), "--tls-key", self.path("worker.key")]
        self.zts.ctl_environment = {"ZTS_CA": self.authority.cert}

    def path(self, name):
        return os.path.join(self.keys, name)

    def served_serial(self):
        host, port = self.zts.controller_address.rsplit(":", 1)
        context = ssl.create_default_context(cafile=self.authority.cert)
        context.set_alpn_protocols(["h2"])
        with socket.create_connection((host, int(port)), timeout=10) as plain, context.wrap_socket(plain, server_hostname=host) as secure:
            return secure.getpeercert()["serialNumber"]

    def test_deploys_over_tls_with_a_worker_that_shows_its_certificate(self):
        self.zts.start()
        self.zts.deploy("secure", answering("secure"))
        self.assertEqual(wire.fetch(self.zts.http, "/secure").text, "secure")

    def test_who_does_not_trust_it_does_not_speak_to_it(self):
        self.zts.start()
        self.zts.ctl_environment = {"ZTS_CA": Authority(self.keys, "stranger").cert}
        self.assertEqual(self.zts.ctl("list").code, 4)
        self.zts.ctl_environment = {}
        self.assertEqual(self.zts.ctl("list").code, 4, "plain text to a port that speaks TLS")

    def test_a_worker_is_who_its_certificate_says(self):
        self.zts.start()
        # It has the token, and the certificate of another worker.
        impostor = self.zts.make_worker("second")
        self.zts._extra.append(impostor)
        impostor.start()
        wait_until(lambda: "the certificate is for worker 'worker'" in impostor.log_tail(), "the impostor to be refused")
        names = [worker["name"] for worker in self.zts.ctl("workers", "--json").json["workers"]]
        self.assertEqual(names, ["worker"])

    def test_a_worker_without_a_certificate_is_refused(self):
        self.zts.start()
        self.zts.worker_options = ["--tls-ca", self.authority.cert]
        bare = self.zts.make_worker("second")
        self.zts._extra.append(bare)
        bare.start()
        wait_until(lambda: "need a certificate" in bare.log_tail(), "the worker without a certificate to be refused")

    def test_a_renewed_certificate_is_taken_up_without_a_restart(self):
        self.zts.start()
        self.zts.deploy("before", answering("before"))
        first = self.served_serial()
        self.authority.issue("controller", self.path("controller"))
        wait_until(lambda: self.served_serial() != first, "the renewed certificate to be shown", 30)
        self.zts.deploy("after", answering("after"))
        self.assertEqual(wire.fetch(self.zts.http, "/after").text, "after")

    def test_plain_text_where_others_can_reach_it_must_be_said(self):
        self.zts.controller_options = []
        self.zts.controller_address = "0.0.0.0:0"
        controller = self.zts.start_controller(wait=False)
        self.assertEqual(controller.popen.wait(60), 2)
        self.assertIn("--insecure", controller.log_tail())
        self.zts.controller_options = ["--insecure"]
        self.zts.start_controller()
        self.assertIn("without encryption", self.zts.controller.log_tail())

    def test_files_that_cannot_be_used_are_named(self):
        for options, said in ((["--tls-cert", self.path("controller.pem")], "--tls-key"),
                              (["--tls-cert", self.path("none.pem"), "--tls-key", self.path("controller.key")], "none.pem"),
                              (["--tls-cert", self.path("controller.ext"), "--tls-key", self.path("controller.key")], "no PEM file")):
            self.zts.controller_options = options
            controller = self.zts.start_controller(wait=False)
            self.assertNotEqual(controller.popen.wait(60), 0)
            self.assertIn(said, controller.log_tail())
