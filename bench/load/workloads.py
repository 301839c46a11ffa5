"""What is asked for and what must come back. bench/functions answers it here, bench/peers elsewhere; a response that differs by a byte is an error."""
import hashlib
import json


def letters(count):
    alphabet = b"abcdefghijklmnopqrstuvwxyz"
    return (alphabet * (count // 26 + 1))[:count]


class Workload:
    def __init__(self, name, means, expect, method="GET", body=b""):
        self.name, self.means, self.method, self.body, self.expect = name, means, method, body, expect

    @property
    def path(self):
        return "/" + self.name

    def checksum(self):
        return hashlib.sha256(self.expect).hexdigest()


def _api_answer():
    items = [{"id": n, "name": f"item {n}", "price": n * 1.25 if n % 4 else n * 5 // 4, "tags": ["a", "b"]} for n in range(1, 6)]
    return json.dumps({"path": "/api", "accept": None, "items": items}, separators=(",", ":")).encode()


WORKLOADS = {w.name: w for w in [
    Workload("hello", "13 bytes of plain text", b"Hello, world!"),
    Workload("json", "an object serialized for each request", b'{"message":"Hello, World!"}'),
    Workload("api", "reads URL and header, serializes five objects", _api_answer()),
    Workload("body1k", "1 KiB from memory", letters(1024)),
    Workload("body64k", "64 KiB from memory", letters(65536)),
    Workload("echo", "POST of 1 KiB, read whole and sent back", letters(1024), "POST", letters(1024)),
    Workload("stream", "16 pieces of 1 KiB as they are made", letters(1024) * 16),
]}


class Scenario:
    """A workload under a load. rate 0: a closed loop; else an open one of that many requests a second. tool: what makes the load."""

    def __init__(self, workload, connections, depth=1, rate=0, tool="loadgen"):
        self.workload, self.connections, self.depth, self.rate, self.tool = WORKLOADS[workload], connections, depth, rate, tool
        self.name = (f"{workload}, {connections} connections" + (f", {depth} deep" if depth > 1 else "") +
                     (f", open loop of {rate:,}/s" if rate else "") + (f" ({tool})" if tool != "loadgen" else ""))


SCENARIOS = [
    Scenario("hello", 64), Scenario("hello", 256), Scenario("hello", 256, tool="wrk"), Scenario("hello", 64, depth=16),
    Scenario("json", 64), Scenario("json", 256),
    Scenario("api", 64), Scenario("api", 64, depth=16),
    Scenario("body1k", 64), Scenario("body64k", 64), Scenario("echo", 64), Scenario("stream", 64),
    Scenario("hello", 64, rate=2_000), Scenario("hello", 64, rate=20_000), Scenario("api", 64, rate=5_000),
]
