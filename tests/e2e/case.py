"""What the cases share: a platform a class, and the same cases on both ways of doing I/O."""

import sys
import unittest

from harness import platform, wire


class PlatformCase(unittest.TestCase):
    """One controller and one worker for the class."""

    io = "auto"
    threads = 2

    @classmethod
    def worker_flags(cls):
        """Further arguments of the worker."""
        return []

    @classmethod
    def setUpClass(cls):
        if cls.io == "uring" and platform.uring_refusal():
            raise unittest.SkipTest(platform.uring_refusal())
        cls.zts = platform.Platform(cls.io, cls.threads, cls.worker_flags()).start()
        cls.addClassCleanup(cls.zts.stop)
        cls.prepare()

    @classmethod
    def prepare(cls):
        """Deploys what the class's cases ask."""

    def fetch(self, target, **options):
        return wire.fetch(self.zts.http, target, **options)

    def connect(self, timeout=wire.TIMEOUT):
        connection = wire.Connection(self.zts.http, timeout)
        self.addCleanup(connection.close)
        return connection

    def assertAnswer(self, response, status, text=None):
        self.assertEqual(response.status, status, response)
        if text is not None:
            self.assertEqual(response.text, text)


def both_ios(cases):
    """Class decorator: makes NAMEUring and NAMEEpoll from a class of cases that is no TestCase itself."""
    module = sys.modules[cases.__module__]
    for io in ("uring", "epoll"):
        name = cases.__name__ + io.capitalize()
        setattr(module, name, type(name, (cases, PlatformCase), {"io": io, "__module__": cases.__module__}))
    return cases
