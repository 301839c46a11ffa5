"""WebSocket of functions, through zts-egress to a server of the test's own on loopback."""

import json
import os
import signal
import threading
import unittest

import case
from harness import metrics, upstream, web_socket, wire
from harness.wait import wait_until

# Opens what it is asked to, does what it is told when it is open, and tells what came until the end.
CALLER = """
export default { async fetch(request, env, ctx) {
  const { url, protocols, type = 'arraybuffer', send = [], fill = [], close, closeAfter, until, background, answer } = await request.json();
  const ws = new WebSocket(url, protocols);
  ws.binaryType = type;
  const log = [];
  let messages = 0;
  const text = async (data) => typeof data === 'string' ? data : data instanceof Blob ? `blob ${await data.text()}` : sum(new Uint8Array(data));
  const sum = (bytes) => { let a = 1; for (const b of bytes) a = (a * 31 + b) % 1000003; return `bytes ${bytes.length} ${a}`; };
  const ended = new Promise((resolve) => {
    ws.onopen = () => {
      log.push(`open ${ws.protocol}`);
      for (const item of send) ws.send(typeof item === 'string' ? item : Uint8Array.from(item));
      for (const size of fill) ws.send(new Uint8Array(size).map((_, i) => i % 251));
      if (close !== undefined) ws.close(...close);
    };
    ws.onmessage = async (event) => {
      const last = ++messages === closeAfter;
      log.push(until !== undefined ? messages : text(event.data));
      if (until !== undefined && messages === until) resolve();
      if (last) ws.close();
    };
    ws.onerror = (event) => log.push(`error ${event.error.code} ${event.message}`);
    ws.onclose = (event) => { log.push(`close ${event.code} ${event.reason} ${event.wasClean}`); resolve(); };
  });
  if (background) {
    ctx.waitUntil(ended.then(async () => console.log(`heard ${(await Promise.all(log)).join('; ')}`)));
    return new Response('answered');
  }
  if (answer) {
    await new Promise((resolve) => ws.addEventListener('message', resolve));
    return new Response('answered');
  }
  await ended;
  return Response.json(until === undefined ? await Promise.all(log) : { messages, buffered: ws.bufferedAmount });
} };
"""

# Sends much to a server that reads nothing yet, and tells how bufferedAmount falls once it does.
SENDER = """
export default { async fetch(request) {
  const { url, look, go, size } = await request.json();
  const ws = new WebSocket(url);
  await new Promise((resolve) => { ws.onopen = resolve; });
  ws.send(new Uint8Array(size));
  // Round trips through the same processes: what they take of the message they have taken.
  for (let i = 0; i < 50; i++) await (await fetch(look)).text();
  const before = ws.bufferedAmount;
  const taken = new Promise((resolve) => { ws.onmessage = (event) => resolve(event.data); });
  await fetch(go);
  const answer = await taken;
  await new Promise((resolve) => { const look = () => ws.bufferedAmount === 0 ? resolve() : setTimeout(look, 1); look(); });
  ws.close();
  return Response.json({ before, answer });
} };
"""


class Gate(upstream.Handler):
    """/go releases a slow server."""

    def on_go(self, rest, body):
        self.server.slow.release.set()
        self.answer(204)


def checksum(data):
    total = 1
    for byte in data:
        total = (total * 31 + byte) % 1000003
    return f"bytes {len(data)} {total}"


