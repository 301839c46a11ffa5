"""Peers that mean harm at the controller's port: refused and told why, with nothing lost, its memory bounded, and everybody else served."""

import hashlib
import json
import os
import random
import threading
import unittest

import case
from harness import platform, proc, rawgrpc, wire
from harness.metrics import Metrics
from harness.rawgrpc import field, message
from harness.wait import wait_until

DEPLOY = "/zts.v1.Deploy/DeployFunction"
STREAM = "/zts.v1.Sync/Stream"
LIST = "/zts.v1.Deploy/ListFunctions"
FETCH = "/zts.v1.Sync/FetchBlob"
GARBAGE_BYTES = 1 << 30
# What gRPC may hold of what arrives (kRpcMemoryBytesMax), and what the allocator keeps beside it.
GROWTH_MAX = 320 << 20
SEED = int(os.environ.get("ZTS_E2E_SEED", str(random.randrange(1 << 30))))


def answering(text):
    return f'export default {{ fetch() {{ return new Response("{text}"); }} }};\n'


def start_of(name, size, digest="0" * 64):
    """DeployRequest.start"""
    return message(field(1, field(1, name) + field(2, "x.js") + field(4, size) + field(5, digest)))


def chunk_of(data):
    return message(field(2, data))


def hello_of(name, store="", version=0):
    """WorkerMessage.hello"""
    return message(field(1, field(1, name) + field(2, "127.0.0.1:1") + field(3, 1) + (field(6, store) + field(7, version) if store else b"")))


def fill(address, token, connections=16, each=64 << 20):
    """Connections with a good token, each with a deploy's message of four announced gibibytes, as far as it is taken, held open."""
    host, port = address.rsplit(":", 1)
    held = []
    piece = b"x" * (1 << 20)
    for _ in range(connections):
        connection = rawgrpc.Connection((host, int(port)), timeout=2)
        held.append(connection)
        try:
            connection.start()
            connection.call(DEPLOY, token)
            connection.send(b"\0\xff\xff\xff\xff")
            while not connection.ended and connection.sent < each:
                connection.send(piece)
        except (rawgrpc.Gone, OSError):
            pass  # refused, or nothing more is taken
    return held


class WorkersOwnAddress(unittest.TestCase):
    """--worker-listen: whoever fills what the controller keeps for deploys does not reach workers."""

    def setUp(self):
        self.zts = platform.Platform()
        self.zts.controller_options = ["--worker-listen", "127.0.0.1:0"]
        self.addCleanup(self.zts.stop)
        self.zts.start()

    def metric(self, name):
        return Metrics(wire.fetch(self.zts.admin, "/metrics", host="admin").text).total(name)

    def test_a_token_holder_does_not_reach_a_workers_stream(self):
        self.zts.deploy("kept", answering("kept"))
        self.assertNotEqual(self.zts.sync_address, self.zts.controller_address)
        connects = self.metric("zts_controller_connects_total")
        held = fill(self.zts.controller_address, self.zts.token)
        self.assertGreater(sum(connection.sent for connection in held), 200 << 20)
        # A worker comes in and is given everything, while all of it is held.
        late = self.zts.add_worker("late")
        host, port = late.ready["http"].rsplit(":", 1)
        wait_until(lambda: wire.fetch((host, int(port)), "/kept").text == "kept", "the catalog to be there")
        for connection in held:
            connection.close()
        self.assertEqual(self.metric("zts_controller_connected"), 1)
        self.assertEqual(self.metric("zts_controller_connects_total"), connects, "the worker lost its stream")
        self.zts.deploy("kept", answering("again"))
        response = wire.fetch((host, int(port)), "/kept")
        self.assertEqual((response.status, response.text), (200, "again"))

    def test_it_takes_workers_alone(self):
        self.zts.ctl_environment = {"ZTS_CONTROLLER": self.zts.sync_address}
        self.assertNotEqual(self.zts.ctl("list").code, 0)


