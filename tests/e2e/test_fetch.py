"""fetch() of functions, through zts-egress to servers of the test's own on loopback."""

import concurrent.futures
import json
import os
import shutil
import signal
import threading
import unittest

import case
from harness import metrics, proc, upstream, wire
from harness.wait import wait_until

# Does what the request's body says, and tells what came of it.
CALLER = """
export default { async fetch(request, env, ctx) {
  const { url, init, read, timeout, times, together, background } = await request.json();
  if (timeout !== undefined) init.signal = AbortSignal.timeout(timeout);
  if (init?.fill !== undefined) init.body = new Uint8Array(init.fill).fill(65);
  if (background) {
    ctx.waitUntil(fetch(url).then((r) => r.text()));
    return new Response('answered');
  }
  try {
    if (together) {
      const ends = await Promise.allSettled(Array.from({ length: together }, () => fetch(url).then((r) => r.text())));
      return Response.json(ends.map((end) => end.status === 'fulfilled' ? 'ok' : end.reason.code));
    }
    for (let i = 1; i < (times ?? 1); i++) await (await fetch(url, init)).text();
    const r = await fetch(url, init);
    const text = await r.text();
    return Response.json({ status: r.status, url: r.url, redirected: r.redirected, type: r.type, headers: Object.fromEntries(r.headers),
                           text: read === 'size' ? String(text.length) : text });
  } catch (e) {
    return Response.json({ error: e.name, code: e.code, message: e.message });
  }
} };
"""


# What an EventSource has heard when it is closed.
LISTENER = """
export default { async fetch(request) {
  const { url, count } = await request.json();
  const source = new EventSource(url);
  const seen = [];
  let errors = 0;
  await new Promise((resolve) => {
    source.onmessage = (event) => {
      seen.push([event.data, event.lastEventId, event.origin]);
      if (seen.length === count) resolve();
    };
    source.onerror = () => { if (++errors && source.readyState === EventSource.CLOSED) resolve(); };
  });
  source.close();
  return Response.json({ seen, errors, state: source.readyState });
} };
"""

# What a cache says that asks for its answers itself.
KEEPER = """
export default { async fetch(request) {
  const { url, stalls, fails } = await request.json();
  const cache = await caches.open('kept');
  const told = [];
  await cache.add(url);
  for (let i = 0; i < 3; ++i) {
    const found = await cache.match(url);
    told.push([found.status, found.url === url, (await found.text()).length]);
  }
  const failure = await cache.addAll([url + '1', stalls, fails]).catch((error) => error);
  const ended = (await fetch(new URL('/gone', stalls))).status;
  return Response.json({ told, failure: `${failure}`, ended, keys: (await cache.keys()).map((key) => key.url) });
} };
"""


