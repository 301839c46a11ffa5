"""What functions print and throw, through ztsctl logs."""

import json
import signal
import socket
import threading

import case
from harness.wait import wait_until

TALKATIVE = """
export default {
  fetch(request) {
    const what = new URL(request.url).searchParams.get("say") ?? "";
    if (what === "throw") throw new RangeError("thrown for the log");
    if (what === "levels") {
      console.debug("a debug"); console.info("an info"); console.log("a log"); console.warn("a warn"); console.error("an error");
    } else if (what === "objects") {
      console.log("mixed", 1, { a: [1, 2] }, null, undefined);
    } else if (what === "lines") {
      console.log("line one\\nline two \\u001b[2J");
    } else {
      console.log("said " + what);
    }
    return new Response("ok");
  },
};
"""


class Relay:
    """A way to the controller that can be cut: `with Relay(address) as relay:`."""

    def __init__(self, address):
        self._to = address
        self.connections = []
        self.accepted = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self):
        self._accepting.start()
        return self

    def __exit__(self, *_):
        # The thread first: whoever gets the descriptor's number next would lose connections to it.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()
        self.cut()

    def cut(self):
        for end in self.connections:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.connections = []

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            server = socket.create_connection(self._to)
            self.connections = self.connections + [client, server]
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    @staticmethod
    def _pass(source, sink):
        try:
            while data := source.recv(1 << 16):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class Follower:
    """`ztsctl logs -f --json` in the background."""

    def __init__(self, zts, *arguments, environment=None):
        self.popen = zts.ctl_popen("logs", "-f", "--json", *arguments, environment=environment)
        self.records = []
        self.notes = []
        self._threads = [threading.Thread(target=self._read, args=(self.popen.stdout, lambda line: self.records.append(json.loads(line)))),
                         threading.Thread(target=self._read, args=(self.popen.stderr, self.notes.append))]
        for thread in self._threads:
            thread.daemon = True
            thread.start()

    @staticmethod
    def _read(stream, take):
        for line in stream:
            take(line)

    def wait(self, condition, what):
        return wait_until(lambda: next((record for record in list(self.records) if condition(record)), None),
                          f"{what} in the log; there are {self.records[-5:]} {self.notes}")

    def end(self):
        self.popen.send_signal(signal.SIGINT)
        self.popen.wait(10)
        for thread in self._threads:
            thread.join(10)
        self.popen.stdout.close()
        self.popen.stderr.close()


