"""What clients see on the public port, on both ways of doing I/O."""

import json
import os
import socket
import time

import case
from harness import wire

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples")

ECHO = """
export default {
  async fetch(request) {
    const body = await request.text();
    return Response.json({ method: request.method, url: request.url, body, length: body.length,
                           type: request.headers.get("content-type"), custom: request.headers.get("x-custom") });
  },
};
"""

# Answers with its query; odd numbers at once, even ones after a timer or a promise.
MIXED = """
export default {
  fetch(request) {
    const number = Number(new URL(request.url).searchParams.get("n"));
    const answer = () => new Response("answer " + number);
    if (number % 4 === 0) return new Promise((done) => setTimeout(() => done(answer()), 20 - number));
    if (number % 2 === 0) return Promise.resolve().then(answer);
    return answer();
  },
};
"""

RESPONSES = """
export default {
  fetch(request) {
    const kind = new URL(request.url).searchParams.get("kind");
    if (kind === "empty") return new Response(null, { status: 204 });
    if (kind === "not-modified") return new Response(null, { status: 304 });
    if (kind === "teapot") return new Response("short", { status: 418, headers: { "x-a": "1", "content-type": "text/x" } });
    if (kind === "cookies") {
      const headers = new Headers();
      headers.append("set-cookie", "a=1");
      headers.append("set-cookie", "b=2");
      return new Response("c", { headers });
    }
    if (kind === "bytes") return new Response(new Uint8Array([0, 255, 10, 13]));
    if (kind === "utf8") return new Response("gr\\u00fc\\u00df \\u{1f600}");
    if (kind === "large") return new Response("x".repeat(5_000_000));
    return new Response("plain");
  },
};
"""


def read_example(name):
    with open(os.path.join(EXAMPLES, name), encoding="utf-8") as file:
        return file.read()


