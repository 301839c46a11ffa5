#include "worker/engine/runtime/learned_code.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "jsruntime/testing/make_script.h"
#include "worker/engine/limits.h"

namespace zts::runtime {
namespace {

std::shared_ptr<js::Script> Module(std::string source = "export default 1") { return js::MakeScript("f", "v1", std::move(source)); }

std::string_view Known(const LearnedCode& learned, const js::ScriptPtr& script) { return AsText(learned.Find(script)); }

TEST(LearnedCodeTest, KeepsWhatWasLearnedOfEachScript) {
  LearnedCode learned(nullptr);
  const auto one = Module(), other = Module();  // alike, and two versions all the same
  EXPECT_TRUE(learned.Find(one).empty());
  learned.Add(one, 3, "one's");
  learned.Add(other, 3, "the other's");
  EXPECT_EQ(Known(learned, one), "one's");
  EXPECT_EQ(Known(learned, other), "the other's");
  EXPECT_EQ(learned.bytes(), 16u);
}

TEST(LearnedCodeTest, WantsWhatKnowsTenTimesAsMuch) {
  LearnedCode learned(nullptr);
  const auto script = Module();
  EXPECT_FALSE(learned.Wants(script, 0));
  EXPECT_FALSE(learned.Wants(script, 2));
  EXPECT_TRUE(learned.Wants(script, 3));
  learned.Add(script, 3, "some");
  EXPECT_FALSE(learned.Wants(script, 29));
  EXPECT_TRUE(learned.Wants(script, 30));
  learned.Add(script, 30, "some more");
  EXPECT_EQ(Known(learned, script), "some more");
  EXPECT_EQ(learned.bytes(), 9u);
}

TEST(LearnedCodeTest, TakesNothingThatIsNoLarger) {
  LearnedCode learned(nullptr);
  const auto script = Module();
  script->code_cache = AsBytes("compiled");
  learned.Add(script, 5, "as large");
  EXPECT_TRUE(learned.Find(script).empty());
  EXPECT_FALSE(learned.Wants(script, 5));  // and does not ask the next one for the same
  EXPECT_TRUE(learned.Wants(script, 50));
  learned.Add(script, 50, "even larger");
  learned.Add(script, 500, "thrown away");
  learned.Add(script, 5000, "");
  EXPECT_EQ(Known(learned, script), "even larger");
}

TEST(LearnedCodeTest, LeavesLargeModulesAlone) {
  LearnedCode learned(nullptr);
  EXPECT_TRUE(learned.Wants(Module(std::string(kLearnedSourceBytesMax, ' ')), 100));
  EXPECT_FALSE(learned.Wants(Module(std::string(kLearnedSourceBytesMax + 1, ' ')), 100));
}

TEST(LearnedCodeTest, TheOldestMakesRoom) {
  MemoryBudget budget(16 * 10, 1);
  static_assert(kLearnedCodeShare == 16);
  LearnedCode learned(&budget);
  const auto first = Module(), second = Module(), third = Module();
  learned.Add(first, 3, "4444");
  learned.Add(second, 3, "4444");
  learned.Add(first, 30, "55555");  // the younger one now
  EXPECT_EQ(budget.used_bytes(), 9);
  learned.Add(third, 3, "333");
  EXPECT_TRUE(learned.Find(second).empty());
  EXPECT_EQ(Known(learned, first), "55555");
  EXPECT_EQ(Known(learned, third), "333");
  EXPECT_EQ(learned.bytes(), 8u);
  EXPECT_TRUE(learned.Wants(second, 3));
  learned.Add(third, 30, "more than there may be");
  EXPECT_EQ(Known(learned, third), "333");
  learned.Add(third, 300, "ten bytes.");
  EXPECT_TRUE(learned.Find(first).empty());
  EXPECT_EQ(budget.used_bytes(), 10);
}

TEST(LearnedCodeTest, GoesWithTheScript) {
  MemoryBudget budget(size_t{1} << 20, 1);
  {
    LearnedCode learned(&budget);
    auto script = Module();
    const auto other = Module();
    learned.Add(script, 3, "learned");
    learned.Add(other, 3, "stays");
    script.reset();
    learned.Sweep();
    EXPECT_EQ(learned.bytes(), 5u);
    EXPECT_EQ(budget.used_bytes(), 5);
  }
  EXPECT_EQ(budget.used_bytes(), 0);
}

}  // namespace
}  // namespace zts::runtime