class Logs(case.PlatformCase):
    @classmethod
    def prepare(cls):
        cls.zts.deploy("talk", TALKATIVE)
        cls.zts.deploy("other", "export default () => { console.log('from the other'); return new Response('x'); };")

    def follow(self, *arguments):
        follower = Follower(self.zts, *arguments)
        self.addCleanup(follower.end)
        return follower

    def test_console_with_version_and_request_id(self):
        follower = self.follow("talk")
        response = self.fetch("/talk?say=hello")
        record = follower.wait(lambda r: r["message"] == "said hello", "the console line")
        self.assertEqual((record["name"], record["version"], record["level"], record["worker"]), ("talk", 1, "log", "worker"))
        self.assertNotEqual(record["request_id"], "")
        self.assertEqual(record["request_id"], response.header("x-zts-request-id"))

    def test_levels(self):
        follower = self.follow("talk")
        self.fetch("/talk?say=levels")
        for level, message in (("debug", "a debug"), ("info", "an info"), ("log", "a log"), ("warn", "a warn"), ("error", "an error")):
            record = follower.wait(lambda r, m=message: r["message"] == m, message)
            self.assertEqual(record["level"], level)

    def test_exceptions_with_their_stack_and_the_clients_id(self):
        follower = self.follow("talk")
        response = self.fetch("/talk?say=throw")
        self.assertAnswer(response, 500)
        record = follower.wait(lambda r: r["level"] == "exception", "the exception")
        self.assertIn("RangeError: thrown for the log", record["message"])
        self.assertIn("talk.js:5", record["message"])
        self.assertEqual(record["request_id"], response.header("x-zts-request-id"))

    def test_only_the_named_function(self):
        follower = self.follow("talk")
        everything = self.follow()
        self.fetch("/other")
        everything.wait(lambda r: r["name"] == "other", "the other function")
        self.fetch("/talk?say=after")
        follower.wait(lambda r: r["message"] == "said after", "the named function")
        self.assertEqual([r for r in follower.records if r["name"] != "talk"], [])

    def test_backlog_without_follow(self):
        self.fetch("/talk?say=past")
        wait_until(lambda: "said past" in self.zts.ctl("logs", "talk").out, "the record to arrive at the controller")
        text = self.zts.ctl("logs", "talk", "-n", "1000")
        self.assertEqual(text.code, 0, text)
        self.assertRegex(text.out, r"\d\d:\d\d:\d\d\.\d{3} talk@v1 [0-9a-zA-Z-]+ log said past")

    def test_terminal_sequences_are_defused(self):
        self.fetch("/talk?say=lines")
        wait_until(lambda: "line one" in self.zts.ctl("logs", "talk").out, "the record")
        out = self.zts.ctl("logs", "talk").out
        self.assertNotIn("\x1b", out)

    def test_filters(self):
        self.zts.deploy("filtered", TALKATIVE)
        self.zts.deploy("filtered", TALKATIVE + "// the second\n")
        everything = self.follow("filtered")
        warnings = self.follow("filtered", "--level", "warn")
        first, second = self.follow("filtered", "--version", "1"), self.follow("filtered", "--version", "2")
        self.fetch("/filtered?say=levels")
        asked = self.fetch("/filtered?say=this-one").header("x-zts-request-id")
        self.fetch("/filtered?say=throw")
        everything.wait(lambda r: r["level"] == "exception", "the exception")
        warnings.wait(lambda r: r["level"] == "exception", "the exception")
        second.wait(lambda r: r["level"] == "exception", "the exception")
        self.assertEqual([r["level"] for r in warnings.records], ["warn", "error", "exception"])
        self.assertEqual(first.records, [])
        one = self.zts.ctl("logs", "--request-id", asked, "--json")
        self.assertEqual([json.loads(line)["message"] for line in one.out.splitlines()], ["said this-one"])
        self.assertEqual(self.zts.ctl("logs", "--level", "loud").code, 2)

    def test_goes_on_where_a_broken_stream_ended(self):
        """Nothing is lost and nothing shown twice, however often the connection breaks."""
        host, port = self.zts.controller_address.rsplit(":", 1)
        with Relay((host, int(port))) as relay:
            follower = Follower(self.zts, "talk", "-n", "0", environment={"ZTS_CONTROLLER": relay.address})
            self.addCleanup(follower.end)
            wait_until(lambda: relay.connections, "the follower to connect")

            def heard():
                self.fetch("/talk?say=is-it-there")
                return follower.records

            wait_until(heard, "the follower to hear", every=0.1)
            expected = []
            for n in range(12):
                if n % 4 == 2:
                    relay.cut()
                self.fetch(f"/talk?say=line-{n}")
                expected.append(f"said line-{n}")
            follower.wait(lambda r: r["message"] == expected[-1], "the last line")
        self.assertEqual([r["message"] for r in follower.records if "line-" in r["message"]], expected)
        self.assertGreaterEqual(relay.accepted, 2, "the follower came back")

    def test_follows_across_a_restart_of_the_controller(self):
        follower = self.follow("talk")
        self.fetch("/talk?say=before")
        follower.wait(lambda r: r["message"] == "said before", "the line before")
        self.zts.controller.kill()
        self.zts.start_controller()
        self.zts.wait_connected()

        def heard():
            self.fetch("/talk?say=afterwards")
            return any(r["message"] == "said afterwards" for r in list(follower.records))

        wait_until(heard, f"lines after the restart; {follower.notes}", every=0.2)