class WebSocketCases:
    @classmethod
    def worker_flags(cls):
        cls.certificate = upstream.Certificate()
        cls.addClassCleanup(cls.certificate.remove)
        return ["--egress-ca", cls.certificate.ca]

    @classmethod
    def prepare(cls):
        cls.up = cls.serve()
        cls.zts.deploy("caller", CALLER, "--allow-net", "127.0.0.1", "--wall-limit", "60s", "--cpu-limit", "20s", "--memory-limit", "256MiB")
        cls.zts.deploy("outsider", CALLER)

    @classmethod
    def serve(cls, certificate=None):
        server = web_socket.Server(certificate)
        cls.addClassCleanup(server.stop)
        return server

    def ask(self, url, function="caller", **more):
        response = self.fetch(f"/{function}", method="POST", body=json.dumps({"url": url, **more}))
        self.assertEqual(response.status, 200, response)
        return json.loads(response.text)

    def metric(self, pattern, **labels):
        return metrics.Metrics(wire.fetch(self.zts.admin, "/metrics").text).total(pattern, **labels)

    def logs(self, function):
        return self.zts.ctl("logs", function, "-n", "1000").out

    def test_texts_and_bytes_come_back(self):
        before = self.metric("zts_subrequests_total", function="caller", result="ok")
        got = self.ask(self.up.url("/echo?q=1"), send=["one", "", "h\u00e9llo \U0001f600", [1, 2, 255], []], closeAfter=5)
        self.assertEqual(got, ["open ", "one", "", "h\u00e9llo \U0001f600", checksum([1, 2, 255]), checksum([]), "close 1005  true"])
        path, fields = [entry for entry in self.up.seen if entry[0] == "/echo?q=1"][0]
        self.assertEqual((fields["host"], fields["upgrade"], fields["sec-websocket-version"]), (f"127.0.0.1:{self.up.port}", "websocket", "13"))
        self.assertNotIn("sec-websocket-protocol", fields)
        self.assertEqual(self.ask(self.up.url("/echo"), send=[[104, 105]], type="blob", closeAfter=1), ["open ", "blob hi", "close 1005  true"])
        wait_until(lambda: self.metric("zts_subrequests_total", function="caller", result="ok") >= before + 2, "the metric")

    def test_under_tls(self):
        server = self.serve(self.certificate)
        data = bytes(i % 251 for i in range(1_000_000))
        self.assertEqual(self.ask(server.url("/echo"), send=["secret"], fill=[1_000_000], closeAfter=2),
                         ["open ", "secret", checksum(data), "close 1005  true"])
        stranger = upstream.Certificate()
        self.addCleanup(stranger.remove)
        got = self.ask(self.serve(stranger).url("/echo"))
        self.assertEqual((got[0].split(" ")[:2], got[1]), (["error", "tls"], "close 1006  false"), got)

    def test_large_messages_and_fragments(self):
        for size in (125, 126, 65535, 65536, 3_000_000):
            data = bytes(i % 251 for i in range(size))
            self.assertEqual(self.ask(self.up.url("/echo"), fill=[size], closeAfter=1), ["open ", checksum(data), "close 1005  true"], size)
        data = bytes(i % 251 for i in range(500_000))
        self.assertEqual(self.ask(self.up.url("/fragments/500000"), closeAfter=1), ["open ", checksum(data), "close 1005  true"])
        self.assertEqual(len(self.up.pongs), 500, "each ping between the fragments is answered")

    def test_the_largest_message_and_one_that_is_larger(self):
        most = 16 << 20
        self.assertEqual(self.ask(self.up.url(f"/large/{most}"), until=1)["messages"], 1)
        before = self.metric("zts_subrequests_total", function="caller", result="limit")
        got = self.ask(self.up.url(f"/large/{most + 1}"))
        self.assertEqual(got, ["open ", "error limit WebSocket failed: a message is larger than 16 MiB", "close 1009  false"])
        self.assertEqual(self.metric("zts_subrequests_total", function="caller", result="limit"), before + 1)

    def test_protocols(self):
        self.assertEqual(self.ask(self.up.url("/protocol/chat.v2"), protocols=["chat.v1", "chat.v2"], send=["x"], closeAfter=1),
                         ["open chat.v2", "x", "close 1005  true"])
        self.assertEqual(self.up.seen[-1][1]["sec-websocket-protocol"], "chat.v1, chat.v2")
        for path, asked in (("/protocol/other", ["chat"]), ("/protocol", ["chat"]), ("/protocol/chat", [])):
            got = self.ask(self.up.url(path), protocols=asked)
            self.assertIn("error protocol WebSocket failed: the server chose", got[0], got)
            self.assertEqual(got[1:], ["close 1006  false"])

    def test_the_server_closes(self):
        for path, closed in (("/close/1000/bye", "close 1000 bye true"), ("/close/4321/\u00e9".replace("\u00e9", "e"), "close 4321 e true"),
                             ("/close/1012/again", "close 1012 again true"), ("/close", "close 1005  true")):
            self.assertEqual(self.ask(self.up.url(path)), ["open ", "last words", closed], path)
        self.assertEqual(self.up.closes[-4:], [(1000, ""), (4321, ""), (1012, ""), (None, "")])

    def test_the_function_closes(self):
        for close, seen, told in (([], (None, ""), "close 1005  true"), ([1000], (1000, ""), "close 1000  true"),
                                  ([3001, "done \u00e9"], (3001, "done \u00e9"), "close 3001 done \u00e9 true")):
            got = self.ask(self.up.url("/echo"), send=["last"], close=close)
            # What comes back when it is closing is for nobody.
            self.assertEqual(got, ["open ", told])
            self.assertEqual(self.up.closes[-1], seen)

    def test_pings_are_answered(self):
        self.assertEqual(self.ask(self.up.url("/ping"), closeAfter=1), ["open ", "10 are you there", "close 1005  true"])

    def test_what_comes_with_the_handshake_is_heard(self):
        self.assertEqual(self.ask(self.up.url("/first"), closeAfter=2), ["open ", "first", "second", "close 1005  true"])

    def test_servers_that_do_not_agree(self):
        closed = self.serve()
        closed.stop()
        for url, code, words in ((self.up.url("/refuse"), "protocol", "the server answered 403 Forbidden"),
                                 (self.up.url("/badaccept"), "protocol", "sec-websocket-accept"),
                                 (self.up.url("/hangup"), "protocol", "before the server had answered"),
                                 (closed.url("/echo"), "connect", "nobody accepts connections"),
                                 ("ws://does-not-exist.invalid/", "dns", "has no address")):
            got = self.ask(url)
            self.assertEqual((len(got), got[1]), (2, "close 1006  false"), got)
            self.assertTrue(got[0].startswith(f"error {code} ") and words in got[0], got)

    def test_servers_that_break_off(self):
        for path, words in (("/die", "ended without a close frame"), ("/nonsense", "broke the WebSocket protocol")):
            got = self.ask(self.up.url(path))
            self.assertEqual((got[:2], got[3]), (["open ", "whole"], "close 1006  false"), got)
            self.assertIn(words, got[2])
        self.assertEqual(self.up.closes[-1][0], 1002)
        got = self.ask(self.up.url("/reset"), send=["x"], close=[1000])
        self.assertEqual(got[0], "open ")
        got = self.ask(self.up.url("/nottext"))
        self.assertIn("not UTF-8", got[1])
        self.assertEqual(self.up.closes[-1][0], 1007)

    def test_policy(self):
        before = self.metric("zts_subrequests_total", function="outsider", result="egress-policy")
        urls = (self.up.url("/echo"), self.up.url("/echo", host="localhost"), "ws://169.254.169.254/", "ws://[::1]:8080/", "wss://10.0.0.1/",
                "ws://127.0.0.1:6667/")
        seen = len(self.up.seen)
        for url in urls:
            got = self.ask(url, function="outsider")
            self.assertTrue(got[0].startswith("error egress-policy "), (url, got))
            self.assertEqual(got[1:], ["close 1006  false"])
        self.assertEqual(len(self.up.seen), seen)
        self.assertEqual(self.metric("zts_subrequests_total", function="outsider", result="egress-policy"), before + len(urls))
        logs = wait_until(lambda: self.logs("outsider"), "the function's log")
        self.assertIn(f"WebSocket to ws://127.0.0.1:{self.up.port}: the egress policy does not let this function connect", logs)
        self.assertIn("--allow-net 127.0.0.1", logs)

    def test_messages_wait_for_the_function(self):
        # Far more than the platform holds: the server is made to wait while the function is busy, and all of it arrives.
        got = self.ask(self.up.url("/flood/20000/1000"), until=20000)
        self.assertEqual(got["messages"], 20000)

    def test_a_slow_server_is_waited_for(self):
        server = self.serve()
        gate = upstream.Upstream(Gate)
        gate.server.slow = server
        self.addCleanup(gate.stop)
        self.zts.deploy("sender", SENDER, "--allow-net", "127.0.0.1", "--wall-limit", "60s", "--memory-limit", "256MiB")
        size = 20_000_000
        got = self.ask(server.url("/slow"), "sender", look=gate.url("/empty"), go=gate.url("/go"), size=size)
        self.assertEqual(got["answer"], str(size))
        # What the kernel's buffers have taken is no longer ours.
        self.assertGreater(got["before"], size // 2)

    def test_ends_with_its_invocation(self):
        server = self.serve()
        response = self.fetch("/caller", method="POST", body=json.dumps({"url": server.url("/first"), "answer": True}))
        self.assertAnswer(response, 200, "answered")
        self.assertTrue(server.ended.acquire(timeout=20), "the server has not seen the end")
        self.assertEqual(server.closes, [(1001, "")])

    def test_goes_on_inside_wait_until(self):
        server = self.serve()
        response = self.fetch("/caller", method="POST", body=json.dumps({"url": server.url("/first"), "send": ["a"], "closeAfter": 3, "background": True}))
        self.assertAnswer(response, 200, "answered")
        self.assertTrue(server.ended.acquire(timeout=20), "the server has not seen the end")
        wait_until(lambda: "heard open ; first; second; a; close 1005  true" in self.logs("caller"), "the function's log")

    def test_the_wall_limit_ends_it(self):
        server = self.serve()
        self.zts.deploy("brief", CALLER, "--allow-net", "127.0.0.1", "--wall-limit", "300ms")
        response = self.fetch("/brief", method="POST", body=json.dumps({"url": server.url("/echo")}))
        self.assertEqual((response.status, response.error), (504, "wall-limit"), response)
        self.assertTrue(server.ended.acquire(timeout=20), "the server has not seen the end")

    def test_ends_with_its_isolate(self):
        server = self.serve()
        self.zts.deploy("hog", """
          export default { async fetch(request) {
            const ws = new WebSocket(await request.text());
            await new Promise((resolve) => { ws.onmessage = resolve; });
            for (const all = [];;) all.push(new Array(100000).fill(1.5));
          } };""", "--allow-net", "127.0.0.1")
        response = self.fetch("/hog", method="POST", body=server.url("/first"))
        self.assertIn((response.status, response.error), [(503, "memory-limit"), (503, "cpu-limit")], response)
        self.assertTrue(server.ended.acquire(timeout=20), "the server has not seen the end")
        self.assertEqual(server.closes, [(1001, "")])

    def test_limits_of_an_invocation(self):
        self.zts.deploy("many", """
          export default { async fetch(request) {
            const url = await request.text();
            const codes = await Promise.all(Array.from({ length: 55 }, () => new Promise((resolve) => {
              const ws = new WebSocket(url);
              ws.onopen = () => setTimeout(() => resolve('open'), 0);
              ws.onerror = (event) => resolve(event.error.code);
            })));
            return Response.json(codes);
          } };""", "--allow-net", "127.0.0.1")
        response = self.fetch("/many", method="POST", body=self.up.url("/echo"))
        codes = json.loads(response.text)
        self.assertEqual((codes.count("open"), codes.count("limit")), (50, 5), codes)

    def test_a_killed_egress_process_costs_what_was_under_way(self):
        server = self.serve()
        got = []
        thread = threading.Thread(target=lambda: got.append(self.ask(server.url("/echo"), send=["x"])))
        thread.start()
        wait_until(lambda: server.seen, "the connection")
        pids = self.zts.egress_pids()
        os.kill(pids[0], signal.SIGKILL)
        thread.join()
        self.assertTrue(got[0][-2].startswith("error unavailable "), got)
        self.assertEqual(got[0][-1], "close 1006  false")
        wait_until(lambda: self.zts.egress_pids() not in ([], pids), "the next one")
        wait_until(lambda: self.ask(server.url("/echo"), send=["again"], closeAfter=1)[-1] == "close 1005  true", "WebSockets to be made again")


@case.both_ios
class WebSocket(WebSocketCases):
    pass


if __name__ == "__main__":
    unittest.main()
