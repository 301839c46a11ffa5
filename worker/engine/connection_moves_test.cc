#include "worker/engine/connection_moves.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/clock.h"
#include "worker/engine/limits.h"

namespace zts {
namespace {

constexpr uint32_t kShards = 3;

class ConnectionMovesTest : public testing::Test {
 protected:
  ConnectionMovesTest() {
    for (uint32_t shard = 0; shard < kShards; ++shard) {
      balance_.Watch(shard, [this, shard] { return busy_[shard]; });
      balance_.Begin(shard);
    }
  }
  // One window in which the shards are busy for so many percent, of which the moves hear at its end.
  void Window(std::vector<int> percent, Nanos length = kLoadWindow) {
    now_ += length;
    for (uint32_t shard = 0; shard < kShards; ++shard) busy_[shard] += length / 100 * percent[shard];
    moves_.OnPassEnd(now_);
  }
  void Windows(int count, const std::vector<int>& percent) {
    for (int i = 0; i < count; ++i) Window(percent);
  }
  void Active(uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) moves_.NoteActive(SlotId{i, 1});
  }

  Nanos now_ = 1000 * kSecond;
  std::vector<Nanos> busy_ = std::vector<Nanos>(kShards, 77 * kSecond);
  ConnectionBalance balance_{kShards};
  ConnectionMoves moves_{&balance_, 0};
};

TEST_F(ConnectionMovesTest, OneExhaustedForSomeWindowsGivesToTheOneThatRestsMost) {
  Window({0, 0, 0});
  for (int i = 1; i < kExhaustedWindows; ++i) {
    Window({kExhaustedPercent, 30, 10});
    Active(4);
    EXPECT_EQ(moves_.wanted(), 0u);
  }
  Window({kExhaustedPercent, 30, 10});
  EXPECT_EQ(moves_.target(), 2u);
  EXPECT_EQ(moves_.wanted(), 0u);
  Active(10);
  EXPECT_EQ(moves_.wanted(), kMovesPerWindow);
  moves_.Began();
  EXPECT_EQ(moves_.wanted(), kMovesPerWindow - 1);
  moves_.Began();
  EXPECT_EQ(moves_.wanted(), 0u);
  Window({100, 10, 30});
  Active(10);
  EXPECT_EQ(moves_.target(), 1u);
  EXPECT_EQ(moves_.wanted(), kMovesPerWindow);
  Window({kExhaustedPercent - 1, 10, 30});
  Active(10);
  EXPECT_EQ(moves_.wanted(), 0u);
  EXPECT_EQ(moves_.target(), 0u);
}

TEST_F(ConnectionMovesTest, HalfOfThoseThatAskAtMost) {
  Window({0, 0, 0});
  const size_t wanted[] = {0, 0, 1, 1, 2, 2, 2};
  for (uint32_t active = 0; active < std::size(wanted); ++active) {
    Windows(kExhaustedWindows, {100, 0, 0});
    Active(active);
    Active(active);  // the same ones
    EXPECT_EQ(moves_.wanted(), wanted[active]) << active;
    EXPECT_LE(moves_.active().size(), active);
    EXPECT_GE(moves_.active().size(), 2 * moves_.wanted());
  }
}

TEST_F(ConnectionMovesTest, NothingMovesWhereNobodyRests) {
  Window({0, 0, 0});
  Windows(10, {100, kRestedPercent, 100});
  Active(4);
  EXPECT_EQ(moves_.wanted(), 0u);
  Windows(1, {100, kRestedPercent - 1, 100});
  Active(4);
  EXPECT_GT(moves_.wanted(), 0u);
}

TEST_F(ConnectionMovesTest, WhoAcceptsHearsOfIt) {
  for (int i = 0; i < 4; ++i) balance_.Join(1);
  for (int i = 0; i < 4; ++i) balance_.Join(2);
  Window({0, 0, 0});
  EXPECT_EQ(balance_.Choose(0), 0u);
  Windows(kExhaustedWindows, {100, 100, 100});
  EXPECT_EQ(moves_.wanted(), 0u);
  EXPECT_NE(balance_.Choose(0), 0u);
  Windows(1, {10, 100, 100});
  EXPECT_EQ(balance_.Choose(0), 0u);
}

TEST_F(ConnectionMovesTest, AWindowInBetweenBeginsAnew) {
  Window({0, 0, 0});
  for (int i = 0; i < 10; ++i) {
    Windows(kExhaustedWindows - 1, {100, 0, 0});
    Window({80, 0, 0});
    Active(4);
    EXPECT_EQ(moves_.wanted(), 0u);
  }
}

// A long pass is a window of its own length; a long sleep is a window at rest.
TEST_F(ConnectionMovesTest, WindowsMayBeLonger) {
  Window({0, 0, 0});
  for (int i = 0; i < kExhaustedWindows; ++i) Window({100, 0, 0}, 3 * kLoadWindow);
  Active(4);
  EXPECT_GT(moves_.wanted(), 0u);
  Window({1, 0, 0}, 60 * kSecond);
  Active(4);
  EXPECT_EQ(moves_.wanted(), 0u);
  moves_.OnPassEnd(now_ + kLoadWindow / 2);
  EXPECT_EQ(moves_.wanted(), 0u);
}

TEST_F(ConnectionMovesTest, WhoHasGotOneGivesNoneForAWhile) {
  Window({0, 0, 0});
  moves_.OnTaken(now_);
  Windows(static_cast<int>(kMoveRest / kLoadWindow) - 1, {100, 0, 0});
  Active(4);
  EXPECT_EQ(moves_.wanted(), 0u);
  Windows(2, {100, 0, 0});
  Active(4);
  EXPECT_GT(moves_.wanted(), 0u);
}

TEST_F(ConnectionMovesTest, OneWithoutRoomGetsNone) {
  for (uint32_t i = 0; i + kMoveRoom < kConnectionsMax; ++i) balance_.Join(1);
  Window({0, 0, 0});
  Windows(kExhaustedWindows, {100, 0, 10});
  EXPECT_EQ(moves_.target(), 1u);
  balance_.Join(1);
  Windows(1, {100, 0, 10});
  EXPECT_EQ(moves_.target(), 2u);
}

TEST(ConnectionMovesAloneTest, WhoHasNotBegunOrIsNotWatchedIsLeftAlone) {
  ConnectionBalance balance(3);
  Nanos busy = 0;
  balance.Watch(0, [&busy] { return busy; });
  balance.Watch(1, [] { return Nanos{0}; });
  balance.Begin(0);
  balance.Begin(2);
  ConnectionMoves moves(&balance, 0);
  Nanos now = 0;
  const auto exhaust = [&] {
    for (int i = 0; i <= kExhaustedWindows; ++i) {
      now += kLoadWindow;
      busy += kLoadWindow;
      moves.OnPassEnd(now);
    }
  };
  exhaust();
  EXPECT_EQ(moves.target(), 0u);
  balance.Begin(1);
  exhaust();
  EXPECT_EQ(moves.target(), 1u);

  ConnectionMoves unwatched(&balance, 2);
  for (int i = 0; i < 10; ++i) unwatched.OnPassEnd(now += kLoadWindow);
  EXPECT_EQ(unwatched.target(), 2u);
  ConnectionMoves nobody(nullptr, 0);
  nobody.OnPassEnd(now);
  nobody.NoteActive({1, 1});
  EXPECT_EQ(nobody.wanted(), 0u);
}

}  // namespace
}  // namespace zts
