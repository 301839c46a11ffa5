"""The web API as functions have it in the real thing: not its conformance, but that every part is there and alive."""

import json

import case
from harness import wire

SMOKE = r"""
const checks = {
  url() {
    const url = new URL("../b?x=1&y=2#h", "https://example.com:8080/a/c");
    url.searchParams.append("z", "\u00e4 b");
    return url.href;
  },
  params() { return [...new URLSearchParams("a=1&a=2&b=%20")].flat().join("|"); },
  headers() {
    const headers = new Headers({ B: "2", a: " 1 " });
    headers.append("b", "3");
    return JSON.stringify([...headers]);
  },
  headersRefuse() { try { new Headers({ "a b": "1" }); return "taken"; } catch (e) { return e.name; } },
  request() {
    const request = new Request("https://example.com/", { method: "POST", body: "x", headers: { "X-A": "1" } });
    return request.method + request.headers.get("x-a");
  },
  async requestBody() { return (await new Request("https://e.com/", { method: "POST", body: '{"a":1}' }).json()).a; },
  async responseJson() { const r = Response.json({ a: [1] }, { status: 201 }); return r.status + JSON.stringify(await r.json()); },
  text() { return new TextDecoder().decode(new TextEncoder().encode("gr\u00fc\u00df \u{1f600}")); },
  base64() { return atob(btoa("zts\x00\xff")) === "zts\x00\xff"; },
  clone() {
    const value = { date: new Date(0), map: new Map([[1, { a: 1 }]]), set: new Set([1]), bytes: new Uint8Array([1, 2]) };
    value.self = value;
    const copy = structuredClone(value);
    return copy !== value && copy.self === copy && copy.map.get(1).a === 1 && copy.bytes[1] === 2 && copy.date.getTime() === 0;
  },
  cloneRefuses() { try { structuredClone(() => {}); return "taken"; } catch (e) { return e.name; } },
  random() {
    const bytes = crypto.getRandomValues(new Uint8Array(32));
    return bytes.some((b) => b !== 0) && /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(crypto.randomUUID())
      && crypto.randomUUID() !== crypto.randomUUID();
  },
  now() { const a = performance.now(); return typeof a === "number" && performance.now() >= a && Math.abs(Date.now() - Number(new Date())) < 1000; },
  async timers() {
    const order = [];
    await new Promise((done) => {
      setTimeout(() => { order.push("late"); done(); }, 20);
      setTimeout((a) => order.push(a), 1, "early");
      clearTimeout(setTimeout(() => order.push("never"), 5));
      queueMicrotask(() => order.push("micro"));
      order.push("sync");
    });
    return order.join();
  },
  async interval() {
    let count = 0;
    return new Promise((done) => { const id = setInterval(() => { if (++count === 3) { clearInterval(id); done(count); } }, 1); });
  },
  async promises() { return (await Promise.allSettled([Promise.resolve(1), Promise.reject(new Error("2"))])).map((r) => r.status).join(); },
  errors() { try { null.x; } catch (e) { return e instanceof TypeError && e.stack.includes("web-api.js"); } },
  json() { return JSON.stringify(JSON.parse('{"b":[1,2,{"c":null}],"a":"\\u00fc"}')); },
  noNode() { return [typeof require, typeof process, typeof Buffer, typeof module].join(); },
  noEval() { try { return String(eval("1+1")); } catch (e) { return e.name; } },
  intl() { return new Date(0).toISOString() + (1234.5).toFixed(2); },
  generators() { function* g() { yield* [1, 2]; } return [...g()].join(); },
};

export default {
  async fetch() {
    const results = {};
    for (const [name, check] of Object.entries(checks)) {
      try { results[name] = await check(); } catch (error) { results[name] = "failed: " + error; }
    }
    return Response.json(results);
  },
};
"""

EXPECTED = {
    "url": "https://example.com:8080/b?x=1&y=2&z=%C3%A4+b#h",
    "params": "a|1|a|2|b| ",
    "headers": '[["a","1"],["b","2, 3"]]',
    "headersRefuse": "TypeError",
    "request": "POST1",
    "requestBody": 1,
    "responseJson": '201{"a":[1]}',
    "text": "gr\u00fc\u00df \U0001f600",
    "base64": True,
    "clone": True,
    "cloneRefuses": "DataCloneError",
    "random": True,
    "now": True,
    "timers": "sync,micro,early,late",
    "interval": 3,
    "promises": "fulfilled,rejected",
    "errors": True,
    "json": '{"b":[1,2,{"c":null}],"a":"\u00fc"}',
    "noNode": "undefined,undefined,undefined,undefined",
    "intl": "1970-01-01T00:00:00.000Z1234.50",
    "generators": "1,2",
}


class WebApi(case.PlatformCase):
    @classmethod
    def prepare(cls):
        cls.zts.deploy("web-api", SMOKE)

    def test_every_part_is_alive(self):
        results = json.loads(self.fetch("/web-api").text)
        for name, expected in EXPECTED.items():
            with self.subTest(name):
                self.assertEqual(results.get(name), expected)

    def test_the_request_as_functions_see_it(self):
        self.zts.deploy("seen", """export default async (request) => Response.json({
          method: request.method, url: request.url, agent: request.headers.get("user-agent"),
          all: [...request.headers].map(([name]) => name), used: request.bodyUsed, body: await request.text(), after: request.bodyUsed });""")
        answer = json.loads(self.fetch("/seen?a=%20b", method="PUT", headers=[("User-Agent", "e2e"), ("X-Two", "1"), ("X-Two", "2")],
                                       body="\u00fc", host="seen.localhost:99").text)
        self.assertEqual((answer["method"], answer["agent"], answer["body"]), ("PUT", "e2e", "\u00fc"))
        self.assertEqual(answer["url"], "http://seen.localhost:99/seen?a=%20b")
        self.assertEqual((answer["used"], answer["after"]), (False, True))
        self.assertIn("x-two", answer["all"])

    def test_a_body_is_read_once(self):
        self.zts.deploy("once", """export default async (request) => {
          const copy = request.clone();
          const seen = [await request.text(), await copy.text()];
          try { await request.text(); } catch (error) { seen.push(error.name); }
          try { request.clone(); } catch (error) { seen.push(error.name); }
          return new Response(seen.join());
        };""")
        self.assertAnswer(self.fetch("/once", method="POST", body="a"), 200, "a,a,TypeError,TypeError")

    def test_concurrent_requests_of_one_isolate_keep_apart(self):
        self.zts.deploy("apart", """export default async (request) => {
          const mine = new URL(request.url).searchParams.get("n");
          await new Promise((r) => setTimeout(r, 5 * (Number(mine) % 7)));
          return new Response(mine + new URL(request.url).searchParams.get("n") + request.headers.get("x-n"));
        };""")
        connections = [self.connect() for _ in range(50)]
        for n, connection in enumerate(connections):
            connection.send(wire.format_request("GET", f"/apart?n={n}", [("X-N", str(n))]))
        for n, connection in enumerate(connections):
            self.assertAnswer(connection.read_response(), 200, f"{n}{n}{n}")
