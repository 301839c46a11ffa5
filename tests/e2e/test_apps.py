"""Applications of packages from npm (tests/apps), deployed and asked as their users would."""

import base64
import gzip
import hashlib
import hmac
import json
import os
import re
import shutil
import tarfile
import tempfile

import case
from harness import upstream, wire
from harness.wait import wait_until

APPS = os.environ.get("ZTS_APPS") or os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "apps")
PACKAGES = next((path for path in ("external/npm_archives/apps.tar", "../npm_archives/apps.tar", ".deps/npm_archives/apps.tar") if os.path.exists(path)), None)


class Apps(case.PlatformCase):
    threads = 1

    @classmethod
    def prepare(cls):
        cls.folder = tempfile.mkdtemp(prefix="zts_apps_")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        with tarfile.open(PACKAGES) as packages:
            packages.extractall(cls.folder)
        for name in os.listdir(APPS):
            if "_app." in name or name == "package.json":
                shutil.copyfile(os.path.join(APPS, name), os.path.join(cls.folder, name))

        # As streams are with a body, so are they with packages that hand one on.
        cls.zts.deploy("bodies", "export default () => new Response(new Response('handed on').body);")
        cls.has_streams = wire.fetch(cls.zts.http, "/bodies").text == "handed on"

    def need_streams(self):
        if not self.has_streams:
            self.skipTest("response.body is not a stream in this build")

    def deploy(self, file, *options):
        name = file.split("_")[0]
        ran = self.zts.ctl("deploy", os.path.join(self.folder, file), "--name", name, *options)
        self.assertEqual(ran.code, 0, ran)

    def post(self, target, body, headers=()):
        return wire.fetch(self.zts.http, target, "POST", [("Content-Type", "application/json"), *headers], body.encode())

    def test_hono(self):
        self.deploy("hono_app.ts", "--env", "GREETING=hello")
        self.assertAnswer(self.fetch("/hono"), 200, "hello from /hono")
        self.assertEqual(json.loads(self.fetch("/hono/users/7?q=x").text), {"id": 7, "q": "x"})
        self.assertAnswer(self.fetch("/hono/users/x"), 404, "nothing")
        self.assertAnswer(self.post("/hono/echo", '{"a":[1]}'), 201, '{"a":[1]}')
        self.assertAnswer(self.post("/hono/echo", "{"), 500)
        self.assertEqual(self.fetch("/hono/cookie").header("set-cookie"), "seen=yes; Path=/")
        self.assertAnswer(self.fetch("/hono/cookie", headers=[("Cookie", "seen=yes")]), 200, "yes")

    def test_hono_middleware(self):
        self.need_streams()
        self.deploy("hono_app.ts", "--env", "GREETING=hello")
        self.assertAnswer(self.fetch("/hono/private/x"), 401)
        self.assertAnswer(self.fetch("/hono/private/x", headers=[("Authorization", "Bearer secret")]), 200, "in")
        tagged = self.fetch("/hono/tagged")
        again = self.fetch("/hono/tagged", headers=[("If-None-Match", tagged.header("etag"))])
        self.assertEqual(again.status, 304)
        self.assertAnswer(self.fetch("/hono/fail"), 418, "teapot")

    def test_itty_router(self):
        self.deploy("itty_app.js")
        self.assertEqual(json.loads(self.fetch("/itty/add/2/40").text), {"sum": 42})
        self.assertEqual(json.loads(self.post("/itty/echo", '{"x":1}').text), {"got": {"x": 1}})
        self.assertEqual(json.loads(self.fetch("/itty/fail").text), {"status": 409, "error": "taken"})
        self.assertAnswer(self.fetch("/itty/none"), 404)

    def test_jose(self):
        self.deploy("jose_app.js", "--cpu-limit", "20s", "--wall-limit", "60s")
        for algorithm in ("ES256", "ES384", "ES512", "RS256", "PS256", "EdDSA"):
            self.assertAnswer(self.fetch(f"/jose/{algorithm}"), 200, f"u1,true,ERR_JWS_SIGNATURE_VERIFICATION_FAILED,u1,{algorithm}")
        token, value = self.fetch("/jose/secret").text.split()
        self.assertEqual(value, "1")
        # The same from Python: HMAC-SHA256 over the first two parts.
        head, body, signature = token.split(".")
        mac = hmac.new(b"0123456789abcdef0123456789abcdef", f"{head}.{body}".encode(), hashlib.sha256).digest()
        self.assertEqual(base64.urlsafe_b64encode(mac).rstrip(b"=").decode(), signature)
        self.assertAnswer(self.fetch("/jose/encrypted"), 200, "hidden,hidden,hidden,pair,pair")

    def test_zod(self):
        self.deploy("zod_app.ts")
        order = '{"id":"12","email":"a@b.co","items":[{"sku":"xy"}],"due":"2026-11-26"}'
        self.assertEqual(json.loads(self.post("/zod", order).text),
                         {"id": 12, "email": "a@b.co", "items": [{"sku": "xy", "count": 1}], "due": "2026-11-26T00:00:00.000Z", "year": 2026})
        refused = self.post("/zod", '{"id":-1,"email":"x","items":[]}')
        self.assertEqual(refused.status, 422)
        self.assertEqual(json.loads(refused.text), ["id: too_small", "email: invalid_format", "items: too_small"])

    def test_react(self):
        self.deploy("react_app.tsx")
        self.assertRegex(self.fetch("/react/string").text, r'^<button id="[^"]+">3<!-- --> <b>&lt;&amp;&gt;</b></button>$')
        self.assertAnswer(self.fetch("/react/static"), 200, "<ul><li>1</li><li>2</li></ul>")
        streamed = self.fetch("/react/stream")
        self.assertEqual(streamed.status, 200, streamed)
        self.assertIn("<h1>streamed</h1>", streamed.text)
        self.assertLess(streamed.text.index("waiting"), streamed.text.index("came later"))

    def test_react_streams_a_response(self):
        self.need_streams()
        self.deploy("react_app.tsx")
        streamed = self.fetch("/react/response")
        self.assertLess(streamed.text.index("waiting"), streamed.text.index("came later"))

    def test_graphql_yoga(self):
        self.need_streams()
        self.deploy("yoga_app.ts")

        def ask(query, variables=None):
            answer = self.post("/yoga/graphql", json.dumps({"query": query, "variables": variables}), [("Accept", "application/json")])
            self.assertEqual(answer.status, 200, answer)
            return json.loads(answer.text)

        self.assertEqual(ask("query Q($n: String!) { hello(name: $n) }", {"n": "Zo\u00eb"}), {"data": {"hello": "Hello Zo\u00eb"}})
        self.assertEqual(ask('mutation { add(text: "one") }'), {"data": {"add": 1}})
        self.assertEqual(ask("{ notes }"), {"data": {"notes": ["one"]}})
        failed = ask("{ fail }")
        self.assertEqual((failed["data"], failed["errors"][0]["path"]), ({"fail": None}, ["fail"]))
        self.assertIn("Cannot query field", ask("{ nothing }")["errors"][0]["message"])

    def test_text_and_dates(self):
        self.deploy("pages_app.js")
        marked = wire.fetch(self.zts.http, "/pages/marked", "POST", [], "# Title\n\n* a **b**\n".encode())
        self.assertAnswer(marked, 200, "<h1>Title</h1>\n<ul>\n<li>a <strong>b</strong></li>\n</ul>\n")
        self.assertAnswer(self.fetch("/pages/preact"), 200, '<ul class="list"><li>a</li><li>&lt;b></li></ul>')
        self.assertRegex(self.fetch("/pages/uuid").text, r"^true4,true7[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$")
        self.assertAnswer(self.fetch("/pages/dates"), 200, "2026-02-28 Saturday 28")

    def test_node(self):
        self.deploy("node_app.cjs", "--env", "GREETING=hello")
        self.assertAnswer(self.fetch("/node/hash"), 200, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")
        self.assertAnswer(self.fetch("/node/fs"), 501, "ENOENT")
        with self.connect() as connection:
            for name in ("a", "b", "c"):
                self.assertAnswer(connection.request("GET", f"/node/{name}", [], None, "test"), 200, name)
        wanted = {f"{name}{late}={name}" for name in "abc" for late in ("", "-after")}
        wait_until(lambda: set(self.fetch("/node/order").text.split(",")) == wanted, "the work of ctx.waitUntil")

    def test_files_are_warned_of_at_deploy(self):
        path = os.path.join(self.folder, "files_app.js")
        with open(path, "w", encoding="utf-8") as file:
            file.write("import fs from 'fs';\nexport default () => new Response(fs.readFileSync('/etc/passwd'));\n")
        ran = self.zts.ctl("deploy", path, "--name", "files")
        self.assertEqual(ran.code, 0, ran)
        self.assertTrue(re.search(r"files_app.js:1:16: .*fs: a function has no file system", ran.err + ran.out), ran)
        self.assertEqual(self.fetch("/files").status, 500)
        wait_until(lambda: "ENOENT" in self.zts.ctl("logs", "files").out, "the reason in the log")

    def test_timers_are_objects_where_a_bundle_asks_them_for_more_than_numbers_have(self):
        body = """
import { format } from 'node:util';
export default { async fetch() {
  let fired = 0;
  const timer = setTimeout(() => { fired++; }, 5)%s;
  const stopped = setInterval(() => { fired += 100; }, 1);
  clearInterval(stopped);
  await new Promise((resolve) => setTimeout(resolve, 20));
  clearTimeout(timer);
  return new Response(format('%%s %%d', typeof timer, fired));
} };
"""
        for name, more, answer in (("objects", ".unref()", "object 1"), ("numbers", "", "number 1")):
            path = os.path.join(self.folder, f"{name}_app.js")
            with open(path, "w", encoding="utf-8") as file:
                file.write(body % more)
            ran = self.zts.ctl("deploy", path, "--name", name)
            self.assertEqual(ran.code, 0, ran)
            self.assertAnswer(self.fetch(f"/{name}"), 200, answer)

    def test_modules_that_node_does_not_have_are_an_error_at_deploy(self):
        path = os.path.join(self.folder, "nothing_app.js")
        with open(path, "w", encoding="utf-8") as file:
            file.write("import it from 'node:nothing';\nexport default () => new Response(it);\n")
        ran = self.zts.ctl("deploy", path, "--name", "nothing")
        self.assertNotEqual(ran.code, 0)
        self.assertIn("node:nothing", ran.err + ran.out)

    def test_express(self):
        self.deploy("express_app.cjs")
        self.assertAnswer(self.fetch("/express/hello/bob?from=ann"), 200, "hello bob ann")
        self.assertAnswer(wire.fetch(self.zts.http, "/express/hello/bob", "HEAD"), 200, "")
        self.assertAnswer(self.fetch("/express/who"), 200, "127.0.0.1 true")
        echoed = self.post("/express/echo", '{"a":[1]}')
        self.assertAnswer(echoed, 201, '{"a":[1]}')
        self.assertEqual(echoed.header("x-type"), "application/json")
        self.assertAnswer(self.post("/express/echo", "{"), 400)
        self.assertAnswer(self.post("/express/echo", json.dumps("x" * 2_000_000)), 413)
        self.assertAnswer(self.fetch("/express/large"), 200, "x" * 5000)
        packed = self.fetch("/express/large", headers=[("Accept-Encoding", "gzip")])
        self.assertEqual((packed.header("content-encoding"), gzip.decompress(packed.body)), ("gzip", b"x" * 5000))
        self.assertEqual(self.fetch("/express/large", headers=[("Accept-Encoding", "br")]).header("content-encoding"), "br")
        self.assertAnswer(self.fetch("/express/slowly"), 200, "part 0\npart 1\npart 2\n")
        self.assertAnswer(self.fetch("/express/fail"), 500, '{"error":"on purpose"}')
        self.assertAnswer(self.fetch("/express/file"), 404)
        self.assertAnswer(self.fetch("/express/none"), 404)
        tagged = self.fetch("/express/hello/bob")
        self.assertAnswer(self.fetch("/express/hello/bob", headers=[("If-None-Match", tagged.header("etag"))]), 304, "")
        token = json.loads(self.fetch("/express/token").text)
        self.assertEqual((token["said"], token["token"].count(".")), (7, 2))
        head, claims, signature = token["token"].split(".")
        wanted = hmac.new(b"secret", f"{head}.{claims}".encode(), hashlib.sha256).digest()
        self.assertEqual(base64.urlsafe_b64decode(signature + "="), wanted)

    def test_koa(self):
        self.deploy("koa_app.js")
        told = self.fetch("/koa/path?a=b")
        self.assertEqual(json.loads(told.text), {"method": "GET", "path": "/koa/path", "query": {"a": "b"}})
        self.assertEqual(told.header("x-length"), str(len(told.body)))
        self.assertAnswer(self.fetch("/koa/stream"), 200, "one two three")
        self.assertAnswer(self.fetch("/koa/fail"), 418, "on purpose")

    def test_fastify(self):
        self.deploy("fastify_app.js")
        hello = self.fetch("/fastify/hello/bob")
        self.assertAnswer(hello, 200, '{"hello":"bob"}')
        self.assertEqual(hello.header("x-name"), "bob")
        self.assertAnswer(self.post("/fastify/echo", '{"n":1}'), 200, '{"n":1}')
        self.assertIn("must be integer", self.post("/fastify/echo", '{"n":"x"}').text)
        self.assertAnswer(self.fetch("/fastify/none"), 404)

    def test_clients_of_node_http(self):
        server = upstream.Upstream(ClientsHandler)
        self.addCleanup(server.stop)
        self.deploy("clients_app.js", "--allow-net", "127.0.0.1")

        def ask(case_name):
            answer = self.fetch(f"/clients?case={case_name}&base={server.url('')}")
            self.assertEqual(answer.status, 200, answer)
            return json.loads(answer.text)

        posted = ask("axios")
        self.assertEqual((posted["method"], posted["body"], posted["headers"]["x-name"], posted["headers"]["content-length"]), ("POST", '{"a":1}', "value", "7"))
        self.assertEqual(ask("axiosStatus"), 404)
        self.assertEqual(ask("axiosGzip"), {"packed": True})
        self.assertEqual(ask("axiosRedirect")["path"], "/echo")
        self.assertEqual(ask("axiosTimeout"), "ECONNABORTED")
        self.assertEqual(ask("axiosStream"), 1_000_000)
        self.assertEqual(ask("got")["body"], '{"g":1}')
        self.assertEqual(ask("gotGzip"), '{"packed": true}')
        status, cookies, put = ask("http")
        self.assertEqual((status, cookies, put["method"], put["body"]), (200, ["a=1", "b=2"], "PUT", "one two"))
        self.assertEqual(put["headers"]["authorization"], "Basic " + base64.b64encode(b"user:word").decode())
        self.assertEqual(ask("upload"), "2000000")
        self.assertEqual(ask("abort"), "ECONNRESET")
        self.assertTrue(server.server.gone.acquire(timeout=20), "the server hears of what is given up")
        self.assertEqual(ask("denied"), "EACCES")


class ClientsHandler(upstream.Handler):
    def on_packed(self, rest, body):
        self.answer(int(rest), gzip.compress(b'{"packed": true}'), content_type="application/json", content_encoding="gzip")

    def end_headers(self):
        if self.command == "PUT":
            self.send_header("set-cookie", "a=1")
            self.send_header("set-cookie", "b=2")
        super().end_headers()
