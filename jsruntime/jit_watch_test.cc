// What V8 tells of its code, asked of a running function.
#include <gtest/gtest.h>
#include <v8.h>

#include <algorithm>
#include <string>
#include <thread>

#include "jsruntime/jit_policy.h"
#include "jsruntime/testing/function_test.h"

namespace zts::js {
namespace {

class JitWatchTest : public FunctionTest {
 protected:
  // Turns enough for V8 to notice, and time for its other thread: until `name` is at this tier, or it never will be.
  bool Reaches(const std::string& name, JitTier tier) {
    for (int i = 0; i < 20000; ++i) {
      Send();
      if (client_.tasks_posted.exchange(0) > 0) isolate_->RunTasks();
      if (i % 100 == 99 && TierOf(name) >= tier) return true;
      if (i % 100 == 99) std::this_thread::yield();
    }
    return false;
  }
  JitTier TierOf(const std::string& name) {
    const JitReport report = isolate_->TakeJitReport();
    const auto found = std::find_if(report.begin(), report.end(), [&](const FunctionCode& code) { return code.name == name; });
    return found == report.end() ? JitTier::kInterpreted : found->tier;
  }
};

TEST_F(JitWatchTest, NamesWhatHasRunAndWhereItStands) {
  Run("function used(x) { return x + 1; }\nfunction unused(x) { return x + 2; }\nexport default () => new Response(String(used(1)));");
  const JitReport report = isolate_->TakeJitReport();
  std::string found;
  for (const FunctionCode& code : report) found += code.name + ":" + std::to_string(code.line) + ":" + std::to_string(code.column) + " ";
  // The code of the module itself may be gone: it runs once.
  EXPECT_NE(found.find("used:1:14 "), std::string::npos) << found;
  EXPECT_NE(found.find("default:3:"), std::string::npos) << found;
  EXPECT_EQ(found.find("unused"), std::string::npos) << found;
  for (const FunctionCode& code : report) {
    EXPECT_EQ(code.tier, JitTier::kInterpreted) << code.name;
    EXPECT_GT(code.code_bytes, 0u) << code.name;
  }
}

TEST_F(JitWatchTest, NamesAreTextWhateverFunctionsAreCalled) {
  Run("const o = { '\\ud800x'() { return 1; }, 'gr\u00fc\u00df'() { return 2; } };\n"
      "export default () => new Response(String(o['\\ud800x']() + o['gr\u00fc\u00df']()));");
  std::string found;
  for (const FunctionCode& code : isolate_->TakeJitReport()) found += code.name + " ";
  EXPECT_NE(found.find("(no text)"), std::string::npos) << found;
  EXPECT_NE(found.find("gr\u00fc\u00df"), std::string::npos) << found;
}

TEST_F(JitWatchTest, SeesAFunctionRiseToTheTop) {
  Run("function hot(x) { let s = 0; for (let i = 0; i < 1000; i++) s += x * i; return s; }\n"
      "export default () => new Response(String(hot(3)));");
  EXPECT_TRUE(Reaches("hot", JitTier::kOptimized));
}

TEST_F(JitWatchTest, AWatchHasSamplesAndDeoptimizations) {
  Run("function read(o) { let s = 0; for (let i = 0; i < 3000; i++) s += o.a; return s; }\nlet n = 0;\n"
      "export default () => new Response(String(read(++n % 500 === 0 ? { ['k' + n]: 1, a: 2 } : { a: n })));");
  ASSERT_TRUE(Reaches("read", JitTier::kMidTier));
  EXPECT_FALSE(isolate_->watches_jit());
  isolate_->WatchJit();
  isolate_->WatchJit();  // is the same
  EXPECT_TRUE(isolate_->watches_jit());
  FunctionCode read;
  for (int round = 0; round < 50 && (read.deoptimizations.empty() || read.samples == 0); ++round) {
    isolate_->WatchJit();
    for (int i = 0; i < 3000; ++i) {
      Send();
      if (client_.tasks_posted.exchange(0) > 0) isolate_->RunTasks();
    }
    for (const FunctionCode& code : isolate_->TakeJitReport()) {
      if (code.name == "read") read = code;
    }
  }
  EXPECT_GT(read.samples, 0u);
  ASSERT_FALSE(read.deoptimizations.empty());
  EXPECT_EQ(read.deoptimizations[0].line, 1);
  EXPECT_FALSE(read.deoptimizations[0].reason.empty());
  EXPECT_GT(read.deoptimizations[0].count, 0u);
}

TEST_F(JitWatchTest, AWatchThatNobodyTakesEndsWithItsIsolate) {
  Run("export default () => new Response('x')");
  isolate_->WatchJit();
  isolate_.reset();
  EXPECT_EQ(Ask("export default () => new Response('still')"), "still");
}

TEST(JitPolicyTest, HasThreeNames) {
  for (const auto mode : {JitPolicy::Mode::kDisabled, JitPolicy::Mode::kLazy, JitPolicy::Mode::kEager}) {
    const auto parsed = ParseJitMode(JitModeName(mode));
    ASSERT_TRUE(parsed.ok());
    EXPECT_EQ(*parsed, mode);
  }
  EXPECT_FALSE(ParseJitMode("").ok());
  EXPECT_FALSE(ParseJitMode("Lazy").ok());
}

// The last: what is set is the process's.
class JitPolicyEffectTest : public JitWatchTest {};

TEST_F(JitPolicyEffectTest, DisabledInterpretsAndEagerCompilesAtOnce) {
  const std::string source = "function hot(x) { let s = 0; for (let i = 0; i < 100; i++) s += x * i; return s; }\n"
                             "export default () => new Response(String(hot(3)));";
  ApplyJitPolicy({.mode = JitPolicy::Mode::kEager});
  Run(source);
  EXPECT_GE(TierOf("hot"), JitTier::kBaseline);
  ApplyJitPolicy({.mode = JitPolicy::Mode::kDisabled});
  v8::V8::SetFlagsFromString("--no-always-sparkplug");
  Run(source);
  EXPECT_FALSE(Reaches("hot", JitTier::kBaseline));
  EXPECT_EQ(Body(), "14850");
}

}  // namespace
}  // namespace zts::js
