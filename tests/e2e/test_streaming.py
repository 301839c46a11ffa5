"""Bodies in pieces, both ways, through the real binaries and on both ways of doing I/O."""

import http.client
import json
import os
import threading

import case
from harness import proc, wire

# One function for all: what it does is its path's last word.
SOURCE = """
const encoder = new TextEncoder();
const seen = { cancelled: 0, aborted: 0 };
const later = (ms) => new Promise((go) => setTimeout(go, ms));

export default {
  async fetch(request) {
    const what = new URL(request.url).pathname.split("/").pop();
    if (what === "echo") return new Response(request.body);
    if (what === "length") return new Response(String((await request.bytes()).length));
    if (what === "early") return new Response("no", { status: 401 });
    if (what === "events") {
      let n = 0;
      return new Response(new ReadableStream({
        async pull(controller) {
          if (n === 3) return controller.close();
          if (n > 0) await later(20);
          controller.enqueue(encoder.encode(`data: ${n++}\\n\\n`));
        },
      }), { headers: { "content-type": "text/event-stream" } });
    }
    if (what === "endless") {
      request.signal.addEventListener("abort", () => seen.aborted++);
      return new Response(new ReadableStream({
        pull(controller) { controller.enqueue(new Uint8Array(65536)); },
        cancel() { seen.cancelled++; },
      }));
    }
    if (what === "fails") {
      let n = 0;
      return new Response(new ReadableStream({
        pull(controller) { if (n++ > 0) throw new Error("broken on purpose"); controller.enqueue(encoder.encode("some")); },
      }));
    }
    if (what === "seen") return Response.json(seen);
    return new Response("what?", { status: 404 });
  },
};
"""


@case.both_ios
class Streaming:
    threads = 1  # what one isolate has seen is all there is to see

    @classmethod
    def prepare(cls):
        cls.zts.deploy("s", SOURCE)

    def test_echo_of_64_megabytes(self):
        connection = http.client.HTTPConnection(*self.zts.http, timeout=60)
        self.addCleanup(connection.close)
        piece = os.urandom(1 << 20)
        pieces = 64
        connection.putrequest("POST", "/s/echo")
        connection.putheader("Content-Length", str(pieces << 20))
        connection.endheaders()
        writer = threading.Thread(target=lambda: [connection.send(piece) for _ in range(pieces)])
        writer.start()
        response = connection.getresponse()
        self.assertEqual(response.status, 200)
        self.assertEqual(response.getheader("transfer-encoding"), "chunked")
        for _ in range(pieces):
            self.assertTrue(response.read(len(piece)) == piece, "the echo differs")
        self.assertEqual(response.read(), b"")
        writer.join()
        self.assertAnswer(self.fetch("/s/early"), 401, "no")
        # What has passed through is not kept: windows, stashes and garbage, not the body.
        self.assertLess(max(proc.rss_bytes(pid) for pid in self.zts.engine_pids()), 400 << 20)

    def test_pieces_arrive_as_they_are_made(self):
        connection = self.connect()
        connection.send("POST /s/echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection._until(b"\r\n\r\n")
        for text in (b"one", b"three"):
            chunk = b"%x\r\n%s\r\n" % (len(text), text)
            connection.send(chunk)
            self.assertEqual(connection._exactly(len(chunk)), chunk)
        connection.send("0\r\nX-Trailer: dropped\r\n\r\n")
        self.assertEqual(connection._exactly(5), b"0\r\n\r\n")
        self.assertAnswer(connection.request("GET", "/s/early"), 401)

    def test_server_sent_events(self):
        response = self.fetch("/s/events")
        self.assertAnswer(response, 200, "data: 0\n\ndata: 1\n\ndata: 2\n\n")
        self.assertEqual(response.header("content-type"), "text/event-stream")

    def test_a_client_that_goes_is_seen(self):
        before = self.seen()
        connection = self.connect()
        connection.send("GET /s/endless HTTP/1.1\r\nHost: test\r\n\r\n")
        connection._exactly(1 << 20)  # and no byte more: the function is held up meanwhile
        connection.close()
        while self.seen() != {name: count + 1 for name, count in before.items()}:
            pass

    def test_a_stream_that_fails_has_no_end(self):
        connection = self.connect()
        connection.send("GET /s/fails HTTP/1.1\r\nHost: test\r\n\r\n")
        with self.assertRaises(wire.Closed):
            connection.read_response()

    def test_continue_is_said_when_the_body_is_wanted(self):
        connection = self.connect()
        connection.send("POST /s/length HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        self.assertEqual(connection.read_response().status, 100)
        connection.send("body")
        self.assertAnswer(connection.read_response(), 200, "4")
        connection.send("POST /s/early HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        response = connection.read_response()
        self.assertAnswer(response, 401)
        self.assertEqual(response.header("connection"), "close")
        connection = self.connect()
        connection.send("POST /s/length HTTP/1.1\r\nHost: test\r\nExpect: tea\r\nContent-Length: 4\r\n\r\n")
        self.assertAnswer(connection.read_response(), 417)

    def test_head_of_a_stream(self):
        connection = self.connect()
        self.assertEqual(connection.request("HEAD", "/s/endless").status, 200)
        self.assertAnswer(connection.request("GET", "/s/early"), 401)

    def seen(self):
        return json.loads(self.fetch("/s/seen").text)
