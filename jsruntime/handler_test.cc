// What a module may export, what a handler may return, what a request and a response are.
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>

#include "jsruntime/testing/function_test.h"

namespace zts::js {
namespace {

using HandlerTest = FunctionTest;

TEST_F(HandlerTest, TakesEveryFormOfHandler) {
  EXPECT_EQ(Ask("export default { fetch() { return new Response('object'); } }"), "object");
  EXPECT_EQ(Ask("export default { x: 'this', fetch() { return new Response(this.x); } }"), "this");
  EXPECT_EQ(Ask("class A { x = 'class'; async fetch() { return new Response(this.x); } } export default new A()"), "class");
  EXPECT_EQ(Ask("export default function () { return new Response('function'); }"), "function");
  EXPECT_EQ(Ask("export default async () => new Response('arrow')"), "arrow");
  EXPECT_EQ(Ask("async function f() { await 1; return new Response('late'); } export { f as default };"), "late");
  EXPECT_EQ(Ask("export default (r, env, ctx) => new Response(env.GREETING + Object.isFrozen(env) + typeof ctx.waitUntil + "
                "ctx.passThroughOnException())"),
            "hitruefunctionundefined");
  EXPECT_EQ(Ask("export default () => ({ then(go) { go(new Response('thenable')); } })"), "thenable");
}

// As packages make them that bring their own fetch().
TEST_F(HandlerTest, TakesResponsesOfOtherClasses) {
  const std::string of =
      "const of = (body) => ({ status: 201, statusText: 'Made', headers: new Map([['x-name', 'value'], ['x-type', 'b']]), body,\n"
      "                        arrayBuffer: async () => new ArrayBuffer(0) });\n";
  for (const char* body : {"'text'", "new Uint8Array([116, 101, 120, 116])", "new Response('text').body",
                           "(async function* () { yield 'te'; yield new Uint8Array([120]); yield new Uint8Array([116]).buffer; })()"}) {
    for (const char* handler : {"() => ", "async () => "}) {
      Run(of + "export default " + handler + "of(" + body + ")");
      for (int i = 0; i < 20; ++i) isolate_->RunTasks();
      EXPECT_EQ(client_.responses[id_].status, 201) << body;
      EXPECT_EQ(client_.responses[id_].body, "text") << body;
    }
  }
  Run(of + "export default () => of(null)");
  EXPECT_EQ(client_.responses[id_].body, "");
  Run("export default () => ({ status: 201, headers: {}, arrayBuffer() {} })");
  EXPECT_NE(client_.failures[id_].message.find("The handler returned a plain object"), std::string::npos);
}

TEST_F(HandlerTest, SaysWhatToExport) {
  const auto message = [this](const char* source) {
    const LoadReport report = Load(source);
    EXPECT_EQ(report.outcome.kind, OutcomeKind::kNoHandler) << source;
    EXPECT_FALSE(isolate_->usable());
    return report.outcome.message;
  };
  EXPECT_NE(message("export const fetch = 1").find("export default { async fetch(request, env, ctx)"), std::string::npos);
  EXPECT_NE(message("").find("no default export"), std::string::npos);
  EXPECT_NE(message("export default {}").find("a plain object without a fetch() method"), std::string::npos);
  EXPECT_NE(message("export default class Api { fetch() {} }").find("new Api()"), std::string::npos);
  EXPECT_NE(message("export default 42").find("the number 42"), std::string::npos);
  EXPECT_NE(message("export default null").find("null"), std::string::npos);
  EXPECT_NE(message("export default Promise.resolve({})").find("await it"), std::string::npos);
}

TEST_F(HandlerTest, SaysWhatWasReturnedInstead) {
  const auto message = [this](std::string result) {
    Run("export default () => { " + result + " }");
    EXPECT_EQ(client_.failures[id_].kind, OutcomeKind::kThrew) << result;
    return client_.failures[id_].message;
  };
  EXPECT_EQ(message(""), "TypeError: The handler returned undefined; is a return missing? return a Response, e.g. return new "
                         "Response(\"hello\")");
  EXPECT_EQ(message("return 'text'"), "TypeError: The handler returned the string \"text\"; return new Response(text)");
  EXPECT_EQ(message("return { a: 1 }"), "TypeError: The handler returned a plain object; return Response.json(value)");
  EXPECT_EQ(message("return 7"), "TypeError: The handler returned the number 7; return a Response, e.g. return new Response(\"hello\")");
  EXPECT_NE(message("return Promise.resolve([])").find("an object of class Array"), std::string::npos);
  EXPECT_NE(message("return Response.error()").find("cannot be sent"), std::string::npos);
  EXPECT_NE(message("const r = new Response('x'); r.text(); return r").find("already sent or its body read"), std::string::npos);
  EXPECT_EQ(message("throw undefined"), "undefined");
  EXPECT_EQ(message("throw { toString() { throw 1 } }").substr(0, 1) != "", true);
}

TEST_F(HandlerTest, CommonMistakesCarryAHint) {
  const auto logged = [this](const char* source) {
    Run(source);
    return client_.console.empty() ? std::string() : client_.console.back().message;
  };
  EXPECT_NE(logged("export default () => new Response(process.env.X)").find("\n  hint: settings of the function"), std::string::npos);
  EXPECT_NE(logged("export default (r) => { return new Response(Promise.resolve(1)); }").find("is an await missing?"),
            std::string::npos);
  EXPECT_NE(logged("export default () => Response.json(Promise.resolve({}))").find("is an await missing?"), std::string::npos);
  EXPECT_EQ(logged("export default () => new Response('fine')"), "");
  // What fails at deploy says it too.
  EXPECT_EQ(Load("const fs = require('fs'); export default () => 1").outcome.message,
            "ReferenceError: require is not defined; zts runs ES modules, not CommonJS: use import, and let ztsctl bundle the package");
}

TEST_F(HandlerTest, ReadsTheRequest) {
  EXPECT_EQ(Ask("export default (r) => new Response(r.url)"), "http://fn.localhost/p?q=1");
  EXPECT_EQ(Ask("export default (r) => new Response(r.headers.get('ACCEPT') + r.headers.has('nope') + r.headers.get('nope'))"),
            "a/b, c/dfalsenull");
  EXPECT_EQ(Ask("export default (r) => new Response(JSON.stringify([...r.headers]))"),
            R"([["accept","a/b, c/d"],["host","fn.localhost"],["x-raw","café"]])");
  EXPECT_NE(Ask("export default (r) => { r.headers.set('a', 'b'); }").find("immutable"), std::string::npos);
  EXPECT_EQ(Ask("export default (r) => new Response(`${r.body}${r.bodyUsed}${r.signal.aborted}${r.redirect}`)"),
            "nullfalsefalsefollow");
  EXPECT_EQ(Ask("export default async (r) => new Response(await r.text() + r.bodyUsed)"), "false");
  EXPECT_EQ(Ask("export default async (r) => { const c = new Request(r, { method: 'POST', body: 'b' }); "
                "return new Response(c.url + await c.text()); }"),
            "http://fn.localhost/p?q=1b");
}

TEST_F(HandlerTest, EncodesRawBytesOfATarget) {
  request_.target = "/caf\xc3\xa9?x=\"<>\x7f";
  EXPECT_EQ(Ask("export default (r) => new Response(r.url)"), "http://fn.localhost/caf%C3%A9?x=%22%3C%3E%7F");
  const std::string long_target = "/" + std::string(4000, 'a') + "\xff";
  request_.target = long_target;
  EXPECT_EQ(Ask("export default (r) => new Response(r.url)").size(), 19u + 4001 + 3);
}

TEST_F(HandlerTest, ReadsBodies) {
  ASSERT_TRUE(Load("export default { async fetch(r) { const c = r.clone(); return Response.json([await r.json(), r.bodyUsed, "
                   "(await c.bytes()).length, c.bodyUsed]); } }")
                  .outcome.ok());
  Send("POST", R"({"ä":1})");
  EXPECT_EQ(Body(), R"([{"ä":1},true,8,true])");
  EXPECT_EQ(client_.responses[id_].Header("content-type"), "application/json");
  Send("POST", "{");
  EXPECT_EQ(client_.failures[id_].message.substr(0, 12), "SyntaxError:");
  ASSERT_TRUE(Load("export default async (r) => { await r.text(); return new Response(await r.text()); }").outcome.ok());
  Send("POST", "x");
  EXPECT_NE(Body().find("already been read"), std::string::npos);
  ASSERT_TRUE(Load("export default (r) => new Response(r.body)").outcome.ok());
  Send("POST", "x");
  EXPECT_EQ(Body(), "x");
  ASSERT_TRUE(Load("export default async (r) => new Response(await r.arrayBuffer())").outcome.ok());
  Send("POST", std::string_view("\0\xff\xfe", 3));
  EXPECT_EQ(Body(), std::string("\0\xff\xfe", 3));
}

TEST_F(HandlerTest, WritesEveryKindOfBody) {
  const auto body = [this](const std::string& value) { return Ask("export default () => new Response(" + value + ")"); };
  EXPECT_EQ(body("'plain'"), "plain");
  EXPECT_EQ(body("'caf\\xe9'"), "café");
  EXPECT_EQ(body("'€ ' + 'x'.repeat(3)"), "€ xxx");
  EXPECT_EQ(body("'\\ud800'"), "\xef\xbf\xbd");
  EXPECT_EQ(body("''"), "");
  EXPECT_EQ(body("null"), "");
  EXPECT_EQ(body("new Uint8Array([1, 2, 3]).subarray(1)"), "\x02\x03");
  EXPECT_EQ(body("new Uint16Array([258]).buffer"), "\x02\x01");
  EXPECT_EQ(body("new Blob(['a', 'b'])"), "ab");
  EXPECT_EQ(body("new URLSearchParams({ a: 'b' })"), "a=b");
}

// The memory of a copy that has been sent takes the next one; no answer may show what another one says.
TEST_F(HandlerTest, LendsBodiesThatLieAsTheyAreSent) {
  const struct {
    const char* body;
    bool lent;
  } kCases[] = {{"'short'", true},
                {"'x'.repeat(100000)", true},
                {"(() => { let text = ''; for (let i = 0; i < 30000; ++i) text += i; return text; })()", true},
                {"('a'.repeat(50000) + 'b'.repeat(50000)).slice(10, 70000)", true},
                {"new Uint8Array(100000).fill(97)", true},
                {"new Uint8Array(100000).map((_, i) => i).subarray(7, 50001)", true},
                {"new Uint8Array(3)", true},
                {"'caf\\u00e9'.repeat(10000)", false},
                {"'\\u20ac'.repeat(10000)", false},
                {"''", false},
                {"null", false}};
  for (const auto& [body, lent] : kCases) {
    Run(std::string("export default () => new Response(") + body + ")");
    const RecordingClient::Response& response = client_.responses[id_];
    EXPECT_EQ(!response.borrowed.empty(), lent) << body;
    if (lent) {
      EXPECT_TRUE(response.borrowed == response.body) << body;
    }
  }
}

TEST_F(HandlerTest, BodiesOfBytesAreTheirOwn) {
  ASSERT_TRUE(Load("const kept = [];\n"
                   "export default async (request) => {\n"
                   "  const [length, fill, how, late] = (await request.text()).split(' ').map(Number);\n"
                   "  const whole = new Uint8Array(length + 7).fill(fill);\n"
                   "  const bytes = how === 0 ? whole.subarray(3, 3 + length) : whole.slice(7);\n"
                   "  const response = new Response(how === 1 ? bytes.buffer : bytes);\n"
                   "  whole.fill(0); bytes.fill(0);\n"
                   "  if (how === 2) kept.push(response.clone());\n"
                   "  if (how === 3) kept.push(new Response(new Uint8Array(length).fill(fill)));\n"
                   "  if (how === 4) response.body;\n"
                   "  if (how === 5) return new Response(await response.arrayBuffer());\n"
                   "  if (how === 6 && kept.length > 0) return kept.shift();\n"
                   "  if (late > 0) await new Promise((done) => setTimeout(done, late));\n"
                   "  return response;\n"
                   "};").outcome.ok());
  std::mt19937 random(1);
  const auto below = [&random](size_t bound) { return random() % bound; };
  constexpr size_t kLengths[] = {0, 1, 64, 65, 1000, 1024, 4095, 4096, 5000, 16000, 70000, 300000};
  std::map<InvocationId, std::string> expected;
  std::deque<std::string> kept;
  for (int turn = 0; turn < 600; ++turn) {
    const size_t length = kLengths[below(std::size(kLengths))];
    const char fill = static_cast<char>('a' + below(26));
    const size_t how = below(7);
    std::string wanted(length, fill);
    if (how == 2 || how == 3) kept.push_back(wanted);
    if (how == 6 && !kept.empty()) {
      wanted = kept.front();
      kept.pop_front();
    }
    std::string ask;
    for (const size_t number : {length, static_cast<size_t>(fill), how, below(3)}) ask += std::to_string(number) + " ";
    expected[Send("POST", ask)] = wanted;
    if (below(4) == 0) RunDueTimers();
  }
  RunDueTimers();
  for (const auto& [id, body] : expected) ASSERT_TRUE(client_.responses[id].body == body) << id << ": " << body.size();
}

TEST_F(HandlerTest, KeepsTheWritersHeadersToTheWriter) {
  Run("export default () => new Response('x', { headers: { 'Content-Length': '99', 'Transfer-Encoding': 'chunked', Connection: 'close',"
      " Date: 'x', 'Keep-Alive': '1', Upgrade: 'h2c', 'X-Ok': '1' } })");
  const auto& response = client_.responses[id_];
  ASSERT_EQ(response.headers.size(), 2u);
  EXPECT_EQ(response.Header("x-ok"), "1");
  EXPECT_EQ(response.Header("content-type"), "text/plain;charset=UTF-8");
}

// A function may break its own language, but not the wire.
TEST_F(HandlerTest, NoTamperingReachesTheWire) {
  Run("RegExp.prototype.exec = () => null; RegExp.prototype.test = () => false; String.prototype.toLowerCase = () => 'x\\r\\ny';"
      "export default () => { let h = {}; try { h = new Headers({ a: 'b\\r\\nevil: 1' }) } catch {} "
      "return new Response('x', { headers: h }); }");
  for (const auto& [name, value] : client_.responses[id_].headers) {
    EXPECT_EQ((name + value).find_first_of("\r\n"), std::string::npos);
  }
  Run("Array.prototype.push = () => 0; Object.prototype.get = 1; Promise.prototype.then = 1; export default () => new Response('x')");
  EXPECT_EQ(client_.answers[id_], 1);
}

TEST_F(HandlerTest, CookiesStayApart) {
  Run("export default () => { const h = new Headers(); h.append('set-cookie', 'a=1'); h.append('set-cookie', 'b=2'); "
      "return new Response(null, { headers: h }); }");
  ASSERT_EQ(client_.responses[id_].headers.size(), 2u);
  EXPECT_EQ(client_.responses[id_].headers[1].second, "b=2");
}

TEST_F(HandlerTest, AnAnsweredRequestIsGone) {
  Run("let kept; export default { async fetch(r) { if (kept === undefined) { kept = r; return new Response('first'); } "
      "try { return new Response(kept.url); } catch (error) { return new Response(error.message); } } }");
  EXPECT_EQ(Body(), "first");
  Send();
  EXPECT_NE(Body().find("has been answered and its data is gone"), std::string::npos);
}

TEST_F(HandlerTest, KnowsWhoAsks) {
  const char* const source =
      "let kept; export default { fetch(r, env, ctx) { kept = kept || ctx; "
      "try { return Response.json(kept.remoteAddr); } catch (error) { return new Response(error.message); } } }";
  EXPECT_EQ(Ask(source), "null");
  request_.peer = {.bytes = {10, 0, 0, 7}, .size = 4, .port = 4711};
  EXPECT_EQ(Ask(source), R"({"transport":"tcp","hostname":"10.0.0.7","port":4711})");
  Send();
  EXPECT_NE(Body().find("has been answered and its data is gone"), std::string::npos) << Body();
  request_.peer = {.bytes = {0x20, 1, 0xd, '\xb8', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, .size = 16, .port = 1};
  EXPECT_EQ(Ask(source), R"({"transport":"tcp","hostname":"2001:db8::1","port":1})");
}

TEST_F(HandlerTest, BackgroundWorkKeepsTheRequest) {
  {
    std::string target = "/only/while/dispatching";
    request_.target = target;
    Run("export default { fetch(r, env, ctx) { ctx.waitUntil((async () => { await new Promise((go) => setTimeout(go, 5)); "
        "console.log(r.url, r.headers.get('accept'), await r.text()); })()); return new Response('ok'); } }");
    target.assign(target.size(), '?');
  }
  EXPECT_EQ(Body(), "ok");
  EXPECT_EQ(isolate_->in_flight(), 1u);
  EXPECT_TRUE(client_.background_done.empty());
  RunDueTimers();
  ASSERT_EQ(client_.console.size(), 1u);
  EXPECT_EQ(client_.console[0].id, id_);
  EXPECT_EQ(client_.console[0].message, "http://fn.localhost/only/while/dispatching a/b, c/d ");
  EXPECT_EQ(client_.background_done, std::vector<InvocationId>{id_});
  EXPECT_EQ(isolate_->in_flight(), 0u);
}

TEST_F(HandlerTest, WaitUntilReportsRejections) {
  Run("export default { fetch(r, env, ctx) { ctx.waitUntil(Promise.reject(new Error('later'))); return new Response('ok'); } }");
  EXPECT_EQ(Body(), "ok");
  ASSERT_EQ(client_.console.size(), 1u);
  EXPECT_EQ(client_.console[0].severity, LogSeverity::kException);
  EXPECT_NE(client_.console[0].message.find("Error: later\n    at Object.fetch (fn.js:1:"), std::string::npos)
      << client_.console[0].message;
  EXPECT_EQ(client_.background_done.size(), 1u);
}

TEST_F(HandlerTest, AbandonEndsBackgroundWork) {
  Run("export default () => { setInterval(() => console.log('tick'), 1); return new Response('ok'); }");
  EXPECT_EQ(isolate_->in_flight(), 1u);
  isolate_->RunTimers(client_.timer_due);
  EXPECT_EQ(client_.console.size(), 1u);
  isolate_->Abandon(id_);
  EXPECT_EQ(isolate_->in_flight(), 0u);
  EXPECT_EQ(client_.timer_due, 0);
}

TEST_F(HandlerTest, ManyInFlightAnswerInAnyOrder) {
  ASSERT_TRUE(Load("const waiting = []; export default { async fetch(r) { "
                   "if (r.method === 'PUT') { while (waiting.length) waiting.pop()(); "
                   "return new Response('go'); } await new Promise((go) => waiting.push(go)); return new Response(r.url); } }")
                  .outcome.ok());
  for (int i = 0; i < 3000; ++i) Send();
  EXPECT_EQ(isolate_->in_flight(), 3000u);
  Send("PUT");
  EXPECT_EQ(isolate_->in_flight(), 0u);
  EXPECT_EQ(client_.responses.size(), 3001u);
  for (const auto& [id, count] : client_.answers) EXPECT_EQ(count, 1);
}

TEST_F(HandlerTest, ConsoleKnowsItsInvocationAcrossAwaits) {
  ASSERT_TRUE(Load("export default { async fetch(r) { const id = r.method; await null; await new Promise((go) => setTimeout(go, 1)); "
                   "queueMicrotask(() => console.warn(id)); return new Response(); } }")
                  .outcome.ok());
  const InvocationId first = Send("ONE");
  const InvocationId second = Send("TWO");
  RunDueTimers();
  ASSERT_EQ(client_.console.size(), 2u);
  EXPECT_EQ(client_.console[0].message, "ONE");
  EXPECT_EQ(client_.console[0].id, first);
  EXPECT_EQ(client_.console[1].id, second);
  EXPECT_EQ(client_.console[1].severity, LogSeverity::kWarn);
}

TEST_F(HandlerTest, ATraceWithoutLimitIsNoCrash) {
  // With traces of uncaught exceptions switched on, V8 ends the process over any limit above 2^31 - 1.
  EXPECT_EQ(Ask("Error.stackTraceLimit = Infinity; export default () => { try { null.x } catch (e) { Error.captureStackTrace({}); "
                "return new Response(e.stack.includes('fn.js:1:') ? 'traced' : e.stack); } }"),
            "traced");
  Run("Error.stackTraceLimit = Infinity; export default () => { throw new RangeError('limitless'); }");
  EXPECT_EQ(client_.failures[id_].message, "RangeError: limitless");
}

TEST_F(HandlerTest, ReportsWhatNobodyCaught) {
  Run("export default () => { Promise.reject(new RangeError('adrift')); queueMicrotask(() => { throw new Error('micro'); }); "
      "setTimeout(() => { throw new Error('timer'); }, 1); const late = Promise.reject(1); late.catch(() => {}); "
      "return new Response('ok'); }");
  RunDueTimers();
  EXPECT_EQ(Body(), "ok");
  ASSERT_EQ(client_.console.size(), 3u);
  EXPECT_EQ(client_.console[0].message.substr(0, 21), "Uncaught Error: micro");
  EXPECT_EQ(client_.console[1].message.substr(0, 40), "Uncaught (in promise) RangeError: adrift");
  EXPECT_EQ(client_.console[2].message.substr(0, 21), "Uncaught Error: timer");
  for (const auto& record : client_.console) {
    EXPECT_EQ(record.severity, LogSeverity::kException);
    EXPECT_NE(record.message.find("fn.js:1:"), std::string::npos) << record.message;
  }
}

}  // namespace
}  // namespace zts::js
