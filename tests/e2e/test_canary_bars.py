"""How soon a bad canary is out again with nobody watching. The cases wait for it; the seconds they print go into bench/README.md."""

import datetime

import case
from harness.load import Load
from harness.wait import wait_until


def taking(milliseconds):
    return (f"export default {{ async fetch() {{ await new Promise((r) => setTimeout(r, {milliseconds})); "
            f"return new Response('ok'); }} }};\n")


def failing_in(rate):
    return (f"export default {{ fetch() {{ return Math.random() < {rate} ? new Response('broken', {{ status: 500 }}) "
            f": new Response('ok'); }} }};\n")


def moment(event):
    return datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00"))


class CanaryBars(case.PlatformCase):
    def promote_until_withdrawn(self, name, good, bad, **load):
        """A tenth of the requests from the first moment on; the event that took it away."""
        self.zts.deploy(name, good)
        self.zts.deploy(name, bad, "--canary", "0")
        with Load(self.zts.http, "/" + name, **load) as requests:
            requests.wait_answers(50)
            ran = self.zts.ctl("promote", name, "--auto", "--steps", "10,100", "--step-time", "60s", "--json")
            self.assertEqual(ran.code, 0, ran)
            story = wait_until(lambda: self.story_if(name, "withdrawn"), f"{name} v2 to be withdrawn", 120, every=0.1)
            requests.wait_answers(50)
        history = story["history"]
        auto = next(event for event in history if event["what"] == "auto")
        withdrawn = next(event for event in history if event["what"] == "withdrawn")
        self.assertEqual((auto["share"], withdrawn["by"]), (10.0, "controller"))
        seconds = (moment(withdrawn) - moment(auto)).total_seconds()
        print(f"[{name}: withdrawn after {seconds:.1f} s: {withdrawn['note']}]", end=" ", flush=True)
        self.assertEqual([v["version"] for v in story["versions"] if v["state"] in ("active", "canary")], [1])
        return withdrawn

    def story_if(self, name, what):
        ran = self.zts.ctl("versions", name, "--json")
        return ran.json if ran.code == 0 and any(event["what"] == what for event in ran.json["history"]) else None

    def test_doubled_latency(self):
        # So slow that what a busy machine adds is not half of it.
        event = self.promote_until_withdrawn("doubled", taking(300), taking(600), connections=64)
        self.assertIn("p99", event["note"])

    def test_five_percent_of_errors(self):
        event = self.promote_until_withdrawn("erring", failing_in(0), failing_in(0.05), connections=8, pause=0.002)
        self.assertIn("errors", event["note"])
        # Nobody gets an error any more.
        connection = self.connect()
        self.assertEqual({connection.request("GET", "/erring").status for _ in range(200)}, {200})
