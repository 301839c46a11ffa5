#include "worker/engine/runtime/idle_heap.h"

#include <gtest/gtest.h>

#include "jsruntime/testing/inert_isolate.h"

namespace zts::runtime {
namespace {

// A heap of a given size that a collection halves.
class HeapOnly final : public js::InertIsolate {
 public:
  size_t in_flight() const override { return requests; }
  js::MemoryUse memory() const override { return {.heap_used_bytes = heap_bytes, .heap_committed_bytes = heap_bytes + unused_bytes}; }
  void CollectGarbage() override {
    ++collections;
    heap_bytes /= 2;
    unused_bytes = 0;
  }

  size_t requests = 0;
  size_t heap_bytes = IdleHeap::kCollectHeapBytesMin;
  size_t unused_bytes = 0;
  int collections = 0;
};

constexpr Nanos kUsedAt = 5 * kSecond;
constexpr Nanos kAtRest = kUsedAt + IdleHeap::kCollectAfterIdle;

class IdleHeapTest : public testing::Test {
 protected:
  IdleHeapTest() { heap_.Used(kUsedAt); }
  HeapOnly isolate_;
  IdleHeap heap_{0};
};

TEST_F(IdleHeapTest, FreshOneIsSettled) {
  EXPECT_TRUE(IdleHeap(kUsedAt).settled());
  EXPECT_EQ(IdleHeap(kUsedAt).last_used(), kUsedAt);
}

TEST_F(IdleHeapTest, CollectsOnceEachRestAndTellsWhatIsLeft) {
  EXPECT_FALSE(heap_.settled());
  EXPECT_EQ(heap_.Look(&isolate_, kAtRest).heap_used_bytes, IdleHeap::kCollectHeapBytesMin / 2);
  EXPECT_EQ(isolate_.collections, 1);
  EXPECT_TRUE(heap_.collected());
  EXPECT_TRUE(heap_.settled());
  heap_.Used(kAtRest);
  EXPECT_FALSE(heap_.settled());
}

TEST_F(IdleHeapTest, OneUsedAMomentAgoIsOnlyMeasured) {
  EXPECT_EQ(heap_.Look(&isolate_, kAtRest - 1).heap_used_bytes, IdleHeap::kCollectHeapBytesMin);
  EXPECT_EQ(isolate_.collections, 0);
  EXPECT_FALSE(heap_.settled());
}

TEST_F(IdleHeapTest, OneWithWorkInFlightIsOnlyMeasured) {
  isolate_.requests = 1;
  heap_.Look(&isolate_, kAtRest);
  EXPECT_EQ(isolate_.collections, 0);
  EXPECT_FALSE(heap_.settled());
}

TEST_F(IdleHeapTest, MemoryThatIsNotUsedIsGivenBackAfterALongerRest) {
  isolate_.heap_bytes = size_t{1} << 20;
  isolate_.unused_bytes = IdleHeap::kReturnBytesMin;
  heap_.Look(&isolate_, kAtRest);
  heap_.Look(&isolate_, kUsedAt + IdleHeap::kReturnAfterIdle - 1);
  EXPECT_EQ(isolate_.collections, 0);
  EXPECT_FALSE(heap_.settled());
  EXPECT_LT(heap_.Look(&isolate_, kUsedAt + IdleHeap::kReturnAfterIdle).heap_committed_bytes, size_t{1} << 20);
  EXPECT_EQ(isolate_.collections, 1);
  EXPECT_TRUE(heap_.settled());
}

TEST_F(IdleHeapTest, LittleThatIsNotUsedIsLeftAlone) {
  isolate_.heap_bytes = size_t{1} << 20;
  isolate_.unused_bytes = IdleHeap::kReturnBytesMin - 1;
  heap_.Look(&isolate_, kAtRest);
  EXPECT_TRUE(heap_.settled());
  EXPECT_EQ(isolate_.collections, 0);
}

TEST_F(IdleHeapTest, SmallHeapIsLeftAlone) {
  --isolate_.heap_bytes;
  heap_.Look(&isolate_, kAtRest);
  EXPECT_EQ(isolate_.collections, 0);
  EXPECT_FALSE(heap_.collected());
  EXPECT_TRUE(heap_.settled());
}

}  // namespace
}  // namespace zts::runtime
