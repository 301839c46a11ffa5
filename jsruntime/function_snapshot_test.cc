// Functions that begin from a snapshot of themselves: they do what they do without, and whose snapshot cannot be says why.
#include "jsruntime/function_snapshot.h"

#include <gtest/gtest.h>

#include "jsruntime/compiler.h"
#include "jsruntime/testing/function_test.h"

namespace zts::js {
namespace {

class FunctionSnapshotTest : public FunctionTest {
 protected:
  Recorded Made(const std::string& source) {
    script_ = MakeScript("fn", "v1", source);
    script_->env = {{"GREETING", "hi"}};
    return Record(TestHost(), script_);
  }
  // From its snapshot; the report's outcome says what went wrong.
  LoadReport Restore(const std::string& source) {
    const Recorded recorded = Made(source);
    EXPECT_TRUE(recorded.report.outcome.ok()) << recorded.report.outcome.message;
    EXPECT_EQ(recorded.refusal, "");
    snapshot_ = recorded.snapshot;
    return RestoreAgain();
  }
  LoadReport RestoreAgain() {
    script_->function_snapshot = AsBytes(snapshot_);
    isolate_.reset();
    isolate_ = TestHost().RestoreIsolate(script_);
    if (isolate_ == nullptr) return {.outcome = {OutcomeKind::kThrew, "not restored"}};
    const LoadReport report = isolate_->Load(script_);
    EXPECT_TRUE(report.restored);
    if (report.outcome.ok()) isolate_->Attach(&client_);
    return report;
  }
  std::string AskRestored(const std::string& source) {
    const LoadReport report = Restore(source);
    if (!report.outcome.ok()) return report.outcome.message;
    Send();
    return Body();
  }
  // What stands in the way: seen where the module is compiled, or where its snapshot is made.
  std::string Refusal(const std::string& source) {
    script_ = MakeScript("fn", "v1", source);
    script_->env = {{"GREETING", "hi"}};
    const Compiled compiled = Compile(TestHost(), script_);
    EXPECT_TRUE(compiled.outcome.ok()) << compiled.outcome.message;
    if (!compiled.snapshot_refusal.empty()) return compiled.snapshot_refusal;
    const Recorded recorded = Record(TestHost(), script_);
    EXPECT_TRUE(recorded.report.outcome.ok()) << recorded.report.outcome.message;
    EXPECT_EQ(recorded.snapshot.empty(), !recorded.refusal.empty());
    return recorded.refusal;
  }

