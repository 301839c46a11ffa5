"""One cycle of the soak's traffic, always the same number of everything: answers, echoes, streams, failures, aborts, deploys."""
import os
import socket
import struct
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "load"))

import zts  # noqa: E402
from workloads import WORKLOADS, Workload  # noqa: E402

FUNCTIONS = os.path.join(zts.ROOT, "bench", "functions")
OWN = os.path.join(HERE, "functions")
# Requests a second in all while the generator runs; what a slow machine does not answer at once waits its turn.
RATE = 4_000
SHARES = {"hello": 0.6, "json": 0.1, "echo": 0.1, "body64k": 0.1, "stream": 0.1}
ALLOCATE = Workload("allocate", "garbage", b"200")
FAILURES = {"/fail?throw": 500, "/fail?reject": 500, "/nobody": 404, "/fail": 200}
TIMEOUT_SECONDS = 30
# worker/engine/limits.h: kStandbyIsolatesMax, and a few.
VERSIONS_KEPT = 36


def deploy_all(product):
    """All functions; and one of them in as many versions as are kept to go back to, each of which holds an isolate from then on."""
    for nth in range(VERSIONS_KEPT):
        replace_a_function(product, nth)
    for name in SHARES:
        product.deploy(os.path.join(FUNCTIONS, name + ".js"), name)
    for name in ("fail", "endless", "allocate"):
        product.deploy(os.path.join(OWN, name + ".js"), name)


def _connect(product):
    connection = socket.create_connection(("127.0.0.1", product.port), timeout=TIMEOUT_SECONDS)
    return connection


def _reset(connection):
    """Closes by RST: what was not read is gone."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def abort_in_every_phase(product):
    """Peers that go: before a request, in its head, in its body, before the response, in an endless response. 10 connections."""
    pieces = [b"", b"GET /hello HT", b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + b"x" * 1000,
              b"GET /allocate HTTP/1.1\r\nHost: a\r\n\r\n" * 8]
    for close in (socket.socket.close, _reset):
        for piece in pieces:
            connection = _connect(product)
            if piece:
                connection.sendall(piece)
            close(connection)
        connection = _connect(product)
        connection.sendall(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
        got = 0
        while got < 256 * 1024:
            more = connection.recv(65536)
            if not more:
                raise zts.Failed(f"the endless response ended after {got} bytes")
            got += len(more)
        close(connection)
    return 10


def fail_in_every_way(product):
    for path, wanted in FAILURES.items():
        status, body = zts.fetch(product.port, path)
        if status != wanted:
            raise zts.Failed(f"{path} is answered with {status}, not {wanted}: {body[:200]!r}")
    for _ in range(2):  # a stream that breaks: some bytes, and no proper end
        connection = _connect(product)
        connection.sendall(b"GET /fail?stream HTTP/1.1\r\nHost: a\r\n\r\n")
        while connection.recv(65536):
            pass
        connection.close()
    return len(FAILURES) + 2


def replace_a_function(product, nth):
    """A deploy of code that no cache has seen, asked at once."""
    with tempfile.TemporaryDirectory(prefix="zts-soak-") as folder:
        path = os.path.join(folder, "changing.js")
        with open(path, "w") as f:
            f.write(f'export default {{ fetch() {{ return new Response("version {nth}"); }} }};\n')
        product.deploy(path, "changing")
    status, body = zts.fetch(product.port, "/changing")
    if (status, body) != (200, f"version {nth}".encode()):
        raise zts.Failed(f"version {nth} is said to be live, but the answer is {status} {body[:100]!r}")
    return 1


def cycle(product, load, requests, nth):
    """All of it once; how many requests that were."""
    sent = 0
    for name, share in SHARES.items():
        wanted = max(1, round(requests * share))
        result = load.load(product.port, [WORKLOADS[name], ALLOCATE], 32, rate=RATE, seconds=wanted / RATE)
        if result["errors"]:
            raise zts.Failed(f"{result['errors']} of {wanted} requests to {name} went wrong: {result}")
        sent += result["requests"]
    sent += fail_in_every_way(product)
    sent += abort_in_every_phase(product)
    return sent + replace_a_function(product, VERSIONS_KEPT + nth)
