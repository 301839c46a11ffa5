#include "worker/engine/net/accept_retry.h"

#include <gtest/gtest.h>

#include <vector>

namespace zts::net {
namespace {

struct Listener {
  Nanos retry_at = 0;
};

constexpr Nanos kFirst = kSecond;
constexpr Nanos kLater = kFirst + 10 * kMillisecond;

// Three listeners, of which 0 and 2 rest.
class AcceptRetryTest : public testing::Test {
 protected:
  AcceptRetryTest() {
    retry_.Rest(&listeners_[0], kFirst);
    retry_.Rest(&listeners_[2], kLater);
  }
  std::vector<size_t> Try(AcceptRetry::Which which, Nanos now, bool works = true) {
    std::vector<size_t> tried;
    retry_.Try(which, now, &listeners_, [&](size_t index) {
      tried.push_back(index);
      return works;
    });
    return tried;
  }

  std::vector<Listener> listeners_{3};
  AcceptRetry retry_;
};

TEST_F(AcceptRetryTest, NobodyRestsAtFirst) {
  const AcceptRetry none;
  EXPECT_FALSE(none.waits());
  EXPECT_EQ(none.next_due(std::vector<Listener>(2)), INT64_MAX);
}

TEST_F(AcceptRetryTest, TriesThoseThatAreDue) {
  const Nanos due = kFirst + AcceptRetry::kAcceptRetry;
  EXPECT_EQ(retry_.next_due(listeners_), due);
  EXPECT_EQ(Try(AcceptRetry::Which::kDue, due - 1), std::vector<size_t>());
  EXPECT_EQ(Try(AcceptRetry::Which::kDue, due), std::vector<size_t>{0});
  EXPECT_TRUE(retry_.waits());
  EXPECT_EQ(retry_.next_due(listeners_), kLater + AcceptRetry::kAcceptRetry);
}

TEST_F(AcceptRetryTest, TriesAllThatRestWhenAskedTo) {
  EXPECT_EQ(Try(AcceptRetry::Which::kAll, kLater), (std::vector<size_t>{0, 2}));
  EXPECT_FALSE(retry_.waits());
  EXPECT_EQ(retry_.next_due(listeners_), INT64_MAX);
}

TEST_F(AcceptRetryTest, RestsOnceMoreAfterATryThatFailed) {
  Try(AcceptRetry::Which::kAll, kLater, false);
  EXPECT_TRUE(retry_.waits());
  EXPECT_EQ(retry_.next_due(listeners_), kLater + AcceptRetry::kAcceptRetry);
}

}  // namespace
}  // namespace zts::net
