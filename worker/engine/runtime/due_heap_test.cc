#include "worker/engine/runtime/due_heap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>

namespace zts::runtime {
namespace {

TEST(DueHeapTest, EmptyHasNothingDue) {
  DueHeap heap;
  EXPECT_EQ(heap.top(), nullptr);
  EXPECT_EQ(heap.next(), 0);
}

TEST(DueHeapTest, MovesAndTakesOut) {
  DueHeap heap;
  DueNode a, b, c;
  heap.Set(&a, 30);
  heap.Set(&b, 20);
  heap.Set(&c, 10);
  EXPECT_EQ(heap.top(), &c);
  heap.Set(&c, 40);
  EXPECT_EQ(heap.top(), &b);
  heap.Set(&b, 0);
  EXPECT_EQ(heap.top(), &a);
  EXPECT_EQ(b.due(), 0);
  heap.Remove(&b);  // twice does nothing
  heap.Remove(&a);
  heap.Remove(&c);
  EXPECT_EQ(heap.size(), 0u);
}

TEST(DueHeapTest, AgreesWithALinearSearch) {
  std::mt19937 random(7);
  DueHeap heap;
  std::array<DueNode, 50> nodes;
  for (int step = 0; step < 20000; ++step) {
    DueNode& node = nodes[random() % nodes.size()];
    heap.Set(&node, static_cast<Nanos>(random() % 100));
    Nanos least = 0;
    for (const DueNode& each : nodes) {
      if (each.due() != 0 && (least == 0 || each.due() < least)) least = each.due();
    }
    ASSERT_EQ(heap.next(), least);
  }
  for (DueNode& node : nodes) heap.Remove(&node);
}

}  // namespace
}  // namespace zts::runtime
