#include "base/ring_queue.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

namespace zts {
namespace {

TEST(RingQueueTest, DoesWhatADequeDoes) {
  std::mt19937 random(1);
  RingQueue<int> ring;
  std::deque<int> plain;
  for (int step = 0; step < 100'000; ++step) {
    // Grows for a while, then shrinks, so that its ends meet at every place.
    const bool push = plain.empty() || random() % 100 < (step / 5000 % 2 == 0 ? 60u : 40u);
    if (push) {
      ring.push_back(step);
      plain.push_back(step);
    } else {
      ASSERT_EQ(ring.front(), plain.front());
      ring.pop_front();
      plain.pop_front();
    }
    ASSERT_EQ(ring.size(), plain.size());
    ASSERT_EQ(ring.empty(), plain.empty());
  }
}

}  // namespace
}  // namespace zts
