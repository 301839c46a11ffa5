"""Why a request was slow: its record in the log, by ztsctl why, and the metric that counts causes."""

import http.server
import json
import threading

import case
from harness import metrics, wire
from harness.wait import wait_until

# As long as it is told, in the ways that a function can be slow in.
SOURCE = """
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
export default {
  async fetch(request) {
    const query = new URL(request.url).searchParams;
    const until = performance.now() + Number(query.get("burn") ?? 0);
    let rounds = 0;
    while (performance.now() < until) rounds++;
    if (query.has("wait")) await wait(Number(query.get("wait")));
    if (query.has("from")) await (await fetch(query.get("from"))).text();
    return new Response("ok");
  },
};
"""
SLOW_MS = 400  # well beyond four times what a request takes on a machine that is busy with other tests


class SlowUpstream(http.server.BaseHTTPRequestHandler):
    """Answers late, and lets a case say so."""

    def do_GET(self):
        threading.Event().wait(SLOW_MS / 1000)
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


class Why(case.PlatformCase):
    threads = 1  # so that all turns are one shard's

    @classmethod
    def prepare(cls):
        # One that burns the CPU goes to another thread, which would be the cause from then on.
        for name in ("new", "warm", "patient"):
            cls.zts.deploy(name, SOURCE, "--allow-net", "127.0.0.1")

    def ask(self, name, query=""):
        answer = self.fetch("/" + name + query)
        self.assertAnswer(answer, 200, "ok")
        return answer.header("x-zts-request-id")

    def why(self, request):
        """The parts of its time, the largest first, once its record has got to the controller."""

        def known():
            ran = self.zts.ctl("why", request, "--json")
            return [json.loads(line) for line in ran.out.splitlines()] if ran.code == 0 else None

        found = wait_until(known, "the record of request " + request, 20)
        self.assertEqual([record["request_id"] for record in found], [request])
        self.assertEqual(found[0]["message"].split()[0], "slow:")
        return [part.split()[0] for part in found[0]["message"].split(": ")[-1].split(", ")]

    def assertBurns(self, name, cause):
        """What a busy machine gives to others in the middle of the loop is told apart, and may be the larger part."""
        parts = self.why(self.ask(name, "?burn=%d" % SLOW_MS))
        self.assertIn(cause, parts[:2])
        self.assertLessEqual(set(parts) - {cause}, {"cpu-steal", "gc", "queue"})

    def count(self, cause):
        text = wire.fetch(self.zts.admin, "/metrics").text
        return metrics.Metrics(text).total("zts_slow_requests_total", cause=cause)

    def test_causes_are_told_apart(self):
        upstream = http.server.ThreadingHTTPServer(("127.0.0.1", 0), SlowUpstream)
        self.addCleanup(upstream.server_close)
        threading.Thread(target=upstream.serve_forever, daemon=True).start()
        self.addCleanup(upstream.shutdown)
        for name, times in (("new", 50), ("warm", 600), ("patient", 50)):
            for _ in range(times):
                self.ask(name)
        self.assertBurns("new", "jit")
        self.assertBurns("warm", "function")
        self.assertEqual(self.why(self.ask("patient", "?wait=%d" % SLOW_MS))[0], "wait")
        self.assertEqual(self.why(self.ask("patient", "?from=http://127.0.0.1:%d/" % upstream.server_address[1]))[0], "upstream")
        for cause in ("upstream", "wait"):
            self.assertGreaterEqual(self.count(cause), 1, cause)
        self.assertGreaterEqual(sum(self.count(cause) for cause in ("function", "jit", "cpu-steal")), 2)

    def test_nothing_is_known_of_a_request_that_was_fast(self):
        ran = self.zts.ctl("why", "0123456789abcdef")
        self.assertEqual(ran.code, 1, ran)
        self.assertIn("nothing is known of request 0123456789abcdef", ran.err)
