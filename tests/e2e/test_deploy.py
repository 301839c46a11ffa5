"""What ztsctl promises about deploys: live means live, bad bundles change nothing, replacing loses no request."""

import os
import time
import unittest

import case
from harness import platform, wire
from harness.load import Load
from harness.wait import wait_until

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples")

USAGE, BUNDLE, UNREACHABLE, DENIED, NOT_LIVE = 2, 3, 4, 5, 6


def answering(text):
    return f'export default {{ fetch() {{ return new Response("{text}"); }} }};\n'


class Deploy(case.PlatformCase):
    def test_live_means_served(self):
        for version in range(1, 6):
            answer = self.zts.deploy("counted", answering(f"v{version}"))
            self.assertEqual(answer["version"], version)
            self.assertEqual((answer["workers_live"], answer["workers_total"]), (1, 1))
            self.assertAnswer(self.fetch("/counted"), 200, f"v{version}")

    def test_the_last_line_is_a_url_that_answers(self):
        path = self.zts.write("url.js", answering("found"))
        ran = self.zts.ctl("deploy", path)
        self.assertEqual(ran.code, 0, ran)
        self.assertIn("live on 1/1 workers in ", ran.out)
        url = ran.out.splitlines()[-1]
        self.assertTrue(url.startswith("http://"), ran)
        authority, target = url[len("http://"):].split("/", 1)
        host, port = authority.rsplit(":", 1)
        self.assertAnswer(wire.fetch((host, int(port)), "/" + target), 200, "found")

    def test_both_forms_of_handler(self):
        self.zts.deploy("plain-function", "export default (request, env) => new Response(`f ${env.A}`);", "--env", "A=1")
        self.assertAnswer(self.fetch("/plain-function"), 200, "f 1")
        self.zts.deploy("async-function", "export default async function (request) { return new Response(request.method); }")
        self.assertAnswer(self.fetch("/async-function"), 200, "GET")

    def test_typescript(self):
        with open(os.path.join(EXAMPLES, "typescript.ts"), encoding="utf-8") as file:
            self.zts.deploy("typescript", file.read(), "--env", "PRECISION=2", extension="ts")
        self.assertIn('"fahrenheit":69.8', self.fetch("/typescript?celsius=21").text)
        self.assertAnswer(self.fetch("/typescript?celsius=warm"), 400)

    def test_imports_are_bundled(self):
        self.zts.write("project/package.json", '{"main": "src/index.js"}')
        self.zts.write("project/node_modules/greeter/package.json", '{"name": "greeter", "main": "index.js"}')
        self.zts.write("project/node_modules/greeter/index.js", "exports.greet = (name) => `Hello, ${name}`;")
        self.zts.write("project/src/index.js",
                       "import { greet } from 'greeter'; import { name } from './name.ts'; export default () => new Response(greet(name));")
        self.zts.write("project/src/name.ts", "export const name: string = 'bundle';")
        ran = self.zts.ctl("deploy", os.path.join(self.zts.folder, "project"), "--json")
        self.assertEqual(ran.code, 0, ran)
        self.assertTrue(ran.json["bundled"])
        self.assertAnswer(self.fetch("/project"), 200, "Hello, bundle")

    def test_list_versions_and_delete(self):
        self.zts.deploy("shortlived", answering("one"))
        self.zts.deploy("shortlived", answering("two"))
        listed = {function["name"]: function for function in self.zts.ctl("list", "--json").json["functions"]}
        self.assertEqual(listed["shortlived"]["version"], 2)
        versions = self.zts.ctl("versions", "shortlived", "--json").json["versions"]
        self.assertEqual([(version["version"], version["active"]) for version in versions], [(2, True), (1, False)])
        self.assertAnswer(self.fetch("/shortlived"), 200, "two")
        deleted = self.zts.ctl("delete", "shortlived")
        self.assertEqual(deleted.code, 0, deleted)
        response = self.fetch("/shortlived")
        self.assertAnswer(response, 404)
        self.assertEqual(response.error, "unknown-route")
        self.assertNotIn("shortlived", self.zts.ctl("list").out)
        again = self.zts.ctl("delete", "shortlived")
        self.assertEqual(again.code, 1, again)

    def test_a_deleted_name_starts_anew(self):
        self.zts.deploy("phoenix", answering("before"))
        self.assertEqual(self.zts.ctl("delete", "phoenix").code, 0)
        self.zts.deploy("phoenix", answering("after"))
        self.assertAnswer(self.fetch("/phoenix"), 200, "after")

    def test_fifty_kilobytes_are_live_quickly(self):
        filler = "\n".join(f"function unused{n}(a, b) {{ return a * {n} + b; }}" for n in range(1000))
        took = []
        for n in range(5):
            took.append(self.zts.deploy("sized", filler + f"\n// {n}\n" + answering("sized"))["ms"])
        # The bar is 300 ms on an idle machine; a shared one gets room, a second for the best of them would still be a defect.
        self.assertLess(min(took), 1000, took)

    # --- refused ---

    def assert_refused(self, name, source, *options, code=BUNDLE, kind=None, extension="js"):
        ran = self.zts.try_deploy(name, source, *options, extension=extension)
        self.assertEqual(ran.code, code, ran)
        error = ran.json["error"]
        if kind:
            self.assertEqual(error["source"]["kind"], kind, ran)
        return error

    def test_bad_bundles_change_nothing(self):
        self.zts.deploy("steady", answering("first"))
        cases = [
            ("syntax-error", "export default {\n  fetch() { return new Response('x' }\n};\n"),
            ("syntax-error", "let a = 1;\nlet a = 2;\nexport default () => new Response('x');\n"),
            ("no-handler", "export const fetch = 1;\n"),
            ("no-handler", "export default 42;\n"),
            ("no-handler", "export default { fetch: 1 };\n"),
            ("exception", "throw new Error('at the top');\nexport default () => new Response('x');\n"),
            ("exception", "export default nothingOfTheKind;\n"),
            ("exception", "await Promise.reject(new TypeError('awaited'));\nexport default () => 1;\n"),
        ]
        for kind, source in cases:
            with self.subTest(source):
                self.assert_refused("steady", source, kind=kind)
                self.assertAnswer(self.fetch("/steady"), 200, "first")
        self.assertEqual(self.zts.deploy("steady", answering("second"))["version"], 2)

    def test_syntax_errors_have_their_place(self):
        error = self.assert_refused("placed", "export default {\n  fetch() { return new Response('x' }\n};\n", kind="syntax-error")
        self.assertEqual((error["source"]["file"], error["source"]["line"]), ("placed.js", 2))
        self.assertGreater(error["source"]["column"], 0)
        self.assertEqual(error["source"]["source_line"].strip(), "fetch() { return new Response('x' }")
        text = self.zts.ctl("deploy", os.path.join(self.zts.folder, "sources/placed.js"))
        self.assertRegex(text.err, r"placed\.js:2:\d+: ")
        self.assertRegex(text.err, r"(?m)^ +\^$")

    def test_exceptions_have_their_place(self):
        error = self.assert_refused("thrown", "const a = 1;\nthrow new RangeError('too far');\n", kind="exception")
        self.assertIn("too far", error["source"]["message"])
        self.assertEqual(error["source"]["line"], 2)

    def test_endless_start_up_is_ended(self):
        # By its own name: not as one that its process was ended for.
        self.assert_refused("endless", "for (;;) {}\nexport default () => 1;\n", kind="startup-limit")
        self.assert_refused("pending", "await new Promise(() => {});\nexport default () => 1;\n")

    def test_greedy_start_up_is_ended(self):
        self.assert_refused("greedy", "const a = []; for (;;) a.push(new Array(10000).fill(1.5));\nexport default () => 1;\n")
        self.assertEqual(self.zts.try_deploy("modest", answering("fine")).code, 0)

    def test_too_large(self):
        error = self.assert_refused("large", "// " + "x" * (11 << 20) + "\n" + answering("large"))
        self.assertIn("10", error["message"])

    def test_not_utf8(self):
        error = self.assert_refused("latin", b'export default () => new Response("\xfc\xff");\n')
        self.assertIn("UTF-8", error["message"])

    def test_empty(self):
        self.assert_refused("empty", "")

    def test_bad_settings(self):
        self.assert_refused("routed", answering("x"), "--route", "bad host/x")
        self.assert_refused("limited", answering("x"), "--cpu-limit", "forever", code=USAGE)
        self.assert_refused("limited", answering("x"), "--cpu-limit", "3600s")
        self.assert_refused("limited", answering("x"), "--memory-limit", "1KiB")
        self.assert_refused("Not_A_Name", answering("x"), code=USAGE)

    def test_a_taken_route_is_refused(self):
        self.zts.deploy("owner", answering("owner"), "--route", "taken.example.com/")
        self.assert_refused("thief", answering("thief"), "--route", "taken.example.com/")
        self.assertAnswer(self.fetch("/", host="taken.example.com"), 200, "owner")

    def test_wrong_token(self):
        for verb in (["list"], ["delete", "steady"], ["logs"], ["workers"], ["versions", "a"]):
            ran = self.zts.ctl(*verb, token="0" * 32)
            self.assertEqual(ran.code, DENIED, ran)
        path = self.zts.write("sources/denied.js", answering("no"))
        self.assertEqual(self.zts.ctl("deploy", path, token="wrong").code, DENIED)
        self.assertAnswer(self.fetch("/denied"), 404)

    # --- replacing ---

    def test_replacing_under_load_loses_nothing(self):
        self.zts.deploy("replaced", answering("v1"))
        live_at = {1: 0.0}
        with Load(self.zts.http, "/replaced", connections=16) as load:
            load.wait_answers(200)
            for version in range(2, 8):
                self.zts.deploy("replaced", answering(f"v{version}"))
                live_at[version] = time.monotonic()
                load.wait_answers(200)
        self.assertEqual(load.failures(), [])
        newest = {}
        for answer in sorted(load.answers(), key=lambda a: a.begun):
            version = int(answer.body.decode()[1:])
            self.assertGreaterEqual(version, newest.get(answer.connection, 0), "a connection saw an older version after a newer one")
            newest[answer.connection] = version
            promised = max(v for v, at in live_at.items() if at <= answer.begun)
            self.assertGreaterEqual(version, promised, "an older version answered after the newer one was live")

    def test_requests_in_flight_are_finished_by_their_version(self):
        slow = "export default async () => { await new Promise((r) => setTimeout(r, 300)); return new Response('v1 to the end'); };"
        self.zts.deploy("inflight", slow)
        connection = self.connect()
        connection.send(wire.format_request("GET", "/inflight"))
        # On its way for certain: a second request on another connection has been through the same listener.
        self.fetch("/nobody")
        self.zts.deploy("inflight", answering("v2"))
        response = connection.read_response()
        self.assertEqual(response.status, 200, response)
        self.assertIn(response.text, ("v1 to the end", "v2"))
        self.assertAnswer(self.fetch("/inflight"), 200, "v2")


class SeveralWorkers(unittest.TestCase):
    def setUp(self):
        self.zts = platform.Platform(threads=1)
        self.addCleanup(self.zts.stop)

    def test_no_worker_means_stored_but_not_live(self):
        self.zts.start_controller()
        ran = self.zts.try_deploy("early", answering("early"))
        self.assertEqual(ran.code, NOT_LIVE, ran)
        self.assertEqual(ran.json["workers_total"], 0)
        self.zts.start_worker()
        wait_until(lambda: wire.fetch(self.zts.http, "/early").status == 200, "the stored function to be served by a new worker")

    def test_all_workers_get_it(self):
        self.zts.start()
        other = self.zts.add_worker("other")
        self.zts.wait_connected("other")
        answer = self.zts.deploy("spread", answering("spread"))
        self.assertEqual((answer["workers_live"], answer["workers_total"]), (2, 2))
        host, port = other.ready["http"].rsplit(":", 1)
        self.assertEqual(wire.fetch((host, int(port)), "/spread").text, "spread")
        self.assertEqual(wire.fetch(self.zts.http, "/spread").text, "spread")


if __name__ == "__main__":
    unittest.main()