class HostileController(case.PlatformCase):
    @classmethod
    def prepare(cls):
        cls.zts.deploy("kept", answering("kept"))

    def setUp(self):
        self.before = self.resident()

    def tearDown(self):
        """Whatever was tried: it lives, is no larger, has lost nothing, and takes deploys."""
        self.assertTrue(self.zts.controller.running(), self.zts.controller.log_tail())
        grown = self.resident() - self.before
        self.assertLess(grown, GROWTH_MAX, f"the controller grew by {grown >> 20} MiB")
        # Where the memory of all connections is used up, gRPC may have closed the worker's stream too: it serves on and comes back.
        self.zts.wait_connected()
        self.assertEqual([w["name"] for w in self.zts.ctl("workers", "--json").json["workers"]], ["worker"])
        self.assertAnswer(self.fetch("/kept"), 200, "kept")
        text = f"after {self._testMethodName}"
        self.zts.deploy("next", answering(text))
        self.assertAnswer(self.fetch("/next"), 200, text)
        names = {f["name"] for f in self.zts.ctl("list", "--json").json["functions"]}
        self.assertEqual(names - {"kept", "next"}, set(), "something was taken that should not have been")

    def resident(self):
        return proc.rss_bytes(self.zts.controller.pid)

    def worker_metric(self, name):
        return Metrics(wire.fetch(self.zts.admin, "/metrics", host="admin").text).total(name)

    def open(self):
        host, port = self.zts.controller_address.rsplit(":", 1)
        connection = rawgrpc.Connection((host, int(port)))
        self.addCleanup(connection.close)
        return connection

    def start(self):
        return self.open().start()

    def logged(self, text):
        wait_until(lambda: text in self.zts.controller.log_tail(200), f"'{text}' in the controller's log")

    def test_a_gigabyte_of_garbage(self):
        rng = random.Random(SEED)
        block = rng.randbytes(1 << 20)
        offered, connections = 0, 0
        while offered < GARBAGE_BYTES:
            connection = self.open()
            connections += 1
            kind = connections % 3
            try:
                if kind == 1:
                    # Well begun: what follows are frames of any kind and any length.
                    connection.start()
                elif kind == 2:
                    # A frame that is known and larger than any may be.
                    connection.start()
                    connection.raw(b"\xff\xff\xff" + bytes([rawgrpc.DATA, 0]) + b"\0\0\0\x01")
                # Until it is refused.
                for _ in range(64):
                    offered += len(block)
                    connection.raw(block)
            except (rawgrpc.Gone, OSError):
                pass
            connection.close()
        print(f"[{connections} connections, seed {SEED}]", end=" ", flush=True)

    def test_strangers_do_not_close_a_workers_stream(self):
        """A hundred connections without a token, each with a message of four announced gibibytes for as long as it is taken."""
        connects = self.worker_metric("zts_controller_connects_total")
        paths = [LIST, FETCH, STREAM, DEPLOY, "/zts.v1.Tenancy/SetSecret"]
        offered, taken_whole = [], []

        def flood(index):
            connection = self.open()
            connection.socket.settimeout(30)
            piece = b"x" * (1 << 18)
            try:
                connection.start()
                while connection.sent < GARBAGE_BYTES // 100:
                    connection.call(paths[index % len(paths)], token=("wrong" if index % 2 else None))
                    connection.send(b"\0\xff\xff\xff\xff")
                    taken = 0
                    while not connection.ended and taken < GARBAGE_BYTES // 100:
                        connection.send(piece)
                        taken += len(piece)
                    # What was under way when it was refused: the refusal is there.
                    connection.finish()
            except TimeoutError:
                taken_whole.append(paths[index % len(paths)])
            except (rawgrpc.Gone, OSError):
                pass
            offered.append(connection.sent)

        flooders = [threading.Thread(target=flood, args=(index,)) for index in range(100)]
        for flooder in flooders:
            flooder.start()
        for flooder in flooders:
            flooder.join()
        self.assertEqual(taken_whole, [], "messages of strangers were taken in")
        self.assertEqual(self.worker_metric("zts_controller_connected"), 1)
        self.assertEqual(self.worker_metric("zts_controller_connects_total"), connects, "the worker lost its stream")
        events = [json.loads(line) for line in self.zts.ctl("audit", "--json").out.splitlines()]
        self.assertTrue([event for event in events if event["actor"] == "nobody" and event["from"].startswith("ipv4:127.0.0.1")], events[-3:])
        print(f"[{sum(offered) >> 20} MiB offered]", end=" ", flush=True)

    def test_headers_without_end(self):
        connection = self.start()
        with self.assertRaises((rawgrpc.Gone, OSError)):
            connection.frame(rawgrpc.HEADERS, 0, 1, rawgrpc.header(":method", "POST"))
            filler = rawgrpc.header("x-filler", "f" * 16000)
            for _ in range(4096):
                connection.frame(rawgrpc.CONTINUATION, 0, 1, filler)
            connection.finish()

    def test_a_message_larger_than_any(self):
        connection = self.start()
        connection.call(DEPLOY, self.zts.token)
        # Four gibibytes are announced, and come. gRPC looks at a length when all is there; its memory is what ends the stream.
        connection.send(b"\0\xff\xff\xff\xff")
        piece = b"x" * (1 << 20)
        try:
            while not connection.ended and connection.sent < 1 << 30:
                connection.send(piece)
        except (rawgrpc.Gone, OSError):
            return
        self.assertTrue(connection.ended, "a gibibyte was taken in one message")

    def test_half_an_upload(self):
        for _ in range(20):
            connection = self.start()
            connection.call(DEPLOY, self.zts.token)
            connection.send(start_of("half", 1 << 20) + chunk_of(b"y" * (512 << 10)))
            connection.close()
        self.logged("the upload ended after")

    def test_half_a_message(self):
        connection = self.start()
        connection.call(DEPLOY, self.zts.token)
        connection.send(start_of("half", 1 << 20) + chunk_of(b"z" * 1000)[:500], end=True)
        try:
            self.assertNotIn(b"live", connection.finish())
        except rawgrpc.Gone:
            pass

    def test_more_than_was_announced(self):
        connection = self.start()
        connection.call(DEPLOY, self.zts.token)
        connection.send(start_of("more", 1000) + chunk_of(b"z" * 900) + chunk_of(b"z" * 900))
        self.assertIn(b"more than the announced 1000 bytes", connection.finish())
        self.logged("more than the announced")

    def test_an_oversized_upload_does_not_travel(self):
        connection = self.start()
        connection.call(DEPLOY, self.zts.token)
        connection.send(start_of("large", 1 << 30))
        answer = connection.finish()
        self.assertIn(b"at most 10485760 are allowed", answer)
        self.assertLess(connection.sent, 1 << 12)

    def test_other_bytes_than_were_announced(self):
        body = answering("forged").encode()
        connection = self.start()
        connection.call(DEPLOY, self.zts.token)
        connection.send(start_of("forged", len(body), hashlib.sha256(b"another").hexdigest()) + chunk_of(body), end=True)
        self.assertIn(b"does not have the SHA-256", connection.finish())

    def test_a_stream_that_is_none(self):
        for first in (message(b""), message(field(2, field(1, 7))), message(os.urandom(200)), hello_of("two\nlines"), hello_of("n" * 4096)):
            connection = self.start()
            connection.call(STREAM, self.zts.token)
            connection.send(first)
            try:
                connection.finish()
            except rawgrpc.Gone:
                pass

    def test_a_foreign_worker(self):
        """Of another store, and ahead of everything there is: it gets the whole catalog, and moves nothing."""
        connection = self.start()
        connection.call(STREAM, self.zts.token)
        connection.send(hello_of("stranger", "another-store", 1 << 60))
        wait_until(lambda: connection.read_frame() and b"kept" in connection.received, "the whole catalog")
        # It says of a catalog that nobody asked about that it serves it.
        connection.send(message(field(2, field(1, 1 << 60) + field(2, 1) + field(3, 2))))
        self.logged("answers what it was not asked")
        connection.close()
        wait_until(lambda: len(self.zts.ctl("workers", "--json").json["workers"]) == 1, "the stranger to be gone")

    def test_a_replayed_stream(self):
        """What a worker said once is said again under its name: the answers fit nothing, and the worker takes its place back."""
        replay = hello_of("worker") + b"".join(message(field(2, field(1, version) + field(2, version) + field(3, state)))
                                               for version in range(1, 20) for state in (1, 2))
        for _ in range(3):
            connection = self.start()
            connection.call(STREAM, self.zts.token)
            connection.send(replay)
            self.logged("connected again")
            connection.close()
        self.zts.wait_connected()

    def test_nothing_without_a_token(self):
        for path, body in ((DEPLOY, start_of("free", 10)), (STREAM, hello_of("free")), (FETCH, message(field(1, "0" * 64)))):
            connection = self.start()
            connection.call(path)
            connection.send(body)
            self.assertNotIn(b"kept", connection.finish())