  std::string snapshot_;
};

// V8 can write down no CallSite; the module gets copies.
TEST_F(FunctionSnapshotTest, KeepsWhatItKnowsOfItsStack) {
  const std::string source =
      "function where() {\n"
      "  const before = Error.prepareStackTrace;\n"
      "  Error.prepareStackTrace = (error, sites) => sites;\n"
      "  const { stack } = new Error();\n"
      "  Error.prepareStackTrace = before;\n"
      "  return stack[0];\n"
      "}\n"
      "const site = where();\n"
      "const now = () => { const site = where(); return `${site.getFunctionName()}:${site.getLineNumber()}`; };\n"
      "export default () => new Response([site.getFunctionName(), site.getLineNumber(), site.isEval(), `${site}`.includes('fn.js:4'),\n"
      "                                   now(), Object.hasOwn(Error, 'prepareStackTrace')].join());";
  EXPECT_EQ(AskRestored(source), "where,4,false,true,where:4,true");
  EXPECT_EQ(AskRestored("Error.prepareStackTrace = (error) => `mine: ${error.message}`; const kept = Error.prepareStackTrace;\n"
                        "export default () => new Response(new Error('x').stack + typeof kept)"),
            "mine: xfunction");
  EXPECT_EQ(AskRestored("export default () => new Response(String(Object.hasOwn(Error, 'prepareStackTrace')))"), "false");
}

// One that has read its environment while it loaded is for that environment.
TEST_F(FunctionSnapshotTest, OfAnEnvironment) {
  const std::string source =
      "import process from 'node:process'; const greeting = process.env.GREETING; export default () => new Response(greeting)";
  EXPECT_EQ(AskRestored(source), "hi");
  for (const auto& other : std::vector<std::vector<std::pair<std::string, std::string>>>{
           {}, {{"GREETING", "ho"}}, {{"GREETING", "hi"}, {"MORE", ""}}, {{"GREETINGh", "i"}}}) {
    script_->env = other;
    EXPECT_EQ(TestHost().RestoreIsolate(script_), nullptr) << other.size();
  }
  script_->env = {{"GREETING", "hi"}};
  EXPECT_NE(TestHost().RestoreIsolate(script_), nullptr);
  // One that has not is for any.
  EXPECT_EQ(AskRestored("export default (request, env) => new Response(env.GREETING)"), "hi");
  script_->env = {{"GREETING", "ho"}};
  EXPECT_TRUE(RestoreAgain().outcome.ok());
  Send();
  EXPECT_EQ(Body(), "ho");
}

TEST(EnvironmentKeyTest, OneForEachSet) {
  EXPECT_EQ(EnvironmentKey({{"A", "1"}, {"B", "2"}}), EnvironmentKey({{"B", "2"}, {"A", "1"}}));
  EXPECT_NE(EnvironmentKey({{"A", "1B"}}), EnvironmentKey({{"A", "1"}, {"B", ""}}));
  EXPECT_NE(EnvironmentKey({}), "");
}

TEST_F(FunctionSnapshotTest, BeginsWhereTheModulesWorkEnded) {
  EXPECT_EQ(AskRestored("let n = 0; const table = Array.from({ length: 1000 }, (_, i) => i * 2); const map = new Map([['k', { v: 7 }]]);\n"
                        "class Counter { #n = 40; static step = 1; next() { return this.#n += Counter.step + n++; } }\n"
                        "const counter = new Counter(); const word = /b+/u;\n"
                        "export default { fetch() { return new Response([counter.next(), table[5], map.get('k').v, "
                        "word.exec('abbc')[0]].join()); } };"),
            "41,10,7,bb");
  Send();
  EXPECT_EQ(Body(), "43,10,7,bb");
  // Each isolate begins anew.
  ASSERT_TRUE(RestoreAgain().outcome.ok());
  Send();
  EXPECT_EQ(Body(), "41,10,7,bb");
}

TEST_F(FunctionSnapshotTest, TheWebApiWorks) {
  EXPECT_EQ(AskRestored("const encoder = new TextEncoder(); const url = new URL('http://x.example/a?b=1');\n"
                        "export default async (request, env) => {\n"
                        "  const stream = new Response('str' + 'eam').body.pipeThrough(new TextDecoderStream());\n"
                        "  let text = ''; for await (const piece of stream) text += piece;\n"
                        "  const hash = await crypto.subtle.digest('SHA-256', encoder.encode('x'));\n"
                        "  await new Promise((go) => setTimeout(go, 0));\n"
                        "  return Response.json([text, new Uint8Array(hash)[0], url.searchParams.get('b'), "
                        "env.GREETING, request.headers.get('x-raw'),\n"
                        "    structuredClone(new Map([[1, 2]])).get(1), typeof crypto.randomUUID(), new URL(request.url).pathname]);\n"
                        "}; "),
            "NO ANSWER");
  RunDueTimers();
  EXPECT_EQ(Body(), "[\"stream\",45,\"1\",\"hi\",\"caf\xc3\xa9\",2,\"string\",\"/p\"]");
}

TEST_F(FunctionSnapshotTest, ModulesOfTheRuntimeWork) {
  EXPECT_EQ(AskRestored("import { Buffer } from 'node:buffer'; import * as path from 'node:path'; import { "
                        "AsyncLocalStorage } from 'node:async_hooks'; import process from 'node:process';\n"
                        "const store = new AsyncLocalStorage(); const prefix = Buffer.from('aGk=', 'base64').toString();\n"
                        "export default () => store.run('stored', async () => { await null;\n"
                        "  const same = (await import('node:buffer')).Buffer === Buffer;\n"
                        "  const { createHash } = await import('node:crypto');\n"
                        "  return new Response([prefix, path.basename('/a/b'), path.default.sep, store.getStore(), "
                        "same, process.env.GREETING, createHash('md5').update('x').digest('hex').length].join()); });"),
            "hi,b,/,stored,true,hi,32");
}

TEST_F(FunctionSnapshotTest, LazyApisTouchedWhileLoadingWork) {
  EXPECT_EQ(AskRestored("const pattern = new URLPattern({ pathname: '/:id' }); const stream = new TransformStream();\n"
                        "export default () => new Response(pattern.exec('http://x/q').pathname.groups.id + stream.readable.locked);"),
            "qfalse");
}

TEST_F(FunctionSnapshotTest, SourcesBeyondAsciiWork) {
  EXPECT_EQ(AskRestored("const word = 'gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80'; function late() { return word.length; } "
                        "export default () => new Response(word + late());"),
            "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80""7");
}

TEST_F(FunctionSnapshotTest, FunctionsThatHadNotRunAreCompiledLater) {
  EXPECT_EQ(AskRestored("function never(x) { return eval('x + 1') + inner(); function inner() { return 'late'; } }\n"
                        "export default () => new Response(never(1) + String(never).length)"),
            "2late89");
}

TEST_F(FunctionSnapshotTest, ErrorsKeepTheirPlace) {
  EXPECT_EQ(AskRestored("\nfunction fail() { throw new Error('late'); }\nexport default () => fail()").substr(0, 11), "FAILED Erro");
  ASSERT_FALSE(client_.console.empty());
  EXPECT_NE(client_.console.back().message.find("at fail (fn.js:2:25)"), std::string::npos) << client_.console.back().message;
}

TEST_F(FunctionSnapshotTest, TimeAndRandomnessAreNotFrozen) {
  const std::string source = "export default () => new Response([Math.random(), Math.abs(Date.now() - "
                             "performance.timeOrigin - performance.now()) < 60000].join())";
  const std::string first = AskRestored(source);
  ASSERT_TRUE(RestoreAgain().outcome.ok());
  Send();
  EXPECT_NE(Body(), first);
  EXPECT_TRUE(first.ends_with(",true")) << first;
}

TEST_F(FunctionSnapshotTest, ExportsAreLive) {
  EXPECT_EQ(AskRestored("let made = 0; export let hooks = 0; export { made as count }; export function afterRestore() { "
                        "hooks = 5; made++; }\n"
                        "export default () => new Response([hooks, made].join())"),
            "5,1");
}

TEST_F(FunctionSnapshotTest, CollectionsKeyedByStringsAreHashedAnew) {
  EXPECT_EQ(AskRestored("const map = new Map(), set = new Set(), object = {}, symbols = new Map([[Symbol.for('s'), 1]]);\n"
                        "for (let i = 0; i < 5000; i++) { map.set('key' + i, i); set.add('item' + i); object['p' + i] = i; }\n"
                        "class A { #x = 1; static has(a) { return #x in a; } } const a = new A(); const weak = new "
                        "WeakMap([[a, 'weak']]);\n"
                        "export default () => { let right = 0;\n"
                        "  for (let i = 0; i < 5000; i++) if (map.get('key' + i) === i && set.has('item' + i) && "
                        "object['p' + i] === i) right++;\n"
                        "  return new Response([right, symbols.get(Symbol.for('s')), A.has(a), weak.get(a)].join()); }"),
            "5000,1,true,weak");
}

TEST_F(FunctionSnapshotTest, HooksRunAroundIt) {
  EXPECT_EQ(AskRestored("const log = []; export function beforeSnapshot() { log.push('before'); }\n"
                        "export async function afterRestore() { await null; log.push('after', typeof crypto.randomUUID()); }\n"
                        "export default () => new Response(log.join())"),
            "before,after,string");
  const LoadReport failed = Restore("export function afterRestore() { throw new Error('no restore'); } export default "
                                    "() => new Response()");
  EXPECT_EQ(failed.outcome.kind, OutcomeKind::kThrew);
  EXPECT_EQ(failed.outcome.message, "Error: no restore");
}

TEST_F(FunctionSnapshotTest, TheRuntimesSwitchesAreKept) {
  EXPECT_EQ(AskRestored("export default () => new Response([typeof WebAssembly.Module, typeof SharedArrayBuffer, typeof Atomics].join())"),
            "function,undefined,undefined");
}

TEST_F(FunctionSnapshotTest, TheLengthOfStacksIsTheModulesToChoose) {
  EXPECT_EQ(AskRestored("export default () => new Response(String(Error.stackTraceLimit))"), "10");
  EXPECT_EQ(AskRestored("Error.stackTraceLimit = 3; export default () => new Response(String(Error.stackTraceLimit))"), "3");
}

TEST_F(FunctionSnapshotTest, SaysWhatIsInTheWay) {
  const auto refused = [this](const std::string& statement, const std::string& why) {
    const std::string refusal = Refusal(statement + "; export default () => new Response()");
    EXPECT_NE(refusal.find(why), std::string::npos) << statement << ": " << refusal;
  };
  EXPECT_EQ(Refusal("const x = new Date(0), y = Date.UTC(2000); export default () => new Response()"), "");
  refused("setTimeout(() => {}, 5)", "timers");
  refused("const id = crypto.randomUUID()", "random");
  refused("const id = Math.random()", "random");
  refused("const at = Date.now()", "clock");
  refused("const at = new Date()", "clock");
  refused("const at = Date()", "clock");
  refused("const at = performance.now()", "clock");
  refused("class Later extends Date {} const at = new Later()", "clock");
  refused("import { createHash } from 'node:crypto'; const hash = createHash('md5')", "digests");
  refused("const has = typeof WebAssembly", "WebAssembly");
  refused("Object.freeze(Error)", "freezes");
  refused("Object.preventExtensions(globalThis)", "freezes");
  refused("await null", "awaits at its top level");
  refused("const url = import.meta.url", "import.meta");
  refused("const buffer = import('node:buffer')", "import()");
}

TEST_F(FunctionSnapshotTest, WhoRenewsMayAskForTimeAndRandomness) {
  const std::string source = "let at = Date.now(), id = crypto.randomUUID(), x = Math.random(); const first = [at, id, x].join();\n"
                             "export function afterRestore() { at = 0; id = crypto.randomUUID(); x = Math.random(); }\n"
                             "export default () => new Response([at, id !== first.split(',')[1], x !== "
                             "Number(first.split(',')[2])].join())";
  EXPECT_EQ(Refusal(source), "");
  EXPECT_EQ(AskRestored(source), "0,true,true");
}

TEST_F(FunctionSnapshotTest, LoadsThatFailAreNoSnapshots) {
  EXPECT_EQ(Made("throw new Error('x')").report.outcome.message, "Error: x");
  EXPECT_EQ(Made("export default {}").report.outcome.kind, OutcomeKind::kNoHandler);
  EXPECT_EQ(Made("export function beforeSnapshot() { throw new Error('not now') } export default () => 1").report.outcome.message,
            "Error: not now");
}

TEST_F(FunctionSnapshotTest, MemoryIsNoMoreThanThatOfALoadedModule) {
  std::string source = "const index = new Map(); for (let i = 0; i < 2000; i++) index.set('key' + i, { id: i });\n";
  for (int i = 0; i < 2000; ++i) {
    const std::string n = std::to_string(i);
    source += "export function f" + n + "(x) { return x + " + n + "; } f" + n + "(1);\n";
  }
  source += "export default () => new Response(String(f1(1)))";
  ASSERT_EQ(AskRestored(source), "2");
  isolate_->CollectGarbage();
  const MemoryUse restored = isolate_->memory();
  ASSERT_EQ(Ask(source), "2");
  isolate_->CollectGarbage();
  const MemoryUse loaded = isolate_->memory();
  EXPECT_LE(restored.heap_used_bytes, loaded.heap_used_bytes * 11 / 10);
  EXPECT_LE(restored.heap_committed_bytes, loaded.heap_committed_bytes * 11 / 10);
  std::printf("used %zu and %zu KiB, resident %zu and %zu KiB: from the snapshot, and loaded\n", restored.heap_used_bytes >> 10,
              loaded.heap_used_bytes >> 10, restored.heap_committed_bytes >> 10, loaded.heap_committed_bytes >> 10);
}

TEST_F(FunctionSnapshotTest, OfAnotherBuildItIsNotUsed) {
  const std::string source = "export default () => new Response('x')";
  ASSERT_EQ(AskRestored(source), "x");
  const std::string good = snapshot_;
  const auto usable = [&](std::string bytes) {
    script_->function_snapshot = AsBytes(bytes);
    const bool made = TestHost().RestoreIsolate(script_) != nullptr;
    script_->function_snapshot = {};
    return made;
  };
  EXPECT_TRUE(usable(good));
  EXPECT_FALSE(usable(""));
  EXPECT_FALSE(usable("nonsense"));
  for (size_t cut = 0; cut < 400; ++cut) EXPECT_FALSE(usable(good.substr(0, cut))) << cut;
  EXPECT_FALSE(usable(good.substr(0, good.size() - 1)));
  EXPECT_FALSE(usable(good + "x"));
  std::string other = good;
  other[20] ^= 1;  // in the key
  EXPECT_FALSE(usable(other));
}

}  // namespace
}  // namespace zts::js
