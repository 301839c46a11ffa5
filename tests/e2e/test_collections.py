"""Where collections of garbage fall: with --request-garbage between requests, however they come; --nursery and it are part of a version."""

import case
from harness import metrics, wire

# About 380 KB a request: arrays of 128 bytes, and what a request is itself.
GARBAGE = """
let kept;
export default () => {
  for (let i = 0; i < 2950; i++) kept = new Array(14).fill(i);
  return new Response(String(kept.length));
};"""


@case.both_ios
class Collections:
    threads = 1

    @classmethod
    def prepare(cls):
        cls.zts.deploy("plain", GARBAGE)
        cls.zts.deploy("hinted", GARBAGE, "--request-garbage", "400KiB")

    def pauses(self):
        """Collections of a nursery so far: inside of turns, and between them."""
        read = metrics.Metrics(wire.fetch(self.zts.admin, "/metrics").text)
        return [read.total("zts_gc_pause_seconds_count", during=during, kind="minor") for during in ("turn", "task")]

    def ask(self, function, count, batch):
        """So many requests, `batch` of them at once; the collections they have brought."""
        connection = self.connect()
        before = self.pauses()
        for _ in range(count // batch):
            connection.send(wire.format_request("GET", f"/{function}") * batch)
            for _ in range(batch):
                self.assertAnswer(connection.read_response(), 200, "14")
        return [now - then for now, then in zip(self.pauses(), before)]

    def test_one_request_at_a_time(self):
        self.ask("hinted", 50, 1)  # first ones make more than later ones
        inside, outside = self.ask("hinted", 500, 1)
        self.assertLessEqual(inside, 1)
        # 190 MB by a nursery of two megabytes.
        self.assertGreater(outside, 80)
        self.assertLess(outside, 200)

    def test_requests_that_come_together(self):
        for function in ("plain", "hinted"):
            self.ask(function, 64, 8)
        inside, outside = self.ask("hinted", 512, 8)
        self.assertLessEqual(inside, 1)
        self.assertGreater(outside, 80)
        # Eight at once make more than V8's own nursery ever holds.
        inside, _ = self.ask("plain", 512, 8)
        self.assertGreater(inside, 20)

    def test_the_version_tells_of_it(self):
        self.zts.deploy("large", GARBAGE, "--nursery", "8MiB", "--request-garbage", "1MiB")
        limits = self.zts.ctl("inspect", "large", "--json").json["limits"]
        self.assertEqual((limits["nursery_bytes"], limits["request_garbage_bytes"]), (8 << 20, 1 << 20))
        version = self.zts.ctl("versions", "large", "--json").json["versions"][0]
        self.assertEqual((version["nursery_bytes"], version["request_garbage_bytes"]), (8 << 20, 1 << 20))
        self.assertIn("garbage a request 1.0 MiB", self.zts.ctl("inspect", "large").out)

    def test_what_no_nursery_holds_is_refused(self):
        for options, why in ((["--request-garbage", "4MiB"], "3276 KiB, a fifth of the largest nursery"),
                             (["--request-garbage", "400"], "between 4 KiB and"),
                             (["--nursery", "512KiB", "--request-garbage", "300KiB"], "256 KiB, half of the nursery")):
            ran = self.zts.try_deploy("refused", GARBAGE, *options)
            self.assertNotEqual(ran.code, 0)
            self.assertIn(why, ran.err + ran.out)
