// That an isolate's nursery is as large as it was asked for, for as long as it lives.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "jsruntime/artifact_key.h"
#include "jsruntime/compiler.h"
#include "jsruntime/nursery_floor.h"
#include "jsruntime/testing/function_test.h"

namespace zts::js {
namespace {

constexpr size_t kKib = 1 << 10;
constexpr size_t kMib = 1 << 20;
// A page has a head, which holds no objects.
constexpr size_t Usable(size_t bytes) { return bytes - bytes / 64; }

// Garbage of this many KiB a call, of 128 bytes each.
std::string Garbage(int kib) {
  return "let kept; export default () => { for (let i = 0; i < " + std::to_string(kib * 8) +
         "; ++i) kept = new Array(14).fill(i); return new Response(); }";
}

class NurseryTest : public FunctionTest {
 protected:
  long Collections(GcKind kind) const {
    return std::count_if(client_.collections.begin(), client_.collections.end(), [&](const auto& one) { return one.kind == kind; });
  }
  long CollectionsIn(int requests) {
    client_.collections.clear();
    for (int i = 0; i < requests; ++i) Send();
    return Collections(GcKind::kMinor);
  }
};

TEST_F(NurseryTest, IsKeptThroughCollectionsThatGiveMemoryBack) {
  for (const size_t size : {512 * kKib, kMib, 2 * kMib, 3 * kMib, 8 * kMib, 32 * kMib}) {
    nursery_bytes_ = size;
    Run(Garbage(1000));
    EXPECT_GE(isolate_->nursery().capacity_bytes, Usable(size)) << size;
    EXPECT_LT(isolate_->nursery().capacity_bytes, 2 * size) << size;
    isolate_->CollectGarbage();
    EXPECT_GE(isolate_->nursery().capacity_bytes, Usable(size)) << size;
  }
}

TEST_F(NurseryTest, IsUsedWholeAfterACollectionThatGaveMemoryBack) {
  nursery_bytes_ = 8 * kMib;
  Run(Garbage(400));
  const long before = CollectionsIn(100);
  isolate_->CollectGarbage();
  const long after = CollectionsIn(100);
  EXPECT_GT(before, 2);
  EXPECT_LT(before, 10);  // 40 MB; a nursery of a megabyte has 50
  EXPECT_LE(after, before + 1);
}

TEST_F(NurseryTest, IsV8sAffairWhereNobodyAsks) {
  Run(Garbage(100));
  EXPECT_LT(isolate_->nursery().capacity_bytes, 2 * kMib);
  isolate_->CollectGarbage();
  EXPECT_LT(isolate_->nursery().capacity_bytes, 2 * kMib);
}

// Pages that are not in use go back, whatever the size is kept at.
TEST_F(NurseryTest, CountsAsTheIsolatesMemoryWhileItIsUsed) {
  nursery_bytes_ = 8 * kMib;
  Run(Garbage(100));
  isolate_->CollectGarbage();
  const size_t at_rest = isolate_->memory().heap_committed_bytes;
  CollectionsIn(300);
  EXPECT_GE(isolate_->memory().heap_committed_bytes, at_rest + 2 * Usable(8 * kMib));  // both halves
  isolate_->CollectGarbage();
  EXPECT_LT(isolate_->memory().heap_committed_bytes, at_rest + kMib);
}

TEST_F(NurseryTest, IsKeptWhereAFunctionBeginsFromItsSnapshot) {
  script_ = MakeScript("fn", "v1", Garbage(100));
  const Recorded recorded = Record(TestHost(), script_);
  ASSERT_EQ(recorded.refusal, "");
  script_->function_snapshot = AsBytes(recorded.snapshot);
  script_->limits.nursery_bytes = 4 * kMib;
  isolate_ = TestHost().RestoreIsolate(script_);
  ASSERT_NE(isolate_, nullptr);
  ASSERT_TRUE(isolate_->Load(script_).outcome.ok());
  isolate_->Attach(&client_);
  isolate_->CollectGarbage();
  EXPECT_GE(isolate_->nursery().capacity_bytes, Usable(4 * kMib));
  isolate_.reset();
}

// Isolates are made on several threads.
TEST_F(NurseryTest, IsEachIsolatesOwn) {
  std::vector<std::thread> threads;
  for (const size_t size : {size_t{0}, kMib, 2 * kMib, 4 * kMib, 8 * kMib, size_t{0}}) {
    threads.emplace_back([size] {
      for (int i = 0; i < 20; ++i) {
        const auto isolate = TestHost().NewIsolate({.nursery_bytes = size});
        const size_t capacity = isolate->nursery().capacity_bytes;
        EXPECT_GE(capacity, Usable(std::max(size, kMib)));
        EXPECT_LE(capacity, std::max(size, kMib));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// Else code caches would be refused that another thread checks while the floor stands.
TEST_F(NurseryTest, TheFloorIsNoPartOfWhatCodeCachesAreKeyedBy) {
  const std::string key = ArtifactKey();
  {
    const NurseryFloor floor(8 * kMib);
    EXPECT_EQ(ArtifactKey(), key);
  }
  EXPECT_EQ(ArtifactKey(), key);
}

TEST_F(NurseryTest, LargeObjectsAreInItToo) {
  nursery_bytes_ = 2 * kMib;
  Run("let kept; export default () => { kept = new Array(25000).fill(1); return new Response(); }");
  isolate_->CollectNursery();
  const size_t before = isolate_->nursery().used_bytes;
  for (int i = 0; i < 5; ++i) Send();
  EXPECT_GE(isolate_->nursery().used_bytes, 5 * 25000 * 8u);
  EXPECT_LT(before, kMib / 2);
  client_.collections.clear();
  isolate_->CollectNursery();
  EXPECT_EQ(client_.collections.size(), 1u);
  EXPECT_EQ(Collections(GcKind::kMinor), 1);
  EXPECT_LT(isolate_->nursery().used_bytes, kMib / 2);
}

// A heap limit is there for what has survived, and leaves room for what may.
TEST_F(NurseryTest, AFullHeapsCollectionsAreOfTheNurseryStill) {
  for (const size_t size : {size_t{0}, 8 * kMib, 16 * kMib}) {
    nursery_bytes_ = size;
    Run("const held = []; for (let i = 0; i < 20 * 8192; ++i) held.push(new Array(14).fill(i));\n" + Garbage(1000));
    client_.collections.clear();
    for (int i = 0; i < 100; ++i) Send();
    EXPECT_LE(Collections(GcKind::kMajor), 3) << size;
    EXPECT_GE(Collections(GcKind::kMinor), 5) << size;
  }
}

}  // namespace
}  // namespace zts::js
