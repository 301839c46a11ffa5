#include "worker/engine/offload/fair_queue.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace zts::offload {
namespace {

// Functions that are given turns as a thread would, each of its own length.
class FairQueueTest : public testing::Test {
 protected:
  void Add(uint64_t version, int count = 1) {
    for (int i = 0; i < count; ++i) queue_.Add(version, {nullptr, nullptr, next_++}, held_[version]);
  }
  // The next one's turn; 0: there was none.
  uint64_t Turn() {
    const uint64_t version = queue_.Next([this](uint64_t id) { return id != barred_; });
    if (version == 0) return 0;
    last_ = queue_.Take(version).thread;
    Spend(version, length_[version]);
    return version;
  }
  void Spend(uint64_t version, Nanos time) { queue_.Measure(version, held_[version] += time); }
  std::string Turns(int count) {
    std::string turns;
    for (int i = 0; i < count; ++i) turns += std::to_string(Turn());
    return turns;
  }

  FairQueue queue_;
  std::map<uint64_t, Nanos> length_, held_;
  uint64_t barred_ = 0;
  uint32_t next_ = 0, last_ = 0;  // which request
};

TEST_F(FairQueueTest, OneAloneIsServedInOrder) {
  Add(1, 3);
  for (uint32_t expected : {0u, 1u, 2u}) {
    EXPECT_EQ(Turn(), 1u);
    EXPECT_EQ(last_, expected);
  }
  EXPECT_EQ(Turn(), 0u);
  EXPECT_TRUE(queue_.empty());
}

TEST_F(FairQueueTest, EqualsTakeTurns) {
  length_ = {{1, 10}, {2, 10}};
  Add(1, 4);
  Add(2, 3);
  EXPECT_EQ(Turns(7), "1212121");
}

TEST_F(FairQueueTest, OneWithShortTurnsWaitsForTheTurnUnderWayAndNotForTheQueue) {
  length_ = {{1, 50}, {2, 2}};
  Add(1, 10);
  EXPECT_EQ(Turn(), 1u);
  Add(2);
  EXPECT_EQ(Turns(2), "21");
  Add(2);
  EXPECT_EQ(Turns(2), "21");
}

TEST_F(FairQueueTest, EachGetsTheSameTime) {
  length_ = {{1, 50}, {2, 2}};
  Add(1, 10);
  Add(2, 200);
  for (int i = 0; i < 104; ++i) Turn();
  EXPECT_EQ(held_[1], 200);
  EXPECT_EQ(held_[2], 200);
}

TEST_F(FairQueueTest, WhatOneHasNotUsedIsNotKeptForIt) {
  length_ = {{1, 10}, {2, 10}};
  Add(1, 100);
  for (int i = 0; i < 90; ++i) Turn();
  Add(2, 10);
  EXPECT_EQ(Turns(6), "212121");
}

TEST_F(FairQueueTest, OneThatComesBackPaysForWhatItHasUsed) {
  length_ = {{1, 50}, {2, 10}};
  Add(1);
  Add(2, 20);
  EXPECT_EQ(Turn(), 1u);
  Add(1);
  EXPECT_EQ(Turns(6), "222221");
  // Also for turns that none of its requests began with.
  Spend(1, 30);
  Add(1);
  EXPECT_EQ(Turns(9), "222222221");
}

TEST_F(FairQueueTest, OneThatMayNotBeginIsPassedOver) {
  Add(1, 2);
  Add(2);
  barred_ = 1;
  EXPECT_EQ(Turn(), 2u);
  EXPECT_EQ(Turn(), 0u);
  EXPECT_TRUE(queue_.HasAny(1));
  barred_ = 0;
  EXPECT_EQ(Turn(), 1u);
}

TEST_F(FairQueueTest, OneThatWasForgottenBeginsWhereItIs) {
  length_ = {{1, 10}, {2, 10}};
  Add(1);
  Turn();
  Add(2, 5);
  Turns(4);  // version 1 has paid, and is known no more
  Add(1, 2);
  EXPECT_EQ(Turns(3), "121");
  // Its pool may have forgotten it too.
  held_[1] = 0;
  Add(2, 2);
  Add(1, 2);
  EXPECT_EQ(Turns(4), "2121");
}

}  // namespace
}  // namespace zts::offload
