// Loading: errors with their place, top-level await, code caches, what isolates share and what they do not.
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "jsruntime/compiler.h"
#include "jsruntime/testing/function_test.h"

namespace zts::js {
namespace {

using LoadTest = FunctionTest;

TEST_F(LoadTest, SyntaxErrorsHaveTheirPlace) {
  const Outcome outcome = Load("// one\nexport default {\n  fetch() { return }; }\n}").outcome;
  EXPECT_EQ(outcome.kind, OutcomeKind::kSyntax);
  EXPECT_EQ(outcome.message, "SyntaxError: Unexpected token ';'");
  EXPECT_EQ(outcome.file, "fn.js");
  EXPECT_EQ(outcome.line, 3);
  EXPECT_EQ(outcome.column, 21);
  EXPECT_EQ(outcome.source_line, "  fetch() { return }; }");
}

TEST_F(LoadTest, LongLinesAreCutAroundTheColumn) {
  const Outcome outcome = Load("const a = '" + std::string(100000, 'x') + "'; )" + std::string(1000, ' ')).outcome;
  EXPECT_EQ(outcome.column, 100015);
  EXPECT_LT(outcome.source_line.size(), 300u);
  EXPECT_NE(outcome.source_line.find("'; )"), std::string::npos);
}

TEST_F(LoadTest, RuntimeErrorsHaveTheirPlace) {
  const Outcome outcome = Load("const config = undefined;\n\nexport default config.handler;").outcome;
  EXPECT_EQ(outcome.kind, OutcomeKind::kThrew);
  EXPECT_EQ(outcome.message, "TypeError: Cannot read properties of undefined (reading 'handler')");
  EXPECT_EQ(outcome.line, 3);
  EXPECT_EQ(outcome.column, 23);
  EXPECT_NE(outcome.stack.find("at fn.js:3:23"), std::string::npos) << outcome.stack;
}

TEST_F(LoadTest, ImportsAreBundlesWork) {
  Outcome outcome = Load("\nimport x from 'left-pad';\nexport default x;").outcome;
  EXPECT_EQ(outcome.kind, OutcomeKind::kSyntax);
  EXPECT_NE(outcome.message.find("\"left-pad\""), std::string::npos);
  EXPECT_EQ(outcome.line, 2);
  EXPECT_EQ(outcome.source_line, "import x from 'left-pad';");
  outcome = Load("await import('left-pad')").outcome;
  EXPECT_EQ(outcome.kind, OutcomeKind::kThrew);
  EXPECT_NE(outcome.message.find("ztsctl deploy bundles"), std::string::npos);
  outcome = Load("export { y }; export default 1").outcome;
  EXPECT_EQ(outcome.kind, OutcomeKind::kSyntax);
  EXPECT_EQ(Ask("export default () => new Response(import.meta.url)"), "file:///fn.js");
}

TEST_F(LoadTest, TopLevelAwait) {
  EXPECT_EQ(Ask("const x = await new Promise((go) => setTimeout(go, 3, 'waited')); export default () => new Response(x)"), "waited");
  Outcome outcome = Load("await new Promise(() => {})").outcome;
  EXPECT_EQ(outcome.kind, OutcomeKind::kThrew);
  EXPECT_NE(outcome.message.find("never comes"), std::string::npos);
  outcome = Load("await null;\nawait Promise.reject(new Error('late'))").outcome;
  EXPECT_EQ(outcome.message, "Error: late");
  EXPECT_EQ(outcome.line, 2);
}

TEST_F(LoadTest, TerminateEndsAWaitingLoad) {
  isolate_ = TestHost().NewIsolate();
  std::thread watchdog([this] { isolate_->Terminate(OutcomeKind::kStartupLimit); });
  const LoadReport report = isolate_->Load(MakeScript("fn", "v1", "await new Promise((go) => setTimeout(go, 9000))"));
  watchdog.join();
  EXPECT_EQ(report.outcome.kind, OutcomeKind::kStartupLimit);
}

TEST_F(LoadTest, ConsoleBeforeAttachComesWithIt) {
  Run("console.log('loading'); export default () => new Response()");
  ASSERT_EQ(client_.console.size(), 1u);
  EXPECT_EQ(client_.console[0].message, "loading");
  EXPECT_EQ(client_.console[0].id, 0u);
}

TEST_F(LoadTest, CodeCacheIsAcceptedAndBadOnesAreNot) {
  const std::string source =
      "function f() { return 'cached'; } const x = f(); export default () => new Response(x + ' \xc3\xa4 ' + 'é'.length)";
  auto script = MakeScript("fn", "v1", source);
  const Compiled compiled = Compile(TestHost(), script);
  ASSERT_TRUE(compiled.outcome.ok()) << compiled.outcome.message;
  ASSERT_GT(compiled.code_cache.size(), 100u);
  const auto load = [&](std::string_view cache, LoadReport::Cache expected, size_t nursery_bytes = 0) {
    auto with_cache = MakeScript("fn", "v1", source);
    with_cache->code_cache = AsBytes(cache);
    isolate_ = TestHost().NewIsolate({.nursery_bytes = nursery_bytes});
    const LoadReport report = isolate_->Load(with_cache);
    EXPECT_TRUE(report.outcome.ok()) << report.outcome.message;
    EXPECT_EQ(report.cache, expected);
    isolate_->Attach(&client_);
    Send();
    EXPECT_EQ(Body(), "cached ä 1");
  };
  load(compiled.code_cache, LoadReport::Cache::kAccepted);
  load(compiled.code_cache, LoadReport::Cache::kAccepted, size_t{32} << 20);
  load("", LoadReport::Cache::kNone);
  load("nonsense", LoadReport::Cache::kRejected);
  load(std::string_view(compiled.code_cache).substr(0, compiled.code_cache.size() / 2), LoadReport::Cache::kRejected);
  std::string broken = compiled.code_cache;
  broken[4] ^= 1;
  load(broken, LoadReport::Cache::kRejected);
}

// What an isolate that has answered leaves holds the functions that the requests have run.
TEST_F(LoadTest, ACodeCacheIsLearnedFromRequests) {
  std::string body = "return [";
  for (int i = 0; i < 500; ++i) body += "x + " + std::to_string(i) + ", ";
  const std::string source = "function big(x) { " + body + "].length; }\nexport default { fetch() { return new Response(big(1)); } };";
  auto script = MakeScript("fn", "v1", source);
  const Compiled compiled = Compile(TestHost(), script);
  const auto learn = [&](int requests) {
    isolate_ = TestHost().NewIsolate();
    EXPECT_TRUE(isolate_->Load(script).outcome.ok());
    isolate_->Attach(&client_);
    for (int i = 0; i < requests; ++i) Send();
    return isolate_->MakeCodeCache();
  };
  const std::string unused = learn(0);
  const std::string learned = learn(3);
  EXPECT_EQ(unused.size(), compiled.code_cache.size());
  EXPECT_GT(learned.size(), unused.size() + 1000);

  isolate_ = TestHost().NewIsolate();
  const LoadReport report = isolate_->LoadFrom(script, AsBytes(learned));
  ASSERT_TRUE(report.outcome.ok()) << report.outcome.message;
  EXPECT_EQ(report.cache, LoadReport::Cache::kAccepted);
  isolate_->Attach(&client_);
  Send();
  EXPECT_EQ(Body(), "500");
}

// Machine code is not written down: what V8 has optimised comes back as what it was made from, and gets there again.
TEST_F(LoadTest, ACodeCacheIsLearnedFromOptimisedCode) {
  const std::string source =
      "class Sum { #all = 0; add(x) { this.#all += x; return this; } get all() { return this.#all; } }\n"
      "function* count(n) { for (let i = 0; i < n; i++) yield i; }\n"
      "async function later(x) { await null; return [x].map((y) => y * 2)[0]; }\n"
      "function work(n) { const sum = new Sum(); for (const i of count(n)) sum.add(i); return sum.all; }\n"
      "export default { async fetch() {\n"
      "  return new Response(`${work(100)} ${await later(21)} ${/(\\d+)-(?<x>\\d+)/.exec('1-2').groups.x}`); } };";
  auto script = MakeScript("fn", "v1", source);
  std::string code;
  for (int generation = 0; generation < 3; ++generation) {
    isolate_ = TestHost().NewIsolate();
    const LoadReport report = isolate_->LoadFrom(script, AsBytes(code));
    ASSERT_TRUE(report.outcome.ok()) << report.outcome.message;
    EXPECT_EQ(report.cache, generation == 0 ? LoadReport::Cache::kNone : LoadReport::Cache::kAccepted);
    isolate_->Attach(&client_);
    for (int i = 0; i < 3000; ++i) Send();
    EXPECT_EQ(Body(), "4950 42 2");
    bool optimised = false;
    for (const FunctionCode& function : isolate_->TakeJitReport()) optimised |= function.tier == JitTier::kOptimized;
    EXPECT_TRUE(optimised);
    const std::string next = isolate_->MakeCodeCache();
    EXPECT_GT(next.size(), 1000u);
    code = next;
  }
}

// The shard's thread lets go of it, and another one asks.
TEST_F(LoadTest, ACodeCacheIsMadeOnAnotherThreadAndTellsNobody) {
  auto script = MakeScript("fn", "v1",
                           "let all = []; export default { fetch() { all.push(new Array(20000).fill(1)); return new Response('ok'); } };");
  isolate_ = TestHost().NewIsolate();
  ASSERT_TRUE(isolate_->Load(script).outcome.ok());
  isolate_->Attach(&client_);
  for (int i = 0; i < 20; ++i) Send();
  const size_t told = client_.collections.size();
  std::string code;
  std::thread([&] {
    code = isolate_->MakeCodeCache();
    isolate_->CollectGarbage();
    isolate_.reset();
  }).join();
  EXPECT_GT(code.size(), 100u);
  EXPECT_EQ(client_.collections.size(), told);
}

TEST_F(LoadTest, CompileReportsErrors) {
  EXPECT_EQ(Compile(TestHost(), MakeScript("fn", "v1", "export default {")).outcome.kind, OutcomeKind::kSyntax);
  EXPECT_EQ(Compile(TestHost(), MakeScript("fn", "v1", "export default {}")).outcome.kind, OutcomeKind::kNoHandler);
  EXPECT_EQ(ArtifactKey(), ArtifactKey());
  EXPECT_EQ(ArtifactKey().find("14."), 0u);
}

TEST_F(LoadTest, SnapshotFreezesNoRandomness) {
  std::set<std::string> seen;
  for (int i = 0; i < 8; ++i) {
    seen.insert(Ask("export default () => new Response(String(Math.random()))"));
    seen.insert(Ask("export default () => new Response(crypto.randomUUID())"));
  }
  EXPECT_EQ(seen.size(), 16u);
  EXPECT_EQ(Ask("export default () => new Response(String(Math.abs(Date.now() - performance.timeOrigin) < 60000))"), "true");
}

TEST_F(LoadTest, MissingSnapshotSaysSo) {
  const auto missing = Host::Start({"/nonexistent/web.snapshot"});
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.error().message.find("/nonexistent/web.snapshot"), std::string::npos);
  const auto wrong = Host::Start({"/proc/self/cmdline"});
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace zts::js