@case.both_ios
class Http:
    @classmethod
    def prepare(cls):
        zts = cls.zts
        zts.deploy("hello", read_example("hello.js"), "--route", "shop.example.com/greet")
        zts.deploy("echo", ECHO)
        zts.deploy("mixed", MIXED)
        zts.deploy("who", "export default (request, env, ctx) => Response.json(ctx.remoteAddr);")
        zts.deploy("sink", "export default async (request) => { for await (const piece of request.body); return new Response('all'); };")
        zts.deploy("responses", RESPONSES)
        zts.deploy("json", read_example("json.js"), "--env", "REGION=eu")

    # --- where functions answer ---

    def test_by_path(self):
        self.assertAnswer(self.fetch("/hello"), 200, "Hello from zts\n")
        self.assertAnswer(self.fetch("/hello?name=Ada"), 200, "Hello from zts, Ada\n")
        self.assertAnswer(self.fetch("/hello/below"), 200)

    def test_by_host(self):
        port = self.zts.http[1]
        for host in ("hello.localhost", f"hello.localhost:{port}", "HELLO.LocalHost"):
            self.assertAnswer(self.fetch("/anything", host=host), 200, "Hello from zts\n")

    def test_by_route(self):
        self.assertAnswer(self.fetch("/greet", host="shop.example.com"), 200, "Hello from zts\n")
        self.assertAnswer(self.fetch("/greet/x", host="shop.example.com"), 200)
        self.assertAnswer(self.fetch("/greet", host="other.example.com"), 404)
        self.assertAnswer(self.fetch("/greeting", host="shop.example.com"), 404)

    def test_unknown_is_404_with_a_hint_and_keeps_the_connection(self):
        connection = self.connect()
        response = connection.request("GET", "/nobody")
        self.assertAnswer(response, 404)
        self.assertEqual(response.error, "unknown-route")
        self.assertIn("ztsctl", response.text)
        self.assertAnswer(connection.request("GET", "/hello"), 200)

    def test_functions_know_who_asks(self):
        ends = []
        for connection in (self.connect(), self.connect()):
            for _ in range(2):
                self.assertEqual(json.loads(connection.request("GET", "/who").text),
                                 {"transport": "tcp", "hostname": "127.0.0.1", "port": connection.socket.getsockname()[1]})
            ends.append(connection.socket.getsockname()[1])
        self.assertNotEqual(ends[0], ends[1])

    def test_environment_is_the_functions(self):
        answer = json.loads(self.fetch("/json?a=1").text)
        self.assertEqual(answer["region"], "eu")
        self.assertEqual(answer["query"], {"a": "1"})

    # --- responses ---

    def test_head_has_the_length_and_no_body(self):
        connection = self.connect()
        response = connection.request("HEAD", "/hello")
        self.assertAnswer(response, 200)
        self.assertEqual(response.header("content-length"), str(len("Hello from zts\n")))
        self.assertAnswer(connection.request("GET", "/hello"), 200, "Hello from zts\n")
        self.assertAnswer(connection.request("HEAD", "/nobody"), 404)
        self.assertAnswer(connection.request("GET", "/hello"), 200)

    def test_status_headers_and_bodies(self):
        connection = self.connect()
        response = connection.request("GET", "/responses?kind=teapot")
        self.assertAnswer(response, 418, "short")
        self.assertEqual(response.header("x-a"), "1")
        self.assertEqual(response.header("content-type"), "text/x")
        self.assertIsNotNone(response.header("date"))
        self.assertAnswer(connection.request("GET", "/responses?kind=empty"), 204)
        self.assertAnswer(connection.request("GET", "/responses?kind=not-modified"), 304)
        cookies = connection.request("GET", "/responses?kind=cookies")
        self.assertEqual([value for name, value in cookies.headers if name == "set-cookie"], ["a=1", "b=2"])
        self.assertEqual(connection.request("GET", "/responses?kind=bytes").body, b"\x00\xff\x0a\x0d")
        self.assertAnswer(connection.request("GET", "/responses?kind=utf8"), 200, "gr\u00fc\u00df \U0001f600")

    def test_large_bodies_reach_slow_readers(self):
        connection = self.connect()
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        self.assertEqual(len(connection.request("GET", "/responses?kind=large").body), 5_000_000)
        self.assertAnswer(connection.request("GET", "/responses"), 200, "plain")

    # --- connections ---

    def test_keep_alive(self):
        connection = self.connect()
        for _ in range(200):
            self.assertAnswer(connection.request("GET", "/hello"), 200, "Hello from zts\n")

    def test_connection_close_is_honoured(self):
        connection = self.connect()
        response = connection.request("GET", "/hello", [("Connection", "close")])
        self.assertAnswer(response, 200)
        self.assertEqual(response.header("connection"), "close")
        self.assertTrue(connection.is_closed())

    def test_http_1_0_closes_unless_asked(self):
        connection = self.connect()
        connection.send("GET /hello HTTP/1.0\r\n\r\n")
        self.assertAnswer(connection.read_response(), 200, "Hello from zts\n")
        self.assertTrue(connection.is_closed())
        connection = self.connect()
        connection.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        response = connection.read_response()
        self.assertEqual((response.header("connection") or "").lower(), "keep-alive")
        self.assertAnswer(connection.request("GET", "/hello"), 200)

    def test_pipelined_answers_come_in_order(self):
        connection = self.connect()
        for round_ in range(5):
            connection.send(b"".join(wire.format_request("GET", f"/mixed?n={n}") for n in range(16)))
            for n in range(16):
                self.assertAnswer(connection.read_response(), 200, f"answer {n}")

    def test_pipelined_mixture_of_functions_errors_and_heads(self):
        connection = self.connect()
        connection.send(wire.format_request("GET", "/mixed?n=4") + wire.format_request("HEAD", "/hello") +
                        wire.format_request("GET", "/nobody") + wire.format_request("POST", "/echo", body="abc") +
                        wire.format_request("GET", "/hello"))
        self.assertAnswer(connection.read_response(), 200, "answer 4")
        self.assertAnswer(connection.read_response(head_only=True), 200)
        self.assertAnswer(connection.read_response(), 404)
        self.assertEqual(json.loads(connection.read_response().text)["body"], "abc")
        self.assertAnswer(connection.read_response(), 200, "Hello from zts\n")

    def test_half_closed_client_gets_its_answers(self):
        connection = self.connect()
        connection.send(wire.format_request("GET", "/mixed?n=8") + wire.format_request("GET", "/hello"))
        connection.socket.shutdown(socket.SHUT_WR)
        self.assertAnswer(connection.read_response(), 200, "answer 8")
        self.assertAnswer(connection.read_response(), 200)
        self.assertTrue(connection.is_closed())

    def test_requests_in_pieces(self):
        connection = self.connect()
        for byte in wire.format_request("POST", "/echo", [("X-Custom", "c")], body="in pieces"):
            connection.send(bytes([byte]))
        answer = json.loads(connection.read_response().text)
        self.assertEqual((answer["body"], answer["custom"]), ("in pieces", "c"))

    # --- request bodies ---

    def test_body_with_length(self):
        body = "\u00fc" * 100_000
        response = self.fetch("/echo", method="POST", body=body)
        self.assertEqual(json.loads(response.text)["length"], 100_000)

    def test_chunked_body(self):
        connection = self.connect()
        connection.send("POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "5\r\nhello\r\n1;ext=1\r\n \r\n6\r\nchunks\r\n0\r\nX-Trailer: t\r\n\r\n")
        self.assertEqual(json.loads(connection.read_response().text)["body"], "hello chunks")
        self.assertAnswer(connection.request("GET", "/hello"), 200)

    def test_expect_continue(self):
        connection = self.connect()
        connection.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        self.assertEqual(connection.read_response().status, 100)
        connection.send("body")
        self.assertEqual(json.loads(connection.read_response().text)["body"], "body")

    def test_too_large_body_is_413(self):
        connection = self.connect()
        connection.send(f"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: {257 << 20}\r\n\r\n")
        response = connection.read_response()
        self.assertAnswer(response, 413)
        self.assertEqual(response.error, "body-too-large")

    def test_too_large_chunked_body_is_413(self):
        connection = self.connect()
        # The function reads all it gets and keeps nothing, so that no other limit comes first.
        connection.send("POST /sink HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"100000\r\n" + b"x" * (1 << 20) + b"\r\n"
        try:
            for _ in range(258):
                connection.send(chunk)
        except OSError:
            pass  # the server need not read what it has refused
        self.assertAnswer(connection.read_response(), 413)

    # --- bad input ---

    MALFORMED = [
        ("no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        ("no version", b"GET /hello\r\n\r\n", (400, 505)),
        ("lower-case version", b"GET /hello http/1.1\r\nHost: t\r\n\r\n", 400),
        ("HTTP/2.0", b"GET /hello HTTP/2.0\r\nHost: t\r\n\r\n", 505),
        ("two blanks", b"GET  /hello HTTP/1.1\r\nHost: t\r\n\r\n", 400),
        ("no host", b"GET /hello HTTP/1.1\r\n\r\n", 400),
        ("two hosts", b"GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("bad host", b"GET /hello HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        ("blank before colon", b"GET /hello HTTP/1.1\r\nHost : t\r\n\r\n", 400),
        ("folded line", b"GET /hello HTTP/1.1\r\nHost: t\r\nX: a\r\n b\r\n\r\n", 400),
        ("bare CR", b"GET /hello HTTP/1.1\r\nHost: t\r\nX: a\rb\r\n\r\n", 400),
        ("NUL in value", b"GET /hello HTTP/1.1\r\nHost: t\r\nX: a\0b\r\n\r\n", 400),
        ("empty name", b"GET /hello HTTP/1.1\r\nHost: t\r\n: v\r\n\r\n", 400),
        ("negative length", b"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: -1\r\n\r\n", 400),
        ("length with a sign", b"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: +1\r\n\r\nx", 400),
        ("two lengths", b"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400),
        ("length and chunked", b"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("chunked twice", b"POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
        ("chunk size no number", b"POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        ("unknown coding", b"POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: gzip\r\n\r\n", (400, 501)),
        ("unknown expectation", b"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nExpect: tea\r\n\r\n", 417),
        ("long target", b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: t\r\n\r\n", 414),
        ("many fields", b"GET /hello HTTP/1.1\r\nHost: t\r\n" + b"A: b\r\n" * 120 + b"\r\n", 431),
        ("long field", b"GET /hello HTTP/1.1\r\nHost: t\r\nA: " + b"b" * 40000 + b"\r\n\r\n", 431),
    ]

    def test_malformed_requests_get_their_status_and_a_close(self):
        for name, data, wanted in self.MALFORMED:
            with self.subTest(name):
                connection = self.connect()
                try:
                    connection.send(data)
                except OSError:
                    pass  # refused before all was sent
                response = connection.read_response()
                self.assertIn(response.status, wanted if isinstance(wanted, tuple) else (wanted,), response)
                self.assertIsNotNone(response.error)
                self.assertEqual(response.header("connection"), "close")
                self.assertTrue(connection.is_closed())
        self.assertAnswer(self.fetch("/hello"), 200)

    def test_nothing_is_answered_behind_a_malformed_request(self):
        connection = self.connect()
        connection.send(wire.format_request("GET", "/hello") + b"GET BAD HTTP/1.1\r\n\r\n" + wire.format_request("GET", "/hello"))
        self.assertAnswer(connection.read_response(), 200)
        self.assertAnswer(connection.read_response(), 400)
        self.assertTrue(connection.is_closed())

    def test_clients_that_go_away_harm_nobody(self):
        for n in range(50):
            connection = self.connect()
            connection.send(wire.format_request("GET", f"/mixed?n={n % 16}")[:n + 5])
            if n % 2:
                connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            connection.close()
        self.assertAnswer(self.fetch("/hello"), 200)

    def test_every_response_has_a_request_id(self):
        seen = {self.fetch("/hello").header("x-zts-request-id") for _ in range(5)}
        self.assertNotIn(None, seen)
        self.assertEqual(len(seen), 5)

    def test_a_connection_is_answered_at_once(self):
        # Not a benchmark: a delayed ACK or a lost wake-up would show as 40 ms and more for each, a busy machine for some.
        connection = self.connect()
        took = []
        for _ in range(100):
            begun = time.monotonic()
            connection.request("GET", "/hello")
            took.append(time.monotonic() - begun)
        self.assertLess(sorted(took)[10], 0.03, took)