class FetchCases:
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
        cls.zts.deploy("listener", LISTENER, "--allow-net", "127.0.0.1")
        cls.zts.deploy("deaf", LISTENER)
        cls.zts.deploy("keeper", KEEPER, "--allow-net", "127.0.0.1")

    @classmethod
    def serve(cls, certificate=None):
        server = upstream.Upstream(upstream.Handler, certificate)
        server.server.next_piece = threading.Semaphore(0)
        cls.addClassCleanup(server.stop)
        return server

    def ask(self, url, function="caller", init=None, **more):
        response = self.fetch(f"/{function}", method="POST", body=json.dumps({"url": url, "init": init or {}, **more}))
        self.assertEqual(response.status, 200, response)
        return json.loads(response.text)

    def metric(self, pattern, **labels):
        return metrics.Metrics(wire.fetch(self.zts.admin, "/metrics").text).total(pattern, **labels)

    def test_event_source_goes_on_where_its_stream_ended(self):
        got = self.ask(self.up.url("/ticks"), "listener", count=6)
        origin = self.up.url("")
        self.assertEqual(got, {"seen": [[f"tick {n}", str(n), origin] for n in range(1, 7)], "errors": 2, "state": 2})
        self.assertEqual([headers.get("last-event-id") for _, _, headers, _ in self.up.seen("/ticks")], [None, "2", "4"])
        self.assertEqual(self.ask(self.up.url("/echo"), "listener", count=1), {"seen": [], "errors": 1, "state": 2})
        self.assertEqual(self.ask(self.up.url("/ticks"), "deaf", count=1), {"seen": [], "errors": 1, "state": 2})

    def test_a_cache_asks_once(self):
        url = self.up.url("/big/1000")
        before = len(self.up.seen("/big/1000"))
        silent = self.serve()
        got = self.ask(url, "keeper", stalls=silent.url("/stall"), fails=self.up.url("/moved/404/nowhere"))
        self.assertEqual(got["told"], [[200, True, 1000]] * 3, got)
        self.assertEqual(len(self.up.seen("/big/1000")) - before, 1)
        self.assertIn("answered with status 404", got["failure"])
        self.assertEqual(got["ended"], 200, "what was asked for beside the one that failed was not ended")
        self.assertEqual(got["keys"], [url], "none of those that were asked for together is kept when one fails")

    def test_asks_and_is_answered(self):
        got = self.ask(self.up.url("/some/path?q=1"), init={"headers": {"X-One": "1", "Host": "elsewhere"}})
        self.assertEqual((got["status"], got["url"], got["redirected"], got["type"]), (200, self.up.url("/some/path?q=1"), False, "basic"), got)
        told = json.loads(got["text"])
        self.assertEqual((told["method"], told["path"], told["headers"]["x-one"]), ("GET", "/some/path?q=1", "1"))
        self.assertEqual(told["headers"]["host"], f"127.0.0.1:{self.up.port}")
        self.assertEqual(told["headers"]["accept"], "*/*")
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            told = json.loads(self.ask(self.up.url("/x"), init={"method": method, "body": "hello"})["text"])
            self.assertEqual((told["method"], told["body"], told["headers"]["content-type"]), (method, "hello", "text/plain;charset=UTF-8"))
        self.assertEqual(self.ask(self.up.url("/empty"), init={"method": "POST"})["status"], 200)
        self.assertEqual(self.up.seen("/empty")[0][2]["Content-Length"], "0")
        self.assertGreater(self.metric("zts_subrequests_total", function="caller", result="ok"), 0)
        self.assertGreater(self.metric("zts_subrequest_wait_seconds_total", function="caller"), 0)

    def test_large_bodies_both_ways(self):
        self.assertEqual(self.ask(self.up.url("/big/20000000"), read="size")["text"], "20000000")
        self.assertEqual(self.ask(self.up.url("/size"), init={"method": "POST", "fill": 7_000_000})["text"], "7000000")
        # A redirect that repeats the request asks for its body again.
        moved = self.up.url(f"/moved/307/{self.up.url('/size')}")
        self.assertEqual(self.ask(moved, init={"method": "POST", "fill": 3_000_000})["text"], "3000000")

    def test_redirects(self):
        other = self.serve()
        end = other.url("/end")
        got = self.ask(self.up.url(f"/moved/302/{end}"), init={"headers": {"authorization": "secret", "x": "y"}})
        told = json.loads(got["text"])
        self.assertEqual((got["url"], got["redirected"], told["headers"]["x"]), (end, True, "y"))
        self.assertNotIn("authorization", told["headers"])
        for status, method in ((301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")):
            told = json.loads(self.ask(self.up.url(f"/moved/{status}/{end}"), init={"method": "POST", "body": "b"})["text"])
            self.assertEqual((told["method"], told["body"]), (method, "b" if method == "POST" else ""), status)
        self.assertEqual(self.ask(self.up.url(f"/moved/302/{end}"), init={"redirect": "manual"})["status"], 302)
        self.assertEqual(self.ask(self.up.url(f"/moved/302/{end}"), init={"redirect": "error"})["code"], "redirect")
        self.assertEqual(self.ask(self.up.url("/moved/302//relative"))["url"], self.up.url("/relative"))
        # An empty location is the URL itself, for ever.
        self.assertEqual(self.ask(self.up.url("/moved/302/"))["code"], "redirect")

    def test_policy(self):
        before = self.metric("zts_subrequests_total", function="outsider", result="egress-policy")
        refused = 0
        for url in (self.up.url(), self.up.url(host="localhost"), "http://169.254.169.254/latest/meta-data/", "http://[::1]:8080/",
                    "http://10.0.0.1/", f"http://[::ffff:127.0.0.1]:{self.up.port}/", "http://127.0.0.1:6667/"):
            got = self.ask(url, function="outsider")
            self.assertEqual((got.get("error"), got.get("code")), ("TypeError", "egress-policy"), (url, got))
            refused += 1
        self.assertIn("--allow-net", self.ask(self.up.url(), function="outsider")["message"])
        self.assertEqual(self.metric("zts_subrequests_total", function="outsider", result="egress-policy"), before + refused + 1)
        # Allowed addresses do not lead to others.
        got = self.ask(self.up.url("/moved/302/http://169.254.169.254/latest"))
        self.assertEqual(got["code"], "egress-policy")
        self.assertIn("169.254.169.254", got["message"])
        self.assertIn("egress policy: outsider v1 may not connect to", self.zts.worker.log_tail(10_000))

    def test_an_allowed_name_a_network_and_a_port(self):
        self.zts.deploy("by-name", CALLER, "--allow-net", "localhost")
        self.assertEqual(self.ask(self.up.url(host="localhost"), function="by-name")["status"], 200)
        self.assertEqual(self.ask(self.up.url(), function="by-name")["code"], "egress-policy")
        self.zts.deploy("by-port", CALLER, "--allow-net", f"127.0.0.0/8:{self.up.port}")
        self.assertEqual(self.ask(self.up.url(), function="by-port")["status"], 200)
        self.assertEqual(self.ask(self.serve().url(), function="by-port")["code"], "egress-policy")

    def test_tls(self):
        self.assertEqual(self.ask(self.serve(self.certificate).url("/x"))["status"], 200)
        stranger = upstream.Certificate()
        self.addCleanup(stranger.remove)
        got = self.ask(self.serve(stranger).url("/x"))
        self.assertEqual((got["error"], got["code"]), ("TypeError", "tls"), got)

    @unittest.skipUnless(shutil.which("nghttpd"), "nghttpd is not installed (make deps)")
    def test_http2(self):
        server = upstream.Http2Upstream(self.certificate, {"small": b"by two", "large": b"y" * 5_000_000})
        self.addCleanup(server.stop)
        self.assertEqual(self.ask(server.url("/small"))["text"], "by two")
        self.assertEqual(self.ask(server.url("/large"), read="size", times=3)["text"], "5000000")
        self.assertEqual(self.ask(server.url("/none"))["status"], 404)

    def test_failures_have_names(self):
        closed = self.serve()
        closed.stop()
        self.assertEqual(self.ask(closed.url())["code"], "connect")
        self.assertEqual(self.ask("http://does-not-exist.invalid/")["code"], "dns")
        self.assertEqual(self.ask("ftp://127.0.0.1/")["code"], "protocol")

    def test_an_abort_reaches_the_server(self):
        server = self.serve()
        got = self.ask(server.url("/stall"), timeout=100)
        self.assertEqual(got["error"], "TimeoutError", got)
        self.assertTrue(server.server.gone.acquire(timeout=20), "the server has not seen the abort")

    def test_the_wall_limit_ends_the_requests(self):
        self.zts.deploy("brief", CALLER, "--allow-net", "127.0.0.1", "--wall-limit", "300ms")
        server = self.serve()
        response = self.fetch("/brief", method="POST", body=json.dumps({"url": server.url("/stall"), "init": {}}))
        self.assertEqual((response.status, response.error), (504, "wall-limit"), response)
        self.assertTrue(server.server.gone.acquire(timeout=20), "the server has not seen the end")
        wait_until(lambda: self.metric("zts_subrequests_total", function="brief", result="canceled") == 1, "the metric")

    def test_limits_of_an_invocation(self):
        got = self.ask(self.up.url("/x"), times=201)
        self.assertEqual((got["error"], got["code"]), ("TypeError", "limit"), got)
        ends = self.ask(self.up.url("/x"), together=60)
        self.assertEqual((ends.count("ok"), ends.count("limit")), (50, 10), ends)

    def test_work_after_the_answer(self):
        response = self.fetch("/caller", method="POST", body=json.dumps({"url": self.up.url("/later"), "background": True}))
        self.assertAnswer(response, 200, "answered")
        wait_until(lambda: self.up.seen("/later"), "the request in the background")

    def test_a_killed_egress_process_costs_what_was_under_way(self):
        engine = self.zts.engine_pids()
        server = self.serve()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            stalled = [pool.submit(self.ask, server.url("/stall")) for _ in range(8)]
            wait_until(lambda: len(server.seen("/stall")) == 8, "the requests to be under way")
            first = self.zts.egress_pids()
            self.assertEqual(len(first), 1)
            os.kill(first[0], signal.SIGKILL)
            for future in stalled:
                self.assertEqual(future.result()["code"], "unavailable")
        wait_until(lambda: self.ask(self.up.url("/x")).get("status") == 200, "requests to be made again")
        self.assertNotEqual(self.zts.egress_pids(), first)
        self.assertEqual(self.zts.engine_pids(), engine)
        self.assertGreaterEqual(self.metric("zts_egress_starts_total"), 2)

    def test_under_load_while_it_is_killed(self):
        codes = set()
        stop = threading.Event()

        def load():
            while not stop.is_set():
                got = self.ask(self.up.url("/x"))
                codes.add(got.get("status", got.get("code")))

        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(3):
            pids = wait_until(self.zts.egress_pids, "an egress process")
            os.kill(pids[0], signal.SIGKILL)
            wait_until(lambda: self.zts.egress_pids() not in ([], pids), "the next one")
        wait_until(lambda: self.ask(self.up.url("/x")).get("status") == 200, "requests to be made again")
        stop.set()
        for thread in threads:
            thread.join()
        self.assertLessEqual(codes, {200, "unavailable"})
        self.assertIn(200, codes)

    def test_the_engine_connects_nowhere_itself(self):
        self.ask(self.up.url("/x"))
        egress = self.zts.egress_pids()[0]
        self.assertTrue(proc.is_running(egress))
        for status in proc.thread_statuses(self.zts.engine_pids()[0]):
            self.assertEqual(status["Seccomp"], "2")


@case.both_ios
class Fetch(FetchCases):
    pass


if __name__ == "__main__":
    unittest.main()
